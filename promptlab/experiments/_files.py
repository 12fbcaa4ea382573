"""The files of an experiment: its report, its picture, and all its answers. Each is made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from promptlab.errors import PromptlabError
from promptlab.experiments._charts import as_png, as_svg, chart_of
from promptlab.experiments._export import answers_as_csv, answers_as_parquet
from promptlab.experiments._html_report import html_report
from promptlab.experiments._model_sizes import Facts
from promptlab.experiments._outcome import Outcome
from promptlab.runs import Store


@dataclass(frozen=True)
class OutcomeFile:
    """A file: what it is, its name and type, and the function that makes it."""

    label: str
    name: str
    mime: str
    make: Callable[[], bytes]


def outcome_files(
    outcome: Outcome, *, facts: Facts | None = None, store: Store | None = None
) -> tuple[OutcomeFile, ...]:
    """The files of an experiment; the report has the whole prompts if `store` is given. Text labelled above public is
    masked. Making one raises `PromptlabError` if a library for it is missing."""
    name = outcome.planned.experiment.name

    def picture(draw: Callable[..., bytes | str]) -> bytes:
        chart = chart_of(outcome, facts=facts)
        if chart is None:
            raise PromptlabError("there is nothing to draw", hint="no answer was judged")
        drawn = draw(chart)
        return drawn if isinstance(drawn, bytes) else drawn.encode()

    return (
        OutcomeFile(
            "Report (HTML)",
            f"{name}.html",
            "text/html",
            lambda: html_report(outcome, facts=facts, store=store).encode(),
        ),
        OutcomeFile("Picture (SVG)", f"{name}.svg", "image/svg+xml", lambda: picture(as_svg)),
        OutcomeFile("Picture (PNG)", f"{name}.png", "image/png", lambda: picture(as_png)),
        OutcomeFile("Answers (CSV)", f"{name}.csv", "text/csv", lambda: answers_as_csv(outcome).encode()),
        OutcomeFile(
            "Answers (Parquet)",
            f"{name}.parquet",
            "application/vnd.apache.parquet",
            lambda: answers_as_parquet(outcome),
        ),
    )


__all__ = ["OutcomeFile", "outcome_files"]

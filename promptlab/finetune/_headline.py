"""The headline report: would fine-tuning beat the prompt? Score, tokens, time, memory and training minutes of each way.

rows = headline_rows(outcome, lab.store, lab.catalogue)
headline_markdown(outcome, rows)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from promptlab.errors import PromptlabError
from promptlab.experiments import Outcome, arm_rows, effect_rows, sentence
from promptlab.models import Catalogue, training_record
from promptlab.runs import Store
from promptlab.sizing import expected_memory


@dataclass(frozen=True)
class HeadlineRow:
    """A model asked in one way. `tokens` are those of a prompt, on average, and `seconds` the time of an answer that
    was not stored; None if none was asked now. `bytes` is the memory of the model as llama.cpp plans it, None if that
    is not known. `minutes` are those of the training, 0 for a model that was not trained."""

    model: str
    way: str
    passed: int
    judged: int
    not_judged: int
    score: float | None
    low: float
    high: float
    tokens: float | None
    seconds: float | None
    bytes: int | None
    minutes: float


def headline_rows(outcome: Outcome, store: Store, catalogue: Catalogue) -> list[HeadlineRow]:
    """A row for each model and each way to ask."""
    used: dict[tuple[str, str], tuple[list[int], list[float]]] = {}
    results = {
        r.id: r for run in {one.store_run for one in outcome.seen.every if one.store_run} for r in store.results(run)
    }
    for one in outcome.seen.every:
        tokens, seconds = used.setdefault((one.model, one.arm), ([], []))
        result = results.get(one.result)
        if result is None:
            continue
        if result.tokens.prompt is not None:
            tokens.append(result.tokens.prompt)
        if result.seconds is not None:
            seconds.append(result.seconds)
    memory = {model: _memory(catalogue, model) for model in outcome.planned.experiment.models}
    rows = []
    for row in arm_rows(outcome):
        tokens, seconds = used.get((row["model"], row["arm"]), ([], []))
        record = training_record(outcome.planned.material.workspace, row["model"])
        rows.append(
            HeadlineRow(
                model=row["model"],
                way=row["arm"],
                **{key: row[key] for key in ("passed", "judged", "not_judged", "score", "low", "high")},
                tokens=fmean(tokens) if tokens else None,
                seconds=fmean(seconds) if seconds else None,
                bytes=memory[row["model"]],
                minutes=record["seconds"] / 60 if record else 0.0,
            )
        )
    return rows


def _memory(catalogue: Catalogue, model: str) -> int | None:
    """The memory of a model as llama.cpp plans it; None for one that is not local, or has no file any more."""
    try:
        return expected_memory(catalogue, model).total
    except PromptlabError:
        return None


def headline_cells(rows: Sequence[HeadlineRow]) -> list[list[str]]:
    """The rows as text, with their heading first."""
    heading = ["model", "prompt", "passed", "95 % interval", "tokens", "seconds", "memory", "trained"]
    return [
        heading,
        *(
            [
                row.model,
                row.way,
                f"{row.passed} of {row.judged}" + (f", {row.not_judged} not judged" if row.not_judged else ""),
                f"{100 * row.low:.0f} to {100 * row.high:.0f} %" if row.judged else "–",
                "–" if row.tokens is None else f"{row.tokens:.0f}",
                "–" if row.seconds is None else f"{row.seconds:.2f}",
                "–" if row.bytes is None else f"{row.bytes / 1e6:.0f} MB",
                f"{row.minutes:.1f} min" if row.minutes else "–",
            ]
            for row in rows
        ),
    ]


def headline_lines(rows: Sequence[HeadlineRow]) -> list[str]:
    """The table for a terminal."""
    cells = headline_cells(rows)
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


TABLE_NOTE = (
    "Tokens are those of a prompt. Seconds are from asking to the end of the answer, with several questions asked at "
    "once. Memory is that of the loaded model with its context, as llama.cpp plans it for one question at a time."
)


def headline_markdown(
    outcome: Outcome, rows: Sequence[HeadlineRow], *, picture: str = "", report: str = "", command: str = ""
) -> str:
    """The report as Markdown: the sentence, the picture, the table of the ways, and the table of the comparisons.

    `picture` and `report` are addresses of the picture and the whole report; `command` makes all of it again.
    """
    title = outcome.planned.experiment.description or "Would fine-tuning beat the prompt?"
    lines = [
        f"# {title}",
        "",
        *([f"Written by `{command}`.", ""] if command else []),
        sentence(outcome.effects),
        "",
        *([f"![The effects with their intervals]({picture})", ""] if picture else []),
        *_markdown(headline_cells(rows)),
        "",
        *_markdown(_effect_cells(outcome)),
        "",
    ]
    notes = dict.fromkeys((TABLE_NOTE, *outcome.design.notes, *outcome.notes))
    lines.append("\n\n".join(notes))
    if report:
        lines += ["", f"[The whole report]({report}), with the cases that changed."]
    return "\n".join(lines).rstrip() + "\n"


def _effect_cells(outcome: Outcome) -> list[list[str]]:
    cells = [["comparison", "points", "interval", "p", "p adjusted", "verdict"]]
    for row in effect_rows(outcome):
        name = f"**{row['what']}**" if row["primary"] else str(row["what"])
        span = f"{100 * row['low']:+.0f} to {100 * row['high']:+.0f}"
        cells.append(
            [
                name,
                f"{100 * row['difference']:+.1f}",
                span,
                f"{row['p']:.2g}",
                f"{row['adjusted_p']:.2g}",
                row["verdict"],
            ]
        )
    return cells


def _markdown(cells: Sequence[Sequence[str]]) -> list[str]:
    head, *rest = cells
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rest)]


__all__ = ["HeadlineRow", "headline_lines", "headline_markdown", "headline_rows"]

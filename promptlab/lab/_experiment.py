"""An experiment from Python: planned, asked, and what came of it.

    planned = lab.plan_experiment("ablate", "world-cup", cases="world-cup", models=["gemma-3-270m"], limit=60)
    print(planned.text)                          # answers, tokens, price, minutes; nothing is asked
    result = lab.experiment("ablate", "world-cup", cases="world-cup", models=["gemma-3-270m"], limit=60)
    result.sentence, result.effects, result.frame()
    result.report("report.html")

The numbers are those of the command line and of the page: all three plan, ask and count by `promptlab.experiments`.
Text labelled above public is masked when it is shown or written, because a notebook is saved with what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab import experiments
from promptlab.errors import InputError, nearest
from promptlab.lab import _tables as tables
from promptlab.lab._opened import Opened
from promptlab.models import model_facts

if TYPE_CHECKING:
    import pandas

    from promptlab.experiments import Effect, Experiment, Outcome, Picture, Planned, Progress, Takes
    from promptlab.models import ModelFacts
    from promptlab.suites import Estimate

ProgressCall = Callable[["Progress"], None]


class PlannedExperiment:
    """An experiment that is planned; nothing is asked yet. `run` asks."""

    def __init__(self, lab: Opened, planned: Planned) -> None:
        self._lab, self.planned = lab, planned

    @property
    def experiment(self) -> Experiment:
        """What its file says."""
        return self.planned.experiment

    @property
    def trials(self) -> int:
        """The number of answers."""
        return self.planned.trials

    @property
    def _takes(self) -> Takes:
        return experiments.what_it_takes(self.planned, self._lab.catalogue, self._lab.store, self._lab.suite_log)

    @property
    def estimate(self) -> Estimate:
        """Calls, tokens, price and minutes."""
        return self._takes.estimate

    @property
    def text(self) -> str:
        """The plan in words."""
        return "\n".join(experiments.plan_lines(self.planned, self._takes))

    def __repr__(self) -> str:
        return f"<PlannedExperiment {self.experiment.name!r}: {self.trials:,} answers>"

    def run(
        self, *, max_cost: float | None = None, again: bool = False, progress: ProgressCall | None = None
    ) -> ExperimentResults:
        """Ask, and give the results. Its file is written to `experiments/`, unless there is one.

        Args:
            max_cost: at most this many US dollars.
            again: ask everything again, even what was answered before.
            progress: called after each answer.
        """
        lab = self._lab
        lab.check_open()
        experiments.save_experiment(lab.workspace, self.experiment)
        tools = experiments.Tools(lab.catalogue, lab.store, lab.suite_log, max_cost, again)
        running = experiments.Running(self.planned, tools)
        try:
            for step in running:
                if progress is not None:
                    progress(step)
        except BaseException:
            running.stop()  # Ctrl-C, for example; what was answered is kept, and the same call goes on there
            raise
        assert running.outcome is not None  # the iteration has ended
        return ExperimentResults(lab, running.outcome)


class ExperimentResults:
    """What came of an experiment."""

    def __init__(self, lab: Opened, outcome: Outcome) -> None:
        self._lab, self.outcome = lab, outcome

    @property
    def sentence(self) -> str:
        """The effects in words."""
        return experiments.headline(self.outcome)

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The effect of every comparison for every model, with its interval and its verdict."""
        return self.outcome.effects

    def effect(self, name: str, model: str | None = None) -> Effect:
        """The effect called `name`, such as `context`, of `model`, which may be left out if there is only one."""
        every = [e for e in self.effects if e.contrast.name == name and model in (None, e.model)]
        if len(every) == 1:
            return every[0]
        if every:
            raise InputError(f"`{name}` has an effect for each model", hint="name one of the models")
        names = [e.contrast.name for e in self.effects if model in (None, e.model)]
        if not names:
            raise InputError(
                f"`{model}` has no effects here", hint=nearest(str(model), [e.model for e in self.effects])
            )
        raise InputError(f"there is no effect `{name}`", hint=nearest(name, names))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every picture with its sentence and its table, the one that answers the question first."""
        return experiments.pictures_of(self.outcome, facts=self._facts())

    def chart(self) -> Any:
        """The picture that answers the question, as an Altair chart; None if no answer was judged."""
        return experiments.chart_of(self.outcome, facts=self._facts())

    def frame(self, *, show_labelled: bool = False) -> pandas.DataFrame:
        """Every answer as a row with its factors."""
        return experiments.answers_frame(self.outcome, show_labelled=show_labelled)

    def effects_frame(self) -> pandas.DataFrame:
        """Every effect as a row."""
        return tables.frame(experiments.effect_rows(self.outcome))

    def flipped(self, effect: str, model: str | None = None, *, show_labelled: bool = False) -> pandas.DataFrame:
        """The cases that an effect changed, with both answers."""
        found = self.effect(effect, model)
        rows = []
        for row in experiments.flipped(self.outcome, found.contrast.name, found.model):
            before, after = (row[side] if show_labelled else row[side].masked() for side in ("before", "after"))
            rows.append({"case": before.case, "change": row["change"], "before": before.text, "after": after.text})
        return tables.frame(rows)

    def report(self, path: str | Path, *, show_labelled: bool = False) -> Path:
        """Write the report, one HTML file; or by the ending of `path` every answer as .csv or .parquet, or the picture
        as .svg or .png."""
        path = Path(path)
        write = {
            ".html": self._html,
            ".csv": self._csv,
            ".parquet": self._parquet,
            ".svg": self._svg,
            ".png": self._png,
        }
        if path.suffix not in write:
            raise InputError(f"a report is {', '.join(write)}, not {path.name}")
        path.write_bytes(write[path.suffix](show_labelled))
        return path

    def _html(self, shown: bool) -> bytes:
        page = experiments.html_report(self.outcome, facts=self._facts(), store=self._lab.store, show_labelled=shown)
        return page.encode()

    def _csv(self, shown: bool) -> bytes:
        return experiments.answers_as_csv(self.outcome, show_labelled=shown).encode()

    def _parquet(self, shown: bool) -> bytes:
        return experiments.answers_as_parquet(self.outcome, show_labelled=shown)

    def _svg(self, _shown: bool) -> bytes:
        return experiments.as_svg(self._picture().chart, alt=self._picture().sentence).encode()

    def _png(self, _shown: bool) -> bytes:
        return experiments.as_png(self._picture().chart)

    def _picture(self) -> Picture:
        pictures = self.pictures
        if not pictures:
            raise InputError("there is nothing to draw: no answer was judged")
        return pictures[0]

    def model_facts(self) -> pandas.DataFrame:
        """Of the kind `models`: a row for each model with its score, parameters, bytes, file type, memory and time."""
        return tables.frame(experiments.report_data(self.outcome, self._facts())["models"])

    def _facts(self) -> Mapping[str, ModelFacts]:
        return model_facts(self._lab.catalogue, self.outcome.planned.experiment.models)

    def __repr__(self) -> str:
        return "\n".join(experiments.report_lines(self.outcome, self._facts()))

    def _repr_html_(self) -> str:
        """For notebooks: the sentence, the picture, and the effects as a table."""
        head, *rows = experiments.effect_lines(self.outcome)
        return tables.html(self.sentence, [dict(zip(head, row, strict=True)) for row in rows])

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, Any]:
        """The table, and above it the picture if its library is there."""
        html = self._repr_html_()
        if self.pictures:
            html = self._svg(False).decode() + html
        return {"text/html": html, "text/plain": repr(self)}


def plan(
    lab: Opened,
    kind: str,
    template: str = "",
    *,
    cases: str = "",
    models: str | Sequence[str] = (),
    scorers: Sequence[Any] | str | None = None,
    options: Mapping[str, Any] | None = None,
    **more: Any,
) -> PlannedExperiment:
    """Plan an experiment; see `Lab.plan_experiment`."""
    lab.check_open()
    if not template and kind not in experiments.kind_names(lab.workspace):
        return PlannedExperiment(
            lab, experiments.plan_experiment(lab.workspace, experiments.load_experiment(lab.workspace, kind))
        )
    wanted = (models,) if isinstance(models, str) else tuple(models)
    missing = [name for name, given in (("template", template), ("cases", cases), ("models", wanted)) if not given]
    if missing:
        raise InputError(f"an experiment needs `{missing[0]}`")
    judged = (scorers,) if isinstance(scorers, str | Mapping) else scorers
    name = more.pop("name", "")
    described = experiments.Experiment(
        name, kind, template, cases, wanted, options or {}, None if judged is None else tuple(judged), **more
    )
    return PlannedExperiment(lab, experiments.plan_experiment(lab.workspace, experiments.named(described)))

"""What an experiment can be made of: the cases of the workspace, and what "Measure this" takes for a template."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from promptlab import suites, templates
from promptlab.errors import ExperimentError, PromptlabError
from promptlab.experiments._experiment import Experiment, experiment_paths, load_experiment, named
from promptlab.models import ModelStatus
from promptlab.templates import Template
from promptlab.workspace import Workspace

MEASURED_CASES = 60
"""So many cases "Measure this" asks, drawn from those that there are."""
CASES_FOLDER = "fixtures/suites"
CASE_ENDINGS = (".jsonl", ".csv", ".tsv", ".yaml", ".yml")


@dataclass(frozen=True)
class CaseSource:
    """A suite or a file of cases. `template` is that of the suite, "" for a file; `scored` says whether it says how
    answers are judged. `count` is None if its cases cannot be counted."""

    path: str
    template: str
    count: int | None
    scored: bool

    @property
    def words(self) -> str:
        name = self.path.removeprefix(f"{CASES_FOLDER}/")
        what = f"suite {name.removesuffix('.yaml').removesuffix('.yml')}" if self.template else f"file {name}"
        return what if self.count is None else f"{what} · {self.count:,} case{'' if self.count == 1 else 's'}"


def case_sources(workspace: Workspace, template: str = "") -> tuple[CaseSource, ...]:
    """Every suite and every file of cases, those of `template` first. What cannot be read is left out."""
    found = []
    for path in suites.suite_paths(workspace):
        with contextlib.suppress(PromptlabError):
            suite = suites.load_suite(workspace, path)
            found.append(
                CaseSource(path, suite.template.path, len(suites.suite_cases(workspace, suite)), _scored(suite))
            )
    found += [CaseSource(path, "", None, False) for path in _case_files(workspace)]
    return tuple(sorted(found, key=lambda source: (source.template != template, not source.template, source.path)))


def _scored(suite: suites.Suite) -> bool:
    return bool(suite.scorers)


def _case_files(workspace: Workspace) -> list[str]:
    folder = workspace.root / CASES_FOLDER
    files = (path for path in folder.rglob("*") if path.suffix in CASE_ENDINGS and path.is_file())
    own = set(suites.suite_paths(workspace))
    paths = sorted(workspace.relative(path) for path in files)
    return [path for path in paths if path not in own]


def measured(workspace: Workspace, template: str, models: Sequence[str], kind: str = "ablate") -> Experiment:
    """The experiment of "Measure this": the cases of the suite of `template`, at most `MEASURED_CASES` of them, and for
    `ablate` the documents as what matters most. Raises `ExperimentError` if the template has no cases, or no model."""
    own = [source for source in case_sources(workspace, template) if source.template == template and source.count]
    if not own:
        hint = "make a suite for it: questions with the right answers"
        raise ExperimentError(f"{template} has no cases with right answers yet", hint=hint, field="cases")
    if not models:
        raise ExperimentError("no model is ready", hint="the page Models shows what each needs", field="models")
    source = max(own, key=lambda source: source.count or 0)
    limit = MEASURED_CASES if (source.count or 0) > MEASURED_CASES else None
    options = measured_options(kind, templates.load(workspace, template))
    experiment = Experiment("", kind, template, source.path, tuple(models), options=options, limit=limit)
    return with_free_name(workspace, experiment)


def measured_options(kind: str, template: Template) -> dict[str, Any]:
    """The options that a new experiment begins with: for `ablate` the documents matter most, if there are any."""
    return {"primary": "context"} if kind == "ablate" and template.context else {}


def measured_models(statuses: Sequence[ModelStatus]) -> tuple[str, ...]:
    """The models that are asked unless others are chosen: those of this machine that are ready, which cost nothing; if
    there is none, the first that is ready."""
    ready = [status for status in statuses if status.ready]
    local = [status.name for status in ready if status.backend == "llama"]
    return tuple(local or [status.name for status in ready][:1])


def with_free_name(workspace: Workspace, experiment: Experiment) -> Experiment:
    """`experiment` with a name: that of the same experiment if there is one, else one that is free."""
    wanted = named(experiment).name
    taken = {PurePosixPath(path).stem for path in experiment_paths(workspace)}
    number, name = 1, wanted
    while name in taken:
        with contextlib.suppress(PromptlabError):
            if load_experiment(workspace, name) == replace(experiment, name=name):
                break
        number += 1
        name = f"{wanted}-{number}"
    return replace(experiment, name=name)


__all__ = [
    "CASES_FOLDER",
    "MEASURED_CASES",
    "CaseSource",
    "case_sources",
    "measured",
    "measured_models",
    "measured_options",
    "with_free_name",
]

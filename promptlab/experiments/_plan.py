"""Planning an experiment: its material and design, and what asking will take. Nothing is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import yaml

from promptlab import examples, runs, stats, suites, templates
from promptlab._util.same_question import hash_of_question
from promptlab.errors import ExperimentError, PromptlabError
from promptlab.experiments._design import Design, Material
from promptlab.experiments._experiment import Experiment
from promptlab.experiments._find_kind import kind_named
from promptlab.experiments._random import shuffled
from promptlab.models import training_record
from promptlab.suites import Case, Suite, TrialMaker
from promptlab.types import Example, Request, canonical_json, sha256
from promptlab.workspace import Workspace

CHANGED = 0.3
"""The share of cases that a change is assumed to change, for what a number of cases can show."""

ASK_ABOVE = 1_000
"""More answers than this are asked for only after a question."""


@dataclass(frozen=True)
class Planned:
    """An experiment that is ready to be asked. `base` is the suite with its cases, scorers and models; a stage of the
    experiment is that suite with the variants of some arms, and some of the cases."""

    experiment: Experiment
    material: Material
    design: Design
    base: Suite

    def stage(self, design: Design, cases: Sequence[Case]) -> Suite:
        """The suite that asks `cases` in the arms of `design`."""
        experiment = self.experiment
        return replace(
            self.base,
            name=experiment.name,
            path=experiment.path,
            entries=tuple(cases),
            models=experiment.models,
            variants=tuple(arm.variant for arm in design.arms),
            repeats=experiment.repeats,
            thresholds=(),
            source=self.identity(design, cases),
            numerics=experiment.numerics,
            made_as="experiment",
            batch=fingerprint_of(self),
            recorded_in=f".promptlab/experiments/{experiment.name}.jsonl",
        )

    def identity(self, design: Design, cases: Sequence[Case]) -> str:
        """What must be equal for an interrupted stage to be resumed. Each answer is compared with its prompt, too."""
        scorers = [spec.id for spec in self.base.scorers]
        arms = [[arm.name, (arm.variant.template or self.material.template).sha256] for arm in design.arms]
        return canonical_json([self.experiment.kind, self.experiment.seed, arms, [case.id for case in cases], scorers])

    @property
    def trials(self) -> int:
        """The number of answers if every stage asks everything."""
        cells = len(self.design.arms) * len(self.experiment.models) * self.experiment.repeats
        return cells * len(self.material.cases)

    def unchanged(self) -> dict[str, str]:
        """The arms whose prompts and parameters are the same as those of an earlier arm in every case, with that arm:
        a comparison of the two says nothing."""
        suite = self.stage(self.design, self.material.cases)
        maker = TrialMaker(self.material.workspace, replace(suite, models=("",), repeats=1))
        prompts: dict[str, list[str]] = {arm.name: [] for arm in self.design.arms}
        for item in suites.suite_items(self.material.workspace, suite, models=("",)):
            if item.key.repeat:
                continue
            try:
                asked = asked_hash(runs.request_of(maker.trial(item)), item.variant.key)
            except PromptlabError as exc:
                asked = f"{item.variant.name}: {exc.message}"
            prompts[item.variant.name].append(asked)
        first: dict[tuple[str, ...], str] = {}
        same = {name: first.setdefault(tuple(texts), name) for name, texts in prompts.items()}
        return {name: other for name, other in same.items() if name != other}

    def smallest_effect(self) -> float | None:
        """The smallest true difference that so many cases find with a power of 80 %, if a third of them changes."""
        cases = len(self.material.cases) - (self.experiment.screen or 0)
        return stats.smallest_effect(cases, CHANGED)


def plan_experiment(workspace: Workspace, experiment: Experiment) -> Planned:
    """Read the template, the cases and the pool, and make the design.

    Raises `ExperimentError` if the kind cannot vary what this template and these cases have, `SuiteError` and
    `TemplateError` if a file is wrong.
    """
    template = templates.load(workspace, experiment.template)
    base = _base(workspace, experiment)
    cases = _cases(workspace, base, experiment)
    if not base.scorers and not all(case.scorers for case in cases):
        raise ExperimentError(
            "nothing says how the answers are judged", file=experiment.path, hint="give scorers, such as `contains`"
        )
    pool: tuple[Example, ...] = ()
    if template.examples is not None:
        pool = tuple(examples.load_pool(workspace, template.examples.pool))
    material = Material(workspace, template, cases, experiment.models, pool, experiment.seed)
    _refuse_trained_cases(material)
    design = kind_named(experiment.kind, workspace).design(material, experiment.options)
    return Planned(experiment, material, design, replace(base, template=template))


def _refuse_trained_cases(material: Material) -> None:
    """Raise `ExperimentError` if a model was trained on one of the cases: its score would say nothing."""
    records = [(name, training_record(material.workspace, name)) for name in material.models]
    for name, record in records:
        if record is None:
            continue
        known = set(record["trained_on"])
        inputs = ((case.id, templates.with_defaults(material.template, case.inputs)) for case in material.cases)
        if trained := [case for case, values in inputs if hash_of_question(values) in known]:
            raise ExperimentError(
                f"{name} was trained on {len(trained)} of these cases ({', '.join(trained[:3])}), so they say nothing",
                hint="use a suite that was left out of the training",
                field="cases",
            )


def _base(workspace: Workspace, experiment: Experiment) -> Suite:
    """The suite that has the cases; one is made if `cases` names a file of cases."""
    path = experiment.cases
    bare = "/" not in path and not PurePosixPath(path).suffix
    full = workspace.resolve(path)
    if bare or (full.suffix in (".yaml", ".yml") and full.is_file() and not suites.is_case_file(full)):
        own = suites.load_suite(workspace, path)
        return own if experiment.scorers is None else replace(own, scorers=_made(workspace, experiment).scorers)
    return _made(workspace, experiment)


def _made(workspace: Workspace, experiment: Experiment) -> Suite:
    data: dict[str, Any] = {
        "template": experiment.template,
        "models": list(experiment.models),
        "scorers": [dict(s) if not isinstance(s, str) else s for s in experiment.scorers or ()],
        "cases": [{"file": experiment.cases}],
    }
    return suites.parse_suite(workspace, yaml.safe_dump(data, sort_keys=False), path=experiment.path)


def _cases(workspace: Workspace, base: Suite, experiment: Experiment) -> tuple[Case, ...]:
    """The cases, or `limit` of them, drawn by the seed, in the order of their file."""
    one = replace(base, models=("",), variants=(suites.Variant(),), repeats=1)
    every = tuple(item.case for item in suites.suite_items(workspace, one))
    if experiment.limit is None or experiment.limit >= len(every):
        return every
    chosen = set(shuffled([case.id for case in every], experiment.seed, 0)[: experiment.limit])
    return tuple(case for case in every if case.id in chosen)


def asked_hash(request: Request, key: str = "") -> str:
    """A hash of all that decides an answer and what of it is judged (`key`, as in a variant), but for the number of the
    repeat. The order of a schema's properties counts, because models answer in it."""
    return sha256(canonical_json([{**request.body(), "repeat": 0}, request.schema, key]))


def fingerprint_of(planned: Planned) -> str:
    """A hash of the design, its cases and models: equal if and only if the same would be asked."""
    experiment = planned.experiment
    identity = planned.identity(planned.design, planned.material.cases)
    return sha256(canonical_json([experiment.path, experiment.models, experiment.repeats, identity]))[:12]

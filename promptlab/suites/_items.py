"""The items of a suite, in its order, and the trial that each of them comes to."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import cache

from promptlab import runs, scorers
from promptlab.errors import SuiteError, nearest
from promptlab.suites import _case_file as case_files
from promptlab.suites import _judge as judging
from promptlab.suites._recorded_item import label_of_trial
from promptlab.suites._suite import Case, Item, Key, Suite, Variant
from promptlab.templates import MaterialsReader
from promptlab.types import Label, Prompt, Scorer, ScorerSpec, Section, Trial
from promptlab.workspace import Workspace

KEPT_SCORERS = 256
"""Sets of scorers kept ready."""


def items(
    workspace: Workspace, suite: Suite, *, models: Sequence[str] | None = None, wanted: Collection[str] = ()
) -> Iterator[Item]:
    """Every item, in order, for the suite's models or for `models`; of those only what `wanted` names, by item id or
    by case id, where it names any. Cases are read as they are asked for.

    Raises `SuiteError` at the first case that is wrong, or whose id an earlier one has, and at the end for what
    `wanted` names and the suite has not.
    """
    asked = suite.models if models is None else tuple(models)
    unmet = set(wanted)
    known: list[str] = []
    for case in case_files.read(workspace, suite):
        for variant in suite.variants:
            for model in asked:
                for repeat in range(suite.repeats):
                    key = Key(case.id, variant.name, model, repeat)
                    if not wanted or key.id in wanted or case.id in wanted:
                        unmet -= {key.id, case.id}
                        yield Item(key, case, variant)
        if unmet:
            known.append(case.id)
    for name in sorted(unmet):
        raise SuiteError(f"there is no case or item `{name}`", file=suite.path, hint=nearest(name, known))


class Fill:
    """Turns the items of a suite into trials, reading each document and pool once.

    What is kept is as large as the documents are, not as the suite is.
    """

    def __init__(self, workspace: Workspace, suite: Suite) -> None:
        self._workspace, self.suite = workspace, suite
        self.label_of = cache(workspace.label_of)  # which follows links, and the same few paths come up every time
        self._filler = MaterialsReader(workspace)
        self._case: Case | None = None
        self._asked: dict[tuple[int, tuple[Section, ...]], Trial] = {}
        self._scorers: dict[tuple[tuple[ScorerSpec, ...], str | None], tuple[Scorer, ...]] = {}

    def trial(self, item: Item, *, rendered: bool = True) -> Trial:
        """The trial of `item`, with its prompt unless it is not `rendered`. Raises what reading documents, pools and
        scorers raises."""
        case, variant = item.case, item.variant
        asked = self._asked_by(case, variant)
        if rendered and asked.rendered is None:
            asked = self._asked[self._key(variant)] = runs.rendered(asked)
        return replace(
            asked,
            model=item.key.model,
            params=self.suite.params_of(variant),
            repeat=item.key.repeat,
            scorers=self.scorers(case, variant),
        )

    def label(self, item: Item) -> Label:
        """The strictest label of anything that the prompt of `item` will be made of. Nothing is rendered for it."""
        return label_of_trial(self.label_of, self._asked_by(item.case, item.variant))

    def _key(self, variant: Variant) -> tuple[int, tuple[Section, ...]]:
        return id(variant.template or self.suite.template), variant.without

    def _asked_by(self, case: Case, variant: Variant) -> Trial:
        """What a case asks in a variant, of no model yet: its models and repeats share it, and variants that differ in
        parameters alone. Items of one case come one after another, so that of the last case is kept."""
        if case is not self._case:
            self._case, self._asked = case, {}
        key = self._key(variant)
        if key not in self._asked:
            self._asked[key] = self._filled(case, variant)
        return self._asked[key]

    def _filled(self, case: Case, variant: Variant) -> Trial:
        template = variant.template or self.suite.template
        if case.documents is not None:
            template = replace(template, context=case.documents, passages={})
        filled = self._filler.materials(template, case.inputs, without=variant.without, item=case.id)
        return Trial(
            template=template,
            inputs=case.inputs,
            model="",
            documents=filled.documents,
            shots=filled.shots,
            without=variant.without,
            case=case.id,
            expected=case.expected,
            label=case.label,
            places={"": case.places},
        )

    def judges(self, item: Item, prompt: Prompt, answer: str) -> list[Trial]:
        """What the judges of `item` are asked about `answer`, given to `prompt`; most items have none."""
        case = item.case
        return [
            judging.trial(
                *(spec, self._workspace),
                prompt=prompt,
                question=case.inputs,
                expected=case.expected,
                answer=answer,
                label=case.label,
                places=case.places,
                case=item.key.id,
            )
            for spec in self.suite.specs_of(case)
            if spec.name == judging.NAME
        ]

    def scorers(self, case: Case, variant: Variant) -> tuple[Scorer, ...]:
        """The scorers of a case that need no model, ready to use."""
        template = variant.template or self.suite.template
        key = (self.suite.specs_of(case), template.schema)
        if key not in self._scorers:
            if len(self._scorers) >= KEPT_SCORERS:  # cases with scorers of their own, each other ones
                self._scorers.clear()
            self._scorers[key] = tuple(
                scorers.build_scorer(_with_schema(spec, template.schema), self._workspace)
                for spec in key[0]
                if spec.name not in scorers.MODEL_SCORERS
            )
        return self._scorers[key]


def _with_schema(spec: ScorerSpec, schema: str | None) -> ScorerSpec:
    """`json_schema` without a schema of its own holds answers to the template's."""
    if spec.name != "json_schema" or schema is None or "schema" in spec.values:
        return spec
    return scorers.scorer_spec({spec.name: {**spec.values, "schema": json.loads(schema)}})

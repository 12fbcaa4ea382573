"""The items of a suite, in its order, and the trial that each of them comes to."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import cache

from promptlab import scorers
from promptlab.errors import SuiteError, nearest
from promptlab.suites import _case_file as case_files
from promptlab.suites import _judge as judging
from promptlab.suites._suite import Case, Item, Key, Suite, Variant
from promptlab.templates import Filler
from promptlab.types import Prompt, Scorer, ScorerSpec, Trial
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
        self._filler = Filler(workspace)
        self._scorers: dict[tuple[tuple[ScorerSpec, ...], str | None], tuple[Scorer, ...]] = {}

    def trial(self, item: Item) -> Trial:
        """The trial of `item`. Raises what reading documents, pools and scorers raises."""
        suite, case, variant = self.suite, item.case, item.variant
        template = variant.template or suite.template
        if case.documents is not None:
            template = replace(template, context=case.documents, passages={})
        filled = self._filler.materials(template, case.inputs, without=variant.without, item=case.id)
        return Trial(
            template=template,
            inputs=case.inputs,
            model=item.key.model,
            documents=filled.documents,
            shots=filled.shots,
            without=variant.without,
            params=suite.params_of(variant),
            repeat=item.key.repeat,
            case=item.key.case,
            expected=case.expected,
            label=case.label,
            scorers=self.scorers(case, variant),
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
                scorers.build(_with_schema(spec, template.schema), self._workspace)
                for spec in key[0]
                if spec.name not in scorers.ASKING
            )
        return self._scorers[key]


def _with_schema(spec: ScorerSpec, schema: str | None) -> ScorerSpec:
    """`json_schema` without a schema of its own holds answers to the template's."""
    if spec.name != "json_schema" or schema is None or "schema" in spec.values:
        return spec
    return scorers.spec({spec.name: {**spec.values, "schema": json.loads(schema)}})

"""A suite: stored questions with what their answers should be, and the trials they come to.

    # fixtures/suites/world-cup.yaml
    template: templates/world-cup.yaml
    models: [gemma-3-270m, smollm2-135m]
    variants:
      article: {}
      no-article: {without: [context]}
    scorers: [contains]
    thresholds: [at least 90 %, not worse by more than 5 points at 95 %]
    cases:
      - {id: winner, inputs: {question: Who won?}, expected: Argentina}
      - {file: fixtures/suites/more-questions.csv}

Each case in each variant, for each model, as many times as `repeats` says, is one item of the suite, always in that
order: a recording, a report and the rows on the screen follow it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from promptlab import plans, scorers
from promptlab.thresholds import Threshold
from promptlab.types import Label, Params, ScorerSpec, Section, Template, Trial, highest
from promptlab.workspace import Workspace

FOLDER = "fixtures/suites"
RECORDINGS = "fixtures/recordings"


class Key(NamedTuple):
    """Which item of a suite: stable from run to run, and the order of the lines of a recording."""

    case: str
    variant: str
    model: str
    repeat: int = 0

    @property
    def id(self) -> str:
        """As people write it: `winner[article-gemma-3-270m]`, with `#2` behind it for the second repeat."""
        inside = "-".join(part for part in (self.variant, self.model) if part)
        return f"{self.case}[{inside}]" + (f"#{self.repeat + 1}" if self.repeat else "")

    @property
    def group(self) -> tuple[str, str, str]:
        """What repeats of one item share."""
        return (self.case, self.variant, self.model)


@dataclass(frozen=True, slots=True)
class Case:
    """One question. `expected` is what a scorer compares with: text, a number, a list, an object.

    `documents` None takes the template's, `scorers` None the suite's. `place` is `file:line`.
    """

    id: str
    inputs: Mapping[str, Any]
    expected: Any = None
    documents: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    label: Label = "public"
    scorers: tuple[ScorerSpec, ...] | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to ask every case. `template` None takes the suite's; `params` go over the suite's."""

    name: str = ""
    without: tuple[Section, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    template: Template | None = None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A file of cases, relative to the workspace; `line` is where the suite names it."""

    path: str
    line: int | None = None


@dataclass(frozen=True)
class Suite:
    """A suite file, parsed. `entries` are its cases and files of cases in the order of the file; files are read
    a case at a time, so a suite may have more cases than memory.

    `label` is that of the file: its own texts are as private as it says.
    """

    name: str
    path: str
    template: Template
    entries: tuple[Case | CaseFile, ...]
    models: tuple[str, ...]
    description: str = ""
    variants: tuple[Variant, ...] = (Variant(),)
    repeats: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)
    scorers: tuple[ScorerSpec, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    label: Label = "public"
    source: str = ""

    @property
    def recording(self) -> str:
        """Path of the suite's recording in the workspace."""
        return f"{RECORDINGS}/{PurePosixPath(self.path).stem}.jsonl"

    def cases(self, workspace: Workspace) -> Iterator[Case]:
        """Every case, in order. Raises `SuiteError` at the first that is wrong, or whose id was there before."""
        from promptlab.case_files import read

        yield from read(workspace, self)

    def items(self, workspace: Workspace, *, models: Sequence[str] | None = None) -> Iterator[Item]:
        """Every item, in order, for the suite's models or for `models`."""
        asked = self.models if models is None else tuple(models)
        for case in self.cases(workspace):
            for variant in self.variants:
                for model in asked:
                    for repeat in range(self.repeats):
                        yield Item(Key(case.id, variant.name, model, repeat), case, variant)

    def params_of(self, variant: Variant) -> Params:
        """The template's parameters, with the suite's over them and the variant's over those."""
        template = variant.template or self.template
        return template.params.with_(**{**self.params, **variant.params})

    def specs_of(self, case: Case) -> tuple[ScorerSpec, ...]:
        """The scorers of the case: its own, or the suite's."""
        return self.scorers if case.scorers is None else case.scorers


@dataclass(frozen=True, slots=True)
class Item:
    """A case in a variant for a model, once."""

    key: Key
    case: Case
    variant: Variant


class Fill:
    """Turns the items of a suite into trials, reading each document and pool once.

    What is kept is as large as the documents are, not as the suite is.
    """

    def __init__(self, workspace: Workspace, suite: Suite) -> None:
        self._workspace, self._suite = workspace, suite
        self._filler = plans.Filler(workspace)
        self._scorers: dict[tuple[ScorerSpec, ...], tuple[scorers.Scorer, ...]] = {}

    def trial(self, item: Item) -> Trial:
        """The trial of `item`. Raises what reading documents, pools and scorers raises."""
        suite, case, variant = self._suite, item.case, item.variant
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
            label=highest([case.label, suite.label]),
            scorers=self.scorers(case),
        )

    def scorers(self, case: Case) -> tuple[scorers.Scorer, ...]:
        """The case's scorers that need no model, ready to use."""
        specs = self._suite.specs_of(case)
        if specs not in self._scorers:
            self._scorers[specs] = tuple(
                scorers.build(spec, self._workspace) for spec in specs if spec.name not in scorers.ASKING
            )
        return self._scorers[specs]


def selected(items: Iterator[Item], wanted: Collection[str]) -> Iterator[Item]:
    """Those of `items` that `wanted` names, by item id or by case id; all of them where it names none."""
    return (item for item in items if not wanted or item.key.id in wanted or item.key.case in wanted)

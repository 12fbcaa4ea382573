"""A suite: stored questions with their expected answers, and the models and variants to ask them with.

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

An item is one case in one variant for one model, and once for each repeat. Items are always in that order: in a
recording, in a report and on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

from promptlab.suites._thresholds import Threshold
from promptlab.templates import Materials, Template
from promptlab.types import Label, Params, Place, ScorerSpec, Section

FOLDER = "fixtures/suites"
RECORDINGS = "fixtures/recordings"


class ItemKey(NamedTuple):
    """Names an item of a suite. It is the same in every run."""

    case: str
    variant: str
    model: str
    repeat: int = 0

    @property
    def id(self) -> str:
        """The id that people write: `winner[article-gemma-3-270m]`, with `#2` after it for the second repeat."""
        inside = "-".join(part for part in (self.variant, self.model) if part)
        return f"{self.case}[{inside}]" + (f"#{self.repeat + 1}" if self.repeat else "")

    @property
    def group(self) -> tuple[str, str, str]:
        """The part of the key that all repeats share."""
        return (self.case, self.variant, self.model)


@dataclass(frozen=True, slots=True)
class Case:
    """One question. `expected` is what a scorer compares with: text, a number, a list, an object.

    If `documents` is None, it has those of the template; if `scorers` is None, those of the suite. `place` is
    `file:line`. `places` are the files that its text came from: its own file, and those it was copied from.
    """

    id: str
    inputs: Mapping[str, Any]
    expected: Any = None
    documents: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    label: Label = "public"
    scorers: tuple[ScorerSpec, ...] | None = None
    place: str = ""
    places: tuple[Place, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to ask every case. If `template` is None, it is the suite's; `params` override the suite's.

    `fill` may give a case other documents and shots than the template has: it gets those, and returns what is asked.
    If `key` is set, the answer is JSON, and scorers get the text under this key.
    """

    name: str = ""
    without: tuple[Section, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    template: Template | None = None
    fill: Callable[[Case, Materials], Materials] | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A file of cases, relative to the workspace; `line` is where the suite names it."""

    path: str
    line: int | None = None


@dataclass(frozen=True)
class Suite:
    """A suite file, parsed. `entries` are its cases and files of cases, in the order of the file. Files are read a case
    at a time, so a suite may have more cases than fit into memory.

    `label` is the label of the suite's file, and of all text in it. `recorded_in` is the path of the recording, if it
    is not where suites have theirs. `made_as` is the kind of its runs in the history, and `batch` what they share if
    several stages are one line there (see `MadeFor`). With `judge_cut_answers`, an answer that was cut off at
    max_tokens is judged as it is.
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
    numerics: Literal["fast", "portable"] = "portable"
    judge_cut_answers: bool = False
    recorded_in: str = ""
    made_as: str = "suite"
    batch: str = ""

    @cached_property
    def recording(self) -> str:
        """Path of the suite's recording in the workspace."""
        return self.recorded_in or recording_of(self.path)

    def params_of(self, variant: Variant) -> Params:
        """The parameters of a variant: the template's, overridden by the suite's, overridden by its own."""
        template = variant.template or self.template
        return template.params.with_(**{**self.params, **variant.params})

    def specs_of(self, case: Case) -> tuple[ScorerSpec, ...]:
        """The scorers of the case: its own, or the suite's."""
        return self.scorers if case.scorers is None else case.scorers


@dataclass(frozen=True, slots=True)
class Item:
    """A case in a variant for a model, once."""

    key: ItemKey
    case: Case
    variant: Variant


def recording_of(path: str) -> str:
    """The path of the recording of the suite at `path`."""
    return f"{RECORDINGS}/{stem_of(path)}.jsonl"


def stem_of(path: str) -> str:
    """The path of a suite below the folder of suites, without its ending; for a suite elsewhere only its name."""
    own = PurePosixPath(path)
    return (
        (own.relative_to(FOLDER) if own.is_relative_to(FOLDER) else PurePosixPath(own.name)).with_suffix("").as_posix()
    )


def id_problem(id: str) -> str:
    """What is wrong with a case's id, "" where nothing is: it stands in test names, addresses and command lines."""
    if id != id.strip() or not id.isprintable():
        return f"the id {id!r} has white space around it, or invisible characters"
    return f"the id `{id}` has one of [ ] #, which mark the variant and the repeat" if set(id) & set("[]#") else ""

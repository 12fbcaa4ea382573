"""A run of a suite as data: the run itself, the chunks that were asked, and a row for each item.

`suites/_log.py` writes and reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from promptlab.suites._cause import Cause
from promptlab.suites._judge_reply import Judged
from promptlab.suites._suite import ItemKey
from promptlab.types import Section

Verb = Literal["record", "rerun", "replay"]


Show = Literal["failing", "changed", "worse", "not judged"]
"""Which items to show: those that do not pass; those whose answer or prompt is not as it was recorded; those that got
worse; those without a pass or a fail, because there is no answer, no scorer, or a scorer that could not judge."""
SHOWS: tuple[Show, ...] = ("failing", "changed", "worse", "not judged")

State = Literal["running", "stopped", "finished"]
"""`stopped`: it was paused or stopped, or reached a limit. `running` without a process: the process was killed."""


@dataclass(frozen=True)
class SuiteRun:
    """A run of a suite: a record, a rerun or a replay. `done` of `total` items have a row."""

    id: str
    suite: str
    verb: Verb
    created: str
    state: State
    total: int
    options: Mapping[str, Any] = field(default_factory=dict)
    done: int = 0

    @property
    def identity(self) -> dict[str, Any]:
        """The options that must be equal for the run to be resumed. The number of items may differ."""
        return {name: value for name, value in self.options.items() if name != "limit"}


@dataclass(frozen=True, slots=True)
class Details:
    """More about the outcome of an item. `sections` are those in which a replayed prompt has drifted, `unscored` means
    that there is an answer but no scorer, `judged` are the replies of judges. `not_judged` is why an answer was not
    judged; `cut` means that it was judged although it was cut off."""

    said: str = ""
    causes: tuple[Cause, ...] = ()
    tags: tuple[str, ...] = ()
    error: str = ""
    sections: tuple[Section, ...] = ()
    unscored: bool = False
    judged: tuple[Judged, ...] = ()
    not_judged: str = ""
    cut: bool = False

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Details:
        """The details in `data`, as `as_data` gave it, now or in an earlier release."""
        causes = (
            Cause(kind, detail, tuple(sections), certain) for kind, detail, sections, certain in data.get("causes", ())
        )
        return cls(
            said=str(data.get("said") or ""),
            causes=tuple(causes),
            tags=tuple(data.get("tags", ())),
            error=str(data.get("error") or ""),
            sections=tuple(data.get("sections", ())),
            unscored=bool(data.get("unscored")),
            judged=tuple(Judged(**one) for one in data.get("judged", ())),
            not_judged=str(data.get("not_judged") or ""),
            cut=bool(data.get("cut")),
        )

    def as_data(self) -> dict[str, Any]:
        """The details as JSON data, without empty ones."""
        causes = [[c.kind, c.detail, list(c.sections), c.certain] for c in self.causes]
        data: dict[str, Any] = {"said": self.said, "causes": causes, "tags": list(self.tags), "error": self.error}
        data |= {
            "sections": list(self.sections),
            "unscored": self.unscored,
            "judged": [j.as_data() for j in self.judged],
        }
        data |= {"not_judged": self.not_judged, "cut": self.cut}
        return {name: value for name, value in data.items() if value}


@dataclass(frozen=True, slots=True)
class ItemRow:
    """The outcome of an item. `passed` is None if there is no answer, or if it was not judged. `was_passed` and
    `was_score` are those of the recorded answer. `result` is the id of the result in the run history, in its run
    `store_run`."""

    position: int
    key: ItemKey
    verdict: str
    passed: bool | None
    score: float | None
    was_passed: bool | None = None
    was_score: float | None = None
    result: str = ""
    store_run: str = ""
    details: Details = Details()


@dataclass(frozen=True, slots=True)
class Count:
    """The number of items of a variant and a model with one verdict."""

    variant: str
    model: str
    verdict: str
    passed: bool | None
    items: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Items that went to the runner together as its run `store_run`, in the order of its trials."""

    store_run: str
    keys: tuple[ItemKey, ...]

"""A run of a suite as data: the run itself, the chunks that were asked, and a row for each item.

`suites/_log.py` writes and reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from promptlab.suites._cause import Cause
from promptlab.suites._recorded_item import Judged
from promptlab.suites._suite import ItemKey
from promptlab.types import Section

Verb = Literal["record", "rerun", "replay"]


State = Literal["running", "stopped", "finished"]
"""`stopped`: somebody paused or stopped it, or a limit was reached; `running` with no process: it was killed."""


@dataclass(frozen=True)
class SuiteRun:
    """A verb at work on a suite, or done. `done` of `total` items have a row."""

    id: str
    suite: str
    verb: Verb
    created: str
    state: State
    total: int
    options: Mapping[str, Any] = field(default_factory=dict)
    done: int = 0


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of how an item came out besides the verdict. `sections` are those in which a replayed prompt has
    drifted; `unscored` means that there is an answer and no scorer; `judged` is what judges said."""

    said: str = ""
    causes: tuple[Cause, ...] = ()
    tags: tuple[str, ...] = ()
    error: str = ""
    sections: tuple[Section, ...] = ()
    unscored: bool = False
    judged: tuple[Judged, ...] = ()

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Details:
        """From what `as_data` gave, now or in an earlier release."""
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
        )

    def as_data(self) -> dict[str, Any]:
        """As JSON keeps it; what is empty is left out."""
        causes = [[c.kind, c.detail, list(c.sections), c.certain] for c in self.causes]
        data: dict[str, Any] = {"said": self.said, "causes": causes, "tags": list(self.tags), "error": self.error}
        data |= {"sections": list(self.sections), "unscored": self.unscored, "judged": [asdict(j) for j in self.judged]}
        return {name: value for name, value in data.items() if value}


@dataclass(frozen=True, slots=True)
class ItemRow:
    """How an item came out. `passed` None: there is no answer. `was_…` is what is recorded. `result` is an id of the
    run history, in the run `store_run`."""

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
    """How many items of a variant and a model came out in one way."""

    variant: str
    model: str
    verdict: str
    passed: bool | None
    items: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Items that went to the runner together, in the order of the trials of its run."""

    store_run: str
    keys: tuple[ItemKey, ...]

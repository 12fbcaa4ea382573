"""A run as the history lists it. It has a module of its own, so that naming one loads no database."""

from __future__ import annotations

from dataclasses import dataclass

from promptlab.types import Origin

MANY_ANSWERS = 12
"""A run with more trials is one line in a list of runs, and its answers are read only when it is opened."""


@dataclass(frozen=True)
class MadeFor:
    """What a run was asked for, if not for itself.

    `kind` is "suite" for the answers of a suite ("experiment": of an experiment), "judge" for what its judges say of
    them, and "causes" for the
    questions that find out why an answer changed; "" for a run of its own. `path` is the suite's file, "" if it is not
    known. `batch` is shared by the runs that were asked together: a long suite is asked in several.
    """

    kind: str = ""
    path: str = ""
    batch: str = ""


@dataclass(frozen=True)
class RunInfo:
    """A run in the history. `total` trials were planned, `done` have ended, `failed` of them with an error.

    `name`, `pinned` and `deleted`, the time of its deletion or "", are what a person did with it. `parts` are the ids
    of all runs that this one stands for in a list, if it stands for several. `table` is true if its answers have their
    places in a table, which is short however many they are.
    """

    id: str
    created: str
    title: str
    template: str
    total: int
    origin: Origin
    done: int = 0
    failed: int = 0
    models: tuple[str, ...] = ()
    made_for: MadeFor = MadeFor()  # frozen, so one can serve all
    name: str = ""
    pinned: bool = False
    deleted: str = ""
    parts: tuple[str, ...] = ()
    table: bool = False

    @property
    def heading(self) -> str:
        """The name that a person gave the run, or its title."""
        return self.name or self.title or "run"

    @property
    def many(self) -> bool:
        """True if a list shows one line and not its answers."""
        return bool(self.made_for.kind) or (self.total > MANY_ANSWERS and not self.table)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all runs that this one stands for."""
        return self.parts or (self.id,)

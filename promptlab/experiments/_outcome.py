"""What came of an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from promptlab.experiments._design import Design
from promptlab.experiments._effects import Effect
from promptlab.experiments._observations import Observations
from promptlab.experiments._plan import Planned

State = Literal["asking", "stopped", "finished"]
"""`stopped`: it ended before the answers that were planned, and before a planned look had settled everything."""


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment. `seen` is what the effects are computed from, `screened` what chose the arms.

    `design` has the arms that are asked to the end. `stopped` says why not all cases were asked, "" if they were.
    Unless `state` is "finished", an effect has no verdict but "cannot tell yet", apart from those that a planned look
    has settled: who looks all the time, and stops when the numbers are nice, finds effects that are not there.
    """

    planned: Planned
    design: Design
    seen: Observations
    effects: tuple[Effect, ...]
    screened: Observations | None = None
    stopped: str = ""
    notes: tuple[str, ...] = ()
    incomplete: bool = False
    """True if it is being asked, was stopped, or reached a limit, before the answer was clear."""
    state: State = "finished"
    stage: str = ""
    done: int = 0
    total: int = 0
    """`done` of `total` answers of the stage `stage`, which is the last that was begun."""

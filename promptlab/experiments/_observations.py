"""What was seen: for each case, arm and model the score of each repeat, and why one is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean


@dataclass(frozen=True, slots=True)
class Observation:
    """One answer: its score from 0 to 1, None if it is not judged or there is no answer, and then the reason.

    `result` is the id of the answer in the run history, in its run `store_run`; `text` is the answer.
    """

    case: str
    arm: str
    model: str
    repeat: int
    score: float | None
    passed: bool | None = None
    why_not: str = ""
    result: str = ""
    store_run: str = ""
    text: str = ""


@dataclass(frozen=True)
class Observations:
    """All that was seen. `by_cell` has the observations of each (case, arm, model)."""

    every: tuple[Observation, ...]
    by_cell: Mapping[tuple[str, str, str], tuple[Observation, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        cells: dict[tuple[str, str, str], list[Observation]] = defaultdict(list)
        for one in self.every:
            cells[one.case, one.arm, one.model].append(one)
        object.__setattr__(self, "by_cell", {key: tuple(found) for key, found in cells.items()})

    def __add__(self, other: Observations) -> Observations:
        return Observations((*self.every, *other.every))

    @property
    def cases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.case for one in self.every))

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.model for one in self.every))

    @property
    def repeats(self) -> int:
        """The largest number of answers to one prompt."""
        return max(map(len, self.by_cell.values()), default=0)

    def score(self, case: str, arms: Sequence[str], model: str) -> float | None:
        """The mean score of a case over `arms`; None if any of its answers there is missing or not judged.

        A mean over some of the arms would compare other things than the contrast says.
        """
        means: list[float] = []
        for arm in arms:
            scores = [one.score for one in self.by_cell.get((case, arm, model), ())]
            judged = [score for score in scores if score is not None]
            if not scores or len(judged) < len(scores):
                return None
            means.append(fmean(judged))
        return fmean(means)

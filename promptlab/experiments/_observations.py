"""What was seen: for each case, arm and model the score of each repeat, and why one is missing."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from promptlab.types import Label, sha256


@dataclass(frozen=True, slots=True)
class Observation:
    """One answer: its score from 0 to 1, None if it is not judged or there is no answer, and then the reason.

    `result` is the id of the answer in the run history, in its run `store_run`; `text` is the answer. `label` is that
    of its prompt and its case, which the answer has too. `prompt` is a hash of all that was sent (`asked_hash`),
    "" if nothing was. `tokens` are the new ones of the answer, with thinking; `valid` says whether it keeps to the
    schema of its arm; `seconds` is how long the answer took when it was given. They are None if that is not known.
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
    label: Label = "public"
    prompt: str = ""
    tokens: int | None = None
    valid: bool | None = None
    seconds: float | None = None

    def masked(self) -> Observation:
        """The observation without text if its label is above public; scores remain."""
        if self.label == "public":
            return self
        why = hidden(self.why_not, self.label) if self.why_not else ""
        text = hidden(self.text, self.label)
        return replace(self, case=f"case-{sha256(self.case)[:8]}", why_not=why, text=text)


def hidden(text: str, label: Label) -> str:
    """What stands in the place of a text that is not shown."""
    return f"[{label}: {len(text):,} characters]"


@dataclass(frozen=True)
class Observations:
    """All that was seen. `by_cell` has the observations of each (case, arm, model)."""

    every: tuple[Observation, ...]
    by_cell: Mapping[tuple[str, str, str], tuple[Observation, ...]] = field(init=False, repr=False, compare=False)
    _means: Mapping[tuple[str, str, str], float | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        cells: dict[tuple[str, str, str], list[Observation]] = defaultdict(list)
        for one in self.every:
            cells[one.case, one.arm, one.model].append(one)
        object.__setattr__(self, "by_cell", {key: tuple(found) for key, found in cells.items()})
        object.__setattr__(self, "_means", {key: _mean_score(found) for key, found in cells.items()})

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

    def prompts(self, case: str, arms: Sequence[str], model: str) -> list[str]:
        """Hashes of what a case was asked in `arms`, in the order of the alphabet; empty if one is not known."""
        cells = [self.by_cell.get((case, arm, model), ()) for arm in arms]
        hashes = sorted(prompt for cell in cells for prompt in {one.prompt for one in cell} or {""})
        return hashes if all(hashes) else []

    def score(self, case: str, arms: Sequence[str], model: str) -> float | None:
        """The mean score of a case over `arms`; None if any of its answers there is missing or not judged.

        A mean over some of the arms would compare other things than the contrast says.
        """
        means: list[float] = []
        for arm in arms:
            mean = self._means.get((case, arm, model))
            if mean is None:
                return None
            means.append(mean)
        return math.fsum(means) / len(means)


def _mean_score(answers: Sequence[Observation]) -> float | None:
    scores = [answer.score for answer in answers if answer.score is not None]
    return math.fsum(scores) / len(scores) if scores and len(scores) == len(answers) else None

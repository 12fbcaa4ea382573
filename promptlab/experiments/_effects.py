"""The effects: what each contrast did to the score, how sure that is, and a verdict.

Each contrast is a paired comparison on the same cases (`stats/_mean.py` has the test). The primary ones were named
beforehand and share the error among themselves, the others among themselves (Holm).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from promptlab import stats
from promptlab.experiments._design import Contrast, Design
from promptlab.experiments._observations import Observations
from promptlab.stats import Comparison, Interval

Verdict = Literal["helps", "hurts", "equivalent", "cannot tell yet"]
MARGIN = 0.05
"""A difference of less than this counts as none, unless the experiment says otherwise."""
ONLY_LOOK = stats.Look()


@dataclass(frozen=True)
class Effect:
    """The effect of a contrast on the scores of a model.

    The verdict goes by the adjusted p-value. The interval is that of this comparison alone, so among many comparisons
    it may exclude zero while the verdict is "cannot tell yet". `p` and `interval` allow for all looks at the data, if
    there were several. `more` is how many further cases would settle it: 0 if it is settled, None if that cannot be
    estimated. `left_out` cases have an answer that is missing or not judged, with the reasons and their counts.
    `better` and `worse` are the ids of cases. If two models are compared, `model` is the first of the two; against chance, no
    case is better or worse. `hopeless` says that the cases left are not likely to settle it.
    """

    contrast: Contrast
    model: str
    comparison: Comparison
    adjusted_p: float
    verdict: Verdict
    margin: float
    more: int | None
    left_out: Mapping[str, int]
    better: tuple[str, ...]
    worse: tuple[str, ...]
    p: float = 1.0
    hopeless: bool = False

    @property
    def difference(self) -> float:
        """Mean score after minus before, from -1 to 1."""
        return self.comparison.difference

    @property
    def interval(self) -> Interval:
        return self.comparison.interval

    @property
    def confidence(self) -> float:
        return self.comparison.confidence

    @property
    def cases(self) -> int:
        return self.comparison.cases


def effects_of(
    design: Design,
    seen: Observations,
    models: Sequence[str],
    *,
    margin: float = MARGIN,
    confidence: float = stats.CONFIDENCE,
    look: stats.Look = ONLY_LOOK,
) -> tuple[Effect, ...]:
    """The effect of every contrast for every model, in the order of the design. `look` says which look at the data this
    is, of how many; the error rate is that of all of them together."""
    pairs = [
        (contrast, model, _Pairs(seen, contrast, model))
        for contrast in design.contrasts
        for model in contrast.compared(models)
    ]
    compared = {_key(contrast, model): found.compared(confidence) for contrast, model, found in pairs}
    adjusted: dict[str, float] = {}
    for primary in (True, False):
        keys = [_key(contrast, model) for contrast, model, _ in pairs if contrast.primary == primary]
        adjusted |= stats.holm({key: look.p(compared[key].p) for key in keys})
    sizes = {primary: sum(c.primary == primary for c, _, _ in pairs) for primary in (True, False)}
    return tuple(
        _effect(found, compared[key], adjusted[key], sizes[contrast.primary], margin, look)
        for contrast, model, found in pairs
        for key in [_key(contrast, model)]
    )


def _key(contrast: Contrast, model: str) -> str:
    return f"{contrast.name}\0{model}"


class _Pairs:
    """The scores of each case before and after, for one contrast and model."""

    def __init__(self, seen: Observations, contrast: Contrast, model: str) -> None:
        self.contrast, self.model = contrast, model
        self.before: list[float] = []
        self.after: list[float] = []
        self.left_out: dict[str, int] = {}
        self.better: list[str] = []
        self.worse: list[str] = []
        self.chance = contrast.chance
        sides = contrast.sides(model)
        self.several = max(len(contrast.after), len(contrast.before)) > 1 or seen.repeats > 1
        for case in seen.cases:
            after, before = (self._score(seen, case, *side) for side in sides)
            if before is None or after is None:
                reason = _reason(seen, case, sides)
                self.left_out[reason] = self.left_out.get(reason, 0) + 1
                continue
            self.before.append(before)
            self.after.append(after)
            if abs(after - before) > 1e-9 and self.chance is None:
                (self.better if after > before else self.worse).append(case)

    def _score(self, seen: Observations, case: str, arms: Sequence[str], model: str) -> float | None:
        return self.chance if not arms else seen.score(case, arms, model)

    def compared(self, confidence: float) -> Comparison:
        if self.chance is not None:
            return stats.compare_with_rate(self.after, self.chance, confidence=confidence, mid=True)
        before, after = ([[score] for score in side] for side in (self.before, self.after))
        return stats.compare_graded(before, after, confidence=confidence, mid=True, several=self.several)


def _reason(seen: Observations, case: str, sides: Sequence[tuple[Sequence[str], str]]) -> str:
    for arms, model in sides:
        for arm in arms:
            answers = seen.by_cell.get((case, arm, model), ())
            if not answers:
                return "it was not asked"
            for answer in answers:
                if answer.score is None:
                    return answer.why_not
    return ""


def _effect(pairs: _Pairs, found: Comparison, adjusted: float, family: int, margin: float, look: stats.Look) -> Effect:
    level, repeated = 1 - found.confidence, look.p(found.p)
    confidence = stats.adjusted_confidence(repeated, adjusted, confidence=found.confidence)
    deviations = math.copysign(stats.deviations_of(found.p), found.difference)
    verdict: Verdict = "cannot tell yet"
    if found.cases and adjusted < level:
        verdict = "helps" if found.difference > 0 else "hurts"
    elif found.cases and _within(found.at(look.confidence(1 - level / family)).interval, margin):
        verdict = "equivalent"
    settled = verdict != "cannot tell yet"
    shown = found.with_errors(look.errors(deviations, found.confidence)) if look.number and found.cases else found
    rest = dict(sorted(pairs.left_out.items(), key=lambda item: -item[1]))
    return Effect(
        *(pairs.contrast, pairs.model, shown, adjusted, verdict, margin),
        0 if settled else _more(found.at(look.confidence(confidence)), margin),
        rest,
        tuple(pairs.better),
        tuple(pairs.worse),
        repeated,
        not settled and not look.last and _hopeless(found, deviations, confidence, margin, look),
    )


def _hopeless(found: Comparison, deviations: float, confidence: float, margin: float, look: stats.Look) -> bool:
    """True if the cases that are left will most likely show neither a difference nor that there is none.

    It only ever stops early without a result, so it adds nothing to the error rate.
    """
    if found.cases < 2:
        return False
    squares = sum((change - found.difference) ** 2 * count for change, count in found.changes)
    error = math.sqrt(max(squares, 1.0) / (found.cases - 1) / found.cases)  # where nothing changed, as if one had
    promise = look.promise(deviations, confidence) + look.promise_within(found.difference, error, margin, confidence)
    return promise < stats.HOPELESS


def _within(interval: Interval, margin: float) -> bool:
    return -margin < interval.low and interval.high < margin


def _more(found: Comparison, margin: float) -> int | None:
    """How many further cases tell that there is an effect, or that there is none larger than the margin."""
    if found.cases < 2:
        return None
    within = stats.cases_to_be_within(found.changes, margin, confidence=found.confidence, bounds=found.bounds)
    known = [n for n in (found.more, None if within is None else max(1, within - found.cases)) if n is not None]
    return min(known, default=None)

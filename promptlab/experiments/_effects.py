"""The effects: what each contrast did to the score, how sure that is, and a verdict.

Each contrast is a paired comparison on the same cases (`stats/_mean.py` has the test). The primary ones were named
beforehand and share the error among themselves, the others among themselves (Holm).
"""

from __future__ import annotations

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


@dataclass(frozen=True)
class Effect:
    """The effect of a contrast on the scores of a model.

    The verdict goes by the adjusted p-value. The interval is that of this comparison alone, so among many comparisons
    it may exclude zero while the verdict is "cannot tell yet". `more` is how many further cases would settle it: 0 if
    it is settled, None if that cannot be estimated. `left_out` cases have an answer that is missing or not judged, with
    the reasons and their counts; `better` and `worse` are the ids of cases. If two models are compared, `model` is the
    first of the two; against chance, no case is better or worse.
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
) -> tuple[Effect, ...]:
    """The effect of every contrast for every model, in the order of the design."""
    pairs = [
        (contrast, model, _Pairs(seen, contrast, model))
        for contrast in design.contrasts
        for model in contrast.compared(models)
    ]
    compared = {_key(contrast, model): one.compared(confidence) for contrast, model, one in pairs}
    adjusted: dict[str, float] = {}
    for primary in (True, False):
        family = {_key(c, model): compared[_key(c, model)].p for c, model, _ in pairs if c.primary == primary}
        adjusted |= stats.holm(family)
    sizes = {primary: sum(c.primary == primary for c, _, _ in pairs) for primary in (True, False)}
    return tuple(
        _effect(contrast, model, one, compared[key], adjusted[key], sizes[contrast.primary], margin)
        for contrast, model, one in pairs
        for key in [_key(contrast, model)]
    )


def _key(contrast: Contrast, model: str) -> str:
    return f"{contrast.name}\0{model}"


class _Pairs:
    """The scores of each case before and after, for one contrast and model."""

    def __init__(self, seen: Observations, contrast: Contrast, model: str) -> None:
        self.before: list[float] = []
        self.after: list[float] = []
        self.left_out: dict[str, int] = {}
        self.better: list[str] = []
        self.worse: list[str] = []
        self.chance = contrast.chance
        sides = contrast.sides(model)
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
            return stats.compare_with_rate(self.after, self.chance, confidence=confidence)
        return stats.compare_graded([[x] for x in self.before], [[x] for x in self.after], confidence=confidence)


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


def _effect(
    contrast: Contrast, model: str, pairs: _Pairs, found: Comparison, adjusted: float, family: int, margin: float
) -> Effect:
    level = 1 - found.confidence
    confidence = stats.adjusted_confidence(found.p, adjusted, confidence=found.confidence) if found.cases else 0.95
    at = found.at(confidence)
    verdict: Verdict = "cannot tell yet"
    if found.cases and adjusted < level:
        verdict = "helps" if found.difference > 0 else "hurts"
    elif found.cases and _within(found.at(1 - level / family).interval, margin):
        verdict = "equivalent"
    more = 0 if verdict != "cannot tell yet" else _more(at, margin)
    rest = dict(sorted(pairs.left_out.items(), key=lambda item: -item[1]))
    return Effect(
        *(contrast, model, found, adjusted, verdict, margin, more, rest),
        tuple(pairs.better),
        tuple(pairs.worse),
    )


def _within(interval: Interval, margin: float) -> bool:
    return -margin < interval.low and interval.high < margin


def _more(found: Comparison, margin: float) -> int | None:
    """How many further cases tell that there is an effect, or that there is none larger than the margin."""
    if found.cases < 2:
        return None
    within = stats.cases_to_be_within(found.changes, margin, confidence=found.confidence, bounds=found.bounds)
    known = [n for n in (found.more, None if within is None else max(1, within - found.cases)) if n is not None]
    return min(known, default=None)

"""The effects: what each contrast did to the score, how sure that is, and a verdict.

Each contrast is a paired comparison on the same cases (`stats/_mean.py` has the test). The primary ones were named
beforehand and share the error among themselves, the others among themselves (Holm).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from promptlab import stats
from promptlab.experiments._design import Contrast, Design
from promptlab.experiments._observations import Observations
from promptlab.stats import Comparison, Interval

Verdict = Literal["helps", "hurts", "equivalent", "cannot tell yet", "changes nothing"]
NO_CHANGE: Verdict = "changes nothing"
"""Both sides asked the same of every case, so there is nothing to measure: a difference would be the model's luck."""
MARGIN = 0.05
"""A difference of less than this counts as none, unless the experiment says otherwise."""
ONLY_LOOK = stats.Look()


@dataclass(frozen=True)
class Effect:
    """The effect of a contrast on the scores of a model.

    The verdict goes by the adjusted p-value. The interval is that of this comparison alone, so among many comparisons
    it may exclude zero while the verdict is "cannot tell yet". `p` and `interval` allow for all looks at the data, if
    there were several. `more` is how many further cases would settle it, at the confidence `settles`: 0 if it is
    settled, None if that cannot be estimated.

    `left_out` cases have an answer that is missing or not judged, with the reasons and their counts; `better` and
    `worse` are the ids of cases. If two models are compared, `model` is the first of the two; against chance, no case
    is better or worse. `hopeless` says that the cases left are not likely to settle it. `unchanged` says that both
    sides asked the same of every case until now.
    """

    contrast: Contrast
    model: str
    comparison: Comparison
    adjusted_p: float
    verdict: Verdict
    margin: float
    settles: float
    left_out: Mapping[str, int]
    better: tuple[str, ...]
    worse: tuple[str, ...]
    p: float = 1.0
    hopeless: bool = False
    unchanged: bool = False

    @cached_property
    def more(self) -> int | None:
        return 0 if self.verdict != "cannot tell yet" else _more(self.comparison, self.settles, self.margin)

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
        own = [(_key(contrast, model), found) for contrast, model, found in pairs if contrast.primary == primary]
        adjusted |= stats.holm({key: look.p(compared[key].p) for key, found in own if not found.unchanged})
        adjusted |= {key: 1.0 for key, found in own if found.unchanged}
    changed = [contrast.primary for contrast, _, found in pairs if not found.unchanged]
    sizes = {primary: max(1, changed.count(primary)) for primary in (True, False)}
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
        self.steps: list[list[float]] = []
        self.better: list[str] = []
        self.worse: list[str] = []
        self.chance = contrast.chance
        sides = contrast.sides(model)
        self.unchanged = contrast.chance is None and contrast.models is None and bool(seen.cases)
        self.several = max(len(contrast.after), len(contrast.before)) > 1 or seen.repeats > 1
        for case in seen.cases:
            if self.unchanged:
                there, gone = (seen.prompts(case, *side) for side in sides)
                self.unchanged = bool(there) and there == gone
            after, before = (self._score(seen, case, *side) for side in sides)
            if before is None or after is None:
                reason = _reason(seen, case, sides)
                self.left_out[reason] = self.left_out.get(reason, 0) + 1
                continue
            self.before.append(before)
            self.after.append(after)
            if contrast.drawn_of:
                self.steps.append(_steps(seen, case, contrast, model))
            if abs(after - before) > 1e-9 and self.chance is None:
                (self.better if after > before else self.worse).append(case)

    def _score(self, seen: Observations, case: str, arms: Sequence[str], model: str) -> float | None:
        return self.chance if not arms else seen.score(case, arms, model)

    def compared(self, confidence: float) -> Comparison:
        if self.chance is not None:
            return stats.compare_with_rate(self.after, self.chance, confidence=confidence, mid=True)
        before, after = ([[score] for score in side] for side in (self.before, self.after))
        found = stats.compare_graded(before, after, confidence=confidence, mid=True, several=self.several)
        return found.with_stretch(stats.stretch_of(self.steps, self.contrast.drawn_of)) if self.steps else found


def _steps(seen: Observations, case: str, contrast: Contrast, model: str) -> list[float]:
    """What each pair of arms did to a case whose answers are all judged."""
    pairs = zip(contrast.after, contrast.before, strict=True)
    return [
        (seen.score(case, (after,), model) or 0.0) - (seen.score(case, (before,), model) or 0.0)
        for after, before in pairs
    ]


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
    if pairs.unchanged:
        verdict = NO_CHANGE
    elif found.cases and adjusted < level:
        verdict = "helps" if found.difference > 0 else "hurts"
    elif found.within(margin, look.confidence(1 - level / family)):
        verdict = "equivalent"
    settled = verdict != "cannot tell yet"
    hopeless = not settled and not look.last and _hopeless(found, deviations, confidence, margin, look)
    if found.cases and len(look.shares) > 1:
        ended = settled or hopeless or look.last
        found = found.with_errors(look.errors(deviations) if ended else look.repeated_errors())
    return Effect(
        *(pairs.contrast, pairs.model, found, adjusted, verdict, margin, look.confidence(confidence)),
        dict(sorted(pairs.left_out.items(), key=lambda item: -item[1])),
        tuple(pairs.better),
        tuple(pairs.worse),
        repeated,
        hopeless,
        pairs.unchanged,
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


def _more(found: Comparison, confidence: float, margin: float) -> int | None:
    """How many further cases tell that there is an effect, or that there is none larger than the margin."""
    if found.cases < 2:
        return None
    # Not that of `found`, whose interval may be settled at a lower confidence.
    tell = stats.cases_to_tell(found.changes, 0.0, found.bounds, confidence=confidence)
    within = stats.cases_to_be_within(found.changes, margin, confidence=confidence, bounds=found.bounds)
    needed = min((cases for cases in (tell, within) if cases is not None), default=None)
    return None if needed is None else max(1, needed - found.cases)

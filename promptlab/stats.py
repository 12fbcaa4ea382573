"""Statistics: confidence intervals, paired tests, and the number of cases that a comparison needs.

Pure functions of counts and scores, without a library. Two versions of a prompt are always compared on the same cases.
Several answers to one case are one cluster, because they carry little more information than one answer.

    wilson(38, 40)                       # Interval(low=0.835, high=0.986)
    compare_binary([(True, False), …])   # before and after for each case: difference, interval, exact McNemar

Sources: Wilson, JASA 22 (1927); McNemar, Psychometrika 12 (1947), in its exact form; Agresti & Min, Statistics in
Medicine 24 (2005), for the interval of a paired difference; Connor, Biometrics 43 (1987), for the number of pairs;
Efron, Annals of Statistics 7 (1979), for the bootstrap; Kish, Survey Sampling (1965), for
what clustered answers are worth; Miller, arXiv 2411.00640 (2024), for clusters;
Holm, Scandinavian Journal of Statistics 6 (1979); Cohen, Educational and Psychological Measurement 20 (1960).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

CONFIDENCE = 0.95
POWER = 0.8
"""The probability to find a true effect of the given size."""

RESAMPLES = 4_000
"""Resamples of a bootstrap. With 4,000, the ends of a 95 % interval vary by about 1 % of its length between seeds."""

ENOUGH = 8
"""Fewest cases for which a graded comparison has an interval. A bootstrap of fewer cases is far too narrow."""

FEW = 2_000
"""Most clusters for a bootstrap. With more, the normal interval is the same to three digits."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions compared on the same cases. `difference` is the mean score after minus before, each from 0 to 1.

    `better` and `worse` are the numbers of cases that changed. `p` is two-sided; `interval` is that of the difference.
    `smallest` is the smallest true difference that this number of cases finds with a power of 80 %, None if there is
    none. `more` is the number of further cases that would settle the question: 0 if it is settled, None if it cannot be
    estimated because there is no difference so far.
    """

    cases: int
    before: float
    after: float
    better: int
    worse: int
    difference: float
    interval: Interval
    p: float
    method: str
    smallest: float | None
    more: int | None

    @property
    def settled(self) -> bool:
        """True if the interval does not include zero."""
        return self.interval.low > 0 or self.interval.high < 0


def wilson(passed: float, of: float, *, confidence: float = CONFIDENCE) -> Interval:
    """The Wilson interval of a pass rate, `passed` of `of`. With no observations it is [0, 1]."""
    if not 0 <= passed <= of:
        raise ValueError(f"{passed} of {of} is not a rate")
    if of == 0:
        return Interval(0.0, 1.0)
    z = deviations(confidence)
    rate, spread = passed / of, z * z / of
    middle = (rate + spread / 2) / (1 + spread)
    half = z * math.sqrt(rate * (1 - rate) / of + spread / (4 * of)) / (1 + spread)
    # At the ends the formula gives exactly 0 and 1. Avoid the rounding error.
    return Interval(0.0 if passed == 0 else middle - half, 1.0 if passed == of else middle + half)


def clustered(cases: Sequence[tuple[int, int]], *, confidence: float = CONFIDENCE) -> Interval:
    """The interval of a pass rate if each case has several answers. `cases` are pairs (passed, answers).

    It is the Wilson interval for the effective sample size (Kish). That is the number of cases if all answers to a case
    agree, and up to the number of answers if they differ as much as answers to different cases.
    """
    answers = sum(of for _, of in cases)
    if not answers:
        return wilson(0, 0, confidence=confidence)
    rate = sum(passed for passed, _ in cases) / answers
    # The variance of a ratio of sums over the cases, by linearisation.
    spread = sum((passed - rate * of) ** 2 for passed, of in cases) / answers**2
    spread *= len(cases) / (len(cases) - 1) if len(cases) > 1 else 1
    worth = rate * (1 - rate) / spread if spread else answers if len(cases) > 1 else 1
    worth = min(float(answers), max(float(min(len(cases), answers)), worth)) if 0 < rate < 1 else float(len(cases))
    return wilson(rate * worth, worth, confidence=confidence)


def mcnemar(better: int, worse: int) -> float:
    """The two-sided exact p-value of McNemar's test, for the numbers of cases that got better and worse."""
    changed = better + worse
    if changed == 0:
        return 1.0
    tail = sum(math.comb(changed, k) for k in range(min(better, worse) + 1))
    return min(1.0, math.ldexp(1.0, 1 - changed) * tail if changed < 1000 else _large_tail(tail, changed))


def _large_tail(tail: int, changed: int) -> float:
    # The sum may be too large for a float, but the ratio is not.
    shift = max(0, tail.bit_length() - 64)
    return math.ldexp(float(tail >> shift), shift + 1 - changed)


def compare_binary(pairs: Sequence[tuple[bool, bool]], *, confidence: float = CONFIDENCE) -> Comparison:
    """Compare passes before and after, one pair per case, with the exact McNemar test."""
    cases = len(pairs)
    better = sum(new and not old for old, new in pairs)
    worse = sum(old and not new for old, new in pairs)
    before = fmean(float(old) for old, _ in pairs) if pairs else 0.0
    after = fmean(float(new) for _, new in pairs) if pairs else 0.0
    p = mcnemar(better, worse)
    interval = _paired_interval(better, worse, cases, confidence)
    rate = (better + worse) / cases if cases else 0.0
    return Comparison(
        cases=cases,
        before=before,
        after=after,
        better=better,
        worse=worse,
        difference=after - before,
        interval=interval,
        p=p,
        method="exact McNemar test",
        smallest=smallest_effect(cases, rate, confidence=confidence),
        more=_more(cases, after - before, rate, p <= 1 - confidence, confidence),
    )


def _paired_interval(better: int, worse: int, cases: int, confidence: float) -> Interval:
    """The interval of Agresti and Min: half an observation is added to each of the four cells."""
    if cases == 0:
        return Interval(-1.0, 1.0)
    n = cases + 2
    middle = (better - worse) / n
    variance = max(0.0, (better + worse + 1) / n - middle * middle) / n
    half = deviations(confidence) * math.sqrt(variance)
    return Interval(max(-1.0, middle - half), min(1.0, middle + half))


def compare_graded(
    before: Sequence[Sequence[float]],
    after: Sequence[Sequence[float]],
    *,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Comparison:
    """Compare scores from 0 to 1, before and after. Each case has the scores of its repeats, at least one on each side.

    The bootstrap draws cases, not answers, because the repeats of a case are one cluster. The same `seed` gives the
    same result.
    """
    if len(before) != len(after) or not all(map(len, before)) or not all(map(len, after)):
        raise ValueError("every case needs scores before and after")
    olds, news = [fmean(scores) for scores in before], [fmean(scores) for scores in after]
    changes = [new - old for old, new in zip(olds, news, strict=True)]
    cases = len(changes)
    if cases == 0:
        return Comparison(0, 0.0, 0.0, 0, 0, 0.0, Interval(-1.0, 1.0), 1.0, "paired bootstrap", None, None)
    mean = fmean(changes)
    variance = sum((change - mean) ** 2 for change in changes) / (cases - 1) if cases > 1 else 0.0
    error = math.sqrt(variance / cases)
    interval, p, method = _mean_change(changes, error, confidence, seed)
    reach = deviations(confidence) + NormalDist().inv_cdf(POWER)
    if p <= 1 - confidence:
        more: int | None = 0
    elif not variance or not mean:
        more = None
    else:
        more = max(1, math.ceil((reach / mean) ** 2 * variance) - cases)
    return Comparison(
        cases=cases,
        before=fmean(olds),
        after=fmean(news),
        better=sum(change > 0 for change in changes),
        worse=sum(change < 0 for change in changes),
        difference=mean,
        interval=interval,
        p=p,
        method=method,
        smallest=reach * error if error and reach * error <= 1 else None,
        more=more,
    )


def _mean_change(changes: Sequence[float], error: float, confidence: float, seed: int) -> tuple[Interval, float, str]:
    """The interval of the mean change, its p-value and the method, which depends on the number of cases."""
    if len(changes) < ENOUGH:
        # So few cases say almost nothing about other cases, but a bootstrap would give a narrow interval.
        return Interval(-1.0, 1.0), 1.0, "too few cases for an interval"
    if len(changes) <= FEW:
        return *_bootstrap(changes, confidence, seed), "paired bootstrap, clustered by case"
    mean, half = fmean(changes), deviations(confidence) * error
    p = 2 * (1 - NormalDist().cdf(abs(mean) / error)) if error else float(mean == 0)
    return Interval(mean - half, mean + half), p, "paired normal interval, clustered by case"


def _bootstrap(changes: Sequence[float], confidence: float, seed: int) -> tuple[Interval, float]:
    """The percentile interval of the mean change, and the two-sided p-value of its sign."""
    if not any(changes):
        # No case changed. The Wilson interval limits the share of changes among all other cases.
        bound = wilson(0, len(changes), confidence=confidence).high
        return Interval(-bound, bound), 1.0
    draw = random.Random(seed).choices
    size = len(changes)
    means = sorted(math.fsum(draw(changes, k=size)) / size for _ in range(RESAMPLES))
    tail = (1 - confidence) / 2
    low, high = means[math.floor(tail * RESAMPLES)], means[min(RESAMPLES - 1, math.ceil((1 - tail) * RESAMPLES) - 1)]
    below, above = sum(mean <= 0 for mean in means), sum(mean >= 0 for mean in means)
    # Add one resample without an effect, because a p-value is never exactly 0.
    return Interval(low, high), min(1.0, 2 * (min(below, above) + 1) / (RESAMPLES + 1))


def smallest_effect(
    cases: int, changed: float, *, confidence: float = CONFIDENCE, power: float = POWER
) -> float | None:
    """The smallest true difference of pass rates that `cases` pairs find with this power. None if there is none.

    `changed` is the share of cases that change in either direction. The result respects a limit of the exact test: even
    if all changes go in one direction, it needs six of them at 95 %.
    """
    fewest = next((n for n in range(1, 64) if mcnemar(0, n) <= 1 - confidence), 64)
    low, high = fewest / cases if cases else math.inf, 1.0
    if low > high:
        return None
    if cases_needed(low, changed, confidence=confidence, power=power) <= cases:
        return low
    if cases_needed(high, changed, confidence=confidence, power=power) > cases:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        enough = cases_needed(middle, changed, confidence=confidence, power=power) <= cases
        low, high = (low, middle) if enough else (middle, high)
    return high


def cases_needed(difference: float, changed: float, *, confidence: float = CONFIDENCE, power: float = POWER) -> int:
    """The number of pairs to find a true `difference` of pass rates, if a share `changed` of cases changes (Connor)."""
    effect = abs(difference)
    if not 0 < effect <= 1:
        raise ValueError(f"{difference} is not a difference between 0 and 1")
    share = min(1.0, max(changed, effect))
    reach = deviations(confidence) * math.sqrt(share)
    reach += NormalDist().inv_cdf(power) * math.sqrt(max(0.0, share - effect * effect))
    return math.ceil((reach / effect) ** 2)


def _more(cases: int, difference: float, changed: float, settled: bool, confidence: float) -> int | None:
    if settled:
        return 0
    if not difference:
        return None
    return max(1, cases_needed(difference, changed, confidence=confidence) - cases)


def holm(ps: Mapping[str, float]) -> dict[str, float]:
    """The Holm-adjusted p-values. Compare each with the usual level, such as 0.05."""
    adjusted, highest = {}, 0.0
    for rank, (name, p) in enumerate(sorted(ps.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (len(ps) - rank) * p))
        adjusted[name] = highest
    return {name: adjusted[name] for name in ps}


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of two judges on `of` answers: the share of equal marks, its interval, and Cohen's kappa.

    `kappa` is None if it is undefined: there are no answers, or both judges always gave the same mark.
    """

    of: int
    share: float
    interval: Interval
    kappa: float | None


def agreement(marks: Sequence[tuple[bool, bool]]) -> Agreement:
    """The agreement of two judges. `marks` are their two marks for each answer."""
    of, same = len(marks), sum(a == b for a, b in marks)
    if not of:
        return Agreement(0, 0.0, wilson(0, 0), None)
    first, second = sum(a for a, _ in marks) / of, sum(b for _, b in marks) / of
    chance = first * second + (1 - first) * (1 - second)
    kappa = None if chance == 1 else (same / of - chance) / (1 - chance)
    return Agreement(of, same / of, wilson(same, of), kappa)


def deviations(confidence: float) -> float:
    """Half the width of a normal interval of this confidence, in standard deviations."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence} is not between 0 and 1")
    return NormalDist().inv_cdf((1 + confidence) / 2)

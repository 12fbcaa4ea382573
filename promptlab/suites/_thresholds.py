"""Thresholds: sentences that say what a suite must reach, and the check that it does.

    thresholds:
      - at least 90 %
      - at least 38 of 40
      - at least 85 % at 95 %                        # the whole interval, not only the rate seen
      - not worse by more than 5 points at 95 %
      - as good as recorded within 2 points at 95 %  # neither worse nor better by more
      - {require: at least 26 of 30, variant: article, model: gemma-3-270m, tag: final}

A sentence counts the items that pass, which means that they pass every scorer. "not worse" compares with the recorded
answers to the same cases. It is met only if the whole interval of the difference is above the margin, and "as good as"
only if the whole interval is within the margin on both sides (two one-sided tests: Schuirmann, Journal of
Pharmacokinetics and Biopharmaceutics 15 (1987)). At 95 % each of these tests is wrong in at most 2.5 % of suites.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from promptlab import stats

FORMS = (
    "at least 38 of 40",
    "at least 90 %",
    "at least 85 % at 95 %",
    "not worse by more than 5 points at 95 %",
    "as good as recorded within 2 points at 95 %",
)
_NUMBER = r"(\d+(?:\.\d+)?)"
_COUNT = re.compile(r"at least (\d+) of (\d+)")
_SHARE = re.compile(rf"at least {_NUMBER} ?%(?: at {_NUMBER} ?%)?")
_MARGIN = re.compile(rf"not worse(?: by more than {_NUMBER} points?)? at {_NUMBER} ?%")
_AS_GOOD = re.compile(rf"as good as recorded,? within {_NUMBER} points? at {_NUMBER} ?%")


@dataclass(frozen=True, slots=True)
class Threshold:
    """One sentence, and the items that it is about: those of a variant, a model or a tag, or all.

    The kinds: `count` of `of` items must pass; or a `share` from 0 to 1 must pass, with a `confidence` the lower end of
    its interval; or the difference to the recorded answers must not be below `-margin`, or for "as good" within
    `margin` on both sides.
    """

    text: str
    kind: Literal["count", "share", "margin", "as good"]
    count: int = 0
    of: int = 0
    share: float = 0.0
    margin: float = 0.0
    confidence: float | None = None
    variant: str | None = None
    model: str | None = None
    tag: str | None = None

    @property
    def compares(self) -> bool:
        """True if it compares with the recorded answers."""
        return self.kind in ("margin", "as good")

    @property
    def about(self) -> str:
        """The items that it is about, in words; "" if it is about all."""
        named = (("variant", self.variant), ("model", self.model), ("tag", self.tag))
        return ", ".join(f"{name} {value}" for name, value in named if value is not None)


def parse_threshold(
    text: str, *, variant: str | None = None, model: str | None = None, tag: str | None = None
) -> Threshold:
    """The threshold in `text`. Raises `ValueError`, with the known forms, if it is none."""
    said = " ".join(text.split())
    found: re.Match[str] | None
    if found := _COUNT.fullmatch(said):
        count, of = int(found[1]), int(found[2])
        if not 0 < count <= of:
            raise ValueError(f"`{said}` can never be met, or is always met")
        return Threshold(said, "count", count=count, of=of, variant=variant, model=model, tag=tag)
    if found := _SHARE.fullmatch(said):
        share, level = _percent(found[1], said), _confidence(found[2], said)
        return Threshold(said, "share", share=share, confidence=level, variant=variant, model=model, tag=tag)
    if found := _MARGIN.fullmatch(said):
        margin, level = _percent(found[1] or "0", said), _confidence(found[2], said)
        return Threshold(said, "margin", margin=margin, confidence=level, variant=variant, model=model, tag=tag)
    if found := _AS_GOOD.fullmatch(said):
        margin, level = _percent(found[1], said), _confidence(found[2], said)
        if not margin:
            raise ValueError(f"`{said}` can never be met: no number of cases shows that two versions are equal")
        return Threshold(said, "as good", margin=margin, confidence=level, variant=variant, model=model, tag=tag)
    raise ValueError(f"`{said[:80]}` is no threshold; write for example: {'; '.join(FORMS)}")


def _percent(text: str, said: str) -> float:
    if float(text) > 100:
        raise ValueError(f"`{said}` asks for more than 100")
    return float(Fraction(text) / 100)


def _confidence(text: str | None, said: str) -> float | None:
    if text is None:
        return None
    if not 50 <= float(text) < 100:
        raise ValueError(f"`{said}` needs a confidence from 50 % to below 100 %")
    return float(Fraction(text) / 100)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an item: its pass and its mean score, now and as recorded (None if nothing is recorded).

    `passed` is None if the item has no answer, or if its answer is `not_judged`: it is in no rate and in no comparison,
    and never helps to meet a threshold. An item that has an answer but no scorer is `unscored`, and does not count at
    all. `cut` means that the answer was judged although it was cut off.
    """

    case: str
    variant: str
    model: str
    tags: tuple[str, ...]
    passed: bool | None
    score: float | None
    recorded_passed: bool | None = None
    recorded_score: float | None = None
    unscored: bool = False
    not_judged: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a threshold. `met` is None if it cannot be told yet; `more` is then how many more cases would
    settle it, if that is known."""

    threshold: Threshold
    met: bool | None
    said: str
    more: int | None = None


def check_threshold(threshold: Threshold, outcomes: Iterable[Outcome]) -> Check:
    """Check `threshold` on `outcomes`."""
    mine = [outcome for outcome in outcomes if _is_about(threshold, outcome) and not outcome.unscored]
    if not mine:
        return Check(threshold, False, f"no item is of {threshold.about}" if threshold.about else "there are no items")
    if threshold.compares:
        return _margin(threshold, mine)
    if threshold.kind == "count":
        return _count(threshold, mine)
    if threshold.confidence is None:
        return _share(threshold, mine)
    return _surely(threshold, mine)


def _count(threshold: Threshold, mine: Sequence[Outcome]) -> Check:
    """The result of a count. An item that is not judged does not pass, and might."""
    passed, of, unjudged = sum(bool(o.passed) for o in mine), len(mine), _unjudged(mine)
    if of != threshold.of:
        return Check(threshold, False, f"{passed} of {of} passed, and the threshold is about {threshold.of}")
    said = f"{passed} of {of} passed{_unjudged_in_words(unjudged)}"
    if unjudged and passed < threshold.count <= passed + unjudged:
        return Check(threshold, None, said)
    return Check(threshold, passed >= threshold.count, said)


def _share(threshold: Threshold, mine: Sequence[Outcome]) -> Check:
    """The result of a share. It is of the judged items, unless the others could change it."""
    passed, of, unjudged = sum(bool(o.passed) for o in mine), len(mine), _unjudged(mine)
    rate = f", {100 * passed / (of - unjudged):.1f} %" if of > unjudged else ""
    said = f"{passed} of {of - unjudged} passed{rate}{_unjudged_in_words(unjudged)}"
    if unjudged and passed / of < threshold.share <= (passed + unjudged) / of:
        return Check(threshold, None, said)
    return Check(threshold, passed / of >= threshold.share, said)


def _unjudged(outcomes: Iterable[Outcome]) -> int:
    return sum(outcome.passed is None for outcome in outcomes)


def _unjudged_in_words(count: int) -> str:
    return f"; {count} not judged or without an answer" if count else ""


def _is_about(threshold: Threshold, outcome: Outcome) -> bool:
    return (
        threshold.variant in (None, outcome.variant)
        and threshold.model in (None, outcome.model)
        and (threshold.tag is None or threshold.tag in outcome.tags)
    )


def _surely(threshold: Threshold, mine: Sequence[Outcome]) -> Check:
    """The result of a share with a confidence. The interval is clustered by case, and of the judged items; it decides
    if the items that are not judged could not change what it says."""
    level, unjudged = threshold.confidence or stats.CONFIDENCE, _unjudged(mine)
    judged = [outcome for outcome in mine if outcome.passed is not None]
    passed = sum(bool(outcome.passed) for outcome in judged)
    interval = _interval(judged, level)
    said = f"{passed} of {len(judged)} passed"
    if judged:
        said += (
            f", {100 * passed / len(judged):.1f} % "
            f"({100 * interval.low:.1f} to {100 * interval.high:.1f} % at {100 * level:g} %)"
        )
    said += _unjudged_in_words(unjudged)
    worst = _interval([replace(o, passed=bool(o.passed)) for o in mine], level) if unjudged else interval
    best = _interval([replace(o, passed=o.passed is not False) for o in mine], level) if unjudged else interval
    if worst.low >= threshold.share:
        return Check(threshold, True, said)
    if best.high < threshold.share:
        return Check(threshold, False, said)
    if not judged or interval.low >= threshold.share or interval.high < threshold.share:
        return Check(threshold, None, said)  # it is not more cases that are missing
    cases = _hits(judged)
    rates = list(Counter(hits / of for hits, of in cases).items())
    needed = stats.cases_to_tell(rates, threshold.share, (0.0, 1.0), confidence=level)
    return Check(threshold, None, said, _more(needed, len(cases)))


def _hits(outcomes: Sequence[Outcome]) -> list[tuple[int, int]]:
    """The passes of each case, and its answers."""
    return [(sum(bool(o.passed) for o in group), len(group)) for group in _by_case(outcomes).values()]


def _interval(outcomes: Sequence[Outcome], level: float) -> stats.Interval:
    return stats.clustered(_hits(outcomes), confidence=level)


def _more(needed: int | None, cases: int) -> int | None:
    return None if needed is None else max(1, needed - cases)


def compare_with_recorded(
    outcomes: Sequence[Outcome], *, confidence: float = stats.CONFIDENCE
) -> stats.Comparison | None:
    """Compare the new answers with the recorded ones, on the cases that have both; None if no case has.

    A case is one observation: its change is the mean of its new scores minus that of the recorded ones.
    """
    cases: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.score is not None and outcome.recorded_score is not None:
            cases.setdefault(outcome.case, []).append(outcome)
    if not cases:
        return None
    return stats.compare_graded(
        [[o.recorded_score or 0.0 for o in group] for group in cases.values()],
        [[o.score or 0.0 for o in group] for group in cases.values()],
        confidence=confidence,
    )


def _margin(threshold: Threshold, mine: Sequence[Outcome]) -> Check:
    """The result of a margin: the difference to the recorded answers to the same cases."""
    level = threshold.confidence or stats.CONFIDENCE
    found = compare_with_recorded(mine, confidence=level)
    if found is None:
        return Check(threshold, None, "no case has an answer and a recorded one to compare it with")
    missing = [o for o in mine if o.score is None]
    said = (
        f"{100 * found.difference:+.1f} points on {found.cases} cases "
        f"({100 * found.interval.low:+.1f} to {100 * found.interval.high:+.1f} at {100 * level:g} %)"
    )
    if missing:
        met = False if _is_outside(threshold, mine, level) else None
        return Check(threshold, met, f"{said}{_unjudged_in_words(len(missing))}")
    met = _is_met(threshold, found.interval)
    return Check(threshold, met, said, None if met is not None else _more_for_margin(threshold, found))


def _is_outside(threshold: Threshold, mine: Sequence[Outcome], level: float) -> bool:
    """True if the margin is not met, whatever became of the items that are not judged."""
    if _with_unjudged(mine, 1.0, level).high < -threshold.margin:
        return True
    return threshold.kind == "as good" and _with_unjudged(mine, 0.0, level).low > threshold.margin


def _with_unjudged(mine: Sequence[Outcome], score: float, level: float) -> stats.Interval:
    """The interval of the difference if every item that is not judged had this score."""
    filled = [replace(outcome, score=score) if outcome.score is None else outcome for outcome in mine]
    compared = compare_with_recorded(filled, confidence=level)
    assert compared is not None, "there is a comparison without these items already"
    return compared.interval


def _is_met(threshold: Threshold, interval: stats.Interval) -> bool | None:
    """Whether the true difference is where it must be; None if the interval lies on both sides of a margin."""
    margin, both = threshold.margin, threshold.kind == "as good"
    if interval.high < -margin or (both and interval.low > margin):
        return False
    return True if interval.low > -margin and (not both or interval.high < margin) else None


def _more_for_margin(threshold: Threshold, found: stats.Comparison) -> int | None:
    """How many more cases like these would tell; None if no number would."""
    margin, level = threshold.margin, found.confidence
    if threshold.kind == "as good" and abs(found.difference) < margin:
        needed = stats.cases_to_be_within(found.changes, margin, confidence=level)
    else:
        edge = margin if threshold.kind == "as good" and found.difference > 0 else -margin
        needed = stats.cases_to_tell(found.changes, edge, (-1.0, 1.0), confidence=level)
    return _more(needed, found.cases)


def _by_case(outcomes: Iterable[Outcome]) -> Mapping[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.case, []).append(outcome)
    return groups

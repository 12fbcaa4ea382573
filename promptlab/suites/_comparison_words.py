"""A comparison in words: the difference, its interval, p, and what follows from them. All of it comes from one test, so
that the parts cannot contradict each other."""

from __future__ import annotations

from collections.abc import Sequence

from promptlab.stats import Comparison, Interval, cases_needed

SMALLEST_P = 0.0001
"""Below this, only that it is below is said."""


def percent(share: float) -> str:
    """ "83.3 %". What is not quite nothing or all never looks like it."""
    if 0 < share < 0.0005 or 0.9995 <= share < 1:
        return "< 0.1 %" if share < 0.5 else "> 99.9 %"
    return f"{100 * share:.1f} %"


def percents(interval: Interval) -> str:
    """ "65.3 to 94.4 %"."""
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %"


def rate_in_words(passed: int, judged: int, interval: Interval) -> str:
    """ "pass rate 83.3 %, 95 % interval 65.3 to 94.4 %"."""
    if not judged:
        return "no pass rate: nothing is judged"
    return f"pass rate {percent(passed / judged)}, 95 % interval {percents(interval)}"


def points(interval: Interval) -> str:
    return f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}"


def p_value(p: float) -> str:
    return f"p = {p:.2g}" if p >= SMALLEST_P else f"p < {SMALLEST_P}"


def difference(found: Comparison, *, adjusted_p: float | None = None, suites: int = 1) -> str:
    """ "-7.5 points (95 % interval -20.1 to +6.1, p = 0.38)"; of several suites, with the adjusted p and its own."""
    interval = f"{100 * found.confidence:.4g} % interval {points(found.interval)}"
    if adjusted_p is None or suites < 2:
        return f"{100 * found.difference:+.1f} points ({interval}, {p_value(found.p)})"
    return f"{100 * found.difference:+.1f} points ({interval}, {p_value(adjusted_p)} adjusted for {suites} suites)"


def conclusion(found: Comparison, *, within: Sequence[str] = (), suites: int = 1) -> str:
    """What the comparison shows. `within` are margins that the whole interval keeps within, such as "2 points"."""
    as_good = f"as good as recorded within {' and '.join(within)}" if within else ""
    among = f" among {suites} suites" if suites > 1 else ""
    if not found.better and not found.worse:
        return f", which is {as_good}" if as_good else _reach(found)
    if found.settled:
        return f", which is more than chance{among}" + (f", and {as_good}" if as_good else "")
    if as_good:
        return f", which is {as_good}"
    more = f"; about {found.more:,} cases more would settle a difference of this size" if found.more else ""
    return f", which cannot be told from chance yet{among}{_reach(found)}{more}"


def _reach(found: Comparison) -> str:
    if found.smallest is None:
        needed = max(cases_needed(1.0, 1.0, confidence=found.confidence), found.cases + 1)
        return f", because these are too few cases to show any difference; at least {needed} are needed"
    return f" (so many cases show a difference from {100 * found.smallest:.1f} points on)"

"""The agreement of two judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promptlab.stats._interval import Interval
from promptlab.stats._rate import clustered


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of two judges on `of` answers: the share of equal marks, its interval, and Cohen's kappa.

    `kappa` is None if it is undefined: there are no answers, or both judges always gave the same mark.
    """

    of: int
    share: float
    interval: Interval
    kappa: float | None


def agreement(marks: Sequence[tuple[bool, bool]], *, cases: Sequence[str] | None = None) -> Agreement:
    """The agreement of two judges. `marks` are their two marks for each answer.

    `cases` names the case of each answer, since answers to one case are not independent; without it, every answer is a
    case. Kappa: Cohen, Educational and Psychological Measurement 20 (1960).
    """
    of, same = len(marks), sum(a == b for a, b in marks)
    if not of:
        return Agreement(0, 0.0, Interval(0.0, 1.0), None)
    first, second = sum(a for a, _ in marks) / of, sum(b for _, b in marks) / of
    chance = first * second + (1 - first) * (1 - second)
    kappa = None if chance == 1 else (same / of - chance) / (1 - chance)
    groups: dict[str, tuple[int, int]] = {}
    for case, (a, b) in zip(map(str, range(of)) if cases is None else cases, marks, strict=True):
        agreed, answers = groups.get(case, (0, 0))
        groups[case] = (agreed + (a == b), answers + 1)
    return Agreement(of, same / of, clustered(list(groups.values())), kappa)

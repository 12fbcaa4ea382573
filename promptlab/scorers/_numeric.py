"""The scorer `numeric`: the number in an answer against the expected number, with a tolerance."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from promptlab.errors import InputError
from promptlab.types import Score, Scorer

_NUMBER = re.compile(
    r"""(?<![\w.,])                       # not inside a word or another number
        [-+\u2212]?(?:\d{1,3}(?:[,\u202f\u00a0']\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?
        (?![\w]|[.,]\d)""",
    re.VERBOSE,
)


def numeric(*, absolute: float = 0.0, relative: float = 0.0, take: Literal["only", "first", "last"] = "only") -> Scorer:
    """1 if the number in the answer differs from the expected one by at most `absolute`, or `relative` times it.

    If the answer has several numbers, `take` chooses one; with `only`, an answer with several different numbers is
    wrong. 1,234.5 and 1.2e3 are numbers. A comma before three digits separates thousands.
    """
    for name, tolerance in (("absolute", absolute), ("relative", relative)):
        if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance < math.inf:
            raise InputError(f"`{name}` is a tolerance: a number from 0, not {tolerance!r}")
    if take not in ("only", "first", "last"):
        raise InputError(f"`take` is only, first or last, not {take!r}")

    def score(answer: str, expected: Any) -> Score:
        wanted = _expected(expected)
        numbers = [match[0] for match in _NUMBER.finditer(answer)]
        if not numbers:
            return Score("numeric", 0.0, "", "there is no number in the answer")
        if take == "only" and len({value(number) for number in numbers}) > 1:
            some = ", ".join(numbers[:5]) + (" …" if len(numbers) > 5 else "")
            return Score("numeric", 0.0, answer.strip(), f"there are several numbers: {some}")
        chosen = numbers[-1] if take == "last" else numbers[0]
        away = abs(value(chosen) - wanted)
        near = away <= max(absolute, relative * abs(wanted)) or math.isclose(value(chosen), wanted, rel_tol=1e-12)
        return Score(
            "numeric", float(near), chosen, f"{chosen} is {'' if near else 'not '}{_near(wanted, absolute, relative)}"
        )

    return score


def value(text: str) -> float:
    """The value of `text`, a match of `_NUMBER`."""
    return float(re.sub("[,\u202f\u00a0']", "", text).replace("\u2212", "-"))


def _expected(expected: Any) -> float:
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return float(expected)
    if isinstance(expected, str):
        match = _NUMBER.fullmatch(expected.strip())
        if match:
            return value(match[0])
    raise InputError(f"`numeric` needs a number to compare with, not {expected!r}")


def _near(wanted: float, absolute: float, relative: float) -> str:
    tolerance = [f"{absolute:g}"] if absolute else []
    tolerance += [f"{100 * relative:g} %"] if relative else []
    return f"{wanted:g}" + (f" within {' or '.join(tolerance)}" if tolerance else "")

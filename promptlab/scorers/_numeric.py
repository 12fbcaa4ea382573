"""Numbers: the one an answer gives, against the one expected, with a tolerance."""

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
    """1 when the answer's number is at most `absolute`, or `relative` times what is expected, away from it.

    Of several numbers in an answer `take` says which counts; `only` takes an answer with several different ones for
    wrong. 1,234.5 and 1.2e3 are numbers; a comma before three digits parts thousands.
    """
    for name, given in (("absolute", absolute), ("relative", relative)):
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < math.inf:
            raise InputError(f"`{name}` is a tolerance: a number from 0, not {given!r}")
    if take not in ("only", "first", "last"):
        raise InputError(f"`take` is only, first or last, not {take!r}")

    def score(answer: str, expected: Any) -> Score:
        wanted = _expected(expected)
        found = [match[0] for match in _NUMBER.finditer(answer)]
        if not found:
            return Score("numeric", 0.0, "", "there is no number in the answer")
        if take == "only" and len({value(one) for one in found}) > 1:
            some = ", ".join(found[:5]) + (" …" if len(found) > 5 else "")
            return Score("numeric", 0.0, answer.strip(), f"there are several numbers: {some}")
        said = found[-1] if take == "last" else found[0]
        away = abs(value(said) - wanted)
        near = away <= max(absolute, relative * abs(wanted)) or math.isclose(value(said), wanted, rel_tol=1e-12)
        return Score(
            "numeric", float(near), said, f"{said} is {'' if near else 'not '}{_near(wanted, absolute, relative)}"
        )

    return score


def value(text: str) -> float:
    """The number that `text`, one match of a number, stands for."""
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

"""The scorer `numeric`: the number in an answer against the expected number, with a tolerance.

An answer whose number can be read in more than one way is not judged, if the ways lead to different verdicts.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from promptlab.errors import InputError, NotJudged
from promptlab.scorers._number_text import SUPERSCRIPTS, plain
from promptlab.scorers._numbers import Number, numbers_in
from promptlab.scorers._numerals import Marks, marks_of
from promptlab.types import Score, Scorer

_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.(?:[0-9]{1,2}|[0-9]{4,15}))?")
"""A number that is read in one way only: not with three digits behind a mark."""


def numeric(
    *,
    absolute: float = 0.0,
    relative: float = 0.0,
    take: Literal["only", "first", "last"] = "only",
    locale: str | None = None,
    percent_as_share: bool = False,
) -> Scorer:
    """1 if the number in the answer differs from the expected one by at most `absolute`, or `relative` times it.

    If the answer has several numbers, `take` chooses one; with `only`, an answer with several different numbers is
    wrong. `locale`, such as `de`, says which marks separate thousands and decimals; without it, numbers are read as in
    English. With `percent_as_share`, 25 % is 0.25.
    """
    _check_options(absolute, relative, take)
    marks = marks_of(locale) if locale is not None else None
    rule = _Rule(float(absolute), float(relative), take, percent_as_share, marks, (locale or "en")[:2].lower())

    def score(answer: str, expected: Any) -> Score:
        wanted = rule.expected(expected)
        numbers = rule.counted(answer) if answer.strip() else []
        if not numbers:
            _check_readable(answer)
            return Score("numeric", 0.0, "", "there is no number in the answer")
        if take == "only" and len({number.readings[:1] or number.text for number in numbers}) > 1:
            some = ", ".join(number.text for number in numbers[:5]) + (" …" if len(numbers) > 5 else "")
            return Score("numeric", 0.0, answer.strip(), f"there are several numbers: {some}")
        chosen = numbers[-1] if take == "last" else numbers[0]
        if not chosen.readings and chosen.usual and take == "only":
            return Score("numeric", 0.0, answer.strip(), chosen.why)
        return rule.score(chosen, wanted)

    return score


def _check_readable(answer: str) -> None:
    """Raises `NotJudged` if the answer has characters for numbers that are not read, such as 七 and Ⅻ."""
    unread = [char for char in plain(answer) if unicodedata.numeric(char, None) is not None]
    unread = [char for char in unread if not char.isdigit() or char not in f"0123456789{SUPERSCRIPTS}"]
    if unread:
        raise NotJudged(f"the answer may have a number in a script that is not read: {''.join(unread[:10])}")


def _check_options(absolute: Any, relative: Any, take: Any) -> None:
    for name, tolerance in (("absolute", absolute), ("relative", relative)):
        if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance < math.inf:
            raise InputError(f"`{name}` is a tolerance: a number from 0, not {tolerance!r}")
    if take not in ("only", "first", "last"):
        raise InputError(f"`take` is only, first or last, not {take!r}")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An expected number. `rounded` is True if it is a float, which may differ in its last digit."""

    value: Fraction
    unit: str = ""
    rounded: bool = False

    def __str__(self) -> str:
        return f"{float(self.value):.15g}" + (f" {self.unit}" if self.unit else "")


@dataclass(frozen=True, slots=True)
class _Rule:
    """The options of the scorer."""

    absolute: float
    relative: float
    take: str
    percent_as_share: bool
    marks: Marks | None
    language: str

    def expected(self, expected: Any) -> list[_Wanted]:
        """The expected numbers. Raises `InputError` if there is none."""
        alternatives = expected if isinstance(expected, list | tuple) and expected else [expected]
        return [self._expected(alternative) for alternative in alternatives]

    def _expected(self, expected: Any) -> _Wanted:
        if isinstance(expected, int | float) and not isinstance(expected, bool) and math.isfinite(expected):
            return _Wanted(Fraction(str(expected)), rounded=isinstance(expected, float))
        if not isinstance(expected, str):
            raise InputError(f"`numeric` needs a number to compare with, not {expected!r}")
        if _PLAIN.fullmatch(expected):  # most are: a file of 30,000 cases is read at once
            return _Wanted(Fraction(expected))
        # A file of cases has numbers as programs write them, or as people do in the locale.
        read = [numbers_in(expected), *([numbers_in(expected, self.marks, self.language)] if self.marks else [])]
        clear = [numbers[0] for numbers in read if len(numbers) == 1 and numbers[0].readings and numbers[0].usual]
        if not clear:
            raise InputError(f"`numeric` needs a number to compare with, not {expected!r}")
        if len({number.readings[0] for number in clear}) > 1:
            raise InputError(
                f"{expected!r} is another number in the locale of the scorer", hint="write it without thousands marks"
            )
        return _Wanted(clear[0].readings[0], clear[0].unit)

    def counted(self, answer: str) -> list[Number]:
        """The numbers of an answer. The word "one" counts only if the answer says no other number."""
        numbers = numbers_in(answer, self.marks, self.language)
        others = [number for number in numbers if not (number.words and number.text.lower() == "one")]
        return others or numbers

    def score(self, number: Number, wanted: list[_Wanted]) -> Score:
        """1 if the usual reading of the number is right. Raises `NotJudged` if only another reading is."""
        reasons = []
        for expected in wanted:
            if number.unit and expected.unit and number.unit != expected.unit:
                reasons.append(f"it is in {number.unit}, but {expected} is expected; nothing is converted")
                continue
            usual, others = self._readings(number, expected)
            if any(self._near(value, expected) for value in usual):
                reason = f"{number.text} is {self._said(expected)}"
                return Score("numeric", 1.0, number.text, reason)
            if not number.readings or any(self._near(value, expected) for value in others):
                reasons.append(number.why or f"{number.text} may be {expected}, but percentages are not shares")
        if reasons:
            raise NotJudged(f"{number.text} is not clear: {reasons[0]}")
        said = " or ".join(map(self._said, wanted))
        return Score("numeric", 0.0, number.text, f"{number.text} is not {said}")

    def _readings(self, number: Number, wanted: _Wanted) -> tuple[list[Fraction], list[Fraction]]:
        """The usual values of the number, in the unit of what is wanted, and the values that it may also have."""
        usual, others = list(number.readings[:1]), list(number.readings[1:])
        if number.unit == "%" and wanted.unit != "%":
            shares = [value / 100 for value in usual]
            usual, others = (shares, []) if self.percent_as_share else (usual, [*others, *shares])
        elif wanted.unit == "%" and number.unit != "%":
            usual += [value * 100 for value in usual]  # 0.25 is 25 %, and so is 25 in an answer about per cent
        return (usual, others) if number.usual else ([], [*usual, *others])

    def _near(self, value: Fraction, wanted: _Wanted) -> bool:
        away, size = abs(value - wanted.value), abs(wanted.value)
        if wanted.rounded and away <= size * Fraction(1, 10**12):
            return True
        return away <= max(Fraction(str(self.absolute)), Fraction(str(self.relative)) * size)

    def _said(self, wanted: _Wanted) -> str:
        tolerance = [f"{self.absolute:g}"] if self.absolute else []
        tolerance += [f"{100 * self.relative:g} %"] if self.relative else []
        return f"{wanted}" + (f" within {' or '.join(tolerance)}" if tolerance else "")


__all__ = ["numeric"]

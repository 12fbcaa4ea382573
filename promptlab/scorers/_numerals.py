"""Reads digits with their thousands and decimal marks.

    read_numeral("1,234.5", None)     # Numeral((1234.5,))
    read_numeral("1.234", None)       # Numeral((1.234, 1234), why="1.234 is 1234 where a dot separates thousands")
    read_numeral("1.234", marks_of("de"))     # Numeral((1234,))

Without a locale, numbers are read as in English, and marks that can mean one thing only as what they mean: 1.234,5 and
72,5 and 1'234.5 and 1,23,456. What another usual notation would read differently has more than one reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from promptlab.errors import InputError
from promptlab.scorers._number_text import plain_mark

SPACES = " \u00a0\u202f\u2009\u2007"
_APOSTROPHES = "'’"
MAX_DIGITS = 400
"""Longer digits are no number that somebody compares."""


@dataclass(frozen=True, slots=True)
class Marks:
    """How a locale writes numbers: its decimal mark, and the mark between thousands."""

    decimal: str
    group: str


@dataclass(frozen=True, slots=True)
class Numeral:
    """The values that digits can stand for, the usual one first; none if they are no number.

    If `usual` is False, no reading is more usual than the others. `parts` are the numbers of a list such as 2,3,5.
    `why` says what the other readings are, or why there is none. `other` means that it is a version or a date.
    """

    readings: tuple[Fraction, ...] = ()
    why: str = ""
    parts: tuple[str, ...] = ()
    usual: bool = True
    other: bool = False


@cache
def marks_of(locale: str) -> Marks:
    """The marks of a locale such as `de` or `pt-BR`, from the Unicode CLDR."""
    try:
        from babel import Locale, UnknownLocaleError
    except ImportError as exc:
        raise InputError("`locale` needs babel", hint="pip install 'promptlab[scorers]'") from exc
    try:
        symbols = Locale.parse(locale, sep="-" if "-" in locale else "_").number_symbols["latn"]
    except (UnknownLocaleError, ValueError, TypeError, KeyError) as exc:
        raise InputError(f"there is no locale {locale!r}", hint="such as `en`, `de` or `pt-BR`") from exc
    return Marks(plain_mark(str(symbols["decimal"])), plain_mark(str(symbols["group"])))


def read_numeral(text: str, marks: Marks | None) -> Numeral:
    """The numbers that `text` can stand for: digits, with marks between them."""
    if len(text) > MAX_DIGITS:
        return Numeral(why=f"{len(text):,} digits")
    if marks is not None:
        return _in_locale(text, marks)
    text = re.sub(f"[{SPACES}]", " ", text).replace("’", "'")
    if text[0] in ".,":
        value = Fraction(f"0.{text[1:]}")
        return Numeral((value,)) if text[0] == "." else Numeral((value, Fraction(text[1:])), f"{text} may be a decimal")
    kinds = [char for char in text if not char.isdigit()]
    if not kinds:
        return Numeral((Fraction(text),))
    if kinds.count(kinds[-1]) == 1 and kinds[-1] in ".," and len(set(kinds)) == 2:
        whole, _, digits = text.rpartition(kinds[-1])
        if _grouped(whole, kinds[0]):
            return Numeral((_joined(whole, digits),))
    if len(set(kinds)) > 1:
        return Numeral(why=f"{text} mixes thousands and decimal marks", parts=_list_of(text))
    return _one_mark(text, kinds[0], len(kinds))


def _one_mark(text: str, mark: str, count: int) -> Numeral:
    """The readings of digits with one kind of mark."""
    if mark not in ".,":
        joined = Fraction(re.sub(r"\D", "", text))
        if mark != " ":
            return Numeral((joined,))
        ends = text.split(" ")
        return Numeral((joined, Fraction(ends[0]), Fraction(ends[-1])), f"{text} may be several numbers")
    if count == 1:
        return _one_comma_or_dot(text, mark)
    if _grouped(text, mark):
        if mark == "." and count == 3 and all(str(int(part)) == part and int(part) < 256 for part in text.split(".")):
            return Numeral(why=f"{text} may be an internet address")
        return Numeral((Fraction(text.replace(mark, "")),))
    if mark == ",":
        return Numeral(parts=tuple(text.split(",")), why=f"{text} is a list")
    return Numeral(why=f"{text} is a version or a date", other=True)


def _one_comma_or_dot(text: str, mark: str) -> Numeral:
    whole, digits = text.split(mark)
    decimal = _joined(whole, digits)
    if len(digits) != 3 or len(whole) > 3 or whole.startswith("0"):
        return Numeral((decimal,))
    thousands = Fraction(whole + digits)
    if mark == ",":
        return Numeral((thousands, decimal), f"{text} is {whole}.{digits} where a comma is the decimal mark")
    return Numeral((decimal, thousands), f"{text} is {whole}{digits} where a dot separates thousands")


def _in_locale(text: str, marks: Marks) -> Numeral:
    """The reading in a locale; none if `text` is not written as it writes numbers."""
    text = text.replace(marks.group, "g").replace(marks.decimal, "d") if marks.decimal else text
    if marks.group in SPACES:
        text = re.sub(f"[{SPACES}]", "g", text)
    if marks.group in _APOSTROPHES:
        text = re.sub(f"[{_APOSTROPHES}]", "g", text)
    whole, _, digits = text.partition("d")
    if (not digits.isdigit() and digits) or not (whole == "" or whole.isdigit() or _grouped(whole, "g")):
        return Numeral(
            why=f"{text.replace('g', marks.group).replace('d', marks.decimal)} is not a number of the locale"
        )
    return Numeral((_joined(whole, digits),))


def _grouped(text: str, mark: str) -> bool:
    """True if `mark` separates thousands in `text`, as in most of the world or as in India."""
    mark = re.escape(mark)
    western = re.fullmatch(rf"[1-9]\d{{0,2}}(?:{mark}\d{{3}})+", text)
    indian = re.fullmatch(rf"[1-9]\d?(?:{mark}\d{{2}})+{mark}\d{{3}}", text) if mark in (",", "g") else None
    return bool(western or indian)


def _joined(whole: str, digits: str) -> Fraction:
    return Fraction(f"{re.sub(r'[^0-9]', '', whole) or '0'}.{digits or '0'}")


def _list_of(text: str) -> tuple[str, ...]:
    """The parts of a list of decimals such as 1.5,2.5; none if it is no such list."""
    parts = tuple(text.split(","))
    return parts if len(parts) > 1 and all(re.fullmatch(r"\d+\.\d+", part) for part in parts) else ()


__all__ = ["SPACES", "Marks", "Numeral", "marks_of", "read_numeral"]

"""What follows a number and belongs to it: 42 km, 25 %, 1.5 million, 5th, 2 and a half."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from promptlab.scorers._number_text import SUPERSCRIPTS
from promptlab.scorers._units import LETTERS, LONG_SCALE, MONEY, SCALES, UNSURE_SCALES, unit_of

_ORDINAL = re.compile(r"(?:st|nd|rd|th|º|ª)(?!\w)", re.IGNORECASE)
_PERCENT = re.compile(r"\s?(?:[%٪]|(?:per ?cents?|pct|percentage points?|Prozent)\b)", re.IGNORECASE)
_PER_MILLE = re.compile(r"\s?(?:‰|per ?mille?\b)", re.IGNORECASE)
_SCALE = re.compile(
    rf"[\s-]?({'|'.join(sorted(map(re.escape, SCALES), key=len, reverse=True))})"
    r"(?![^\W\d_\u0e00-\u9fff\uac00-\ud7af])\.?",
    re.IGNORECASE,
)
_DOZEN = re.compile(r"[\s-]dozens?\b", re.IGNORECASE)
_UNIT = re.compile(
    r"(?:[\s\u00a0\u202f]|-(?=[a-z]))?((?:°\s?[CFcf]?|[^\W\d_]+|[$€£¥₹₩₽¢℃℉])(?:/[^\W\d_]+|\^?[23](?!\d)|[²³])*)"
)
_DENOMINATORS = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10, "hundredth": 100,
}  # fmt: skip
_PARTS = re.compile(rf"[\s-]({'|'.join(_DENOMINATORS)})s?\b", re.IGNORECASE)
_AND_PARTS = re.compile(r"\s+and\s+(a|an|one|two|three)[\s-](half|third|quarter|fifth|tenth)s?\b", re.IGNORECASE)
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3}


@dataclass(frozen=True, slots=True)
class Suffix:
    """What follows a number: its `end`, the values it makes of each value, and its unit. `value_end` is the end of what
    changes the value, such as `million`."""

    end: int
    readings: tuple[Fraction, ...]
    usual: bool = True
    why: str = ""
    unit: str = ""
    percent: bool = False
    value_end: int = 0


def suffix_of(text: str, end: int, values: tuple[Fraction, ...], money: str, language: str) -> Suffix:
    """The suffix of the number that ends at `end` in `text` and has the readings `values`."""
    ordinal = _ORDINAL.match(text, end)
    if ordinal:
        return Suffix(ordinal.end(), values)
    added, end = _parts(text, end, values)
    dozen = _DOZEN.match(text, end)
    if dozen:
        return Suffix(dozen.end(), tuple(value * 12 for value in added), value_end=dozen.end())
    scale = _SCALE.match(text, end)
    if scale and scale[1] != "K":
        word = scale[1].lower()
        power = 12 if word.startswith("billion") and language in LONG_SCALE else SCALES[word]
        added, end = tuple(value * 10**power for value in added), scale.end()
    per_mille = _PER_MILLE.match(text, end)
    if per_mille:
        return Suffix(per_mille.end(), added, unit="‰")
    percent = _PERCENT.match(text, end)
    if percent:
        return Suffix(percent.end(), added, percent=True, value_end=percent.end())
    return replace(_unit(text, end, added, money), value_end=end)


def _parts(text: str, end: int, values: tuple[Fraction, ...]) -> tuple[tuple[Fraction, ...], int]:
    """`values` with the fraction in words behind them."""
    more = _AND_PARTS.match(text, end)
    if more:
        part = Fraction(_COUNTS[more[1].lower()], _DENOMINATORS[more[2].lower()])
        return tuple(value + part for value in values), more.end()
    parts = _PARTS.match(text, end)
    if parts:
        return tuple(value / _DENOMINATORS[parts[1].lower()] for value in values), parts.end()
    return values, end


def _unit(text: str, end: int, values: tuple[Fraction, ...], money: str) -> Suffix:
    match = _UNIT.match(text, end)
    if not match or (match[1] == "$" and money):
        return Suffix(end, values, unit="" if match else money)
    word, glued = match[1], text[end : end + 1] not in (" ", "\u00a0", "\u202f", "-", "\n")
    if word.lower() in ("π", "pi") or (glued and text[match.end() : match.end() + 1].isdigit()):
        return Suffix(match.end(), values, usual=False, why=f"it is part of {text[end - 1 : match.end() + 1]}")
    if word == "in" and not glued:  # far more often a preposition than inches
        return Suffix(end, values, unit=money)
    if word in LETTERS and (glued or money or (word != "m" and word.isupper())):
        return _letter(word, text, match.end(), values, money)
    if word == "s" and glued and re.fullmatch(r"\d{3}0", text[max(0, end - 4) : end]):
        return Suffix(match.end(), values, usual=False, why="a decade")
    if word.lower() in UNSURE_SCALES:
        larger = tuple(value * 10**power for value in values for power in UNSURE_SCALES[word.lower()])
        return Suffix(match.end(), (*values, *larger), usual=False, why=f"{word} may be a word for a larger number")
    unit = unit_of(word.replace("^", "")) or _compound(word)
    if unit:
        return Suffix(match.end(), values, unit=money or unit)
    if glued and word[0].isascii() and word[0].isalpha():
        return Suffix(match.end(), values, usual=False, why=f"{word} behind it is no known unit", unit=money)
    return Suffix(end, values, unit=money)


def _compound(word: str) -> str:
    """The unit of a text such as `kg/m³`, by the names of its parts."""
    parts = [unit_of(part.rstrip("²³23" + SUPERSCRIPTS)) for part in word.split("/")]
    return word if len(parts) > 1 and all(parts) else ""


def _letter(word: str, text: str, end: int, values: tuple[Fraction, ...], money: str) -> Suffix:
    """5M, 5K, $5m: the letter multiplies money; elsewhere it may be a unit."""
    larger = tuple(value * 10 ** LETTERS[word] for value in values)
    if money:
        return Suffix(end, larger, unit=money)
    if word == "m" and not re.match(r" [a-z]", text[end:]):
        return Suffix(end, (*values, *larger), why="m may be metres or million", unit="m")
    return Suffix(end, (*values, *larger), usual=False, why=f"{word} may be a unit, or thousands, millions or billions")


MONEY_BEFORE = "|".join(
    re.escape(name) + (r"\.?[ \u00a0]?" if name[-1].isalpha() else r"[ \u00a0]?")
    for name in sorted(MONEY, key=len, reverse=True)
    if not name.isascii() or not name.islower()
)
"""A regular expression for a currency before a number."""

__all__ = ["MONEY_BEFORE", "Suffix", "suffix_of"]

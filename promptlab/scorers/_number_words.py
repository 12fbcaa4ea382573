"""Numbers in words: "seventy-two", "two thirds", "a dozen". The library text2num reads them.

words_in("The answer is seventy-two.", "en")      # [NumberWords("seventy-two", 14, 25, Fraction(72))]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

_TOKEN = re.compile(r"[^\W\d_]+|[^\S\n]+|\n|[^\w\s]|[\d_]+")
_LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pt")
_OUTER = " \n.,!\"'*()"
_UNSURE = ("third", "hundreds", "thousands", "millions", "billions", "trillions")
_ANSWER_IS = re.compile(r"(?:\b(?:answer|result|total|number)(?: is|:)|[=:#])[\s\"'*(]*\Z", re.IGNORECASE)
_NOTHING_ELSE = re.compile(r"[\s.!\"'*)]*\Z")
_ALONE = re.compile(r"\b(?:a[ -])?(half|dozen|third|quarter)\b", re.IGNORECASE)
_ALONE_VALUES = {"half": Fraction(1, 2), "dozen": Fraction(12), "third": Fraction(1, 3), "quarter": Fraction(1, 4)}


@dataclass(frozen=True, slots=True)
class NumberWords:
    """A number in words, its place in the text, and its value. `sure` is False if the words may mean something else."""

    text: str
    start: int
    end: int
    value: Fraction
    sure: bool = True


class _Word:
    """A word as text2num wants it."""

    def __init__(self, word: str) -> None:
        self._word = word

    def text(self) -> str:
        return self._word

    def nt_separated(self, previous: _Word) -> bool:
        return previous.text() == "\n"

    def not_a_number_part(self) -> bool:
        return False


def words_in(text: str, language: str) -> list[NumberWords]:
    """The numbers in words in `text`, in their order. Ordinals count only if they are the whole text."""
    from text_to_num import find_numbers

    tokens = list(_TOKEN.finditer(text))
    found: list[NumberWords] = []
    if not any(token[0].isalpha() for token in tokens):
        return []
    known = language if language in _LANGUAGES else "en"
    for number in find_numbers([_Word(token[0]) for token in tokens], known, threshold=0):
        start, end = tokens[number.start].start(), tokens[number.end - 1].end()
        if not any(char.isalpha() for char in text[start:end]) or text[start:end].lower() in ("o", "oh", "os"):
            continue
        whole = start < 10 and end > len(text) - 10 and not (text[:start] + text[end:]).strip(_OUTER)
        if number.is_ordinal and not whole:
            continue
        value = Fraction(number.text if not number.is_ordinal else str(round(number.value)))
        words = text[start:end].lower()
        sure = words not in _UNSURE and (words != "one" or _is_clear(text, start, end))
        found.append(NumberWords(text[start:end], start, end, value, sure))
    return found or list(_alone(text))


def _is_clear(text: str, start: int, end: int) -> bool:
    """True if the word "one" stands where an answer does; elsewhere it is often no number, as in "no one"."""
    before = text[max(0, start - 40) : start]
    asked = _ANSWER_IS.search(before) or (len(before) == start and not before.strip(_OUTER))
    return bool(asked and _NOTHING_ELSE.match(text, end))


def _alone(text: str) -> Iterator[NumberWords]:
    """Half, a dozen, a third or a quarter as the whole text; within a longer text they are often no number."""
    stripped = text.strip(_OUTER)
    match = _ALONE.fullmatch(stripped)
    if match:
        start = text.index(stripped)
        yield NumberWords(match[0], start, start + len(match[0]), _ALONE_VALUES[match[1].lower()])


__all__ = ["NumberWords", "words_in"]

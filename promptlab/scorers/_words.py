"""Where an expected text stands in an answer as words of its own.

    places("It cost 3,000 dollars", "3")       # []: 3 is a part of another number
    places("C# is used", "C")                  # []
    places("冠军是阿根廷队。", "阿根廷")         # [Place(3, 6, Fit.YES)]
    holds("It was Argentina.", "argentina")    # True

A word ends where letters, digits and accents end, but not inside a number (`3.5`, `10 000`, `3/4`, `12:30`, `-12`), a
name with a point (`Node.js`), a hyphen (`Guinea-Bissau`), an apostrophe (`O'Brien`), `&` (`AT&T`), `@` or `#` (`C#`).
It ends before `'s`, and at an en dash or a slash.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

from promptlab.errors import NotJudged
from promptlab.scorers import _scripts as scripts
from promptlab.scorers._characters import fold
from promptlab.scorers._function_words import FUNCTION_WORDS, reading
from promptlab.scorers._normalise import foldings, plain_text, same_text, without_outer, without_vowel_marks
from promptlab.scorers._scripts import Fit

_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:\d{1,3}(?:(?P<mark>[ ,.'])\d{3})(?:(?P=mark)\d{3})*(?!\d)(?:[.,]\d+)?|\d+(?:[.,:/]\d+)*|\.\d+)"
)
_LIST = re.compile(r"\d+(?:,\d+){2,}")
_DATE = re.compile(r"\d{4}([./])\d{1,2}\1\d{1,2}|\d{1,2}([./])\d{1,2}\2\d{4}")
_ELISION = re.compile(
    r"(?:^|(?<=\W))(?:[ldcjmnst]|qu|jusqu|lorsqu|puisqu|(?:d|n|s|c)?[eu]?ll|dall|dell|nell|sull|un|quest)'$", re.I
)
_SUFFIX = re.compile(r"'(?!t\b)[a-zçğıöşü]{1,5}(?![\w'])")
_INITIALS = re.compile(r"(?:^|(?<=[^\w.]))(?:\w\.)+$")
_ARTICLE = re.compile(r"the (?=\S)|an? (?=\S{2})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """An occurrence in the plain text of an answer, and whether it is a word of its own."""

    start: int
    end: int
    fit: Fit
    doubt: str = ""


def holds(answer: str, expected: str) -> bool:
    """True if `expected` is in `answer` as words. Raises `NotJudged` if that cannot be told."""
    if not expected.strip():
        return not answer.strip()
    if same_text(answer, expected):
        return True
    there = places(plain_text(answer), expected)
    if any(place.fit is Fit.YES for place in there):
        return True
    if there:
        raise NotJudged(f"cannot tell if {expected!r} is a word of the answer: {there[0].doubt}")
    return False


def places(plain: str, expected: str, *, is_label: bool = False) -> list[Place]:
    """The places of `expected` in a `plain_text`, without those that are parts of other words. A letter that is a label
    may be the article or the pronoun too."""
    sought = without_outer(plain_text(expected))
    if not sought:
        return _punctuation(plain, plain_text(expected).strip() or expected.strip())
    found = _places(plain, sought, is_label)
    article = _ARTICLE.match(sought)
    if article and not any(place.fit is Fit.YES for place in found):
        found += _without_article(plain, sought[article.end() :])
    return found


def _without_article(plain: str, sought: str) -> list[Place]:
    """Places of a name without its article: "Beatles" for "The Beatles". Its capitals must be there, because "the band"
    is not "The Band"."""
    if re.fullmatch(r"[-+\d.,]+", sought):
        return []  # The 1975 is not 1975
    capitals = [word[:1].isupper() for word in sought.split()]
    return [
        place
        for place in _places(plain, sought, False)
        if sought.lower() not in FUNCTION_WORDS
        and all(
            word[:1].isupper() or not capital
            for word, capital in zip(plain[place.start : place.end].split(), capitals, strict=False)
        )
    ]


def _punctuation(plain: str, sought: str) -> list[Place]:
    """Places of a text that is only punctuation, such as `?`. A part of a longer run is none: `.` is not in `...`."""
    pattern = f"(?<!{re.escape(sought[0])}){re.escape(sought)}(?!{re.escape(sought[-1])})"
    return [Place(*match.span(), Fit.YES) for match in re.finditer(pattern, plain)] if sought else []


def _places(plain: str, sought: str, is_label: bool) -> list[Place]:
    found: dict[tuple[int, int], Place] = {}
    for turkish, unmarked in foldings(plain, sought):
        text, origin = _folded(plain, turkish)
        wanted = "".join(fold(character, turkish) for character in sought)
        if unmarked:
            # Positions must stay: the marks are made optional in the pattern instead.
            wanted = without_vowel_marks(wanted)
        marks = "[\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u0652\u0670]*" if unmarked else ""
        for match in re.finditer(f"(?=({_pattern(wanted, marks)}))", text):
            start, end = origin[match.start(1)], origin[match.end(1) - 1] + 1
            if (start, end) not in found and text[match.start(1)] and _whole_characters(origin, match):
                place = _place(plain, start, end, "" if is_label else sought)
                if place.fit is not Fit.NO:
                    found[start, end] = place
    return list(found.values())


def _pattern(wanted: str, marks: str) -> str:
    parts: list[str] = []
    for character in wanted:
        part = r"\s+" if character.isspace() else "[-–]" if character in "-–" else re.escape(character)
        if part != r"\s+" or not parts or parts[-1] != part:
            parts.append(part)
    return marks.join(parts) + marks if marks else "".join(parts)


def _whole_characters(origin: list[int], match: re.Match[str]) -> bool:
    """False if the match begins or ends inside a character that folds to two, such as `ß`."""
    start, end = match.span(1)
    return (start == 0 or origin[start - 1] != origin[start]) and (end == len(origin) or origin[end] != origin[end - 1])


@lru_cache(maxsize=8)
def _folded(plain: str, turkish: bool) -> tuple[str, list[int]]:
    """The text without case, and for each of its characters the position in `plain`."""
    pieces, origin = [], []
    for index, character in enumerate(plain):
        piece = fold(character, turkish)
        pieces.append(piece)
        origin += [index] * len(piece)
    return "".join(pieces), origin


def _place(plain: str, start: int, end: int, sought: str) -> Place:
    fits = [_number_fit(plain, start, end), _left(plain, start), _right(plain, start, end)]
    if Fit.NO in fits:
        return Place(start, end, Fit.NO)
    fits += [scripts.fit_spaceless(plain, start, end), scripts.fit_hangul(plain, start, end)]
    if Fit.NO in fits:
        return Place(start, end, Fit.NO)
    word = reading(plain, start, end, sought)
    if word.fit is not Fit.YES:
        return Place(start, end, word.fit, word.doubt)
    if Fit.UNSURE in fits:
        return Place(start, end, Fit.UNSURE, "it is beside letters that can belong to the same word")
    return Place(start, end, Fit.YES)


@lru_cache(maxsize=8)
def _numbers(plain: str) -> list[tuple[int, int]]:
    """Where the numbers are. A list (`2,3,5`) and a date (`18/12/2022`) are several."""
    spans = []
    for match in _NUMBER.finditer(plain):
        several = _DATE.fullmatch(match[0]) or (_LIST.fullmatch(match[0]) and not match["mark"])
        if several:
            spans += [(match.start() + m.start(), match.start() + m.end()) for m in re.finditer(r"\d+", match[0])]
        else:
            spans.append(match.span())
    return spans


def _number_fit(plain: str, start: int, end: int) -> Fit:
    spans = _numbers(plain)
    for edge in (start, end):
        index = bisect_left(spans, (edge, 0)) - 1  # the last number that begins before the edge
        if index >= 0 and edge < spans[index][1]:
            return Fit.NO
    return Fit.YES


def is_letter(character: str) -> bool:
    """True for letters, digits, `_`, and marks that belong to the letter before them."""
    return (
        character.isalnum()
        or character in "_\u200d"
        or unicodedata.category(character)[0] == "M"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _joined(left: str, right: str) -> bool:
    """True if two neighbouring characters belong to one word."""
    if not (is_letter(left) and is_letter(right)):
        return False
    if scripts.is_spaceless(left) or scripts.is_spaceless(right):
        # Two such letters are the dictionary's business; 1986年 and iPhone在 are two words.
        return unicodedata.category(right)[0] == "M" and not scripts.is_spaceless(right)
    return not scripts.is_hangul(right)


def _left(plain: str, start: int) -> Fit:
    if not start:
        return Fit.YES
    first, before = plain[start], plain[start - 1]
    if not is_letter(first):
        return Fit.NO if is_letter(before) or before == first else Fit.YES
    if is_letter(before):
        if scripts.may_have_prefix(before) and scripts.may_have_prefix(first):
            return scripts.fit_prefix(plain, start)
        if scripts.is_hangul(first) and not scripts.is_hangul(before):
            return Fit.YES
        return Fit.NO if _joined(before, first) else Fit.YES
    far = plain[start - 2] if start > 1 else ""
    if before == "." and not is_letter(far or " "):
        return Fit.NO if far != "." and first.isalpha() else Fit.YES  # .NET
    if not far or not is_letter(far) or before not in "-'.&@^":
        return Fit.YES
    if before == "-":
        return Fit.YES if first.isdigit() and far.isdigit() else Fit.NO
    if before == "'":
        return Fit.YES if _ELISION.search(plain, max(0, start - 10), start) else Fit.NO
    if before == "." and first.isdigit() and far.isdigit():
        return Fit.YES  # what is one number is known already
    if before == ".":
        initials = _INITIALS.search(plain[max(0, start - 12) : start])
        return Fit.YES if initials and first.isupper() and is_letter(plain[start + 1 : start + 2] or " ") else Fit.NO
    return Fit.NO


def _right(plain: str, start: int, end: int) -> Fit:
    if end >= len(plain):
        return Fit.YES
    last, after, far = plain[end - 1], plain[end], plain[end + 1 : end + 2]
    if not is_letter(last):
        return (
            Fit.NO
            if after == last or (is_letter(after) and not scripts.is_spaceless(after) and not scripts.is_hangul(after))
            else Fit.YES
        )
    if is_letter(after):
        return Fit.NO if _joined(last, after) else Fit.YES
    if after in "+#" and last.isalpha():
        return Fit.NO if after == "#" or not far or not is_letter(far) else Fit.YES  # C#, C++, A+
    if not far or not is_letter(far) or after not in "-'.&@^":
        return Fit.YES
    if after == "-":
        return Fit.YES if last.isdigit() else Fit.NO  # 1986-87 and 5-year
    if after == "." and last.isdigit() and far.isdigit():
        return Fit.YES
    if after == "'":
        return _possessive(plain, start, end)
    return Fit.NO


def _possessive(plain: str, start: int, end: int) -> Fit:
    """`Argentina's`, and endings after a name such as Turkish `Arjantin'in`, but not `don't` and `O'Brien`."""
    suffix = _SUFFIX.match(plain, end)
    if not suffix:
        return Fit.NO
    name = plain[start].isupper() and end - start >= 4
    return Fit.YES if (suffix[0] == "'s" and (end - start > 1 or plain[start].isdigit())) or name else Fit.NO

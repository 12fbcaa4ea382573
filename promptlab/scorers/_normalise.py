"""One way of reading text, for all scorers that compare it.

normalise(" **Argentina**. ")           # "argentina"
same_text("The Beatles", "beatles")     # True
same_text("?", "!")                     # False: only punctuation, so punctuation counts
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from promptlab.scorers._characters import fold, plain_characters
from promptlab.scorers._markdown import without_markdown

_OUTER = " \n\t.,;:!?\"'`«»‹›()[]¿¡。、！？：；，「」『』【】《》〈〉（）؟،؛।॥…·"
_CAPITALS = re.compile(r"(?<![\w.])(?:[A-Z]\.)+[A-Z]\b(?:\.(?!\w)|(?!\.\w))")
_SMALL = re.compile(r"(?<![\w.])(?:[a-z]\.){2,}(?!\w)")
_VOWEL_MARKS = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u0652\u0670]")
"""Vowel points of Hebrew and Arabic, which most texts leave out, and the Arabic line that only makes words longer."""
_ARTICLE = re.compile(r"^(?:the (?![-+\d.,]+$)|an? (?=\S{2})(?!few$|little$|lot$|[-+\d.,]+$))(?=\S)")


def plain_text(text: str) -> str:
    """`text` with plain characters, without Markdown and without the points of abbreviations (`U.S.` is `US`); case,
    lines and punctuation stay."""
    return _plain_text(text) if len(text) < 20_000 else _plain_text.__wrapped__(text)


@lru_cache(maxsize=256)
def _plain_text(text: str) -> str:
    text = without_markdown(plain_characters(text))
    return _SMALL.sub(_without_points, _CAPITALS.sub(_without_points, text))


def _without_points(match: re.Match[str]) -> str:
    return match[0].replace(".", "")


def normalise(text: str) -> str:
    """Text for comparing: plain characters, lower case, single spaces, no Markdown, and no punctuation at the beginning
    and end. A point before a name or digit stays (`.NET`, `.5`)."""
    return _normalise(text) if len(text) < 20_000 else _normalise.__wrapped__(text)


@lru_cache(maxsize=1024)
def _normalise(text: str, turkish: bool = False) -> str:
    for _ in range(8):  # a mark can stand inside another: ("**Argentina**.")
        before, text = text, _without_outer(plain_text(text).replace("–", "-"))
        text = " ".join("".join(fold(character, turkish) for character in text).split())
        if text == before:
            break
    return text


def without_outer(text: str) -> str:
    """`plain_text` without punctuation at its beginning and end."""
    return _without_outer(text)


def _without_outer(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[-1] in "'\"" and text[-2].isdigit() and text[0] != text[-1]:
        return text.lstrip(_OUTER)  # feet and inches, minutes and seconds
    text = text.rstrip(_OUTER)
    start = len(text) - len(text.lstrip(_OUTER))
    if (
        start
        and start < len(text)
        and text[start - 1] == "."
        and text[start].isalnum()
        and text[:start].count(".") == 1
    ):
        start -= 1
    return text[start:]


def foldings(first: str, second: str) -> Iterator[tuple[bool, bool]]:
    """The ways in which these two texts are compared: (in Turkish?, without vowel marks?)."""
    yield False, False
    if any(letter in first or letter in second for letter in "ıİ"):
        yield True, False
    if bool(_VOWEL_MARKS.search(first)) != bool(_VOWEL_MARKS.search(second)):
        yield False, True


def without_vowel_marks(text: str) -> str:
    """Hebrew and Arabic text without its vowel points."""
    return _VOWEL_MARKS.sub("", text)


def same_text(answer: str, expected: str) -> bool:
    """True if the texts are the same apart from what `normalise` changes and an article at the beginning. Texts of
    which `normalise` leaves nothing are compared as they are."""
    for turkish, unmarked in foldings(answer, expected):
        texts = [without_vowel_marks(text) if unmarked else text for text in (answer, expected)]
        plain = [_ARTICLE.sub("", _normalise(text, turkish)) for text in texts]
        if not any(plain):
            return " ".join(plain_characters(answer).split()) == " ".join(plain_characters(expected).split())
        if plain[0] == plain[1]:
            return True
    return False


def comparable(text: str) -> str:
    """A key that is equal for texts that are the same, without regard to the vowel marks and the Turkish i."""
    plain = normalise(text)
    return _ARTICLE.sub("", plain) if plain else " ".join(plain_characters(text).split())

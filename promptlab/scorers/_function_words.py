"""Short words and letters that are spelt like another word: the article "a", the pronoun "I", "us" and "US".

reading("It is a dog", 6, 7, "A")          # Reading(Fit.NO): this is the article
reading("She may win", 4, 7, "May")        # Reading(Fit.UNSURE, …): in lower case this can be the verb
"""

from __future__ import annotations

import re
from typing import NamedTuple

from promptlab.scorers._scripts import Fit

_FUNCTION_WORDS = """
a about all am an and any are as at be but by can do for from had has have he her him his how i if in is it its
may me might mine more most must my of off on one or our out over she should so some than that the their them then
there these they this those to too under up us was we were what when where which who whom whose why will with
would you your
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""English words that stand in many sentences."""

_AFTER_LABEL = """
and are as because but can could does had has have if is may might must or seems should since so than then was
were which will would
"""
_VERBS = frozenset(_AFTER_LABEL.split())
"""Words that follow a name or a label, but not an article."""

SENTENCE_START = re.compile(r"(?:^|[.!?:;\n]|[-*•])[\s\"'(\[]*$")
_NEXT_WORD = re.compile(r" ([^\W\d_][\w'-]*)")


class Reading(NamedTuple):
    """Whether an occurrence is the word that is sought, and if that is unsure, why."""

    fit: Fit
    doubt: str = ""


_YES, _NO = Reading(Fit.YES), Reading(Fit.NO)


def reading(plain: str, start: int, end: int, sought: str) -> Reading:
    """Whether `plain[start:end]`, which is `sought` apart from case, is that word."""
    occurrence = plain[start:end]
    if len(occurrence) == 1 and occurrence in "AaIi" and sought in ("A", "a", "I", "i"):
        return _letter(plain, start, end, sought)
    if sought.lower() not in FUNCTION_WORDS or not sought[:1].isupper() or not occurrence.islower():
        return _YES
    if sought.isupper() and len(sought) > 1:
        return _NO
    return Reading(Fit.UNSURE, f"{occurrence!r} in lower case can be another word than {sought!r}")


def _letter(plain: str, start: int, end: int, sought: str) -> Reading:
    if in_brackets(plain, start, end):
        return _YES
    if plain[start].islower():
        return _NO if sought.isupper() or is_article(plain, start, end) else _YES
    if plain[start] == "A":
        return _NO if is_article(plain, start, end) else _YES
    return pronoun_or_label(plain, start, end)


def in_brackets(plain: str, start: int, end: int) -> bool:
    """True for `(a)`, `[a]`, `"a"`, and for `a)` where a line begins."""
    before, after = plain[max(0, start - 1) : start], plain[end : end + 1]
    if before and after and before + after in ("()", "[]", "{}", '""', "''"):
        return True
    return after == ")" and begins_line(plain, start)


def begins_line(plain: str, start: int) -> bool:
    """True if only spaces, quotes and bullets stand before `start` in its line."""
    line = plain[max(plain.rfind("\n", 0, start) + 1, start - 20) : start]
    return not line.strip(" \t\"'([{-*•#")


def is_article(plain: str, start: int, end: int) -> bool:
    """True if the letter a at this place is the English article: a word follows that can follow an article. A capital A
    inside a sentence is none."""
    word = _NEXT_WORD.match(plain, end)
    if not word or word[1].lower() in _VERBS:
        return False
    return plain[start].islower() or bool(SENTENCE_START.search(plain[max(0, start - 80) : start]))


def pronoun_or_label(plain: str, start: int, end: int) -> Reading:
    """Whether the letter I at this place is a label or a number (`Henry I`), or the pronoun."""
    if plain[end : end + 1] == "'":
        return _NO
    first = bool(SENTENCE_START.search(plain[max(0, start - 80) : start]))
    followed = _NEXT_WORD.match(plain, end) is not None
    if first and not followed:
        return _YES
    previous = re.search(r"([^\W\d_]+) $", plain[max(0, start - 40) : start])
    named = bool(previous and previous[1][:1].isupper() and previous[1].lower() not in FUNCTION_WORDS)
    if followed:
        return Reading(Fit.UNSURE, "'I' can be the pronoun or the number one") if named and not first else _NO
    return _YES if named or not previous else Reading(Fit.UNSURE, "'I' can be the pronoun or a label")

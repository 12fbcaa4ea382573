"""Option letters as models write them: "(B)", "B.", "Answer: B", "the answer is B because …".

letter_fit("The answer is B.", 14, 15)     # Fit.YES
letter_fit("A dog barks", 0, 1)            # Fit.NO: the article
letter_fit("Vitamin D", 8, 9)              # Fit.UNSURE: may be a part of a term
"""

from __future__ import annotations

import re

from promptlab.scorers._function_words import SENTENCE_START, begins_line, in_brackets, is_article, pronoun_or_label
from promptlab.scorers._scripts import Fit

_BEFORE_LABEL = """
is be was answer option choice choose chose chosen pick picked select selected say think guess believe with to for as
and or not nor either neither both than definitely probably likely clearly therefore thus hence so then would letter
it's that's answer's choice's go going answered maybe perhaps take vote statement item number isn't wasn't aren't
est ist es è é réponse antwort respuesta risposta resposta ответ это är
"""
_CUES = frozenset(_BEFORE_LABEL.split())
"""Words after which a single letter is an option. After others it may be a part of a term: "Vitamin D", "Plan B"."""
_STRONG = re.compile(r"\b(?:answer|option|choice|letter)(?:'s| is)?:?\s*[\"'(\[{]*$", re.IGNORECASE)
_PREVIOUS = re.compile(r"([^\W\d_][\w'-]*)[ \t]$")
_LABEL = re.compile(r"[ \t]*[).:\]]")
_ENDS = re.compile(r"[\"')\]}]*\s*(?:[.,;:!?]|$|\n)")


def letter_fit(plain: str, start: int, end: int) -> Fit:
    """Whether the letter `plain[start:end]`, which stands alone, is the label of an option."""
    if in_brackets(plain, start, end):
        return Fit.YES
    letter, before = plain[start], plain[max(0, start - 80) : start]
    line_start = begins_line(plain, start)
    if letter.islower():
        return _small_letter(plain, start, end, before, line_start)
    if letter == "A" and is_article(plain, start, end):
        return Fit.NO
    if letter == "I":
        fit = pronoun_or_label(plain, start, end).fit
        if fit is not Fit.YES:
            return Fit.YES if _STRONG.search(before) and _ENDS.match(plain, end) else fit
    previous = _PREVIOUS.search(before)
    if previous and not _STRONG.search(before):
        return Fit.YES if previous[1].lower() in _CUES or previous[1].endswith("ly") else Fit.UNSURE
    if letter == "A" and SENTENCE_START.search(before) and re.match(r" [A-Z]\w", plain[end : end + 3]):
        return Fit.UNSURE  # "A Frenchman" or "A Paris"
    return Fit.YES


def _small_letter(plain: str, start: int, end: int, before: str, line_start: bool) -> Fit:
    if line_start and _LABEL.match(plain, end):
        return Fit.YES
    if _STRONG.search(before):
        return (
            Fit.YES
            if _ENDS.match(plain, end) or (not is_article(plain, start, end) and plain[start] != "a")
            else Fit.NO
        )
    return Fit.NO

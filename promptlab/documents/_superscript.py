"""Raised and lowered text, in a form that does not join the number or word before it.

    superscript("10", "6", " people")           # "^6": an exponent
    superscript("5,000", "1", " cars")          # "[^1]": the mark of a footnote
    subscript("2", "O")                         # "_2"

Not the Unicode characters `⁶` and `₂`: compatibility normalisation (NFKC), as of answers by a scorer, makes
10⁶ into 106.
"""

from __future__ import annotations

import re

_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|re|e|ème|eme)\.?", re.IGNORECASE)
_SIGNS = {"tm": "™", "sm": "℠", "®": "®", "™": "™", "©": "©", "(r)": "®", "°": "°", "º": "º", "ª": "ª", "o": "°"}
_MARKS = re.compile(r"[*†‡§¶#]+")
_NOTE = re.compile(r"(?:\d{1,3}|[a-z])(?:\s*[,;–-]\s*(?:\d{1,3}|[a-z]))*")
_UNITS = re.compile(
    r"(?:met(?:re|er)|mile|yard|acre|second|mol|rad)s?|feet|foot|inch(?:es)?|(?:sin|cos|tan|cot|sec|csc)h?",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"[+\-−]?\w+")


def superscript(before: str, raised: str, after: str, *, note: bool = False) -> str:
    """Raised text between the texts `before` and `after`. `note`: the page says that it is the mark of a footnote."""
    text = " ".join(raised.split())
    bare = text.lower()
    if not text:
        return ""
    if text.startswith("[") and text.endswith("]"):  # [1], [note 2], [citation needed]
        return text
    if _MARKS.fullmatch(text) or (bare in _SIGNS and (bare != "o" or before[-1:].isdigit())):
        return _SIGNS.get(bare, text)
    if _ORDINAL.fullmatch(text) and re.search(r"\d$|(?:^|\W)(?:[MN]|M[mglr]|D|S[te]?)$", before) and not note:
        return text
    is_letter = bool(re.fullmatch(r"[a-h]", text)) and before[-1:].isdigit()
    if note or (_NOTE.fullmatch(text) and (_is_prose(before) or is_letter or re.search(r"[,;]", text))):
        return f"[^{text}]"
    return _script("^", text, after)


def subscript(lowered: str, after: str) -> str:
    """Lowered text, before the text `after`."""
    text = " ".join(lowered.split())
    return _script("_", text, after) if text else ""


def _script(mark: str, text: str, after: str) -> str:
    joined = after[:1].isdigit() if len(text) == 1 else after[:1].isalnum()
    plain = _PLAIN.fullmatch(text) and not joined
    return mark + (text if plain else f"{{{text}}}")


def _is_prose(before: str) -> bool:
    """True if what precedes has no exponent: the end of a sentence, a word, a number with thousands, a year."""
    before = before.rstrip() if before[-1:].isspace() else before
    if re.search(r"(?:^|[^\d.,])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?:1[89]|20)\d\d)$", before):
        return True
    if re.search(r"[.,;:!?%\"'”’»€$£]$|[^\d\W]\)$", before):
        return True
    word = re.search(r"[^\W\d_]+$", before)
    return word is not None and len(word[0]) >= 4 and not _UNITS.fullmatch(word[0])

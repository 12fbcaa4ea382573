"""Characters that people do not tell apart, written in one way.

    plain_characters("Ｂ\\u00a0– “ﬁnal”")     # 'B - "final"'
    plain_characters("10⁶ is not 106")       # unchanged: a superscript is another number

This is less than NFKC, which also turns `10⁶` into `106`, `½` into `1⁄2` and `①` into `1`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SAME = ("<wide>", "<narrow>", "<noBreak>", "<initial>", "<medial>", "<final>", "<isolated>", "<small>", "<compat>")
"""Decompositions after which a character is still the same. Not `<super>`, `<sub>`, `<fraction>`, `<circle>`,
`<square>`, `<vertical>` and `<font>`."""
_STYLES = ("MATHEMATICAL BOLD ", "MATHEMATICAL ITALIC ", "MATHEMATICAL SANS-SERIF ", "MATHEMATICAL MONOSPACE ")
"""Letters with which bold or italic text is written. Fraktur, script and double-struck letters are symbols of
their own in mathematics."""
_OTHER_LETTERS = ("SCRIPT", "FRAKTUR", "DOUBLE-STRUCK")
_KEPT = "\u0e33\u0eb3"  # Thai and Lao AM: the dictionaries of words have them in one piece

_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]")
"""Zero-width spaces, soft hyphens, marks of the writing direction, variation selectors."""
_JOINERS = re.compile("[\u200c\u200d]")
_EMOJI_JOINER = re.compile("(?<=[\U0001f000-\U0001faff\u2600-\u27bf])\u200d(?=[\U0001f000-\U0001faff\u2600-\u27bf])")
_PLACEHOLDER = "\ue0ff"

_ONE_TO_ONE = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛ʼʻˈ＇´′", "'"),
        **dict.fromkeys("“”„‟〝〞＂", '"'),
        **dict.fromkeys("‐‑−﹣－⁃", "-"),
        **dict.fromkeys("‒–", "–"),
    }
)
_EM_DASH = re.compile(r" ?(?:[—―⸺]|(?<=\s)–(?=\s)) ?")
_MINUS = re.compile(r"(?<!\S)–(?=[\d.])")
_LINE_ENDS = re.compile("[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SPACES = re.compile(r"[^\S\n]+")


def plain_characters(text: str) -> str:
    """`text` with plain quotes, dashes and spaces, without characters that cannot be seen, in NFC. An en dash between
    two words stays, so that "Argentina–France" is not taken for one word."""
    text = _EMOJI_JOINER.sub(_PLACEHOLDER, text.replace(_PLACEHOLDER, "\ufffd"))
    text = _JOINERS.sub("", _UNSEEN.sub("", text)).replace(_PLACEHOLDER, "\u200d")
    text = _SPACES.sub(" ", _LINE_ENDS.sub("\n", text))
    if not text.isascii():
        text = unicodedata.normalize("NFC", "".join(map(_plain_character, text)))
        text = text.translate(_ONE_TO_ONE)
        text = _MINUS.sub("-", text)
        text = _EM_DASH.sub(" - ", text)
    return text


@lru_cache(maxsize=4096)
def _plain_character(character: str) -> str:
    if character < "\u00a0" or character in _KEPT:
        return character
    kind, _, rest = unicodedata.decomposition(character).partition(" ")
    if kind == "<font>":
        name = unicodedata.name(character, "")
        styled = name.startswith(_STYLES) and not any(word in name for word in _OTHER_LETTERS)
        return unicodedata.normalize("NFKC", character) if styled else character
    # A spacing accent such as ´ decomposes into a space and a combining mark, which would join another letter.
    if kind in _SAME and (kind != "<compat>" or not rest.startswith("0020")):
        return unicodedata.normalize("NFKC", character)
    return character


def fold(character: str, turkish: bool = False) -> str:
    """A character without its case. In Turkish, I is the capital of ı, and İ of i."""
    if turkish and character in "Iİ":
        return "ı" if character == "I" else "i"
    # The dot of the lower-case İ is a combining mark, which no other i has.
    return "i" if character == "İ" else character.casefold()

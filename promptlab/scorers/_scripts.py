"""Where words begin and end in scripts that write them together.

Chinese, Japanese, Thai, Lao, Khmer and Burmese have no spaces between words: ICU divides them with its dictionaries
(UAX #29). Korean writes particles at the end of words, Arabic and Hebrew write "and", "in" and "the" at their
beginning.
Each function says how sure it is: `Fit.YES`, `Fit.NO`, or `Fit.UNSURE` if the writing alone cannot tell.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from promptlab.errors import NotJudged

_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\uaa60-\uaa7f\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
_HAN_FUNCTION_WORDS = frozenset(
    "是在的了和与與及或为為到从從去于於对對把被让讓给給向以就也都不没沒很这這那有我你他她它们們"
)
"""Chinese words of one character that stand before any other word."""

_HAN_SUFFIXES = frozenset("市省县縣州国國人队隊语語族府県区區町村島岛城駅站")
"""Endings of places, peoples and teams. The dictionary has 北京市 in one word, but 神戸市 in two."""

_HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")
_PARTICLES = re.compile(
    r"들?(?:(?:에서|에게서|에게|한테서|한테|께서|께|으로부터|로부터|으로서|로서|으로써|로써|으로|로|에|의|은|는|이|가|을|를|과|와"
    r"|이랑|랑|하고|도|만|까지|부터|마저|조차|보다|처럼|같이|마다|밖에|이나|나|이며|이고|이라고|라고|이란|란|이요|요|이야)"
    r"(?:은|는|도|만|의|이|가)?"
    r"|(?:이다|다|이었다|였다|입니다|이에요|예요|이었습니다|였습니다|이라는|라는|이지만|지만|이므로|이라서|라서))"
)

_ARABIC = re.compile("[\u0620-\u064a\u066e-\u06d3]")
_ARABIC_PREFIX = re.compile("[وف]?[بلك]?(?:ال)?|[وف]?لل")
_HEBREW = re.compile("[\u05d0-\u05ea]")
_HEBREW_PREFIX = re.compile("ו?[שמלכב]?[שמלכבה]?")


class Fit(Enum):
    """Whether an occurrence is a word of its own."""

    YES = "yes"
    UNSURE = "unsure"
    NO = "no"


def is_spaceless(character: str) -> bool:
    """True for a letter of a script without spaces between words."""
    return bool(_SPACELESS.match(character))


def fit_spaceless(text: str, start: int, end: int) -> Fit:
    """Whether `text[start:end]` is one or more words, as far as letters of a script without spaces are beside it."""
    fit = Fit.YES
    if start and is_spaceless(text[start]) and is_spaceless(text[start - 1]):
        fit = _begins(text, start, end)
    if fit is Fit.NO or end == len(text) or not (is_spaceless(text[end - 1]) and is_spaceless(text[end])):
        return fit
    return fit if _ends(text, start, end) else Fit.UNSURE


def _ends(text: str, start: int, end: int) -> bool:
    if _inside_katakana(text, end):
        return False
    edges = _boundaries(text)
    suffixed = end - start > 1 and text[end] in _HAN_SUFFIXES and end + 1 in edges
    return end in edges or suffixed or bool(_HAN.match(text[end - 1]) and _KATAKANA.match(text[end]))


def _begins(text: str, start: int, end: int) -> Fit:
    edges = _boundaries(text)
    if start not in edges:
        # 京都 in 東京都, which is 東京 and 都: the end of one word with the beginning of the next.
        crosses = any(edge in edges for edge in range(start + 1, end))
        return Fit.NO if crosses else Fit.UNSURE
    if _inside_katakana(text, start):
        return Fit.UNSURE  # the dictionary divides ニューヨーク into ニュー and ヨーク
    before = text[start - 1]
    if start - 1 in edges and _HAN.match(before) and before not in _HAN_FUNCTION_WORDS:
        # 东京都 can be 东 and 京都, or 东京 and 都.
        for middle in range(start + 1, end):
            if len(_boundaries(text[start - 1 : middle])) == 2:
                return Fit.UNSURE
    return Fit.YES


def _inside_katakana(text: str, index: int) -> bool:
    return bool(_KATAKANA.match(text[index - 1]) and _KATAKANA.match(text[index]))


@lru_cache(maxsize=64)
def _boundaries(text: str) -> frozenset[int]:
    """The positions between words, with the beginning and the end."""
    try:
        from icu4py.breakers import WordBreaker
    except ImportError as exc:
        raise NotJudged(
            "words of Chinese, Japanese, Thai, Lao, Khmer and Burmese need icu4py",
            hint="pip install 'promptlab[scorers]'",
        ) from exc
    edges, position = [0], 0
    # The offsets that ICU reports are in UTF-16, so the lengths of the words are added up. A lone surrogate is no text.
    for word in WordBreaker(re.sub("[\ud800-\udfff]", "\ufffd", text), "en"):
        position += len(word)
        edges.append(position)
    return frozenset(edges)


def fit_hangul(text: str, start: int, end: int) -> Fit:
    """Whether Korean `text[start:end]` is a word, alone or before particles."""
    if not _HANGUL.match(text[end - 1]):
        return Fit.YES
    if start and _HANGUL.match(text[start]) and _HANGUL.match(text[start - 1]):
        return Fit.NO
    stop = end
    while stop < len(text) and _HANGUL.match(text[stop]):
        stop += 1
    if stop == end:
        return Fit.YES
    known = _PARTICLES.fullmatch(text, end, stop) is not None
    # A syllable with a particle is often another word: 나이 is "age", not 나 with a particle.
    return Fit.YES if known and end - start > 1 else Fit.UNSURE


def is_hangul(character: str) -> bool:
    """True for a Korean letter."""
    return bool(_HANGUL.match(character))


def fit_prefix(text: str, start: int) -> Fit:
    """Whether the letters before `text[start:]` are Arabic or Hebrew prefixes, so that a word can begin at `start`."""
    for script, prefix in ((_ARABIC, _ARABIC_PREFIX), (_HEBREW, _HEBREW_PREFIX)):
        if not script.match(text[start]):
            continue
        begin = start
        while begin and script.match(text[begin - 1]):
            begin -= 1
        if begin == start:
            return Fit.YES
        if not prefix.fullmatch(text, begin, start):
            return Fit.NO
        # No Arabic root begins with the article, so what is before it is a prefix.
        return Fit.YES if text.startswith("ال", start) and not text.startswith("ال", begin) else Fit.UNSURE
    return Fit.NO


def may_have_prefix(character: str) -> bool:
    """True for a letter of a script that writes prefixes and words together."""
    return bool(_ARABIC.match(character) or _HEBREW.match(character))

"""Finds the numbers in a text, and says what each can mean.

    numbers_in("It cost $1,234.50.")     # [Number("$1,234.50", (Fraction(1234.5),), unit="USD")]
    numbers_in("on 2022-12-18 at 10:30")   # []

Dates, times, ratios, versions, telephone numbers, addresses, footnotes and names with digits (B12, covid-19) are no
numbers. A range such as 3-4 is one `Number` without a value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from promptlab.scorers._number_suffix import MONEY_BEFORE, suffix_of
from promptlab.scorers._number_text import SUPERSCRIPTS, plain
from promptlab.scorers._number_words import words_in
from promptlab.scorers._numerals import SPACES, Marks, Numeral, read_numeral
from promptlab.scorers._units import MONEY

# Scripts without spaces between words: a digit behind such a letter does not belong to its word.
_LETTER = r"[^\W\d_\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3005-\u9fff\uac00-\ud7af\uf900-\ufaff]"
_MINUS = "-\u2010\u2011\u2012\u2013\u2014\u2212\ufe63"
_SKIPPED = (
    r"(?:https?://|www\.)\S+|[\w.+-]{1,64}@[\w-]+\.[\w.]+",
    r"(?<=[\w.)%])\[\d{1,3}\]",
    r"\d{4}(?P<d1>[-/.])\d{1,2}(?P=d1)\d{1,2}(?!\d)(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?",
    r"\d{1,2}(?P<d2>[-/.])\d{1,2}(?P=d2)\d{2,4}(?![\d/])",
    r"\d{1,4}年\d{1,2}月(?:\d{1,2}日)?",
    r"\d{1,4}(?::\d{1,4}){1,3}(?:\.\d+)?(?:\s?[ap]\.?m\b\.?)?|\d{1,2}\s?[ap]\.?m\b\.?",
    r"\(\d{3}\)\s?\d{3}[-. ]\d{4}|\+\d{1,3}(?:[ .\-/()]+\d{2,}){3,}|\b\d{3}-\d{3,4}-\d{4}\b",
    r"\d+(?:/\d+){2,}",
    r"0[xX][0-9a-fA-F]+|0[bB][01]+|\d{1,2}h\d{2}",
)
_VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"
_DIGITS = (
    rf"\d{{1,3}}(?P<sep>[{SPACES}'’_])\d{{3}}(?:(?P=sep)\d{{3}})*(?!\d)(?:[.,]\d+)?"
    r"|\d+(?:[.,]\d+)*|(?<![\w.,])[.,]\d+"
)
_POWER = rf"\^\(?[-+\u2212]?\d+\)?|\*\*[-+]?\d+|[{SUPERSCRIPTS}]+"
_NUMBER = (
    rf"(?:(?P<sign>[{_MINUS}+±]|\+/-)(?P<gap>[ \u00a0]?)(?P<prefix>%[ \u00a0]?|\[)?)?"
    rf"(?P<money>{MONEY_BEFORE})?(?P<inner>[-\u2212\u2013])?"
    rf"(?:(?:(?P<mixed>\d{{1,6}})[ \u00a0\u202f]?)?(?P<vulgar>[{_VULGAR}])"
    r"|(?:(?P<whole>\d{1,6})[ ])?(?P<over>\d{1,9})/(?P<under>0*[1-9]\d{0,8})(?![\d/]|[.,]\d)"
    rf"|(?P<digits>{_DIGITS})"
    r"(?:[eE\u0415\u0435](?P<e>[-+\u2212]?\d+)(?!\w)"
    rf"|[ \u00a0]?[×xX*·][ \u00a0]?10(?P<ten>{_POWER})|(?P<power>{_POWER}))?)"
)
_WORD = rf"{_LETTER}+(?:['’]{_LETTER}+)*(?:[-‑_]?\d\w*(?:[.\-/:]\w+)*)?"
_TOKEN = re.compile("|".join((*_SKIPPED, _NUMBER, _WORD)))

_LIMITED = re.compile(
    r"(?:\b(?:more|less|fewer|greater|larger|smaller|higher|lower) than|\bat (?:least|most)|\bup to"
    r"|\b(?:over|under|above|below|almost|nearly)|\bnever|\bnot"
    r"(?: exactly| quite)?|n['’]t|(?<![-=])[<>]|[≤≥≠^√]|\\?sqrt[ (]*)\s*(?:the |a |an )?$",
    re.IGNORECASE,
)
_PART_OF = re.compile(r"\b(?:half|third|quarter)s?(?: of)?(?: an?)? $", re.IGNORECASE)
_OR_MORE = re.compile(r"\+(?![\s=]*[\d$-])")
_NEGATIVE = re.compile(r"(?P<before>\S?)\s*\b(?:minus|negative)\s+$", re.IGNORECASE)
_IN_ACCOUNTS = re.compile(r"\([^\d()]{0,8}\Z")
_IN_ACCOUNTS_END = re.compile(r"[^\d()]{0,8}\)")
_MINUS_BEHIND = re.compile(r"\s?[-\u2212](?=[\s.)]*\Z)")
MAX_EXPONENT = 308


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text, as it is written, with the values that it can have.

    The first reading is the usual one, unless `usual` is False: then none is. Without readings it is no single number,
    such as a range (`usual`), or cannot be read. `why` says why it is not clear. The unit of a percentage is `%`, and
    its value is 25 for 25 %.
    """

    text: str
    start: int
    end: int
    readings: tuple[Fraction, ...] = ()
    usual: bool = True
    why: str = ""
    unit: str = ""
    words: bool = False


def numbers_in(answer: str, marks: Marks | None = None, language: str = "en") -> list[Number]:
    """The numbers in an answer, in their order."""
    text = plain(answer)
    found: list[Number] = []
    taken: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(text):
        if any(char.isdigit() for char in match[0]):
            taken.append(match.span())
        if match["digits"] or match["over"] or match["vulgar"]:
            found.extend(_numbers_of(match, text, marks, language))
    taken = sorted([*taken, *((number.start, number.end) for number in found)])
    found.extend(_in_words(text, _masked(text, taken), language))
    return _with_ranges(sorted(found, key=lambda number: number.start), text)


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    """`text` with the characters in `spans` replaced, so that places in it stay the same."""
    pieces, at = [], 0
    for start, end in spans:
        pieces += [text[at:start], ";" * (end - max(at, start))]
        at = max(at, end)
    return "".join((*pieces, text[at:]))


def _numbers_of(match: re.Match[str], text: str, marks: Marks | None, language: str) -> Iterator[Number]:
    """The number of a match, or the numbers if it is a list such as 2,3,5."""
    numeral = _numeral_of(match, marks)
    start, end = match.span()
    if numeral.parts:
        for part in numeral.parts:
            yield Number(part, start, end, read_numeral(part, marks).readings)
        return
    usual = numeral.usual
    if not numeral.readings:
        if not numeral.other:
            yield Number(match[0].strip(), start, end, usual=False, why=numeral.why)
        return
    yield _finished(Number(match[0], start, end, numeral.readings, usual, numeral.why), match, text, language)


def _numeral_of(match: re.Match[str], marks: Marks | None) -> Numeral:
    if match["vulgar"]:
        part = Fraction(unicodedata.numeric(match["vulgar"])).limit_denominator(10)
        return Numeral((int(match["mixed"] or 0) + part,))
    if match["over"]:
        part = Fraction(int(match["over"]), int(match["under"]))
        if match["whole"] and part >= 1:
            return Numeral(why=f"{match[0].strip()} is several numbers")
        if match["whole"]:
            return Numeral((int(match["whole"]) + part,))
        return Numeral((part, Fraction(match["over"])), f"{match[0].strip()} may be a score")
    numeral = read_numeral(match["digits"], marks)
    if match["e"] or match["ten"]:
        return _times(numeral, _integer(match["e"] or match["ten"]))
    return _raised(numeral, match["digits"], match["power"]) if match["power"] else numeral


def _times(numeral: Numeral, exponent: int) -> Numeral:
    if abs(exponent) > MAX_EXPONENT:
        return Numeral(why=f"the exponent {exponent} is too large")
    return replace(numeral, readings=tuple(value * Fraction(10) ** exponent for value in numeral.readings), parts=())


def _raised(numeral: Numeral, digits: str, power: str) -> Numeral:
    """10⁶ and 2^10; a raised digit behind another number may also be a footnote."""
    exponent = _integer(power)
    if not numeral.readings or abs(exponent) > MAX_EXPONENT or len(digits) > 6:
        return Numeral(why=f"{digits}{power} is too large")
    value = numeral.readings[0]
    if value == 0 and exponent < 0:
        return Numeral(why=f"{digits}{power} is infinite")
    if power[0] in "^*":
        return Numeral((value**exponent,))
    return Numeral((value**exponent, value), f"{power} may be a power or a footnote", usual=digits == "10")


def _integer(power: str) -> int:
    """The exponent that a power such as ^6, **-3 or ⁻⁶ stands for."""
    ascii_power = "".join(
        str(unicodedata.digit(char)) if char in "⁰¹²³⁴⁵⁶⁷⁸⁹" else "-" if char in "-\u2212⁻" else char for char in power
    )
    digits = re.sub(r"[^\d-]", "", ascii_power)[:6]
    return int(digits) if re.fullmatch(r"-?\d+", digits) else MAX_EXPONENT + 1


def _in_words(text: str, masked: str, language: str) -> Iterator[Number]:
    """The numbers in words in `text`; in `masked`, the places of other numbers are filled with marks."""
    end = -1
    for words in words_in(masked, language):
        if words.start < end:  # the word million behind a number in words
            continue
        number = Number(words.text, words.start, words.end, (words.value,), words.sure, words=True)
        number = _finished(number if words.sure else replace(number, why="words"), None, text, language, end)
        yield number
        end = number.end


def _finished(number: Number, match: re.Match[str] | None, text: str, language: str, before: int = -1) -> Number:
    """The number with its sign, its unit, and what limits it. The number in words before it ends at `before`."""
    money = MONEY.get((match["money"] or "").strip(" \u00a0.")) or "" if match else ""
    suffix = suffix_of(text, number.end, number.readings, money, language)
    if match and money == "USD" and text[suffix.end : suffix.end + 1] == "$":
        suffix = replace(suffix, unit="")  # LaTeX: $42$
    number = replace(
        number,
        readings=suffix.readings,
        usual=number.usual and suffix.usual,
        why=number.why or suffix.why,
        unit="%" if suffix.percent or _has_percent_before(number, match, text) else suffix.unit,
        text=text[number.start : max(number.end, suffix.value_end)],
        end=suffix.end,
    )
    number = _signed(number, match, text, before)
    said = _limit_of(number, text)
    if said:
        number = replace(number, usual=False, why=f"it says {said}")
    return replace(number, text=number.text.strip())


def _limit_of(number: Number, text: str) -> str:
    """The words that make a number a limit or a part of another: "more than 42", "42+", "half a million"."""
    before = _LIMITED.search(text, max(0, number.start - 40), number.start)
    if not before and number.words:
        before = _PART_OF.search(text, max(0, number.start - 40), number.start)
    if before:
        return f"{before[0].strip()} {number.text.strip()}"
    return f"{number.text.strip()}+" if _OR_MORE.match(text, number.end) else ""


def _has_percent_before(number: Number, match: re.Match[str] | None, text: str) -> bool:
    """True for %12, as in Turkish, and not for the sign of a number before."""
    before = text[max(0, number.start - 3) : number.start].rstrip(" \u00a0")
    return bool(match and "%" in (match["prefix"] or "")) or (before[-1:] == "%" and not before[-2:-1].isalnum())


def _signed(number: Number, match: re.Match[str] | None, text: str, before: int) -> Number:
    """The number with the sign before it, or before its currency."""
    negative = tuple(-value for value in number.readings)
    word = _NEGATIVE.search(text, max(0, number.start - 20), number.start)
    is_operator = word and (
        word["before"].isdigit() or word["before"] in ("%", ")") or word.start("before") == before - 1
    )
    if word and not is_operator:
        return replace(number, readings=negative, text=f"minus {number.text}")
    if match and match["inner"]:
        return replace(number, readings=negative)
    sign = match["sign"] if match else None
    if sign in (None, "+"):
        in_accounts = _IN_ACCOUNTS.search(text, max(0, number.start - 12), number.start)
        if in_accounts and _IN_ACCOUNTS_END.match(text, number.end):
            return _or(number, negative, "in parentheses, as negative numbers in accounts")
        if _MINUS_BEHIND.match(text, number.end):
            return _or(number, negative, "with a minus behind it, as negative numbers in accounts")
        return number
    if sign in ("±", "+/-"):
        return replace(number, readings=(*number.readings, *negative), usual=False, why=f"{number.text} is two numbers")
    return _with_minus(number, match, text, negative)  # type: ignore[arg-type]  # a sign comes from a match


def _with_minus(number: Number, match: re.Match[str], text: str, negative: tuple[Fraction, ...]) -> Number:
    """A dash before digits is a minus, an operator, the dash of a range, or punctuation."""
    sign, gap, line = match["sign"], match["gap"], text[max(0, number.start - 100) : number.start].rpartition("\n")[2]
    before, spaced = line.rstrip()[-1:], line != line.rstrip()
    if before and (before.isdigit() or before in f"%)°{SUPERSCRIPTS}"):
        if spaced and not gap:
            return replace(number, readings=(*negative, *number.readings), usual=False, why=f"{sign} may be a minus")
        return number
    if not before and ((gap and sign != "\u2212") or sign == "\u2014"):
        return replace(number, readings=(*number.readings, *negative), usual=False, why=f"{sign} may be a bullet")
    if before and sign != "\u2212" and (gap or (not spaced and before.isalpha()) or sign == "\u2014"):
        return _or(number, negative, f"{sign} may be a minus")
    return replace(number, readings=negative)


def _or(number: Number, readings: tuple[Fraction, ...], why: str) -> Number:
    """The number with further readings, which are not the usual ones."""
    return replace(number, readings=(*number.readings, *readings), why=number.why or why)


def _with_ranges(numbers: list[Number], text: str) -> list[Number]:
    """The numbers, with two that a dash joins as one range without a value."""
    joined: list[Number] = []
    for number in numbers:
        before = joined[-1] if joined else None
        if before and before.end <= number.start and _is_range(text, before, number):
            whole = text[before.start : number.end].strip()
            joined[-1] = Number(whole, before.start, number.end, why=f"{whole} is a range or a score")
        else:
            joined.append(number)
    return joined


def _is_range(text: str, first: Number, second: Number) -> bool:
    between = text[first.end : second.start]
    dash = between + text[second.start : second.end].lstrip()[:1]
    if not between and text[second.start] in _MINUS:
        return text[second.start + 1] != " " or text[second.start] in "\u2013\u2014"
    if between == " " and text[second.start] in "\u2013\u2014":
        return text[second.start + 1] == " "
    return dash[:1] in (*_MINUS, "~", "〜", "～") and len(between) == 1


__all__ = ["Number", "numbers_in"]

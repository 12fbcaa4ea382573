"""`one_of`: which of the options an answer chooses.

score = one_of(among=["A", "B", "C"])
score("The correct answer is (B) a dog.", "B").value      # 1.0: the article is no option
score("It is a dog.", "A").value                          # 0.0: names none of the options
score("A is a cat, so the answer is C.", "C").value       # 1.0: concludes with C
score("B\\nA is wrong because ...", "B")                    # raises NotJudged: names A and B without a conclusion
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from promptlab.errors import NotJudged
from promptlab.scorers._letters import letter_fit
from promptlab.scorers._normalise import plain_text, same_text
from promptlab.scorers._scripts import Fit
from promptlab.scorers._text import alternatives, named_texts
from promptlab.scorers._words import places
from promptlab.types import Score, Scorer

_NOT = (
    r"(?:not|never|non|neither|nor|without|except|isn't|wasn't|aren't|cannot|can't|don't|doesn't|didn't|wouldn't|won't)"
)
_REJECTED = re.compile(
    rf"\b{_NOT} (?:an? |the |at all |really |very |option |answer |choice )*[\"'(\[]*$", re.IGNORECASE
)
_REJECTED_AFTER = re.compile(
    r"[\"')\].]* (?:is|are|was|were|would be|seems|looks)(?: (?:clearly|also|therefore|just|simply))* "
    r"(?:an? |the )?(?:not|wrong|incorrect|false|ruled out|eliminated|impossible|out)\b"
    r"|[\"')\]]* (?:isn't|wasn't|can't|cannot)\b",
    re.IGNORECASE,
)
_MAYBE_REJECTED = re.compile(
    rf"\b(?:{_NOT}|rather than|instead of|ruled? out|eliminated?|hardly|barely|scarcely|far from|less than|opposite of"
    r"|(?:anything|all|everything) (?:but|except)|lacks?|lacking|fails? to|nicht|kein\w*|nie|jamais|nunca"
    r"|pas|no es|não) (?:[\w']+ ){0,3}[\"'(\[]*$|\bno [\"']*$|[不非没沒无無][是有]?[\"'(\[]*$",
    re.IGNORECASE,
)
_DENIED = re.compile(r"[\"')\]]*\s*[:=]\s*(?:no|not|none|false|0|✗|❌)\b", re.IGNORECASE)
_QUESTION = re.compile(
    r"(?:^|[.!?\n:] *)(?:is|are|was|were|does|do|did|could|would|should|can|which|what|who)\b[^.!?\n]*$", re.IGNORECASE
)
_ASKED = re.compile(r"[\"')\]]*\s*\?\s*\S")
_CONCLUSION = re.compile(
    r"\b(?:answer|choice|option|label|category|class|verdict|conclusion|sentiment|classification)\b[\"']?"
    r"(?: (?:is|would be|must be|should be|has to be)(?: (?:clearly|therefore|thus|definitely))?:?|[ ]?[:=]| -)"
    r"\s*(?:(?:option|answer|choice) )?[\"'(\[{]*$",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"[\"')\]]*(?:,? (?:and|or|nor|and/or|&) (?:(?:an?|the|option|answer|maybe|perhaps|possibly|even) )?"
    r"|, ?| ?/ ?| ?& ?| )[\"'(\[]*",
    re.IGNORECASE,
)
_BOXED = re.compile(r"\\(?:boxed|fbox)\{((?:[^{}]|\{[^{}]{0,99}\}){0,300})\}")


@dataclass(frozen=True, slots=True)
class Mention:
    """An option that an answer names, and where. `rejected` is True in "not B", None if that cannot be told."""

    option: str
    start: int
    end: int
    rejected: bool | None


def one_of(*, among: list[str] | None = None) -> Scorer:
    """1 if the answer names exactly one of the options `among` (such as the labels of a classifier), or concludes with
    one ("so the answer is B"), and it is the expected one. Without `among`, 1 if the answer is one of the expected
    texts."""

    def score(answer: str, expected: Any) -> Score:
        wanted = alternatives(expected)
        if among is None:
            hit = next((text for text in wanted if same_text(answer, text)), None)
            reason = f"is {hit!r}" if hit is not None else f"is none of {named_texts(wanted)}"
            return Score("one_of", float(hit is not None), answer.strip(), reason)
        chosen = choice(answer, [str(option) for option in among])
        if chosen.option is None:
            return Score("one_of", 0.0, answer.strip(), chosen.reason)
        right = any(same_text(chosen.option, text) for text in wanted)
        return Score("one_of", float(right), chosen.option, f"chose {chosen.option!r}, expected {named_texts(wanted)}")

    return score


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen option, or why there is none."""

    option: str | None
    reason: str = ""


def choice(answer: str, options: list[str]) -> Choice:
    """The option that an answer chooses. Raises `NotJudged` if it may have chosen one, but that cannot be told."""
    whole = [option for option in options if same_text(answer, option)]
    if whole:
        return Choice(next((option for option in whole if option == answer.strip()), whole[0]))
    boxed = _BOXED.findall(answer)
    if boxed and boxed[-1] != answer:
        inside = {option for content in boxed for option in options if same_text(content, option)}
        if len(inside) == 1:
            return Choice(inside.pop())
    plain = _without_scale(plain_text(answer), options)
    mentions, doubt = _mentions(plain, options)
    named = list(dict.fromkeys(mention.option for mention in mentions))
    if not mentions:
        if doubt:
            raise NotJudged(doubt)
        return Choice(None, "names none of the options")
    concluded = _concluded(plain, mentions)
    if concluded:
        return Choice(concluded)
    if all(mention.rejected for mention in mentions):
        return Choice(None, f"rejects {' and '.join(named)} and names no other option")
    if len(named) > 1:
        if not any(mention.rejected for mention in mentions) and _is_list(plain, mentions):
            return Choice(None, f"names {len(named)} of the options: {', '.join(named)}")
        raise NotJudged(
            f"the answer names {' and '.join(named)} without a conclusion such as 'the answer is …' at its end"
        )
    if any(mention.rejected is not False for mention in mentions):
        raise NotJudged(f"cannot tell if the answer chooses or rejects {named[0]!r}")
    return Choice(named[0])


def _mentions(plain: str, options: list[str]) -> tuple[list[Mention], str]:
    """The options that are named, in the order of the text, and a doubt about others."""
    letters = all(len(option.strip()) == 1 and option.strip().isalpha() for option in options)
    sure: list[tuple[int, int, str]] = []
    doubt = ""
    for option in options:
        for place in places(plain, option, is_label=letters):
            fit = letter_fit(plain, place.start, place.end) if letters else place.fit
            if fit is Fit.YES:
                sure.append((place.start, place.end, option))
            elif fit is Fit.UNSURE:
                doubt = (
                    doubt or f"cannot tell if {plain[place.start : place.end]!r} in the answer is the option {option!r}"
                )
    # An option that is part of a longer one at the same place (`true` in `not true`) is not named there.
    mentions: list[Mention] = []
    for start, end, option in sorted(sure, key=lambda place: (place[0], -place[1])):
        if not mentions or end > mentions[-1].end or (start, end) == (mentions[-1].start, mentions[-1].end):
            mentions.append(Mention(option, start, end, _rejected(plain, start, end)))
    return mentions, doubt


def _without_scale(plain: str, options: list[str]) -> str:
    """The text with "4" for "4/5" and "4 out of 5", if the options are numbers up to 5."""
    if not all(option.isdecimal() for option in options):
        return plain
    highest = max(options, key=int)
    return re.sub(rf"(?<=\d) ?(?:/|out of|of) ?{highest}(?![\d.,/]\d|\d)", "", plain)


def _rejected(plain: str, start: int, end: int) -> bool | None:
    before = plain[max(0, start - 60) : start]
    if re.search(r"\b(?:not|neither|nor) only (?:\w+ )?$", before, re.IGNORECASE):
        return None
    if _REJECTED.search(before) or _REJECTED_AFTER.match(plain, end):
        return True
    asked = _ASKED.match(plain, end) or (
        _QUESTION.search(before) and re.match(r"[^.!\n?]{0,60}\?", plain[end : end + 61])
    )
    if asked or _DENIED.match(plain, end):
        return None  # "B? No", "Is it B?", "B: no"
    return None if _MAYBE_REJECTED.search(before) else False


def _concluded(plain: str, mentions: list[Mention]) -> str | None:
    """The option after "the answer is", if the answer names no other option after it and concludes only once."""
    concluding = {
        m.option for m in mentions if not m.rejected and _CONCLUSION.search(plain[max(0, m.start - 60) : m.start])
    }
    last = mentions[-1]
    if len(concluding) != 1 or last.option not in concluding or last.rejected is not False:
        return None
    after = plain[last.end :].lstrip("\"')]}")
    return None if re.match(r"\s*(?:or|and|/|\?)", after, re.IGNORECASE) else last.option


def _is_list(plain: str, mentions: list[Mention]) -> bool:
    """True if the options are named as in "A, B or C"."""
    return all(_JOINED.fullmatch(plain[left.end : right.start]) for left, right in pairwise(mentions))

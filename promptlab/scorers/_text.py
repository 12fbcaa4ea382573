"""Scorers of text. If several answers are right, `expected` is a list of them and the best match counts."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable
from typing import Any

from promptlab._util.bounded_regex import search
from promptlab.errors import InputError, NotJudged
from promptlab.types import Score, Scorer

MAX_MATCHED = 100_000
"""A regular expression sees at most this many characters of an answer; longer ones can take too long."""


def alternatives(expected: Any) -> list[str]:
    """The right answers, as a list. Raises `InputError` if `expected` is missing."""
    if expected is None or isinstance(expected, dict) or expected == []:
        raise InputError("this case has no expected answer", hint="give it `expected`, a text or a list of texts")
    return [str(text) for text in expected] if isinstance(expected, list | tuple) else [str(expected)]


def normalise(text: str) -> str:
    """Text for comparing: lower case, NFC, single spaces, and no punctuation at the beginning and end."""
    return _folded(text).strip(" .,;:!?\"'“”‘’«»()[]")


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text.casefold()).split())


def exact(*, normalised: bool = True) -> Scorer:
    """1 if the whole answer is the expected one. `normalised` ignores case, spacing and outer punctuation."""
    plain: Callable[[str], str] = normalise if normalised else str

    def score(answer: str, expected: Any) -> Score:
        wanted = alternatives(expected)
        hit = next((text for text in wanted if plain(answer) == plain(text)), None)
        reason = f"is {hit!r}" if hit is not None else f"is not {_one_of(wanted)}"
        return Score("exact", float(hit is not None), answer.strip(), reason)

    return score


def contains() -> Scorer:
    """1 if an expected text is in the answer, as whole words and in any case."""

    def score(answer: str, expected: Any) -> Score:
        wanted = alternatives(expected)
        hit = next((text for text in wanted if _holds(answer, text)), None)
        reason = f"holds {hit!r}" if hit is not None else f"does not hold {_one_of(wanted)}"
        return Score("contains", float(hit is not None), answer.strip(), reason)

    return score


def _holds(answer: str, text: str) -> bool:
    # If the expected text is only punctuation, the punctuation counts.
    wanted = normalise(text) or _folded(text)
    return bool(wanted and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", _folded(answer)))


def regex(*, pattern: str = "", ignore_case: bool = False, whole: bool = False) -> Scorer:
    """1 if `pattern` matches somewhere in the answer, or the whole answer with `whole`. Without `pattern`, the expected
    texts are the patterns."""
    flags = re.MULTILINE | (re.IGNORECASE if ignore_case else 0)
    own = [check_regex(pattern, "pattern", flags)] if pattern else None

    def score(answer: str, expected: Any) -> Score:
        tried = own or [check_regex(text, "expected", flags) for text in alternatives(expected)]
        text, patterns = answer[:MAX_MATCHED], _one_of(tried)
        looked_at = f" in its first {MAX_MATCHED:,} characters" if len(answer) > MAX_MATCHED else ""
        if whole and looked_at:
            raise NotJudged(f"the answer is longer than the {MAX_MATCHED:,} characters that are compared")
        for candidate in tried:
            match = search(candidate, text, flags=flags, how="fullmatch" if whole else "search")
            if match:
                return Score("regex", 1.0, match.text, f"matches {candidate!r}")
        if looked_at:
            raise NotJudged(f"the answer does not match {patterns}{looked_at}, and the rest was not compared")
        return Score("regex", 0.0, answer.strip(), f"does not match {patterns}")

    return score


def check_regex(pattern: Any, option: str, flags: int = re.MULTILINE) -> str:
    """`pattern`, if it is a valid regular expression. Else raises `InputError` with the name of the `option`."""
    try:
        re.compile(pattern, flags)
    except (re.error, TypeError, RecursionError, OverflowError) as exc:
        raise InputError(f"`{option}` is not a valid regular expression: {exc}") from exc
    return str(pattern)


def one_of(*, among: list[str] | None = None) -> Scorer:
    """1 if exactly one of the options `among` (such as the labels of a classifier) is in the answer, and it is the
    expected one. Without `among`, 1 if the answer is one of the expected texts."""

    def score(answer: str, expected: Any) -> Score:
        wanted = alternatives(expected)
        if among is None:
            hit = next((text for text in wanted if normalise(answer) == normalise(text)), None)
            reason = f"is {hit!r}" if hit is not None else f"is none of {_one_of(wanted)}"
            return Score("one_of", float(hit is not None), answer.strip(), reason)
        # An option that is part of a longer one (`cat` in `black cat`) is not counted if the longer one is in the
        # answer.
        named = [option for option in among if _holds(answer, option)]
        named = [o for o in named if not any(o != longer and _holds(longer, o) for longer in named)]
        if len(named) != 1:
            reason = f"names {len(named)} of the options: {', '.join(named)}" if named else "names none of the options"
            return Score("one_of", 0.0, answer.strip(), reason)
        right = any(normalise(named[0]) == normalise(text) for text in wanted)
        return Score("one_of", float(right), named[0], f"chose {named[0]!r}, expected {_one_of(wanted)}")

    return score


_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_squad(text: str) -> str:
    """Text normalised as in SQuAD: lower case, without punctuation and articles, with single spaces
    (Rajpurkar et al., arXiv 1606.05250)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def best_subspan_em() -> Scorer:
    """1 if one of the expected texts is in the answer, both normalised as in SQuAD (Liu et al., "Lost in the Middle",
    arXiv 2307.03172)."""

    def score(answer: str, expected: Any) -> Score:
        wanted, plain = alternatives(expected), normalise_squad(answer)
        hit = next((text for text in wanted if normalise_squad(text) and normalise_squad(text) in plain), None)
        reason = f"holds {hit!r}" if hit is not None else f"holds none of {_one_of(wanted)}"
        return Score("best_subspan_em", float(hit is not None), hit if hit is not None else answer.strip(), reason)

    return score


def _one_of(texts: list[str]) -> str:
    return " or ".join(repr(text) for text in texts[:5]) + (f" or {len(texts) - 5} others" if len(texts) > 5 else "")

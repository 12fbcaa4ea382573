"""Scorers of text. If several answers are right, `expected` is a list of them and the best match counts."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any

from promptlab._util.bounded_regex import search
from promptlab.errors import InputError, NotJudged
from promptlab.scorers._normalise import normalise, same_text
from promptlab.scorers._words import holds
from promptlab.types import Score, Scorer

MAX_MATCHED = 100_000
"""A regular expression sees at most this many characters of an answer; longer ones can take too long."""


def alternatives(expected: Any) -> list[str]:
    """The right answers, as a list. Raises `InputError` if `expected` is missing."""
    if expected is None or isinstance(expected, dict) or expected == []:
        raise InputError("this case has no expected answer", hint="give it `expected`, a text or a list of texts")
    return [str(text) for text in expected] if isinstance(expected, list | tuple) else [str(expected)]


def exact(*, normalised: bool = True) -> Scorer:
    """1 if the whole answer is the expected one. `normalised` ignores what `same_text` does: case, spacing,
    Markdown, outer punctuation and an article at the beginning."""
    equal: Callable[[str, str], bool] = same_text if normalised else str.__eq__

    def score(answer: str, expected: Any) -> Score:
        wanted = alternatives(expected)
        hit = next((text for text in wanted if equal(answer, text)), None)
        reason = f"is {hit!r}" if hit is not None else f"is not {named_texts(wanted)}"
        return Score("exact", float(hit is not None), answer.strip(), reason)

    return score


def contains() -> Scorer:
    """1 if an expected text is in the answer, as whole words and in any case."""

    def score(answer: str, expected: Any) -> Score:
        wanted = alternatives(expected)
        hit = _held(answer, wanted)
        reason = f"holds {hit!r}" if hit is not None else f"does not hold {named_texts(wanted)}"
        return Score("contains", float(hit is not None), answer.strip(), reason)

    return score


def _held(answer: str, wanted: list[str]) -> str | None:
    """The first of the texts that the answer holds. Raises `NotJudged` if it holds none, but perhaps one."""
    unsure: NotJudged | None = None
    for text in wanted:
        try:
            if holds(answer, text):
                return text
        except NotJudged as exc:
            unsure = unsure or exc
    if unsure:
        raise unsure
    return None


def regex(*, pattern: str = "", ignore_case: bool = False, whole: bool = False) -> Scorer:
    """1 if `pattern` matches somewhere in the answer, or the whole answer with `whole`. Without `pattern`, the expected
    texts are the patterns."""
    flags = re.MULTILINE | (re.IGNORECASE if ignore_case else 0)
    own = [check_regex(pattern, "pattern", flags)] if pattern else None

    def score(answer: str, expected: Any) -> Score:
        tried = own or [check_regex(text, "expected", flags) for text in alternatives(expected)]
        text, patterns = answer[:MAX_MATCHED], named_texts(tried)
        looked_at = f" in its first {MAX_MATCHED:,} characters" if len(answer) > MAX_MATCHED else ""
        if whole and looked_at:
            raise NotJudged(f"the answer is longer than the {MAX_MATCHED:,} characters that are compared")
        for candidate in tried:
            match = search(candidate, text, flags=flags, how="fullmatch" if whole else "search")
            if match:
                _check_all_lines(candidate, text, flags, whole)
                return Score("regex", 1.0, match.text, f"matches {candidate!r}")
        if looked_at:
            raise NotJudged(f"the answer does not match {patterns}{looked_at}, and the rest was not compared")
        return Score("regex", 0.0, answer.strip(), f"does not match {patterns}")

    return score


_NOT_THERE = re.compile(
    r"(?:\(\?(?!m)[a-z]+\))?\^(?:\(\?!(?:\\.|\[[^\]]*\]|[^()\\])*\)|(?:\[\^(?:\\.|[^\]\\])+\]|\.)(?:[*+?]|\{\d*,?\d*\})?)+\$"
)
"""A pattern that says only what is not in a text, such as `^[^,]*$`."""


def _check_all_lines(pattern: str, text: str, flags: int, whole: bool) -> None:
    """Raises `NotJudged` if the pattern says what is not in the answer, and one line fits it but not all of them."""
    if whole or not _NOT_THERE.fullmatch(pattern) or "\n" not in text.strip():
        return
    if not search(pattern, text, flags=(flags & ~re.MULTILINE) | re.DOTALL, how="fullmatch"):
        raise NotJudged(
            f"one line of the answer matches {pattern!r}, but not all lines together: `^` and `$` match at every line",
            hint="add `whole: true` for the whole answer, or begin the pattern with `(?m)` for any line",
        )


def check_regex(pattern: Any, option: str, flags: int = re.MULTILINE) -> str:
    """`pattern`, if it is a valid regular expression. Else raises `InputError` with the name of the `option`."""
    try:
        re.compile(pattern, flags)
    except (re.error, TypeError, RecursionError, OverflowError) as exc:
        raise InputError(f"`{option}` is not a valid regular expression: {exc}") from exc
    return str(pattern)


_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_squad(text: str) -> str:
    """Text normalised as in SQuAD: lower case, without punctuation and articles, with single spaces
    (Rajpurkar et al., arXiv 1606.05250)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def best_subspan_em() -> Scorer:
    """1 if one of the expected texts is in the answer, both normalised as in SQuAD; a part of a word or number counts
    too (Liu et al., "Lost in the Middle", arXiv 2307.03172; `best_subspan_em` in their repository)."""

    def score(answer: str, expected: Any) -> Score:
        wanted, plain = alternatives(expected), normalise_squad(answer)
        hit = next((text for text in wanted if normalise_squad(text) and normalise_squad(text) in plain), None)
        if hit is None and not all(map(normalise_squad, wanted)):
            # The paper's code finds nothing at all in every answer, and passes it.
            raise NotJudged("an expected text is only articles and punctuation, which every answer holds")
        reason = f"holds {hit!r}" if hit is not None else f"holds none of {named_texts(wanted)}"
        return Score("best_subspan_em", float(hit is not None), hit if hit is not None else answer.strip(), reason)

    return score


def named_texts(texts: list[str]) -> str:
    """The texts for a reason: 'a' or 'b'."""
    return " or ".join(repr(text) for text in texts[:5]) + (f" or {len(texts) - 5} others" if len(texts) > 5 else "")


__all__ = [
    "alternatives",
    "best_subspan_em",
    "check_regex",
    "contains",
    "exact",
    "named_texts",
    "normalise",
    "normalise_squad",
    "regex",
]

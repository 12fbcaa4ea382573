"""Scorers of text. Where several answers are right, `expected` is a list of them, and the best match counts."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable
from typing import Any

from promptlab._util.bounded_regex import search
from promptlab.errors import InputError
from promptlab.types import Score, Scorer

MAX_MATCHED = 100_000
"""Characters of an answer a regular expression is tried on: some take for ever on longer ones."""


def alternatives(expected: Any) -> list[str]:
    """The texts that would be right: those of a list, or the one there is. Raises `InputError` where there is none."""
    if expected is None or isinstance(expected, dict) or expected == []:
        raise InputError("nothing is expected of this case", hint="give it `expected`, a text or a list of texts")
    return [str(one) for one in expected] if isinstance(expected, list | tuple) else [str(expected)]


def normalise(text: str) -> str:
    """Case, surrounding punctuation, runs of white space and ways to write an accent taken away."""
    return _folded(text).strip(" .,;:!?\"'“”‘’«»()[]")


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text.casefold()).split())


def exact(*, normalised: bool = True) -> Scorer:
    """1 when the whole answer is the one expected; `normalised` forgives case, spacing and outer punctuation."""
    plain: Callable[[str], str] = normalise if normalised else str

    def score(answer: str, expected: Any) -> Score:
        wanted = alternatives(expected)
        hit = next((one for one in wanted if plain(answer) == plain(one)), None)
        said = f"is {hit!r}" if hit is not None else f"is not {_one_of(wanted)}"
        return Score("exact", float(hit is not None), answer.strip(), said)

    return score


def contains() -> Scorer:
    """1 when an expected text stands anywhere in the answer as whole words, whatever its case."""

    def score(answer: str, expected: Any) -> Score:
        wanted = alternatives(expected)
        hit = next((one for one in wanted if _holds(answer, one)), None)
        said = f"holds {hit!r}" if hit is not None else f"does not hold {_one_of(wanted)}"
        return Score("contains", float(hit is not None), answer.strip(), said)

    return score


def _holds(answer: str, text: str) -> bool:
    # Of an expected text that is all punctuation, the punctuation counts.
    wanted = normalise(text) or _folded(text)
    return bool(wanted and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", _folded(answer)))


def regex(*, pattern: str = "", ignore_case: bool = False, whole: bool = False) -> Scorer:
    """1 when `pattern`, or what is expected where there is none, matches somewhere in the answer, or all of it
    with `whole`."""
    flags = re.MULTILINE | (re.IGNORECASE if ignore_case else 0)
    own = [check_regex(pattern, "pattern", flags)] if pattern else None

    def score(answer: str, expected: Any) -> Score:
        tried = own or [check_regex(one, "expected", flags) for one in alternatives(expected)]
        text, patterns = answer[:MAX_MATCHED], _one_of(tried)
        looked_at = f" in its first {MAX_MATCHED:,} characters" if len(answer) > MAX_MATCHED else ""
        if whole and looked_at:
            return Score("regex", 0.0, answer.strip(), f"longer than the {MAX_MATCHED:,} characters that are compared")
        for one in tried:
            found = search(one, text, flags=flags, how="fullmatch" if whole else "search")
            if found:
                return Score("regex", 1.0, found.text, f"matches {one!r}")
        return Score("regex", 0.0, answer.strip(), f"does not match {patterns}{looked_at}")

    return score


def check_regex(pattern: Any, option: str, flags: int = re.MULTILINE) -> str:
    """`pattern` where Python's `re` can read it. Raises `InputError` that names the option."""
    try:
        re.compile(pattern, flags)
    except (re.error, TypeError, RecursionError, OverflowError) as exc:
        raise InputError(f"`{option}` is no regular expression: {exc}") from exc
    return str(pattern)


def one_of(*, among: list[str] | None = None) -> Scorer:
    """1 when exactly one of the options `among` (say, the labels of a classifier) is in the answer, and it is what is
    expected. Without `among`, 1 when the answer is one of the texts expected."""

    def score(answer: str, expected: Any) -> Score:
        wanted = alternatives(expected)
        if among is None:
            hit = next((one for one in wanted if normalise(answer) == normalise(one)), None)
            said = f"is {hit!r}" if hit is not None else f"is none of {_one_of(wanted)}"
            return Score("one_of", float(hit is not None), answer.strip(), said)
        # An option that is a part of another one counts only where the longer does not.
        found = [option for option in among if _holds(answer, option)]
        found = [o for o in found if not any(o != other and _holds(other, o) for other in found)]
        if len(found) != 1:
            said = f"names {len(found)} of the options: {', '.join(found)}" if found else "names none of the options"
            return Score("one_of", 0.0, answer.strip(), said)
        right = any(normalise(found[0]) == normalise(one) for one in wanted)
        return Score("one_of", float(right), found[0], f"chose {found[0]!r}, expected {_one_of(wanted)}")

    return score


_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_squad(text: str) -> str:
    """Text as the question answering papers compare it: lower case, without punctuation, articles and runs of white
    space (Rajpurkar et al., arXiv 1606.05250)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def best_subspan_em() -> Scorer:
    """1 when any of the expected texts, normalised as in SQuAD, is a part of the normalised answer (Liu et al.,
    "Lost in the Middle", arXiv 2307.03172)."""

    def score(answer: str, expected: Any) -> Score:
        wanted, plain = alternatives(expected), normalise_squad(answer)
        hit = next((one for one in wanted if normalise_squad(one) and normalise_squad(one) in plain), None)
        said = f"holds {hit!r}" if hit is not None else f"holds none of {_one_of(wanted)}"
        return Score("best_subspan_em", float(hit is not None), hit if hit is not None else answer.strip(), said)

    return score


def _one_of(texts: list[str]) -> str:
    return " or ".join(repr(text) for text in texts[:5]) + (f" or {len(texts) - 5} others" if len(texts) > 5 else "")

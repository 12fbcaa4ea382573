"""The scorer `multiple_choice`: the letter behind `ANSWER:`, as the scorer `choice` of Inspect counts.

    multiple_choice()("The car moves.\\nANSWER: B", "B")                 # 1
    multiple_choice(several=True)("ANSWER: A, C", ["A", "C"])            # 1

Inspect (UK AI Security Institute) asks for a last line `ANSWER: B`, as simple-evals does. An answer without it is
wrong; `one_of` reads letters as models write them without being told how.
"""

from __future__ import annotations

import re
import string
from typing import Any

from promptlab.errors import InputError
from promptlab.types import Score, Scorer

_CHOICES = r"[A-Za-z\d][A-Za-z\d ,]*?"
_MATHS = re.compile(rf"\$\s*({_CHOICES})\s*\$")
_BOLD = re.compile(rf"\*\*\s*({_CHOICES})\s*\*\*")
_BRACKETED = re.compile(r"(^|[:,])(\s*)\(([A-Za-z\d])\)(?=\s*(?:,|\.|\n|\Z))", re.IGNORECASE)
_OWN_LINE = re.compile(r"^ANSWER\s*:\s*([A-Za-z\d ,]+)\s*(?:$|\n|\.)", re.IGNORECASE | re.MULTILINE)
_ANYWHERE = re.compile(r"ANSWER\s*:\s*([A-Za-z\d ,]+)(?:[^\w]|\n|$|\.)", re.IGNORECASE)


def multiple_choice(*, choices: int = 4, several: bool = False) -> Scorer:
    """1 if the letter behind the last `ANSWER:` is the expected one, as in the scorer `choice` of Inspect.

    `choices` is the number of choices: 4 for A to D. With `several`, all expected letters must be named and no other:
    "A, C", "A and C" or "AC".
    """
    if isinstance(choices, bool) or not isinstance(choices, int) or not 2 <= choices <= 26:
        raise InputError(f"`choices` is the number of choices, from 2 to 26, not {choices!r}")
    letters = set(string.ascii_uppercase[:choices])

    def score(answer: str, expected: Any) -> Score:
        wanted = _wanted(expected, letters, several)
        written = _written(answer)
        if written is None:
            return Score("multiple_choice", 0.0, "", "there is no letter behind `ANSWER:`")
        chosen = _chosen(written, letters, several)
        if not chosen:
            return Score("multiple_choice", 0.0, written, f"{written!r} is not among the choices")
        named = ", ".join(sorted(chosen))
        right = chosen in wanted
        said = " or ".join(", ".join(sorted(letters)) for letters in wanted)
        return Score("multiple_choice", float(right), named, f"chose {named}, expected {said}")

    return score


def _written(answer: str) -> str | None:
    """What stands behind the last `ANSWER:` that has a line to itself, or else behind the last anywhere."""
    answer = _BRACKETED.sub(r"\1\2\3", _BOLD.sub(r"\1", _MATHS.sub(r"\1", answer)))
    found = _OWN_LINE.findall(answer) or _ANYWHERE.findall(answer)
    return str(found[-1]).strip().upper() if found else None


def _chosen(written: str, letters: set[str], several: bool) -> frozenset[str]:
    """The letters that are named; none if something else is named as well."""
    if not several:
        parts = [part for part in written.split(",") if part]
        return frozenset(parts) if len(parts) == 1 and parts[0] in letters else frozenset()
    written = written.replace(" AND ", ",").replace(" ", "")
    for named in ({part for part in written.split(",") if part}, set(written)):
        if named <= letters:
            return frozenset(named)
    return frozenset()


def _wanted(expected: Any, letters: set[str], several: bool) -> list[frozenset[str]]:
    """The sets of letters that are right. Raises `InputError` for what is no letter of a choice."""
    listed = list(expected) if isinstance(expected, list | tuple) else [expected]
    if several:
        joined = "".join(str(part) for part in listed)
        sets = [frozenset(re.sub(r"[ ,]", "", joined.upper()))]
    else:
        sets = [frozenset({str(part).strip().upper()}) for part in listed]
    if not sets or not all(one and one <= letters for one in sets):
        known = f"{min(letters)} to {max(letters)}"
        raise InputError(f"`multiple_choice` needs a letter from {known} to compare with, not {expected!r}")
    return sets


__all__ = ["multiple_choice"]

"""A wrong answer planted in a document, in the place of the right one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from promptlab.errors import ExperimentError
from promptlab.suites import Case
from promptlab.types import Document, sha256


class Planted:
    """The wrong answer of each case, and its documents with that answer in the place of the right one.

    A wrong answer is what another case expects: of the same form (a number for a number, as many words), chosen by a
    hash of the ids, so it is the same on every machine.
    """

    def __init__(self, cases: Sequence[Case], wrong: Mapping[str, str]) -> None:
        self._wrong = {case.id: wrong.get(case.id) or _other(case, cases) for case in cases}

    def wrong(self, case: Case) -> str:
        """The planted answer of `case`, "" if there is none to plant."""
        return self._wrong.get(case.id, "")

    def documents(self, case: Case, own: tuple[Document, ...]) -> tuple[Document, ...]:
        """`own` with the right answer of `case` replaced everywhere.

        Raises `ExperimentError` where that is not possible: the case is then left out of the comparison, with this
        reason, and not counted as one that was read.
        """
        right, wrong = case.expected, self.wrong(case)
        if not isinstance(right, str | int | float) or isinstance(right, bool) or not wrong:
            raise ExperimentError(f"no wrong answer can be planted for `{case.id}`", hint="give one under `wrong`")
        pattern = re.compile(rf"(?<!\w){re.escape(str(right))}(?!\w)", re.IGNORECASE)
        planted = tuple(replace(d, text=pattern.sub(lambda _: wrong, d.text)) for d in own)
        if all(new.text == old.text for new, old in zip(planted, own, strict=True)):
            raise ExperimentError(
                f"`{right}` does not stand in the document of `{case.id}`, so no wrong answer can take its place",
                hint="leave the case out, or give documents that have the answer",
            )
        return planted


def _other(case: Case, cases: Sequence[Case]) -> str:
    right = str(case.expected)
    others = {str(other.expected) for other in cases if isinstance(other.expected, str | int | float)}
    alike = [text for text in others if text.casefold() != right.casefold() and _form(text) == _form(right)]
    return min(alike, key=lambda text: sha256(f"{case.id}\0{text}"), default="")


def _form(text: str) -> tuple[bool, int]:
    """Answers of one form may take each other's place: whether it is a number, and how many words it has."""
    return any(character.isdigit() for character in text), len(text.split())

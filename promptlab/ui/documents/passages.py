"""Choosing passages of a long document, with what is taken and what is left out in full view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, cast

import streamlit as st

from promptlab import documents
from promptlab.errors import PromptlabError
from promptlab.types import Document, PassageChoice, Unit
from promptlab.ui.components.widgets import note, small
from promptlab.ui.documents import passages_result
from promptlab.ui.state.session import Session

Way = Literal["heading", "range", "bm25"]
WAYS: Mapping[str, str] = {
    "all": "All",
    "heading": "By heading",
    "range": "By range",
    "bm25": "By question",
}
UNITS: tuple[Unit, ...] = ("lines", "words", "characters")
MOST = 100
"""Passages that can be asked for by similarity."""
_ENDS = tuple(f"{end}-{unit}" for end in ("first", "last") for unit in UNITS)
_FIELDS = ("headings", "unit", *_ENDS, "n", "query", "tokens", "characters")


def choose(
    session: Session, path: str, choice: PassageChoice | None, inputs: Mapping[str, Any], *, key: str
) -> PassageChoice | None:
    """Let somebody choose what of the document `path` is taken, and show it; None takes all of it.

    What is no whole choice yet (no heading is named) gives `choice` back.
    """
    try:
        document = documents.read_document(session.workspace, path)
    except PromptlabError as exc:
        note("bad", "This document cannot be read", exc.message, exc.hint)
        return choice
    with st.container(key=key, gap="small"):
        form = _Form(document, choice, inputs, key)
        said = form.draw()
        if form.missing:
            small(f"{form.missing} Until then nothing changes.")
            return choice
        passages_result.draw(session, document, said, inputs, key=f"{key}-result")
    return said


class _Form:
    """The widgets of a choice. They are filled from `choice` when it is another than this tab made of them."""

    def __init__(self, document: Document, choice: PassageChoice | None, inputs: Mapping[str, Any], key: str) -> None:
        self._document, self._choice, self._inputs, self._key = document, choice, inputs, key
        self._start = choice or PassageChoice("bm25")
        self.missing = ""
        state, seen, says = st.session_state, self._of("seen"), self._of("says")
        elsewhere = seen in state and state[seen] != choice and state.get(says) != choice
        if self._of("way") not in state or elsewhere:
            for name in _FIELDS:
                state.pop(self._of(name), None)
            state[self._of("way")] = choice.by if choice else "all"
        state[seen] = choice

    def draw(self) -> PassageChoice | None:
        """The widgets; what they say."""
        way = st.segmented_control(
            "Take", list(WAYS), format_func=lambda way: WAYS[way], required=True, key=self._of("way")
        )
        said = None
        if way != "all":
            if way != self._start.by:
                self._start = PassageChoice(cast(Way, way))
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
                said = {"heading": self._headings, "range": self._range, "bm25": self._similar}[way]()
                said = self._bounded(said)
        st.session_state[self._of("says")] = said
        return said

    def _of(self, name: str) -> str:
        return f"{self._key}-{name}"

    def _filled(self, name: str, value: Any) -> str:
        """The key of a widget, which has `value` where this tab says nothing else."""
        key = self._of(name)
        if key not in st.session_state:
            st.session_state[key] = value
        return key

    def _headings(self) -> PassageChoice:
        sizes = _names(self._document.text)
        known = {**sizes, **{name: None for name in self._start.headings if name not in sizes}}
        chosen = st.multiselect(
            "Headings",
            list(known),
            format_func=lambda name: f"{name} · {known[name]:,} words" if known[name] is not None else name,
            key=self._filled("headings", list(self._start.headings)),
            placeholder="the sections to take" if sizes else "this document has no headings",
            disabled=not known,
        )
        if not chosen:
            self.missing = "Choose at least one heading." if sizes else "Choose by range, or what is like the question."
        return PassageChoice("heading", tuple(chosen))

    def _range(self) -> PassageChoice:
        unit = st.selectbox("Counted in", UNITS, key=self._filled("unit", self._start.unit), width=150)
        there = documents.count_units(self._document.text, unit)
        start, end = (self._start.start, self._start.end) if unit == self._start.unit else (1, None)
        end = end or min(there, 40)
        first = st.number_input(
            "From", 1, max(there, start), step=1, key=self._filled(f"first-{unit}", start), width=140
        )
        last = st.number_input(
            f"To, of {there:,}", 1, max(there, end), step=1, key=self._filled(f"last-{unit}", end), width=140
        )
        if first > last:
            self.missing = "The first must not come after the last."
        return PassageChoice("range", unit=unit, start=int(first), end=int(last))

    def _similar(self) -> PassageChoice:
        n = st.number_input("Passages", 1, MOST, step=1, key=self._filled("n", min(self._start.n, MOST)), width=120)
        query = self._start.query
        if len(self._inputs) > 1:
            names = list(dict.fromkeys([*self._inputs, *query]))
            query = tuple(
                st.multiselect(
                    "Compared with", names, key=self._filled("query", list(query)), placeholder="all inputs", width=260
                )
            )
        return PassageChoice("bm25", n=int(n), query=query)

    def _bounded(self, said: PassageChoice) -> PassageChoice:
        """The choice within its budgets; one in characters is there only where the template has it."""
        budget = st.number_input(
            "Token budget",
            1,
            None,
            value=None,
            step=50,
            placeholder="none",
            key=self._filled("tokens", self._start.max_tokens),
            width=140,
            help="The best passages are taken while they fit. Counted alike for every model, so that all get the same.",
        )
        characters = self._start.max_characters
        if characters is not None:
            characters = st.number_input(
                "Most characters",
                1,
                None,
                value=None,
                step=100,
                placeholder="no limit",
                key=self._filled("characters", characters),
                width=150,
            )
        return replace(said, max_tokens=_whole(budget), max_characters=_whole(characters))


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _names(text: str) -> dict[str, int]:
    """Each section by the shortest name that means it alone, with its words."""
    parts = documents.markdown_sections(text)
    ends = [part.headings[-1] for part in parts]
    found: dict[str, int] = {}
    for part in parts:
        name = part.headings[-1] if ends.count(part.headings[-1]) == 1 else " > ".join(part.headings)
        found[name] = found.get(name, 0) + len(part.text.split())
    return found


__all__ = ["choose"]

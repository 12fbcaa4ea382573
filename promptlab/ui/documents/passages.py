"""Choose passages of a long document, and see which text is taken and which is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, cast

import streamlit as st

from promptlab import documents
from promptlab.documents import PassageChoice, Unit
from promptlab.errors import PromptlabError
from promptlab.types import Document
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
"""The most passages that can be chosen by question."""
_ENDS = tuple(f"{end}-{unit}" for end in ("first", "last") for unit in UNITS)
_FIELDS = ("headings", "unit", *_ENDS, "n", "query", "tokens", "characters")


def choose(
    session: Session, path: str, choice: PassageChoice | None, inputs: Mapping[str, Any], *, key: str
) -> PassageChoice | None:
    """Let the person choose passages of the document `path`, and show them. None means the whole document.

    Returns `choice` unchanged while the new one is incomplete, for instance while no heading is chosen.
    """
    try:
        document = documents.read_document(session.workspace, path)
    except PromptlabError as exc:
        note("bad", "This document cannot be read", exc.message, exc.hint)
        return choice
    with st.container(key=key, gap="small"):
        form = _Form(document, choice, inputs, key)
        new_choice = form.draw()
        if form.missing:
            small(f"{form.missing} Until then the choice stays as it was.")
            return choice
        passages_result.draw(session, document, new_choice, inputs, key=f"{key}-result")
    return new_choice


class _Form:
    """The widgets of a choice. They are filled from `choice` again if it changed outside this tab."""

    def __init__(self, document: Document, choice: PassageChoice | None, inputs: Mapping[str, Any], key: str) -> None:
        self._document, self._choice, self._inputs, self._key = document, choice, inputs, key
        self._start = choice or PassageChoice("bm25")
        self.missing = ""
        state, seen, latest = st.session_state, self._key_of("seen"), self._key_of("latest")
        changed_elsewhere = seen in state and state[seen] != choice and state.get(latest) != choice
        if self._key_of("way") not in state or changed_elsewhere:
            for name in _FIELDS:
                state.pop(self._key_of(name), None)
            state[self._key_of("way")] = choice.by if choice else "all"
        state[seen] = choice

    def draw(self) -> PassageChoice | None:
        """Draw the widgets; returns the choice that they show."""
        way = st.segmented_control(
            "Use",
            list(WAYS),
            format_func=lambda way: WAYS[way],
            required=True,
            key=self._key_of("way"),
            persist_state="page",
        )
        choice = None
        if way != "all":
            if way != self._start.by:
                self._start = PassageChoice(cast(Way, way))
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
                choice = {"heading": self._headings, "range": self._range, "bm25": self._similar}[way]()
                choice = self._bounded(choice)
        st.session_state[self._key_of("latest")] = choice
        return choice

    def _key_of(self, name: str) -> str:
        return f"{self._key}-{name}"

    def _filled(self, name: str, value: Any) -> dict[str, Any]:
        """The key of a widget, as keyword arguments; it starts with `value` if this tab has none for it yet."""
        key = self._key_of(name)
        if key not in st.session_state:
            st.session_state[key] = value
        return {"key": key, "persist_state": "page"}

    def _headings(self) -> PassageChoice:
        sizes = _names(self._document.text)
        known = {**sizes, **{name: None for name in self._start.headings if name not in sizes}}
        chosen = st.multiselect(
            "Headings",
            list(known),
            format_func=lambda name: f"{name} · {known[name]:,} words" if known[name] is not None else name,
            placeholder="the sections to take" if sizes else "this document has no headings",
            disabled=not known,
            **self._filled("headings", list(self._start.headings)),
        )
        if not chosen:
            self.missing = "Choose at least one heading." if sizes else "Choose by range or by question."
        return PassageChoice("heading", tuple(chosen))

    def _range(self) -> PassageChoice:
        unit = st.selectbox("Unit", UNITS, width=150, **self._filled("unit", self._start.unit))
        total = documents.count_units(self._document.text, unit)
        start, end = (self._start.start, self._start.end) if unit == self._start.unit else (1, None)
        end = end or min(total, 40)
        first = st.number_input("From", 1, max(total, start), step=1, width=140, **self._filled(f"first-{unit}", start))
        last = st.number_input(
            f"To, of {total:,}", 1, max(total, end), step=1, width=140, **self._filled(f"last-{unit}", end)
        )
        if first > last:
            self.missing = "From must not be greater than To."
        return PassageChoice("range", unit=unit, start=int(first), end=int(last))

    def _similar(self) -> PassageChoice:
        n = st.number_input("Passages", 1, MOST, step=1, width=120, **self._filled("n", min(self._start.n, MOST)))
        query = self._start.query
        if len(self._inputs) > 1:
            names = list(dict.fromkeys([*self._inputs, *query]))
            query = tuple(
                st.multiselect(
                    "Compared with", names, placeholder="all inputs", width=260, **self._filled("query", list(query))
                )
            )
        return PassageChoice("bm25", n=int(n), query=query)

    def _bounded(self, choice: PassageChoice) -> PassageChoice:
        """The choice with its limits. The limit in characters is shown only if the template has one."""
        budget = st.number_input(
            "Token budget",
            1,
            None,
            value=None,
            step=50,
            placeholder="none",
            width=140,
            help="Takes the best passages that fit. The count is the same for all models, so they get the same text.",
            **self._filled("tokens", self._start.max_tokens),
        )
        characters = self._start.max_characters
        if characters is not None:
            characters = st.number_input(
                "Max characters",
                1,
                None,
                value=None,
                step=100,
                placeholder="no limit",
                width=150,
                **self._filled("characters", characters),
            )
        return replace(choice, max_tokens=_whole(budget), max_characters=_whole(characters))


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _names(text: str) -> dict[str, int]:
    """The sections by their shortest unique name, each with its number of words."""
    parts = documents.markdown_sections(text)
    ends = [part.headings[-1] for part in parts]
    words_of: dict[str, int] = {}
    for part in parts:
        name = part.headings[-1] if ends.count(part.headings[-1]) == 1 else " > ".join(part.headings)
        words_of[name] = words_of.get(name, 0) + len(part.text.split())
    return words_of


__all__ = ["choose"]

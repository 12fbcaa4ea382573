"""The widgets of a draft: filled from it, and writing back to it field by field.

So two tabs of one template, and the workbench and the Templates page, meet in the draft, and none of them
overwrites what another one changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from promptlab.types import SWITCHABLE, Params, Section
from promptlab.ui.drafts import Draft
from promptlab.ui.opened import Opened
from promptlab.ui.session import Session

TEXTS = ("instructions", "output_format")
"""The texts of a template that the workbench shows."""
_SEEN = "workbench-seen"


@dataclass(frozen=True)
class Field:
    """A widget bound to the draft: what it shows, and what a new value changes.

    `settings` are how the workbench is set for the template, `edits` fields of the template itself.
    """

    key: str
    value: Any
    settings: Callable[[Draft, Any], dict[str, Any]] | None = None
    edits: Callable[[Any], dict[str, Any]] | None = None


class Fields:
    """The widgets of one template, and their values in this tab."""

    def __init__(self, session: Session, opened: Opened) -> None:
        self._session, self._opened = session, opened
        self._fields = _fields(opened)
        stale = st.session_state.get(_SEEN) != self._place(opened.draft.revision)
        for field in self._fields.values():
            key = self._key(field.key)
            if stale or key not in st.session_state:
                st.session_state[key] = field.value
        self._saw(opened.draft.revision)

    def bind(self, name: str) -> dict[str, Any]:
        """Arguments that bind a widget to the field `name`."""
        return {"key": self._key(name), "on_change": self._changed, "args": (name,)}

    def default(self, name: str, value: Any) -> None:
        """Give the field `name`, which follows the models and not the draft alone, its value in this tab."""
        key = self._key(name)
        if st.session_state.get(key) != value:
            st.session_state[key] = value

    def _key(self, name: str) -> str:
        return f"{name}-{self._opened.template.name}"

    def _place(self, revision: int) -> tuple[str, str, int]:
        return self._opened.path, self._opened.original.sha256, revision

    def _saw(self, revision: int) -> None:
        st.session_state[_SEEN] = self._place(revision)

    def _changed(self, name: str) -> None:
        drafts, path, field = self._session.drafts, self._opened.path, self._fields[name]
        before, given = drafts.load(path), st.session_state[self._key(name)]
        seen = st.session_state.get(_SEEN) == self._place(before.revision)
        if field.settings:
            after = drafts.change(path, **field.settings(before, given))
        elif field.edits:
            after = drafts.edit(path, self._opened.original.source, field.edits(given))
        # What another tab changed meanwhile is not seen yet, and is taken over when the page is drawn.
        if seen and after.revision == before.revision + 1:
            self._saw(after.revision)


def _fields(opened: Opened) -> dict[str, Field]:
    draft, values = opened.draft, opened.values
    fields = [
        Field("models", list(draft.models or ()), lambda _, v: {"models": v}),
        Field("counted", draft.counted_by, lambda _, v: {"counted_by": v}),
        Field("fresh", draft.fresh, lambda _, v: {"fresh": v}),
    ]
    fields += [_switch(section, draft) for section in SWITCHABLE]
    fields += [_text(name, values[name]) for name in TEXTS]
    fields += [_input(name, value, opened) for name, value in draft.typed_inputs(opened.template).items()]
    fields += [param(name, values["params"].get(name)) for name in Params.__dataclass_fields__]
    if opened.template.examples:
        k = opened.template.examples.k
        fields.append(Field("k", k, edits=lambda v: {"examples.k": v}))
    return {field.key: field for field in fields}


def _switch(section: Section, draft: Draft) -> Field:
    def changes(now: Draft, on: bool) -> dict[str, Any]:
        off = set(now.without) - {section} if on else {*now.without, section}
        return {"without": tuple(s for s in SWITCHABLE if s in off)}

    return Field(f"switch-{section}", section not in draft.without, changes)


def _text(name: str, value: str | None) -> Field:
    return Field(f"text-{name}", value or "", edits=lambda text: {name: text})


def _input(name: str, value: Any, opened: Opened) -> Field:
    sample = Draft(template=opened.path).typed_inputs(opened.template)[name]

    def changes(now: Draft, given: Any) -> dict[str, Any]:
        kept = {k: v for k, v in now.inputs.items() if k != name}
        return {"inputs": kept if given == sample else {**kept, name: given}}

    return Field(f"input-{name}", value, changes)


def param(name: str, value: Any) -> Field:
    """The field of a parameter: stop strings as lines of text, the others as they are."""
    if name == "stop":
        return Field("param-stop", _stops_text(value or ()), edits=lambda text: {"params.stop": list(_stops(text))})
    return Field(f"param-{name}", value, edits=lambda given: {f"params.{name}": given})


def _stops_text(stops: Sequence[str]) -> str:
    return "\n".join(json.dumps(stop, ensure_ascii=False)[1:-1] for stop in stops)


def _stops(text: str) -> tuple[str, ...]:
    """One stop string a line, with JSON's escapes; a line that is no JSON text is taken as it stands."""
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(f'"{line}"', strict=False))
        except ValueError:
            found.append(line)
    return tuple(stop for stop in found if stop)

"""The widgets of a draft: filled from it, and writing back to it field by field.

So two tabs of one template meet in the draft, and neither overwrites what the other one changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from promptlab.types import SWITCHABLE, Params, Section, Template
from promptlab.ui.drafts import EDITABLE, Draft, EditableText
from promptlab.ui.session import Session

_SEEN = "workbench-seen"


@dataclass(frozen=True)
class Field:
    """A widget bound to the draft: what it shows, and what of the draft a new value changes."""

    key: str
    value: Any
    changes: Callable[[Draft, Any], dict[str, Any]]


class Fields:
    """The widgets of one template, and their values in this tab."""

    def __init__(self, session: Session, template: Template, draft: Draft) -> None:
        self._session, self._template = session, template
        self._fields = _fields(template, draft)
        stale = st.session_state.get(_SEEN) != (template.path, template.sha256, draft.revision)
        for field in self._fields.values():
            key = self._key(field.key)
            if stale or key not in st.session_state:
                st.session_state[key] = field.value
        self._saw(draft.revision)

    def bind(self, name: str) -> dict[str, Any]:
        """Arguments that bind a widget to the field `name`."""
        return {"key": self._key(name), "on_change": self._changed, "args": (name,)}

    def default(self, name: str, value: Any) -> None:
        """Give the field `name`, which follows the models and not the draft alone, its value in this tab."""
        key = self._key(name)
        if st.session_state.get(key) != value:
            st.session_state[key] = value

    def _key(self, name: str) -> str:
        return f"{name}-{self._template.name}"

    def _saw(self, revision: int) -> None:
        st.session_state[_SEEN] = (self._template.path, self._template.sha256, revision)

    def _changed(self, name: str) -> None:
        drafts, path = self._session.drafts, self._template.path
        before = drafts.load(path)
        seen = st.session_state.get(_SEEN) == (path, self._template.sha256, before.revision)
        after = drafts.change(path, **self._fields[name].changes(before, st.session_state[self._key(name)]))
        # What another tab changed meanwhile is not seen yet, and is taken over when the page is drawn.
        if seen and after.revision == before.revision + 1:
            self._saw(after.revision)


def _fields(template: Template, draft: Draft) -> dict[str, Field]:
    edited, params = draft.applied_to(template), draft.params_for(template)
    fields = [
        Field("models", list(draft.models or ()), lambda _, v: {"models": v}),
        Field("counted", draft.counted_by, lambda _, v: {"counted_by": v}),
        Field("fresh", draft.fresh, lambda _, v: {"fresh": v}),
    ]
    fields += [_switch(section, draft) for section in SWITCHABLE]
    fields += [_text(name, template, edited) for name in EDITABLE]
    fields += [_input(name, value, template) for name, value in draft.typed_inputs(template).items()]
    fields += [_param(name, getattr(params, name), template) for name in Params.__dataclass_fields__]
    if template.examples and edited.examples:
        original = template.examples.k
        fields.append(Field("k", edited.examples.k, lambda _, v: {"k": None if v == original else v}))
    return {field.key: field for field in fields}


def _switch(section: Section, draft: Draft) -> Field:
    def changes(now: Draft, on: bool) -> dict[str, Any]:
        off = set(now.without) - {section} if on else {*now.without, section}
        return {"without": tuple(s for s in SWITCHABLE if s in off)}

    return Field(f"switch-{section}", section not in draft.without, changes)


def _text(name: EditableText, template: Template, edited: Template) -> Field:
    def changes(now: Draft, text: str) -> dict[str, Any]:
        kept = {k: v for k, v in now.texts.items() if k != name}
        return {"texts": kept if text == getattr(template, name) else {**kept, name: text}}

    return Field(f"text-{name}", getattr(edited, name), changes)


def _input(name: str, value: Any, template: Template) -> Field:
    sample = Draft(template=template.path).typed_inputs(template)[name]

    def changes(now: Draft, given: Any) -> dict[str, Any]:
        kept = {k: v for k, v in now.inputs.items() if k != name}
        return {"inputs": kept if given == sample else {**kept, name: given}}

    return Field(f"input-{name}", value, changes)


def _param(name: str, value: Any, template: Template) -> Field:
    def changes(now: Draft, given: Any) -> dict[str, Any]:
        wanted = _stops(given) if name == "stop" else given
        kept = {k: v for k, v in now.params.items() if k != name}
        same = wanted == getattr(template.params, name)
        return {"params": kept if same else {**kept, name: wanted}}

    return Field(f"param-{name}", _stops_text(value) if name == "stop" else value, changes)


def _stops_text(stops: tuple[str, ...]) -> str:
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

"""Widgets bound to a draft: each shows one field of it and writes only this field back.

A widget writes only its own field of what this tab shows of the draft; how that reaches other tabs is in
`state/tabs.py`.

Every widget that the page fills through the session state has `persist_state`, here and elsewhere. Streamlit tells the
browser such a value in the run that sets it. A browser that still loads the code of that kind of widget draws it after
the next run. Without `persist_state` it then draws the widget's default, and sends that as if a person had chosen it.
With it, Streamlit tells the value until the browser has sent the widget's state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from promptlab import templates
from promptlab.errors import TemplateError
from promptlab.templates import TextEdit
from promptlab.types import SWITCHABLE, Params, Section
from promptlab.ui.state.drafts import Draft
from promptlab.ui.state.open_template import Opened, open_template
from promptlab.ui.state.session import Session

TEXTS = ("instructions", "output_format")
"""The template's own texts that the workbench shows."""
_SHOWN = "fields-shown"
"""The key in the session state of the values that the widgets were last filled with, and for which page and template.

A widget is filled again only if its field changed since, so text that is being typed elsewhere on the page stays."""

_PRESENT = "fields-present"
"""The key in the session state of the widgets that come and go, and are on the page."""


@dataclass(frozen=True)
class Field:
    """A widget bound to the draft: its value, and what a new value changes.

    `settings` gives changes of the workbench's settings for the template; `edits` gives changes of the template
    itself, computed from all of its fields at the time of the change; `text` names the text that is changed, whose
    inputs follow. `input` names the input whose value it is: a field of one that is gone changes nothing.

    `refill` fills the widget again afterwards, because the new value may have been normalised or refused. `read` gives
    the meaning of a text: two texts with the same meaning count as equal, so the text is not reformatted while it is
    being typed.
    """

    key: str
    value: Any
    settings: Callable[[Draft, Any], dict[str, Any]] | None = None
    edits: Callable[[dict[str, Any], Any], dict[str, Any] | TextEdit] | None = None
    text: str = ""
    input: str = ""
    refill: bool = False
    read: Callable[[Any], Any] = lambda value: value

    def matches(self, shown: Any) -> bool:
        """True if a widget that shows `shown` has the value of the field."""
        a, b = self.read(shown), self.read(self.value)
        return type(a) is type(b) and bool(a == b)


class Fields:
    """The widgets of one template, and their values in this tab."""

    def __init__(self, session: Session, opened: Opened, fields: Iterable[Field], *, page: str) -> None:
        self._session, self._opened = session, opened
        self._fields = {field.key: field for field in fields}
        # Streamlit drops the widget values of the page that was left, even if this page uses the same keys.
        place = (page, opened.path)
        before, shown = st.session_state.get(_SHOWN, (None, {}))
        for field in self._fields.values():
            key = self._key(field.key)
            missing = before != place or key not in st.session_state
            changed = key not in shown or not field.matches(shown[key])
            if missing or (changed and not field.matches(st.session_state[key])):
                st.session_state[key] = field.value
        st.session_state[_SHOWN] = (place, {self._key(field.key): field.value for field in self._fields.values()})

    def bind(self, name: str) -> dict[str, Any]:
        """The keyword arguments that bind a widget to the field `name`."""
        return {"key": self._key(name), "on_change": self._changed, "args": (name,), "persist_state": "page"}

    def appearing(self, name: str) -> dict[str, Any]:
        """As `bind`, for a widget that is not always on the page; call `gone` where it is not drawn.

        Streamlit tells the browser a value only in the run that sets it. A value that was set while the widget was not
        there would be replaced by the widget's default, and that would be taken for a change.
        """
        key = self._key(name)
        present: set[str] = st.session_state.setdefault(_PRESENT, set())
        if key not in present:
            st.session_state[key] = self._fields[name].value
            present.add(key)
        return self.bind(name)

    def gone(self, *names: str) -> None:
        """These widgets are not on the page."""
        st.session_state.setdefault(_PRESENT, set()).difference_update(map(self._key, names))

    def default(self, name: str, value: Any) -> None:
        """Set the widget `name` in this tab. For a value that depends on the models too, not on the draft alone."""
        key = self._key(name)
        if st.session_state.get(key) != value:
            st.session_state[key] = value

    def edit(self, changes: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Change the template; `changes` computes the new fields from all present ones. For buttons."""
        opened = self._current()
        self._session.drafts.edit(opened.path, opened.original.source, changes(opened.values))

    def shown(self, name: str) -> Any:
        """What the widget `name` shows in this tab."""
        return st.session_state.get(self._key(name))

    def _current(self) -> Opened:
        # The first change starts from the text shown here. The file on disk may have changed since; Save to git
        # compares the two and reports that.
        if not self._session.drafts.load(self._opened.path).edited:
            return self._opened
        try:
            return open_template(self._session, self._opened.path)
        except TemplateError:  # the file was broken or deleted meanwhile; the text shown here is still valid
            return self._opened

    def _key(self, name: str) -> str:
        return f"{name}-{self._opened.template.name}"

    def _changed(self, name: str) -> None:
        drafts, path, field = self._session.drafts, self._opened.path, self._fields[name]
        value = st.session_state[self._key(name)]
        if field.input and field.input not in self._current().template.inputs:
            return
        if field.settings:
            drafts.change(path, **field.settings(drafts.load(path), value))
        elif field.text:
            # From what is there now: while somebody types fast, the page is not always drawn between two changes.
            opened, name = self._current(), field.text
            before = getattr(opened.template, name) or ""
            typed = templates.edit_text(opened.original, opened.values, name, value, before=before)
            drafts.edit(path, opened.original.source, typed.fields, renamed=typed.renamed)
        elif field.edits:
            opened = self._current()
            edit = field.edits(opened.values, value)
            edit = edit if isinstance(edit, TextEdit) else TextEdit(edit)
            drafts.edit(path, opened.original.source, edit.fields, renamed=edit.renamed)
        if field.refill and _SHOWN in st.session_state:
            st.session_state[_SHOWN][1].pop(self._key(name), None)


def workbench_fields(opened: Opened) -> list[Field]:
    """The fields that the workbench shows."""
    draft, values = opened.draft, opened.values
    fields = [
        Field("counted", draft.counted_by, lambda _, v: {"counted_by": v}),
    ]
    fields += [_switch(section, draft) for section in SWITCHABLE]
    fields += [text(name, opened) for name in TEXTS]
    for name, value in draft.typed_inputs(opened.template).items():
        fields += [_input(f"input-{name}", name, value, opened), _input(f"new-input-{name}", name, value, opened)]
    fields += parameters(values)
    return fields


def plain(name: str, value: Any, *, key: str = "") -> Field:
    """The field `name` of the template, which takes the widget's value unchanged."""
    return Field(key or name.replace(".", "-"), value, edits=lambda _, value: {name: value})


def text(name: str, opened: Opened) -> Field:
    """A text of the template; a missing one is shown as an empty field. Its inputs follow what is typed."""
    return Field(f"text-{name}", opened.values[name] or "", text=name)


def parameters(values: Mapping[str, Any]) -> list[Field]:
    """Every parameter: stop strings as one line of text each, the others unchanged."""
    params = values["params"]
    stop = Field(
        "param-stop",
        _stops_text(params.get("stop") or ()),
        edits=lambda _, value: {"params.stop": list(_stops(value))},
        read=_stops,
    )
    effort = Field(
        "param-reasoning_effort",
        params.get("reasoning_effort") or "",
        edits=lambda _, value: {"params.reasoning_effort": value.strip() or None},
        read=str.strip,
    )
    names = [name for name in Params.__dataclass_fields__ if name not in ("stop", "reasoning_effort")]
    return [stop, effort, *(plain(f"params.{name}", params.get(name), key=f"param-{name}") for name in names)]


def _switch(section: Section, draft: Draft) -> Field:
    def changes(current: Draft, on: bool) -> dict[str, Any]:
        off = set(current.without) - {section} if on else {*current.without, section}
        return {"without": tuple(s for s in SWITCHABLE if s in off)}

    return Field(f"switch-{section}", section not in draft.without, changes)


def _input(key: str, name: str, value: Any, opened: Opened) -> Field:
    sample = Draft(template=opened.path).typed_inputs(opened.template)[name]

    def changes(current: Draft, value: Any) -> dict[str, Any]:
        others = {k: v for k, v in current.inputs.items() if k != name}
        inputs = others if value == sample else {**others, name: value}
        if value not in (None, "") and name in inputs:
            return {"inputs": inputs}
        # Emptied, or equal to the template's sample again: the old value is gone, so its provenance goes too.
        return {"inputs": inputs, "origins": {k: v for k, v in current.origins.items() if k != name}}

    return Field(key, value, changes, input=name)


def _stops_text(stops: Sequence[str]) -> str:
    return "\n".join(json.dumps(stop, ensure_ascii=False)[1:-1] for stop in stops)


def _stops(text: str) -> tuple[str, ...]:
    """One stop string per line, with JSON's escapes. A line that is not valid JSON text is taken literally."""
    stops = []
    for line in text.splitlines():
        try:
            stops.append(json.loads(f'"{line}"', strict=False))
        except ValueError:
            stops.append(line)
    return tuple(stop for stop in stops if stop)

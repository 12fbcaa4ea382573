"""The widgets of a draft: filled from it, and writing back to it field by field.

So two tabs of one template, and the workbench and the Templates page, meet in the draft, and none of them
overwrites what another one changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from promptlab.errors import TemplateError
from promptlab.types import SWITCHABLE, Params, Section
from promptlab.ui.state.drafts import Draft
from promptlab.ui.state.open_template import Opened, open_template
from promptlab.ui.state.session import Session

TEXTS = ("instructions", "output_format")
"""The texts of a template that the workbench shows."""
_SHOWN = "fields-shown"
"""What each widget was last given, and where. A widget is filled again only when its field became another, so what
somebody types meanwhile elsewhere on the page stays."""


@dataclass(frozen=True)
class Field:
    """A widget bound to the draft: what it shows, and what a new value changes.

    `settings` are how the workbench is set for the template, `edits` fields of the template itself, made from all
    of its fields as they are when the widget changes. `refill` fills the widget again after that: what was given may
    have become another value, or been refused. `read` tells texts apart by what they mean, so that nobody's text is
    written differently under their hands.
    """

    key: str
    value: Any
    settings: Callable[[Draft, Any], dict[str, Any]] | None = None
    edits: Callable[[dict[str, Any], Any], dict[str, Any]] | None = None
    refill: bool = False
    read: Callable[[Any], Any] = lambda value: value

    def says(self, shown: Any) -> bool:
        """Whether the widget that shows `shown` says what the field has."""
        a, b = self.read(shown), self.read(self.value)
        return type(a) is type(b) and bool(a == b)


class Fields:
    """The widgets of one template, and their values in this tab."""

    def __init__(self, session: Session, opened: Opened, fields: Iterable[Field], *, page: str) -> None:
        self._session, self._opened = session, opened
        self._fields = {field.key: field for field in fields}
        # Streamlit forgets the values of another page's widgets, also of those that have the same key.
        place = (page, opened.path)
        before, shown = st.session_state.get(_SHOWN, (None, {}))
        for field in self._fields.values():
            key = self._key(field.key)
            missing = before != place or key not in st.session_state
            became = key not in shown or not field.says(shown[key])
            if missing or (became and not field.says(st.session_state[key])):
                st.session_state[key] = field.value
        st.session_state[_SHOWN] = (place, {self._key(field.key): field.value for field in self._fields.values()})

    def bind(self, name: str) -> dict[str, Any]:
        """Arguments that bind a widget to the field `name`."""
        return {"key": self._key(name), "on_change": self._changed, "args": (name,)}

    def default(self, name: str, value: Any) -> None:
        """Give the field `name`, which follows the models and not the draft alone, its value in this tab."""
        key = self._key(name)
        if st.session_state.get(key) != value:
            st.session_state[key] = value

    def edit(self, make: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Change fields of the template as `make` says of all of them: for buttons."""
        opened = self._now()
        self._session.drafts.edit(opened.path, opened.original.source, make(opened.values))

    def _now(self) -> Opened:
        # The first change is made to what is looked at here: the file may say something else by now, and saving
        # must find that out.
        if not self._session.drafts.load(self._opened.path).edited:
            return self._opened
        try:
            return open_template(self._session, self._opened.path)
        except TemplateError:  # the file was broken or deleted meanwhile; what is shown here is still whole
            return self._opened

    def _key(self, name: str) -> str:
        return f"{name}-{self._opened.template.name}"

    def _changed(self, name: str) -> None:
        drafts, path, field = self._session.drafts, self._opened.path, self._fields[name]
        given = st.session_state[self._key(name)]
        if field.settings:
            drafts.change(path, **field.settings(drafts.load(path), given))
        elif field.edits:
            now = self._now()
            drafts.edit(path, now.original.source, field.edits(now.values, given))
        if field.refill and _SHOWN in st.session_state:
            st.session_state[_SHOWN][1].pop(self._key(name), None)


def of_workbench(opened: Opened) -> list[Field]:
    """The fields that the workbench shows."""
    draft, values = opened.draft, opened.values
    fields = [
        Field("models", list(draft.models or ()), lambda _, v: {"models": v}),
        Field("counted", draft.counted_by, lambda _, v: {"counted_by": v}),
        Field("fresh", draft.fresh, lambda _, v: {"fresh": v}),
    ]
    fields += [_switch(section, draft) for section in SWITCHABLE]
    fields += [text(name, values) for name in TEXTS]
    fields += [_input(name, value, opened) for name, value in draft.typed_inputs(opened.template).items()]
    fields += parameters(values)
    if opened.template.examples:
        fields.append(plain("examples.k", opened.template.examples.k, key="k"))
    return fields


def plain(name: str, value: Any, *, key: str = "") -> Field:
    """The field `name` of the template, which takes what its widget gives as it is."""
    return Field(key or name.replace(".", "-"), value, edits=lambda _, given: {name: given})


def text(name: str, values: Mapping[str, Any]) -> Field:
    """A text of the template; none is shown as an empty one."""
    return plain(name, values[name] or "", key=f"text-{name}")


def parameters(values: Mapping[str, Any]) -> list[Field]:
    """Every parameter: stop strings as lines of text, the others as they are."""
    params = values["params"]
    stop = Field(
        "param-stop",
        _stops_text(params.get("stop") or ()),
        edits=lambda _, given: {"params.stop": list(_stops(given))},
        read=_stops,
    )
    effort = Field(
        "param-reasoning_effort",
        params.get("reasoning_effort") or "",
        edits=lambda _, given: {"params.reasoning_effort": given.strip() or None},
        read=str.strip,
    )
    names = [name for name in Params.__dataclass_fields__ if name not in ("stop", "reasoning_effort")]
    return [stop, effort, *(plain(f"params.{name}", params.get(name), key=f"param-{name}") for name in names)]


def _switch(section: Section, draft: Draft) -> Field:
    def changes(now: Draft, on: bool) -> dict[str, Any]:
        off = set(now.without) - {section} if on else {*now.without, section}
        return {"without": tuple(s for s in SWITCHABLE if s in off)}

    return Field(f"switch-{section}", section not in draft.without, changes)


def _input(name: str, value: Any, opened: Opened) -> Field:
    sample = Draft(template=opened.path).typed_inputs(opened.template)[name]

    def changes(now: Draft, given: Any) -> dict[str, Any]:
        kept = {k: v for k, v in now.inputs.items() if k != name}
        inputs = kept if given == sample else {**kept, name: given}
        if given not in (None, "") and name in inputs:
            return {"inputs": inputs}
        # Emptied, or the template's own sample again: what stood there is gone, and where it came from with it.
        return {"inputs": inputs, "origins": {k: v for k, v in now.origins.items() if k != name}}

    return Field(f"input-{name}", value, changes)


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

"""The JSON schema of the answer: built from fields, or pasted as JSON; two views of one schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab import templates
from promptlab.templates import OTHER, TYPES, Row
from promptlab.ui.components.bound_fields import Field, Fields
from promptlab.ui.components.widgets import note, plain, small

FIELDS, JSON = "Fields", "JSON"


def fields_of(values: Mapping[str, Any]) -> list[Field]:
    """The widgets of the schema: one text for all of it, and some for each of its fields."""
    schema = values["schema"]
    shown = schema if isinstance(schema, str) else json.dumps(schema, indent=2, ensure_ascii=False) if schema else ""
    found = [Field("text-schema", shown, edits=lambda _, given: {"schema": _read(given)}, read=_read)]
    for number, row in enumerate(templates.rows_of(schema) or ()):
        found += [
            _field(number, "name", row.name, refill=True),
            _field(number, "type", row.type, refill=True),
            _field(number, "required", row.required),
            _field(number, "description", row.description),
            _field(number, "choices", ", ".join(row.choices)),
        ]
    return found


def _field(number: int, name: str, value: Any, *, refill: bool = False) -> Field:
    def edits(values: dict[str, Any], given: Any) -> dict[str, Any]:
        if name == "choices":
            given = tuple(dict.fromkeys(one.strip() for one in given.split(",") if one.strip()))
        rows = templates.rows_of(values["schema"])
        if rows is None or number >= len(rows):
            return {}
        changed = templates.changed(rows, number, **{name: given})
        return {"schema": templates.with_rows(values["schema"], changed)}

    return Field(f"schema-{name}-{number}", value, edits=edits, refill=refill)


def _read(text: str) -> Any:
    """The schema in `text`; what is no JSON object stays text, and its problem is said."""
    if not text.strip():
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict) else text


def draw(fields: Fields, values: Mapping[str, Any]) -> None:
    """The schema, or how to begin one."""
    schema = values["schema"]
    if schema is None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            small("No JSON schema: any text is an answer.")
            st.button(
                "Add a schema",
                icon=":material/data_object:",
                type="tertiary",
                key="schema-add",
                on_click=fields.edit,
                args=(lambda _: {"schema": dict(templates.NEW)},),
            )
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        view = st.segmented_control(
            "JSON schema of the answer", [FIELDS, JSON], default=FIELDS, required=True, key="schema-view"
        )
        st.button(
            "Remove the schema",
            icon=":material/delete:",
            type="tertiary",
            key="schema-remove",
            on_click=fields.edit,
            args=(lambda _: {"schema": None},),
        )
    rows = templates.rows_of(schema)
    if view == JSON or rows is None:
        if view == FIELDS:
            note("info", "This schema has no fields to show", "It is not the schema of an object; edit it as JSON.")
        st.text_area("Schema as JSON", height="content", label_visibility="collapsed", **fields.bind("text-schema"))
        return
    for number, row in enumerate(rows):
        _row(fields, number, row)
    if not rows:
        small("The object has no fields yet.")
    _press(fields, "Add a field", templates.added, icon=":material/add:", key="schema-more")


def _row(fields: Fields, number: int, row: Row) -> None:
    name = plain(row.name)
    with st.container(key=f"schema-row-{min(row.depth, 4)}-{number}", gap="xsmall"):
        with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="small"):
            st.text_input("Field", **fields.bind(f"schema-name-{number}"))
            types = TYPES if row.type in TYPES else (*TYPES, OTHER)
            st.selectbox("Type", types, width=150, **fields.bind(f"schema-type-{number}"))
            st.checkbox("Required", **fields.bind(f"schema-required-{number}"))
            for icon, what, change in (
                (":material/arrow_upward:", "Move up", templates.moved_up),
                (":material/close:", "Remove", templates.removed),
            ):
                _press(
                    fields,
                    "",
                    lambda rows, change=change: change(rows, number),
                    icon=icon,
                    key=f"schema-{what.lower().replace(' ', '-')}-{number}",
                    help=f"{what}: {name}",
                )
        with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="small"):
            st.text_input("What it is", **fields.bind(f"schema-description-{number}"))
            if row.type == "string":
                st.text_input(
                    "One of", placeholder="any text, or: low, medium, high", **fields.bind(f"schema-choices-{number}")
                )
        if row.nests:
            _press(
                fields,
                f"Add a field to {name}",
                lambda rows: templates.added(rows, number),
                icon=":material/subdirectory_arrow_right:",
                key=f"schema-into-{number}",
            )


def _press(fields: Fields, label: str, change: Any, *, icon: str, key: str, help: str | None = None) -> None:
    def make(values: dict[str, Any]) -> dict[str, Any]:
        rows = templates.rows_of(values["schema"])
        return {} if rows is None else {"schema": templates.with_rows(values["schema"], change(rows))}

    st.button(label, icon=icon, type="tertiary", key=key, help=help, on_click=fields.edit, args=(make,))

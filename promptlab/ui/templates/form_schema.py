"""The part of the form for the JSON schema of the answer, which can be edited as fields or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab import templates
from promptlab.templates import FIELD_TYPES, OTHER_TYPE, SchemaRow
from promptlab.ui.components.bound_fields import Field, Fields
from promptlab.ui.components.widgets import note, plain, small

FIELDS, JSON = "Fields", "JSON"


def fields_of(values: Mapping[str, Any]) -> list[Field]:
    """The fields of the form: one for the whole schema as JSON, and five for each property of it."""
    schema = values["schema"]
    shown = schema if isinstance(schema, str) else json.dumps(schema, indent=2, ensure_ascii=False) if schema else ""
    fields = [Field("text-schema", shown, edits=lambda _, text: {"schema": _read(text)}, read=_read)]
    for number, row in enumerate(templates.schema_rows(schema) or ()):
        fields += [
            _field(number, "name", row.name, refill=True),
            _field(number, "type", row.type, refill=True),
            _field(number, "required", row.required),
            _field(number, "description", row.description),
            _field(number, "choices", ", ".join(row.choices)),
        ]
    return fields


def _field(number: int, name: str, shown: Any, *, refill: bool = False) -> Field:
    def edits(values: dict[str, Any], value: Any) -> dict[str, Any]:
        if name == "choices":
            value = tuple(dict.fromkeys(choice.strip() for choice in value.split(",") if choice.strip()))
        rows = templates.schema_rows(values["schema"])
        if rows is None or number >= len(rows):
            return {}
        changed = templates.change_row(rows, number, **{name: value})
        return {"schema": templates.schema_with_rows(values["schema"], changed)}

    return Field(f"schema-{name}-{number}", shown, edits=edits, refill=refill)


def _read(text: str) -> Any:
    """The schema in `text`. Text that is no JSON object stays text; checking the template then reports it."""
    if not text.strip():
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def draw(fields: Fields, values: Mapping[str, Any]) -> None:
    """Show the schema, or a button that adds one."""
    schema = values["schema"]
    if schema is None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            small("No JSON schema: the answer can be any text.")
            st.button(
                "Add a schema",
                icon=":material/data_object:",
                type="tertiary",
                key="schema-add",
                on_click=fields.edit,
                args=(lambda _: {"schema": dict(templates.NEW_SCHEMA)},),
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
    rows = templates.schema_rows(schema)
    if view == JSON or rows is None:
        if view == FIELDS:
            note("info", "This schema cannot be shown as fields", "It does not describe an object. Edit it as JSON.")
        st.text_area("Schema as JSON", height="content", label_visibility="collapsed", **fields.bind("text-schema"))
        return
    for number, row in enumerate(rows):
        _row(fields, number, row)
    if not rows:
        small("The object has no fields yet.")
    _press(fields, "Add a field", templates.add_row, icon=":material/add:", key="schema-more")


def _row(fields: Fields, number: int, row: SchemaRow) -> None:
    name = plain(row.name)
    with st.container(key=f"schema-row-{min(row.depth, 4)}-{number}", gap="xsmall"):
        with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="small"):
            st.text_input("Field", **fields.bind(f"schema-name-{number}"))
            types = FIELD_TYPES if row.type in FIELD_TYPES else (*FIELD_TYPES, OTHER_TYPE)
            st.selectbox("Type", types, width=150, **fields.bind(f"schema-type-{number}"))
            st.checkbox("Required", **fields.bind(f"schema-required-{number}"))
            for icon, action, change in (
                (":material/arrow_upward:", "Move up", templates.move_row_up),
                (":material/close:", "Remove", templates.remove_row),
            ):
                _press(
                    fields,
                    "",
                    lambda rows, change=change: change(rows, number),
                    icon=icon,
                    key=f"schema-{action.lower().replace(' ', '-')}-{number}",
                    help=f"{action}: {name}",
                )
        with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="small"):
            st.text_input("Description", **fields.bind(f"schema-description-{number}"))
            if row.type == "string":
                st.text_input(
                    "One of", placeholder="any text, or: low, medium, high", **fields.bind(f"schema-choices-{number}")
                )
        if row.nests:
            _press(
                fields,
                f"Add a field to {name}",
                lambda rows: templates.add_row(rows, number),
                icon=":material/subdirectory_arrow_right:",
                key=f"schema-into-{number}",
            )


def _press(fields: Fields, label: str, change: Any, *, icon: str, key: str, help: str | None = None) -> None:
    def changes(values: dict[str, Any]) -> dict[str, Any]:
        rows = templates.schema_rows(values["schema"])
        return {} if rows is None else {"schema": templates.schema_with_rows(values["schema"], change(rows))}

    st.button(label, icon=icon, type="tertiary", key=key, help=help, on_click=fields.edit, args=(changes,))

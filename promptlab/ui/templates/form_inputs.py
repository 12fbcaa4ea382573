"""The part of the form for inputs: the values to fill in each time, with a sample for the preview."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import streamlit as st

from promptlab import templates
from promptlab.templates import InputSpec, TextEdit
from promptlab.ui.components.bound_fields import Field, Fields
from promptlab.ui.components.widgets import plain, small

TYPES = get_args(get_type_hints(InputSpec)["type"])
AS_JSON = ("list", "object")


def fields_of(values: Mapping[str, Any]) -> list[Field]:
    """The fields of every input."""
    fields = []
    for name, spec in values["inputs"].items():
        kind = spec["type"]
        fields += [
            Field(f"in-name-{name}", name, edits=_renaming(name), refill=True),
            Field(f"in-type-{name}", kind, edits=_typing(name), refill=True),
            Field(f"in-description-{name}", spec["description"], edits=_set(name, "description")),
            Field(f"in-optional-{name}", spec["default"] is not None, edits=_optional(name), refill=True),
            Field(
                f"input-sample-{name}",
                _widget_value(kind, spec["sample"]),
                edits=_value(name, "sample", kind),
                read=_reader(kind),
            ),
            Field(
                f"input-default-{name}",
                _widget_value(kind, spec["default"]),
                edits=_value(name, "default", kind),
                read=_reader(kind),
            ),
        ]
    return fields


def _set(name: str, part: str) -> Any:
    return lambda _, value: {f"inputs.{name}.{part}": value}


def _renaming(name: str) -> Any:
    def edits(values: dict[str, Any], new_name: str) -> TextEdit:
        fields = templates.rename_input(values, name, new_name)
        return TextEdit(fields, {name: new_name.strip()} if fields else {})

    return edits


def _typing(name: str) -> Any:
    return lambda values, kind: {f"inputs.{name}": templates.set_input_type(values["inputs"][name], kind)}


def _optional(name: str) -> Any:
    def edits(values: dict[str, Any], on: bool) -> dict[str, Any]:
        kind = values["inputs"][name]["type"]
        return {f"inputs.{name}.default": templates.EMPTY_DEFAULTS.get(kind, "") if on else None}

    return edits


def _value(name: str, part: str, kind: str) -> Any:
    def edits(_: dict[str, Any], value: Any) -> dict[str, Any]:
        if kind in AS_JSON:
            value = _read(value)
        elif kind == "string" and part == "sample":
            value = value or None
        return {f"inputs.{name}.{part}": value}

    return edits


def _read(text: Any) -> Any:
    """The value in `text`. Invalid JSON stays text; checking the template then reports it."""
    if not isinstance(text, str):
        return text  # the widget's value from before the type was changed
    try:
        return json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        return text


def _reader(kind: str) -> Any:
    return _read if kind in AS_JSON else lambda value: value


def _widget_value(kind: str, value: Any) -> Any:
    if kind in AS_JSON:
        return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if kind == "number":
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind == "boolean":
        return bool(value)
    return "" if value is None else str(value)


def draw(fields: Fields, values: Mapping[str, Any]) -> None:
    """Show every input, and a button that adds one."""
    if not values["inputs"]:
        small("No inputs: the prompt is always the same. Add one for a part that changes, such as the question.")
    for name, spec in values["inputs"].items():
        _input(fields, name, spec)
    st.button(
        "Add an input",
        icon=":material/add:",
        type="tertiary",
        key="inputs-add",
        on_click=fields.edit,
        args=(lambda current: {f"inputs.{templates.unused_input_name(current)}": {}},),
    )


def _input(fields: Fields, name: str, spec: Mapping[str, Any]) -> None:
    kind = spec["type"]
    with st.container(key=f"in-row-{name}", gap="xsmall"):
        with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="small"):
            st.text_input("Name", **fields.bind(f"in-name-{name}"))
            types = TYPES if kind in TYPES else (*TYPES, kind)
            st.selectbox("Type", types, width=130, **fields.bind(f"in-type-{name}"))
            st.button(
                "",
                icon=":material/close:",
                type="tertiary",
                key=f"in-remove-{name}",
                help=f"Remove: {plain(name)}",
                on_click=fields.edit,
                args=(lambda _: {f"inputs.{name}": None},),
            )
        _widget("Sample", kind, fields.bind(f"input-sample-{name}"))
        st.text_input("Description", **fields.bind(f"in-description-{name}"))
        st.checkbox("Optional", help="If it is left out, the default is used.", **fields.bind(f"in-optional-{name}"))
        if spec["default"] is not None:
            _widget("Default", kind, fields.bind(f"input-default-{name}"))


def _widget(label: str, kind: str, bound: dict[str, Any]) -> None:
    if kind == "number":
        st.number_input(label, value=None, **bound)
    elif kind == "boolean":
        st.toggle(label, **bound)
    else:
        as_json = "as JSON" if kind in AS_JSON else None
        st.text_area(label, height="content", placeholder=as_json, **bound)

"""The fields of the options of a kind: one widget for each, as the library describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab import documents
from promptlab.errors import ExperimentError
from promptlab.experiments import FormField, Kind, entered_of, every_kind, form_fields, option_value
from promptlab.types import Section
from promptlab.ui.components.widgets import note, plain
from promptlab.ui.experiments.wording import question
from promptlab.ui.state.session import Session


def draw(
    session: Session, kind: Kind, key: str, given: Mapping[str, Any], sections: tuple[Section, ...], *, rare: bool
) -> dict[str, Any] | None:
    """Draw the usual or the rare fields of a kind; `given` are values to begin with, `sections` those that the template
    has. Returns the options, None while one is wrong."""
    values: dict[str, Any] = {}
    wrong = False
    for field in form_fields(kind):
        if field.rare != rare:
            continue
        entered = _widget(session, field, f"{key}-{field.name}", given.get(field.name, field.default), sections)
        try:
            values[field.name] = option_value(field, entered)
        except ExperimentError as exc:
            wrong = True
            note("bad", exc.what, exc.hint)
    return None if wrong else values


def _widget(session: Session, field: FormField, key: str, value: Any, sections: tuple[Section, ...]) -> Any:
    shown = entered_of(field, value)
    help_text = field.help or None
    if field.form == "flag":
        return st.toggle(field.label, value=bool(shown), key=key, help=help_text)
    if field.form in ("whole", "decimal"):
        return _number(field, key, shown)
    if field.form in ("choice", "several", "documents"):
        return _chosen(session, field, key, shown, sections)
    if field.form == "texts":
        choices = field.choices or {}
        return {
            name: st.text_area(f"{field.label}: {word}", value=shown.get(name, ""), key=f"{key}-{name}", help=help_text)
            for name, word in choices.items()
        }
    if field.form in ("lines", "yaml"):
        return st.text_area(field.label, value=shown or "", key=key, help=help_text, persist_state="page")
    return st.text_input(field.label, value=shown or "", key=key, help=help_text, width=360)


def _number(field: FormField, key: str, value: Any) -> Any:
    whole = field.form == "whole"
    convert = int if whole else float
    limits = {name: None if limit is None else convert(limit) for name, limit in
              (("min_value", field.least), ("max_value", field.most))}  # fmt: skip
    entered = st.number_input(
        field.label, value=value, key=key, help=field.help or None, step=1 if whole else 0.05, width=360, **limits
    )
    return entered if entered is None or not whole else int(entered)


def _chosen(session: Session, field: FormField, key: str, value: Any, sections: tuple[Section, ...]) -> Any:
    if field.form == "documents":
        choices = {path: path for path in documents.document_paths(session.workspace)}
    else:
        choices = dict(field.choices or {})
    if "instructions" in choices and field.form != "texts":
        choices = {name: word for name, word in choices.items() if name in sections}
    if field.name == "kinds":
        every = every_kind(session.workspace)
        choices = {kind.name: question(kind) for kind in every if kind.name != "grid"}
    names, help_text = list(choices), field.help or None

    def label(name: str) -> str:
        return plain(choices.get(name, str(name)))

    if field.form == "choice" and field.optional:
        index = names.index(value) if value in names else None
        return st.selectbox(
            field.label, names, index=index, format_func=choices.get, key=key, help=help_text, placeholder="none",
            width=360,
        )  # fmt: skip
    if field.form == "choice":
        return st.radio(
            field.label, names, index=names.index(value), format_func=label, key=key, help=help_text, horizontal=True
        )
    default = [name for name in value or () if name in names]
    if field.form == "several" and field.name != "kinds":
        return st.pills(
            field.label, names, selection_mode="multi", default=default, format_func=label, key=key, help=help_text
        )
    return st.multiselect(
        field.label, names, default=default, format_func=lambda name: choices.get(name, name), key=key, help=help_text
    )

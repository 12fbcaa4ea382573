"""The label of a document: which models may read it, and a menu to change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import streamlit as st

from promptlab import workspace
from promptlab.errors import PromptlabError
from promptlab.types import LABELS, Label
from promptlab.ui.components.widgets import escape, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.workspace import set_label

MEANING: Mapping[Label, str] = {
    "public": "Anyone may see it.",
    "internal": "Only for people inside the organisation.",
    "confidential": "Only for a few people.",
}
ICONS: Mapping[Label, str] = {
    "public": ":material/public:",
    "internal": ":material/group:",
    "confidential": ":material/lock:",
}


def draw(session: Session, path: str, *, key: str) -> None:
    """The label of the file `path`, which models may read it, and a menu to choose another label.

    The menu is one form: opening it and choosing in it draw nothing anew, so no click can meet a control that is just
    being replaced. What is chosen counts when the form is sent.
    """
    now = session.workspace.label_of(path)
    # Under the next number the menu is another one, and closed.
    number = st.session_state.setdefault(f"{key}-number", 0)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=key):
        with (
            st.popover(f"Label: {now}", icon=ICONS[now], key=f"{key}-menu-{number}"),
            st.form(f"{key}-form", border=False, enter_to_submit=False),
        ):
            # Another tab, or an edit of promptlab.yaml, may have changed the label since the menu was drawn.
            was, turn = st.session_state.get(f"{key}-was", (None, -1))
            if was != (path, now):
                turn += 1
                st.session_state[f"{key}-was"] = (path, now), turn
                st.session_state.pop(f"{key}-problem", None)
            _fields(session, path, key, now, turn)
        st.html(f'<div class="pl-small">{escape(allows(session, now))}</div>', width="content")


def _fields(session: Session, path: str, key: str, now: Label, turn: int) -> None:
    """The form. Its fields are new ones at each `turn`, so that they start with the label that the file has now."""
    choice, why = f"{key}-choice-{turn}", f"{key}-why-{turn}"
    st.radio(
        "Label",
        LABELS,
        index=LABELS.index(now),
        format_func=str.capitalize,
        captions=[plain(f"{MEANING[label]} {allows(session, label)}") for label in LABELS],
        key=choice,
    )
    if problem := st.session_state.get(f"{key}-problem"):
        note("bad", "The label was not changed", *problem)
    if now != LABELS[0]:
        st.text_input("Why may more models read it?", key=why, placeholder="it is published")
        small(f"Needed for a label below {now}. It is written to the ledger with your name.")
    args = (session, path, key, choice, why)
    st.form_submit_button("Set the label", type="primary", key=f"{key}-set", on_click=_set, args=args)
    small("This changes one line of promptlab.yaml.")


def _set(session: Session, path: str, key: str, choice: str, why: str) -> None:
    label = cast(Label, st.session_state[choice])
    try:
        if label != session.workspace.label_of(path):
            set_label(session.workspace, path, label, reason=str(st.session_state.get(why, "")))
            session.reload()
    except PromptlabError as exc:
        st.session_state[f"{key}-problem"] = (exc.message, exc.hint)
    else:
        st.session_state.pop(f"{key}-problem", None)
        st.session_state[f"{key}-number"] += 1


def allows(session: Session, label: Label) -> str:
    """A sentence that names the models that may read a text with this label."""
    clearances = {name: session.catalogue.clearance(name) for name in session.catalogue.names()}
    allowed = workspace.cleared_models(label, clearances)
    refused = [name for name in clearances if name not in allowed]
    if not clearances:
        sentence = "No model is configured yet."
    elif not allowed:
        sentence = "No model may read it."
    elif not refused:
        sentence = f"Every model may read it: {_names(allowed)}."
    else:
        sentence = f"Only {_names(allowed)} may read it; it is never sent to {_names(refused, 'or')}."
    return sentence


def _names(names: Sequence[str], conjunction: str = "and") -> str:
    shown = list(names) if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {conjunction} {shown[-1]}"


__all__ = ["allows", "draw"]

"""The label of a document: what it is, what that allows in a plain sentence, and a way to change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import streamlit as st

from promptlab import workspace
from promptlab.errors import PromptlabError
from promptlab.types import LABELS, Label
from promptlab.ui.components.widgets import escape, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.workspace import is_lower, set_label

MEANING: Mapping[Label, str] = {
    "public": "Anyone may see it.",
    "internal": "Not for outsiders.",
    "confidential": "For few eyes.",
}
ICONS: Mapping[Label, str] = {
    "public": ":material/public:",
    "internal": ":material/group:",
    "confidential": ":material/lock:",
}


def draw(session: Session, path: str, *, key: str) -> None:
    """The label of the file `path`, as a button that opens the choice of another, and what it allows."""
    now = session.workspace.label_of(path)
    menu, picked = f"{key}-menu", f"{key}-choice"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=key):
        with st.popover(f"Label: {now}", icon=ICONS[now], key=menu, on_change="rerun"):
            # Another tab, or the file itself, may have changed it since the choice was drawn.
            if st.session_state.get(f"{key}-was") != now:
                st.session_state[f"{key}-was"], st.session_state[picked] = now, now
            choice = st.radio(
                "Label",
                LABELS,
                format_func=str.capitalize,
                captions=[plain(f"{MEANING[label]} {allows(session, label)}") for label in LABELS],
                key=picked,
            )
            if problem := st.session_state.get(f"{key}-problem"):
                note("bad", "The label stays as it is", *problem)
            if is_lower(now, choice):
                st.text_input("Why may more models see it?", key=f"{key}-why", placeholder="it is published")
                small("The ledger keeps this with your name.")
            st.button(
                f"Make it {choice}",
                type="primary",
                key=f"{key}-set",
                disabled=choice == now,
                on_click=_set,
                args=(session, path, key),
            )
            small("One line of promptlab.yaml says so; nothing else of it is changed.")
        st.html(f'<div class="pl-small">{escape(allows(session, now))}</div>', width="content")


def _set(session: Session, path: str, key: str) -> None:
    label = cast(Label, st.session_state[f"{key}-choice"])
    try:
        set_label(session.workspace, path, label, reason=str(st.session_state.get(f"{key}-why", "")))
        session.reload()
    except PromptlabError as exc:
        st.session_state[f"{key}-problem"] = (exc.message, exc.hint)
    else:
        st.session_state.pop(f"{key}-problem", None)
        st.session_state[f"{key}-menu"] = False


def allows(session: Session, label: Label) -> str:
    """Which of the workspace's models may read a text with this label, in a sentence."""
    clearances = {name: session.catalogue.clearance(name) for name in session.catalogue.names()}
    may = workspace.cleared_models(label, clearances)
    not_ = [name for name in clearances if name not in may]
    if not clearances:
        said = "There is no model yet that could read it."
    elif not may:
        said = "No model here may read it."
    elif not not_:
        said = f"Every model may read it: {_names(may)}."
    else:
        said = f"Only {_names(may)} may read it; it is never sent to {_names(not_, 'or')}."
    return said


def _names(names: Sequence[str], word: str = "and") -> str:
    few = list(names) if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"]
    return few[0] if len(few) == 1 else f"{', '.join(few[:-1])} {word} {few[-1]}"


__all__ = ["allows", "draw"]

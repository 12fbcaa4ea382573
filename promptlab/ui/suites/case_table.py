"""The cases of a suite as its files have them now: a page of rows with Add, Edit, Retire and Upload."""

from __future__ import annotations

import streamlit as st

from promptlab.errors import PromptlabError
from promptlab.suites import Case, Suite
from promptlab.types import sha256
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites import edit_case
from promptlab.ui.suites.wording import as_text

PAGE = 25


def draw(session: Session, suite: Suite, *, busy: bool) -> None:
    """Draw the cases with their buttons, and the dialog that is open."""
    edit_case.dialogs(session, suite)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.button(
            "Add a case",
            icon=":material/add:",
            type="primary",
            key="case-add",
            disabled=busy,
            on_click=edit_case.open_new,
        )
        st.button(
            "Upload cases …",
            icon=":material/upload_file:",
            key="case-upload",
            disabled=busy,
            on_click=edit_case.open_upload,
        )
        wanted = st.text_input(
            "Find a case", key="cases-find", icon=":material/search:", placeholder="words of it", width=280
        )
    if busy:
        small("The suite is running. Its cases can be changed when the run has ended.")
    try:
        cases = list(session.suites.cases(session.workspace, suite).values())
    except PromptlabError as exc:
        note("bad", "The cases cannot be read", exc.message, exc.hint)
        return
    matching = [case for case in cases if _matches(case, wanted or "")]
    if not matching:
        note(
            "info",
            "There is no case yet" if not cases else "No case matches",
            "" if cases else "Add one, or upload a CSV.",
        )
        return
    page = _page(len(matching))
    small(f"{len(matching):,} of {len(cases):,} cases" if len(matching) < len(cases) else f"{len(cases):,} cases")
    for case in matching[page * PAGE : (page + 1) * PAGE]:
        _row(case, busy=busy)


def _page(count: int) -> int:
    pages = -(-count // PAGE)
    if pages < 2:
        return 0
    return int(st.number_input(f"Page of {pages:,}", 1, pages, key="cases-page", width=160)) - 1


def _matches(case: Case, words: str) -> bool:
    text = " ".join([case.id, *map(as_text, case.inputs.values()), as_text(case.expected), *case.tags]).lower()
    return all(word in text for word in words.lower().split())


def _row(case: Case, *, busy: bool) -> None:
    key = sha256(case.id)[:12]
    with st.container(
        horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"suite-case-row-{key}"
    ):
        markup(f'<div class="pl-case-row">{_cells(case)}</div>')
        for name, label, icon, kind in (
            ("edit", "Edit", "edit", edit_case.open_edit),
            ("retire", "Retire", "archive", edit_case.open_retire),
        ):
            st.button(
                label,
                icon=f":material/{icon}:",
                type="tertiary",
                key=f"case-{name}-{key}",
                disabled=busy,
                help=f"{label} the case {case.id}".replace("[", "").replace("]", ""),
                on_click=kind,
                args=(case.id,),
            )


def _cells(case: Case) -> str:
    inputs = " · ".join(
        f"{name}: {as_text(value)}" if len(case.inputs) > 1 else as_text(value) for name, value in case.inputs.items()
    )
    tags = f'<br><span class="pl-small">{escape(", ".join(case.tags))}</span>' if case.tags else ""
    expected = "–" if case.expected is None else as_text(case.expected)
    parts = (f"<b>{escape(case.id)}</b>{tags}", escape(inputs[:300]), escape(expected[:200]))
    return "".join(f"<span>{part}</span>" for part in parts)

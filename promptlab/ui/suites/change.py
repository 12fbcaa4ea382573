"""A planned change of a suite's files: its diff, the button that writes it, and Undo afterwards."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.suites import ChangedOnDisk, SuiteChange
from promptlab.ui.components import links, version_diff
from promptlab.ui.components.widgets import note, plain, small
from promptlab.ui.state.session import Session

_UNDO, _ERROR = "suite-undo", "suite-change-error"
LONGEST = 20_000
"""The most characters of a new file that are shown."""


def draw(session: Session, change: SuiteChange, *, key: str, label: str, after: Callable[[], None]) -> None:
    """The diff of `change` and the button that writes it. `after` is called once it is written."""
    error: PromptlabError | None = st.session_state.pop(f"{_ERROR}-{key}", None)
    if error:
        note("bad", "Nothing was written", error.message, error.hint)
        if isinstance(error, ChangedOnDisk):
            small("The change below starts from the file as it is now.")
    _notice(change, key)
    if change.empty:
        small("Nothing is changed yet.")
    for file in change.files:
        if file.is_recording:
            answers = f"{change.recorded:,} recorded answer{'' if change.recorded == 1 else 's'}"
            small(f"{answers} of the case would leave {file.path}.")
        elif file.before != file.after:
            state = "new file" if file.before is None else "changed"
            version_diff.file(f"{file.path} ({state})", file.old[:LONGEST], file.new[:LONGEST])
    st.button(
        label,
        type="primary",
        icon=":material/save:",
        key=f"{key}-write",
        disabled=change.empty,
        help="Writes exactly the change that is shown above.",
        on_click=_write,
        args=(session, change, key, after),
    )


def _notice(change: SuiteChange, key: str) -> None:
    """Say that the files have changed on disk since the person began."""
    now = {file.path: file.before for file in change.files}
    began = st.session_state.setdefault(f"{key}-base", now)
    edited = [path for path, before in now.items() if path in began and began[path] != before]
    if edited:
        note(
            "warn",
            f"{', '.join(edited)} was changed on disk since you began",
            "Check the change below before you write.",
        )


def _write(session: Session, change: SuiteChange, key: str, after: Callable[[], None]) -> None:
    try:
        suites.write_change(session.workspace, change)
    except PromptlabError as exc:
        st.session_state[f"{_ERROR}-{key}"] = exc
        return
    st.session_state[_UNDO] = change
    after()


def undo_bar(session: Session) -> None:
    """What was written last, with Undo, until another page is opened."""
    error: PromptlabError | None = st.session_state.pop(_ERROR, None)
    if error:
        note("bad", "It was not undone", error.message, error.hint)
    written: SuiteChange | None = st.session_state.get(_UNDO)
    if written is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="suite-undo-bar"):
        st.markdown(f":material/check: Done: {plain(written.what)}", width="content")
        st.button("Undo", icon=":material/undo:", type="tertiary", key="suite-undo-do", on_click=_undo, args=(session,))


def _undo(session: Session) -> None:
    written: SuiteChange = st.session_state.pop(_UNDO)
    try:
        suites.write_change(session.workspace, written.undone)
    except PromptlabError as exc:
        st.session_state[_ERROR] = exc
        return
    # The fields of the settings begin anew, with what the file has again.
    st.session_state["suite-settings-turn"] = st.session_state.get("suite-settings-turn", 0) + 1
    if written.files[0].before is None:  # the suite was new
        links.address()


def forget() -> None:
    """Forget what can be undone."""
    st.session_state.pop(_UNDO, None)

"""The dialog New template: a name and a starting point. The result is a draft; saving writes the file."""

from __future__ import annotations

import streamlit as st

from promptlab import formats, templates, versions
from promptlab.errors import PromptlabError, TemplateError
from promptlab.ui.components import frame, links
from promptlab.ui.components.widgets import note, small
from promptlab.ui.state.open_template import open_template
from promptlab.ui.state.session import Session

_OPEN, _ERROR = "new-open", "new-error"
STANDARD, COPY, REQUEST, TEXT = "Standard layout", "A copy", "An OpenAI request", "Plain text"
ABOUT = {
    STANDARD: "Instructions first, then documents, examples and the question. Suits most prompts.",
    COPY: "A copy of an existing template, with a new name.",
    REQUEST: "The JSON body of a chat completion. Its messages, parameters and schema are used.",
    TEXT: "The whole prompt as one message. {{ name }} in it becomes an input.",
}


def button(session: Session, *, primary: bool = True) -> None:
    """The button "New template", and its dialog if it is open."""
    st.button(
        "New template",
        type="primary" if primary else "secondary",
        icon=":material/add:",
        key="new-template",
        on_click=_open,
    )
    if st.session_state.get(_OPEN):
        st.dialog("New template", width="medium", on_dismiss=_close)(frame.guarded(_draw))(session)


def _draw(session: Session) -> None:
    if not st.session_state.get(_OPEN):
        st.rerun()
    st.text_input("Name", key="new-name", placeholder="triage", help="Its file will be templates/NAME.yaml.")
    way = st.segmented_control("Start from", list(ABOUT), default=STANDARD, required=True, key="new-way")
    small(ABOUT[way])
    if way == COPY:
        names = sorted({*templates.template_paths(session.workspace), *session.drafts.edited()})
        if not names:
            note("info", "No template to copy yet", "Start from the standard layout.")
            return
        st.selectbox("Copy of", names, key="new-copy")
    elif way == REQUEST:
        st.text_area(
            "The request", key="new-request", height=220, placeholder='{"model": "…", "messages": [{"role": "user", …'
        )
    elif way == TEXT:
        st.text_area("The prompt", key="new-text", height=220, placeholder="Summarise this:\n\n{{ text }}")
    error: PromptlabError | None = st.session_state.pop(_ERROR, None)
    if error:
        note("bad", _sentence(error), error.hint)
    with st.container(horizontal=True, gap="small"):
        st.button("Create", type="primary", key="new-create", on_click=_create, args=(session,))
        st.button("Cancel", type="tertiary", key="new-cancel", on_click=_close)


def _sentence(exc: PromptlabError) -> str:
    message = exc.what if isinstance(exc, TemplateError) else exc.message
    return message[:1].upper() + message[1:]


def _create(session: Session) -> None:
    state = st.session_state
    try:
        path = templates.new_template_path(
            session.workspace, state.get("new-name") or "", taken=session.drafts.edited()
        )
        text = _text(session, state["new-way"], path)
        templates.parse(text, path=path)
    except PromptlabError as exc:
        state[_ERROR] = exc
        return
    session.drafts.reset(path)
    session.drafts.write(path, text, None)
    _close()
    links.address(template=path)


def _text(session: Session, way: str, path: str) -> str:
    state = st.session_state
    if way == COPY:
        return templates.checked_copy(_source(session, state["new-copy"]), path)
    if way == REQUEST:
        return formats.template_from_request(state["new-request"], path)
    return templates.template_from_prompt(state["new-text"], path) if way == TEXT else templates.standard_template(path)


def _source(session: Session, path: str) -> str:
    """The text to copy: the draft if there is one, because the page shows the draft, else the file."""
    draft = session.drafts.load(path)
    if draft.edited:
        return open_template(session, path).text
    return versions.text_on_disk(session.workspace, path) or ""


def _open() -> None:
    for key in ("new-name", "new-way", "new-copy", "new-request", "new-text", _ERROR):
        st.session_state.pop(key, None)
    st.session_state[_OPEN] = True


def _close() -> None:
    st.session_state.pop(_OPEN, None)

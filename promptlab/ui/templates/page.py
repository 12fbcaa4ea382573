"""The page Templates: the list, or one template as a form, with a preview beside it and its history below."""

from __future__ import annotations

import functools
from pathlib import PurePosixPath

import streamlit as st

from promptlab import templates, versions
from promptlab.errors import InputError, TemplateError
from promptlab.ui.components import file_menu, links, widgets
from promptlab.ui.components.widgets import note, plain
from promptlab.ui.state.open_template import Opened, end_draft, open_template
from promptlab.ui.state.session import Session
from promptlab.ui.templates import export, form, history, preview, save
from promptlab.ui.templates import list as templates_list
from promptlab.ui.templates import text as file_text


def page(session: Session) -> None:
    """Draw the list, or the template that the address of the page names."""
    wanted = st.query_params.get("template")
    if wanted:
        _one(session, wanted)
    else:
        templates_list.draw(session)


def _one(session: Session, path: str) -> None:
    st.button("All templates", icon=":material/arrow_back:", type="tertiary", key="templates-all", on_click=_close)
    try:
        if PurePosixPath(path).parts[:1] != (templates.TEMPLATES_FOLDER,) or ".." in path:
            raise TemplateError("there is no such template", file=path)
        opened = open_template(session, path)
    except InputError as exc:
        _broken(session, path, exc)
        return
    file_menu.outcome(session)
    _head(session, opened)
    with st.container(key="form"):
        left, right = st.columns([1, 1], gap="large")
        with left:
            form.draw(session, opened)
        with right, st.container(key="form-preview"):
            preview.draw(session, opened)
    st.space("small")
    history.draw(session, path, opened.text if opened.draft.edited else None)


def _head(session: Session, opened: Opened) -> None:
    path = opened.path
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="template-head"):
        st.subheader(plain(templates_list.short(path)), anchor=False, width="content")
        on_saved = functools.partial(end_draft, session, opened)
        save.button(session, path, opened.text, opened.base, on_saved=on_saved)
        if opened.draft.edited:
            _discard(session, path, new=opened.is_new)
        links.to("workbench", "Open in workbench", icon=":material/science:", template=path)
        export.button(session, opened.template)
        if not opened.is_new:
            file_menu.draw(session, "template", path)
    changed = ", ".join(templates.describe_changes(opened.original, opened.template))
    if changed and opened.draft.text is None:
        widgets.small(f"Unsaved changes: {changed}.")


def _discard(session: Session, path: str, *, new: bool) -> None:
    label = "Discard draft" if new else "Discard changes"
    with st.popover(label, icon=":material/undo:", type="tertiary", key="discard"):
        what = "this template, which is not saved yet" if new else "all changes since the last save"
        widgets.small(f"Discard {what}? This cannot be undone.")
        st.button(label, type="primary", key="discard-now", on_click=_forget, args=(session, path, new))


def _forget(session: Session, path: str, new: bool) -> None:
    session.drafts.reset(path)
    if new:
        _close()


def _broken(session: Session, path: str, exc: InputError) -> None:
    st.subheader(plain(templates_list.short(path)), anchor=False)
    text, base = _text(session, path)
    if text is None:
        note("bad", "Template not found", "It may have been renamed or deleted.", exc.hint)
        return
    line = f", line {exc.line}" if exc.line else ""
    note(
        "bad",
        f"This template has an error{line}",
        f"{exc.field}: {exc.what}" if exc.field else exc.what,
        exc.hint,
    )
    if session.drafts.load(path).edited:
        _discard(session, path, new=base is None)
    if base is not None:
        file_menu.draw(session, "template", path)
    file_text.draw(session, path, text, base)


def _text(session: Session, path: str) -> tuple[str | None, str | None]:
    """The text of a template with an error, and the text that its draft started from. Never reads any other file."""
    draft = session.drafts.load(path)
    if draft.origin is not None:
        return draft.origin, draft.base
    try:
        disk = (
            versions.text_on_disk(session.workspace, path)
            if path in templates.template_paths(session.workspace)
            else None
        )
    except InputError:
        return None, None
    return disk, disk


def _close() -> None:
    links.address()

"""What can be done with a template, a document or a pool as a file: rename, duplicate, delete, its link; and Undo.

The menu is on the page of the file. What was done stays on the page, with Undo, until the next thing is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlencode

import streamlit as st

from promptlab import shelf
from promptlab.errors import PromptlabError
from promptlab.shelf import Kind, RenamePlan
from promptlab.ui.components import diff_view, frame, links, widgets
from promptlab.ui.components.widgets import escape, markup, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.versions import word_changes

_OPEN, _DONE, _NAME, _NUMBER = "file-open", "file-done", "file-name", "file-number"
QUERY: Mapping[Kind, str] = {"template": "template", "document": "document", "pool": "pool"}
"""The word in the address of the page that names the file."""
NOUNS: Mapping[Kind, str] = {"template": "template", "document": "document", "pool": "pool"}
SHOWN_FILES = 12


@dataclass
class _Dialog:
    """The open dialog. `seen` is the plan whose changes the person has seen."""

    kind: Kind
    path: str
    what: str
    seen: RenamePlan | None = None
    error: PromptlabError | None = None
    users: tuple[str, ...] = ()


@dataclass
class _Done:
    """What was done last, and how to take it back."""

    words: str
    undo: Callable[[], str] | None = None
    problem: str = ""
    error: PromptlabError | None = None


def draw(session: Session, kind: Kind, path: str) -> None:
    """The menu for the file at `path`. Opening it draws nothing anew."""
    # Under the next number the menu is another one, and closed: it must not stand over the dialog that it opened.
    number = st.session_state.setdefault(_NUMBER, 0)
    with st.popover("More", icon=":material/more_horiz:", type="tertiary", key=f"file-menu-{number}"):
        for word, icon in (
            ("Rename", "drive_file_rename_outline"),
            ("Duplicate", "content_copy"),
            ("Delete", "delete"),
        ):
            st.button(
                word,
                icon=f":material/{icon}:",
                type="tertiary",
                key=f"file-{word.lower()}",
                on_click=_copy if word == "Duplicate" else _ask,
                args=(session, kind, path) if word == "Duplicate" else (session, kind, path, word),
            )
        link()
    dialog: _Dialog | None = st.session_state.get(_OPEN)
    if dialog and (dialog.kind, dialog.path) == (kind, path):
        title = f"{dialog.what} {plain(PurePosixPath(path).name)}"
        body = _rename if dialog.what == "Rename" else _delete
        st.dialog(title, width="large", on_dismiss=_close)(frame.guarded(body))(session)


def link() -> None:
    """The address of this page, with a button that copies it."""
    small("Link to this page")
    query = urlencode(st.query_params.to_dict(), safe="/")
    address = (st.context.url or "").partition("?")[0]
    with st.container(key="page-link"):
        st.code(f"{address}?{query}" if query else address, language=None, wrap_lines=True)


def outcome(session: Session) -> None:
    """What was done last, with Undo."""
    done: _Done | None = st.session_state.get(_DONE)
    if done is None:
        return
    if done.error:
        note("bad", done.error.message, done.error.hint)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="file-done-line"):
        markup(f'<div class="pl-small pl-break" role="status">{escape(done.words)}</div>')
        if done.undo:
            st.button("Undo", icon=":material/undo:", type="tertiary", key="file-undo", on_click=_undo, args=(session,))
        st.button("Close", icon=":material/close:", type="tertiary", key="file-done-close", on_click=_forget)
    if done.problem:
        note("warn", "Not in git yet", done.problem)


def trash(session: Session, kind: Kind) -> None:
    """The deleted files of a kind, each with a button that takes it back."""
    deleted = [one for one in shelf.deleted_files(session.workspace) if one.kind == kind]
    if not deleted:
        return
    label = f"Deleted: {len(deleted)}"
    with st.popover(label, icon=":material/delete:", type="tertiary", key=f"trash-{kind}"):
        for one in deleted[:SHOWN_FILES]:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                markup(
                    f'<div class="pl-break">{escape(one.path)}<div class="pl-small">'
                    f"{escape(widgets.clock(one.when))}</div></div>"
                )
                st.button(
                    f"Restore {plain(PurePosixPath(one.path).name)}",
                    key=f"restore-{one.id}",
                    type="tertiary",
                    on_click=_restore,
                    args=(session, one.id),
                )
        if len(deleted) > SHOWN_FILES:
            small(f"and {len(deleted) - SHOWN_FILES} more in .promptlab/trash")


# Rename


def _rename(session: Session) -> None:
    dialog: _Dialog | None = st.session_state.get(_OPEN)
    if dialog is None:
        st.rerun()
        return
    folder = PurePosixPath(dialog.path).parent.as_posix()
    st.text_input("New name", key=_NAME, placeholder=PurePosixPath(dialog.path).stem, persist_state="page")
    small(f"It stays in {folder}, unless the name has a folder: a / makes one.")
    dialog.seen, problem = _plan(session, dialog)
    if error := problem or dialog.error:
        note("bad", error.message, error.hint)
    if dialog.seen:
        _show_plan(dialog.seen)
    with st.container(horizontal=True, gap="small"):
        seen = dialog.seen is not None
        st.button(
            "Rename" if seen else "See what changes",
            type="primary",
            key="file-rename-now",
            on_click=_rename_now,
            args=(session, dialog),
        )
        st.button("Cancel", type="tertiary", key="file-cancel", on_click=_close)


def _plan(session: Session, dialog: _Dialog) -> tuple[RenamePlan | None, PromptlabError | None]:
    """The plan for the name in the field, or why there is none; neither for the name that it has."""
    name = str(st.session_state.get(_NAME, "")).strip()
    if not name or name == PurePosixPath(dialog.path).stem:
        return None, None
    try:
        return shelf.plan_rename(session.workspace, dialog.kind, dialog.path, name), None
    except PromptlabError as exc:
        return None, exc


def _show_plan(plan: RenamePlan) -> None:
    label = "" if plan.was == plan.label else f"; its label becomes {plan.label}"
    markup(f'<div class="pl-break"><b>{escape(plan.old)}</b> → <b>{escape(plan.new)}</b>{escape(label)}</div>')
    for edit in plan.edits[:SHOWN_FILES]:
        body = diff_view.lines_html(word_changes(edit.before, edit.after))
        markup(
            f'<div class="pl-role">{escape(edit.path)}</div><pre class="pl-prompt pl-plan" tabindex="0">{body}</pre>'
        )
    facts = [f"{len(plan.edits) - SHOWN_FILES} more files"] if len(plan.edits) > SHOWN_FILES else []
    facts += [f"{len(plan.drafts)} drafts"] if plan.drafts else []
    facts += [f"recordings: {', '.join(plan.recordings)}"] if plan.recordings else []
    facts += [f"variants: {', '.join(plan.variants)}"] if plan.variants else []
    facts.append("the run history")
    small(f"Also follows: {'; '.join(facts)}.")
    small("It becomes one commit." if plan.commits else f"Nothing is committed: {plan.left}.")


def _rename_now(session: Session, dialog: _Dialog) -> None:
    dialog.error = None
    plan, _ = _plan(session, dialog)
    if plan is None or plan != dialog.seen:  # typed and pressed at once: the changes are shown first
        return
    try:
        renamed = shelf.rename_file(session.workspace, plan, store=session.store)
    except PromptlabError as exc:
        dialog.error = exc
        return
    _close()
    st.session_state[_DONE] = _Done(renamed.said, lambda: _rename_back(session, plan), renamed.problem)
    _follow(session, plan.kind, plan.new)


def _rename_back(session: Session, plan: RenamePlan) -> str:
    back = shelf.plan_rename(session.workspace, plan.kind, plan.new, plan.old)
    renamed = shelf.rename_file(session.workspace, back, store=session.store)
    _follow(session, plan.kind, plan.old)
    return renamed.said


def _follow(session: Session, kind: Kind, path: str) -> None:
    """Show the file at `path`."""
    session.reload()
    links.address(**{QUERY[kind]: path})


# Duplicate and delete


def _copy(session: Session, kind: Kind, path: str) -> None:
    st.session_state[_NUMBER] += 1
    try:
        copied = shelf.copy_file(session.workspace, kind, path)
    except PromptlabError as exc:
        st.session_state[_DONE] = _Done("It was not duplicated.", error=exc)
        return

    def undo() -> str:
        shelf.delete_file(session.workspace, kind, copied.new)
        _follow(session, kind, path)
        return f"{copied.new} was deleted again"

    if kind == "template" and (draft := session.drafts.load(path)).edited:
        session.drafts.change(copied.new, **draft.model_dump(include={"base", "text", "changes", "inputs", "without"}))
    st.session_state[_DONE] = _Done(copied.said, undo, copied.problem)
    _follow(session, kind, copied.new)


def _delete(session: Session) -> None:
    dialog: _Dialog | None = st.session_state.get(_OPEN)
    if dialog is None:
        st.rerun()
        return
    if dialog.users:
        shown = dialog.users[:SHOWN_FILES]
        more = [f"and {len(dialog.users) - len(shown)} more"] if len(dialog.users) > len(shown) else []
        note("warn", f"These still use it, and will not work without it: {len(dialog.users)}", *shown, *more)
    else:
        small("Nothing in this workspace names it.")
    small("It goes to .promptlab/trash. If git knows it, the deletion is a commit. Undo takes it back.")
    if dialog.error:
        note("bad", dialog.error.message, dialog.error.hint)
    with st.container(horizontal=True, gap="small"):
        word = f"Delete this {NOUNS[dialog.kind]}"
        st.button(word, type="primary", key="file-delete-now", on_click=_delete_now, args=(session, dialog))
        st.button("Cancel", type="tertiary", key="file-cancel", on_click=_close)


def _delete_now(session: Session, dialog: _Dialog) -> None:
    try:
        deleted = shelf.delete_file(session.workspace, dialog.kind, dialog.path)
    except PromptlabError as exc:
        dialog.error = exc
        return
    _close()
    words = f"{deleted.path} was deleted"
    st.session_state[_DONE] = _Done(words, lambda: _take_back(session, deleted.id), deleted.problem)
    session.reload()
    links.address()


def _take_back(session: Session, id: str) -> str:
    restored = shelf.restore_file(session.workspace, id)
    _follow(session, restored.kind, restored.path)
    return f"{restored.path} is back"


def _restore(session: Session, id: str) -> None:
    st.session_state[_DONE] = _Done("", lambda: _take_back(session, id))
    _undo(session)


# State


def _ask(session: Session, kind: Kind, path: str, what: str) -> None:
    users = tuple(shelf.users_of(session.workspace, path)) if what == "Delete" else ()
    st.session_state[_OPEN] = _Dialog(kind, path, what, users=users)
    st.session_state[_NUMBER] += 1
    st.session_state[_NAME] = PurePosixPath(path).stem


def _close() -> None:
    st.session_state.pop(_OPEN, None)


def _forget() -> None:
    st.session_state.pop(_DONE, None)


def _undo(session: Session) -> None:
    done: _Done = st.session_state[_DONE]
    if done.undo is None:
        return
    try:
        st.session_state[_DONE] = _Done(done.undo())
    except PromptlabError as exc:
        done.error = exc
    session.reload()


__all__ = ["draw", "link", "outcome", "trash"]

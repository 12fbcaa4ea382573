"""Save to git: shows how the draft differs from its file and from git, and the dialog that saves a version.

The draft is dropped (`on_saved`) only once its text is in the file, in a version or in a variant, so no error loses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Literal

import streamlit as st

from promptlab import templates, versions
from promptlab.errors import CommitRefused, InputError, PromptlabError
from promptlab.templates import check_template
from promptlab.ui.components import conflict_view, frame, version_diff, widgets
from promptlab.ui.components.widgets import note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.templates import git_setup as repository
from promptlab.versions import RepositoryState, TemplateStatus
from promptlab.versions import template_status as standing_of

Do = Callable[[], str]
"""The action of a button: returns a message to show after closing, or "" to keep the dialog open."""
_OPEN, _DONE, MESSAGE = "saving-open", "saving-done", "saving-message"


@dataclass
class _Dialog:
    """The open dialog for `path`: its last error, and True in `redraw` if the whole page must be drawn again."""

    path: str
    error: PromptlabError | None = None
    redraw: bool = False


@dataclass(frozen=True)
class _Work:
    """The text to save, and the function to call when the draft is no longer needed."""

    session: Session
    path: str
    text: str
    base: str | None
    on_saved: Callable[[], None]

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).stem


def button(session: Session, path: str, text: str, base: str | None, *, on_saved: Callable[[], None]) -> None:
    """The state of `text` in git, and the button "Save to git". `base` is the file's text before the first change.

    `on_saved` is called once the draft can be dropped, because its text is in the file or saved elsewhere.
    """
    work = _Work(session, path, text, base, on_saved)
    try:
        standing = standing_of(session.workspace, path, text, base)
    except PromptlabError as exc:
        note("bad", exc.message, exc.hint)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content", key="saving"):
        st.html(widgets.chip(*_chip(standing)), width="content")
        is_saved = standing.kind == "saved"
        st.button(
            "Save to git",
            icon=":material/save:",
            key="save-to-git",
            disabled=is_saved,
            help="Nothing to save: the newest version has the same text." if is_saved else None,
            on_click=_open,
            args=(work,),
        )
    message = st.session_state.pop(_DONE, None)
    if message:
        st.toast(plain(message), icon=":material/check:", duration="long")
    dialog: _Dialog | None = st.session_state.get(_OPEN)
    if dialog is None or dialog.path != path:
        return
    if is_saved:
        _close()
        return
    dialog.redraw = False
    width = "large" if standing.kind == "apart" else "medium"
    st.dialog(f"Save {plain(work.name)} to git", width=width, on_dismiss=_close)(frame.guarded(_draw))(work)


def _chip(standing: TemplateStatus) -> tuple[str, str]:
    version = standing.commit[:7]
    match standing.kind:
        case "saved":
            return f"saved · {version}", "good"
        case "apart":
            return "changed here and on disk", "bad"
        case "new":
            return "not saved yet", "warn"
        case "changed":
            return f"changed since {version}" if version else "changed", "warn"
    if not standing.repository:
        return "no git repository", ""
    return (f"the file differs from {version}" if version else "in the file, not in git"), "warn"


def _open(work: _Work) -> None:
    st.session_state[_OPEN] = _Dialog(work.path)
    st.session_state.pop(MESSAGE, None)


def _last_saved(work: _Work) -> str | None:
    """The text of the newest version, or of the file if git has none."""
    try:
        last = versions.template_history(work.session.workspace, work.path, limit=1)
        return versions.version_text(work.session.workspace, last[0]) if last and last[0].blob else None
    except PromptlabError:
        return work.base


def _close() -> None:
    st.session_state.pop(_OPEN, None)


# The dialog


def _draw(work: _Work) -> None:
    dialog: _Dialog | None = st.session_state.get(_OPEN)
    if dialog is None or dialog.redraw:
        st.rerun()
        return
    standing = standing_of(work.session.workspace, work.path, work.text, work.base)
    state = versions.repository_state(work.session.workspace)
    if dialog.error:
        _show_error(dialog.error)
    if standing.kind == "apart":
        _settle(work, standing, state)
        return
    ready, last = repository.ready(work.session.workspace, state, _press), _last_saved(work)
    problem = _problem(work.path, work.text)
    if ready:
        _message(work, state, last)
    _what_changed(work, last)
    if problem is None:
        for error in check_template(work.session.workspace, work.path, text=work.text):
            note("warn", "It can be saved, but this should be fixed", error.message, error.hint)
            break
    with _row():
        if ready:
            _press("Save to git", partial(_save, work), key="saving-commit", primary=True, off=problem is not None)
        if standing.kind != "written":
            write = partial(_write, work, work.text, work.base)
            _press("Only write the file", write, key="saving-write", off=problem is not None)
        st.button("Cancel", type="tertiary", key="saving-cancel", on_click=_close)


def _message(work: _Work, state: RepositoryState, made_from: str | None) -> None:
    if MESSAGE not in st.session_state:
        st.session_state[MESSAGE] = templates.commit_message(work.path, made_from, work.text)
    st.text_area("What changed, for the history", key=MESSAGE, height=68, persist_state="page")
    branch = f"on the branch {state.branch}" if state.branch else "on no branch (detached HEAD)"
    small(f"Author: {state.identity}, {branch}.")


def _what_changed(work: _Work, old: str | None) -> None:
    if old is None:
        with st.expander("The whole text", key="saving-whole", type="compact"):
            widgets.mono(work.text, key="saving-text")
    else:
        version_diff.file("What will be saved", old, work.text)


def _problem(path: str, text: str) -> InputError | None:
    """The error that makes `text` an invalid template, also shown on the page; None if it is valid."""
    try:
        templates.parse(text, path=path)
    except InputError as exc:
        place = f", line {exc.line}" if exc.line else ""
        note("bad", f"This is not a valid template{place}", exc.what, exc.hint)
        return exc
    return None


def _settle(work: _Work, standing: TemplateStatus, state: RepositoryState) -> None:
    """The file on disk changed too: show both texts and the merged text, and let the person choose what to save."""
    theirs = standing.disk
    what = "was deleted" if theirs is None else "appeared on disk" if work.base is None else "was changed on disk"
    note(
        "warn",
        f"{work.path} {what} since you started editing",
        "Nothing was written. Both texts are kept until you save.",
    )
    conflict = versions.conflict_between(work.path, work.base, work.text, theirs)
    merged = conflict_view.draw(conflict, conflict_view.Names(), key="saving")
    invalid = merged is None or _problem(work.path, merged) is not None
    ready = repository.ready(work.session.workspace, state, _press)
    if ready:
        _message(work, state, work.base)
    with _row():
        if theirs is not None and ready:
            both = partial(_save_over, work, merged or "", theirs)
            _press("Save the merged text", both, key="saving-both", primary=True, off=invalid)
        if theirs is not None and not ready:
            both = partial(_write, work, merged or "", theirs)
            _press("Only write the merged text", both, key="saving-write", off=invalid)
        if ready:
            _press("Keep mine", partial(_save_over, work, work.text, theirs), key="saving-mine")
            word = "Keep it deleted" if theirs is None else "Use the file on disk"
            _press(word, partial(_take_theirs, work), key="saving-theirs")
        st.button("Cancel", type="tertiary", key="saving-cancel", on_click=_close)
    if ready:
        first = "" if theirs is None else " The text on disk is saved as a version first."
        small(f"Keep mine saves your text unchanged.{first} {word} saves your text as a variant, under History.")


def _show_error(exc: PromptlabError) -> None:
    if isinstance(exc, CommitRefused):
        note("bad", "Git or a hook refused the commit", "Your text is in the file, but not committed. The output was:")
        widgets.mono(exc.output or exc.message, key="saving-output")
    else:
        note("bad", exc.message, exc.hint)


def _row() -> st.delta_generator.DeltaGenerator:
    return st.container(horizontal=True, vertical_alignment="center", gap="small")


def _press(label: str, do: Do, *, key: str, primary: bool = False, off: bool = False) -> None:
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    st.button(label, key=key, type=kind, disabled=off, on_click=_run, args=(do,))


# What the buttons do


def _run(do: Do) -> None:
    dialog: _Dialog = st.session_state[_OPEN]
    dialog.error, dialog.redraw = None, True
    try:
        message = do()
    except PromptlabError as exc:
        dialog.error = exc
        return
    if message:
        st.session_state[_DONE] = message
        _close()


def _commit_message() -> str:
    return str(st.session_state.get(MESSAGE, ""))


def _save(work: _Work) -> str:
    with _drop_draft_if_written(work, work.text):
        saved = versions.save_template(work.session.workspace, work.path, work.text, _commit_message(), base=work.base)
    return saved.said


def _save_over(work: _Work, text: str, theirs: str | None) -> str:
    with _drop_draft_if_written(work, text):
        saved = versions.save_template_over(work.session.workspace, work.path, text, _commit_message(), theirs=theirs)
    return saved.said


@contextmanager
def _drop_draft_if_written(work: _Work, text: str) -> Iterator[None]:
    """Drop the draft once `text` is saved, or if a refused commit left it in the file: the next edit starts from it."""
    try:
        yield
    except CommitRefused:
        if versions.text_on_disk(work.session.workspace, work.path) == text:
            work.on_saved()
        raise
    work.on_saved()


def _write(work: _Work, text: str, base: str | None) -> str:
    versions.write_template(work.session.workspace, work.path, text, base=base)
    work.on_saved()
    return f"{work.path} was written, but not saved to git"


def _take_theirs(work: _Work) -> str:
    variant = versions.keep_as_variant(work.session.workspace, work.path, work.text)
    work.on_saved()
    return f"Your text was saved as the variant {variant.name}"


__all__ = ["button"]

"""What was changed outside of this tab: in another tab, or in the file. The person chooses which text to go on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from promptlab import templates, versions
from promptlab.errors import Conflict, TemplateError
from promptlab.ui.state.drafts import Draft
from promptlab.ui.state.open_template import Opened, text_of
from promptlab.ui.state.session import Session
from promptlab.ui.state.tabs import Part, differences, same_content, settings_of_both, this_tab

_UNDO = "draft-undo"


@dataclass(frozen=True)
class Other:
    """Another state of the template than the one on the screen, which is `here`.

    `kind` says where it is: in the `shared` draft, in a tab's `own` draft with the id `own`, or in the `file`.
    `base` is the draft that both began as. `text` and `base_text` are the texts of the template.
    """

    kind: Literal["shared", "own", "file"]
    here: Opened
    draft: Draft
    base: Draft
    file: str | None
    text: str | None
    base_text: str
    own: str = ""

    @property
    def parts(self) -> list[Part]:
        """The parts in which the other draft differs from this one."""
        return differences(self.here.draft, self.draft)

    @property
    def lost(self) -> bool:
        """True if this tab has changes that the other state does not have."""
        return self.base != self.here.draft

    @property
    def conflict(self) -> Conflict:
        """Both texts, and the text that both were made from."""
        return versions.conflict_between(self.here.path, self.base_text, self.here.text, self.text)


def changed_elsewhere(session: Session, opened: Opened) -> Other | None:
    """The first state of the template that differs from what this tab shows; None if there is none."""
    drafts, path = session.drafts, opened.path
    tab = this_tab()
    view = tab.views.get(path) if tab else None
    if view is None:
        return None
    disk, shared = versions.text_on_disk(session.workspace, path), drafts.shared(path)
    if not same_content(shared, view.draft):
        other = _other(session, "shared", opened, shared, view.base or view.draft, disk)
        if other.text != opened.text or any(part[0] not in ("changes", "text") for part in other.parts):
            return other
        drafts.adopt(path, shared, disk)  # the screen would look the same
    for own in drafts.others(path):
        if same_content(own.draft, view.draft):
            continue
        return _other(session, "own", opened, own.draft, own.base, disk, own=own.id)
    if view.file != disk and not view.draft.edited:
        return _other(session, "file", opened, view.draft, view.draft, disk)
    return None


def _other(
    session: Session, kind: Literal["shared", "own", "file"], here: Opened, draft: Draft, base: Draft,
    disk: str | None, *, own: str = "",
) -> Other:  # fmt: skip
    text = None if disk is None and draft.origin is None else text_of(session, draft, disk)
    base_text = here.text if base is here.draft else text_of(session, base, here.disk)
    return Other(kind, here, draft, base, disk, text, base_text, own)


# What the person chooses


def keep_mine(session: Session, other: Other) -> None:
    """Make what this tab shows the draft that all tabs share."""
    here = other.here
    draft = here.draft
    if other.kind == "file":
        draft = draft.model_copy(update={"base": other.file, "text": here.text})
    _adopt(session, other, draft, here.disk if other.kind != "file" else other.file, "This tab's text was kept.")


def take_theirs(session: Session, other: Other) -> None:
    """Show the other state in this tab."""
    _adopt(session, other, other.draft, other.file, "The other text was taken.")


def take_merged(session: Session, other: Other, text: str) -> None:
    """Show the merged text in this tab, and make it the draft that all tabs share."""
    here = other.here
    base = here.draft.base or other.draft.base or other.file
    settings = settings_of_both(other.base, here.draft, other.draft)
    draft = draft_of_text(here.draft.model_copy(update=settings), base, text)
    _adopt(session, other, draft, other.file, "The merged text was taken.")


def _adopt(session: Session, other: Other, draft: Draft, file: str | None, message: str) -> None:
    before, shared = other.here.draft, session.drafts.shared(other.here.path)
    session.drafts.adopt(other.here.path, draft, file, drop=[other.own] if other.own else [])
    remember(session, other.here.path, before, shared if other.kind != "own" else other.draft, message)


def draft_of_text(draft: Draft, base: str | None, text: str) -> Draft:
    """`draft` with the template `text`, as changes to single fields of `base` if they give exactly this text."""
    whole = draft.model_copy(update={"base": base, "text": text, "changes": {}, "valid": {}})
    if base is None:
        return whole
    if text == base:
        return draft.model_copy(update={"base": None, "text": None, "changes": {}, "valid": {}})
    try:
        original = templates.parse(base, path=draft.template)
        wanted = templates.field_values(templates.parse(text, path=draft.template), {})
        changes: dict[str, Any] = {}
        for name, value in wanted.items():
            changes = templates.set_field(original, changes, name, value)
        if templates.apply_changes(original, changes).source != text:
            return whole
    except TemplateError:
        return whole
    return draft.model_copy(update={"base": base, "text": None, "changes": changes, "valid": {}})


# Undo


@dataclass(frozen=True)
class Undo:
    """What was on the screen and in the shared draft before `message` was true; until the draft changes again."""

    path: str
    revision: int
    mine: Draft
    shared: Draft
    message: str


def remember(session: Session, path: str, mine: Draft, shared: Draft, message: str) -> None:
    """Offer to go back to `mine`."""
    st.session_state[_UNDO] = Undo(path, session.drafts.load(path).revision, mine, shared, message)


def to_undo(session: Session, path: str) -> Undo | None:
    """What can be undone; nothing once the draft was changed again."""
    undo: Undo | None = st.session_state.get(_UNDO)
    if undo and undo.path == path and undo.revision == session.drafts.load(path).revision:
        return undo
    return None


def undo_it(session: Session, undo: Undo) -> None:
    """Go back to what was on the screen. What other tabs had is the shared draft again."""
    tab = this_tab()
    st.session_state.pop(_UNDO, None)
    view = tab.views.get(undo.path) if tab else None
    file = view.file if view else versions.text_on_disk(session.workspace, undo.path)
    session.drafts.adopt(undo.path, undo.shared, file)
    if tab and not same_content(undo.mine, undo.shared):
        tab.views[undo.path] = session.drafts.part_ways(undo.mine, undo.shared, file)


def reset(session: Session, path: str) -> None:
    """Drop all changes of the draft, and offer to undo that."""
    before, shared = session.drafts.load(path), session.drafts.shared(path)
    session.drafts.reset(path)
    remember(session, path, before, shared, "All changes were dropped.")


__all__ = [
    "Other",
    "Undo",
    "changed_elsewhere",
    "draft_of_text",
    "keep_mine",
    "remember",
    "reset",
    "take_merged",
    "take_theirs",
    "to_undo",
    "undo_it",
]

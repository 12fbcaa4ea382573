"""An open template: its file, the draft of it, and the template that the two make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from promptlab import templates, versions
from promptlab.errors import TemplateError
from promptlab.templates import Template
from promptlab.ui.state.drafts import Draft
from promptlab.ui.state.session import Session

OWN = "draft"
"""The name in the address of this tab's own draft."""


@dataclass(frozen=True)
class Opened:
    """`original` is the template that the draft's changes are made to, `template` the result.

    `disk` is the text of the file as this tab shows it, None if there is no file. Of a text that gives no valid
    template, `template` has the last valid value, and `problems` says what is wrong with it.
    """

    path: str
    disk: str | None
    draft: Draft
    original: Template
    template: Template
    problems: tuple[TemplateError, ...] = ()

    @property
    def text(self) -> str:
        """The text that would be saved."""
        return self.template.source

    @property
    def base(self) -> str | None:
        """The file's text when the first change was made; None for a template that is not on disk yet."""
        return self.disk if self.draft.base is None and self.draft.text is None else self.draft.base

    @property
    def is_new(self) -> bool:
        return self.base is None

    @property
    def values(self) -> dict[str, Any]:
        """Every field as the form shows it, also values that give no valid template."""
        return templates.field_values(self.original, self.draft.changes)

    def problem_of(self, *fields: str) -> TemplateError | None:
        """The first problem of one of `fields`, or of a part of it."""
        return next(
            (p for p in self.problems if p.field in fields or p.field.partition(".")[0] in fields),
            None,
        )


def open_template(session: Session, path: str) -> Opened:
    """The template at `path`, with its draft. Raises `TemplateError` if its text is no template."""
    disk = session.drafts.shown_file(path, versions.text_on_disk(session.workspace, path))
    return _open(session, path, session.drafts.load(path), disk)


def show_template(session: Session, path: str, *, page: str) -> Opened:
    """As `open_template`, for a page that shows the template: it stays as it is shown until the person changes it.

    An own draft of this tab is named in the address, so that a reload finds it again.
    """
    disk = versions.text_on_disk(session.workspace, path)
    view = session.drafts.show(page, path, disk, own=st.query_params.get(OWN, ""))
    if st.query_params.get(OWN, "") != view.own:
        if view.own:
            st.query_params[OWN] = view.own
        else:
            st.query_params.pop(OWN, None)
    try:
        return _open(session, path, view.draft, view.file)
    except TemplateError:
        session.drafts.forget(path)  # there is nothing on the screen that must stay
        raise


def text_of(session: Session, draft: Draft, disk: str | None) -> str:
    """The text of the template that `draft` gives, also if it is not a valid one."""
    try:
        return _open(session, draft.template, draft, disk).text
    except TemplateError:
        return draft.origin or disk or ""


def _open(session: Session, path: str, draft: Draft, disk: str | None) -> Opened:
    source = disk if draft.origin is None else draft.origin
    if source is None:
        raise TemplateError("there is no such template", file=path)
    original = replace(templates.parse(source, path=path), label=session.workspace.label_of(path))
    if draft.changes and draft.base is None and draft.text is None:  # a draft of an earlier release
        draft = draft.model_copy(update={"base": source})
    template, problems = templates.apply_valid_changes(original, draft.changes)
    if problems and draft.valid:
        template, _ = templates.apply_valid_changes(original, {**draft.changes, **draft.valid})
    return Opened(path, disk, draft, original, template, problems)


def end_draft(session: Session, opened: Opened) -> None:
    """Call this when `opened` was saved: its changes are no draft any more."""
    file = versions.text_on_disk(session.workspace, opened.path)
    session.drafts.saved(opened.path, opened.draft, opened.text, file)

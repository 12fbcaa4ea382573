"""An open template: its file, the draft of it, and the template that the two make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from promptlab import templates, versions
from promptlab.errors import TemplateError
from promptlab.templates import Template
from promptlab.ui.state.drafts import Draft
from promptlab.ui.state.session import Session


@dataclass(frozen=True)
class Opened:
    """`original` is the template that the draft's changes are made to, `template` the result.

    `disk` is the text of the file as it is now, None if there is no file. A change that gives no valid template is left
    out of `template`, and `problems` says what is wrong with it.
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
    draft, disk = session.drafts.load(path), versions.text_on_disk(session.workspace, path)
    source = disk if draft.origin is None else draft.origin
    if source is None:
        raise TemplateError("there is no such template", file=path)
    original = replace(templates.parse(source, path=path), label=session.workspace.label_of(path))
    if draft.changes and draft.base is None and draft.text is None:  # a draft of an earlier release
        draft = draft.model_copy(update={"base": source})
    template, problems = templates.apply_valid_changes(original, draft.changes)
    return Opened(path, disk, draft, original, template, problems)


def end_draft(session: Session, opened: Opened) -> None:
    """Call this when `opened` was saved: its changes are no draft any more."""
    file = versions.text_on_disk(session.workspace, opened.path)
    session.drafts.saved(opened.path, opened.draft, opened.text, file)

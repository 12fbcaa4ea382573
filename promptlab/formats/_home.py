"""The workspace as imports look at it: its files, and what a template of it is filled from."""

from __future__ import annotations

from collections.abc import Sequence

from promptlab import templates
from promptlab.errors import PromptlabError
from promptlab.formats._source import WorkspaceView
from promptlab.templates import load_materials
from promptlab.types import Document, Example, Template
from promptlab.workspace import Workspace


def workspace_view(workspace: Workspace) -> WorkspaceView:
    """The workspace as imports look at it."""

    def text_of(path: str) -> str:
        try:
            return workspace.resolve(path).read_bytes().decode("utf-8")
        except (OSError, ValueError, PromptlabError):
            return ""

    def found(template: Template) -> tuple[Sequence[Document], Sequence[Example]]:
        made = load_materials(workspace, template, templates.sample_inputs(template))
        return made.documents, made.shots

    return WorkspaceView(text_of, found)

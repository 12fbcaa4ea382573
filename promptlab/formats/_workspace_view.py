"""What an import may see of the workspace, and the folders that it writes to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from promptlab import templates
from promptlab.errors import PromptlabError
from promptlab.templates import Template, load_materials
from promptlab.types import Document, Example
from promptlab.workspace import Workspace


def workspace_view(workspace: Workspace) -> WorkspaceView:
    """What an import may see of `workspace`."""

    def text_of(path: str) -> str:
        try:
            return workspace.resolve(path).read_bytes().decode("utf-8")
        except (OSError, ValueError, PromptlabError):
            return ""

    def materials(template: Template) -> tuple[Sequence[Document], Sequence[Example]]:
        loaded = load_materials(workspace, template, templates.sample_inputs(template))
        return loaded.documents, loaded.shots

    return WorkspaceView(text_of, materials)


@dataclass(frozen=True)
class WorkspaceView:
    """What an import may see of the workspace.

    `text_of` returns the text of a file, empty if there is none. `materials` returns the documents and shots of a
    template.
    """

    text_of: Callable[[str], str]
    materials: Callable[[Template], tuple[Sequence[Document], Sequence[Example]]]


@dataclass(frozen=True)
class ImportFolders:
    """The folders that an import writes to; `home` is the workspace, if the import may see it."""

    templates: str = "templates/imported"
    pools: str = "fixtures/imported"
    home: WorkspaceView | None = None
    suites: str = "fixtures/suites/imported"

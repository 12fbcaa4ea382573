"""The versions of a template that a column can ask with: this draft, the saved file, a commit, or a variant."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from promptlab import templates, versions
from promptlab.errors import NoRepository, ShelfError, TemplateError
from promptlab.templates import Template
from promptlab.types import highest
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session
from promptlab.workspace import Workspace

DRAFT, FILE, COMMIT, VARIANT = "", "file", "commit:", "variant:"
LISTED = 20
"""How many commits are offered."""


def name_of(version: str) -> str:
    """The name of a version on the page."""
    if version == DRAFT:
        return "this draft"
    if version == FILE:
        return "saved version"
    if version.startswith(COMMIT):
        return f"version {version.removeprefix(COMMIT)[:7]}"
    return f"variant {version.removeprefix(VARIANT)}"


def template_of(session: Session, opened: Opened, version: str) -> Template:
    """The template in a version. Raises `TemplateError` or `ShelfError` if there is none."""
    if version == DRAFT:
        return opened.template
    workspace, path = session.workspace, opened.path
    if version == FILE:
        if opened.disk is None:
            raise TemplateError("there is no saved version yet", file=path, hint="save the draft, or remove the column")
        return _parsed(workspace, path, opened.disk)
    if version.startswith(COMMIT):
        text, old_path = _committed(workspace.root, path, version.removeprefix(COMMIT))
        template = _parsed(workspace, path, text)
        return replace(template, label=highest([template.label, workspace.label_of(old_path)]))
    if version.startswith(VARIANT):
        return _parsed(workspace, path, versions.variant_text(workspace, path, version.removeprefix(VARIANT)))
    raise TemplateError(f"there is no version `{version}`", file=path, hint="choose another one")


def _parsed(workspace: Workspace, path: str, text: str) -> Template:
    return replace(templates.parse(text, path=path), label=workspace.label_of(path))


@lru_cache(maxsize=32)
def _committed(root: Path, path: str, commit: str) -> tuple[str, str]:
    """The text of a commit and the path of the file then. A commit never changes, so git is asked once."""
    workspace = Workspace.load(root)
    version = versions.find_version(workspace, path, commit)
    return versions.version_text(workspace, version), version.path


def choices(session: Session, path: str) -> dict[str, str]:
    """Every version that can be chosen, with its description."""
    offered = {DRAFT: "This draft", FILE: "The saved version"}
    try:
        for variant in versions.list_variants(session.workspace, path):
            offered[f"{VARIANT}{variant.name}"] = f"Variant {variant.name}"
        for commit in versions.template_history(session.workspace, path, limit=LISTED):
            if commit.blob:
                tags = f" ({', '.join(commit.tags)})" if commit.tags else ""
                offered[f"{COMMIT}{commit.commit}"] = f"{commit.when[:10]} {commit.subject}{tags}"
    except (NoRepository, ShelfError):
        pass
    return offered


__all__ = ["COMMIT", "DRAFT", "FILE", "VARIANT", "choices", "name_of", "template_of"]

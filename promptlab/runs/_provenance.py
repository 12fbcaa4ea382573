"""Provenance: the git blob of the template, the revision, and the versions of the libraries that answered."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

from promptlab._util.git import Git, blob_id
from promptlab._version import __version__
from promptlab.errors import ShelfError
from promptlab.templates import Template
from promptlab.types import Origin

_PACKAGES = ("openai", "llama-cpp-python", "jinja2")


@cache
def versions() -> Mapping[str, str]:
    """The versions of Python, promptlab, and those libraries that influence answers and are installed."""
    found = {"python": platform.python_version(), "promptlab": __version__}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def origin(root: Path, template: Template) -> Origin:
    """The provenance of a result of `template` in the workspace `root`. Outside a repository the git fields are empty.

    `git_dirty` is true if the text of the template is not the one in the revision.
    """
    blob = blob_id(template.source)
    revision = _git(root, "rev-parse", "HEAD")
    # "./" makes git take the path relative to `root`, which may be a folder inside a larger repository.
    committed = _git(root, "rev-parse", f"HEAD:./{template.path}") if revision else ""
    return Origin(
        template=template.path,
        template_blob=blob,
        git_revision=revision,
        git_dirty=bool(revision) and committed != blob,
        versions=versions(),
    )


def _git(root: Path, *words: str) -> str:
    try:
        done = Git(root).run(*words, seconds=10)
    except ShelfError:  # no git, a path it cannot be told, a hanging disk
        return ""
    return done.out.strip() if done.code == 0 else ""

"""The kinds of files on the shelf, and the names that they may have."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from promptlab import documents, examples, templates
from promptlab._util.git import repository
from promptlab.errors import PromptlabError, ShelfError, nearest
from promptlab.workspace import Workspace

Kind = Literal["template", "document", "pool"]
MAX_NAME = 150
"""Most bytes of one part of a path."""
_BAD = re.compile(r"[\x00-\x1f\x7f\\:*?\"<>|]")


@dataclass(frozen=True, slots=True)
class _Rule:
    """Where files of a kind are, which endings they have, and what one is called in a message."""

    noun: str
    folders: tuple[str, ...]
    endings: tuple[str, ...]


RULES: Mapping[Kind, _Rule] = {
    "template": _Rule("template", (templates.TEMPLATES_FOLDER,), (".yaml", ".yml")),
    "document": _Rule("document", ("documents", "fixtures/documents"), documents.ENDINGS),
    "pool": _Rule("pool of examples", ("examples", "fixtures/examples"), (".jsonl", ".csv", ".tsv", ".yaml", ".yml")),
}


def paths_of(workspace: Workspace, kind: Kind) -> list[str]:
    """The files of a kind that are in the folders for them."""
    if kind == "template":
        return templates.template_paths(workspace)
    return documents.document_paths(workspace) if kind == "document" else list(examples.pool_paths(workspace))


def check_there(workspace: Workspace, kind: Kind, path: str) -> str:
    """The plain form of `path`. Raises `ShelfError` if it is no file of this kind that may be moved."""
    plain = posixpath.normpath(path)
    noun, full = RULES[kind].noun, workspace.root / plain
    in_folder = any(PurePosixPath(plain).is_relative_to(folder) for folder in RULES[kind].folders)
    if not in_folder or ".." in PurePosixPath(plain).parts or not full.exists():
        raise ShelfError(f"there is no {noun} `{path}`", hint=nearest(path, paths_of(workspace, kind)))
    if full.is_symlink() or workspace.relative(full) != plain:
        raise ShelfError(f"`{path}` is a link, or in a folder that is one", hint="move the file it leads to by hand")
    if not full.is_file():
        raise ShelfError(f"`{path}` is not a file")
    return plain


def new_path(workspace: Workspace, kind: Kind, old: str, name: str) -> str:
    """The path for the file `old` under another name. A name without a folder stays in the folder of `old`; one that
    begins with a folder of the kind is a whole path; the ending may be left out.

    Raises `ShelfError` if no file may have the name, or one has it.
    """
    rule, ending = RULES[kind], PurePosixPath(old).suffix
    name = name.strip()
    if not name.strip("/."):
        raise ShelfError("give it a name", hint=f"such as `{PurePosixPath(old).stem}-2`")
    if not name.lower().endswith(ending.lower()):
        other = PurePosixPath(name).suffix.lower()
        if other in rule.endings:
            raise ShelfError(
                f"the ending stays `{ending}`: a rename converts nothing", hint=f"write it without `{other}`"
            )
        name += ending
    home = next(folder for folder in rule.folders if PurePosixPath(old).is_relative_to(folder))
    if not any(name.startswith(f"{folder}/") for folder in rule.folders):
        name = f"{home}/{name}" if "/" in name else f"{PurePosixPath(old).parent.as_posix()}/{name}"
    parts = name.split("/")
    if problem := next(filter(None, map(_part_problem, parts)), ""):
        raise ShelfError(
            f"`{name}` cannot be the name of a {rule.noun}: {problem}", hint="use letters, digits, `-` and `_`"
        )
    full = workspace.resolve(name)
    if workspace.relative(workspace.root / name) != name:
        raise ShelfError(f"`{name}` is in a folder that is a link", hint="choose another folder")
    if _taken(workspace, kind, name, old) or (full.exists() and not _same_file(workspace, old, name)):
        raise ShelfError(f"`{name}` exists already", hint="choose another name")
    return name


def _part_problem(part: str) -> str:
    if not part or part.startswith((".", " ")) or part.endswith((" ", ".")):
        return "a part of it is empty, or begins or ends with a dot or a space"
    if _BAD.search(part) or not part.isprintable():
        return "it has a character that file systems, patterns or people cannot read"
    try:
        return f"it is longer than {MAX_NAME} bytes" if len(part.encode()) > MAX_NAME else ""
    except UnicodeEncodeError:
        return "it has a character that cannot be written"


def _taken(workspace: Workspace, kind: Kind, name: str, old: str) -> bool:
    """True if a file has the name but for its case. A template also differs in more than its ending from others."""

    def key(path: str) -> str:
        return path.casefold().rsplit(".", 1)[0] if kind == "template" else path.casefold()

    return any(key(path) == key(name) for path in paths_of(workspace, kind) if path != old)


def _same_file(workspace: Workspace, old: str, new: str) -> bool:
    """True if both names lead to one file, as on a disk that ignores case."""
    try:
        return (workspace.root / old).samefile(workspace.root / new)
    except OSError:
        return False


def is_tracked(workspace: Workspace, path: str) -> bool:
    """True if git knows the file."""
    try:
        return repository(workspace.root).run("ls-files", "--error-unmatch", "--", path).code == 0
    except PromptlabError:
        return False


__all__ = ["RULES", "Kind", "check_there", "is_tracked", "new_path", "paths_of"]

"""Deleting a template, a document or a pool, so that it can be taken back.

    users_of(workspace, "documents/plan.md")                   # ["templates/brief.yaml"]: they miss it then
    deleted = delete_file(workspace, "document", "documents/plan.md")
    restore_file(workspace, deleted.id)                        # as it was, to the byte

The file goes to `.promptlab/trash/<id>/`, with what its draft was. If git knows it, a commit says that it is gone, and
taking it back is another commit. Its line in promptlab.yaml stays, so that it has its label again when it is back.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from promptlab import versions
from promptlab._util import disk_errors as faults
from promptlab._util.files import write_atomically
from promptlab.errors import PromptlabError, ShelfError
from promptlab.shelf._drafts import draft_file, drafts_that_name, remove_draft
from promptlab.shelf._kinds import RULES, Kind, check_there, is_tracked
from promptlab.shelf._references import files_that_name
from promptlab.workspace import Workspace

TRASH = "trash"
_CONTENT, _ABOUT, _DRAFT = "content", "about.json", "draft.json"


@dataclass(frozen=True, slots=True)
class Deleted:
    """A file in the trash. `commit` is the one that removed it, "" if git did not know it or refused; `problem` says
    why it did."""

    id: str
    kind: Kind
    path: str
    when: str
    tracked: bool = False
    commit: str = ""
    problem: str = ""


def users_of(workspace: Workspace, path: str) -> list[str]:
    """The files that name the file at `path`, and the drafts that do, as `draft of templates/brief.yaml`."""
    drafts = [f"draft of {template}" for template in drafts_that_name(workspace, path) if template != path]
    return [*files_that_name(workspace, path), *drafts]


def delete_file(workspace: Workspace, kind: Kind, path: str) -> Deleted:
    """Move the file to the trash. A template that has only a draft can be discarded, not deleted."""
    path = check_there(workspace, kind, path)
    tracked = is_tracked(workspace, path)
    id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    deleted = Deleted(id, kind, path, datetime.now(UTC).isoformat(timespec="seconds"), tracked)
    folder = _folder(workspace, id)
    full = workspace.root / path
    try:
        # The copy is whole before the file goes: a killed process leaves both, or the copy.
        write_atomically(folder / _CONTENT, full.read_bytes())
        write_atomically(folder / _ABOUT, json.dumps(asdict(deleted)).encode())
        full.unlink()
    except OSError as exc:
        raise ShelfError(f"{path} was not deleted: {exc}", hint=faults.advice(exc)) from exc
    if kind == "template" and (draft := remove_draft(workspace, path)) is not None:
        write_atomically(folder / _DRAFT, draft)
    if not tracked:
        return deleted
    commit, problem = _commit(workspace, path, f"Delete the {RULES[kind].noun} {path}")
    return Deleted(id, kind, path, deleted.when, tracked, commit, problem)


def restore_file(workspace: Workspace, id: str) -> Deleted:
    """Put a file from the trash back where it was. Raises `ShelfError` if another file is there now."""
    deleted = next((one for one in deleted_files(workspace) if one.id == id), None)
    if deleted is None:
        raise ShelfError(f"there is no `{id}` in the trash")
    folder, full = _folder(workspace, id), workspace.resolve(deleted.path)
    try:
        content = (folder / _CONTENT).read_bytes()
        full.parent.mkdir(parents=True, exist_ok=True)
        _put_new(full, content)
        if (folder / _DRAFT).exists():
            target = draft_file(workspace.state / "drafts", deleted.path)
            if not target.exists():
                write_atomically(target, (folder / _DRAFT).read_bytes())
    except FileExistsError as exc:
        raise ShelfError(f"`{deleted.path}` exists again", hint="rename that file first, then undo") from exc
    except OSError as exc:
        raise ShelfError(f"{deleted.path} was not restored: {exc}", hint=faults.advice(exc)) from exc
    commit, problem = "", ""
    if deleted.tracked:
        commit, problem = _commit(workspace, deleted.path, f"Restore the {RULES[deleted.kind].noun} {deleted.path}")
    for name in (_DRAFT, _CONTENT, _ABOUT):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
    return Deleted(id, deleted.kind, deleted.path, deleted.when, deleted.tracked, commit, problem)


def deleted_files(workspace: Workspace) -> list[Deleted]:
    """What is in the trash, newest first."""
    files = []
    for about in sorted((workspace.state / TRASH).glob(f"*/{_ABOUT}"), reverse=True):
        try:
            deleted = Deleted(**json.loads(about.read_bytes()))
            if deleted.id == about.parent.name and _is_allowed(deleted):
                files.append(deleted)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            continue
    return files


def _is_allowed(deleted: Deleted) -> bool:
    """False for a path that no deletion would have: a workspace may come from a stranger."""
    pure, rule = PurePosixPath(deleted.path), RULES[deleted.kind]
    inside = any(pure.is_relative_to(folder) for folder in rule.folders)
    return inside and ".." not in pure.parts and pure.suffix.lower() in rule.endings


def _put_new(full: Path, content: bytes) -> None:
    """Write a file that does not exist. Never replaces one."""
    aside = full.with_name(f".{full.name}.{uuid.uuid4().hex[:8]}.new")
    try:
        write_atomically(aside, content)
        os.link(aside, full)
    finally:
        aside.unlink(missing_ok=True)


def _commit(workspace: Workspace, path: str, message: str) -> tuple[str, str]:
    try:
        return versions.commit_files(workspace, [path], message), ""
    except PromptlabError as exc:
        return "", exc.message


def _folder(workspace: Workspace, id: str) -> Path:
    return workspace.state / TRASH / id


__all__ = ["Deleted", "delete_file", "deleted_files", "restore_file", "users_of"]

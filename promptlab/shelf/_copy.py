"""A copy of a template, a document or a pool under a name of its own. It is as private as the original.

copy_file(workspace, "document", "documents/plan.md", "").new        # "documents/plan-2.md"
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import PurePosixPath

from promptlab import versions
from promptlab._util import disk_errors as faults
from promptlab._util.files import write_atomically
from promptlab.errors import PromptlabError, ShelfError
from promptlab.shelf._kinds import RULES, Kind, check_there, is_tracked, new_path
from promptlab.shelf._labels_moved import label_texts
from promptlab.types import Label
from promptlab.workspace import FILE, Workspace


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was made; `labelled` is true if promptlab.yaml got a line for it."""

    old: str
    new: str
    label: Label
    labelled: bool
    commit: str = ""
    problem: str = ""

    @property
    def said(self) -> str:
        """One sentence for the user."""
        line = f", by a line of {FILE}" if self.labelled else ""
        return f"{self.new} is a copy of {self.old}; it is {self.label}{line}"


def free_name(workspace: Workspace, kind: Kind, path: str) -> str:
    """A name for a copy: `plan-2`, or the next number that no file has."""
    stem = PurePosixPath(path).stem
    for number in itertools.count(2):
        name = f"{stem}-{number}"
        try:
            new_path(workspace, kind, path, name)
        except ShelfError as exc:
            if "exists already" in exc.message:
                continue
        return name
    raise AssertionError  # count never ends


def copy_file(workspace: Workspace, kind: Kind, path: str, name: str = "") -> Copied:
    """Copy the file; without `name` under the next free one. Raises `ShelfError` before anything is written.

    The label is written first. A copy of a file that is in git is committed, if the original has no changes.
    """
    old = check_there(workspace, kind, path)
    new = new_path(workspace, kind, old, name or free_name(workspace, kind, old))
    labels = label_texts(workspace, old, new, keep_old=True)
    config = workspace.resolve(FILE)
    clean = versions.clean_files(workspace, [old, FILE]) if is_tracked(workspace, old) else []
    try:
        if labels.first != labels.before:
            write_atomically(config, labels.first.encode())
        write_atomically(workspace.root / new, (workspace.root / old).read_bytes())
    except OSError as exc:
        if labels.first != labels.before:
            write_atomically(config, labels.before.encode())
        raise ShelfError(f"{old} was not copied: {exc}", hint=faults.advice(exc)) from exc
    commit, problem = "", ""
    if old in clean:
        changed = [FILE] if FILE in clean and labels.first != labels.before else []
        try:
            commit = versions.commit_files(workspace, [new, *changed], f"Copy the {RULES[kind].noun} {old} to {new}")
        except PromptlabError as exc:
            problem = f"it is not in git: {exc.message}"
    return Copied(old, new, labels.label, labels.first != labels.before, commit, problem)


__all__ = ["Copied", "copy_file", "free_name"]

"""Another name for a template, a document or a pool, wherever it is named.

    plan = plan_rename(workspace, "document", "documents/plan.md", "plan-2026")
    plan.new, plan.edits, plan.left          # what will change; nothing is changed yet
    rename_file(workspace, plan, store=store).said

Texts that name the file change by the characters of the name. Its label, the drafts, the run history, recordings,
variants and tags follow. A note in `.promptlab/moves/` is there while that goes on (`_move_note.py`): if the process is
killed, the rename is finished when the workspace is opened next. If a file cannot be written, all is as it was before.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from promptlab import suites, versions
from promptlab._util import disk_errors as faults
from promptlab._util.files import write_atomically
from promptlab.errors import CommitRefused, PromptlabError, ShelfError
from promptlab.runs import Store, history_file
from promptlab.shelf._drafts import drafts_that_name, rename_in_drafts
from promptlab.shelf._kinds import RULES, Kind, check_there, is_tracked, new_path
from promptlab.shelf._labels_moved import LabelTexts, label_texts
from promptlab.shelf._move_note import MoveNote, notes_left, one_rename, remove_note, write_note
from promptlab.shelf._references import TextEdit, renamed_references
from promptlab.types import Label
from promptlab.workspace import FILE, Workspace


@dataclass(frozen=True, slots=True)
class RenamePlan:
    """A rename that can be carried out. `edits` are the texts that change, with promptlab.yaml if it does; `label` is
    what the file is under the new name. `drafts` are the templates whose drafts name it. With `commits` git gets a new
    version; if not, `left` says why."""

    kind: Kind
    old: str
    new: str
    edits: tuple[TextEdit, ...]
    was: Label
    label: Label
    drafts: tuple[str, ...]
    recordings: tuple[str, ...]
    variants: tuple[str, ...]
    commits: tuple[str, ...]
    left: str = ""


@dataclass(frozen=True, slots=True)
class RenamedFile:
    """A rename that was carried out. `said` is for the user; `problem` says what is left to do."""

    old: str
    new: str
    said: str
    commit: str = ""
    problem: str = ""


def plan_rename(workspace: Workspace, kind: Kind, path: str, name: str) -> RenamePlan:
    """What changes if the file is called `name`. Raises `ShelfError` if it cannot be; nothing is changed."""
    old = check_there(workspace, kind, path)
    new = new_path(workspace, kind, old, name)
    if new == old:
        raise ShelfError(f"`{new}` is its name already")
    labels = label_texts(workspace, old, new, keep_old=False)
    edits = renamed_references(workspace, old, new)
    texts = [TextEdit(FILE, labels.before, labels.last)] if labels.last != labels.before else []
    recordings = tuple(suites.recordings_with_name(workspace, old, new))
    commits, left = _commits(workspace, old, new, [*edits, *(edit.path for edit in texts), *recordings])
    return RenamePlan(
        kind=kind,
        old=old,
        new=new,
        edits=(*edits.values(), *texts),
        was=labels.was,
        label=labels.label,
        drafts=tuple(drafts_that_name(workspace, old)),
        recordings=recordings,
        variants=_variants(workspace, kind, old),
        commits=commits,
        left=left,
    )


def _variants(workspace: Workspace, kind: Kind, path: str) -> tuple[str, ...]:
    if kind != "template":
        return ()
    try:
        return tuple(variant.name for variant in versions.list_variants(workspace, path))
    except PromptlabError:
        return ()


def _commits(workspace: Workspace, old: str, new: str, edited: list[str]) -> tuple[tuple[str, ...], str]:
    """The files of the commit, and why there is none: only what is in git as it is now, so that no other change of a
    person becomes part of it."""
    state = versions.repository_state(workspace)
    if not state.repository:
        return (), "this folder is not in a git repository"
    tracked = is_tracked(workspace, old)
    clean = versions.clean_files(workspace, [*([old] if tracked else []), *edited])
    if tracked and old not in clean:
        return (), f"{old} has changes that are in no version"
    if not clean:
        return (), "git does not know the file"
    if not state.identity:
        return (), "git does not know who you are"
    return (*([new] if tracked else []), *clean), ""


def rename_file(workspace: Workspace, plan: RenamePlan, *, store: Store | None = None) -> RenamedFile:
    """Carry out `plan`, all or nothing. Without `store`, the run history of the workspace is used if there is one.

    Raises `ShelfError` if the files have changed since the plan was made.
    """
    with one_rename(workspace):
        now = plan_rename(workspace, plan.kind, plan.old, plan.new)
        if now.edits != plan.edits:
            raise ShelfError("the files that name it have changed since you looked", hint="look at the changes again")
        note = MoveNote(now.kind, now.old, now.new, now.commits)
        return _Move(workspace, note, store).carry_out()


def finish_renames(workspace: Workspace) -> list[RenamedFile]:
    """Finish the renames that a killed process has left. Usually there are none."""
    if not notes_left(workspace):
        return []
    with one_rename(workspace, wait=False) as held:
        return _finish(workspace) if held else []


def _finish(workspace: Workspace) -> list[RenamedFile]:
    finished = []
    for note in notes_left(workspace):
        old, new = workspace.root / note.old, workspace.root / note.new
        if old.exists() and new.exists() and not old.samefile(new):
            remove_note(workspace, note)  # somebody made a new file with that name: which of them was meant?
            continue
        if old.exists() or new.exists():
            with contextlib.suppress(PromptlabError):  # said at the next try; the note stays
                finished.append(_Move(workspace, note, None).carry_out())
        else:
            remove_note(workspace, note)
    return finished


@dataclass
class _Move:
    """The steps of a rename. Each can be done twice: after a crash they begin again."""

    workspace: Workspace
    note: MoveNote
    store: Store | None
    _undo: list[Callable[[], object]] = field(default_factory=list)

    def carry_out(self) -> RenamedFile:
        old, new = self.note.old, self.note.new
        write_note(self.workspace, self.note)
        try:
            labels, edits = self._files()
        except (OSError, PromptlabError) as exc:
            for step in reversed(self._undo):
                with contextlib.suppress(OSError):
                    step()
            remove_note(self.workspace, self.note)
            hint = faults.advice(exc) if isinstance(exc, OSError) else exc.hint
            raise ShelfError(f"{old} was not renamed, and nothing was changed: {exc}", hint=hint) from exc
        rename_in_drafts(self.workspace, old, new, edits)
        rows = self._history()
        left = versions.rename_variants(self.workspace, old, new)[1] if self.note.kind == "template" else []
        commit, problem = self._commit()
        remove_note(self.workspace, self.note)
        if left:
            names = ", ".join(left)
            problem = f"{problem} These variants are still under the old name: {names}.".strip()
        also = f", also in {len(edits) + (labels.last != labels.before)} files" if edits else ""
        kept = f"; {rows:,} rows of the run history follow" if rows else ""
        return RenamedFile(old, new, f"{old} is called {new} now{also}{kept}", commit, problem)

    def _files(self) -> tuple[LabelTexts, dict[str, TextEdit]]:
        """The label first, then the file, then all that names it: at no moment is the file less private."""
        old, new, root = self.note.old, self.note.new, self.workspace.root
        there = (root / old).exists()
        labels = label_texts(self.workspace, old, new, keep_old=False)
        edits = renamed_references(self.workspace, old, new)
        recordings = suites.recordings_with_name(self.workspace, old, new)
        self._write(FILE, labels.before, labels.first)
        if there:
            self._undo.append(lambda: _move(root / new, root / old))
            _move(root / old, root / new)
        for edit in edits.values():
            self._write(edit.path, edit.before, edit.after)
        for path, (before, after) in recordings.items():
            self._write(path, before, after)
        self._write(FILE, labels.first, labels.last)
        return labels, edits

    def _write(self, path: str, before: str | bytes, after: str | bytes) -> None:
        if before == after:
            return
        full = self.workspace.resolve(self.note.new if path == self.note.old else path)
        was, now = (text.encode() if isinstance(text, str) else text for text in (before, after))
        self._undo.append(lambda: write_atomically(full, was))
        write_atomically(full, now)

    def _history(self) -> int:
        if self.store is not None:
            return self.store.rename_file(self.note.old, self.note.new)
        if not history_file(self.workspace).exists():
            return 0
        with contextlib.closing(Store.of(self.workspace)) as store:
            return store.rename_file(self.note.old, self.note.new)

    def _commit(self) -> tuple[str, str]:
        """The commit, and why there is none although there should be one."""
        if not self.note.commits:
            return "", ""
        paths = [*self.note.commits, *([self.note.old] if self.note.new in self.note.commits else [])]
        message = f"Rename the {RULES[self.note.kind].noun} {self.note.old} to {self.note.new}"
        try:
            return versions.commit_files(self.workspace, paths, message), ""
        except CommitRefused as exc:
            return "", f"git refused the commit: {exc.output or exc.message}"
        except PromptlabError as exc:
            return "", exc.message


def _move(old: Path, new: Path) -> None:
    """Give a file another name. A file that has the new name is never replaced."""
    if not old.exists():
        return
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(old, new, follow_symlinks=False)
    except FileExistsError:
        if not old.samefile(new):
            raise
        if old.name.casefold() == new.name.casefold() and old.name != new.name and old.stat().st_nlink == 1:
            old.rename(new)  # a disk that ignores case: both names are the one file
            return
    except OSError:  # a file system without links
        old.rename(new)
        return
    old.unlink()


__all__ = ["RenamePlan", "RenamedFile", "finish_renames", "plan_rename", "rename_file"]

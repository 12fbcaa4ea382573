"""The documents of the workspace as a list shows them: label, size, words, who uses each, and whether it changed.

    known = Inventory(workspace, users=documents_and_users(listing.entries()), uses=store.last_used("context"))
    known.find("world cup")                           # paths, by name
    known.entry("fixtures/documents/world-cup-2022.md").templates

A document is read again only when its file changed. One that has to be converted and never was, is not
converted for a list: its words are None until somebody opens it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cachetools import LRUCache

from promptlab._util.bm25 import normal
from promptlab.documents import _read as documents
from promptlab.errors import PromptlabError, ReaderMissing
from promptlab.types import Label, Use
from promptlab.workspace import PASSAGES_MARK, Workspace

REMEMBERED = 4096


@dataclass(frozen=True)
class ChangedUse:
    """The use of a document whose text is another one now. `then` is the hash of the text used; `kept` says
    whether it can still be read."""

    use: Use
    then: str
    kept: bool


@dataclass(frozen=True)
class DocumentEntry:
    """A document in the list. `words` is None where it has not been read yet, or cannot be: `problem` says why."""

    path: str
    label: Label
    bytes: int
    words: int | None
    problem: str
    hint: str
    templates: tuple[str, ...]
    changed: ChangedUse | None


@dataclass(frozen=True)
class _Facts:
    """What is remembered of a file's content."""

    sha256: str = ""
    words: int | None = None
    problem: str = ""
    hint: str = ""


class Inventory:
    """The documents of `workspace`, as they are when it is made.

    A document that a template takes from another folder is one of them.
    """

    def __init__(self, workspace: Workspace, *, users: Mapping[str, Sequence[str]], uses: Iterable[Use]) -> None:
        """`users`: the templates that take each document, by its path. `uses`: when each was last part of a prompt."""
        self._workspace = workspace
        self._users = users
        there = documents.document_paths(workspace)
        elsewhere = {path for path in self._users.keys() - set(there) if _is_there(workspace, path)}
        self.paths = sorted([*there, *elsewhere])
        self._uses: dict[str, list[Use]] = {}
        for use in uses:
            self._uses.setdefault(use.source.name.partition(PASSAGES_MARK)[0], []).append(use)

    def find(self, text: str = "", label: Label | None = None) -> list[str]:
        """Paths that hold every word of `text`, whatever its case, of documents with `label`."""
        wanted = normal(text).split()
        return [
            path
            for path in self.paths
            if all(word in normal(path) for word in wanted)
            and (label is None or self._workspace.label_of(path) == label)
        ]

    def entry(self, path: str, *, read: bool = False) -> DocumentEntry:
        """What the list shows of the document at `path`; with `read` it is converted if need be."""
        full = self._workspace.resolve(path)
        try:
            found = full.stat()
            stamp, size = (found.st_mtime_ns, found.st_ctime_ns, found.st_size), found.st_size
        except OSError:  # gone since it was listed
            stamp, size = (0, 0, 0), 0
        facts = _facts(self._workspace, path, (full, *stamp), read=read)
        return DocumentEntry(
            path=path,
            label=self._workspace.label_of(path),
            bytes=size,
            words=facts.words,
            problem=facts.problem,
            hint=facts.hint,
            templates=tuple(self._users.get(path, ())),
            changed=self._changed(path, facts.sha256),
        )

    def _changed(self, path: str, now: str) -> ChangedUse | None:
        """The newest use of the document, where its text was another one."""
        uses: Sequence[Use] = sorted(self._uses.get(path, ()), key=lambda use: use.when)
        then = documents.text_hash_used(self._workspace, uses[-1].source) if uses else None
        if not now or then is None or then == now:
            return None
        return ChangedUse(uses[-1], then, documents.is_text_kept(self._workspace, then))


def _is_there(workspace: Workspace, path: str) -> bool:
    try:
        return workspace.resolve(path).is_file()
    except (PromptlabError, OSError):
        return False


_lock = threading.Lock()
_known: LRUCache[tuple[Path, int, int, int], _Facts] = LRUCache(REMEMBERED)


def _facts(workspace: Workspace, path: str, stamp: tuple[Path, int, int, int], *, read: bool) -> _Facts:
    with _lock:
        if stamp in _known:
            return _known[stamp]
    if not read and not documents.needs_no_conversion(workspace, path):
        return _Facts()
    try:
        document = documents.read_document(workspace, path)
        facts = _Facts(document.sha256, len(document.text.split()))
    except PromptlabError as exc:
        what = getattr(exc, "what", exc.message)
        facts = replace(_Facts(), problem=what, hint=exc.hint)
        if not stamp[1] or isinstance(exc, ReaderMissing):
            return facts  # a file that comes back, or a library that is installed, changes it
    with _lock:
        _known[stamp] = facts
    return facts


__all__ = ["ChangedUse", "DocumentEntry", "Inventory"]

"""The list of documents: label, size, words, the templates that use each, and if it changed since its last run.

    known = Inventory(workspace, users=documents_and_users(listing.entries()), uses=store.last_used("context"))
    known.find("world cup")                           # paths, by name
    known.entry("fixtures/documents/world-cup-2022.md").templates

A document is read again only if its file changed. A document that needs a conversion is not converted for the list: its
words are None until it is opened.
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
    """A use of a document whose text has changed since. `then` is the hash of the text used; `kept` is True if that
    text can still be read."""

    use: Use
    then: str
    kept: bool


@dataclass(frozen=True)
class DocumentEntry:
    """A document in the list. `words` is None if it was not read yet, or if it cannot be read (see `problem`)."""

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
    """What is cached about the content of a file."""

    sha256: str = ""
    words: int | None = None
    problem: str = ""
    hint: str = ""


class Inventory:
    """The documents of `workspace` when the object is created.

    Documents that templates take from other folders are included.
    """

    def __init__(self, workspace: Workspace, *, users: Mapping[str, Sequence[str]], uses: Iterable[Use]) -> None:
        """`users`: the templates that use a document, by its path. `uses`: the last use of each document in a run."""
        self._workspace = workspace
        self._users = users
        in_folders = documents.document_paths(workspace)
        elsewhere = {path for path in self._users.keys() - set(in_folders) if _is_there(workspace, path)}
        self.paths = sorted([*in_folders, *elsewhere])
        self._uses: dict[str, list[Use]] = {}
        for use in uses:
            self._uses.setdefault(use.source.name.partition(PASSAGES_MARK)[0], []).append(use)

    def find(self, text: str = "", label: Label | None = None) -> list[str]:
        """The paths that contain every word of `text`, ignoring case, of documents with `label`."""
        wanted = normal(text).split()
        return [
            path
            for path in self.paths
            if all(word in normal(path) for word in wanted)
            and (label is None or self._workspace.label_of(path) == label)
        ]

    def entry(self, path: str, *, read: bool = False) -> DocumentEntry:
        """The list entry of the document at `path`. With `read` it is converted if necessary."""
        full = self._workspace.resolve(path)
        try:
            stat = full.stat()
            stamp, size = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size), stat.st_size
        except OSError:  # deleted since it was listed
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
        """The newest use of the document, if its text has changed since."""
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
            return facts  # not cached: the file may be restored, or the library installed
    with _lock:
        _known[stamp] = facts
    return facts


__all__ = ["ChangedUse", "DocumentEntry", "Inventory"]

"""Context documents: files of the workspace read into `Document`s, as text or Markdown.

    read_document(workspace, "fixtures/documents/world-cup-2022.md").label      # its label in promptlab.yaml
    document_changes(workspace, result.request.prompt.sources)                  # what changed since the run

Text, Markdown and CSV files are read unchanged, except that a byte order mark at the beginning is removed
(`documents/_encoding.py`). HTML, PDF, Word and Excel are converted to Markdown (`documents/_convert.py`), once for each
content. Every text that is read is stored under its hash (`documents/_content_store.py`).
"""

from __future__ import annotations

import codecs
import difflib
import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

from promptlab.documents import _convert as convert
from promptlab.documents import _encoding as encoding
from promptlab.documents import _file_type as sniff
from promptlab.documents._content_store import DocStore
from promptlab.documents._convert import Converted
from promptlab.errors import DocumentError, ReaderMissing, WorkspaceError
from promptlab.types import Document, Source, sha256
from promptlab.workspace import PASSAGES_MARK, Workspace

log = logging.getLogger(__name__)

ENDINGS: tuple[str, ...] = tuple(sniff.KINDS)
MAX_BYTES = 20_000_000
MAX_CONTAINER_BYTES = 50_000_000
"""For PDF, Word and Excel, which are mostly pictures and packaging."""


def read_document(workspace: Workspace, path: str) -> Document:
    """The document at `path`, relative to the workspace, with its label.

    Raises `DocumentError` if it is missing, a folder, empty, too large, of an unknown kind, not what its ending says,
    encrypted, damaged, without text, or not valid in its encoding.
    """
    raw, kind = _bytes(workspace, path)
    content = text_of_bytes(workspace, raw, kind, path)
    remember_text(workspace, content.text)
    # `label_of` checks the path and the real file behind it, so a link cannot lower the label.
    name = PurePosixPath(path).as_posix()
    return Document(path=name, text=content.text, label=workspace.label_of(path), notes=content.notes)


def document_paths(workspace: Workspace) -> list[str]:
    """The documents of the workspace: files of a known kind in `documents` and `fixtures/documents`, sorted."""
    inside = cache(workspace.relative)  # computed once for each folder, not for each file
    names = {
        f"{inside(file.parent)}/{file.name}"
        for folder in ("documents", "fixtures/documents")
        for file in (workspace.root / folder).rglob("*")
        if file.suffix.lower() in sniff.KINDS and file.is_file()
    }
    return sorted(names)


def read_document_version(workspace: Workspace, path: str, key: str) -> Document:
    """An old version of the document `path`: the text with the hash `key`, with the label that the document has now.

    Raises `DocumentError` if that text is not stored.
    """
    text = DocStore.of(workspace).text(key)
    file = path.partition(PASSAGES_MARK)[0]
    return Document(path=path, text=text, label=workspace.label_of(file), file=file)


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """A document that changed since a run.

    `then` is the hash of the text used. `now` is that of the file, None if it cannot be read. `reason` is a clause for
    the user. `kept` is True if the old text can still be read with `read_document_version`.
    """

    path: str
    then: str
    now: str | None
    reason: str
    kept: bool


def document_changes(workspace: Workspace, sources: Iterable[Source]) -> list[DocumentChange]:
    """The documents among the `sources` of a prompt whose files changed since."""
    store = DocStore.of(workspace)
    changes = []
    for source in sources:
        if source.section != "context":
            continue
        path = source.name.partition(PASSAGES_MARK)[0]
        then = text_hash_used(workspace, source)
        try:
            now = read_document(workspace, path).sha256
        except DocumentError as exc:
            changes.append(DocumentChange(source.name, source.sha256, None, exc.what, store.has(source.sha256)))
            continue
        if then is None:
            reason = "the document it was selected from is not stored, so it is unknown if it changed"
        elif then != now:
            reason = "the file has changed since"
        else:
            continue
        changes.append(DocumentChange(source.name, source.sha256, now, reason, store.has(source.sha256)))
    return changes


def text_hash_used(workspace: Workspace, source: Source) -> str | None:
    """The hash of the whole document that `source` was made from. None if it is not stored.

    For a selection, the whole document is compared, because the passages depend on all of it.
    """
    if PASSAGES_MARK not in source.name:
        return source.sha256
    record = DocStore.of(workspace).record("selection", source.sha256)
    return str(record["document"]) if record and "document" in record else None


def is_text_kept(workspace: Workspace, key: str) -> bool:
    """True if the text with the hash `key` can be read with `read_document_version`."""
    return DocStore.of(workspace).has(key)


def needs_no_conversion(workspace: Workspace, path: str) -> bool:
    """True if `path` can be read without a conversion: it is text, or its content was converted before."""
    try:
        raw, kind = _bytes(workspace, path)
        if kind == "text":
            return True
        key = _conversion(_recoded(workspace, raw, kind, path), kind)
        return DocStore.of(workspace).record("converted", key) is not None
    except DocumentError:
        return True  # reading it fails at once


def keep_selection(workspace: Workspace, selected: Document, whole: Document, ranges: list[tuple[int, int]]) -> None:
    """Store the text of a selection, and the `ranges` of characters of `whole` that it consists of."""
    remember_text(workspace, selected.text)
    try:
        record = {"document": whole.sha256, "path": whole.path, "ranges": ranges}
        DocStore.of(workspace).keep_record("selection", selected.sha256, record)
    except OSError as exc:
        log.warning("the selection %s is not stored: %s", selected.path, exc)


def _bytes(workspace: Workspace, path: str) -> tuple[bytes, str]:
    """The content of the file, and its kind by its ending."""
    try:
        full = workspace.resolve(path)
        size = full.stat().st_size
    except WorkspaceError as exc:
        raise DocumentError(exc.what, file=path, hint=exc.hint) from exc
    except FileNotFoundError as exc:
        raise DocumentError("there is no such document", file=path, hint=_nearest(workspace, path)) from exc
    except (OSError, ValueError) as exc:  # ValueError: a NUL byte in the path
        raise DocumentError(f"cannot be read: {exc}", file=path) from exc
    if full.is_dir():
        raise DocumentError("is a folder", file=path, hint="name each document in the folder")
    if not full.is_file():
        raise DocumentError("is not a regular file", file=path)
    kind = file_kind(full.name, size, path)
    try:
        return full.read_bytes(), kind
    except OSError as exc:
        raise DocumentError(f"cannot be read: {exc.strerror}", file=path) from exc


def file_kind(name: str, size: int, path: str) -> str:
    """The kind of a file, by its ending. Raises `DocumentError` if it is unknown or the file is too large."""
    ending = PurePosixPath(name).suffix
    kind = sniff.KINDS.get(ending.lower())
    if kind is None:
        what = f"files ending in `{ending}`" if ending else "files without an ending"
        hint = f"documents can be {', '.join(ENDINGS)}"
        raise DocumentError(f"{what} cannot be read as documents", file=path, hint=hint)
    most = MAX_BYTES if kind in ("text", "html") else MAX_CONTAINER_BYTES
    if size > most:
        message = f"{size / 1e6:.1f} MB is more than the {most // 1_000_000} MB a document may have"
        raise DocumentError(message, file=path, hint="save only the part that you need")
    return kind


def text_of_bytes(workspace: Workspace, raw: bytes, kind: str, path: str) -> Converted:
    """The text of a file of `kind` with the content `raw`, and what it does not carry over."""
    if not raw:
        raise DocumentError("is empty", file=path)
    sniff.check_file_type(raw, kind, path)
    if kind == "text":
        content = Converted(_decoded(workspace, raw, path))
    else:
        content = _converted(workspace, _recoded(workspace, raw, kind, path), kind, path)
    if not content.text.strip():
        raise DocumentError("is empty", file=path)
    return content


def _decoded(workspace: Workspace, raw: bytes, path: str) -> str:
    try:
        return encoding.decode_text(raw, workspace.encoding_of(path))
    except encoding.Undecodable as exc:
        raise DocumentError(str(exc), file=path, line=exc.line, hint=exc.hint) from exc
    except ReaderMissing as exc:
        raise ReaderMissing(exc.what, file=path, hint=exc.hint) from exc


def _recoded(workspace: Workspace, raw: bytes, kind: str, path: str) -> bytes:
    """`raw` for the converter: a page whose encoding promptlab.yaml names becomes UTF-8."""
    if kind == "html" and workspace.encoding_of(path) is not None:
        return codecs.BOM_UTF8 + _decoded(workspace, raw, path).encode()
    return raw


def _converted(workspace: Workspace, raw: bytes, kind: str, path: str) -> Converted:
    """The text of `raw` after conversion, and its notes. It is cached for each content and version of the libraries."""
    store = DocStore.of(workspace)
    try:
        key = _conversion(raw, kind)
    except ReaderMissing as exc:
        raise ReaderMissing(exc.what, file=path, hint=exc.hint) from exc
    record = store.record("converted", key)
    if record and store.has(str(record.get("text"))):
        try:
            return Converted(store.text(str(record["text"])), tuple(map(str, record.get("notes", ()))))
        except DocumentError as exc:
            log.warning("%s is converted again: %s", path, exc)
    content = convert.to_markdown(raw, kind, path)
    try:
        record = {
            "text": store.keep_text(content.text),
            "notes": list(content.notes),
            "with": convert.converter_version(kind),
        }
        store.keep_record("converted", key, record)
    except OSError as exc:
        log.warning("the conversion of %s is not stored: %s", path, exc)
    return content


def _conversion(raw: bytes, kind: str) -> str:
    """The cache key of a conversion of `raw`. It contains the versions of the libraries."""
    return sha256(f"{convert.converter_version(kind)}\0{hashlib.sha256(raw).hexdigest()}")


def remember_text(workspace: Workspace, text: str) -> None:
    """Store a text that was read. If it cannot be written, reading still works."""
    try:
        DocStore.of(workspace).keep_text(text)
    except OSError as exc:
        log.warning("the text of a document is not stored; a run with it cannot be repeated after it changes: %s", exc)


def _nearest(workspace: Workspace, path: str) -> str:
    """A hint with the most similar file name in the same folder."""
    folder = workspace.resolve(path).parent
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    close = difflib.get_close_matches(PurePosixPath(path).name, names, n=1)
    return f"did you mean `{workspace.relative(folder / close[0])}`?" if close else ""

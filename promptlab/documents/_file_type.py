"""The real type of a file, by its first bytes, and a check that a ZIP container is safe to open.

Only the beginning of each part is decompressed, so a ZIP bomb is refused before it can fill the memory.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from xml.etree import ElementTree
from xml.parsers import expat

from promptlab.errors import DocumentError

KINDS: Mapping[str, str] = {
    ".txt": "text",
    ".md": "text",
    ".markdown": "text",
    ".csv": "text",
    ".tsv": "text",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".dotx": "docx",
    ".dotm": "docx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xltx": "xlsx",
    ".xltm": "xlsx",
}
"""File endings of documents, and the kind of each."""

MAX_PARTS = 5_000
MAX_UNPACKED = 250_000_000
MAX_RATIO = 200
_HARMLESS = 1_000_000  # bytes; below this, the compression ratio does not matter

_NAMES = {"pdf": "a PDF", "docx": "a Word document", "xlsx": "an Excel workbook"}
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF-", "pdf", ""),
    (b"PK\x03\x04", "zip", ""),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Office file, or one with a password",
        "save it as .docx or .xlsx without a password",
    ),
    (b"{\\rtf", "an RTF file", "save it as .docx"),
    (b"\x89PNG\r\n\x1a\n", "a picture", "documents are text; run text recognition (OCR) first"),
    (b"\xff\xd8\xff", "a picture", "documents are text; run text recognition (OCR) first"),
    (b"GIF8", "a picture", "documents are text; run text recognition (OCR) first"),
    (b"\x1f\x8b", "a compressed file", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a compressed file", "unpack it first"),
    (b"\x7fELF", "a program", "is this the file you meant?"),
    (b"MZ\x90\x00", "a program", "is this the file you meant?"),
)


def check_file_type(raw: bytes, kind: str, path: str) -> None:
    """Raise `DocumentError` if the bytes are not of the `kind` that the ending of `path` stands for."""
    start = raw.find(b"%PDF-", 0, 1024) if kind == "pdf" else 0
    matches = ((name, hint) for magic, name, hint in _MAGIC if raw.startswith(magic, max(start, 0)))
    actual, hint = next(matches, ("", ""))
    if actual == "zip":
        actual, hint = _office(raw, path)
    if actual == kind or (not actual and kind in ("text", "html")):
        return
    if actual in _NAMES:
        raise DocumentError(f"is {_NAMES[actual]} by its content", file=path, hint=f"name it `.{actual}` if it is one")
    if actual:
        raise DocumentError(f"is {actual} by its content", file=path, hint=hint)
    raise DocumentError(f"is not {_NAMES[kind]} by its content", file=path, hint="give it the ending of its real type")


def _office(raw: bytes, path: str) -> tuple[str, str]:
    """The kind of a ZIP container, after the safety checks. Of another file: a description and a hint."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = archive.infolist()
            _bound(parts, len(raw), path)
            names = {part.filename: part for part in parts}
            for name in _PACKAGE:
                if name in names:
                    _no_entities(archive, names[name], path)
            kind = _declared_kind(archive, names) or next((k for name, k in _PARTS if name in names), "")
            if not kind:
                return "a compressed file", "unpack it first"
            if kind not in _NAMES:
                return kind, "save it as .docx, .xlsx or .pdf"
            for part in parts:
                _no_entities(archive, part, path)
            return kind, ""
    except (
        zipfile.BadZipFile,
        OSError,
        ValueError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
        ElementTree.ParseError,
    ) as exc:
        raise DocumentError(
            "is damaged: its container cannot be opened", file=path, hint="save it again from its program"
        ) from exc


_PACKAGE = ("[Content_Types].xml", "_rels/.rels")
_TYPES = (  # what is in the content type of the main part; macros and templates have types of their own
    (("wordprocessingml", "ms-word."), "docx"),
    (("ms-excel.sheet.binary",), "a binary Excel workbook"),
    (("spreadsheetml", "ms-excel."), "xlsx"),
    (("presentationml", "ms-powerpoint."), "a presentation"),
    (("ms-visio",), "a Visio drawing"),
    (("ms-package.xps", "openxps"), "an XPS file"),
)


def _declared_kind(archive: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo]) -> str:
    """The kind by the content type of the main part, whatever its name is. Empty if there is none."""
    if not all(name in names and names[name].file_size < _HARMLESS for name in _PACKAGE):
        return ""
    types, relations = (ElementTree.fromstring(archive.read(name)) for name in _PACKAGE)
    main = next((r.get("Target", "") for r in relations if r.get("Type", "").endswith(_MAIN)), "").lstrip("/")
    declared = {
        (entry.get("PartName") or entry.get("Extension") or "").lstrip("/").lower(): entry.get("ContentType", "")
        for entry in types
    }
    content_type = declared.get(main.lower()) or declared.get(main.rpartition(".")[2].lower(), "")
    return next((kind for words, kind in _TYPES if any(word in content_type for word in words)), "")


_MAIN = ("/officeDocument", "/fixedrepresentation")
_PARTS = (
    ("word/document.xml", "docx"),
    ("xl/workbook.xml", "xlsx"),
    ("ppt/presentation.xml", "a presentation"),
    ("xl/workbook.bin", "a binary Excel workbook"),
    ("content.xml", "an OpenDocument file"),
)


def _bound(parts: list[zipfile.ZipInfo], size: int, path: str) -> None:
    # `zipfile` never unpacks more of a part than its declared size, so a false size does not help an attacker.
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MAX_PARTS:
        what = f"has {len(parts):,} parts, more than the {MAX_PARTS:,} a document may have"
    elif unpacked > MAX_UNPACKED:
        what = f"would unpack to {unpacked / 1e6:,.0f} MB, more than the {MAX_UNPACKED // 1_000_000} MB allowed"
    elif unpacked > _HARMLESS and unpacked > MAX_RATIO * size:
        what = f"would unpack to {unpacked / size:,.0f} times its size, as a ZIP bomb does"
    elif any(part.flag_bits & 1 for part in parts):
        what = "is encrypted"
        raise DocumentError(what, file=path, hint="save a copy without a password")
    else:
        return
    raise DocumentError(what, file=path, hint="save the part that you need as a new file")


class _Root(Exception):
    """The XML prolog was read to its end and is harmless."""


def _no_entities(archive: zipfile.ZipFile, part: zipfile.ZipInfo, path: str) -> None:
    """Refuse a part that declares XML entities. Office never does, and entities that expand can fill the memory."""

    def refuse(*_: object) -> None:
        message = f"declares XML entities in `{part.filename}`, which no Office program writes"
        raise DocumentError(message, file=path, hint="open it in an Office program and save it again")

    def root(*_: object) -> None:
        raise _Root

    parser = expat.ParserCreate()
    parser.EntityDeclHandler, parser.StartElementHandler = refuse, root
    try:
        with archive.open(part) as stream:
            while chunk := stream.read(65_536):
                parser.Parse(chunk, False)
    except _Root:
        return
    except expat.ExpatError as exc:
        # A part that is not XML is a picture, unless its name ends in .xml. Parts with other names are checked too,
        # because an attacker can choose the name of a part that will be read as XML.
        if part.filename.endswith((".xml", ".rels")):
            raise DocumentError(
                f"is damaged: `{part.filename}` is not XML", file=path, hint="save it again from its program"
            ) from exc

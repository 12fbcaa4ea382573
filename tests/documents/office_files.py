"""Word and Excel files put together part by part, for the tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl


def changed(raw: bytes, change: Callable[[str, bytes], tuple[str, bytes]]) -> bytes:
    """A ZIP file with the name and the bytes of each part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(*change(name, old.read(name)))
    return out.getvalue()


def xlsx(fill: Callable[[Any], None]) -> bytes:
    """A workbook, filled through openpyxl."""
    book = openpyxl.Workbook()
    fill(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def strict(raw: bytes) -> bytes:
    """The same file in the strict form of the standard, which has other namespaces."""

    def change(name: str, part: bytes) -> tuple[str, bytes]:
        for old, new in (
            (b"http://schemas.openxmlformats.org/spreadsheetml/2006/main", b"http://purl.oclc.org/ooxml/spreadsheetml/main"),
            (b"http://schemas.openxmlformats.org/wordprocessingml/2006/main", b"http://purl.oclc.org/ooxml/wordprocessingml/main"),
            (b"http://schemas.openxmlformats.org/officeDocument/2006/relationships", b"http://purl.oclc.org/ooxml/officeDocument/relationships"),
        ):  # fmt: skip
            part = part.replace(old, new)
        return name, part

    return changed(raw, change)

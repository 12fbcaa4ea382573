"""HTML, PDF, Word and Excel to Markdown. Each conversion is a separate process with limited time and memory.

    to_markdown(raw, "pdf", "fixtures/documents/report.pdf")

The files may be hostile. In a separate process a crash, an endless loop or too much memory only refuses that file. The
process writes no file and fetches nothing: external pictures, links and workbooks are ignored, and so are macros.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from importlib import metadata
from io import BytesIO
from typing import Any

from promptlab.errors import DocumentError, ReaderMissing

VERSION = 1
"""Raised when a change of this module changes the text of a file."""

SECONDS = 60
MEMORY = 2_000_000_000
MAX_CHARACTERS = 20_000_000
MAX_PAGES = 5_000
MAX_CELLS = 1_000_000

LIBRARIES = {
    "html": ("markdownify", "bs4"),
    "pdf": ("pypdf",),
    "docx": ("mammoth", "markdownify", "bs4"),
    "xlsx": ("openpyxl",),
}
_PACKAGES = {"bs4": "beautifulsoup4"}


def converter_version(kind: str) -> str:
    """The converter for `kind` and the versions of its libraries. Raises `DocumentError` if a library is missing."""
    missing = [name for name in LIBRARIES[kind] if importlib.util.find_spec(name) is None]
    if missing:
        message = f"reading {kind.upper()} files needs {', '.join(missing)}"
        raise ReaderMissing(message, hint="pip install 'promptlab[documents]'")
    versions = (f"{name} {metadata.version(_PACKAGES.get(name, name))}" for name in LIBRARIES[kind])
    return f"{kind} {VERSION}, {', '.join(versions)}"


def to_markdown(raw: bytes, kind: str, path: str, *, seconds: float = SECONDS, memory: int = MEMORY) -> str:
    """The text of a file of `kind` as Markdown. `path` is for error messages.

    The same bytes and library versions give the same text. Raises `DocumentError` if the file is encrypted, damaged,
    without text or too large, or needs more than `seconds` or `memory` (bytes of address space; no limit on Windows).
    """
    program = "import sys; sys.path[:] = sys.argv[4:]; from promptlab.documents._convert import main; main()"
    # Isolated (-I), with the module path of this process: the current folder may contain a hostile `bs4.py`.
    paths = [entry for entry in sys.path if entry]
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", program, kind, str(int(seconds)), str(memory), *paths],
            input=raw,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        message = f"took longer than {seconds:g} s to read"
        raise DocumentError(message, file=path, hint="save the part that you need as a new file") from exc
    try:
        answer: dict[str, str] = json.loads(done.stdout)
    except ValueError as exc:
        message = "cannot be read: reading it took too much memory or time, or crashed"
        raise DocumentError(
            message, file=path, hint="save it again from its program, or save only the part that you need"
        ) from exc
    if "text" not in answer:
        raise DocumentError(answer["error"], file=path, hint=answer["hint"])
    return answer["text"]


class _Refused(Exception):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def main() -> None:
    """The program of the separate process: reads bytes from stdin and writes JSON with the text or the error."""
    kind, seconds, memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    _limit(seconds, memory)
    raw = sys.stdin.buffer.read()
    try:
        text = _tidy(globals()[f"_{kind}"](raw))
        if len(text) > MAX_CHARACTERS:
            raise _Refused(
                f"has {len(text):,} characters, more than {MAX_CHARACTERS:,}", "save only the part that you need"
            )
        answer = {"text": text}
    except _Refused as exc:
        answer = {"error": str(exc), "hint": exc.hint}
    except (MemoryError, RecursionError):
        answer = {"error": "is nested too deeply or too large to read", "hint": "save only the part that you need"}
    except Exception as exc:  # libraries raise many kinds of errors for a damaged file
        reason = " ".join(f"{type(exc).__name__}: {exc}".split())[:200]
        answer = {"error": f"cannot be read, it is damaged or unusual ({reason})", "hint": "open it and save it again"}
    sys.stdout.write(json.dumps(answer))


def _limit(seconds: int, memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: only the timeout applies
        return
    wanted = ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, max(seconds, 1)), (resource.RLIMIT_FSIZE, 0))
    for what, limit in wanted:
        try:
            resource.setrlimit(what, (limit, limit))
        except (OSError, ValueError):  # a lower limit is set already, or the system has no such limit
            continue


def _tidy(text: str) -> str:
    """Newlines as `\n`, no spaces at line ends, at most one blank line in a row, one newline at the end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").replace("\u00a0", " ")
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)


def _decoded(raw: bytes) -> str:
    """HTML as text. The encoding is that of the byte order mark, else the declared one, else UTF-8; never guessed."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            encoding = name
            break
    else:
        declared = _META.search(raw[:2048])
        encoding = declared[1].decode("ascii", "replace") if declared else "utf-8"
        # By the WHATWG encoding standard, these names mean Windows-1252.
        encoding = "cp1252" if encoding.lower() in ("iso-8859-1", "latin1", "ascii", "us-ascii") else encoding
    try:
        return raw.decode(encoding)
    except (UnicodeDecodeError, LookupError) as exc:
        raise _Refused(f"is not valid {encoding} text", "save it as UTF-8") from exc


_UNSEEN = ["script", "style", "template", "noscript", "head", "svg", "iframe", "object", "embed", "canvas"]


def _html(raw: bytes) -> str:
    text = _markdown(_decoded(raw))
    if not text.strip():
        raise _Refused("has no text", "if a script fills the page, save it from the browser")
    return text


def _markdown(html: str) -> str:
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    soup = BeautifulSoup(html, "html.parser")
    for tag in soup(_UNSEEN):
        tag.decompose()
    for picture in soup("img"):
        # A picture is replaced by its description. Its address may be megabytes of data.
        picture.replace_with(str(picture.get("alt") or ""))
    options: dict[str, Any] = {"heading_style": "ATX", "bullets": "-", "table_infer_header": True}
    for mark in ("asterisks", "underscores", "misc"):
        options[f"escape_{mark}"] = False
    return str(MarkdownConverter(**options).convert_soup(soup))


def _docx(raw: bytes) -> str:
    import mammoth

    html = mammoth.convert_to_html(BytesIO(raw), convert_image=lambda _: [], external_file_access=False).value
    text = _markdown(html)
    if not text.strip():
        raise _Refused("has no text", "if it shows pictures, run text recognition (OCR) first")
    return text


def _pdf(raw: bytes) -> str:
    import pypdf
    from pypdf.errors import DependencyError

    reader = pypdf.PdfReader(BytesIO(raw))
    if reader.is_encrypted:
        try:
            # Many PDFs are encrypted with an empty password, only to prevent printing.
            opened = bool(reader.decrypt(""))
        except (DependencyError, NotImplementedError):
            opened = False
        if not opened:
            raise _Refused("is encrypted", "open it, and save a copy without a password")
    if len(reader.pages) > MAX_PAGES:
        raise _Refused(f"has {len(reader.pages):,} pages, more than {MAX_PAGES:,}", "save only the pages that you need")
    pages = [page.extract_text().strip() for page in reader.pages]
    if not any(pages):
        raise _Refused("has no text: its pages are pictures", "run text recognition (OCR) first")
    return "\n\n".join(
        f"## Page {number}\n\n{text or '(no text on this page)'}" for number, text in enumerate(pages, 1)
    )


def _xlsx(raw: bytes) -> str:
    import openpyxl

    book = openpyxl.load_workbook(BytesIO(raw), read_only=True, data_only=True, keep_links=False)
    sheets, cells, filled = [], 0, False
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # the declared size may be wrong
        rows: list[list[str]] = []
        gap = 0
        for row in sheet.iter_rows(values_only=True):
            shown = [_cell(value) for value in row]
            while shown and not shown[-1]:
                shown.pop()
            if not shown:
                gap += 1
                continue
            # Blank rows become one blank row: a sheet may have a million of them.
            rows += [[]] * bool(gap and rows) + [shown]
            gap, cells = 0, cells + len(row)
            if cells > MAX_CELLS:
                raise _Refused(
                    f"has more than {MAX_CELLS:,} cells", "save only the part that you need, or save it as CSV"
                )
        name = sheet.title + ("" if sheet.sheet_state == "visible" else " (hidden)")
        filled = filled or bool(rows)
        sheets.append(f"## {name}\n\n{_table(rows) or '(empty)'}")
    if not filled:
        raise _Refused("is empty", "")
    return "\n\n".join(sheets)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = value.isoformat(" ") if hasattr(value, "hour") and hasattr(value, "year") else str(value)
    return " ".join(text.split()).replace("|", "\\|")


def _table(rows: list[list[str]]) -> str:
    width = max(map(len, rows), default=0)
    if not width:
        return ""
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])

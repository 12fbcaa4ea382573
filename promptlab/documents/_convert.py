"""HTML, PDF, Word and Excel to Markdown. Each conversion is a separate process with limited time and memory.

    to_markdown(raw, "pdf", "fixtures/documents/report.pdf")

The files may be hostile. In a separate process a crash, an endless loop or too much memory only refuses that file. The
process writes no file and fetches nothing: external pictures, links and workbooks are ignored, and so are macros.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata

from promptlab.documents._refused import Refused
from promptlab.errors import DocumentError, ReaderMissing

VERSION = 2
"""Raised when a change of this module changes the text of a file."""

SECONDS = 60
MEMORY = 2_000_000_000
MAX_CHARACTERS = 20_000_000

LIBRARIES = {
    "html": ("markdownify", "bs4", "lxml"),
    "pdf": ("pypdfium2",),
    "docx": ("mammoth", "markdownify", "bs4", "lxml"),
    "xlsx": ("openpyxl", "lxml"),
}
MODULES = {"html": "_html", "pdf": "_pdf", "docx": "_word", "xlsx": "_excel"}
"""The module that reads each kind. Its `to_text(raw, notes)` gives the Markdown, and adds to `notes` a sentence for all
that could not be carried over, such as "6 equations are left out"."""
_PACKAGES = {"bs4": "beautifulsoup4"}


def converter_version(kind: str) -> str:
    """The converter for `kind` and the versions of its libraries. Raises `DocumentError` if a library is missing."""
    missing = [name for name in LIBRARIES[kind] if importlib.util.find_spec(name) is None]
    if missing:
        message = f"reading {kind.upper()} files needs {', '.join(missing)}"
        raise ReaderMissing(message, hint="pip install 'promptlab[documents]'")
    versions = (f"{name} {metadata.version(_PACKAGES.get(name, name))}" for name in LIBRARIES[kind])
    return f"{kind} {VERSION}, {', '.join(versions)}"


@dataclass(frozen=True, slots=True)
class Converted:
    """The text of a file, and `notes`: a sentence for each thing that the text does not carry over."""

    text: str
    notes: tuple[str, ...] = ()


def to_markdown(raw: bytes, kind: str, path: str, *, seconds: float = SECONDS, memory: int = MEMORY) -> Converted:
    """The text of a file of `kind` as Markdown, with notes. `path` is for error messages.

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
        answer = json.loads(done.stdout)
    except ValueError as exc:
        message = "cannot be read: reading it took too much memory or time, or crashed"
        raise DocumentError(
            message, file=path, hint="save it again from its program, or save only the part that you need"
        ) from exc
    if "text" not in answer:
        raise DocumentError(answer["error"], file=path, hint=answer["hint"])
    return Converted(answer["text"], tuple(answer["notes"]))


def main() -> None:
    """The program of the separate process: reads bytes from stdin and writes JSON with the text or the error."""
    kind, seconds, memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    _limit(seconds, memory)
    raw = sys.stdin.buffer.read()
    try:
        notes: list[str] = []
        module = importlib.import_module(f"promptlab.documents.{MODULES[kind]}")
        if kind == "pdf":
            _open_nothing_more()
        text = _tidy(module.to_text(raw, notes))
        if len(text) > MAX_CHARACTERS:
            raise Refused(
                f"has {len(text):,} characters, more than {MAX_CHARACTERS:,}", "save only the part that you need"
            )
        answer: dict[str, object] = {"text": text, "notes": notes}
    except Refused as exc:
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


def _open_nothing_more() -> None:
    """Forbid this process to open files, connections and programs: a file may exploit a fault in PDFium's C++."""
    import pypdfium2.raw  # noqa: F401  # before the limit, as everything that is read from disk

    "".encode("utf-16-le")
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    except (ImportError, OSError, ValueError):  # Windows, or a system without such limits
        return


def _tidy(text: str) -> str:
    """Newlines as `\n`, no spaces at line ends, one newline at the end, and one blank line in a row, except in code."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").replace("\u00a0", " ")
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    text = re.sub(r"(^(`{3,})\n.*?\n\2$)|\n{3,}", lambda part: part[1] or "\n\n", text, flags=re.MULTILINE | re.DOTALL)
    return text.strip("\n") + "\n"

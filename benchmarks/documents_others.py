"""What other libraries read in documents: the worker of `benchmarks.documents`, run in a venv of its own.

Reads paths from standard input, and writes JSON for each: `{"path", "tools": {name: reading}, "truth": reading}`.
A reading is `{"text": ..., "rows": [[cell, ...], ...]}`, or null where the library fails or takes more than 30 s.
It imports nothing of promptlab.
"""

from __future__ import annotations

import json
import logging
import re
import signal
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

Reading = dict[str, Any]
SECONDS = 30


def reading(text: str, rows: list[list[str]] | None = None) -> Reading:
    return {"text": text, "rows": rows or []}


def markdown_rows(text: str) -> list[list[str]]:
    """The rows of the Markdown tables in `text`."""
    return [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        for line in text.splitlines()
        if line.startswith("|") and not re.fullmatch(r"\|(\s*:?-+:?\s*\|)+", line.strip())
    ]


def markitdown(path: str) -> Reading:
    from markitdown import MarkItDown

    text = MarkItDown(enable_plugins=False).convert(path).text_content
    return reading(text, markdown_rows(text))


# PDF


def pdfplumber(path: str) -> Reading:
    import pdfplumber as library

    with library.open(path) as document:
        return reading("\n".join(page.extract_text() or "" for page in document.pages))


def pdfminer(path: str) -> Reading:
    from pdfminer.high_level import extract_text

    return reading(extract_text(path))


def pypdf(path: str) -> Reading:
    import pypdf as library

    document = library.PdfReader(path)
    if document.is_encrypted:
        document.decrypt("")
    return reading("\n".join(page.extract_text() for page in document.pages))


def pymupdf(path: str) -> Reading:
    import pymupdf as library

    with library.open(path) as document:
        return reading("\n".join(page.get_text() for page in document))


# Excel


def pandas_excel(path: str) -> Reading:
    import pandas

    rows: list[list[str]] = []
    for sheet in pandas.read_excel(path, sheet_name=None, header=None, dtype=object).values():
        rows += [["" if pandas.isna(cell) else str(cell) for cell in row] for row in sheet.itertuples(index=False)]
    return reading("\n".join(" ".join(row) for row in rows), rows)


def excel_truth(path: str) -> Reading:
    import openpyxl

    rows: list[list[str]] = []
    for sheet in openpyxl.load_workbook(path, data_only=True).worksheets:
        for row in sheet.iter_rows(values_only=True):
            cells = ["" if cell is None else str(cell) for cell in row]
            rows += [cells] * any(cells)
    texts = (cell for row in rows for cell in row if not _is_number(cell))
    return reading("\n".join(texts), rows)


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-+\d.eE%:\s]+|True|False|\d{4}-\d\d-\d\d.*", cell))


# Word

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def word_truth(path: str) -> Reading:
    """The text and the tables of the main part, as its XML has them."""
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if re.fullmatch(r"word/document\d*\.xml", name))
        text = archive.read(name).decode().replace("http://purl.oclc.org/ooxml/wordprocessingml/main", W[1:-1])
    root = ElementTree.fromstring(text)
    for parent in root.iter():
        for child in list(parent):
            if child.tag in (f"{W}del", "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"):
                parent.remove(child)
    rows = [row for table in root.iter(f"{W}tbl") for row in _word_rows(table)]
    return reading("\n".join(_word_text(paragraph) for paragraph in root.iter(f"{W}p")), rows)


def _word_text(element: Any) -> str:
    """The text of a paragraph or cell, without that of the paragraphs inside its text boxes."""
    parts = []
    for child in element:
        if child.tag == f"{W}t":
            parts.append(child.text or "")
        elif child.tag in (f"{W}tab", f"{W}br", f"{W}cr"):
            parts.append(" ")
        elif child.tag == f"{W}p" and element.tag != f"{W}tc":
            continue
        else:
            parts.append(_word_text(child) + (" " if child.tag == f"{W}p" else ""))
    return "".join(parts)


def _word_rows(table: Any) -> list[list[str]]:
    rows = []
    for row in table.findall(f"{W}tr"):
        before = row.find(f"{W}trPr/{W}gridBefore")
        cells = [""] * (int(before.get(f"{W}val")) if before is not None else 0)
        for cell in row.findall(f"{W}tc"):
            span = cell.find(f"{W}tcPr/{W}gridSpan")
            nested = cell.find(f"{W}tbl") is not None
            cells.append("" if nested else _word_text(cell))
            cells += [""] * ((int(span.get(f"{W}val")) if span is not None else 1) - 1)
        rows.append(cells)
    return rows


# HTML

UNSEEN = ["script", "style", "template", "noscript", "head", "svg", "iframe", "object", "embed", "canvas", "title"]


def pandas_html(path: str) -> Reading:
    import pandas

    rows: list[list[str]] = []
    for table in pandas.read_html(path, header=None):
        rows.append([str(column) for column in table.columns])
        rows += [["" if pandas.isna(cell) else str(cell) for cell in row] for row in table.itertuples(index=False)]
    return reading("\n".join(" ".join(row) for row in rows), rows)


def html_truth(path: str) -> Reading:
    """The visible text, and the tables with the cells that reach over rows and columns in their place."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(Path(path).read_bytes(), "lxml")
    for tag in soup(UNSEEN):
        tag.decompose()
    for tag in soup.find_all(lambda t: t.has_attr("hidden") or "display:none" in t.get("style", "").replace(" ", "")):
        tag.decompose()
    rows = [row for table in soup("table") for row in _html_rows(table)]
    for tag in soup(["td", "th", "br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "option", "dt", "dd", "pre"]):
        tag.append("\n")
    return reading(soup.get_text(), rows)


def _html_rows(table: Any) -> list[list[str]]:
    taken: dict[tuple[int, int], str] = {}
    lines = [row for row in table("tr") if row.find_parent("table") is table]
    for number, row in enumerate(lines):
        column = 0
        for cell in row.find_all(["td", "th"], recursive=False):
            while (number, column) in taken:
                column += 1
            wide, high = (int(re.sub(r"\D", "", str(cell.get(key, 1))) or 1) for key in ("colspan", "rowspan"))
            for down in range(min(high or len(lines), len(lines) - number)):
                for right in range(min(wide, 100)):
                    taken[number + down, column + right] = ""
            taken[number, column] = "" if cell.find("table") else cell.get_text(" ", strip=True)
    width = max((column for _, column in taken), default=-1) + 1
    return [[taken.get((number, column), "") for column in range(width)] for number in range(len(lines))]


# All of them

TOOLS: dict[str, dict[str, Callable[[str], Reading]]] = {
    "pdf": {"markitdown": markitdown, "pdfplumber": pdfplumber},
    "docx": {"markitdown": markitdown},
    "xlsx": {"markitdown": markitdown, "pandas": pandas_excel},
    "html": {"markitdown": markitdown, "pandas": pandas_html},
}
TRUTH = {"docx": word_truth, "xlsx": excel_truth, "html": html_truth}
JUDGES = {"pdfminer": pdfminer, "pypdf": pypdf, "pymupdf": pymupdf}


class _TooLong(Exception):
    pass


def tried(read: Callable[[str], Reading], path: str) -> Reading | None:
    def stop(*_: object) -> None:
        raise _TooLong

    # Processor time, so that a busy machine changes nothing.
    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return read(path)
    except Exception:
        return None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        path = line.rstrip("\n")
        ending = path.rpartition(".")[2].lower()
        kind = {"htm": "html", "docm": "docx", "xlsm": "xlsx"}.get(ending, ending)
        answer: dict[str, Any] = {
            "path": path,
            "tools": {name: tried(read, path) for name, read in TOOLS[kind].items()},
        }
        if kind == "pdf":
            answer["judges"] = [judged["text"] for read in JUDGES.values() if (judged := tried(read, path))]
        else:
            answer["truth"] = tried(TRUTH[kind], path)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

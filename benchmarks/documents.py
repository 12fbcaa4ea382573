"""Compares what promptlab reads in documents with `markitdown`, `pdfplumber` and `pandas`.

    python -m venv /tmp/others
    /tmp/others/bin/pip install 'markitdown[pdf,docx,xlsx]' pdfplumber pandas pypdf pymupdf lxml openpyxl
    python -m benchmarks.documents FOLDER --others /tmp/others/bin/python

FOLDER holds public files, such as the test files of markitdown, pdfplumber, pdfminer.six, pypdf, pdf.js, python-docx,
mammoth.js, docling, SheetJS and XlsxWriter. They are not part of this repository. For each kind and file it prints

- words lost: words of the file that are not in the text, or not as often;
- words glued: words in the text that are two neighbouring words of the file;
- cells moved: values of a table that are in their row, but not in their column.

What is in the file is known from its XML (Word), from openpyxl (Excel) and from the tree of lxml (HTML). A PDF has no
such truth: a word counts as often as two of pdfminer.six, PyMuPDF and pypdf find it. PDFs whose fonts do not say which
letters they show are counted apart: promptlab refuses them, other libraries give the numbers of the glyphs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.documents_others import markdown_rows
from benchmarks.machine import described
from promptlab.documents import _file_type as file_type
from promptlab.documents._convert import to_markdown
from promptlab.errors import DocumentError

KINDS = ("pdf", "docx", "xlsx", "html")
MAX_BYTES = 1_000_000
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
_OWN_WORDS = re.compile(r"(?m)^## Page \d+$|\(no text on this page\)|^Form fields:$|<br>")
_UNREADABLE = "do not say which letters"


@dataclass(frozen=True, slots=True)
class Score:
    """What a library did with one file. `read` is False if it gave no text."""

    read: bool
    lost: int
    glued: int
    moved: int


@dataclass(frozen=True, slots=True)
class Row:
    """One file: its kind, the number of its words and cells, and the score of each library."""

    path: str
    kind: str
    words: int
    cells: int
    scores: dict[str, Score]
    unreadable: bool = False


# Words


def words(text: str) -> list[str]:
    """The words of a text, those divided by a hyphen at the end of a line as one. Chinese counts by characters."""
    text = unicodedata.normalize("NFKC", text).replace("\u00ad", "-").replace("\x02", "-")
    text = re.sub(r"(?<=\w)[_^]\{?(?=\w)", "", text)  # raised and lowered text: 10^6 and 106 are one word here
    return _WORD.findall(re.sub(r"(\w)[-\u2010]\s*\n\s*(?=\w)", r"\1", text))


def agreed(texts: Sequence[str]) -> Counter[str]:
    """How often each word is in at least two of the `texts`."""
    counts = [Counter(words(text)) for text in texts]
    every = set().union(*counts)
    return +Counter({word: sorted(count[word] for count in counts)[-2] for word in every})


def pairs(texts: Iterable[str]) -> set[tuple[str, str]]:
    """The neighbouring words."""
    return {pair for text in texts for pair in pairwise(words(text))}


def lost_and_glued(text: str, truth: Counter[str], neighbours: set[tuple[str, str]]) -> tuple[int, int]:
    count = Counter(words(text))
    glued = sum(
        number
        for word, number in count.items()
        if word not in truth and any((word[:cut], word[cut:]) in neighbours for cut in range(1, len(word)))
    )
    return (truth - count).total(), glued


# Cells


def value(cell: str) -> str:
    """A cell without Markdown, its number in one form: libraries write 5, 5.0 and 500 % differently."""
    plain = " ".join(re.sub(r"[*`\\^]|</?\w[^>]*>|!?\[([^\]]*)\]\([^)]*\)", r"\1", cell).split())
    if plain in ("NaN", "nan", "None") or plain.startswith("Unnamed: "):
        return ""
    number = re.sub(r"[, $€£¥₽]|\.$", "", plain)
    try:
        return f"{float(number[:-1]) / 100:.10g}" if number.endswith("%") else f"{float(number):.10g}"
    except ValueError:
        return unicodedata.normalize("NFKC", plain.removesuffix(" 00:00:00")).lower()


def moved_cells(rows: Sequence[Sequence[str]], truth: Sequence[Sequence[str]]) -> int:
    """How many values of the `truth` are in the row that is most like theirs, but in another column."""
    found = [[value(cell) for cell in row] for row in rows]
    by_value: dict[str, list[int]] = {}
    for number, row in enumerate(found):
        for cell in set(row) - {""}:
            by_value.setdefault(cell, []).append(number)
    moved, after = 0, 0
    for cells in truth:
        expected = {column: value(cell) for column, cell in enumerate(cells) if value(cell)}
        if len(expected) < 2 or len(set(expected.values())) < len(expected):
            continue
        votes = Counter(number for cell in expected.values() for number in by_value.get(cell, ())[:1_000])
        best = max(votes, key=lambda number: (votes[number], -abs(number - after)), default=None)
        if best is None or votes[best] < 2:
            continue
        row, after = found[best], best + 1
        shifts = Counter(row.index(cell) - column for column, cell in expected.items() if cell in row)
        usual = shifts.most_common(1)[0][0]  # a library may leave out empty columns before the table
        moved += sum(count for shift, count in shifts.items() if shift != usual)
    return moved


# Files


def chosen(folder: Path, most: int) -> list[Path]:
    """At most `most` files of each kind, spread over the folders. The same content is read once."""
    every: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.rglob("*")):
        kind = file_type.KINDS.get(path.suffix.lower(), "")
        if kind in KINDS and path.is_file() and 0 < path.stat().st_size <= MAX_BYTES:
            every.setdefault(kind, {}).setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
    files = {kind: list(paths.values()) for kind, paths in every.items()}
    return [path for paths in files.values() for path in paths[:: max(1, -(-len(paths) // most))]]


def others(paths: Sequence[Path], python: str) -> Iterator[dict[str, Any]]:
    """What the other libraries read in each file, as soon as it is known."""
    worker = Path(__file__).with_name("documents_others.py")
    with tempfile.TemporaryFile("w+", encoding="utf-8") as listed:
        listed.write("".join(f"{path}\n" for path in paths))
        listed.seek(0)
        silent = subprocess.DEVNULL
        with subprocess.Popen([python, worker], stdin=listed, stdout=subprocess.PIPE, stderr=silent) as process:
            assert process.stdout is not None
            yield from (json.loads(line) for line in process.stdout if line.startswith(b"{"))


def ours(path: Path, kind: str) -> tuple[dict[str, Any] | None, str]:
    """What promptlab reads, or the reason why not."""
    raw = path.read_bytes()
    try:
        file_type.check_file_type(raw, kind, path.name)
        text = to_markdown(raw, kind, path.name).text
    except DocumentError as exc:
        return None, exc.what
    return {"text": _OWN_WORDS.sub(" ", text), "rows": markdown_rows(text)}, ""


def compare(answer: dict[str, Any]) -> Row | None:
    """The scores for one file. None if nothing is known of what is in it."""
    path = Path(answer["path"])
    kind = file_type.KINDS[path.suffix.lower()]
    truth = answer.get("truth") or {"text": "", "rows": []}
    judges = answer.get("judges", [truth["text"]])
    if kind == "pdf":
        expected = agreed(judges) if len(judges) > 1 else Counter()
    else:
        expected = Counter(words(truth["text"]))
    cells = sum(bool(value(cell)) for row in truth["rows"] for cell in row)
    if not expected and not cells:
        return None
    neighbours = {pair for pair in pairs(judges) if pair[0] in expected and pair[1] in expected}
    mine, reason = ours(path, kind)
    scores = {}
    for name, reading in {"promptlab": mine, **answer["tools"]}.items():
        if reading is None:
            scores[name] = Score(False, expected.total(), 0, 0)
        else:
            moved = moved_cells(reading["rows"], truth["rows"])
            scores[name] = Score(True, *lost_and_glued(reading["text"], expected, neighbours), moved)
    return Row(str(path), kind, expected.total(), cells, scores, _UNREADABLE in reason)


# The report


def table(rows: Sequence[Row]) -> str:
    """One line for each kind and library."""
    lines = [
        "| kind | files | words | library | files read | words lost | words glued | cells moved |",
        "|---|--:|--:|---|--:|--:|--:|--:|",
    ]
    for kind in KINDS:
        counted = [row for row in rows if row.kind == kind and not row.unreadable]
        for name in dict.fromkeys(name for row in counted for name in row.scores):
            scores = [row.scores[name] for row in counted]
            sums = [sum(getattr(score, what) for score in scores) for what in ("lost", "glued", "moved")]
            # pandas reads tables only, and there is no truth for the tables of a PDF.
            lost = "tables only" if (kind, name) == ("html", "pandas") else f"{sums[0]:,}"
            moved = "" if kind == "pdf" else f"{sums[2]:,}"
            lines.append(
                f"| {kind} | {len(counted)} | {sum(row.words for row in counted):,} | {name} "
                f"| {sum(score.read for score in scores)} | {lost} | {sums[1]:,} | {moved} |"
            )
    return "\n".join(lines)


def worse(rows: Sequence[Row]) -> list[str]:
    """The files on which promptlab is worse than the best of the others, the worst first."""
    lines = []
    for row in rows:
        mine = row.scores["promptlab"]
        rest = [score for name, score in row.scores.items() if name != "promptlab" and score.read]
        if not rest:
            continue
        behind = [
            getattr(mine, what) - min(getattr(score, what) for score in rest) for what in ("lost", "glued", "moved")
        ]
        if max(behind) > 0:
            shown = ", ".join(f"{name} {s.lost}/{s.glued}/{s.moved}" for name, s in row.scores.items())
            mark = " (unreadable fonts)" if row.unreadable else ""
            lines.append((max(behind), f"{row.path}{mark}: {row.words} words; lost/glued/moved: {shown}"))
    return [text for _, text in sorted(lines, reverse=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare what promptlab reads in documents with other libraries.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--others", required=True, help="the Python of a venv with the other libraries")
    parser.add_argument("--most", type=int, default=100, help="the most files of each kind")
    parser.add_argument("--out", type=Path, help="the scores of each file are added to this file, as JSON lines")
    args = parser.parse_args()
    rows = []
    for answer in others(chosen(args.folder, args.most), args.others):
        row = compare(answer)
        rows += [row] if row else []
        if args.out and row:
            with args.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(_plain(row)) + "\n")
    print(f"{described()}\n\n{table(rows)}\n")
    print(f"{sum(row.unreadable for row in rows)} PDFs have fonts that do not say which letters they show.\n")
    print("\n".join(["Worse than the best of the others:", *worse(rows)]))


def _plain(row: Row) -> dict[str, Any]:
    scores = {
        name: {"lost": s.lost, "glued": s.glued, "moved": s.moved, "read": s.read} for name, s in row.scores.items()
    }
    return {"path": row.path, "kind": row.kind, "words": row.words, "unreadable": row.unreadable, "scores": scores}


if __name__ == "__main__":
    main()

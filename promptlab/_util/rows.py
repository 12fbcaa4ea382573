r"""Rows of a file: JSON lines, CSV and YAML lists, each with its line number and its position in the text.

    list(json_rows(lines_of('{"id": "a"}\n\n{"id": "b"}\n')))
    # [Row(data={'id': 'a'}, line=1, start=0, end=12), Row(data={'id': 'b'}, line=3, start=13, end=25)]

Cases of suites and pools of examples are such rows. The caller checks what a row must contain; a row that cannot be
read at all raises `BadRow`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from promptlab._yaml import YamlFile

Kind = Literal["csv", "yaml", "jsonl"]
_KINDS: dict[str, Kind] = {".csv": "csv", ".tsv": "csv", ".yaml": "yaml", ".yml": "yaml"}


# Files are bounded before they are read, so the limit of the csv module would only refuse a long document in a cell.
csv.field_size_limit(max(csv.field_size_limit(), 2**30))


class BadRow(ValueError):
    """A row cannot be read. `line` counts from 1."""

    def __init__(self, message: str, line: int, *, field: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.field, self.hint = message, line, field, hint


@dataclass(frozen=True, slots=True)
class Row:
    """The data of a row, the line at which it begins, and the range of its characters in the text, with the newline.
    The range is 0, 0 in YAML."""

    data: Any
    line: int
    start: int = 0
    end: int = 0


def kind_of(path: str) -> Kind:
    """The format of the rows in `path`, by its file ending."""
    return _KINDS.get(PurePosixPath(path).suffix.lower(), "jsonl")


def delimiter_of(path: str) -> str:
    """The character between the cells of the CSV or TSV file `path`."""
    return "\t" if path.lower().endswith(".tsv") else ","


def lines_of(text: str) -> Iterator[str]:
    """Each line of `text`, with its newline."""
    # Not splitlines, which also splits at U+2028 and other characters that may be inside a text.
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def json_rows(lines: Iterable[str]) -> Iterator[Row]:
    """The JSON value of each line that is not blank. A byte order mark at the beginning is ignored. A key that an
    object has twice is refused: which of the two counts, a label perhaps, would depend on the reader."""
    start = 0
    for number, line in enumerate(lines, 1):
        end = start + len(line)
        content = line.removeprefix("\ufeff") if number == 1 else line
        if content.strip():
            try:
                data = json.loads(content, object_pairs_hook=_object)
            except (ValueError, RecursionError) as exc:
                raise BadRow(f"not JSON: {exc}", number) from exc
            yield Row(data, number, start, end)
        start = end


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key `{twice}` is there twice")
    return found


class CsvRows:
    """The rows of a CSV file as dicts of cells by column. `header` is set after the first row was read.

    `check` gets the header and its line and may raise `BadRow`. With `exact` False, rows may have fewer or more cells
    than there are columns, and quotes in odd places.
    """

    def __init__(
        self,
        lines: Iterable[str],
        delimiter: str = ",",
        check: Callable[[Sequence[str], int], None] | None = None,
        *,
        exact: bool = True,
    ) -> None:
        self.header: tuple[str, ...] = ()
        self._check, self._exact = check, exact
        self._read = 0  # characters that the csv reader has taken so far
        self._reader = csv.reader(self._counted(lines), delimiter=delimiter, strict=exact)

    def _counted(self, lines: Iterable[str]) -> Iterator[str]:
        for number, line in enumerate(lines):
            self._read += len(line)
            yield line if number else line.removeprefix("\ufeff")

    def __iter__(self) -> Iterator[Row]:
        while True:
            line, start = self._reader.line_num + 1, self._read
            try:
                cells = next(self._reader, None)
            except csv.Error as exc:
                hint = "put a cell with quotes or line breaks in quotes"
                raise BadRow(f"not CSV: {exc}", line, hint=hint) from exc
            if cells is None:
                return
            if not any(cell.strip() for cell in cells):
                continue
            if self.header:
                yield Row(self._named(cells, line), line, start, self._read)
                continue
            header = tuple(cell.strip() for cell in cells)
            if self._check is not None:
                self._check(header, line)
            self.header = header

    def _named(self, cells: Sequence[str], line: int) -> dict[str, str]:
        if self._exact and len(cells) != len(self.header):
            hint = "put a cell with a comma in quotes"
            raise BadRow(f"{len(cells)} cells under {len(self.header)} columns", line, hint=hint)
        return dict(zip(self.header, cells, strict=False))


def yaml_rows(file: YamlFile) -> Iterator[Row]:
    """The items of a YAML file that contains a list."""
    for number, item in enumerate(file.data):
        yield Row(item, file.line((number,)) or 1)

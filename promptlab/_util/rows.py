r"""Rows of a file: JSON lines and YAML lists, each with its line number and its position in the text.

    list(json_rows(lines_of('{"id": "a"}\n\n{"id": "b"}\n')))
    # [Row(data={'id': 'a'}, line=1, start=0, end=12), Row(data={'id': 'b'}, line=3, start=13, end=25)]

Cases of suites and pools of examples are such rows. The caller checks what a row must contain; a row that cannot be
read at all raises `BadRow`. CSV is read in `_util/csv_rows.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from promptlab._yaml import YamlFile

Kind = Literal["csv", "yaml", "jsonl"]
_KINDS: dict[str, Kind] = {".csv": "csv", ".tsv": "csv", ".yaml": "yaml", ".yml": "yaml"}


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


def yaml_rows(file: YamlFile) -> Iterator[Row]:
    """The items of a YAML file that contains a list."""
    for number, item in enumerate(file.data):
        yield Row(item, file.line((number,)) or 1)

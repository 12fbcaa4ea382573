"""Reads source files of imports, with the line of each of their values.

Nothing in a file is run, no environment variable is resolved, and a reference to another file is followed only inside
the folder of the source.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from json.decoder import JSONDecodeError
from pathlib import Path
from typing import Any

from promptlab._util.rows import BadRow, json_rows, lines_of
from promptlab._yaml import TaggedScalar, YamlFile, parse_yaml, read_text
from promptlab.errors import FormatError
from promptlab.formats._report import ConversionReport, Outcome

Path_ = tuple[str | int, ...]

MAX_VALUES = 500_000
MAX_DEPTH = 60


@dataclass(frozen=True)
class Source:
    """A file to import: its plain data, and the line of each of its parts."""

    path: Path
    shown: str
    text: str
    data: Any
    yaml: YamlFile | None = None
    lines: Mapping[Path_, int] = field(default_factory=dict)

    def line(self, path: Iterable[str | int]) -> int | None:
        """The line (from 1) of the deepest part of `path` that the file has."""
        parts = tuple(path)
        if self.yaml is not None:
            return self.yaml.line(_original(self.yaml.data, parts))
        while parts and parts not in self.lines:
            parts = parts[:-1]
        return self.lines.get(parts)


def _original(node: Any, path: Path_) -> Iterator[Any]:
    """`path` with the original keys of the file, which may be numbers and not text."""
    for part in path:
        if isinstance(node, Mapping) and part not in node:
            part = next((key for key in node if str(key) == part), part)
        yield part
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            node = None


class Fields:
    """The keys of a mapping of the source. Each is reported once; `rest` reports those that are left."""

    def __init__(
        self, source: Source, report: ConversionReport, data: Any, at: Path_ = (), first_line: int = 0
    ) -> None:
        self.source, self.report, self.at, self.shift = source, report, at, first_line
        self.data: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
        self.named: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self.data

    def name(self, key: str | int) -> str:
        return ".".join(str(part) for part in (*self.at, key))

    def line(self, key: str | int) -> int | None:
        line = self.source.line((*self.at, key))
        return None if line is None else line + self.shift

    def say(self, key: str, what: Outcome, note: str = "") -> Any:
        """Report `key` if it is there. Returns its value, or None."""
        if key in self.data:
            self.named.add(key)
            self.report.add(self.name(key), what, self.line(key), note)
        return self.data.get(key)

    def take(self, key: str) -> Any:
        return self.say(key, "taken")

    def translate(self, key: str, note: str) -> Any:
        return self.say(key, "translated", note)

    def drop(self, key: str, note: str) -> Any:
        return self.say(key, "not understood", note)

    def inside(self, key: str) -> Fields:
        """The keys of the mapping at `key`. They are reported instead of `key` itself."""
        self.named.add(key)
        return Fields(self.source, self.report, self.data.get(key), (*self.at, key), self.shift)

    def rest(self, note: str = "promptlab has nothing like it") -> None:
        """Report every other key as not understood."""
        for key in self.data:
            if key not in self.named:
                self.drop(key, note)


def read_bytes(path: Path, shown: str) -> bytes:
    """The bytes of the file. Raises `FormatError` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise FormatError(f"cannot be read: {exc.strerror}", file=shown) from exc


def read_source_text(path: Path, shown: str) -> str:
    """The text of the file, without a byte order mark."""
    return read_text(path, shown=shown, error=FormatError).removeprefix("\ufeff")


def read_source(path: Path, shown: str) -> Source:
    """Read a YAML or JSON file. Raises `FormatError` with the line if it is neither."""
    return source_of(read_source_text(path, shown), path, shown)


def source_of(text: str, path: Path, shown: str) -> Source:
    """`text` as a source: JSON if it looks like it, else YAML. No tag builds an object."""
    if path.suffix.lower() == ".json" or text.lstrip()[:1] in ("{", "["):
        try:
            data = json.loads(text)
        except JSONDecodeError as exc:
            if path.suffix.lower() == ".json":
                raise FormatError(f"not JSON: {exc.msg}", file=shown, line=exc.lineno) from exc
        except RecursionError as exc:
            raise FormatError("nested too deeply", file=shown) from exc
        else:
            return Source(path, shown, text, plain_data(data, shown), lines=_json_lines(text))
    yaml = parse_yaml(text, shown=shown, error=FormatError)
    return Source(path, shown, text, plain_data(yaml.data, shown), yaml=yaml)


class Tagged(str):
    """A value with a tag such as `!function`: kept as text, never evaluated."""

    __slots__ = ("tag",)
    tag: str

    def __new__(cls, text: str, tag: str) -> Tagged:
        self = super().__new__(cls, text)
        self.tag = tag
        return self


def plain_data(value: Any, shown: str) -> Any:
    """`value` as plain dicts, lists and scalars, within limits."""
    left = MAX_VALUES

    def convert(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise FormatError(f"more than {MAX_VALUES:,} values: do aliases repeat each other?", file=shown)
        if depth > MAX_DEPTH:
            raise FormatError("nested too deeply", file=shown)
        if isinstance(value, Mapping):
            return {str(key): convert(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [convert(inner, depth + 1) for inner in value]
        if isinstance(value, TaggedScalar):
            return value.text if value.tag.startswith("tag:yaml.org") else Tagged(value.text, value.tag)
        return value

    return convert(value, 0)


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def _json_lines(text: str) -> dict[Path_, int]:
    """The line of each value by its path, for valid JSON text."""
    lines: dict[Path_, int] = {}
    path: list[str | int] = []
    line, at = 1, 0
    key: str | None = None
    for match in _TOKEN.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        token = match[0]
        if token == "{":
            path.append("")
        elif token == "[":
            path.append(0)
            lines.setdefault(tuple(path), line)
        elif token in "}]":
            path.pop()
        elif token == ",":
            last = path[-1]
            if isinstance(last, int):
                path[-1] = last + 1
        elif token == ":":
            if key is not None:
                path[-1] = key
                lines[tuple(path)] = line
            key = None
        else:
            key = json.loads(token) if token[0] == '"' else None
        if path and isinstance(path[-1], int):
            lines.setdefault(tuple(path), line)
    return lines


def file_beside(source: Path, reference: str) -> Path | None:
    """The file that `reference` names; None if it does not exist or is outside of the folder of `source`."""
    name = reference.removeprefix("file://")
    try:
        full = (source.parent / name).resolve()
        exists = full.is_file()
    except (OSError, ValueError, RuntimeError):
        return None
    return full if exists and full.is_relative_to(source.parent.resolve()) else None


def read_rows(path: Path, shown: str) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a CSV, JSONL, JSON or YAML file, each with its line (0 if it has none)."""
    text = read_source_text(path, shown)
    if path.suffix.lower() == ".csv":
        reader = csv.DictReader(io.StringIO(text), strict=True)
        try:
            return [(reader.line_num, {k or "": v for k, v in row.items() if v is not None}) for row in reader]
        except csv.Error as exc:
            raise FormatError(f"not CSV: {exc}", file=shown, line=reader.line_num) from exc
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return list(_json_rows(text, shown))
    source = source_of(text, path, shown)
    if not isinstance(source.data, list):
        raise FormatError("a list of rows is needed", file=shown, line=1)
    return [(source.line((n,)) or 0, row) for n, row in enumerate(source.data) if isinstance(row, dict)]


def _json_rows(text: str, shown: str) -> Iterable[tuple[int, dict[str, Any]]]:
    try:
        for row in json_rows(lines_of(text)):
            if not isinstance(row.data, dict):
                raise FormatError("not a JSON object", file=shown, line=row.line)
            yield row.line, row.data
    except BadRow as exc:
        raise FormatError(exc.message, file=shown, line=exc.line) from exc


def slug(name: str, otherwise: str = "prompt") -> str:
    """`name` as a file name: letters, digits, dots, dashes and underscores."""
    cleaned = re.sub(r"[^\w.-]+", "-", name.strip()).strip("-.")[:80].strip("-.")
    return cleaned or otherwise


def pool_line(number: int, inputs: Mapping[str, Any], output: str, tags: Iterable[str] = (), name: str = "") -> str:
    """One line of a pool of examples; values that are not text are written as JSON."""
    texts = {key: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for key, v in inputs.items()}
    row: dict[str, Any] = {"id": name or str(number), "inputs": texts, "output": output}
    if tags:
        row["tags"] = list(tags)
    return json.dumps(row, ensure_ascii=False) + "\n"

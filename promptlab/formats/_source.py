"""What every importer gives back: files to write, and a report that names each field of the source.

    report = imported.report
    report.entries[0]      # Loss(field="prompts.0", what="translated", line=3, note="`dump` is `tojson` here")

Reading never runs anything that a file holds, never resolves an environment variable, and follows a reference
to another file only inside the folder of the file it reads.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json.decoder import JSONDecodeError
from pathlib import Path
from typing import Any, Literal

from promptlab._util.rows import BadRow, json_rows, lines_of
from promptlab._yaml import TaggedScalar, YamlFile, parse_yaml, read_text
from promptlab.errors import FormatError
from promptlab.types import Document, Example, Template

Outcome = Literal["taken", "translated", "not understood"]
Kind = Literal["template", "pool", "document"]
Path_ = tuple[str | int, ...]

MAX_VALUES = 500_000
MAX_DEPTH = 60


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """What became of one field of the source. `line` is None where the format has no lines."""

    field: str
    what: Outcome
    line: int | None = None
    note: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{self.what}: {place}{self.field}" + (f": {self.note}" if self.note else "")


@dataclass
class ConversionReport:
    """The fields of one source, each named once."""

    entries: list[FieldOutcome] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict, repr=False)

    def add(self, name: str, what: Outcome, line: int | None = None, note: str = "") -> None:
        """Name a field. A second word on the same field is put to the first, and the worse of the two stands."""
        number = self._places.setdefault(name, len(self.entries))
        if number == len(self.entries):
            self.entries.append(FieldOutcome(name, what, line, note))
            return
        entry = self.entries[number]
        worse = max(entry.what, what, key=_WORSE.index)
        notes = "; ".join(dict.fromkeys(n for n in (entry.note, note) if n))
        self.entries[number] = FieldOutcome(name, worse, entry.line or line, notes)

    def of(self, what: Outcome) -> list[FieldOutcome]:
        """The entries that say `what`."""
        return [entry for entry in self.entries if entry.what == what]


_WORSE: tuple[Outcome, ...] = ("taken", "translated", "not understood")


@dataclass(frozen=True)
class ImportedFile:
    """A file an import makes: its path in the workspace and its text."""

    path: str
    text: str
    kind: Kind = "template"


@dataclass
class Imported:
    """What one source became. `models` are lines for promptlab.yaml; `original` is the source, byte for byte."""

    name: str
    original: bytes
    report: ConversionReport = field(default_factory=ConversionReport)
    files: list[ImportedFile] = field(default_factory=list)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, path: str, text: str, kind: Kind = "template") -> str:
        """Add a file; a name that is taken gets a number. Returns the path it has."""
        taken = {file.path.casefold() for file in self.files}
        stem, dot, ending = path.rpartition(".")
        number, free = 2, path
        while free.casefold() in taken:
            free = f"{stem}-{number}{dot}{ending}"
            number += 1
        self.files.append(ImportedFile(free, text, kind))
        return free


@dataclass(frozen=True)
class WorkspaceView:
    """The workspace that imports, as far as readers need it: `text_of` a file, empty where there is none, and the
    documents and shots of a template, read and chosen there."""

    text_of: Callable[[str], str]
    materials: Callable[[Template], tuple[Sequence[Document], Sequence[Example]]]


@dataclass(frozen=True)
class ImportFolders:
    """Folders of the workspace that an import writes to, and what it may look at there."""

    templates: str = "templates/imported"
    pools: str = "fixtures/imported"
    home: WorkspaceView | None = None


@dataclass(frozen=True)
class Source:
    """A file to import: plain data, and the line of each of its parts."""

    path: Path
    shown: str
    text: str
    data: Any
    yaml: YamlFile | None = None
    lines: Mapping[Path_, int] = field(default_factory=dict)

    def line(self, path: Iterable[str | int]) -> int | None:
        """The line (from 1) of the deepest part of `path` that the file has."""
        way = tuple(path)
        if self.yaml is not None:
            return self.yaml.line(_original(self.yaml.data, way))
        while way and way not in self.lines:
            way = way[:-1]
        return self.lines.get(way)


def _original(node: Any, way: Path_) -> Iterator[Any]:
    """`way` with the keys as the file has them, where they are numbers and not texts."""
    for part in way:
        if isinstance(node, Mapping) and part not in node:
            part = next((key for key in node if str(key) == part), part)
        yield part
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            node = None


class Fields:
    """The keys of a mapping of the source; each is named in the report once, at the latest by `rest`."""

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
        """Name `key` in the report if it is there; gives its value, or None."""
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
        """The keys of the mapping at `key`, which is then named by what is in it."""
        self.named.add(key)
        return Fields(self.source, self.report, self.data.get(key), (*self.at, key), self.shift)

    def rest(self, note: str = "promptlab has nothing like it") -> None:
        """Every key not named yet is not understood."""
        for key in self.data:
            if key not in self.named:
                self.drop(key, note)


def read_bytes(path: Path, shown: str) -> bytes:
    """The file's bytes; `FormatError` when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise FormatError(f"cannot be read: {exc.strerror}", file=shown) from exc


def read_source_text(path: Path, shown: str) -> str:
    """The file as text, without a byte order mark."""
    return read_text(path, shown=shown, error=FormatError).removeprefix("\ufeff")


def read_source(path: Path, shown: str) -> Source:
    """A YAML or JSON file, by its ending; `FormatError` with its line for anything else."""
    return source_of(read_source_text(path, shown), path, shown)


def source_of(text: str, path: Path, shown: str) -> Source:
    """`text` as a source: JSON when it looks like it, else YAML read without building any object."""
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
    """A value that a tag such as `!function` stood before: kept as text, never built."""

    __slots__ = ("tag",)
    tag: str

    def __new__(cls, text: str, tag: str) -> Tagged:
        self = super().__new__(cls, text)
        self.tag = tag
        return self


def plain_data(value: Any, shown: str) -> Any:
    """Plain dicts, lists and scalars, within bounds."""
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
    """Path of each value -> its line, for JSON text that is known to be valid."""
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
    """The file `reference` names, inside the folder of `source`; None when it leads out of it or is not there."""
    name = reference.removeprefix("file://")
    try:
        full = (source.parent / name).resolve()
        there = full.is_file()
    except (OSError, ValueError, RuntimeError):
        return None
    return full if there and full.is_relative_to(source.parent.resolve()) else None


def read_rows(path: Path, shown: str) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a CSV, JSONL, JSON or YAML file, each with its line (0 where there is none)."""
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
    made = re.sub(r"[^\w.-]+", "-", name.strip()).strip("-.")[:80].strip("-.")
    return made or otherwise


def pool_line(number: int, inputs: Mapping[str, Any], output: str, tags: Iterable[str] = (), name: str = "") -> str:
    """One line of a pool of examples; values that are no text are written as JSON."""
    texts = {key: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for key, v in inputs.items()}
    row: dict[str, Any] = {"id": name or str(number), "inputs": texts, "output": output}
    if tags:
        row["tags"] = list(tags)
    return json.dumps(row, ensure_ascii=False) + "\n"

"""The result of an import: files to write, and a report on every field of the source.

report = imported.report
report.entries[0]    # FieldOutcome(field="prompts.0", what="translated", line=3, note="`dump` is `tojson` here")
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from promptlab.formats._foreign_run import ForeignRun

Outcome = Literal["taken", "translated", "not understood"]


Kind = Literal["template", "pool", "document", "suite"]


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """What became of one field of the source. `line` is None if the format has no lines."""

    field: str
    what: Outcome
    line: int | None = None
    note: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{self.what}: {place}{self.field}" + (f": {self.note}" if self.note else "")


@dataclass
class ConversionReport:
    """The outcome of each field of one source."""

    entries: list[FieldOutcome] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict, repr=False)

    def add(self, name: str, what: Outcome, line: int | None = None, note: str = "") -> None:
        """Add the outcome of a field. A second one for the same field is merged: the worse outcome counts."""
        number = self._places.setdefault(name, len(self.entries))
        if number == len(self.entries):
            self.entries.append(FieldOutcome(name, what, line, note))
            return
        entry = self.entries[number]
        worse = max(entry.what, what, key=_WORSE.index)
        notes = "; ".join(dict.fromkeys(n for n in (entry.note, note) if n))
        self.entries[number] = FieldOutcome(name, worse, entry.line or line, notes)

    def of(self, what: Outcome) -> list[FieldOutcome]:
        """The entries with the outcome `what`."""
        return [entry for entry in self.entries if entry.what == what]


_WORSE: tuple[Outcome, ...] = ("taken", "translated", "not understood")


@dataclass(frozen=True)
class ImportedFile:
    """A file that an import makes: its path in the workspace and its text."""

    path: str
    text: str
    kind: Kind = "template"


@dataclass
class Imported:
    """The result of importing one source. `models` are entries for promptlab.yaml; `original` is the source file, empty
    if none is kept. `runs` are answers that another tool asked for."""

    name: str
    original: bytes
    report: ConversionReport = field(default_factory=ConversionReport)
    files: list[ImportedFile] = field(default_factory=list)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: list[ForeignRun] = field(default_factory=list)

    def add(self, path: str, text: str, kind: Kind = "template") -> str:
        """Add a file; if its path is used already, it gets a number. Returns the path."""
        used = {file.path.casefold() for file in self.files}
        stem, dot, ending = path.rpartition(".")
        number, free = 2, path
        while free.casefold() in used:
            free = f"{stem}-{number}{dot}{ending}"
            number += 1
        self.files.append(ImportedFile(free, text, kind))
        return free

"""Files of cases in JSONL, CSV or YAML. They are read a case at a time, and each case knows its line.

    {"id": "winner", "inputs": {"question": "Who won?"}, "expected": "Argentina", "tags": ["final"]}

    id,question,expected,tags,label
    winner,Who won?,Argentina,final;short,

In CSV every column that is not `id`, `expected`, `documents`, `tags` or `label` is an input; several documents or
tags are separated by semicolons. `_util/csv_rows.py` has the rules for the delimiter and the names of columns. A pool
of examples can be read as well: its `output` is the expected answer.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from promptlab import scorers, templates
from promptlab._util.csv_rows import CsvRows
from promptlab._util.rows import BadRow, Row, json_rows, kind_of, yaml_rows
from promptlab._yaml import PlainData, YamlFile, parse_yaml, read_yaml
from promptlab.errors import InputError, SuiteError, nearest
from promptlab.suites._suite import Case, CaseFile, Suite, id_problem
from promptlab.types import LABELS, Label, Place, ScorerSpec, highest
from promptlab.workspace import COPIED_FROM, Labels, Workspace, parse_places

KEYS = ("id", "inputs", "expected", "documents", "tags", "label", "scorers", COPIED_FROM)
COLUMNS = ("id", "expected", "documents", "tags", "label", COPIED_FROM)
MAX_LINE = 4_000_000
"""The most characters that a line with a case may have."""


Texts = Mapping[str, str]
"""Texts of files by path, which are read instead of those on disk: so a change can be checked before it is written."""


def read(workspace: Workspace, suite: Suite, *, texts: Texts = MappingProxyType({})) -> Iterator[Case]:
    """Every case of `suite`, in order. Files of cases are read while the caller iterates; `texts` are read instead of
    the files at their paths.

    Each case is at least as private as the suite's file. Raises `SuiteError` with file and line at the first case that
    is wrong, or that has the id of an earlier one.
    """
    seen: set[str] = set()
    now = Labels(workspace)
    for entry in suite.entries:
        cases = _of_file(workspace, suite, entry, texts) if isinstance(entry, CaseFile) else iter((entry,))
        for case in cases:
            file, _, line = case.place.rpartition(":")
            problem = id_problem(case.id)
            if case.id in seen:
                problem = f"the id `{case.id}` is used by an earlier case already"
            if problem:
                raise SuiteError(problem, file=file, line=int(line), field="id")
            if wrong := expected_problem(suite, case):
                raise SuiteError(wrong.what, file=file, line=int(line), field="expected", hint=wrong.hint)
            seen.add(case.id)
            places = (Place(file, case.id), *case.places)
            if file != suite.path:
                places = (*places, Place(suite.path))
            labels = [case.label, suite.label, *map(now.of_copy, case.places)]
            yield replace(case, label=highest(labels), places=tuple(dict.fromkeys(places)))


def expected_problem(suite: Suite, case: Case) -> InputError | None:
    """What a scorer of the case cannot read in `expected`; None if all can. Then no answer could be judged."""
    for spec in suite.specs_of(case):
        if spec.name == "json_schema" and all((v.template or suite.template).schema for v in suite.variants):
            continue  # compares with the template's schema
        try:
            scorers.check_expected(spec, case.expected)
        except InputError as exc:
            hint = exc.hint
            if case.expected is None:
                hint = f"give the case `expected`, or scorers that need none: {hint}".removesuffix(": ")
            if highest([case.label, suite.label]) != "public":  # the message cites what is expected
                return SuiteError(f"case `{case.id}`: `{spec.name}` cannot compare an answer with its `expected`")
            return SuiteError(f"case `{case.id}`: {exc.what}", hint=hint)
    return None


def input_names(workspace: Workspace, entry: CaseFile, texts: Texts = MappingProxyType({})) -> set[str]:
    """The names of the inputs of the first case in a file."""
    full = workspace.resolve(entry.path)
    row = next(_rows(full, entry.path, text=texts.get(entry.path)), None)
    return set() if row is None else set(_inputs(row.data, kind_of(entry.path)))


def _of_file(workspace: Workspace, suite: Suite, entry: CaseFile, texts: Texts) -> Iterator[Case]:
    try:
        full = workspace.resolve(entry.path)
    except InputError as exc:
        raise SuiteError(exc.what, file=suite.path, line=entry.line, field="file") from exc
    text = texts.get(entry.path)
    if text is None and not full.is_file():
        beside = [workspace.relative(path) for path in full.parent.iterdir()] if full.parent.is_dir() else []
        message = f"there is no file `{entry.path}` in the workspace"
        raise SuiteError(message, file=suite.path, line=entry.line, field="file", hint=nearest(entry.path, beside))
    label, cells = workspace.label_of(entry.path), kind_of(entry.path) == "csv"
    for row in _rows(full, entry.path, suite.template.inputs, text=text):
        case = _Case(suite, entry.path, row.line, label)
        yield case.from_csv(row.data) if cells else case.from_data(row.data)


def _rows(full: Path, shown: str, inputs: Collection[str] = (), *, text: str | None = None) -> Iterator[Row]:
    """The rows of a file of cases, or of `text`, read while the caller iterates. Each is a dict with unchecked content.
    `inputs` are the names of inputs that are known."""
    try:
        if kind_of(shown) == "yaml":
            file = (
                read_yaml(full, shown=shown, error=SuiteError)
                if text is None
                else parse_yaml(text, shown=shown, error=SuiteError)
            )
            yield from _yaml(file, shown)
        elif text is not None:
            yield from _of_lines(io.StringIO(text.removeprefix("\ufeff"), newline=""), shown, inputs)
        else:
            with full.open(encoding="utf-8-sig", newline="") as lines:
                yield from _of_lines(lines, shown, inputs)
    except BadRow as exc:
        hint = exc.hint or ("one JSON object a line" if kind_of(shown) == "jsonl" else "")
        raise SuiteError(exc.message, file=shown, line=exc.line, hint=hint) from exc
    except UnicodeDecodeError as exc:
        raise SuiteError("not UTF-8 text", file=shown, hint="save the file as UTF-8") from exc
    except OSError as exc:
        raise SuiteError(f"cannot be read: {exc.strerror}", file=shown) from exc


def _of_lines(lines: TextIO, shown: str, inputs: Collection[str]) -> Iterator[Row]:
    if kind_of(shown) == "csv":
        yield from CsvRows(lines, shown, _check_header, known=COLUMNS, inputs=inputs)
        return
    for row in json_rows(iter(lambda: lines.readline(MAX_LINE), "")):
        if not isinstance(row.data, dict):
            raise SuiteError("not a JSON object", file=shown, line=row.line, hint="one JSON object a line")
        yield row


def _check_header(header: Sequence[str], line: int) -> None:
    doubled = next((name for n, name in enumerate(header) if not name or name in header[:n]), None)
    if doubled is not None:
        raise BadRow(f"a column has no name, or the name of another column: {doubled!r}", line)
    if "id" not in header:
        raise BadRow("there is no column `id`", line, hint=f"its columns: {', '.join(header)}")


def _yaml(file: YamlFile, shown: str) -> Iterator[Row]:
    if not isinstance(file.data, list):
        raise SuiteError("a YAML file of cases must be a list of cases", file=shown, line=1)
    for number, row in enumerate(yaml_rows(file)):
        if not isinstance(row.data, Mapping):
            raise SuiteError("a case must be a mapping", file=shown, line=row.line)
        yield Row(PlainData(file, SuiteError, "a suite").convert(row.data, (number,)), row.line)


def _inputs(row: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    if kind == "csv":
        return {name: value for name, value in row.items() if name not in COLUMNS}
    inputs = row.get("inputs", {})
    return inputs if isinstance(inputs, dict) else {}


class _Case:
    """Makes the case of one row, and errors that name the place of the row."""

    def __init__(self, suite: Suite, path: str, line: int, label: Label) -> None:
        self._suite, self._path, self._line, self._label = suite, path, line, label

    def from_csv(self, row: Mapping[str, str]) -> Case:
        def several(name: str) -> tuple[str, ...]:
            return tuple(part.strip() for part in row.get(name, "").split(";") if part.strip())

        if not row["id"]:
            raise self._error("the id is empty", "id")
        template = self._suite.template
        if "output" in row and "expected" not in row and "output" not in template.inputs:  # a pool of examples
            row = {"expected": row["output"], **{name: cell for name, cell in row.items() if name != "output"}}
        texts = {name: text for name, text in _inputs(row, "csv").items() if text or name in template.inputs}
        try:
            inputs = templates.inputs_from_text(template, texts)
        except InputError as exc:
            raise self._error(exc.what, exc.field, exc.hint) from exc
        return self._made(
            row["id"],
            inputs,
            row.get("expected") or None,
            several("documents") if row.get("documents") else None,
            several("tags"),
            row.get("label") or "public",
            None,
            self._origins(row),
        )

    def from_data(self, row: Mapping[str, Any]) -> Case:
        if "output" in row and "expected" not in row:  # a pool of examples
            row = {"expected": row["output"], **{key: value for key, value in row.items() if key != "output"}}
        for key in row:
            if key not in KEYS:
                raise self._error(f"unknown key `{key}`", key, nearest(key, KEYS))
        id, inputs, documents, tags = (row.get(key) for key in ("id", "inputs", "documents", "tags"))
        if not isinstance(id, str) or not id:
            raise self._error("should be text that is not empty", "id")
        if not isinstance(inputs, dict | None):
            raise self._error("should be an object of input names and values", "inputs")
        for name, value in (("documents", documents), ("tags", tags)):
            if value is not None and not (isinstance(value, list) and all(isinstance(part, str) for part in value)):
                raise self._error("should be a list of texts", name)
        own = row.get("scorers")
        if own is not None and not isinstance(own, list):
            raise self._error("should be a list of scorers", "scorers")
        specs = None if own is None else tuple(self._spec(written) for written in own)
        paths = None if documents is None else tuple(documents)
        return self._made(
            *(id, inputs or {}, row.get("expected"), paths, tuple(tags or ()), row.get("label", "public"), specs),
            self._origins(row),
        )

    def _origins(self, row: Mapping[str, Any]) -> tuple[Place, ...]:
        try:
            return parse_places(row.get(COPIED_FROM) or [])
        except ValueError as exc:
            raise self._error(str(exc), COPIED_FROM) from exc

    def _made(
        self,
        id: str,
        inputs: Mapping[str, Any],
        expected: Any,
        documents: tuple[str, ...] | None,
        tags: tuple[str, ...],
        label: Any,
        specs: tuple[ScorerSpec, ...] | None,
        places: tuple[Place, ...],
    ) -> Case:
        if label not in LABELS:
            raise self._error(f"{label!r} is not a label", "label", f"labels: {', '.join(LABELS)}")
        labels: list[Label] = [label, self._label]
        return Case(id, inputs, expected, documents, tags, highest(labels), specs, f"{self._path}:{self._line}", places)

    def _spec(self, written: Any) -> ScorerSpec:
        try:
            return scorers.scorer_spec(written)
        except InputError as exc:
            raise self._error(exc.what, "scorers", exc.hint) from exc

    def _error(self, message: str, field: str, hint: str = "") -> SuiteError:
        return SuiteError(message, file=self._path, line=self._line, field=field, hint=hint)

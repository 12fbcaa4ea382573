"""Cases added, changed and retired, as changes to show before they are written (`_change.py`).

    plan_case(workspace, "facts", CaseDraft("host", {"question": "Where was it?"}, "Qatar"))           # a new case
    plan_case(workspace, "facts", CaseDraft("host", {"question": "Where?"}, "Qatar"), replaces="host")
    plan_retired(workspace, "facts", "host")

A case is changed where it stands: in the suite, or in its file of cases. A retired case leaves its file, and its
recorded answers leave the recording, so that a replay does not fail on them; the change can be undone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from promptlab._util.rows import kind_of
from promptlab._yaml import CannotSplice, edit_yaml, parse_yaml
from promptlab.errors import SuiteError, nearest
from promptlab.suites import _case_file as case_files
from promptlab.suites import _file as suite_file
from promptlab.suites._case_text import drop_case, put_case, row_of
from promptlab.suites._change import FileChange, SuiteChange, check_inputs, checked, content_of, text_of
from promptlab.suites._recording import Recording, write
from promptlab.suites._suite import FOLDER, Case, Suite, stem_of
from promptlab.workspace import Workspace


@dataclass(frozen=True, slots=True)
class CaseDraft:
    """What a person filled in for a case. `expected` is None if nothing is expected."""

    id: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    expected: Any = None
    tags: tuple[str, ...] = ()


def suite_cases(workspace: Workspace, suite: Suite) -> list[Case]:
    """Every case of the suite, in order. Raises `SuiteError` at the first that cannot be read."""
    return list(case_files.read(workspace, suite))


def plan_case(workspace: Workspace, path: str, draft: CaseDraft, *, replaces: str = "") -> SuiteChange:
    """The change that adds the case `draft` to the suite at `path`, or puts it in the place of `replaces`.

    A case keeps its id: recordings are looked up by it.
    """
    suite = suite_file.load_suite(workspace, path)
    cases = {case.id: case for case in case_files.read(workspace, suite)}
    if replaces and replaces != draft.id:
        hint = f"`promptlab suite rename {suite.name} {replaces} {draft.id}` keeps its answers and its history"
        raise SuiteError("the id of a case cannot be edited", file=suite.path, field="id", hint=hint)
    if not draft.id:
        raise SuiteError("give the case an id", file=suite.path, field="id", hint="a short name, such as final-winner")
    if not replaces and draft.id in cases:
        taken = f"the id `{draft.id}` is used in {cases[draft.id].place} already"
        raise SuiteError(taken, file=suite.path, field="id")
    if replaces and replaces not in cases:
        raise SuiteError(f"there is no case `{replaces}`", file=suite.path, hint=nearest(replaces, list(cases)))
    file = cases[replaces].place.rpartition(":")[0] if replaces else suite.path
    before = content_of(workspace, file)
    text = text_of(before, file)
    row = _row(text, file, draft, cases.get(replaces))
    after = put_case(text, file, draft.id, row)
    changed, every = checked(workspace, suite.path, {file: after})
    check_inputs(changed, [case for case in every if case.id == draft.id])
    what = f"Change the case {draft.id}" if replaces else f"Add the case {draft.id}"
    return SuiteChange(suite.path, what, (FileChange(file, before, after.encode("utf-8")),))


def _row(text: str, file: str, draft: CaseDraft, old: Case | None) -> Mapping[str, Any]:
    """The row of the file for `draft`. What `old` has already stays as it is written."""
    written = (row_of(text, file, draft.id) if old else None) or {"id": draft.id}
    if kind_of(file) == "csv":
        return _csv_row(file, written, draft, old)
    row: dict[str, Any] = dict(written)
    if old is None or dict(old.inputs) != dict(draft.inputs):
        given = written.get("inputs") or {}
        same = old.inputs if old else {}
        inputs = {
            name: given[name] if name in given and _alike(same.get(name), value) else value
            for name, value in draft.inputs.items()
        }
        _set(row, "inputs", inputs, before="expected")
    answer = "output" if "output" in row and "expected" not in row else "expected"
    if old is None or not _alike(old.expected, draft.expected):
        _set(row, answer, draft.expected, before="documents")
    if old is None or old.tags != draft.tags:
        _set(row, "tags", list(draft.tags), before="label")
    return row


def _alike(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str)


def _set(row: dict[str, Any], key: str, value: Any, *, before: str) -> None:
    if value in (None, [], {}):
        row.pop(key, None)
    elif key in row or before not in row:
        row[key] = value
    else:
        items = list(row.items())
        place = [name for name, _ in items].index(before)
        row.clear()
        row.update([*items[:place], (key, value), *items[place:]])


def _csv_row(file: str, written: Mapping[str, Any], draft: CaseDraft, old: Case | None) -> Mapping[str, Any]:
    row = dict(written)
    for name, value in draft.inputs.items():
        if old is None or not _alike(old.inputs.get(name), value):
            row[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if old is None or not _alike(old.expected, draft.expected):
        if draft.expected is not None and not isinstance(draft.expected, str):
            hint = "give a text, or keep the case in the suite's YAML or in a JSONL file"
            raise SuiteError("a CSV file has texts only", file=file, field="expected", hint=hint)
        row["output" if "output" in row and "expected" not in row else "expected"] = draft.expected or ""
    if old is None or old.tags != draft.tags:
        row["tags"] = ";".join(draft.tags)
    return row


def plan_retired(workspace: Workspace, path: str, id: str) -> SuiteChange:
    """The change that takes the case `id` out of the suite, with its recorded answers."""
    suite = suite_file.load_suite(workspace, path)
    cases = {case.id: case for case in case_files.read(workspace, suite)}
    if id not in cases:
        raise SuiteError(f"there is no case `{id}`", file=suite.path, hint=nearest(id, list(cases)))
    file = cases[id].place.rpartition(":")[0]
    before = content_of(workspace, file)
    after = drop_case(text_of(before, file), file, id)
    _, left = checked(workspace, suite.path, {file: after})
    if not left:
        raise SuiteError(f"`{id}` is the only case", file=suite.path, hint="add another case first")
    files = [FileChange(file, before, after.encode("utf-8"))]
    recording, recorded = _without(workspace, suite, id)
    if recorded:
        files.append(recording)
    return SuiteChange(suite.path, f"Retire the case {id}", tuple(files), recorded)


def _without(workspace: Workspace, suite: Suite, id: str) -> tuple[FileChange, int]:
    """The recording without the answers to the case `id`, and how many these are."""
    path = workspace.resolve(suite.recording)
    before = content_of(workspace, suite.recording)
    if before is None:
        return FileChange(suite.recording, None, None), 0
    with Recording(path, shown=suite.recording) as recording, TemporaryDirectory() as folder:
        gone = sum(stored.key.case == id for stored in recording)
        new = Path(folder) / "recording.jsonl"
        write(new, (stored for stored in recording if stored.key.case != id))
        return FileChange(suite.recording, before, new.read_bytes()), gone


def plan_upload(workspace: Workspace, path: str, name: str, data: bytes) -> tuple[SuiteChange, list[Case]]:
    """The change that adds an uploaded file of cases to the suite at `path`, and the cases in it.

    The file is kept as it was uploaded. Raises `SuiteError` at the first row that is wrong.
    """
    suite = suite_file.load_suite(workspace, path)
    file = new_case_file(workspace, suite.path, name)
    source = content_of(workspace, suite.path)
    text = text_of(source, suite.path)
    written = parse_yaml(text, shown=suite.path, error=SuiteError).data
    try:
        after = edit_yaml(text, written, {**written, "cases": [*written["cases"], {"file": file}]}, in_place=True)
    except CannotSplice as exc:
        hint = f"add `- file: {file}` under `cases` by hand"
        raise SuiteError(f"the file cannot be added in place: {exc}", file=suite.path, hint=hint) from exc
    changed, every = checked(workspace, suite.path, {suite.path: after, file: upload_text(name, file, data)})
    new = [case for case in every if case.place.rpartition(":")[0] == file]
    check_upload(changed, new, name)
    files = (FileChange(suite.path, source, after.encode("utf-8")), FileChange(file, None, data))
    return SuiteChange(suite.path, f"Add {len(new):,} cases from {name}", files), new


def upload_text(name: str, file: str, data: bytes) -> str:
    """The text of an uploaded file; raises `SuiteError` under its own name."""
    if kind_of(file) == "jsonl" and not name.lower().endswith((".jsonl", ".ndjson")):
        raise SuiteError("not a file of cases", file=name, hint="upload CSV, TSV, JSONL or YAML")
    return text_of(data, name)


def check_upload(suite: Suite, cases: Sequence[Case], name: str) -> None:
    """Raise `SuiteError` if the file has no case, or a case that does not fit the template."""
    if not cases:
        raise SuiteError("there is no case in the file", file=name, hint="a header with `id`, and a row for each case")
    check_inputs(suite, cases)


def new_case_file(workspace: Workspace, suite: str, name: str) -> str:
    """The path for an uploaded file of cases: beside the suite, with a name that no file has yet."""
    ending = PurePosixPath(name).suffix.lower() or ".csv"
    stem = f"{FOLDER}/{stem_of(suite)}.cases"
    number = 1
    while True:
        path = f"{stem}{'' if number == 1 else f'-{number}'}{ending}"
        if content_of(workspace, path) is None:
            return path
        number += 1

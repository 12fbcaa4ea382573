"""Reads the JSON of a run of another tool: without keys, and with one line of the report for each kind of field.

    data, masked = without_keys_in(data, shown)
    report_fields(report, data, FIELDS, "")            # FIELDS = {"results.*.cost": ("translated", "details")}

A `*` in the name of a field stands for the elements of a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._report import ConversionReport, Outcome
from promptlab.formats._source import read_bytes
from promptlab.formats._without_keys import without_keys

MAX_RUN_BYTES = 100_000_000
"""The largest file of a run that is read."""
FieldTable = Mapping[str, tuple[Outcome, str]]


def run_bytes(path: Path, shown: str) -> bytes:
    """The bytes of a file with a run. Raises `FormatError` if it is too large or cannot be read."""
    content = read_bytes(path, shown)
    if len(content) > MAX_RUN_BYTES:
        hint = "write the run to several files"
        raise FormatError(f"larger than {MAX_RUN_BYTES // 1_000_000} MB", file=shown, hint=hint)
    return content


def json_of(content: bytes, shown: str) -> Any:
    """The JSON of a file. Raises `FormatError` if it is none."""
    try:
        return json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise FormatError("not UTF-8 text", file=shown) from exc
    except json.JSONDecodeError as exc:
        raise FormatError(f"not JSON: {exc.msg}", file=shown, line=exc.lineno) from exc
    except RecursionError as exc:
        raise FormatError("nested too deeply", file=shown) from exc


def without_keys_in(data: Any, shown: str, report: ConversionReport) -> Any:
    """`data` with keys and passwords replaced by `***`, which the report says. Raises `FormatError` if they cannot be
    found for certain."""
    content = json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass")
    clean = without_keys(content)
    if clean is None:
        hint = "remove the key from the file, then import it again"
        raise FormatError("it has a key that cannot be removed for certain", file=shown, hint=hint)
    if clean == content:
        return data
    report.add("keys", "translated", None, "keys and passwords in the file are `***`, in prompts and answers too")
    return json.loads(clean)


def report_fields(report: ConversionReport, data: Any, table: FieldTable, at: str = "") -> None:
    """Report each field of `data` once: as `table` says, else what is inside it if `table` knows that, else as not
    understood."""
    if isinstance(data, list):
        for value in data:
            report_fields(report, value, table, f"{at}.*" if at else "*")
        return
    if not isinstance(data, Mapping):
        if at and at not in table:
            report.add(at, "not understood", None, "promptlab has nothing like it")
        return
    for key, value in data.items():
        name = f"{at}.{key}" if at else str(key)
        if name in table:
            report.add(name, *_outcome(table[name]))
        elif any(known.startswith(f"{name}.") for known in table) and isinstance(value, dict | list):
            report_fields(report, value, table, name)
        else:
            report.add(name, "not understood", None, "promptlab has nothing like it")


def _outcome(entry: tuple[Outcome, str]) -> tuple[Outcome, None, str]:
    return entry[0], None, entry[1]


def utc_time(value: Any) -> str:
    """An ISO 8601 time as the history has it: UTC, with microseconds. The time now if `value` is none."""
    try:
        when = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        when = datetime.now(UTC)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="microseconds")

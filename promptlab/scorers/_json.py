"""Scorers of JSON answers: against a schema, and field by field against the expected object."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from promptlab._util.json_schema import problem_of, validation_errors
from promptlab._util.text import clipped
from promptlab.errors import InputError, nearest
from promptlab.scorers._text import normalise
from promptlab.types import Score, Scorer, canonical_json

_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL | re.IGNORECASE)


def parse_json_answer(answer: str) -> Any:
    """Parse the JSON of an answer, with or without a code fence around it. Raises `ValueError` if it is not JSON."""
    try:
        return json.loads(_bare(answer))
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def _bare(answer: str) -> str:
    fenced = _FENCE.match(answer)
    return fenced[1] if fenced else answer


def json_schema(*, schema: Mapping[str, Any] | None = None) -> Scorer:
    """1 if the answer is JSON that is valid for `schema`. Without the option, `expected` is the schema."""

    def checked(candidate: Any) -> str:
        if not isinstance(candidate, Mapping):
            raise InputError("`json_schema` needs a schema", hint="as its option `schema`, or as `expected`")
        problem = problem_of(candidate)
        if problem:
            raise InputError(problem.message)
        return canonical_json(dict(candidate))

    own = checked(schema) if schema is not None else None

    def score(answer: str, expected: Any) -> Score:
        against = own or checked(expected)
        try:
            data, problems = parse_json_answer(answer), validation_errors(against, _bare(answer))
        except ValueError as exc:
            return Score("json_schema", 0.0, answer.strip(), f"not JSON: {exc}")
        shown = json.dumps(data, ensure_ascii=False)
        if not problems:
            return Score("json_schema", 1.0, shown, "fits the schema")
        where = problems[0].at.removeprefix("/") or "the answer"
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        return Score("json_schema", 0.0, shown, f"{where}: {clipped(problems[0].why, 200)}{more}")

    return score


def json_fields(*, fields: list[str] | None = None, tolerance: float = 0.0) -> Scorer:
    """The share of the expected fields that are right in the JSON of the answer.

    Texts are compared without case, spacing and outer punctuation, numbers with a relative `tolerance`. `fields` names
    the fields that count, `a.b` for a nested one; without it, all expected fields count.
    """

    def score(answer: str, expected: Any) -> Score:
        if not isinstance(expected, Mapping):
            raise InputError("`json_fields` needs an object to compare with, as `expected`")
        for name in fields or ():
            if _at(expected, name) is _ABSENT:  # absent on both sides is not equal
                raise InputError(f"there is no field `{name}` in `expected`", hint=nearest(name, _flat(expected)))
        wanted = _flat(expected) if fields is None else {name: _at(expected, name) for name in fields}
        if not wanted:
            raise InputError("`json_fields` has no field to compare")
        try:
            data = parse_json_answer(answer)
        except ValueError as exc:
            return Score("json_fields", 0.0, answer.strip(), f"not JSON: {exc}")
        wrong = [
            f"{name} is {_shown(_at(data, name))}, expected {_shown(value)}"
            for name, value in wanted.items()
            if not _same(_at(data, name), value, tolerance)
        ]
        right = len(wanted) - len(wrong)
        reason = f"{right} of {len(wanted)} fields right" + (f": {_first(wrong)}" if wrong else "")
        return Score("json_fields", right / len(wanted), json.dumps(data, ensure_ascii=False), reason)

    return score


def _first(wrong: list[str]) -> str:
    return "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")


def _shown(value: Any) -> str:
    return "absent" if value is _ABSENT else clipped(json.dumps(value, ensure_ascii=False), 200)


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        flat |= _flat(inner, f"{prefix}{name}.") if isinstance(inner, Mapping) and inner else {f"{prefix}{name}": inner}
    return flat


_ABSENT = object()
"""The value of a field that is not there. It equals nothing, not even null."""


def _at(value: Any, name: str) -> Any:
    for part in name.split("."):
        value = value.get(part, _ABSENT) if isinstance(value, Mapping) else _ABSENT
    return value


def _same(found: Any, wanted: Any, tolerance: float) -> bool:
    if isinstance(wanted, str):
        return isinstance(found, str) and normalise(found) == normalise(wanted)
    if isinstance(wanted, bool) or wanted is None or isinstance(found, bool):
        return found is wanted
    if isinstance(wanted, int | float):
        return isinstance(found, int | float) and math.isclose(found, wanted, rel_tol=max(tolerance, 1e-12))
    if isinstance(wanted, list):
        same = isinstance(found, list) and len(found) == len(wanted)
        return same and all(_same(a, b, tolerance) for a, b in zip(found, wanted, strict=True))
    return bool(found == wanted)

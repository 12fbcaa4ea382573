"""Scorers of JSON answers: against a schema, and field by field against the expected object."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptlab._util.json_schema import problem_of, unchecked_formats, validation_errors
from promptlab._util.text import clipped
from promptlab.errors import InputError
from promptlab.scorers._json_answer import JsonAnswer, find_json, parse_json_answer
from promptlab.scorers._json_paths import Path, at, is_missing, path_of, paths_of, written
from promptlab.scorers._text import normalise
from promptlab.types import Score, Scorer, canonical_json


def json_schema(*, schema: Mapping[str, Any] | None = None) -> Scorer:
    """1 if the answer is JSON that is valid for `schema`. Without the option, `expected` is the schema.

    `format` is checked. A schema with a format that promptlab cannot check is refused.
    """
    own = _checked(schema) if schema is not None else None

    def score(answer: str, expected: Any) -> Score:
        against = own or _checked(expected)
        try:
            found = find_json(answer)
            problems = validation_errors(against, found.text)
        except ValueError as exc:
            return Score("json_schema", 0.0, answer.strip(), f"not JSON: {exc}")
        shown = json.dumps(found.value, ensure_ascii=False)
        if not problems:
            return Score("json_schema", 1.0, shown, f"fits the schema{_skipped(found)}")
        where = problems[0].at.removeprefix("/") or "the answer"
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        return Score("json_schema", 0.0, shown, f"{where}: {clipped(problems[0].why, 200)}{more}{_skipped(found)}")

    return score


def _checked(schema: Any) -> str:
    """`schema` as text. Raises `InputError` if it is none, or has a format that is not checked."""
    if not isinstance(schema, Mapping):
        raise InputError("`json_schema` needs a schema", hint="as its option `schema`, or as `expected`")
    problem = problem_of(schema)
    if problem:
        raise InputError(problem.message)
    unchecked = unchecked_formats(schema)
    if unchecked:
        raise InputError(
            f"the format `{unchecked[0].name}` at {unchecked[0].at} is not checked", hint=unchecked[0].hint
        )
    return canonical_json(dict(schema))


def json_fields(
    *,
    fields: list[str] | None = None,
    tolerance: float = 0.0,
    any_order: bool = False,
    numbers_as_text: bool = False,
) -> Scorer:
    """The share of the expected fields that are right in the JSON of the answer.

    Texts are compared without case, spacing and outer punctuation, numbers with a relative `tolerance`. `fields` names
    the fields that count, `a.b` or `/a/b` for a nested one; without it, all expected fields count. With `any_order`,
    the items of lists are compared in any order; with `numbers_as_text`, "2" is also the number 2.
    """
    if fields is not None and (not isinstance(fields, list) or not fields):
        raise InputError(f"`fields` is a list of names, not {fields!r}")
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance < math.inf:
        raise InputError(f"`tolerance` is a number from 0, not {tolerance!r}")
    same = _Sameness(float(tolerance), any_order, numbers_as_text)

    def score(answer: str, expected: Any) -> Score:
        wanted = _wanted(fields, expected)
        try:
            found = find_json(answer)
        except ValueError as exc:
            return Score("json_fields", 0.0, answer.strip(), f"not JSON: {exc}")
        wrong = []
        for path, value in wanted.items():
            named = at(found.value, path)
            if is_missing(named):
                wrong.append(f"{written(path)} is missing, expected {_shown(value)}")
            elif not same(named, value):
                wrong.append(f"{written(path)} is {_shown(named)}, expected {_shown(value)}")
        right = len(wanted) - len(wrong)
        reason = f"{right} of {len(wanted)} fields right" + (f": {_first(wrong)}" if wrong else "") + _skipped(found)
        return Score("json_fields", right / len(wanted), json.dumps(found.value, ensure_ascii=False), reason)

    return score


def _wanted(fields: list[str] | None, expected: Any) -> dict[Path, Any]:
    """The paths of the fields that count, with their expected values. Raises `InputError` if nothing is expected."""
    if not isinstance(expected, Mapping):
        raise InputError("`json_fields` needs an object to compare with, as `expected`")
    paths = list(paths_of(expected)) if fields is None else [path_of(name, expected) for name in fields]
    if not paths:
        raise InputError("`json_fields` has no field to compare")
    return {path: at(expected, path) for path in paths}


def _skipped(found: JsonAnswer) -> str:
    return f"; skipped {found.skipped}" if found.skipped else ""


def _first(wrong: list[str]) -> str:
    return "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")


def _shown(value: Any) -> str:
    return clipped(json.dumps(value, ensure_ascii=False), 200)


@dataclass(frozen=True, slots=True)
class _Sameness:
    """When a value of an answer is the expected one."""

    tolerance: float
    any_order: bool
    numbers_as_text: bool

    def __call__(self, named: Any, wanted: Any) -> bool:
        if isinstance(wanted, bool) or wanted is None or isinstance(named, bool):
            return named is wanted
        if isinstance(wanted, int | float):
            return self._number(named, wanted)
        if isinstance(wanted, str):
            if self.numbers_as_text and isinstance(named, int | float):
                return self(wanted, named)
            return isinstance(named, str) and _same_text(named, wanted)
        if isinstance(wanted, list):
            return isinstance(named, list) and len(named) == len(wanted) and self._items(named, wanted)
        return (
            isinstance(wanted, Mapping)
            and isinstance(named, Mapping)
            and named.keys() == wanted.keys()
            and all(self(named[key], value) for key, value in wanted.items())
        )

    def _number(self, named: Any, wanted: float) -> bool:
        if isinstance(named, str) and self.numbers_as_text:
            try:
                named = json.loads(named)
            except (ValueError, RecursionError):
                return False
        if isinstance(named, bool) or not isinstance(named, int | float):
            return False
        if isinstance(named, int) and isinstance(wanted, int) and not self.tolerance:
            return named == wanted
        try:
            return math.isclose(named, wanted, rel_tol=max(self.tolerance, 1e-12))
        except OverflowError:  # an integer of more than 308 digits
            return named == wanted

    def _items(self, named: list[Any], wanted: list[Any]) -> bool:
        if not self.any_order:
            return all(self(a, b) for a, b in zip(named, wanted, strict=True))
        left = list(named)
        for value in wanted:
            place = next((place for place, item in enumerate(left) if self(item, value)), None)
            if place is None:
                return False
            del left[place]
        return True


def _same_text(named: str, wanted: str) -> bool:
    if normalise(named) and normalise(wanted):
        return normalise(named) == normalise(wanted)
    # Of two texts with nothing but punctuation, the punctuation counts.
    return unicodedata.normalize("NFC", named.strip()) == unicodedata.normalize("NFC", wanted.strip())


__all__ = ["json_fields", "json_schema", "parse_json_answer"]

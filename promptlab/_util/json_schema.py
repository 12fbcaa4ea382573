"""Validates JSON Schemas, and answers under a schema.

    problem_of({"type": "object", "required": "name"})      # SchemaProblem("not a JSON Schema: ...", ("required",))
    validate('{"type": "integer"}', "12")                    # Verdict(True)

The draft is the one that `$schema` names, otherwise 2020-12. Numbers are compared as they are written: an account
number of 20 digits keeps all its digits, and 19.99 is a multiple of 0.01. Nothing is fetched. json_schema_formats.py
has the formats that are checked (`format`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from promptlab._util.bounded_regex import TooSlow
from promptlab._util.json_schema_formats import CHECKED, NOTES, ecma_pattern, find_pattern, format_checker
from promptlab._util.json_schema_refs import RefError, Root, pointer
from promptlab._util.json_schema_unsatisfiable import why_unsatisfiable
from promptlab._util.json_text import JsonNumber, read_json
from promptlab._util.text import clipped
from promptlab.errors import InputError, PromptlabError, nearest


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """What is wrong with a schema, and the path to the place in it."""

    message: str
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`valid` is True if an answer is JSON that is valid under its schema. If not, `why` is the reason, and `at` is the
    JSON pointer to the place."""

    valid: bool
    why: str = ""
    at: str = ""

    @property
    def words(self) -> str:
        """The place and the reason, in one line."""
        return f"{self.at}: {self.why}" if self.at else self.why


def problem_of(schema: Any) -> SchemaProblem | None:
    """Why `schema` cannot be used: it is no JSON Schema, or no JSON is valid under it. None if it can be used."""
    from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]  # it has no stubs

    try:
        for path, text in _texts(schema):
            if any("\ud800" <= char <= "\udfff" for char in text):
                return SchemaProblem("half a character (a lone surrogate), which no answer can contain", path)
        for path, number in _floats(schema):
            if not math.isfinite(number):
                return SchemaProblem("a number that is not finite, which JSON does not have", path)
        kind = _kind(schema)
        kind.check_schema(schema, format_checker=format_checker())
        root = Root(schema)
        for place in root.reached():
            for pattern in (place.keywords.get("pattern"), *place.keywords.get("patternProperties", {})):
                if isinstance(pattern, str) and ecma_pattern(pattern) is None:
                    path = _path_of(place.at)
                    return SchemaProblem(f"not a regular expression of ECMA 262: {clipped(pattern, 100)}", path)
        root.check_circles()
        contradiction = why_unsatisfiable(root)
    except SchemaError as exc:
        return SchemaProblem(f"not a JSON Schema: {clipped(exc.message, 200)}", tuple(exc.absolute_path))
    except (RefError, TooSlow) as exc:
        return SchemaProblem(exc.args[0])
    except RecursionError:
        return SchemaProblem("nested too deeply")
    return (
        SchemaProblem(
            f"no JSON is valid under it: {contradiction.why}, at {contradiction.at}", _path_of(contradiction.at)
        )
        if contradiction
        else None
    )


@dataclass(frozen=True, slots=True)
class UncheckedFormat:
    """A `format` in a schema that is not checked, the JSON pointer to its place, and the nearest one that is."""

    name: str
    at: str
    hint: str


def unchecked_formats(schema: Any) -> list[UncheckedFormat]:
    """The formats in `schema` that are neither checked nor known notes. `schema` must have no problem."""
    return [
        UncheckedFormat(name, f"{place.at}/format", nearest(name, CHECKED))
        for place in Root(schema).reached()
        for name in [place.keywords.get("format")]
        if isinstance(name, str) and name not in CHECKED and name not in NOTES
    ]


def _path_of(at: str) -> tuple[str | int, ...]:
    if not at.startswith("#/"):
        return ()
    parts = (part.replace("~1", "/").replace("~0", "~") for part in at[2:].split("/"))
    return tuple(int(part) if part.isdigit() else part for part in parts)


def validate(schema: str, answer: str) -> Verdict:
    """Validates `answer` under `schema`, a JSON Schema as JSON text that `problem_of` found no problem in."""
    try:
        value = read_json(answer)
    except ValueError as exc:
        return Verdict(False, f"not JSON: {exc}")
    try:
        validator = _validator(schema)
        error = _first(validator.iter_errors(value))
    except RecursionError:
        return Verdict(False, "nested too deeply to be validated")
    except Exception as exc:  # if the validator itself fails, the answer must not count as valid
        return Verdict(False, f"it could not be validated: {clipped(str(exc), 200)}")
    return Verdict(True) if error is None else Verdict(False, clipped(error.message, 300), pointer(error.absolute_path))


def validation_errors(schema: str, answer: str) -> list[Verdict]:
    """All errors of the JSON `answer` under `schema`; none if it is valid.

    Raises `ValueError` if `answer` is not JSON, `InputError` if it cannot be validated.
    """
    value = read_json(answer)
    try:
        return [
            Verdict(False, clipped(error.message, 300), pointer(error.absolute_path))
            for error in _validator(schema).iter_errors(value)
        ]
    except PromptlabError:
        raise
    except Exception as exc:  # RecursionError, or a validator that fails
        raise InputError(f"the answer cannot be validated with its schema: {clipped(str(exc), 200)}") from exc


def _first(errors: Iterator[Any]) -> Any:
    """The outermost error, which is the one a person should fix first."""
    return min(errors, key=lambda error: len(error.absolute_path), default=None)


def _kind(schema: Any) -> Any:
    """The validator class for the draft of `schema`. jsonschema is imported late, since it takes a while."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no stubs
    from jsonschema.validators import validator_for  # type: ignore[import-untyped]  # it has no stubs

    return validator_for(schema, default=Draft202012Validator)


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    """A validator for `schema` with exact numbers and ECMA 262 patterns."""
    parsed = json.loads(schema, parse_float=JsonNumber)
    root = Root(parsed)
    return _exact(_kind(parsed))(parsed, registry=root.registry, format_checker=format_checker())


@lru_cache(maxsize=16)
def _exact(kind: Any) -> Any:
    """The validator class `kind` with our rules for numbers and patterns."""
    from jsonschema.validators import extend

    types = kind.TYPE_CHECKER.redefine_many({"number": _is_number, "integer": _is_integer})
    rules = {
        "multipleOf": _multiple_of,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    return extend(kind, {key: rule for key, rule in rules.items() if key in kind.VALIDATORS}, type_checker=types)


def _is_number(_: Any, value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _is_integer(_: Any, value: Any) -> bool:
    if isinstance(value, Decimal):
        return value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


def _multiple_of(validator: Any, divisor: Any, value: Any, _: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if validator.is_type(value, "number") and Fraction(value) % Fraction(divisor):
        yield ValidationError(f"{value!r} is not a multiple of {divisor!r}")


def _pattern(validator: Any, pattern: str, value: Any, _: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if validator.is_type(value, "string") and not find_pattern(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for pattern, schema in patterns.items():
            for name, inner in value.items():
                if find_pattern(pattern, name):
                    yield from validator.descend(inner, schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rest: Any, value: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if not validator.is_type(value, "object"):
        return
    declared, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, inner in value.items():
        if name in declared or any(find_pattern(pattern, name) for pattern in patterns):
            continue
        if rest is False:
            yield ValidationError(f"{name!r} is not one of the properties allowed")
        else:
            yield from validator.descend(inner, rest, path=name)


def _texts(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield path, str(key)
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*path, number))


def _floats(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], float]]:
    if isinstance(value, float):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _floats(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _floats(inner, (*path, number))


__all__ = [
    "SchemaProblem",
    "UncheckedFormat",
    "Verdict",
    "pointer",
    "problem_of",
    "unchecked_formats",
    "validate",
    "validation_errors",
]

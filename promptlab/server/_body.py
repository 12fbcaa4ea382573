"""From the bytes of a body to a checked `Body`. An error names the field by its path.

messages[0].content[1].type: must be 'text' or 'refusal'
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError

from promptlab.errors import InputError, nearest
from promptlab.server._fields import NOT_OFFERED, UNWANTED, Body, NamedSchema, Part, ResponseFormat, StreamOptions, Turn

LEVELS: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): Body,
    ("messages",): Turn,
    ("messages", "content"): Part,
    ("stream_options",): StreamOptions,
    ("response_format",): ResponseFormat,
    ("response_format", "json_schema"): NamedSchema,
}
"""The model of each object in the body, by its path without numbers."""

WORDS: Mapping[str, str] = {
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "extra_forbidden": "is no field that is known here",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_type": "must be an object",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_short": "must not be empty",
    "string_type": "must be a text",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least one entry",
}
"""Our words for pydantic's errors. Errors that are not listed keep pydantic's words."""

HINTS: Mapping[tuple[str, ...], str] = {
    ("messages", "content", "type"): "models here read text only",
    ("messages", "name"): "as at OpenAI, it has no spaces, brackets, slashes or bars",
    ("messages", "role"): "there are no tools here",
    ("messages", "tool_calls"): "there are no tools here",
}
"""Hints for a path, if the field's own description is not enough."""


def parsed(body: bytes) -> Any:
    """`body` as JSON data. Raises `InputError` if it is not JSON, or if JSON readers disagree about its meaning."""
    try:
        data = json.loads(
            body.decode("utf-8"), parse_constant=_no_number, parse_float=_exact_number, object_pairs_hook=_unique_keys
        )
    except RecursionError as exc:
        raise InputError("the body is nested too deeply") from exc
    except ValueError as exc:
        raise InputError(f"the body is not JSON: {exc}") from exc
    if _SURROGATE.search(body):
        _whole_characters(data)
    return data


def read(data: Any) -> Body:
    """The fields of a body, without those that have no effect.

    Raises:
        InputError: a field is wrong or not offered here; the error names it.
    """
    if not isinstance(data, dict):
        raise InputError("the body is not a JSON object")
    fields = {name: value for name, value in data.items() if value is not None}
    for name in [name for name in fields if name in NOT_OFFERED]:
        value, allowed = fields.pop(name), NOT_OFFERED[name]
        if name in UNWANTED and data.get(UNWANTED[name]) == "none":
            if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
                raise InputError("must be a list of objects", field=name)
        elif not allowed.has(value):
            values = " or ".join(json.dumps(each) for each in allowed.values)
            words = f"can be {values} only" if values else "is known, but not offered here"
            raise InputError(words, field=name, hint=allowed.hint)
    try:
        return Body.model_validate(fields)
    except ValidationError as exc:
        raise _explained(exc) from exc


def path_of(place: Iterable[str | int]) -> str:
    """`("messages", 0, "content")` as `messages[0].content`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")


def _explained(exc: ValidationError) -> InputError:
    """The first error. A wrong type of a part comes before errors in the fields of such parts. An unknown field comes
    before a missing one: it may be that one, misspelt."""
    rank = {"literal_error": 0, "extra_forbidden": 1}
    first = min(exc.errors(include_url=False, include_input=False), key=lambda error: rank.get(error["type"], 2))
    place, kind, context = tuple(first["loc"]), first["type"], first.get("ctx", {})
    if kind == "value_error":
        words = str(context["error"])
    elif kind in WORDS:
        words = WORDS[kind].format_map(context)
    else:
        words = first["msg"]
    names = tuple(step for step in place if isinstance(step, str))
    if names in HINTS:
        hint = HINTS[names]
    elif kind == "extra_forbidden":
        hint = nearest(names[-1], _known(names[:-1]))
    else:
        about = Body.model_fields[names[0]].description if len(names) == 1 else None
        hint = f"it takes {about}" if about else ""
    return InputError(words, field=path_of(place), hint=hint)


def _known(names: Sequence[str]) -> list[str]:
    level = LEVELS.get(tuple(names))
    return [field.alias or name for name, field in level.model_fields.items()] if level else []


def _whole_characters(data: Any) -> None:
    """Raise `InputError` for half a character, which no model can read or write."""
    places: list[str | int] = []
    levels: list[Iterator[tuple[str | int, Any]]] = [iter([("", data)])]
    while levels:  # no recursion, and no list of all values: a body may be large and deep
        name, value = next(levels[-1], (_END, None))
        if name == _END:
            levels.pop()
            del places[-1:]
            continue
        half = _half_character(name) or _half_character(value)
        if half:
            raise InputError(
                f"holds half a character (the lone surrogate U+{ord(half):04X})",
                field=path_of(places[1:] if _half_character(name) else [*places, name][1:]),
                hint="send the whole character, or leave it out",
            )
        if isinstance(value, list | dict):
            places.append(name)
            levels.append(iter(enumerate(value) if isinstance(value, list) else value.items()))


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""An escape that may be half a character. UTF-8 itself cannot hold one."""

_END = -1
"""Stands for the name after the last one."""


def _half_character(value: Any) -> str | None:
    if not isinstance(value, str) or value.isascii():
        return None
    return next((c for c in value if "\ud800" <= c <= "\udfff"), None)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {json.dumps(twice)} is twice in one object")
    return fields


def _exact_number(digits: str) -> float:
    """The number, which must keep its value as a float: a limit in a schema must not change."""
    number = float(digits)
    try:
        exact = math.isfinite(number) and Decimal(digits) == Decimal(repr(number))
    except InvalidOperation:  # too large even for Decimal
        exact = False
    if not exact:
        raise ValueError(f"{digits[:40]} is a number with more digits than JSON readers keep")
    return number


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


__all__ = ["parsed", "path_of", "read"]

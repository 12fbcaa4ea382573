"""From the bytes of a body to a `Body` whose every field was looked at; what is wrong is named by its path.

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
from promptlab.server._fields import NOTHING, UNWANTED, Body, NamedSchema, Part, ResponseFormat, StreamOptions, Turn

LEVELS: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): Body,
    ("messages",): Turn,
    ("messages", "content"): Part,
    ("stream_options",): StreamOptions,
    ("response_format",): ResponseFormat,
    ("response_format", "json_schema"): NamedSchema,
}
"""What an object of the body is, by its place without numbers."""

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
"""What pydantic found, in our words; what is not here is said in its own."""

HINTS: Mapping[tuple[str, ...], str] = {
    ("messages", "content", "type"): "models here read text only",
    ("messages", "name"): "as at OpenAI, it has no spaces, brackets, slashes or bars",
    ("messages", "role"): "no tools are called here",
    ("messages", "tool_calls"): "no tools are called here",
}
"""What helps at a place, where it is not the field's own description."""


def parsed(body: bytes) -> Any:
    """`body` as JSON data; an InputError for anything else, and for what JSON readers disagree about."""
    try:
        data = json.loads(
            body.decode("utf-8"), parse_constant=_no_number, parse_float=_kept, object_pairs_hook=_each_once
        )
    except RecursionError as exc:
        raise InputError("the body is nested too deeply") from exc
    except ValueError as exc:
        raise InputError(f"the body is not JSON: {exc}") from exc
    if _SURROGATE.search(body):
        _whole_characters(data)
    return data


def read(data: Any) -> Body:
    """The fields of a body. Fields that ask for nothing are left out.

    Raises:
        InputError: names the field that is wrong or not done here.
    """
    if not isinstance(data, dict):
        raise InputError("the body is not a JSON object")
    given = {name: value for name, value in data.items() if value is not None}
    for name in [one for one in given if one in NOTHING]:
        value, only = given.pop(name), NOTHING[name]
        if name in UNWANTED and data.get(UNWANTED[name]) == "none":
            if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
                raise InputError("must be a list of objects", field=name)
        elif not only.takes(value):
            can = " or ".join(json.dumps(one) for one in only.values)
            words = f"is known here as {can} only" if can else "is known, but not done here"
            raise InputError(words, field=name, hint=only.hint)
    try:
        return Body.model_validate(given)
    except ValidationError as exc:
        raise _explained(exc) from exc


def path_of(place: Iterable[str | int]) -> str:
    """`("messages", 0, "content")` as `messages[0].content`."""
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place).removeprefix(".")


def _explained(exc: ValidationError) -> InputError:
    """The first complaint. A wrong type of a part comes before the fields that such parts have, and an unknown field
    before a missing one, which it may be, misspelt."""
    rank = {"literal_error": 0, "extra_forbidden": 1}
    first = min(exc.errors(include_url=False, include_input=False), key=lambda one: rank.get(one["type"], 2))
    place, kind, context = tuple(first["loc"]), first["type"], first.get("ctx", {})
    if kind == "value_error":
        words = str(context["error"])
    elif kind in WORDS:
        words = WORDS[kind].format_map(context)
    else:
        words = first["msg"]
    names = tuple(one for one in place if isinstance(one, str))
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
    """Refuse half a character: no model can read or write it."""
    places: list[str | int] = []
    levels: list[Iterator[tuple[str | int, Any]]] = [iter([("", data)])]
    while levels:  # no recursion and no list of all that is still to see: a body may be large and deep
        name, one = next(levels[-1], (_END, None))
        if name == _END:
            levels.pop()
            del places[-1:]
            continue
        half = _half(name) or _half(one)
        if half:
            raise InputError(
                f"holds half a character (the lone surrogate U+{ord(half):04X})",
                field=path_of(places[1:] if _half(name) else [*places, name][1:]),
                hint="send the whole character, or leave it out",
            )
        if isinstance(one, list | dict):
            places.append(name)
            levels.append(iter(enumerate(one) if isinstance(one, list) else one.items()))


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""UTF-8 cannot carry half a character; an escape can, by itself or as half of a pair."""

_END = -1
"""In place of a name, once there are no more."""


def _half(one: Any) -> str | None:
    if not isinstance(one, str) or one.isascii():
        return None
    return next((c for c in one if "\ud800" <= c <= "\udfff"), None)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {json.dumps(twice)} stands in one object twice")
    return found


def _kept(digits: str) -> float:
    """A number that is read as it is written; a bound in a schema must not become another."""
    number = float(digits)
    try:
        kept = math.isfinite(number) and Decimal(digits) == Decimal(repr(number))
    except InvalidOperation:  # beyond even that
        kept = False
    if not kept:
        raise ValueError(f"{digits[:40]} is a number with more digits than JSON readers keep")
    return number


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


__all__ = ["parsed", "path_of", "read"]

"""The check of a scorer's options, when a suite is loaded: their types, and what the types cannot say.

The types are those of the parameters of the function that makes the scorer.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from promptlab._util.json_schema import problem_of
from promptlab.errors import InputError, nearest
from promptlab.scorers._text import check_regex, normalise

_JUDGE: Mapping[str, Any] = {"model": str, "question": str, "template": str}


def check_options(name: str, options: Mapping[str, Any], factory: Callable[..., Any] | None) -> None:
    """Raise `InputError` if an option of the scorer `name` has a wrong type or value, or if a needed one is missing.

    `factory` makes the scorer; it is None for the judge.
    """
    for option, value in options.items():
        check_option(name, option, value, factory)
    needed = ["model"] if factory is None else _needed(factory)
    for option in needed:
        if option not in options:
            what = "the name of one in promptlab.yaml" if name == "judge" else "…"
            raise InputError(f"`{name}` needs the option `{option}`", hint=f"`{name}: {{{option}: {what}}}`")


def check_option(name: str, option: str, value: Any, factory: Callable[..., Any] | None) -> None:
    """Raise `InputError` if one option of the scorer `name` has a wrong type or value."""
    types = option_types(factory)
    if option not in types:
        return
    _check_type(name, option, value, types[option])
    rule = _RULES.get((name, option))
    if rule and value is not None and (problem := rule(value)):
        raise InputError(f"`{option}` of `{name}` {problem}")


def option_types(factory: Callable[..., Any] | None) -> Mapping[str, Any]:
    """The types of the options of the scorer that `factory` makes; None makes the judge."""
    return _JUDGE if factory is None else _types(factory)


@cache
def _types(factory: Callable[..., Any]) -> Mapping[str, Any]:
    types = get_type_hints(factory)
    return {name: types[name] for name in inspect.signature(factory).parameters if name != "workspace"}


@cache
def _needed(factory: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(factory).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and one.name != "workspace"]


def _check_type(name: str, option: str, value: Any, wanted: Any) -> None:
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(wanted).validate_python(value, strict=True)
    except ValidationError as exc:
        hint = ""
        if get_origin(wanted) is Literal and isinstance(value, str):
            hint = nearest(value, get_args(wanted))
        raise InputError(f"`{option}` of `{name}` is {_in_words(wanted)}, not {value!r}", hint=hint) from exc


def _in_words(wanted: Any) -> str:
    if get_origin(wanted) is Literal:
        return " or ".join(f"`{word}`" for word in get_args(wanted))
    text = str(wanted)
    for part, words in _WORDS:
        if part in text:
            return words
    return text


_WORDS = (
    ("list[str]", "a list of texts"),
    ("Mapping", "an object"),
    ("bool", "true or false"),
    ("float", "a number"),
    ("int", "a whole number"),
    ("str", "a text"),
)


def _tolerance(value: float) -> str:
    return "" if math.isfinite(value) and value >= 0 else f"is a tolerance: a number from 0, not {value!r}"


def _different(texts: list[str]) -> str:
    """The problem of `among`: the choices must be told apart."""
    plain = [normalise(text) or text.strip() for text in texts]
    if "" in plain:
        return "has an empty text in it"
    doubled = next((text for n, text in enumerate(texts) if plain[n] in plain[:n]), None)
    if doubled is not None:
        return f"has {doubled!r} twice, apart from case and punctuation"
    return "" if len(texts) > 1 else "needs at least two different texts to choose from"


def _names(texts: list[str]) -> str:
    if not texts or not all(texts):
        return "needs at least one field" if not texts else "has an empty name in it"
    doubled = next((text for n, text in enumerate(texts) if text in texts[:n]), None)
    return "" if doubled is None else f"has `{doubled}` twice"


def _schema(schema: Mapping[str, Any]) -> str:
    problem = problem_of(schema)
    return f"is no valid schema: {problem.message}" if problem else ""


def _pattern(pattern: str) -> str:
    check_regex(pattern, "pattern")
    return ""


def _not_blank(text: str) -> str:
    return "" if text.strip() else "is empty"


_RULES: Mapping[tuple[str, str], Callable[[Any], str]] = {
    ("numeric", "absolute"): _tolerance,
    ("numeric", "relative"): _tolerance,
    ("json_fields", "tolerance"): _tolerance,
    ("json_fields", "fields"): _names,
    ("json_schema", "schema"): _schema,
    ("one_of", "among"): _different,
    ("regex", "pattern"): _pattern,
    ("python", "function"): _not_blank,
    ("judge", "model"): _not_blank,
    ("judge", "question"): _not_blank,
}
"""What the type of an option cannot say: the problem in words, "" if there is none."""

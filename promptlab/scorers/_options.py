"""The options of scorers as data, for a form: their kinds, choices and defaults, and the check of what was filled in.

    scorer_options("numeric")[0]          # ScorerOption("absolute", "number", default=0.0)
    option_problems("numeric", {"absolute": -1})
    # {"absolute": "`absolute` of `numeric` is a tolerance: a number from 0, not -1"}

They are read from the parameters of the function that makes the scorer, as the check of a suite file is.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from promptlab.errors import InputError
from promptlab.scorers._check_options import check_option, option_types
from promptlab.scorers._registry import FACTORIES, MODEL_SCORERS, PASS_MARKS, options_of, pass_mark, scorer_spec
from promptlab.scorers._text import check_regex

Kind = Literal["text", "number", "whole number", "yes or no", "choice", "texts", "object"]
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("list[str]", "texts"),
    ("Mapping", "object"),
    ("bool", "yes or no"),
    ("float", "number"),
    ("int", "whole number"),
)
_NOT_TRIED = ("python", "similarity", "chrf")
"""Scorers that are not made to check their options: they load a library, or code of the workspace."""


@dataclass(frozen=True, slots=True)
class ScorerOption:
    """An option of a scorer. `choices` are the values of a choice; `default` is what counts if it is left out."""

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    default: Any = None
    required: bool = False


def scorer_names() -> tuple[str, ...]:
    """The names of all scorers, those that ask a model last."""
    return (*FACTORIES, *MODEL_SCORERS)


def scorer_summary(name: str) -> str:
    """What the scorer does, in a sentence."""
    if name in MODEL_SCORERS:
        return "A model reads the question, the answer and what is expected, and says if the answer is right."
    text = " ".join((inspect.getdoc(FACTORIES[name]) or "").split("\n\n")[0].split())
    return text.partition(". ")[0].removesuffix(".") + "."


def scorer_options(name: str) -> tuple[ScorerOption, ...]:
    """The options of the scorer `name`, in the order of its documentation."""
    types = {**option_types(FACTORIES.get(name)), "extract": str, "at_least": float}
    return tuple(_option(name, option, types[option]) for option in options_of(name))


def _option(scorer: str, name: str, wanted: Any) -> ScorerOption:
    if name == "at_least":
        return ScorerOption(name, "number", default=PASS_MARKS.get(scorer, 1.0))
    if scorer in MODEL_SCORERS or name == "extract":
        return ScorerOption(name, "text", required=name == "model")
    parameter = inspect.signature(FACTORIES[scorer]).parameters[name]
    required = parameter.default is parameter.empty
    default = None if required else parameter.default
    if get_origin(wanted) is Literal:
        return ScorerOption(name, "choice", tuple(get_args(wanted)), default, required)
    return ScorerOption(name, _kind(wanted), (), default, required)


def _kind(wanted: Any) -> Kind:
    return next((kind for word, kind in _KINDS if word in str(wanted)), "text")


def option_problems(name: str, options: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the options, by the name of the option; under "" what is wrong with them together."""
    problems: dict[str, str] = {}
    for option in scorer_options(name):
        value = options.get(option.name)
        try:
            if option.required and value in (None, ""):
                problems[option.name] = f"`{name}` needs the option `{option.name}`"
            elif option.name == "extract" and value is not None:
                check_regex(value, "extract")
            elif option.name in options and option.name != "at_least":
                check_option(name, option.name, value, FACTORIES.get(name))
        except InputError as exc:
            problems[option.name] = exc.what
    if problems:
        return problems
    try:
        spec = scorer_spec({name: dict(options)})
    except InputError as exc:
        return {"at_least" if "at_least" in options and "at_least" in exc.what else "": exc.what}
    own = {option: value for option, value in options.items() if option not in ("extract", "at_least")}
    try:
        pass_mark(spec)
        if name in FACTORIES and name not in _NOT_TRIED:
            FACTORIES[name](**own)
    except InputError as exc:
        return {next((option for option in own if f"`{option}`" in exc.what), ""): exc.what}
    return {}

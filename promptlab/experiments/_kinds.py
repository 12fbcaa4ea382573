"""The kinds of experiments: each has a name, the question it answers, options, and a planner.

    @kind("tone", "does a polite prompt do better?", ToneOptions)
    def plan(material: Material, options: ToneOptions) -> Design: ...

An own kind is such a function in a Python file of the user; docs/experiments.md has one of twenty lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from promptlab.errors import ExperimentError, nearest
from promptlab.experiments._design import Design, Material

BUILT_IN = (
    "ablate",
    "shots",
    "order",
    "examples",
    "book",
    "layout",
    "format",
    "wording",
    "models",
    "params",
    "grid",
    "finetune",
)


class Options(BaseModel):
    """The options of a kind. Unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


O = TypeVar("O", bound=Options)  # noqa: E741


@dataclass(frozen=True)
class Kind:
    """A kind of experiment. `plan` makes its design from the material and its checked options."""

    name: str
    answers: str
    options: type[Options]
    plan: Callable[[Material, Any], Design]

    def design(self, material: Material, options: Mapping[str, Any]) -> Design:
        """The design for `options`. Raises `ExperimentError` if one is unknown or wrong."""
        return self.plan(material, self.checked(options))

    def checked(self, options: Mapping[str, Any]) -> Options:
        try:
            return self.options.model_validate(dict(options))
        except ValidationError as exc:
            # A misspelt option may be the one that is missing, so it is named first.
            first = min(exc.errors(), key=lambda error: error["type"] != "extra_forbidden")
            name = ".".join(map(str, first["loc"]))
            if first["type"] == "extra_forbidden":
                hint = nearest(name, self.options.model_fields) or f"`{self.name}` has no options"
                raise ExperimentError(f"`{self.name}` has no option `{name}`", field=name, hint=hint) from exc
            raise ExperimentError(f"the option `{name}` of `{self.name}`: {first['msg']}", field=name) from exc


_known: dict[str, Kind] = {}


def kind(
    name: str, answers: str, options: type[O]
) -> Callable[[Callable[[Material, O], Design]], Callable[[Material, O], Design]]:
    """Register the planner below it as the kind `name`. `answers` is the question, in words."""

    def register(plan: Callable[[Material, O], Design]) -> Callable[[Material, O], Design]:
        _known[name] = Kind(name, answers, options, plan)
        return plan

    return register


def kind_named(name: str) -> Kind:
    """The kind `name`. Raises `ExperimentError` if there is none."""
    if name in BUILT_IN:
        import_module(f"promptlab.experiments._{name}")
    if name not in _known:
        raise ExperimentError(f"there is no kind of experiment `{name}`", hint=nearest(name, kind_names()))
    return _known[name]


def kind_names() -> tuple[str, ...]:
    """The names of all kinds: the built-in ones, and those that were registered."""
    return (*BUILT_IN, *(name for name in _known if name not in BUILT_IN))


def every_kind() -> tuple[Kind, ...]:
    return tuple(kind_named(name) for name in kind_names())


__all__ = ["Kind", "Options", "every_kind", "kind", "kind_named", "kind_names"]

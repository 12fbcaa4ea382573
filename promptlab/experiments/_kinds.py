"""The kinds of experiments: each has a name, the question it answers, options, and a planner.

    @kind("tone", "does a polite prompt do better?", ToneOptions)
    def plan(material: Material, options: ToneOptions) -> Design: ...

An own kind is such a function in a file `experiments/*.py` of the workspace (`experiments/_own_kinds.py`);
docs/experiments.md has one of twenty lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
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


Chosen = TypeVar("Chosen", bound=Options)


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


known: dict[str, Kind] = {}
"""The kinds that were registered by this program: the built-in ones, and those of a script that calls promptlab."""
_collected: ContextVar[dict[str, Kind] | None] = ContextVar("collected kinds", default=None)


def kind(
    name: str, answers: str, options: type[Chosen]
) -> Callable[[Callable[[Material, Chosen], Design]], Callable[[Material, Chosen], Design]]:
    """Register the planner below it as the kind `name`. `answers` is the question, in words.

    Raises `ExperimentError` if there is a built-in kind of this name.
    """

    def register(plan: Callable[[Material, Chosen], Design]) -> Callable[[Material, Chosen], Design]:
        if name in BUILT_IN and plan.__module__ != f"{__package__}._{name}":
            raise ExperimentError(f"there is a kind `{name}` already", hint="give yours another name")
        collected = _collected.get()
        (known if collected is None or name in BUILT_IN else collected)[name] = Kind(name, answers, options, plan)
        return plan

    return register


@contextmanager
def collecting() -> Iterator[dict[str, Kind]]:
    """Collect the kinds that are registered inside, instead of making them known everywhere."""
    kinds: dict[str, Kind] = {}
    token = _collected.set(kinds)
    try:
        yield kinds
    finally:
        _collected.reset(token)


__all__ = ["BUILT_IN", "Kind", "Options", "collecting", "kind", "known"]

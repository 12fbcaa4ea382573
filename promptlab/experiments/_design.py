"""The design of an experiment: which ways to ask there are, and which of them are compared.

A planner makes a design from a template and what may vary. Asking, effects and reports know only the design, so a new
kind of experiment is a planner and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from promptlab.errors import ExperimentError
from promptlab.suites import Case
from promptlab.suites import Variant as SuiteVariant
from promptlab.templates import Template
from promptlab.types import Example, Section
from promptlab.workspace import Workspace


@dataclass(frozen=True)
class Arm:
    """One way to ask every case. `levels` are the values of the factors, for tables: `{"k": 4, "draw": 2}`."""

    name: str
    variant: SuiteVariant
    levels: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Contrast:
    """A comparison: the arms `after` against the arms `before`, on the same cases.

    A case's score on one side is its mean over the arms of that side. `what` names what is added or changed, as the
    subject of a sentence: "the article", or with `plural` "the examples". The `primary` contrast was named beforehand;
    the others share the error.

    With `models` the answers of the first of the two are compared with those of the second. With `chance`, from 0 to 1,
    each model's score is compared with this rate of right answers by guessing, and `before` is empty.
    """

    name: str
    after: tuple[str, ...]
    before: tuple[str, ...]
    what: str
    primary: bool = False
    plural: bool = False
    models: tuple[str, str] | None = None
    chance: float | None = None

    def __post_init__(self) -> None:
        if not self.after or bool(self.before) == (self.chance is not None):
            raise ValueError(f"the contrast `{self.name}` needs two sides: arms after, and arms before or chance")

    def compared(self, models: Sequence[str]) -> tuple[str, ...]:
        """The models that have an effect of this contrast: all, or the one that is compared with another."""
        return tuple(models) if self.models is None else self.models[:1]

    def sides(self, model: str) -> tuple[tuple[tuple[str, ...], str], tuple[tuple[str, ...], str]]:
        """Arms and model of the side after and of the side before, for the effect of `model`."""
        after, before = self.models or (model, model)
        return (self.after, after), (self.before, before)


@dataclass(frozen=True)
class Design:
    """What an experiment asks and compares. `factors` are the names of the levels, in the order of the tables."""

    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]
    factors: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError(f"two arms have one name: {sorted(names)}")
        if unknown := {name for c in self.contrasts for name in (*c.after, *c.before)} - set(names):
            raise ValueError(f"a contrast names arms that are not there: {sorted(unknown)}")

    def arm(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)

    def only(self, names: Sequence[str]) -> Design:
        """The design with the arms `names`, and the contrasts that need no other."""
        kept = set(names)
        contrasts = tuple(c for c in self.contrasts if kept >= {*c.after, *c.before})
        return replace(self, arms=tuple(arm for arm in self.arms if arm.name in kept), contrasts=contrasts)


@dataclass(frozen=True)
class Material:
    """What a planner plans with. `pool` are the worked examples of the template's pool, empty if it has none."""

    workspace: Workspace
    template: Template
    cases: tuple[Case, ...]
    models: tuple[str, ...]
    pool: tuple[Example, ...] = ()
    seed: int = 0

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections that the template has and that can be left out."""
        template = self.template
        there: dict[Section, bool] = {
            "instructions": bool(template.instructions.strip()),
            "output_format": bool(template.output_format.strip()),
            "context": bool(template.context) or any(case.documents for case in self.cases),
            "examples": template.examples is not None and template.examples.k > 0,
        }
        return tuple(section for section, has in there.items() if has)

    def need_pool(self) -> tuple[Example, ...]:
        """The worked examples. Raises `ExperimentError` if the template names no pool."""
        if self.template.examples is None or not self.pool:
            raise ExperimentError(
                f"{self.template.path} has no worked examples to vary",
                hint="add `examples` with a pool to the template",
            )
        return self.pool


def against(base: Arm, arms: Sequence[Arm], what: Mapping[str, str], *, primary: str = "") -> tuple[Contrast, ...]:
    """A contrast of each of `arms` against `base`. `what` says for each arm what it changes."""
    return tuple(Contrast(arm.name, (arm.name,), (base.name,), what[arm.name], arm.name == primary) for arm in arms)


def crossed(factors: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of the levels of `factors`, the last factor fastest."""
    return [dict(zip(factors, levels, strict=True)) for levels in product(*factors.values())]


__all__ = ["Arm", "Contrast", "Design", "Material", "against", "crossed"]

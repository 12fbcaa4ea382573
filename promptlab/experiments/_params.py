"""`params`: temperature, top-p and repeats."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from promptlab._util.text import value_in_words
from promptlab.errors import ExperimentError
from promptlab.experiments._design import Arm, Contrast, Design, Material, crossed
from promptlab.experiments._kinds import Options, kind
from promptlab.suites import Variant


class ParamsOptions(Options):
    """The values to cross; the first of each is what the others are compared with."""

    temperature: tuple[float, ...] = (0.0, 0.7, 1.0)
    top_p: tuple[float, ...] = ()
    min_p: tuple[float, ...] = ()
    max_tokens: tuple[int, ...] = Field(())


@kind("params", "what do the sampling parameters do?", ParamsOptions)
def plan(_material: Material, options: ParamsOptions) -> Design:
    """Every combination of the values, against the first one."""
    factors: dict[str, tuple[Any, ...]] = {name: values for name, values in options.model_dump().items() if values}
    if not factors:
        raise ExperimentError("no parameter is varied", hint="for example `temperature: [0, 1]`")
    arms = [_arm(levels) for levels in crossed(factors)]
    if len(arms) < 2:
        raise ExperimentError("one setting has nothing to be compared with", hint="give two values or more")
    base = arms[0]
    contrasts = tuple(_contrast(base, arm) for arm in arms[1:])
    return Design(tuple(arms), contrasts, tuple(factors))


def _contrast(base: Arm, arm: Arm) -> Contrast:
    """`arm` against `base`, in words: `temperature 0.7 instead of 0`."""
    changed = [name for name, value in arm.levels.items() if value != base.levels[name]]
    what = " and ".join(
        f"{name.replace('_', ' ')} {value_in_words(arm.levels[name])} instead of {value_in_words(base.levels[name])}"
        for name in changed
    )
    return Contrast(arm.name, (arm.name,), (base.name,), what, plural=len(changed) > 1)


def _arm(levels: dict[str, Any]) -> Arm:
    name = ", ".join(f"{name.replace('_', ' ')} {value_in_words(value)}" for name, value in levels.items())
    return Arm(name, Variant(name, params=levels), levels)

"""`models`: score against size, beside chance."""

from __future__ import annotations

from pydantic import Field

from promptlab.errors import ExperimentError
from promptlab.experiments._design import Arm, Design, Material
from promptlab.experiments._kinds import Options, kind
from promptlab.suites import Variant


class ModelsOptions(Options):
    """`chance` is the rate of right answers by guessing, from 0 to 1, None if it is not known."""

    chance: float | None = Field(None, ge=0, le=1)


@kind("models", "which model, which size, which quantisation?", ModelsOptions)
def plan(material: Material, options: ModelsOptions) -> Design:
    """One way to ask, for each model. The models themselves are compared in pairs, on the same cases."""
    if len(material.models) < 2:
        raise ExperimentError("one model has nothing to be compared with", hint="name two or more", field="models")
    notes: tuple[str, ...] = () if options.chance is None else (f"Chance is {options.chance:.1%}.",)
    if len(material.models) == 2:
        notes += ("Two models are two points: they show no curve of growth with size.",)
    return Design((Arm("", Variant(""), {}),), (), (), notes)

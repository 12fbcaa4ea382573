"""`models`: score against size, beside chance."""

from __future__ import annotations

from pydantic import Field

from promptlab.errors import ExperimentError, nearest
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._kinds import Options, kind
from promptlab.suites import Variant


class ModelsOptions(Options):
    """`chance` is the rate of right answers by guessing, from 0 to 1, None if it is not known. `base` is the model that
    the others are compared with, None for the first."""

    chance: float | None = Field(None, ge=0, le=1)
    base: str | None = None


@kind("models", "which model, which size, which quantisation?", ModelsOptions)
def plan(material: Material, options: ModelsOptions) -> Design:
    """One way to ask. Each model is compared with `base` on the same cases, and with chance if that is known."""
    if len(material.models) < 2:
        raise ExperimentError("one model has nothing to be compared with", hint="name two or more", field="models")
    base = options.base or material.models[0]
    if base not in material.models:
        raise ExperimentError(
            f"the model `{base}` is not asked, so nothing can be compared with it",
            hint=nearest(base, material.models) or "name one of the models",
            field="base",
        )
    arm = Arm("", Variant(""), {})
    others = [model for model in material.models if model != base]
    contrasts = [
        Contrast(f"{model} against {base}", (arm.name,), (arm.name,), model, len(others) == 1, models=(model, base))
        for model in others
    ]
    notes: tuple[str, ...] = ()
    if options.chance is not None:
        notes += (f"Chance is {options.chance:.1%}.",)
        contrasts.append(Contrast("against chance", (arm.name,), (), "guessing", chance=options.chance))
    if len(material.models) == 2:
        notes += ("Two models are two points: they show no curve of growth with size.",)
    return Design((arm,), tuple(contrasts), (), notes)

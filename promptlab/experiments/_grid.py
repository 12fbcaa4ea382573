"""`grid`: kinds crossed with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field

from promptlab.errors import ExperimentError
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._find_kind import kind_named
from promptlab.experiments._kinds import Options, kind
from promptlab.suites import Case, Variant
from promptlab.templates import Materials


class GridOptions(Options):
    """`kinds` are two or more kinds with their options: `{ablate: {mode: drop}, params: {temperature: [0, 1]}}`."""

    kinds: Mapping[str, Mapping[str, Any]] = Field(min_length=2)


@kind("grid", "what do two changes do together?", GridOptions)
def plan(material: Material, options: GridOptions) -> Design:
    """Every arm of one kind with every arm of the others. The contrasts of each kind are averaged over the others."""
    if "grid" in options.kinds:
        raise ExperimentError("a grid cannot be crossed with a grid", field="kinds")
    designs = {
        name: kind_named(name, material.workspace).design(material, given) for name, given in options.kinds.items()
    }
    rows: list[tuple[Arm, ...]] = [()]
    for design in designs.values():
        rows = [(*row, arm) for row in rows for arm in design.arms]
    arms = [_crossed(row) for row in rows]
    contrasts: list[Contrast] = []
    for place, design in enumerate(designs.values()):
        for contrast in design.contrasts:
            sides = [
                tuple(arm.name for arm, row in zip(arms, rows, strict=True) if row[place].name in side)
                for side in (contrast.after, contrast.before)
            ]
            contrasts.append(replace(contrast, after=sides[0], before=sides[1]))
    if len({c.name for c in contrasts}) < len(contrasts):
        raise ExperimentError("two of the kinds compare something of the same name", field="kinds")
    factors = tuple(dict.fromkeys(name for design in designs.values() for name in design.factors))
    return Design(tuple(arms), tuple(contrasts), factors)


def _crossed(row: Sequence[Arm]) -> Arm:
    """One arm that does what all of `row` do."""
    variants = [arm.variant for arm in row]
    templates = [variant.template for variant in variants if variant.template is not None]
    if len(templates) > 1:
        raise ExperimentError("two of the kinds change the template's text, and cannot be crossed", field="kinds")
    fills = [variant.fill for variant in variants if variant.fill is not None]

    def fill(case: Case, materials: Materials) -> Materials:
        for step in fills:
            materials = step(case, materials)
        return materials

    name = " · ".join(arm.name for arm in row)
    without = tuple(dict.fromkeys(section for variant in variants for section in variant.without))
    params = {key: value for variant in variants for key, value in variant.params.items()}
    variant = Variant(name, without, params, templates[0] if templates else None, fill if fills else None)
    return Arm(name, variant, {key: value for arm in row for key, value in arm.levels.items()})

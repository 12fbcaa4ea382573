"""`finetune`: would training beat the prompt? A model with its adapter against the same model with the best prompts."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from promptlab.errors import ExperimentError, nearest
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._kinds import Options, kind
from promptlab.models import training_record
from promptlab.suites import Variant
from promptlab.templates import apply_changes

ALONE = "instructions alone"
ARTICLE = "article"


class FinetuneOptions(Options):
    """`base` and `tuned` are the models, None for the first and the last one. `ks` are the numbers of examples, chosen
    as the template chooses them."""

    base: str | None = None
    tuned: str | None = None
    ks: tuple[int, ...] = Field((8,), min_length=1)


@kind("finetune", "would fine-tuning beat the prompt?", FinetuneOptions)
def plan(material: Material, options: FinetuneOptions) -> Design:
    """Instructions alone, with k examples, and with the article, for the base model and the tuned one. The tuned model
    without examples is compared with every prompt of the base model; with the most examples beforehand."""
    base, tuned = _models(material, options)
    record = training_record(material.workspace, tuned)
    arms = [Arm(ALONE, Variant(ALONE, ("examples", "context")), {"prompt": ALONE})]
    pool = material.need_pool()
    for k in sorted(set(options.ks)):
        if not 0 < k < len(pool):
            raise ExperimentError(f"k = {k} does not fit the pool of {len(pool)} examples", field="ks")
        arms.append(_shots(material, k))
    if "context" in material.sections:
        arms.append(Arm(ARTICLE, Variant(ARTICLE, ("examples",)), {"prompt": ARTICLE}))
    most = f"{max(options.ks)} examples"
    contrasts = [
        Contrast(f"tuned against {arm.name}", (ALONE,), (arm.name,), "training", arm.name == most, models=(tuned, base))
        for arm in arms
    ]
    contrasts.append(Contrast("tuned, with examples too", (most,), (ALONE,), "examples", models=(tuned, tuned)))
    return Design(tuple(arms), tuple(contrasts), ("prompt",), _notes(tuned, record))


def _shots(material: Material, k: int) -> Arm:
    """The arm with `k` examples, chosen as the template chooses them."""
    name = f"{k} examples"
    template = apply_changes(material.template, {"examples.k": k})
    return Arm(name, Variant(name, ("context",), template=template), {"prompt": name})


def _models(material: Material, options: FinetuneOptions) -> tuple[str, str]:
    names = material.models
    if len(names) < 2:
        raise ExperimentError("name two models: the base model, and the tuned one", field="models")
    base, tuned = options.base or names[0], options.tuned or names[-1]
    for name in (base, tuned):
        if name not in names:
            raise ExperimentError(f"the model `{name}` is not asked", hint=nearest(name, names), field="models")
    if base == tuned:
        raise ExperimentError("the base model and the tuned one are the same", field="models")
    return base, tuned


def _notes(tuned: str, record: dict[str, Any] | None) -> tuple[str, ...]:
    if record is None:
        return (f"{tuned} was not trained in this workspace: whether it was trained on these cases is not known.",)
    left_out = f", {len(record['dropped'])} rows left out" if record["dropped"] else ""
    return (
        f"{tuned} was trained on {record['rows']} rows{left_out}: {record['steps']} steps, "
        f"{record['seconds'] / 60:.1f} minutes, {record['peak_bytes'] / 1e9:.1f} GB at most.",
    )

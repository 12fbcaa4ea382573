"""The plan of a training: rows are read, what must not be trained on is left out, the rest becomes tokens."""

from __future__ import annotations

from promptlab import examples, templates
from promptlab._util.same_question import text_of
from promptlab.errors import FinetuneError
from promptlab.finetune._leakage import LeakageGuard
from promptlab.finetune._rows import guard_of, read_rows, split_rows
from promptlab.finetune._tune import PlannedTuning
from promptlab.finetune._tuning import Tuning, check_name
from promptlab.finetune._weights import read_head
from promptlab.models import Catalogue, Trainable
from promptlab.runs import Store
from promptlab.templates import Template
from promptlab.workspace import (
    LlamaModel,
    Workspace,
)


def plan_tuning(
    workspace: Workspace, catalogue: Catalogue, tuning: Tuning, store: Store | None = None
) -> PlannedTuning:
    """Read the rows, drop what must not be trained on, and turn the rest into tokens. Nothing is trained.

    Raises:
        FinetuneError: the base is no local model or has an adapter already, or no row is left.
    """
    entry = catalogue.entry(tuning.base)
    if not isinstance(entry, LlamaModel):
        raise FinetuneError(
            f"{tuning.base} is not a local model", hint="an adapter is trained for a file on this machine"
        )
    if entry.lora:
        raise FinetuneError(f"{tuning.base} has an adapter already", hint="train the model that it was made from")
    check_name(workspace, tuning)
    template = templates.load(workspace, tuning.template)
    rows = read_rows(workspace, template, tuning.data, store, tuning.tag, tuning.group)
    guard = guard_of(
        *(workspace, template, rows),
        names=tuning.suites,
        source=tuning.data,
        overlap=tuning.overlap,
        group=tuning.group,
    )
    if tuning.shots:
        _refuse_test_shots(workspace, template, guard, rows[0].compared)
    recipe = tuning.recipe
    split = split_rows(rows, guard, held_out=recipe.held_out, seed=recipe.seed, overlap=tuning.overlap)
    backend = catalogue.backend(tuning.base)
    assert isinstance(backend, Trainable), "a local model has a file"
    read_head(backend.path)  # another architecture is refused here, before anything is computed
    return PlannedTuning(workspace, tuning, template, split, backend, entry)


def _refuse_test_shots(
    workspace: Workspace, template: Template, guard: LeakageGuard, compared: tuple[str, ...] | None
) -> None:
    """Raise `FinetuneError` if a test case could be an example in the prompts that are trained on."""
    pool = examples.load_pool(workspace, template.examples.pool) if template.examples else ()
    found = [one.id for one in pool if guard.problem(text_of(one.inputs, compared))]
    if found:
        raise FinetuneError(
            f"{len(found)} examples of the pool are test cases, or nearly ({', '.join(found[:3])})",
            hint="train without --shots, or take them out of the pool",
            field="shots",
        )


__all__ = ["plan_tuning"]

"""About how much memory a training will take, before it begins: what `promptlab size --train lora` says of training
here, with the texts that are really trained on. Nothing is loaded: the head of the file is enough."""

from __future__ import annotations

from promptlab.finetune._parts import parts_of, shared_length
from promptlab.finetune._recipe import TokenRow
from promptlab.finetune._tune import PlannedTuning
from promptlab.finetune._weights import read_head
from promptlab.sizing import training_here


def expected_bytes(planned: PlannedTuning) -> int:
    """About the most memory that the process of the training will have."""
    head = read_head(planned.base_path)
    memory = training_here([head], tokens=_most_at_once(planned), rank=planned.tuning.recipe.rank)
    assert memory, "what cannot be trained was refused when the training was planned"
    return memory.total


def _most_at_once(planned: PlannedTuning) -> int:
    """The most tokens that are computed at once in a pass."""
    rows, recipe = planned.train_tokens, planned.tuning.recipe
    steps = range(min(recipe.steps_of(len(rows)), recipe.steps_a_pass(len(rows))))
    batches = ([rows[number] for number in recipe.batch_at(step, len(rows))] for step in steps)
    return max(_tokens_of(part) for batch in batches for part in parts_of(batch))


def _tokens_of(part: list[TokenRow]) -> int:
    shared = shared_length(part)
    longest = max(row.length for row in part)
    return shared + len(part) * (longest - shared)


__all__ = ["expected_bytes"]

"""About how much memory a training will take, before it begins."""

from __future__ import annotations

from dataclasses import replace

from promptlab.finetune._train import TOKENS_AT_ONCE
from promptlab.finetune._tune import PlannedTuning
from promptlab.finetune._weights import read_head
from promptlab.sizing import TrainingMemory, training_memory

FULL_BYTES = 4
"""Bytes of a weight: training here computes in 32-bit floats, where `promptlab size --train` counts 16-bit ones."""


def expected_memory(planned: PlannedTuning) -> TrainingMemory:
    """The memory of the training, with the tokens that are computed at once."""
    longest = max(row.length for row in (*planned.train_tokens, *planned.held_out_tokens))
    heads = [read_head(planned.base_path)]
    memory = training_memory(heads, "lora", tokens=max(longest, TOKENS_AT_ONCE), rank=planned.tuning.recipe.rank)
    return replace(memory, weights=memory.weights // 2 * FULL_BYTES)


__all__ = ["expected_memory"]

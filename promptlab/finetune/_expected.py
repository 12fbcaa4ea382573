"""About how much memory a training will take, before it begins. Nothing is loaded: the head of the file is enough.

`promptlab size --train lora` answers the same for any machine, with 16-bit weights and the logits of every token. Here
weights are 32-bit floats, beginnings that rows share are computed once, and logits only at the answers.
"""

from __future__ import annotations

from math import prod

from promptlab.finetune._adapter import ADAPTED
from promptlab.finetune._recipe import TokenRow
from promptlab.finetune._train import parts_of, shared_length
from promptlab.finetune._tune import PlannedTuning
from promptlab.finetune._weights import Meta, read_head

NUMBER = 4
"""Bytes of a 32-bit float."""
STATES = 16
"""Bytes for each trained parameter: itself, its gradient and two moments."""
OF_WIDTH, OF_INNER = 10.0, 4.5
"""Numbers that a layer keeps for a token until the way back, for each number of its width and of its inner width."""
LIBRARIES = 950_000_000
"""Bytes that the libraries take. With it, SmolLM2-135M and Gemma 3 270M took 1 % more and 6 % less than said."""


def expected_bytes(planned: PlannedTuning) -> int:
    """About the most memory that the process of the training will have."""
    head = read_head(planned.base_path)
    meta = Meta(head)
    parameters = sum(prod(tensor.sizes) for tensor in head.tensors)
    adapted = [tensor.sizes for tensor in head.tensors if tensor.name.endswith(ADAPTED)]
    trained = planned.tuning.recipe.rank * sum(sum(sizes) for sizes in adapted)
    tokens, answers = _most_at_once(planned)
    width, inner = int(meta.own("embedding_length", 0)), int(meta.own("feed_forward_length", 0))
    kept = tokens * meta.blocks * (OF_WIDTH * width + OF_INNER * inner) + 3 * answers * meta.words
    return int(NUMBER * parameters + STATES * trained + NUMBER * kept + LIBRARIES)


def _most_at_once(planned: PlannedTuning) -> tuple[int, int]:
    """The most tokens that are computed at once in a pass, and the tokens of answers among them."""
    rows, recipe = planned.train_tokens, planned.tuning.recipe
    steps = range(min(recipe.steps_of(len(rows)), recipe.steps_a_pass(len(rows))))
    batches = ([rows[number] for number in recipe.batch_at(step, len(rows))] for step in steps)
    return max(_tokens_of(part) for batch in batches for part in parts_of(batch))


def _tokens_of(part: list[TokenRow]) -> tuple[int, int]:
    shared = shared_length(part)
    longest = max(row.length for row in part)
    return shared + len(part) * (longest - shared), sum(len(row.answer) for row in part)


__all__ = ["expected_bytes"]

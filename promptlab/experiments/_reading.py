"""How many tokens of the prompts must be read if every beginning that they share is read once.

Prompts share their beginnings: the same document under forty questions is read once by a local model that keeps what it
has read. What is left are the nodes of the tree of all prompts: their distinct prefix tokens.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from promptlab import runs
from promptlab.errors import PromptlabError
from promptlab.models import Catalogue, CutsTokens
from promptlab.suites import Suite, TrialMaker, suite_items
from promptlab.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Reading:
    """The tokens of all prompts of a model: `prompt` counts every prompt in full, `distinct` what they share once."""

    model: str
    prompt: int
    distinct: int


def distinct_tokens(prompts: Iterable[Sequence[int]]) -> int:
    """The number of tokens of `prompts`, each beginning that several have counted once."""
    distinct, before = 0, array("i")
    for tokens in sorted(array("i", prompt) for prompt in prompts):
        distinct += len(tokens) - _common(before, tokens)
        before = tokens
    return distinct


def _common(first: array[int], second: array[int]) -> int:
    """The length of the common beginning, by halves: slices are compared at the speed of memory."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if first[low:middle] == second[low:middle] else (low, middle - 1)
    return low


def readings(workspace: Workspace, suite: Suite, catalogue: Catalogue) -> tuple[Reading, ...]:
    """What each local model must read if all of `suite` is asked. A model that cannot say which tokens a prompt has is
    left out, and so are prompts that would not be sent."""
    maker = TrialMaker(workspace, suite)
    prompts: dict[str, list[array[int]]] = {}
    for item in suite_items(workspace, suite):
        if item.key.repeat:
            continue
        try:
            backend = catalogue.backend(item.key.model)
            if isinstance(backend, CutsTokens):
                tokens = backend.tokens_of(runs.request_of(maker.trial(item)))
                prompts.setdefault(item.key.model, []).append(array("i", tokens))
        except PromptlabError:
            continue
    repeats = suite.repeats
    return tuple(
        Reading(model, repeats * sum(map(len, texts)), distinct_tokens(texts)) for model, texts in prompts.items()
    )

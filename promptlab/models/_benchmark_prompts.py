"""The prompts of a benchmark: made-up text, no longer than the model's window allows."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from promptlab.errors import WindowExceeded
from promptlab.models._backend import Backend
from promptlab.types import Message, Params, Prompt, Request

WORDS = ("amber", "birch", "cedar", "delta", "grove", "iris", "kelp", "maple", "ochre", "pearl", "river", "stone")
AT_ONCE = 16
"""Number of prompts for a model that decodes several answers at once."""


@dataclass(frozen=True, slots=True)
class BenchmarkSize:
    """How much is asked: `rows` of made-up text in a prompt (about nine tokens each), tokens to write, and rounds."""

    rows: int = 40
    write: int = 64
    rounds: int = 3


USUAL_BENCHMARK = BenchmarkSize()
QUICK_BENCHMARK = BenchmarkSize(rows=6, write=12, rounds=1)


def made_text(rows: int, number: int) -> str:
    """`rows` lines of words and numbers. Another `number` gives another text."""
    chance = random.Random(number)
    lines = [f"{chance.choice(WORDS)} {chance.choice(WORDS)} {chance.randrange(10, 1000)}" for _ in range(rows)]
    return "\n".join(lines)


def ask_for_list(model: str, size: BenchmarkSize, number: int) -> Request:
    """A request to repeat a made-up list: models do that until the limit of new tokens."""
    text = f"Write this list again from its first line, and leave nothing out:\n\n{made_text(size.rows, number)}"
    return Request(model, Prompt((Message("user", text),)), Params(max_tokens=size.write))


def short_ones(model: str, size: BenchmarkSize, count: int = AT_ONCE) -> list[Request]:
    """`count` different short requests."""
    texts = [f"Write a story about {made_text(1, number)}." for number in range(count)]
    return [Request(model, Prompt((Message("user", text),)), Params(max_tokens=size.write)) for text in texts]


def fitted(backend: Backend, size: BenchmarkSize) -> BenchmarkSize:
    """`size`, reduced until it fits the model's window.

    Raises:
        WindowExceeded: not even one line and one token fit.
    """
    while not _fits(backend, ask_for_list(backend.name, size, 0)):
        if size.rows == size.write == 1:
            raise WindowExceeded(f"the window of {backend.window} tokens is too small for one line of text")
        size = replace(size, rows=max(1, size.rows * 2 // 3), write=max(1, size.write * 2 // 3))
    return size


def rows_beyond(backend: Backend, tokens: int, size: BenchmarkSize) -> int | None:
    """The number of rows whose prompt is a quarter longer than `tokens` tokens; None if that does not fit the
    window."""
    rows = size.rows
    while True:
        request = ask_for_list(backend.name, replace(size, rows=rows), 0)
        if not _fits(backend, request):
            return None
        if backend.as_sent(request).budget.prompt > tokens * 5 // 4:
            return rows
        rows = rows * 5 // 4 + 1


def _fits(backend: Backend, request: Request) -> bool:
    budget = backend.as_sent(request).budget
    return budget.window is None or budget.prompt + budget.room <= budget.window


__all__ = [
    "AT_ONCE",
    "QUICK_BENCHMARK",
    "USUAL_BENCHMARK",
    "WORDS",
    "BenchmarkSize",
    "ask_for_list",
    "fitted",
    "made_text",
    "rows_beyond",
    "short_ones",
]

"""What asking a suite has taken, and what it may take at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from promptlab.suites._choice import Options
from promptlab.workspace import OpenAIModel


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has used: tokens of prompts and answers, and dollars where prices are known."""

    tokens: int = 0
    cost: float = 0.0


class Reserve:
    """Sets aside what each item may take at most, on top of what was spent."""

    def __init__(self, options: Options, spent: Spent) -> None:
        self._options, self._tokens, self._cost = options, spent.tokens, spent.cost
        self.out_of = ""

    @property
    def limited(self) -> bool:
        return self._options.max_cost is not None or self._options.max_tokens is not None

    def take(self, most: Spent) -> bool:
        """Whether the item still fits; if it does it is counted."""
        tokens, cost = self._tokens + most.tokens, self._cost + most.cost
        if self._options.max_tokens is not None and tokens > self._options.max_tokens:
            self.out_of = f"the next item may take the run past {self._options.max_tokens:,} tokens"
        elif self._options.max_cost is not None and cost > self._options.max_cost:
            self.out_of = f"the next item may take the run past ${self._options.max_cost:g}"
        else:
            self._tokens, self._cost = tokens, cost
        return not self.out_of


def price(entry: Any, prompt: int, new: int) -> float:
    """US dollars; 0 where no price is known."""
    if not isinstance(entry, OpenAIModel):
        return 0.0
    return (prompt * (entry.price_in or 0.0) + new * (entry.price_out or 0.0)) / 1_000_000

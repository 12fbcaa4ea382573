"""The one protocol every model is asked through.

A backend has one verb. `complete` yields what happens, in order: any number of `Phase` (waiting,
loading, reading, retrying), `Thought` (thinking) and `Delta` (text), then exactly one `Completion`, last.
It raises an error of `promptlab.errors` where it fails; text that had arrived was already yielded. When
`cancel` is set it ends soon (within a second, also while reading the prompt) with a `Completion` whose
finish reason is `stopped` and whose text is what had arrived; the concatenated deltas always equal that
text, and the concatenated thoughts its `thinking`.

`complete` may be called from several threads at once; a backend that can only do one thing at a time
queues inside and says so with `Phase("waiting")`. Closing the iterator early is a cancel.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from promptlab.types import AsSent, Completion, Delta, Phase, Request, Thought

Step = Phase | Thought | Delta | Completion


class Backend(Protocol):
    """A model that can be asked."""

    name: str
    """The catalogue's name."""
    max_parallel: int
    """How many requests are worth having in flight at once."""

    @property
    def fingerprint(self) -> str:
        """What decides the answer apart from the request: model file hash and chat template, or base URL
        and model. Part of the cache key; holds no secret."""
        ...

    @property
    def window(self) -> int | None:
        """Tokens the prompt and the answer share; None where nobody said."""
        ...

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        """Answer `request`, step by step; the last step is the `Completion`."""
        ...

    def as_sent(self, request: Request) -> AsSent:
        """What this model would get, with tokens per section; asks nothing of the model."""
        ...


@runtime_checkable
class ProbesMachine(Protocol):
    """A backend that has to find out how it can answer on this machine before its fingerprint is known for sure."""

    def ready(self, say: Callable[[str], None] = ..., *, again: bool = ...) -> object:
        """Find out, unless that was done before; `say` is told what is being done. With `again` what failed is tried
        once more. Raises a `PromptlabError` if it cannot answer here."""
        ...

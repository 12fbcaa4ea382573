"""The protocol of every model: a local one, one behind an API, a scripted or a recorded one.

A backend has one verb. `complete` yields steps in order: any number of `Phase` (waiting, loading, reading, retrying),
`Thought` (thinking) and `Delta` (text), then exactly one `Completion`. If it fails, it raises an error of
`promptlab.errors`, after it has yielded the text that had arrived. When `cancel` is set, it ends within a second, also
during prefill, with a `Completion` whose finish reason is `stopped` and whose text is what had arrived. The deltas put
together always equal that text, and the thoughts its `thinking`.

`complete` may be called from several threads at once. A backend that can do only one thing at a time has a queue inside
and yields `Phase("waiting")`. Closing the iterator early is a cancel.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from promptlab.models._as_sent import AsSent
from promptlab.types import Completion, Delta, Phase, Request, Thought

if TYPE_CHECKING:  # it would load Jinja for anyone who names a backend
    from promptlab.models._llama._answer_tokens import AnswerTokens

Step = Phase | Thought | Delta | Completion


class Backend(Protocol):
    """A model that can be asked."""

    name: str
    """Its name in the catalogue."""
    max_parallel: int
    """How many requests are worth having in flight at once."""

    @property
    def fingerprint(self) -> str:
        """All that decides an answer besides the request: the hash of the model file and the chat template, or base URL
        and model. It is part of the cache key, and holds no secret."""
        ...

    @property
    def window(self) -> int | None:
        """The context window: tokens that prompt and answer share. None if it is not known."""
        ...

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        """Answer `request`, step by step; the last step is the `Completion`."""
        ...

    def as_sent(self, request: Request) -> AsSent:
        """The text that this model would get, with the tokens of each section. The model is not asked."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """A backend that can read the beginning of a prompt before it is asked, so that the answer begins at once."""

    def why_not_ahead(self, request: Request) -> str:
        """Why `request` must not be read ahead, as a clause; "" if it may be."""
        ...

    def read_ahead(
        self, request: Request, cancel: threading.Event, *, varies: Collection[str] = ()
    ) -> Iterator[Phase | Completion]:
        """Read what of `request` stays the same whatever its inputs are. `varies` are the sources, such as passages
        that are chosen by an input, that do not. It makes room for every other request, and goes on after it.

        The last step is a `Completion` without text; its usage has the tokens that were read, and those reused."""
        ...


@runtime_checkable
class CutsTokens(Protocol):
    """A backend that can say, without a model, which tokens a prompt has."""

    def tokens_of(self, request: Request) -> Sequence[int]:
        """The tokens of the prompt as it would be sent. Raises `WindowExceeded` for one that would not be sent."""
        ...


@runtime_checkable
class Trainable(Protocol):
    """A model whose weights are a file on this machine, so that an adapter can be trained for it."""

    @property
    def path(self) -> Path:
        """The file of the weights, the first part if it is split."""
        ...

    def answer_tokens(self, request: Request, answer: str) -> AnswerTokens:
        """The tokens of `request` as they are sent, and those of `answer` as the model should write it."""
        ...


@runtime_checkable
class ProbesMachine(Protocol):
    """A backend whose fingerprint is certain only after it was tried on this machine, such as a local model."""

    def ready(self, say: Callable[[str], None] = ..., *, again: bool = ...) -> object:
        """Try it, unless that was done before; `say` is told what is being done. With `again`, a failed try is
        repeated.
        Raises a `PromptlabError` if the model cannot answer on this machine."""
        ...

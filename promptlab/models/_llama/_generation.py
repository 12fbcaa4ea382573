"""Decoding one answer: choosing its tokens, showing its text, and deciding when it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from promptlab.models._llama._detokenize import AnswerText
from promptlab.models._llama._load import LoadedModel
from promptlab.models._llama._logprobs import logprobs_of
from promptlab.models._llama._sampling import Sampler
from promptlab.models._llama._settings import Settings
from promptlab.models._llama._thinking import TokenThinkingSplitter
from promptlab.models._llama._vocabulary import TokenTable
from promptlab.types import Completion, Delta, FinishReason, Params, Phase, Thought, Timings, Usage


@dataclass(frozen=True, slots=True)
class Task:
    """A request to a loaded model.

    `mark` is the token at which the question begins; the prefix before it is worth caching, and with `keep` it may be
    written to disk. `lead` is the white space that the chat template puts before an answer. `think` is the tag that
    ends thinking if the prompt has opened it, "" if it has not, and None if the answer cannot contain thinking.
    With `ahead` nothing is answered: only so many tokens of the prompt are read into the prefix cache.
    """

    settings: Settings
    tokens: Sequence[int]
    params: Params
    seed: int
    grammar: str | None = None
    stops: tuple[str, ...] = ()
    lead: str = ""
    think: str | None = None
    mark: int = 0
    keep: bool = False
    ahead: int = 0


class Requester(Protocol):
    """The caller who waits for an answer, as the engine sees it. `abort_flag` is a C string; not empty means stop."""

    abort_flag: Any

    @property
    def stopping(self) -> bool: ...

    def emit(self, step: Phase | Thought | Delta) -> None: ...

    def loading(self, what: str | None) -> None: ...

    def begin(self) -> None: ...


class PendingRequest(Requester, Protocol):
    """A requester that is told when its answer has ended."""

    task: Task

    def end(self, done: Completion | None) -> None:
        """Take the answer; `done` is None if the request was stopped before it began."""

    def fail(self, error: BaseException) -> None: ...


class Answer:
    """The answer to `task`, from its first token on. To be used on the engine's thread; `close` frees native memory.

    Raises:
        RequestRejected: the grammar or a parameter cannot be used.
    """

    def __init__(self, task: Task, requester: Requester, loaded: LoadedModel, table: TokenTable) -> None:
        self.task, self.requester = task, requester
        self._loaded, self._table = loaded, table
        self._started = time.monotonic()
        self._first: float | None = None
        self._text = AnswerText(task.stops, task.lead)
        self._thoughts = TokenThinkingSplitter(table, task.think)
        self._logprobs: list[dict[str, Any]] = []
        self.tokens: list[int] = []
        self.finish: FinishReason | None = None if task.params.max_tokens > 0 else "length"
        grammar = None if task.grammar is None else loaded.token_masks(table).start(task.grammar)
        self._sampler = Sampler(task.params, seed=task.seed, vocab=loaded.vocab, grammar=grammar)

    def choose(self, index: int = -1) -> None:
        """Choose the next token by the logits at `index` of the last batch. Sets `finish` if the answer has ended."""
        context = self._loaded.context
        token = self._sampler.sample(context, index)
        self._first = self._first or time.monotonic() - self._started
        if self._table.is_end(token):
            self.finish = "stop"
            return
        self.tokens.append(token)
        alternatives = self.task.params.logprobs
        if alternatives is not None:
            self._logprobs.append(logprobs_of(self._loaded.lib, context, index, token, alternatives, self._table))
        thought, data = self._thoughts.feed(token)
        if thought:
            self.requester.emit(Thought(thought))
        shown = self._text.feed(data)
        if shown:
            self.requester.emit(Delta(shown))
        grammar = self._sampler.grammar
        if self._text.stopped or (grammar and grammar.complete):
            self.finish = "stop"
        elif self.requester.stopping:
            self.finish = "stopped"
        elif len(self.tokens) >= self.task.params.max_tokens:
            self.finish = "length"

    def done(self, *, read: int, reused: int, **details: Any) -> Completion:
        """The completion, after `finish` was set."""
        # After a stop the text held back is dropped: it may be the beginning of a tag or of a stop string.
        rest = "" if self.finish == "stopped" else self._rest()
        if rest:
            self.requester.emit(Delta(rest))
        timings = Timings(first_token=self._first, total=time.monotonic() - self._started)
        if self.task.params.logprobs is not None:
            details["logprobs"] = self._logprobs
        details["system"] = self._loaded.system
        usage = Usage(read, reused, len(self.tokens), self._thoughts.tokens or None)
        end, thinking = self.finish or "stopped", self._thoughts.text
        return Completion(self._text.text, end, usage, timings, details=details, thinking=thinking)

    def _rest(self) -> str:
        """The text that was held back until the end."""
        thought, data = self._thoughts.finish()
        if thought:
            self.requester.emit(Thought(thought))
        return self._text.feed(data) + self._text.finish()

    def close(self) -> None:
        """Free the native samplers."""
        self._sampler.close()

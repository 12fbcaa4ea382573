"""A backend that answers from a script, for tests and for demos without a model.

    ScriptedBackend("demo", ["Argentina", RateLimited("slow down"), [Phase("reading", 8, 16), "Ar", 0.1, "gentina"]])

Each request gets the next reply; a script with one reply repeats it, and a script that is a function is called with the
request. A reply is a text, an error to raise, or a list of steps: texts, phases, errors, and pauses in seconds.
`history` has every request, so that a test can see exactly what was sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from promptlab.models._as_sent import AsSent, Budget, Piece
from promptlab.models._backend import Step
from promptlab.types import Completion, Delta, Label, Message, Phase, Request, Section, Thought, Timings, Usage

Reply = str | Exception | Sequence["str | Thought | Phase | Exception | float"]
Script = Sequence[Reply] | Callable[[Request], Reply]


class ScriptedBackend:
    """Gives the replies of its script. Its tokens are the words between white space, counted exactly."""

    def __init__(
        self,
        name: str = "scripted",
        script: Script = ("ok",),
        *,
        max_parallel: int = 8,
        window: int | None = None,
        clearance: Label = "confidential",
    ) -> None:
        self.name = name
        self.max_parallel = max_parallel
        self.window = window
        self.clearance: Label = clearance
        self.fingerprint = f"scripted:{name}"
        self.history: list[Request] = []
        # A text is a sequence of texts too, but its letters are not meant as replies.
        self._script: Script = (script,) if isinstance(script, str) else script
        self._lock = threading.Lock()

    def _reply(self, request: Request) -> Reply:
        with self._lock:
            self.history.append(request)
            if not isinstance(self._script, Sequence):
                return self._script(request)
            if len(self._script) == 1:
                return self._script[0]
            turn = len(self.history) - 1
            if turn >= len(self._script):
                raise AssertionError(f"{self.name}: the script has {len(self._script)} replies, this is one more")
            return self._script[turn]

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        """Give the next reply. When `cancel` is set, a pause and the answer end early."""
        reply = self._reply(request)
        started, first, text, thinking = time.perf_counter(), None, "", ""
        for step in [reply] if isinstance(reply, str | Exception) else reply:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, str):
                if cancel.is_set():
                    break
                first = first if first is not None else time.perf_counter() - started
                text += step
                yield Delta(step)
            elif isinstance(step, Thought):
                thinking += step.text
                yield step
            elif isinstance(step, Phase):
                yield step
            elif cancel.wait(step):
                break
        yield Completion(
            text=text,
            finish_reason="stopped" if cancel.is_set() else "stop",
            usage=Usage(read=self.as_sent(request).budget.prompt, reused=0, written=len(text.split())),
            timings=Timings(first_token=first, total=time.perf_counter() - started),
            fingerprint=self.fingerprint,
            thinking=thinking,
        )

    def as_sent(self, request: Request) -> AsSent:
        """The messages unchanged, with their words as tokens."""
        by_section: dict[Section, int] = {}
        by_source: dict[str, int] = {}
        pieces = []
        for span, text in request.prompt.texts() or _whole(request.messages):
            pieces.append(Piece(text, span.section, span.source))
            count = len(text.split())
            by_section[span.section] = by_section.get(span.section, 0) + count
            if span.source:
                by_source[span.source] = by_source.get(span.source, 0) + count
        budget = Budget(
            prompt=sum(by_section.values()),
            by_section=by_section,
            by_source=by_source,
            window=self.window,
            room=request.params.max_tokens,
            exact=True,
        )
        return AsSent(tuple(pieces), budget)


def _whole(messages: Sequence[Message]) -> list[tuple[Piece, str]]:
    return [(Piece(m.content, "layout"), m.content) for m in messages]

"""A model asked on a thread of its own, for an event loop that wants the answer step by step.

Beside runner.py the one place that asks a backend: `promptlab serve` is the engine itself behind a socket, and
what is asked there is no run (docs/decisions.md).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

from promptlab._util.json_schema import verdict
from promptlab.errors import EngineFailed, InputError, PromptlabError, RequestRejected
from promptlab.models import Backend, Catalogue, Step
from promptlab.server._request import ChatRequest
from promptlab.types import Completion, Request

UNSAID_WINDOW = 4096
"""Tokens, of a model that does not say how many it takes; local ones all do."""


class Generation:
    """One request on its way. Setting `cancel` ends it soon; `ended` is called with it, on its own thread, when the
    model is free of it. Made in the event loop that takes the steps."""

    def __init__(self, catalogue: Catalogue, wanted: ChatRequest, ended: Callable[[Generation], None]) -> None:
        self.cancel = threading.Event()
        self.fingerprint = ""
        self._catalogue, self._wanted, self._ended = catalogue, wanted, ended
        self._loop = asyncio.get_running_loop()
        self._steps: asyncio.Queue[Step | BaseException | None] = asyncio.Queue()

    def start(self) -> None:
        """Ask."""
        threading.Thread(target=self._run, name=f"serve-{self._wanted.request.model}", daemon=True).start()

    async def next(self) -> Step | BaseException | None:
        """The next step, an exception where it went wrong, None once the client has gone. After a `Completion` and
        after an exception there is none."""
        return await self._steps.get()

    def leave(self) -> None:
        """The client has gone; called in the event loop."""
        self.cancel.set()
        self._steps.put_nowait(None)

    def _run(self) -> None:
        last: Step | BaseException | None = None
        try:
            request = self._wanted.request
            backend = self._catalogue.backend(request.model)
            self.fingerprint = backend.fingerprint
            try:
                # Every backend's `complete` is a generator; closing it is a cancel.
                with closing(cast(Any, backend.complete(sized(backend, self._wanted), self.cancel))) as steps:
                    for last in steps:
                        self._put(last if not isinstance(last, Completion) else held(request, last))
            except RequestRejected as exc:
                raise named(exc, backend, request) from exc
            if not isinstance(last, Completion):
                raise RuntimeError(f"backend of {request.model} ended without a completion")
        except BaseException as exc:
            self._put(exc)
        finally:
            self._ended(self)

    def _put(self, step: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(self._steps.put_nowait, step)
        except RuntimeError:  # the loop has ended, and with it whoever wanted to know
            self.cancel.set()


def sized(backend: Backend, wanted: ChatRequest) -> Request:
    """The request with a limit of new tokens: the client's, or what the prompt leaves of the window."""
    request = wanted.request
    if not wanted.to_the_end:
        return request
    room = (backend.window or UNSAID_WINDOW) - backend.as_sent(request).budget.prompt
    return replace(request, params=request.params.with_(max_tokens=max(1, room)))


def named(exc: RequestRejected, backend: Backend, request: Request) -> InputError:
    """What the engine refuses, with the field it is about: the messages, where it refuses them without a schema too."""
    field = "response_format" if request.schema else ""
    try:
        backend.as_sent(replace(request, schema=None))
    except RequestRejected:
        field = "messages"
    except PromptlabError:
        pass
    return InputError(exc.message, field=field, hint=exc.hint)


def held(request: Request, done: Completion) -> Completion:
    """The answer, once it is known to be what its schema asks for. One that was cut off cannot be, and says so itself.

    Raises:
        EngineFailed: the answer came to its end and is something else.
    """
    if request.schema is None or done.finish_reason != "stop":
        return done
    hint = (
        "leave out `stop`, which may have cut it off"
        if request.params.stop
        else "ask again, or ask for a simpler schema"
    )
    found = verdict(request.schema, done.text)
    if found.valid:
        return done
    raise EngineFailed(f"the answer does not hold to the schema: {found.words}", hint=hint)


__all__ = ["Generation", "held", "named", "sized"]

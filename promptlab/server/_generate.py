"""Asks a model on a thread of its own, and gives each step of the answer to the event loop.

The runner (promptlab/runs) asks models for all other purposes. `promptlab serve` asks them directly, because what a
client asks is not a run (docs/decisions.md).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

from promptlab._util.json_schema import validate
from promptlab.errors import EngineFailed, InputError, PromptlabError, RequestRejected
from promptlab.models import Backend, Catalogue, Step
from promptlab.server._request import ChatRequest
from promptlab.types import Completion, Request

UNKNOWN_WINDOW = 4096
"""Tokens; for a model whose window is not known. All local models know theirs."""


class Generation:
    """The generation of one answer. Setting `cancel` ends it soon. When the model has stopped, `ended` is called with
    this object, on its own thread. Must be made in the event loop that takes the steps."""

    def __init__(self, catalogue: Catalogue, chat: ChatRequest, ended: Callable[[Generation], None]) -> None:
        self.cancel = threading.Event()
        self.fingerprint = ""
        self._catalogue, self._chat, self._ended = catalogue, chat, ended
        self._loop = asyncio.get_running_loop()
        self._steps: asyncio.Queue[Step | BaseException | None] = asyncio.Queue()

    def start(self) -> None:
        """Start the thread that asks."""
        threading.Thread(target=self._run, name=f"serve-{self._chat.request.model}", daemon=True).start()

    async def next(self) -> Step | BaseException | None:
        """The next step; an exception if it failed; None if the client has left. Do not call it again after a
        `Completion` or an exception."""
        return await self._steps.get()

    def leave(self) -> None:
        """Note that the client has left. Called in the event loop."""
        self.cancel.set()
        self._steps.put_nowait(None)

    def _run(self) -> None:
        last: Step | BaseException | None = None
        try:
            request = self._chat.request
            backend = self._catalogue.backend(request.model)
            self.fingerprint = backend.fingerprint
            try:
                # Every backend's `complete` is a generator; closing it is a cancel.
                with closing(cast(Any, backend.complete(with_limit(backend, self._chat), self.cancel))) as steps:
                    for last in steps:
                        self._put(last if not isinstance(last, Completion) else must_be_valid(request, last))
            except RequestRejected as exc:
                raise with_field(exc, backend, request) from exc
            if not isinstance(last, Completion):
                raise RuntimeError(f"backend of {request.model} ended without a completion")
        except BaseException as exc:
            self._put(exc)
        finally:
            self._ended(self)

    def _put(self, step: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(self._steps.put_nowait, step)
        except RuntimeError:  # the event loop has ended, and with it the client
            self.cancel.set()


def with_limit(backend: Backend, chat: ChatRequest) -> Request:
    """The request with a limit of new tokens: the client's, or the rest of the window after the prompt."""
    request = chat.request
    if not chat.unlimited:
        return request
    room = (backend.window or UNKNOWN_WINDOW) - backend.as_sent(request).budget.prompt
    return replace(request, params=request.params.with_(max_tokens=max(1, room)))


def with_field(exc: RequestRejected, backend: Backend, request: Request) -> InputError:
    """The backend's refusal with the field it is about. If it refuses the request without its schema too, that is
    `messages`."""
    field = "response_format" if request.schema else ""
    try:
        backend.as_sent(replace(request, schema=None))
    except RequestRejected:
        field = "messages"
    except PromptlabError:
        pass
    return InputError(exc.message, field=field, hint=exc.hint)


def must_be_valid(request: Request, done: Completion) -> Completion:
    """The answer, checked by its schema. One that was cut off is not checked: its finish reason tells the client.

    Raises:
        EngineFailed: the answer ended by itself and is not valid under the schema.
    """
    if request.schema is None or done.finish_reason != "stop":
        return done
    hint = (
        "leave out `stop`, which may have cut it off"
        if request.params.stop
        else "ask again, or ask for a simpler schema"
    )
    result = validate(request.schema, done.text)
    if result.valid:
        return done
    raise EngineFailed(f"the answer is not valid under the schema: {result.words}", hint=hint)


__all__ = ["Generation", "must_be_valid", "with_field", "with_limit"]

"""One attempt to get an answer: the request is sent, and each piece of the reply is given on as it comes.

attempt = Attempt(Answer(endpoint), time.monotonic(), deadline=time.monotonic() + 300)
for step in attempt.steps(client, body, cancel):
    ...                              # Thought("Let me see."), Delta("Argen"), Delta("tina")
attempt.answer.finish                # "stop"
attempt.ended - attempt.started      # seconds of this attempt
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from promptlab.errors import BadReply
from promptlab.models._openai._outgoing import Leaving
from promptlab.models._openai._retry import retry_after
from promptlab.models._openai._sse import check_packing, read_events
from promptlab.models._openai._stream import Answer
from promptlab.types import Delta, Thought

if TYPE_CHECKING:
    import httpx2
    import openai

    from promptlab.models._openai._stoppable import Watch

DRAIN = 0.05
"""Seconds to wait for the last bytes of a reply, after its last event."""
AFTERWARDS = 5.0
"""Seconds to wait for the counts of tokens, after the model has said why it ended."""


@dataclass
class Attempt:
    """One attempt, and what is learned from it. Times are of `time.monotonic()`, and 0 until the event.

    `first` is when the first text came, `finished` when the model had said why it ended, `ended` when the reply had.
    `began` is True once the server has accepted the request. `asked_wait` are the seconds that the server asks to wait.
    """

    answer: Answer
    started: float
    deadline: float = 0.0
    number: int = 1
    leaving: Leaving | None = None
    first: float | None = None
    ended: float = 0.0
    began: bool = False
    finished: float = 0.0
    stopped: bool = False
    request_id: str = ""
    asked_wait: float | None = None

    def steps(self, client: openai.OpenAI, body: bytes, cancel: threading.Event) -> Generator[Thought | Delta]:
        """Send `body`, and give each piece of the answer as it comes."""
        import httpx2

        from promptlab.models._openai._stoppable import Stopped, TimeOver, Watch

        answer, watch = self.answer, Watch(cancel, self.deadline)
        response: httpx2.Response | None = None
        try:
            watch.check()
            if self.leaving is not None:  # the ledger comes before the first byte, for every attempt
                endpoint = answer.endpoint
                self.leaving.now(
                    self.number, url=endpoint.url, asked=endpoint.model, size=len(body), via=endpoint.proxy
                )
            with watch:
                response = _post(client, body, answer.endpoint.url)
            yield from self._read(response, watch)
        except Stopped:
            self.stopped = not self.ended and answer.finish is None
        except (TimeOver, httpx2.HTTPError, BadReply):
            # Once the model has said that it ended, the answer is whole whatever happens to the connection.
            if answer.finish is None and not self.ended:
                raise
        finally:
            if response is not None:
                response.close()

    def _read(self, response: httpx2.Response, watch: Watch) -> Iterator[Thought | Delta]:
        from promptlab.models._openai._stoppable import Watch

        answer = self.answer
        self.began, self.request_id = True, response.headers.get("x-request-id", "")
        self.asked_wait = retry_after(response.headers)
        # No compressed answer was asked for, but some proxies compress all the same.
        packed = response.headers.get("content-encoding", "identity").lower() != "identity"
        if packed:
            check_packing(response.headers["content-encoding"], answer.endpoint)
        chunks = response.iter_bytes() if packed else response.iter_raw()
        events = read_events(chunks, answer.endpoint)
        while not answer.done:
            watch.check()
            with watch:
                event = next(events, None)
            if event is None:
                break
            yield from answer.take(event)
            if answer.finish is not None and not self.finished:
                self.finished = time.monotonic()
                watch.deadline = min(watch.deadline, self.finished + AFTERWARDS)
        yield from answer.close()
        self.ended = time.monotonic()
        # The last bytes of the reply, so that the connection can be used again.
        with Watch(watch.cancel, self.ended + DRAIN):
            for _ in chunks:
                pass


def _post(client: openai.OpenAI, body: bytes, url: str) -> httpx2.Response:
    import httpx2
    import openai

    return cast(
        "httpx2.Response",
        client.post(
            f"{url}/chat/completions",  # the whole address, so that the library need not build it
            cast_to=httpx2.Response,
            content=body,
            options={"headers": {"Content-Type": "application/json", "Accept": "text/event-stream"}},
            stream=True,
            stream_cls=openai.Stream[Any],
        ),
    )


__all__ = ["Attempt"]

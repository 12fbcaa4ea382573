"""A backend under test, asked over the loopback server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from promptlab import errors
from promptlab.models._backend import Step
from promptlab.models._openai._backend import OpenAIBackend
from promptlab.types import Completion, Delta, Message, Prompt, Request
from promptlab.workspace._workspace import OpenAIModel

KEY = "sk-test-5ecret-5ecret-5ecret"
ASK = Request("loop", Prompt((Message("user", "Who won?"),)))


class Made:
    """A backend whose pauses take no time and are written down."""

    def __init__(self, url: str | None, key: str = KEY, **entry: Any) -> None:
        self.pauses: list[float] = []
        settings = {"model": "gpt-4o-mini", "base_url": url, "max_retries": 2, "read_timeout": 30.0, **entry}
        self.backend = OpenAIBackend(
            "loop", OpenAIModel(backend="openai", **settings), key, wait=self._wait, chance=lambda: 0.0
        )

    def _wait(self, cancel: threading.Event, seconds: float) -> bool:
        self.pauses.append(seconds)
        return cancel.is_set()

    def ask(self, request: Request = ASK) -> list[Step]:
        return list(self.backend.complete(request, threading.Event()))

    def answer(self, request: Request = ASK) -> Completion:
        steps = self.ask(request)
        last = steps[-1]
        assert isinstance(last, Completion)
        assert "".join(s.text for s in steps if isinstance(s, Delta)) == last.text
        return last

    def fail(self) -> tuple[list[Step], errors.PromptlabError]:
        """The steps before the failure, and the failure."""
        steps: list[Step] = []
        with pytest.raises(errors.PromptlabError) as caught:
            steps.extend(self.backend.complete(ASK, threading.Event()))
        return steps, caught.value


def eventually(claim: Callable[[], bool]) -> bool:
    """Whether `claim` comes true; the limit is only there so that a failure ends."""
    end = time.monotonic() + 20
    while not claim() and time.monotonic() < end:
        time.sleep(0.01)
    return claim()


def stopped(steps: list[Step], text: str = "") -> bool:
    last = steps[-1]
    return isinstance(last, Completion) and (last.finish_reason, last.text) == ("stopped", text)

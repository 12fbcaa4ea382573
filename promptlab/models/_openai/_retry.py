"""When a request that failed is sent again: the pauses, and why there is one."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping

from promptlab.errors import ConnectionFailed, DeadlineExceeded, PromptlabError, RateLimited

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
LONGEST_ASKED_PAUSE = 60.0
"""Seconds between tries. A server that asks for a longer pause than the last gets no further try."""


def backoff(attempt: int, chance: float) -> float:
    """Seconds to wait after try number `attempt`; `chance` in [0, 1) shortens it by up to a quarter."""
    return min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE) * (1 - 0.25 * chance)


def brief(error: PromptlabError) -> str:
    """The error in a few words, for a line that says why there is a wait."""
    status = getattr(error, "status", None)
    if isinstance(error, RateLimited):
        return "too many requests"
    if status:
        return f"the server answered {status}"
    return "no connection" if isinstance(error, DeadlineExceeded | ConnectionFailed) else "the server failed"


def wait_asked(exc: BaseException) -> float | None:
    """Seconds the server that caused `exc` asks to wait before the next try; None where it does not say."""
    response = getattr(exc, "response", None)
    return retry_after(response.headers) if response is not None else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from `Retry-After-Ms` or `Retry-After`, which holds seconds or a date; None where there is none."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "")
        try:
            seconds = float(value) / scale
        except ValueError:
            try:
                seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
            except (ValueError, TypeError, OverflowError):
                continue
        if seconds == seconds and seconds != float("inf"):
            return max(seconds, 0.0)
    return None

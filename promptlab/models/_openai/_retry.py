"""The pauses before a failed request is sent again, and their reasons in few words."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping

from promptlab.errors import ConnectionFailed, DeadlineExceeded, PromptlabError, RateLimited

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
LONGEST_ASKED_PAUSE = 60.0
"""Seconds between attempts. If a server asks for a longer pause than `LONGEST_ASKED_PAUSE`, there is no further one."""


def backoff(attempt: int, chance: float) -> float:
    """Seconds to wait after attempt number `attempt`. `chance` in [0, 1) shortens them by up to a quarter."""
    return min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE) * (1 - 0.25 * chance)


def brief(error: PromptlabError) -> str:
    """The error in a few words, as the reason for a pause."""
    status = getattr(error, "status", None)
    if isinstance(error, RateLimited):
        return "too many requests"
    if status:
        return f"the server answered {status}"
    return "no connection" if isinstance(error, DeadlineExceeded | ConnectionFailed) else "the server failed"


def wait_asked(exc: BaseException) -> float | None:
    """The seconds that the server asks to wait before the next attempt; None if it does not say."""
    response = getattr(exc, "response", None)
    return retry_after(response.headers) if response is not None else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of the header `Retry-After-Ms`, or of `Retry-After` (seconds or a date); None if there is neither."""
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

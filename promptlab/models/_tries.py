"""The last real result of each model: when it was asked last, and if it answered. "Ready" means tried.

    tries = Tries(workspace.state)
    tries.note("gpt", Try("2026-11-29T12:15:03+00:00", ok=False, code="401", words="the key was refused"), entry, key)
    tries.last("gpt", entry, key)              # that try; None if it was made with another entry or another key

They are kept in `.promptlab/tried.json`. A try counts only as long as the model's entry in promptlab.yaml and its key
are what they were. The key is not kept: what is kept is an HMAC of both, under a random salt of the workspace.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from promptlab._util.files import file_stamp, write_atomically
from promptlab.errors import (
    AuthenticationFailed,
    BackendError,
    PromptlabError,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ServerFailed,
)
from promptlab.types import Completion

log = logging.getLogger(__name__)

FILE = "tried.json"
MOST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Try:
    """One real result of a model. `at` is its time (UTC, ISO 8601), `seconds` how long the answer took. If it failed,
    `code` is the HTTP status, `words` say why in short, and `error` and `hint` are the whole error."""

    at: str
    ok: bool
    seconds: float | None = None
    code: str = ""
    words: str = ""
    error: str = ""
    hint: str = ""

    @property
    def reason(self) -> str:
        """Why it failed, in short: `401: the key was refused`."""
        return f"{self.code}: {self.words}" if self.code else self.words

    def text(self) -> str:
        """The try as a person reads it: `tried 12:15, answered in 0.4 s`."""
        if not self.ok:
            return f"tried {_clock(self.at)}, {self.reason}"
        if self.seconds is None:
            return f"tried {_clock(self.at)}, it works"
        took = "less than 0.1 s" if self.seconds < 0.05 else f"{self.seconds:.1f} s"
        return f"tried {_clock(self.at)}, answered in {took}"


def try_of(outcome: Completion | PromptlabError, at: str) -> Try | None:
    """What an outcome says about the model. None if the model was not really asked: the request was refused before it
    was sent, or stopped."""
    if isinstance(outcome, Completion):
        return None if outcome.finish_reason == "stopped" else Try(at, True, outcome.timings.total)
    if not isinstance(outcome, BackendError):
        return None
    code = str(outcome.status) if outcome.status else ""
    return Try(at, False, None, code, _words(outcome)[:MOST_WORDS], outcome.message, outcome.hint)


def _words(error: BackendError) -> str:
    if isinstance(error, AuthenticationFailed):
        return "this key may not use the model" if error.status == 403 else "the key was refused"
    if isinstance(error, QuotaExhausted):
        return "the account has no credit left"
    if isinstance(error, RateLimited):
        return "too many requests"
    if isinstance(error, ServerFailed):
        return "the server failed"
    if isinstance(error, RequestRejected):
        return "no such model or address" if error.status == 404 else "the request was refused"
    return (
        error.message.partition("): ")[2] or error.message
    )  # without the model and its address, which stand beside it


def _clock(at: str) -> str:
    """The local time of `at`, with its day if that is not today."""
    try:
        time = datetime.fromisoformat(at).astimezone()
    except ValueError:
        return at
    is_today = time.date() == datetime.now().astimezone().date()
    return time.strftime("%H:%M" if is_today else "%-d %b %Y, %H:%M")


class Tries:
    """The last try of every model of a workspace, kept in its state folder. Safe to use from several threads."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE
        self._lock = threading.Lock()
        self._read: tuple[object, dict[str, Any]] = None, {}

    def last(self, name: str, *parts: str) -> Try | None:
        """The last try of the model `name` with these `parts`; None if there is none."""
        with self._lock:
            data = self._data()
        models, salt = data.get("models"), data.get("salt")
        kept = models.get(name) if isinstance(models, dict) else None
        if not isinstance(kept, dict) or not isinstance(salt, str) or kept.get("mark") != _hmac(salt, parts):
            return None
        try:
            return Try(**{key: value for key, value in kept.items() if key != "mark"})
        except TypeError:  # written by another version
            return None

    def note(self, name: str, outcome: Try, *parts: str) -> None:
        """Keep `outcome` as the last try of the model `name`. A disk that cannot be written stops nothing."""
        with self._lock:
            data = self._data()
            salt = data["salt"] if isinstance(data.get("salt"), str) else secrets.token_hex(16)
            models = data["models"] if isinstance(data.get("models"), dict) else {}
            kept = {"mark": _hmac(salt, parts), **asdict(outcome)}
            try:
                text = json.dumps({"salt": salt, "models": {**models, name: kept}}, indent=1)
                write_atomically(self._path, text.encode("ascii"))
            except OSError as exc:
                log.warning("the try of %s is not kept: %s", name, exc)

    def _data(self) -> dict[str, Any]:
        """The content of the file; it is read again only if it changed. A damaged file counts as empty."""
        stamp = file_stamp(self._path)
        if stamp != self._read[0]:
            try:
                data = json.loads(self._path.read_text("utf-8"))
            except (OSError, ValueError, RecursionError):
                data = {}
            self._read = stamp, data if isinstance(data, dict) else {}
        return self._read[1]


def _hmac(salt: str, parts: tuple[str, ...]) -> str:
    text = json.dumps(parts)
    return hmac.new(salt.encode(), text.encode("utf-8", "surrogatepass"), "sha256").hexdigest()


__all__ = ["Tries", "Try", "try_of"]

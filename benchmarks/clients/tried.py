"""What every client is asked to do, and how it is told. Used in the clients' environment: the standard library only.

    {"check": "plain answer", "outcome": "works", "said": "Hello! How can I"}

A check is a function that returns what it saw, and raises where that is not what it should be. A client's exception
that brings the server's 400 is a refusal; "not offered" means that the client has no such thing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

URL = os.environ.get("PROMPTLAB_URL", "http://127.0.0.1:8017/v1")
MODEL = os.environ.get("PROMPTLAB_MODEL", "smollm2-135m")
KEY = "none"

QUESTION = "Say hello in one sentence."
LONG = "Write a long story about the sea."
LEFT_SECONDS = 10
"""The story of 1,500 tokens takes several times as long."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"country": {"type": "string", "maxLength": 12}, "sure": {"type": "boolean"}},
    "required": ["country", "sure"],
    "additionalProperties": False,
}
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CHECKS = (
    *("plain answer", "stream", "stop", "system and developer", "name of a message", "schema", "JSON without a schema"),
    *("probabilities", "tools, none wanted", "tools, any wanted", "two answers", "a misspelt field", "cancel"),
)
MAY_BE_REFUSED = {"tools, any wanted", "two answers", "a misspelt field"}
"""What is not done here; the misspelt field must be refused."""


def fits(text: str | None) -> str:
    """`text`, where it is what `SCHEMA` says."""
    found = json.loads(text or "")
    assert set(found) == {"country", "sure"}, text
    assert isinstance(found["country"], str), text
    assert isinstance(found["sure"], bool), text
    return text or ""


def an_object(text: str | None) -> str:
    """`text`, where it is a JSON object."""
    assert isinstance(json.loads(text or ""), dict), text
    return text or ""


def freed(answer: Callable[[], str]) -> str:
    """The next answer after one that was left: it comes before the one that was left would have ended."""
    began = time.monotonic()
    answer()
    took = time.monotonic() - began
    assert took < LEFT_SECONDS, f"{took:.0f} s"
    return f"next answer after {took:.1f} s"


def run(checks: Mapping[str, Callable[[], str]]) -> None:
    """Do each check and print a line for it."""
    assert set(checks) <= {*CHECKS}, set(checks) - {*CHECKS}
    for name in CHECKS:
        try:
            outcome, said = ("works", checks[name]()) if name in checks else ("not offered", "")
        except AssertionError as exc:
            outcome, said = "wrong", f"it came out as {exc}"
        except Exception as exc:  # each client has exceptions of its own
            words = " ".join(str(exc).split())
            refused = "BadRequestError" in f"{type(exc).__name__} {words}" or "Error code: 400" in words
            outcome, said = ("refused" if refused else "wrong"), f"{type(exc).__name__}: {words}"
        print(json.dumps({"check": name, "outcome": outcome, "said": said[-400:]}), flush=True)

"""Who may ask `promptlab serve`: this machine, or whoever has the key.

Without a key the address is a loopback one, and two kinds of requests are refused that come from this machine
and yet from elsewhere: those for another host's name (a web page whose name was made to mean 127.0.0.1, "DNS
rebinding") and those that a browser sends for a page of another host.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from promptlab._util.network import is_loopback
from promptlab.server._response import Refusal

KEY_VARIABLE = "PROMPTLAB_SERVE_KEY"
"""The environment variable that holds the key."""


def refuse_request(headers: Iterable[tuple[bytes, bytes]], key: str) -> Refusal | None:
    """Why a request with these headers gets no answer; None where it does."""
    found = [(name.lower(), value) for name, value in headers]
    if key:
        return None if _has_key([v for name, v in found if name == b"authorization"], key) else _NO_KEY
    hosts = [value for name, value in found if name == b"host"]
    if not hosts or not all(is_loopback(_host(f"//{_text(value)}")) for value in hosts):
        return _elsewhere("Host", hosts)
    origins = [value for name, value in found if name == b"origin"]
    if not all(is_loopback(_host(_text(value))) for value in origins):
        return _elsewhere("Origin", origins)
    return None


def _has_key(values: list[bytes], key: str) -> bool:
    if len(values) != 1:
        return False
    scheme, _, said = values[0].partition(b" ")
    return hmac.compare_digest(said.strip(), key.encode()) and scheme.lower() == b"bearer"


_NO_KEY = Refusal(
    401,
    "this server wants its key: `Authorization: Bearer KEY`, where KEY is what PROMPTLAB_SERVE_KEY held at its start",
    code="invalid_api_key",
    headers={"www-authenticate": "Bearer"},
)


def _elsewhere(header: str, values: list[bytes]) -> Refusal:
    said = ", ".join(ascii(_text(value))[:100] for value in values) or "missing"
    words = (
        f"the {header} header is not of this machine: {said}; to serve others, set {KEY_VARIABLE} and ask with that key"
    )
    return Refusal(403, words, code="not_from_here")


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _host(url: str) -> str:
    """The host of `url`, empty where there is none to be read."""
    try:
        parts = urlsplit(url)
        return "" if "@" in parts.netloc else parts.hostname or ""
    except ValueError:
        return ""


__all__ = ["KEY_VARIABLE", "refuse_request"]

"""Who may ask `promptlab serve`: programs on this machine, or clients with the key.

Without a key the server listens on a loopback address, and refuses two kinds of requests that come from this machine on
behalf of another: requests with another host's name (a web page whose name was changed to mean 127.0.0.1, "DNS
rebinding"), and requests that a browser sends for a page of another host.
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
    """The refusal of a request with these headers; None if it may be answered."""
    pairs = [(name.lower(), value) for name, value in headers]
    if key:
        return None if _has_key([v for name, v in pairs if name == b"authorization"], key) else _NO_KEY
    hosts = [value for name, value in pairs if name == b"host"]
    if not hosts or not all(is_loopback(_host(f"//{_text(value)}")) for value in hosts):
        return _elsewhere("Host", hosts)
    origins = [value for name, value in pairs if name == b"origin"]
    if not all(is_loopback(_host(_text(value))) for value in origins):
        return _elsewhere("Origin", origins)
    return None


def _has_key(values: list[bytes], key: str) -> bool:
    if len(values) != 1:
        return False
    scheme, _, sent_key = values[0].partition(b" ")
    return hmac.compare_digest(sent_key.strip(), key.encode()) and scheme.lower() == b"bearer"


_NO_KEY = Refusal(
    401,
    "this server needs its key: `Authorization: Bearer KEY`, with the KEY that PROMPTLAB_SERVE_KEY had at its start",
    code="invalid_api_key",
    headers={"www-authenticate": "Bearer"},
)


def _elsewhere(header: str, values: list[bytes]) -> Refusal:
    shown = ", ".join(ascii(_text(value))[:100] for value in values) or "missing"
    words = f"the {header} header is not of this machine: {shown}"
    words += f"; to serve others, set {KEY_VARIABLE} and ask with that key"
    return Refusal(403, words, code="not_from_here")


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _host(url: str) -> str:
    """The host of `url`; empty if there is none."""
    try:
        parts = urlsplit(url)
        return "" if "@" in parts.netloc else parts.hostname or ""
    except ValueError:
        return ""


__all__ = ["KEY_VARIABLE", "refuse_request"]

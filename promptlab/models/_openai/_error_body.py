"""From a server's error body to one of our errors, whether it came with an HTTP status or inside a stream.

    429 {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    -> QuotaExhausted: gpt (gpt-4o-mini at https://api.openai.com/v1): the account has no credit left (429): You ...

Every server has its own form of an error. The status and the codes decide which error it is; the server's words are
searched only if it gives neither. No message holds the API key: servers often quote it, so their words are masked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.errors import (
    AuthenticationFailed,
    BackendError,
    ConnectionFailed,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ServerFailed,
)
from promptlab.models._openai._endpoint import Endpoint
from promptlab.models._openai._hints import field_hint, filter_names, is_filter, is_too_long, too_long_hint
from promptlab.models._openai._retry import retry_after

_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_WRONG_KEY = frozenset({"invalid_api_key", "authentication_error", "unauthenticated"})
_TOO_MANY = frozenset({"rate_limit_exceeded", "rate_limit_error", "too_many_requests"})
_MESSAGE_KEYS = (
    "message", "detail", "msg", "error", "errors", "error_msg", "status_msg", "error_description", "title", "reason",
    "warning",
)  # fmt: skip
"""Keys of an error body that hold its message, the likeliest first."""


def error_in(value: object, *, named: bool = False) -> object | None:
    """The error in one JSON value of a reply with status 200, or None if there is none. `named` means that the event
    was called `error`. A `message` alone is no error: gateways send many kinds of notes beside an answer."""
    if isinstance(value, dict) and value.get("choices") and not value.get("error") and not named:
        return None  # nearly every event
    if isinstance(value, list):
        return next((error for entry in value if (error := error_in(entry, named=named)) is not None), None)
    if isinstance(value, str):  # an answer is never a bare text
        return value
    if not isinstance(value, dict):
        return None
    if value.get("error") or named or "error" in (value.get("object"), value.get("type")):
        return value
    if value.get("choices") is None and value.get("errors"):
        return value
    if value.get("choices") is None and _status_in(value):
        return value
    return None


def words_of(error: object) -> str:
    """The message of an error body, in whatever form it comes. A body of unknown form is quoted as it is.

    FastAPI's list of wrong fields becomes `max_tokens: Field required`.
    """
    if isinstance(error, list):
        return "; ".join(filter(None, map(words_of, error)))
    if not isinstance(error, Mapping):
        return _plain(error)
    loc = error.get("loc")
    at = ".".join(str(part) for part in loc if part != "body") if isinstance(loc, list) else ""
    for name in _MESSAGE_KEYS:
        value = error.get(name)
        if isinstance(value, str | list | Mapping) and (words := words_of(value)):
            more = error.get("metadata")
            if isinstance(more, Mapping) and isinstance(more.get("raw"), str):  # OpenRouter: the provider's own message
                words = f"{words} ({more['raw']})"
            return f"{at}: {words}" if at else words
    return json.dumps(error, ensure_ascii=False, default=str) if error else ""


@dataclass(frozen=True, slots=True)
class _ErrorBody:
    """The parts of an error body that decide which error it is. `error` is what stands under the key `error`, if any,
    `codes` its codes in lower case, `words` its message; `shown` and `tail` are its status and message for ours."""

    status: int | None
    error: object
    fields: Mapping[str, Any]
    codes: frozenset[str]
    words: str
    shown: str
    tail: str


def from_payload(
    status: int | None, body: object, endpoint: Endpoint, headers: Mapping[str, str] | None = None
) -> BackendError:
    """Our error for an error body. With `status` None it came inside a stream; its `code` may then be a status."""
    reply = _parsed(status, body, endpoint)
    # The order counts: a server may send 429 for an empty account, or 400 for a prompt that a filter stopped.
    return (
        _not_allowed(reply, endpoint)
        or _too_much(reply, endpoint, headers or {})
        or _elsewhere(reply, endpoint, headers or {})
        or _failed(reply, endpoint)
    )


def _parsed(status: int | None, body: object, endpoint: Endpoint) -> _ErrorBody:
    if isinstance(body, list) and len(body) == 1:  # as Google wraps it
        body = body[0]
    error = body
    if isinstance(body, Mapping):
        inner = body.get("error") or body.get("errors")
        inner = inner[0] if isinstance(inner, list) and len(inner) == 1 else inner
        error = inner if isinstance(inner, str | list | Mapping) else body
    fields: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    if status is None:
        status = _status_in(fields) or (_status_in(body) if isinstance(body, Mapping) else None)
    words = words_of(error)
    shown = f" ({status})" if status else ""
    return _ErrorBody(
        status=status,
        error=error,
        fields=fields,
        codes=frozenset(str(fields.get(key, "")).lower() for key in ("code", "type", "status")),
        words=words,
        shown=shown,
        tail=f"{shown}: {endpoint.quote(words)}" if words else shown,
    )


def _not_allowed(reply: _ErrorBody, endpoint: Endpoint) -> BackendError | None:
    """The proxy, the account, the content filter or the key is the reason."""
    if reply.status == 407:
        return proxy_refuses(endpoint, endpoint.quote(reply.words), reply.status)
    if reply.codes & _NO_CREDIT or reply.status == 402:
        return QuotaExhausted(
            endpoint.message(f"the account has no credit left{reply.tail}"),
            hint="add credit to the account; waiting does not help",
            status=reply.status,
        )
    if is_filter(reply.fields):
        return RequestRejected(
            endpoint.message(
                f"the provider's content filter stopped the prompt{reply.tail}{filter_names(reply.fields)}"
            ),
            hint="change the text that it objects to, or ask another model; no setting of promptlab sends it through",
            status=reply.status,
        )
    if reply.status == 401 or reply.codes & _WRONG_KEY:
        return AuthenticationFailed(
            endpoint.message(f"the server does not accept the key{reply.tail}"),
            hint=_key_hint(endpoint),
            status=reply.status,
        )
    if reply.status == 403:
        return AuthenticationFailed(
            endpoint.message(f"this key may not use the model{reply.tail}"),
            hint=_key_hint(endpoint),
            status=reply.status,
        )
    return None


def _too_much(reply: _ErrorBody, endpoint: Endpoint, headers: Mapping[str, str]) -> BackendError | None:
    """Too many requests, or too long a prompt."""
    if reply.status == 429 or reply.codes & _TOO_MANY:
        return RateLimited(
            endpoint.message(f"too many requests{reply.tail}"),
            hint="a lower `max_parallel` asks more slowly",
            status=reply.status,
            retry_after=retry_after(headers),
        )
    if is_too_long(reply.codes, reply.words) and reply.status in (None, 400, 413, 422):
        return RequestRejected(
            endpoint.message(f"the prompt is longer than the model's window{reply.tail}"),
            hint=too_long_hint(reply.words),
            status=reply.status,
        )
    return None


def _elsewhere(reply: _ErrorBody, endpoint: Endpoint, headers: Mapping[str, str]) -> BackendError | None:
    """There is no such model or address, or it is at another one."""
    if reply.status == 404:
        return RequestRejected(
            endpoint.message(f"the server knows no such model or address{reply.tail}"),
            hint="check `model` and `base_url` in promptlab.yaml",
            status=reply.status,
        )
    if reply.status is not None and 300 <= reply.status < 400:
        target = endpoint.quote(headers.get("location", "another address").partition("?")[0])
        return RequestRejected(
            endpoint.message(f"the server redirects requests to {target}{reply.shown}"),
            hint="nothing was sent there; if that is right, put it into `base_url`",
            status=reply.status,
        )
    return None


def _failed(reply: _ErrorBody, endpoint: Endpoint) -> BackendError:
    """The server's own failure, or a request that it does not accept."""
    if reply.status in (408, 409) or (reply.status is not None and reply.status >= 500):
        return ServerFailed(endpoint.message(f"the server failed{reply.tail}"), status=reply.status)
    if reply.status is None:
        return ServerFailed(endpoint.message(f"the server broke the answer off with an error{reply.tail}"))
    return RequestRejected(
        endpoint.message(f"the server refuses the request{reply.tail}"),
        hint=field_hint(reply.error, reply.words),
        status=reply.status,
    )


def proxy_refuses(endpoint: Endpoint, words: str, status: int | None) -> ConnectionFailed:
    """The error for an answer of the proxy itself: it wants a password, or does not let the request through."""
    proxy = f"the proxy {endpoint.proxy}" if endpoint.proxy else "a proxy on the way"
    shown = f" ({status})" if status and not words.startswith(str(status)) else ""
    failed = ConnectionFailed(
        endpoint.message(f"{proxy} refuses the request{shown}: {words or 'no reason given'}"),
        hint="it wants a user and password: http://USER:PASSWORD@HOST:PORT in the variable that names it"
        if status == 407
        else "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY in the environment",
        status=status,
    )
    failed.retryable = False
    return failed


def _status_in(fields: Mapping[str, Any]) -> int | None:
    """The HTTP status of a failure that an error body names, if any."""
    for name in ("code", "status", "status_code", "statusCode"):
        value = fields.get(name)
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    return None


def _plain(error: object) -> str:
    """An error body that is not JSON. A web page is named, not quoted."""
    text = "" if error is None else str(error)
    return "it answered with a web page" if re.match(r"\s*<(!doctype|html)", text, re.IGNORECASE) else text


def _key_hint(endpoint: Endpoint) -> str:
    if endpoint.key_env:
        return f"check the environment variable {endpoint.key_env}"
    return "name the environment variable that holds the key with `api_key_env` in promptlab.yaml"


__all__ = ["error_in", "from_payload", "proxy_refuses", "words_of"]

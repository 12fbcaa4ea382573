"""From what the openai library, its HTTP client and a server's error body say to our errors, in one place.

    429 {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    -> QuotaExhausted: gpt (gpt-4o-mini at https://api.openai.com/v1): the account has no credit left (429): You ...

`translate` turns exceptions, `from_payload` an error body, whether it came with a status or inside a stream.
No message holds the API key: servers like to send it back, so everything they say is masked first.
"""

from __future__ import annotations

import html
import json
import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from promptlab.errors import (
    AuthenticationFailed,
    BackendError,
    BadReply,
    ConnectionFailed,
    DeadlineExceeded,
    ModelNotReady,
    PromptlabError,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ServerFailed,
    StreamCut,
)
from promptlab.models._openai._hints import field_hint, filter_names, is_filter, is_too_long, too_long_hint
from promptlab.models._openai._retry import retry_after

LONGEST_QUOTE = 300


@dataclass(frozen=True)
class Asked:
    """Who is asked, for the words of an error. `url` is shown, so it holds no user, password or query; so is `proxy`,
    the one of the environment that requests go through."""

    name: str
    model: str
    url: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    key_env: str = ""
    proxy: str = ""
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    total_timeout: float = 300.0

    def say(self, what: str) -> str:
        """`what`, after who it happened to."""
        return f"{self.name} ({self.model} at {self.url}): {what}"

    def quote(self, text: object) -> str:
        """What the server said: masked, on one line, not too long."""
        words = " ".join(mask(str(text), self.secrets).split())
        return words if len(words) <= LONGEST_QUOTE else words[:LONGEST_QUOTE] + "…"


def mask(text: str, secrets: Iterable[str]) -> str:
    """`text` without the secrets, and without anything that looks like a key."""
    for secret in secrets:
        text = _spelt(secret).sub("***", text)
    text = re.sub(r"(?i)\b(bearer|basic)\s+[^\s\"',}]+", r"\1 ***", text)
    return re.sub(r"\bsk-[\w*.…-]{3,}", "sk-***", text)


@lru_cache(maxsize=256)
def _spelt(secret: str) -> re.Pattern[str]:
    """`secret` in every spelling: as it is, percent-encoded here and there, as in a form, in JSON or HTML."""

    def ways(char: str) -> str:
        found = {re.escape(char), re.escape(html.escape(char)), rf"\\u{ord(char):04x}"}
        found.add("".join(f"%(?:25)?{byte:02x}" for byte in char.encode("utf-8", "surrogatepass")))
        found |= {r"\+"} if char == " " else {r"\\/"} if char == "/" else set()
        return f"(?:{'|'.join(sorted(found, key=len, reverse=True))})"

    return re.compile("".join(re.escape(c) if c.isascii() and c.isalnum() else f"(?i:{ways(c)})" for c in secret))


# Every exception class of the openai library, by name: how `translate` deals with it. A test walks the
# library and fails for a class that is not here, so that a new one is met by a person first.
KINDS: Mapping[str, str] = {
    "APIStatusError": "status",
    "BadRequestError": "status",
    "AuthenticationError": "status",
    "OAuthError": "status",
    "PermissionDeniedError": "status",
    "NotFoundError": "status",
    "ConflictError": "status",
    "UnprocessableEntityError": "status",
    "RateLimitError": "status",
    "InternalServerError": "status",
    "APITimeoutError": "network",
    "APIConnectionError": "network",
    "APIError": "stream",
    "APIResponseValidationError": "reply",
    "LengthFinishReasonError": "reply",
    "ContentFilterFinishReasonError": "reply",
    "StreamAlreadyConsumed": "bug",
    "MissingStreamClassError": "bug",
    "InvalidWebhookSignatureError": "reply",
    "WebSocketConnectionClosedError": "network",
    "WebSocketQueueFullError": "network",
    "SubjectTokenProviderError": "setup",
    "OpenAIError": "setup",
    "_AmbiguousModuleClientUsageError": "setup",
    "MutuallyExclusiveAuthError": "setup",
    "APIRemovedInV1": "setup",
}


def translate(exc: Exception, asked: Asked, *, began: bool = False) -> PromptlabError | None:
    """Our error for `exc`, or None when it is no business of the network (a bug, which keeps its traceback).

    `began` says whether the server had accepted the request: from then on a broken connection is a cut answer.
    """
    from promptlab.models._openai._transport import TimeOver  # late: it imports the HTTP client

    if isinstance(exc, PromptlabError):
        return exc
    if isinstance(exc, TimeOver):
        return DeadlineExceeded(
            asked.say(f"the answer took longer than {asked.total_timeout:g} s altogether"),
            hint="`total_timeout` gives it longer; `max_tokens` makes it shorter",
        )
    kind = next((KINDS[c.__name__] for c in type(exc).__mro__ if _is_openai(c) and c.__name__ in KINDS), None)
    if kind == "status":
        response = getattr(exc, "response", None)
        headers = response.headers if response is not None else {}
        return from_payload(getattr(exc, "status_code", None), _body(exc), asked, headers)
    if kind == "stream":
        return from_payload(None, getattr(exc, "body", None) or str(exc), asked, {})
    if kind == "reply":
        return BadReply(asked.say(f"the reply is not what the protocol says: {asked.quote(exc)}"))
    if kind == "setup":
        return ModelNotReady(asked.say(f"the openai library cannot start: {asked.quote(exc)}"))
    if kind == "network" or any(c.__module__ == "httpx2" and c.__name__ == "HTTPError" for c in type(exc).__mro__):
        return _network(exc, asked, began)
    return None


def _body(exc: Exception) -> object:
    """The whole error body: the library keeps only what stands under `error`, and that may be no more than `true`."""
    response = getattr(exc, "response", None)
    try:
        return response.json() if response is not None else getattr(exc, "body", None)
    except (ValueError, RecursionError):
        return getattr(exc, "body", None)


def leaks(exc: Exception, asked: Asked) -> bool:
    """Whether printing `exc` and its causes would show a secret."""
    return any(_spelt(secret).search(f"{e!r} {e}") for e in _chain(exc) for secret in asked.secrets)


def _is_openai(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "openai"


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def _network(exc: Exception, asked: Asked, began: bool) -> BackendError:
    chain = list(_chain(exc))
    names = {type(e).__name__ for e in chain}
    if "ConnectTimeout" in names:
        late = DeadlineExceeded(
            asked.say(f"no connection{_to_proxy(asked)} within {asked.connect_timeout:g} s"),
            hint=f"{_running(asked)} `connect_timeout` gives it longer",
        )
        late.retryable = True  # nothing was sent yet, so nothing can be paid for twice
        return late
    if "WriteTimeout" in names:
        return DeadlineExceeded(asked.say(f"the server took nothing of the request for {asked.read_timeout:g} s"))
    if "ReadTimeout" in names or "APITimeoutError" in names:
        after = "since the last piece of the answer" if began else "after the request was sent"
        return DeadlineExceeded(
            asked.say(f"nothing came for {asked.read_timeout:g} s {after}"),
            hint="`read_timeout` gives it longer; it was not asked again, since the first try may still be charged for",
        )
    if names & {"DecodingError"}:
        return BadReply(asked.say("the reply is compressed in a way that cannot be read"))
    if began:
        return StreamCut(asked.say("the connection broke before the answer was complete"))
    if any(isinstance(e, ssl.SSLError) for e in chain):
        return _lasting(asked, f"no trusted connection: {asked.quote(chain[-1])}", "check `base_url` and certificates")
    if any(isinstance(e, socket.gaierror) and e.errno == socket.EAI_NONAME for e in chain):
        if asked.proxy:
            return _lasting(asked, f"there is no host with the name of the proxy {asked.proxy}", _running(asked))
        return _lasting(asked, "there is no host of this name", "check `base_url` in promptlab.yaml")
    if "UnsupportedProtocol" in names or "LocalProtocolError" in names:
        return _lasting(asked, f"cannot be asked: {asked.quote(chain[-1])}", "check `base_url` in promptlab.yaml")
    if "ProxyError" in names:
        said = next(str(e) for e in chain if type(e).__name__ == "ProxyError")
        return _proxy_refuses(asked, asked.quote(said), 407 if said.startswith("407") else None)
    if "ConnectError" in names:
        return ConnectionFailed(
            asked.say(f"no connection{_to_proxy(asked)}: {asked.quote(_os_words(chain))}"), hint=_running(asked)
        )
    if "RemoteProtocolError" in names and "disconnected" not in str(chain[-1]):
        return BadReply(asked.say(f"what came is not HTTP: {asked.quote(chain[-1])}"), hint="check `base_url`")
    return ConnectionFailed(asked.say("the server closed the connection without answering"))


def _to_proxy(asked: Asked) -> str:
    return f" to the proxy {asked.proxy}" if asked.proxy else ""


def _running(asked: Asked) -> str:
    if asked.proxy:
        return "is the proxy running? The environment names it (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY)."
    return "is the server running, and is `base_url` right?"


def _proxy_refuses(asked: Asked, said: str, status: int | None) -> ConnectionFailed:
    """What a proxy itself answered: it wants a password, or does not let the request through."""
    proxy = f"the proxy {asked.proxy}" if asked.proxy else "a proxy on the way"
    shown = f" ({status})" if status and not said.startswith(str(status)) else ""
    failed = ConnectionFailed(
        asked.say(f"{proxy} refuses the request{shown}: {said or 'no reason given'}"),
        hint="it wants a user and password: http://USER:PASSWORD@HOST:PORT in the variable that names it"
        if status == 407
        else "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY in the environment",
        status=status,
    )
    failed.retryable = False
    return failed


def _lasting(asked: Asked, what: str, hint: str) -> ConnectionFailed:
    """A failure that trying again cannot mend."""
    failed = ConnectionFailed(asked.say(what), hint=hint)
    failed.retryable = False
    return failed


def _os_words(chain: list[BaseException]) -> str:
    return next((e.strerror for e in chain if isinstance(e, OSError) and e.strerror), str(chain[-1]) or "it failed")


def error_in(value: object, *, named: bool = False) -> object | None:
    """The error in one JSON value of a reply with status 200, None where it holds none. `named` means that its event
    was called `error`. A `message` alone is none: gateways say all sorts of things beside an answer."""
    if isinstance(value, dict) and value.get("choices") and not value.get("error") and not named:
        return None  # nearly every event
    if isinstance(value, list):
        return next((found for one in value if (found := error_in(one, named=named)) is not None), None)
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


def _status_in(fields: Mapping[str, Any]) -> int | None:
    """The HTTP status that an error body names, if it is one of a failure."""
    for name in ("code", "status", "status_code", "statusCode"):
        value = fields.get(name)
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    return None


_SAYS = (
    "message", "detail", "msg", "error", "errors", "error_msg", "status_msg", "error_description", "title", "reason",
    "warning",
)  # fmt: skip


def words_of(error: object) -> str:
    """What an error body says, whatever it wraps the words in; what cannot be understood is quoted as it is.

    FastAPI's list of wrong fields becomes `max_tokens: Field required`.
    """
    if isinstance(error, list):
        return "; ".join(filter(None, map(words_of, error)))
    if not isinstance(error, Mapping):
        return _plain(error)
    loc = error.get("loc")
    at = ".".join(str(one) for one in loc if one != "body") if isinstance(loc, list) else ""
    for name in _SAYS:
        value = error.get(name)
        if isinstance(value, str | list | Mapping) and (words := words_of(value)):
            more = error.get("metadata")
            if isinstance(more, Mapping) and isinstance(more.get("raw"), str):  # OpenRouter: what the provider said
                words = f"{words} ({more['raw']})"
            return f"{at}: {words}" if at else words
    return json.dumps(error, ensure_ascii=False, default=str) if error else ""


def from_payload(
    status: int | None, body: object, asked: Asked, headers: Mapping[str, str] | None = None
) -> BackendError:
    """Our error for an error body. `status` None means it came inside a stream; its `code` may then be a status."""
    if isinstance(body, list) and len(body) == 1:  # as Google wraps it
        body = body[0]
    error = body
    if isinstance(body, Mapping):
        inner = body.get("error") or body.get("errors")
        inner = inner[0] if isinstance(inner, list) and len(inner) == 1 else inner
        error = inner if isinstance(inner, str | list | Mapping) else body
    fields: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    words = {str(fields.get(k, "")).lower() for k in ("code", "type", "status")}
    if status is None:
        status = _status_in(fields) or (_status_in(body) if isinstance(body, Mapping) else None)
    said = words_of(error)
    shown = f" ({status})" if status else ""
    tail = f"{shown}: {asked.quote(said)}" if said else shown

    if status == 407:
        return _proxy_refuses(asked, asked.quote(said), status)
    if words & {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"} or status == 402:
        return QuotaExhausted(
            asked.say(f"the account has no credit left{tail}"),
            hint="add credit to the account; waiting does not help",
            status=status,
        )
    if is_filter(fields):
        return RequestRejected(
            asked.say(f"the provider's content filter stopped the prompt{tail}{filter_names(fields)}"),
            hint="change the text that it objects to, or ask another model; no setting of promptlab sends it through",
            status=status,
        )
    if status == 401 or words & {"invalid_api_key", "authentication_error", "unauthenticated"}:
        return AuthenticationFailed(
            asked.say(f"the server does not accept the key{tail}"), hint=_key_hint(asked), status=status
        )
    if status == 403:
        return AuthenticationFailed(
            asked.say(f"this key may not use the model{tail}"), hint=_key_hint(asked), status=status
        )
    if status == 429 or words & {"rate_limit_exceeded", "rate_limit_error", "too_many_requests"}:
        return RateLimited(
            asked.say(f"too many requests{tail}"),
            hint="a lower `max_parallel` asks more slowly",
            status=status,
            retry_after=retry_after(headers or {}),
        )
    if is_too_long(words, said) and (status is None or status in (400, 413, 422)):
        return RequestRejected(
            asked.say(f"the prompt is longer than the model's window{tail}"), hint=too_long_hint(said), status=status
        )
    if status == 404:
        return RequestRejected(
            asked.say(f"the server knows no such model or address{tail}"),
            hint="check `model` and `base_url` in promptlab.yaml",
            status=status,
        )
    if status is not None and 300 <= status < 400:
        target = asked.quote((headers or {}).get("location", "another address").partition("?")[0])
        return RequestRejected(
            asked.say(f"the server sends requests on to {target}{shown}"),
            hint="nothing was sent there; if that is right, put it into `base_url`",
            status=status,
        )
    if status in (408, 409) or (status is not None and status >= 500):
        return ServerFailed(asked.say(f"the server failed{tail}"), status=status)
    if status is None:
        return ServerFailed(asked.say(f"the server broke the answer off with an error{tail}"))
    return RequestRejected(
        asked.say(f"the server refuses the request{tail}"), hint=field_hint(error, said), status=status
    )


def _plain(error: object) -> str:
    """An error body that is not JSON: a page is named, not quoted."""
    text = "" if error is None else str(error)
    return "it answered with a web page" if re.match(r"\s*<(!doctype|html)", text, re.IGNORECASE) else text


def _key_hint(asked: Asked) -> str:
    if asked.key_env:
        return f"check the environment variable {asked.key_env}"
    return "name the environment variable that holds the key with `api_key_env` in promptlab.yaml"

"""From what the openai library, its HTTP client and a server's error body say to our errors, in one place.

    429 {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    -> QuotaExhausted: gpt (gpt-4o-mini at https://api.openai.com/v1): the account has no credit left (429): You ...

`translate` turns exceptions, `from_payload` an error body, whether it came with a status or inside a stream.
No message holds the API key: servers like to send it back, so everything they say is masked first.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab.backends.openai_retry import retry_after
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

LONGEST_QUOTE = 300


@dataclass(frozen=True)
class Asked:
    """Who is asked, for the words of an error. `url` is shown, so it holds no user, password or query."""

    name: str
    model: str
    url: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    key_env: str = ""
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
        text = text.replace(secret, "***")
    text = re.sub(r"(?i)\b(bearer|basic)\s+[^\s\"',}]+", r"\1 ***", text)
    return re.sub(r"\bsk-[\w*.…-]{3,}", "sk-***", text)


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
    from promptlab.backends.openai_wire import TimeOver  # late: it imports the HTTP client

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
        return from_payload(getattr(exc, "status_code", None), getattr(exc, "body", None), asked, headers)
    if kind == "stream":
        return from_payload(None, getattr(exc, "body", None) or str(exc), asked, {})
    if kind == "reply":
        return BadReply(asked.say(f"the reply is not what the protocol says: {asked.quote(exc)}"))
    if kind == "setup":
        return ModelNotReady(asked.say(f"the openai library cannot start: {asked.quote(exc)}"))
    if kind == "network" or any(c.__module__ == "httpx2" and c.__name__ == "HTTPError" for c in type(exc).__mro__):
        return _network(exc, asked, began)
    return None


def leaks(exc: Exception, asked: Asked) -> bool:
    """Whether printing `exc` and its causes would show a secret."""
    return any(secret in repr(e) or secret in str(e) for e in _chain(exc) for secret in asked.secrets)


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
            asked.say(f"no connection within {asked.connect_timeout:g} s"),
            hint="is the server running, and is `base_url` right? `connect_timeout` gives it longer",
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
        return _lasting(asked, "there is no host of this name", "check `base_url` in promptlab.yaml")
    if "UnsupportedProtocol" in names or "LocalProtocolError" in names:
        return _lasting(asked, f"cannot be asked: {asked.quote(chain[-1])}", "check `base_url` in promptlab.yaml")
    if "ConnectError" in names or "ProxyError" in names:
        return ConnectionFailed(
            asked.say(f"no connection: {asked.quote(_os_words(chain))}"),
            hint="is the server running, and is `base_url` right?",
        )
    if "RemoteProtocolError" in names and "disconnected" not in str(chain[-1]):
        return BadReply(asked.say(f"what came is not HTTP: {asked.quote(chain[-1])}"), hint="check `base_url`")
    return ConnectionFailed(asked.say("the server closed the connection without answering"))


def _lasting(asked: Asked, what: str, hint: str) -> ConnectionFailed:
    """A failure that trying again cannot mend."""
    failed = ConnectionFailed(asked.say(what), hint=hint)
    failed.retryable = False
    return failed


def _os_words(chain: list[BaseException]) -> str:
    return next((e.strerror for e in chain if isinstance(e, OSError) and e.strerror), str(chain[-1]) or "it failed")


def from_payload(
    status: int | None, body: object, asked: Asked, headers: Mapping[str, str] | None = None
) -> BackendError:
    """Our error for an error body. `status` None means it came inside a stream; its `code` may then be a status."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    fields: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    words = {str(fields.get(k, "")).lower() for k in ("code", "type")}
    code = fields.get("code")
    if status is None and isinstance(code, int) and 400 <= code < 600:
        status = code
    said = fields.get("message") or fields.get("detail") or ("" if fields else _plain(error))
    shown = f" ({status})" if status else ""
    tail = f"{shown}: {asked.quote(said)}" if said else shown

    if words & {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"} or status == 402:
        return QuotaExhausted(
            asked.say(f"the account has no credit left{tail}"),
            hint="add credit to the account; waiting does not help",
            status=status,
        )
    if status == 401 or words & {"invalid_api_key", "authentication_error"}:
        return AuthenticationFailed(
            asked.say(f"the server does not accept the key{tail}"), hint=_key_hint(asked), status=status
        )
    if status == 403:
        return AuthenticationFailed(
            asked.say(f"this key may not use the model{tail}"), hint=_key_hint(asked), status=status
        )
    if status == 429 or words & {"rate_limit_exceeded", "rate_limit_error"}:
        return RateLimited(
            asked.say(f"too many requests{tail}"),
            hint="a lower `max_parallel` asks more slowly",
            status=status,
            retry_after=retry_after(headers or {}),
        )
    if "context_length_exceeded" in words or (status == 400 and "context length" in str(said).lower()):
        return RequestRejected(
            asked.say(f"the prompt is longer than the model's window{tail}"),
            hint="leave a section out, or set `window` in promptlab.yaml so that it is noticed before sending",
            status=status,
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
    return RequestRejected(asked.say(f"the server refuses the request{tail}"), hint=_field_hint(fields), status=status)


def _plain(error: object) -> str:
    """An error body that is not JSON: a page is named, not quoted."""
    text = str(error or "")
    return "it answered with a web page" if re.match(r"\s*<(!doctype|html)", text, re.IGNORECASE) else text


def _key_hint(asked: Asked) -> str:
    if asked.key_env:
        return f"check the environment variable {asked.key_env}"
    return "name the environment variable that holds the key with `api_key_env` in promptlab.yaml"


def _field_hint(fields: Mapping[str, Any]) -> str:
    param = fields.get("param")
    if isinstance(param, str) and param:
        return f"if the server does not know `{param}`, switch it off under `capabilities` in promptlab.yaml"
    return ""

"""From exceptions of the openai library and its HTTP client to our errors, in one place.

    openai.APIStatusError   the server's error body decides (promptlab/models/_openai/_error_body.py)
    httpx2.ConnectTimeout   DeadlineExceeded: gpt (gpt-4o-mini at https://…): no connection within 5 s
    httpx2.ReadError        StreamCut if the server had accepted the request, else ConnectionFailed

The libraries are imported late, by `translate`: loading a catalogue must not wait for them.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import TypeVar

from promptlab.errors import (
    BackendError,
    BadReply,
    ConnectionFailed,
    DeadlineExceeded,
    ModelNotReady,
    PromptlabError,
    StreamCut,
)
from promptlab.models._openai._endpoint import Endpoint, spellings
from promptlab.models._openai._error_body import from_payload, proxy_refuses

_E = TypeVar("_E", bound=BaseException)


def translate(exc: Exception, endpoint: Endpoint, *, began: bool = False) -> PromptlabError | None:
    """Our error for `exc`, or None if neither library made it (a bug, which keeps its traceback).

    `began` says that the server had accepted the request: from then on a broken connection is a cut answer.
    """
    if isinstance(exc, PromptlabError):
        return exc
    import httpx2
    import openai
    from openai._response import StreamAlreadyConsumed  # the library exports it nowhere

    from promptlab.models._openai._stoppable import TimeOver

    if isinstance(exc, TimeOver):
        return DeadlineExceeded(
            endpoint.message(f"the answer took longer than {endpoint.total_timeout:g} s altogether"),
            hint="`total_timeout` gives it longer; `max_tokens` makes it shorter",
        )
    # Derived classes come before those that they derive from. A test lists every class of the library, so that a new
    # one is looked at.
    if isinstance(exc, openai.APIStatusError):
        response = getattr(exc, "response", None)
        headers = response.headers if response is not None else {}
        return from_payload(getattr(exc, "status_code", None), _body(exc), endpoint, headers)
    if isinstance(exc, _network_classes()):
        return _network(exc, endpoint, began)
    if isinstance(exc, _reply_classes()):
        return BadReply(endpoint.message(f"the reply is not what the protocol says: {endpoint.quote(exc)}"))
    if isinstance(exc, openai.APIError):  # an error inside a stream
        return from_payload(None, getattr(exc, "body", None) or str(exc), endpoint, {})
    if isinstance(exc, StreamAlreadyConsumed):  # our own fault
        return None
    if isinstance(exc, openai.OpenAIError):
        return ModelNotReady(endpoint.message(f"the openai library cannot start: {endpoint.quote(exc)}"))
    return _network(exc, endpoint, began) if isinstance(exc, httpx2.HTTPError) else None


def _network_classes() -> tuple[type[Exception], ...]:
    import openai

    return openai.APIConnectionError, openai.WebSocketConnectionClosedError, openai.WebSocketQueueFullError


def _reply_classes() -> tuple[type[Exception], ...]:
    import openai

    return (
        openai.APIResponseValidationError,
        openai.LengthFinishReasonError,
        openai.ContentFilterFinishReasonError,
        openai.InvalidWebhookSignatureError,
    )


def _body(exc: Exception) -> object:
    """The whole error body. The library keeps only what stands under `error`, and that may be no more than `true`."""
    response = getattr(exc, "response", None)
    try:
        return response.json() if response is not None else getattr(exc, "body", None)
    except (ValueError, RecursionError):
        return getattr(exc, "body", None)


def leaks(exc: Exception, endpoint: Endpoint) -> bool:
    """True if printing `exc` with its causes would show a secret."""
    return any(spellings(secret).search(f"{e!r} {e}") for e in _chain(exc) for secret in endpoint.secrets)


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def _network(exc: Exception, endpoint: Endpoint, began: bool) -> BackendError:
    chain = list(_chain(exc))
    return _too_late(chain, endpoint, began) or _broken(chain, endpoint, began)


def _first(chain: list[BaseException], *kinds: type[_E]) -> _E | None:
    return next((e for e in chain if isinstance(e, kinds)), None)


def _too_late(chain: list[BaseException], endpoint: Endpoint, began: bool) -> DeadlineExceeded | None:
    """The error for one of the time limits; None if none of them is the reason."""
    import httpx2
    import openai

    if _first(chain, httpx2.ConnectTimeout):
        late = DeadlineExceeded(
            endpoint.message(f"no connection{_to_proxy(endpoint)} within {endpoint.connect_timeout:g} s"),
            hint=f"{_is_it_running(endpoint)} `connect_timeout` gives it longer",
        )
        late.retryable = True  # nothing was sent yet, so nothing can be charged twice
        return late
    if _first(chain, httpx2.WriteTimeout):
        return DeadlineExceeded(
            endpoint.message(f"the server took nothing of the request for {endpoint.read_timeout:g} s")
        )
    if _first(chain, httpx2.ReadTimeout, openai.APITimeoutError):
        after = "since the last piece of the answer" if began else "after the request was sent"
        return DeadlineExceeded(
            endpoint.message(f"nothing came for {endpoint.read_timeout:g} s {after}"),
            hint="`read_timeout` gives it longer; it was not asked again, since the first try may still be charged for",
        )
    return None


def _broken(chain: list[BaseException], endpoint: Endpoint, began: bool) -> BackendError:
    """The error for a connection that was not made, or that broke."""
    import h11
    import httpx2

    if _first(chain, httpx2.DecodingError):
        return BadReply(endpoint.message("the reply is compressed in a way that cannot be read"))
    if began:
        return StreamCut(endpoint.message("the connection broke before the answer was complete"))
    if lasting := _not_connected_for_good(chain, endpoint):
        return lasting
    if refused := _first(chain, httpx2.ProxyError):
        return proxy_refuses(endpoint, endpoint.quote(refused), getattr(refused, "status", None))
    if _first(chain, httpx2.ConnectError):
        return ConnectionFailed(
            endpoint.message(f"no connection{_to_proxy(endpoint)}: {endpoint.quote(_system_message(chain))}"),
            hint=_is_it_running(endpoint),
        )
    # The HTTP client raises the same class for a server that only closed the connection; h11 is its parser.
    if _first(chain, httpx2.RemoteProtocolError) and _first(chain, h11.RemoteProtocolError):
        return BadReply(
            endpoint.message(f"what came is not HTTP: {endpoint.quote(chain[-1])}"), hint="check `base_url`"
        )
    return ConnectionFailed(endpoint.message("the server closed the connection without answering"))


def _not_connected_for_good(chain: list[BaseException], endpoint: Endpoint) -> ConnectionFailed | None:
    """The error for a connection that cannot be made by trying again; None if another try may help."""
    import httpx2

    if _first(chain, ssl.SSLError):
        what, hint = f"no trusted connection: {endpoint.quote(chain[-1])}", "check `base_url` and certificates"
    elif (no_host := _first(chain, socket.gaierror)) and no_host.errno == socket.EAI_NONAME:
        what, hint = "there is no host of this name", "check `base_url` in promptlab.yaml"
        if endpoint.proxy:
            what = f"there is no host with the name of the proxy {endpoint.proxy}"
            hint = _is_it_running(endpoint)
    elif _first(chain, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError):
        what, hint = f"cannot be asked: {endpoint.quote(chain[-1])}", "check `base_url` in promptlab.yaml"
    else:
        return None
    failed = ConnectionFailed(endpoint.message(what), hint=hint)
    failed.retryable = False
    return failed


def _to_proxy(endpoint: Endpoint) -> str:
    return f" to the proxy {endpoint.proxy}" if endpoint.proxy else ""


def _is_it_running(endpoint: Endpoint) -> str:
    if endpoint.proxy:
        return "is the proxy running? The environment names it (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY)."
    return "is the server running, and is `base_url` right?"


def _system_message(chain: list[BaseException]) -> str:
    return next((e.strerror for e in chain if isinstance(e, OSError) and e.strerror), str(chain[-1]) or "it failed")


__all__ = ["leaks", "translate"]

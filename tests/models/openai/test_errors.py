"""Every exception of the vendor's libraries becomes one of ours, and no class is met by chance."""

from __future__ import annotations

import importlib
import inspect
import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import httpcore2
import httpx2
import openai
import pytest

from promptlab import errors
from promptlab.models._openai._endpoint import Endpoint, mask
from promptlab.models._openai._error_body import from_payload
from promptlab.models._openai._errors import leaks, translate
from promptlab.models._openai._stoppable import TimeOver
from promptlab.models._openai._transport import ProxyRefused, _one_layer_up

ASKED = Endpoint("gpt", "gpt-4o-mini", "https://api.example.test/v1", secrets=("s3cret-key",), key_env="MY_API_KEY")
SENT = httpx2.Request("POST", "https://api.example.test/v1/chat/completions")


def subclasses(kind: type) -> Iterator[type]:
    for sub in kind.__subclasses__():
        yield sub
        yield from subclasses(sub)


MODULES = (
    "openai._exceptions",
    "openai._response",
    "openai._legacy_response",
    "openai._streaming",
    "openai.auth",
    "openai.lib._old_api",
    "openai.lib.azure",
    "openai.resources.chat.completions",
)


def openai_classes() -> list[type]:
    """Every exception class of the library: the exported ones, and all that any of its modules derives."""
    modules = [importlib.import_module(name) for name in MODULES]
    values = [getattr(openai, name) for name in openai.__all__]
    values += [value for module in modules for value in list(vars(module).values())]
    exceptions = {v for v in values if inspect.isclass(v) and issubclass(v, Exception)}
    ours = {v for v in exceptions if v.__module__.partition(".")[0] == "openai"}
    return sorted(ours | {openai.OpenAIError} | set(subclasses(openai.OpenAIError)), key=lambda c: c.__name__)


BY_STATUS, NETWORK, REPLY, SETUP = errors.BackendError, errors.BackendError, errors.BadReply, errors.ModelNotReady
EXPECTED: dict[str, type[errors.PromptlabError] | None] = {
    "APIStatusError": BY_STATUS,
    "BadRequestError": BY_STATUS,
    "AuthenticationError": BY_STATUS,
    "OAuthError": BY_STATUS,
    "PermissionDeniedError": BY_STATUS,
    "NotFoundError": BY_STATUS,
    "ConflictError": BY_STATUS,
    "UnprocessableEntityError": BY_STATUS,
    "RateLimitError": BY_STATUS,
    "InternalServerError": BY_STATUS,
    "APITimeoutError": errors.DeadlineExceeded,
    "APIConnectionError": errors.ConnectionFailed,
    "APIError": errors.ServerFailed,
    "APIResponseValidationError": REPLY,
    "LengthFinishReasonError": REPLY,
    "ContentFilterFinishReasonError": REPLY,
    "InvalidWebhookSignatureError": REPLY,
    "WebSocketConnectionClosedError": errors.ConnectionFailed,
    "WebSocketQueueFullError": errors.ConnectionFailed,
    "SubjectTokenProviderError": SETUP,
    "OpenAIError": SETUP,
    "_AmbiguousModuleClientUsageError": SETUP,
    "MutuallyExclusiveAuthError": SETUP,
    "APIRemovedInV1": SETUP,
    "StreamAlreadyConsumed": None,  # a bug of ours, which keeps its traceback
    "MissingStreamClassError": None,
}


@pytest.mark.parametrize("kind", openai_classes(), ids=lambda c: c.__name__)
def test_every_openai_exception_has_an_error_of_ours(kind: type[Exception]) -> None:
    assert kind.__name__ in EXPECTED, f"{kind.__name__} is new: decide in translate() what it means"
    # Not by its own constructor: each wants something else, and `translate` may rely on none of it.
    made = kind.__new__(kind)
    made.args = ("it went wrong",)
    error, expected = translate(made, ASKED), EXPECTED[kind.__name__]
    assert error is None if expected is None else isinstance(error, expected)


def test_the_table_holds_no_class_that_is_gone() -> None:
    assert set(EXPECTED) - {c.__name__ for c in openai_classes()} == set()


CORE_ERRORS = sorted(
    {*subclasses(httpcore2.TimeoutException), *subclasses(httpcore2.NetworkError)}
    | {*subclasses(httpcore2.ProtocolError), httpcore2.ProxyError, httpcore2.UnsupportedProtocol},
    key=lambda c: c.__name__,
)


@pytest.mark.parametrize("kind", CORE_ERRORS, ids=lambda c: c.__name__)
def test_an_exception_of_httpcore_becomes_the_one_of_the_same_name_in_httpx(kind: type[Exception]) -> None:
    assert isinstance(_one_layer_up(kind("x")), getattr(httpx2, kind.__name__))


@pytest.mark.parametrize(("words", "status"), [("407 Proxy Authentication Required", 407), ("Invalid username", None)])
def test_the_status_of_a_proxy_that_refuses_a_tunnel_is_known(words: str, status: int | None) -> None:
    refused = _one_layer_up(httpcore2.ProxyError(words))
    assert isinstance(refused, ProxyRefused)
    assert refused.status == status
    error = translate(refused, ASKED)
    assert isinstance(error, errors.ConnectionFailed)
    assert error.status == status


@pytest.mark.parametrize("status", [*range(400, 432), 451, 500, 502, 503, 504, 520, 529, 599, 301, 307, 308])
@pytest.mark.parametrize(
    "body", [{"error": {"message": "no"}}, {"error": "no"}, {"detail": [{"msg": "no"}]}, [], "no", "", None, 7]
)
def test_every_status_with_any_body_is_an_error_with_its_number(status: int, body: Any) -> None:
    error = from_payload(status, body, ASKED)
    assert error.status == status
    assert f"({status})" in error.message
    assert error.retryable == (status in (408, 409, 429) or status >= 500)


@pytest.mark.parametrize(
    ("payload", "kind", "retryable"),
    [
        ({"code": "insufficient_quota"}, errors.QuotaExhausted, False),
        ({"type": "insufficient_quota"}, errors.QuotaExhausted, False),
        ({"code": "billing_hard_limit_reached"}, errors.QuotaExhausted, False),
        ({"code": "rate_limit_exceeded"}, errors.RateLimited, True),
        ({"code": "invalid_api_key"}, errors.AuthenticationFailed, False),
        ({"code": "context_length_exceeded"}, errors.RequestRejected, False),
        ({"code": 503}, errors.ServerFailed, True),
        ({"code": 7}, errors.ServerFailed, True),
        ({}, errors.ServerFailed, True),
    ],
)
def test_an_error_inside_a_stream_goes_by_its_code(payload: Any, kind: type, retryable: bool) -> None:
    error = from_payload(None, {"error": payload}, ASKED)
    assert type(error) is kind
    assert error.retryable is retryable


def caused(exc: Exception, *causes: BaseException) -> Exception:
    at: BaseException = exc
    for cause in causes:
        at.__cause__ = cause
        at = cause
    return exc


def no_host(code: int, words: str) -> Exception:
    vendor = openai.APIConnectionError(request=SENT)
    return caused(vendor, httpx2.ConnectError("x"), socket.gaierror(code, words))


CUT, LATE, LOST, BAD = errors.StreamCut, errors.DeadlineExceeded, errors.ConnectionFailed, errors.BadReply
UNTRUSTED = caused(httpx2.ConnectError("x"), ssl.SSLCertVerificationError("self-signed"))


@pytest.mark.parametrize(
    ("exc", "began", "kind", "retryable", "words"),
    [
        (openai.APITimeoutError(request=SENT), False, LATE, False, "nothing came for 60 s after the request"),
        (httpx2.ReadTimeout("x"), True, LATE, False, "since the last piece"),
        (httpx2.ConnectTimeout("x"), False, LATE, True, "no connection within 5 s"),
        (httpx2.WriteTimeout("x"), False, LATE, False, "took nothing of the request for 60 s"),
        (TimeOver(), True, LATE, False, "longer than 300 s altogether"),
        (httpx2.ConnectError("refused"), False, LOST, True, "no connection: refused"),
        (httpx2.ProxyError("407 Auth"), False, LOST, False, "a proxy on the way refuses the request: 407 Auth"),
        (httpx2.ReadError("reset"), False, LOST, True, "without answering"),
        (httpx2.ReadError("reset"), True, CUT, False, "broke before the answer was complete"),
        (httpx2.UnsupportedProtocol("ftp"), False, LOST, False, "cannot be asked: ftp"),
        (httpx2.DecodingError("x", request=SENT), True, BAD, False, "compressed"),
        (no_host(socket.EAI_NONAME, "x"), False, LOST, False, "no host of this name"),
        (no_host(socket.EAI_AGAIN, "later"), False, LOST, True, "no connection: later"),
        (UNTRUSTED, False, LOST, False, "no trusted connection"),
    ],
)
def test_every_network_failure_says_what_it_was(
    exc: Exception, began: bool, kind: type, retryable: bool, words: str
) -> None:
    error = translate(exc, ASKED, began=began)
    assert type(error) is kind
    assert error.retryable is retryable
    assert words in error.message


@pytest.mark.parametrize("kind", list(subclasses(httpx2.HTTPError)), ids=lambda c: c.__name__)
def test_every_failure_of_the_http_client_is_ours_before_and_during_an_answer(kind: type[Exception]) -> None:
    made = kind.__new__(kind)
    made.args = ("it went wrong",)
    for began in (False, True):
        assert isinstance(translate(made, ASKED, began=began), errors.BackendError)


@pytest.mark.parametrize("bug", [AttributeError("x"), KeyError("x"), httpx2.StreamClosed(), RuntimeError("x")])
def test_a_bug_of_ours_is_not_dressed_up(bug: Exception) -> None:
    assert translate(bug, ASKED) is None


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("the key s3cret-key is wrong", "the key *** is wrong"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ('{"authorization": "basic YWJj"}', '{"authorization": "basic ***"}'),
        ("Incorrect API key provided: sk-proj-ab****************wxyz.", "Incorrect API key provided: sk-***"),
        ("nothing to hide about a task-force", "nothing to hide about a task-force"),
    ],
)
def test_secrets_are_masked_wherever_a_server_puts_them(text: str, masked: str) -> None:
    assert mask(text, ASKED.secrets) == masked
    assert json.dumps(from_payload(400, {"error": {"message": text}}, ASKED).message).count("s3cret") == 0


def test_a_vendor_exception_that_holds_a_secret_is_not_kept_as_the_cause() -> None:
    assert leaks(caused(httpx2.ReadError("x"), ValueError("saw s3cret-key")), ASKED)
    assert not leaks(caused(httpx2.ReadError("x"), ValueError("saw nothing")), ASKED)


def test_a_long_reply_is_quoted_in_part_and_on_one_line() -> None:
    error = from_payload(400, {"error": {"message": "a\n" * 5000}}, ASKED)
    assert len(error.message) < 500
    assert "\n" not in error.message

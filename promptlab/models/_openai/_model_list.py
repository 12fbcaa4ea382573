"""The models that a server offers: GET {base_url}/models.

    offered_models(entry, key)     # ("llama-3.1-8b", "qwen3-4b"), sorted; `entry.model` need not be set yet

The request has the headers, the proxy and the rules about redirects and keys of every other request to the server. It
holds no text of the workspace, so it passes no gate and stands in no ledger.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from promptlab.errors import BadReply, DeadlineExceeded, ModelNotReady, RequestRejected
from promptlab.models._openai import _proxy
from promptlab.models._openai._client import make_client
from promptlab.models._openai._config import api_address, authorization, check_installed
from promptlab.models._openai._endpoint import Endpoint
from promptlab.models._openai._errors import leaks, translate
from promptlab.workspace import OpenAIModel

SECONDS = 15.0
MOST_BYTES = 5_000_000
MOST_NAMES = 2_000
LONGEST_NAME = 300


def offered_models(entry: OpenAIModel, key: str, *, seconds: float = SECONDS) -> tuple[str, ...]:
    """The names of the models that the server of `entry` offers. `key` is the value of its key variable, or "".

    Raises:
        ModelNotReady: the address or the key cannot be used, or it is Azure, which lists no deployments.
        BackendError: the server does not answer, or not with a list of models.
    """
    name = "the list of models"
    check_installed(name)
    # Azure wants a version for the calls it has; the list is not one of them, so any version shows whose address it is.
    versioned = entry.model_copy(update={"api_version": None, "base_url": _versioned(entry)})
    if entry.api_version is not None or api_address(name, versioned).azure:
        raise ModelNotReady(
            "Azure does not list your deployments",
            hint="write the name of the deployment; Azure's portal shows it",
        )
    address = api_address(name, entry)
    proxy = _proxy.environment_proxy(address.base)
    if proxy is not None:
        _proxy.check(name, proxy)
    endpoint = Endpoint(
        name,
        "GET /models",
        address.base,
        secrets=(*((key.strip(),) if key.strip() else ()), *address.secrets, *_proxy.secrets(proxy)),
        key_env=entry.api_key_env or "",
        proxy="" if proxy is None else _proxy.shown(proxy),
        connect_timeout=entry.connect_timeout,
        read_timeout=seconds,
        total_timeout=seconds,
    )
    sent = authorization(name, entry, key.strip(), address)
    try:
        body = _body(entry.model_copy(update={"read_timeout": seconds}), endpoint, sent, address.query, proxy)
    except Exception as exc:
        error = translate(exc, endpoint)
        if error is None:
            raise
        if isinstance(error, RequestRejected) and error.status == 404:
            error.hint = "this server has no list of models; write the name of the model, and check the address"
        elif isinstance(error, DeadlineExceeded):
            error.hint = "is the server running, and is the address right?"
        raise error from (None if exc is error or leaks(exc, endpoint) else exc)
    return _names(body, endpoint)


def _versioned(entry: OpenAIModel) -> str | None:
    return f"{entry.base_url.partition('?')[0]}?api-version=v1" if entry.base_url else None


def _body(entry: OpenAIModel, endpoint: Endpoint, sent: tuple[str, str] | None, query: str, proxy: Any) -> bytes:
    from promptlab.models._openai._stoppable import Watch

    client = make_client(entry, endpoint, authorization=sent, query=query, proxy=proxy)
    watch = Watch(threading.Event(), time.monotonic() + endpoint.total_timeout)
    body = bytearray()
    try:
        with watch, client.models.with_streaming_response.list() as response:
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise BadReply(endpoint.message(f"the list of models is longer than {MOST_BYTES:,} bytes"))
    finally:
        client.close()
    return bytes(body)


def _names(body: bytes, endpoint: Endpoint) -> tuple[str, ...]:
    """The names in a list of models, in the form of OpenAI ({"data": [{"id": …}]}), or a bare list of them."""
    hint = "check `base_url`: most servers want /v1 at its end"
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as exc:
        what = "a web page" if body.lstrip()[:1] == b"<" else "no JSON"
        raise BadReply(endpoint.message(f"what came is not a list of models but {what}"), hint=hint) from exc
    rows = data.get("data", data.get("models")) if isinstance(data, dict) else data
    if not isinstance(rows, list):
        raise BadReply(endpoint.message("what came is JSON, but not a list of models"), hint=hint)
    names = [row.get("id") or row.get("name") if isinstance(row, dict) else row for row in rows[:MOST_NAMES]]
    good = {
        name for name in names if isinstance(name, str) and name and name.isprintable() and len(name) <= LONGEST_NAME
    }
    if not good:
        raise BadReply(endpoint.message("its list of models is empty"), hint="write the name of the model")
    return tuple(sorted(good, key=str.lower))


__all__ = ["offered_models"]

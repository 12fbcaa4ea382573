"""The JSON body of a request, with the fields that this server knows.

    {"model": "gpt-4o-mini", "messages": [...], "stream": true, "stream_options": {"include_usage": true},
     "temperature": 0.0, "max_completion_tokens": 32}

A parameter that the server does not know is refused; it is never left out silently. Only the seed may be left out: by
`Params` it is passed if the backend knows it. The answer's details then hold a warning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from promptlab.errors import ModelNotReady, RequestRejected, nearest
from promptlab.models._openai import _schema
from promptlab.models._openai._endpoint import Endpoint
from promptlab.types import Request
from promptlab.workspace import OpenAIModel

# Request fields that a server may not know. True: sent unless the catalogue switches it off under `capabilities`.
# False: not part of OpenAI's API, and sent only if the catalogue says that the server knows it.
CAPABILITIES: Mapping[str, bool] = {
    "stream_options": True,
    "max_completion_tokens": True,
    "response_format": True,
    "temperature": True,
    "top_p": True,
    "stop": True,
    "seed": True,
    "presence_penalty": True,
    "frequency_penalty": True,
    "logprobs": True,
    "reasoning_effort": True,
    "top_k": False,
    "min_p": False,
    "repeat_penalty": False,
    "repetition_penalty": False,
}
_OPTIONAL = ("top_p", "stop", "presence_penalty", "frequency_penalty", "top_k", "min_p")


def api_capabilities(name: str, entry: OpenAIModel, *, official: bool) -> Mapping[str, bool]:
    """Every capability of this entry. Raises `ModelNotReady` for one that does not exist.

    Most servers other than OpenAI's know only the older `max_tokens`, so the newer name is off for them by default.
    """
    for flag in entry.capabilities:
        if flag not in CAPABILITIES:
            raise ModelNotReady(f"{name}: there is no capability `{flag}`", hint=nearest(flag, CAPABILITIES))
    return {**CAPABILITIES, "max_completion_tokens": official, **entry.capabilities}


def openai_request_body(
    request: Request, entry: OpenAIModel, can: Mapping[str, bool], endpoint: Endpoint
) -> dict[str, Any]:
    """The request body. Raises `RequestRejected` for a parameter or schema that this server does not know."""
    fields = _body(request, entry.model, can, endpoint)
    fields |= entry.extra_body
    for name, value in _effort(request.params.reasoning_effort or entry.reasoning_effort, entry, can, endpoint).items():
        both = isinstance(value, Mapping) and isinstance(fields.get(name), Mapping)
        fields[name] = {**fields[name], **value} if both else value
    return fields


def _effort(word: str | None, entry: OpenAIModel, can: Mapping[str, bool], endpoint: Endpoint) -> Mapping[str, Any]:
    """The fields that say how long the model may think."""
    if word is None:
        return {}
    if entry.reasoning:
        if word not in entry.reasoning:
            what = f"nothing was sent: `reasoning` of the model in promptlab.yaml has no `{word}`"
            raise RequestRejected(endpoint.message(what), hint=nearest(word, entry.reasoning))
        return entry.reasoning[word]
    if not can["reasoning_effort"]:
        raise _cannot(endpoint, "reasoning_effort", "leave it out, or set under `reasoning` how this server takes it")
    return {"reasoning_effort": word}


def _body(request: Request, model: str, can: Mapping[str, bool], endpoint: Endpoint) -> dict[str, Any]:
    params = request.params
    fields: dict[str, Any] = {
        "model": model,
        "messages": [message.as_data() for message in request.messages],
        "stream": True,
    }
    if can["stream_options"]:
        fields["stream_options"] = {"include_usage": True}
    if can["temperature"]:
        fields["temperature"] = params.temperature
    elif params.temperature != 1:
        raise _cannot(endpoint, "temperature", "its temperature is fixed at 1; set `temperature: 1`")
    fields["max_completion_tokens" if can["max_completion_tokens"] else "max_tokens"] = params.max_tokens
    for name in _OPTIONAL:
        value = getattr(params, name)
        if value in (None, ()):
            continue
        if not can[name]:
            raise _cannot(
                endpoint, name, f"leave it out, or set `capabilities: {{{name}: true}}` if the server knows it"
            )
        fields[name] = list(value) if name == "stop" else value
    if params.repeat_penalty is not None:
        fields[_penalty_name(can, endpoint)] = params.repeat_penalty
    if params.seed is not None and can["seed"]:
        fields["seed"] = params.seed
    if params.logprobs is not None:
        if not can["logprobs"]:
            raise _cannot(endpoint, "logprobs", "leave it out, or ask another model")
        fields |= {"logprobs": True, "top_logprobs": params.logprobs}
    if request.schema is not None:
        if not can["response_format"]:
            raise _cannot(endpoint, "response_format", "leave the schema out, or ask another model")
        schema = _schema.sent(request.schema)
        fields["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema.schema, "strict": schema.strict},
        }
    return fields


def _penalty_name(can: Mapping[str, bool], endpoint: Endpoint) -> str:
    """The field's name at this server: llama.cpp and vLLM have different ones."""
    for name in ("repeat_penalty", "repetition_penalty"):
        if can[name]:
            return name
    hint = (
        "leave it out, or set `capabilities: {repeat_penalty: true}` (llama.cpp), `{repetition_penalty: true}` (vLLM)"
    )
    raise _cannot(endpoint, "repeat_penalty", hint)


def _cannot(endpoint: Endpoint, field: str, hint: str) -> RequestRejected:
    return RequestRejected(
        endpoint.message(f"`{field}` cannot be sent: the catalogue says that this server does not know it"), hint=hint
    )


def encoded(fields: Mapping[str, Any], request: Request, endpoint: Endpoint) -> bytes:
    """`fields` as UTF-8 JSON. Raises `RequestRejected` for half a character, which UTF-8 cannot hold."""
    try:
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
    except UnicodeEncodeError as exc:
        raise RequestRejected(
            endpoint.message(f"nothing was sent: {_half_character(request)} is half a character (a lone surrogate)"),
            hint="the text was already damaged; UTF-8 cannot hold half a character",
        ) from exc
    except ValueError as exc:
        raise RequestRejected(endpoint.message("nothing was sent: a parameter is not a finite number")) from exc


def _half_character(request: Request) -> str:
    for number, message in enumerate(request.messages):
        for at, char in enumerate(message.content):
            if "\ud800" <= char <= "\udfff":
                spans = [s for s in request.prompt.spans if s.message == number and s.start <= at < s.end]
                where = f", in {spans[0].section} {spans[0].source}".rstrip() if spans else ""
                return f"character {at + 1} of message {number + 1} ({message.role}{where})"
    return "a character in a stop string or in the schema"

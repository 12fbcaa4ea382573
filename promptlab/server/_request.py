"""From the fields of POST /v1/chat/completions to a request, with the rules between fields.

`_fields.py` has the fields, and `_body.py` reads them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from promptlab._util.json_schema import problem_of
from promptlab.errors import InputError, ModelNotFound, nearest
from promptlab.server._body import path_of, read
from promptlab.server._fields import Body, Part, ResponseFormat, Turn
from promptlab.types import Message, Params, Prompt, Request, Role, Source

TEMPERATURE = 1.0
"""OpenAI's default; promptlab's own is 0."""

UNKNOWN_LABEL = Source("input", "a client of promptlab serve", "confidential")
"""A client does not say how private its text is, so it counts as the most private. The prefix cache writes none of it
to disk, unless the model's entry has `keep_prefixes: always`."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A client's request, and how to send its answer. `unlimited` is True if the client set no limit of new tokens: the
    answer may then fill the rest of the window."""

    request: Request
    stream: bool = False
    usage: bool = False
    unlimited: bool = False


def chat_request(data: Any, models: Sequence[str]) -> ChatRequest:
    """The request in `data`, the body as JSON data. `models` are the models that are served.

    Raises:
        InputError: a field is wrong; the error names it.
        ModelNotFound: the model is not among `models`.
    """
    body = read(data)
    most = _most(body)
    params = Params(TEMPERATURE, most or 1, stop=tuple(body.stop)).with_(
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=body.top_k,
        min_p=body.min_p,
        repeat_penalty=body.repeat_penalty,
        presence_penalty=body.presence_penalty,
        frequency_penalty=body.frequency_penalty,
        seed=body.seed,
        logprobs=_logprobs(body),
    )
    if params.seed is None and params.temperature > 0:
        params = params.with_(seed=secrets.randbits(31))  # two requests without a seed should get two different answers
    if body.model not in models:
        raise ModelNotFound(f"there is no model `{body.model}` here", hint=nearest(body.model, models))
    messages = tuple(_message(turn, number) for number, turn in enumerate(body.messages))
    prompt = Prompt(messages, sources=(UNKNOWN_LABEL,))
    request = Request(body.model, prompt, params, _schema(body.response_format))
    return ChatRequest(request, bool(body.stream), _include_usage(body), most is None)


def _most(body: Body) -> int | None:
    old, new = body.max_tokens, body.max_completion_tokens
    if old is not None and new is not None and old != new:
        raise InputError("differs from max_tokens, which is the same", field="max_completion_tokens")
    return new if old is None else old


def _logprobs(body: Body) -> int | None:
    if body.top_logprobs and not body.logprobs:
        raise InputError("goes with `logprobs: true` only", field="top_logprobs")
    return (body.top_logprobs or 0) if body.logprobs else None


def _include_usage(body: Body) -> bool:
    if body.stream_options is None:
        return False
    if not body.stream:
        raise InputError("goes with `stream: true` only", field="stream_options")
    return bool(body.stream_options.include_usage)


def _message(turn: Turn, number: int) -> Message:
    at: tuple[str | int, ...] = ("messages", number)
    role: Role = "system" if turn.role == "developer" else turn.role
    if turn.refusal and turn.content:
        raise InputError("cannot be together with `content`", field=path_of((*at, "refusal")))
    if turn.refusal and role != "assistant":
        raise InputError("goes with the role `assistant` only", field=path_of((*at, "refusal")))
    if turn.refusal:
        return Message(role, turn.refusal, turn.name or "")
    if not turn.content:
        raise InputError("must be a text, or a list of parts of type `text`", field=path_of((*at, "content")))
    parts = [_text_of(part, role, (*at, "content", place)) for place, part in enumerate(turn.content)]
    return Message(role, "\n".join(parts), turn.name or "")


def _text_of(part: Part, role: Role, at: tuple[str | int, ...]) -> str:
    """The text of a part. It must have the text of its own type and no other."""
    if part.type == "refusal" and role != "assistant":
        raise InputError("must be `text`: only an assistant refuses", field=path_of((*at, "type")))
    text, surplus = (part.text, part.refusal) if part.type == "text" else (part.refusal, part.text)
    if text is None:
        raise InputError("must be a text", field=path_of((*at, part.type)))
    if surplus is not None:
        raise InputError(f"a part of type `{part.type}` has no other text", field=path_of(at))
    return text


def _schema(form: ResponseFormat | None) -> str | None:
    """The JSON Schema as text. The client's order of properties stays, since models answer in that order."""
    at = "response_format"
    if form is None:
        return None
    if form.json_schema and form.type != "json_schema":
        raise InputError("goes with the type `json_schema` only", field=f"{at}.json_schema")
    if form.schema_ is not None and form.type != "json_object":
        raise InputError(
            "goes with the type `json_object`; for `json_schema` put it inside `json_schema`", field=f"{at}.schema"
        )
    if form.type == "text":
        return None
    if form.type == "json_object":
        return '{"type": "object"}' if form.schema_ is None else _checked(form.schema_, (at, "schema"))
    if form.json_schema is None:
        raise InputError("is missing", field=f"{at}.json_schema")
    return _checked(form.json_schema.schema_, (at, "json_schema", "schema"))


def _checked(schema: dict[str, Any], at: tuple[str, ...]) -> str:
    problem = problem_of(schema)
    if problem:
        raise InputError(problem.message, field=path_of((*at, *problem.path)))
    return json.dumps(schema, ensure_ascii=False)


__all__ = ["TEMPERATURE", "ChatRequest", "chat_request"]

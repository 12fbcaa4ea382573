"""From the body of POST /v1/chat/completions to a request, each field looked at before it is believed.

    {"model": "smollm2-135m", "messages": [{"role": "user", "content": "Who won?"}], "max_tokens": 16}

A field that is not known is refused with the nearest that is, never left out unseen; `IGNORED` are those
that clients send and that cannot change an answer here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from promptlab.errors import InputError, ModelNotFound, nearest
from promptlab.json_schema import problem_of
from promptlab.types import Message, Params, Prompt, Request, Role, Source

TEMPERATURE = 1.0
"""OpenAI's default; promptlab's own is 0."""

IGNORED = frozenset(
    {"metadata", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"}
    | {"safety_identifier", "service_tier", "store", "user"}
    | {"cache_prompt"}  # llama.cpp's; prompts are always kept read here
)
"""Fields that are taken and left out."""

ONLY: Mapping[str, tuple[Any, ...]] = {
    "functions": ([],),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "n": (1,),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
}
"""Fields of which only the value that asks for nothing is taken."""

FLOATS: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "repeat_penalty": (0.01, 100),
}
LARGEST = 2**31 - 1
INTEGERS: Mapping[str, tuple[int, int]] = {
    "top_k": (-1, LARGEST),
    "seed": (-(2**63), 2**64),
    "max_tokens": (1, LARGEST),
    "max_completion_tokens": (1, LARGEST),
    "top_logprobs": (0, 20),
}
KNOWN = frozenset(
    {"messages", "model", "stream", "stream_options", "stop", "response_format", "logprobs"} | {*FLOATS, *INTEGERS}
)
"""Fields that mean something here."""

ROLES: Mapping[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
MOST_STOPS = 64

UNKNOWN_LABEL = Source("input", "a client of promptlab serve", "confidential")
"""Nobody said how private a client's text is, so it is treated as the most private: nothing of it is kept on disk,
unless the model's entry says `keep_prefixes: always`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request, and how its answer is to be sent. `to_the_end` means that nobody set a limit of new tokens: the answer
    may fill what the prompt leaves of the window."""

    request: Request
    stream: bool = False
    usage: bool = False
    to_the_end: bool = False


def parsed(body: bytes) -> Any:
    """`body` as JSON data; an InputError for anything else."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except RecursionError as exc:
        raise InputError("the body is nested too deeply") from exc
    except ValueError as exc:
        raise InputError(f"the body is not JSON: {exc}") from exc


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def wanted(data: Any, models: Sequence[str]) -> Wanted:
    """What `data`, the body as JSON data, asks for, of one of `models`.

    Raises:
        InputError: names the field that is wrong.
        ModelNotFound: none of `models` has this name.
    """
    if not isinstance(data, dict):
        raise InputError("the body is not a JSON object")
    given = {name: value for name, value in data.items() if value is not None and name not in IGNORED}
    for name, value in given.items():
        if name in ONLY:
            if value not in ONLY[name] or isinstance(value, bool):
                can = " or ".join(json.dumps(one) for one in ONLY[name])
                raise InputError(f"is known here as {can} only", field=name, hint="leave it out")
        elif name not in KNOWN:
            raise InputError("is no field that is known here", field=name, hint=nearest(name, KNOWN))
    stream = _flag(given, "stream")
    most = _most(given)
    params = Params(TEMPERATURE, most or 1, stop=_stop(given.get("stop", []))).with_(
        **{name: _float(given, name) for name in FLOATS},
        **{name: _integer(given, name) for name in ("top_k", "seed")},
        logprobs=_logprobs(given),
    )
    if params.seed is None and params.temperature > 0:
        params = params.with_(seed=secrets.randbits(31))  # whoever asks twice without a seed wants two answers
    request = Request(
        _model(given, models),
        Prompt(_messages(given.get("messages")), sources=(UNKNOWN_LABEL,)),
        params,
        _schema(given.get("response_format", {"type": "text"})),
    )
    return Wanted(request, stream, _include_usage(given, stream), most is None)


def _model(given: Mapping[str, Any], models: Sequence[str]) -> str:
    name = given.get("model")
    if not isinstance(name, str) or not name:
        raise InputError("must name a model", field="model", hint=nearest("", models))
    if name not in models:
        raise ModelNotFound(f"there is no model `{name}` here", hint=nearest(name, models))
    return name


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise InputError("must be true or false", field=name)
    return value


def _float(given: Mapping[str, Any], name: str) -> float | None:
    value, (low, high) = given.get(name), FLOATS[name]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"must be a number from {low:g} to {high:g}", field=name)
    return float(value)


def _integer(given: Mapping[str, Any], name: str) -> int | None:
    value, (low, high) = given.get(name), INTEGERS[name]
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high):
        raise InputError(f"must be a whole number from {low} to {high}", field=name)
    return value


def _most(given: Mapping[str, Any]) -> int | None:
    old, new = _integer(given, "max_tokens"), _integer(given, "max_completion_tokens")
    if old is not None and new is not None and old != new:
        raise InputError("differs from max_tokens, which is the same", field="max_completion_tokens")
    return new if old is None else old


def _stop(value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or len(texts) > MOST_STOPS or not all(isinstance(t, str) and t for t in texts):
        raise InputError(f"must be a text or a list of at most {MOST_STOPS} texts, none of them empty", field="stop")
    return tuple(texts)


def _logprobs(given: Mapping[str, Any]) -> int | None:
    asked, top = _flag(given, "logprobs"), _integer(given, "top_logprobs")
    if top is not None and not asked:
        raise InputError("goes with `logprobs: true` only", field="top_logprobs")
    return (top or 0) if asked else None


def _include_usage(given: Mapping[str, Any], stream: bool) -> bool:
    options = given.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise InputError("must be an object", field="stream_options")
    if not stream:
        raise InputError("goes with `stream: true` only", field="stream_options")
    known = {"include_usage", "include_obfuscation"}  # the second pads events against eavesdroppers: nothing to do here
    for name in options:
        if name not in known:
            raise InputError("is not known here", field=f"stream_options.{name}", hint=nearest(name, known))
    usage = options.get("include_usage") or False
    if not isinstance(usage, bool):
        raise InputError("must be true or false", field="stream_options.include_usage")
    return usage


def _messages(value: Any) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise InputError("must be a list of at least one message", field="messages")
    return tuple(_message(one, f"messages[{number}]") for number, one in enumerate(value))


def _message(value: Any, at: str) -> Message:
    if not isinstance(value, dict):
        raise InputError("must be an object with `role` and `content`", field=at)
    for name, said in value.items():
        if name not in ("role", "content") and said not in (
            None,
            [],
            {},
        ):  # clients send back answers with empty fields
            raise InputError("is not known here; a message has `role` and `content`", field=f"{at}.{name}")
    role = value.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise InputError(f"must be one of {', '.join(ROLES)}", field=f"{at}.role")
    return Message(ROLES[role], _content(value.get("content"), f"{at}.content"))


def _content(value: Any, at: str) -> str:
    """Text, or the texts of parts with a line break between two."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        raise InputError("must be a text, or a list of parts of type `text`", field=at)
    texts = []
    for number, part in enumerate(value):
        here = f"{at}[{number}]"
        if not isinstance(part, dict):
            raise InputError("must be an object with `type` and `text`", field=here)
        if part.get("type") != "text":
            raise InputError("must be `text`: models here read text only", field=f"{here}.type")
        if not isinstance(part.get("text"), str):
            raise InputError("must be a text", field=f"{here}.text")
        texts.append(part["text"])
    return "\n".join(texts)


def _schema(value: Any) -> str | None:
    """JSON Schema as text, in the client's order: models answer in that order."""
    at = "response_format"
    if not isinstance(value, dict):
        raise InputError("must be an object", field=at)
    kind = value.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return '{"type": "object"}'
    if kind != "json_schema":
        raise InputError("must be `text`, `json_object` or `json_schema`", field=f"{at}.type")
    holder = value.get("json_schema")
    schema = holder.get("schema") if isinstance(holder, dict) else None
    if not isinstance(schema, dict):
        raise InputError("must be an object, a JSON Schema", field=f"{at}.json_schema.schema")
    problem = problem_of(schema)
    if problem:
        raise InputError(problem.message, field=f"{at}.json_schema.schema")
    return json.dumps(schema, ensure_ascii=False)


__all__ = ["IGNORED", "KNOWN", "ONLY", "TEMPERATURE", "Wanted", "parsed", "wanted"]

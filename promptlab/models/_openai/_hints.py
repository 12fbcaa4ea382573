"""Hints for requests that a server refuses: the setting of promptlab that makes it accept them.

    400 {"error": {"message": "Unsupported parameter: 'max_tokens' ... Use 'max_completion_tokens' instead."}}
    -> set `capabilities: {max_completion_tokens: true}` for the model in promptlab.yaml

Servers say this in words of their own, so the words are searched. Each hint has a test in which a server refuses, the
hint is followed, and the server answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

_SWITCHED = ("seed", "stream_options")
"""Fields that `capabilities` can switch off: they are then left out, since an answer is possible without them."""
_IN_PARAMS = (
    "top_p", "stop", "presence_penalty", "frequency_penalty", "top_k", "min_p", "repeat_penalty", "repetition_penalty",
    "top_logprobs", "logprobs", "reasoning_effort",
)  # fmt: skip
_OURS = {"top_logprobs": "logprobs", "repetition_penalty": "repeat_penalty"}
"""Fields that have another name in a template."""
_KNOWN = (
    "max_completion_tokens", "max_tokens", "temperature", *_SWITCHED, "response_format", *_IN_PARAMS, "model",
)  # fmt: skip
_UNKNOWN = re.compile(
    r"unsupported (parameter|value)|unrecogni[sz]ed|unknown|not supported|unsupported|unexpected|not permitted"
    r"|extra (inputs|fields|forbidden)|does not support|not allowed|not (a )?known|invalid (field|parameter|argument)",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context[ _](length|window|size)|maximum context|prompt is too long|input is too long|too many (input )?tokens"
    r"|max_model_len|exceeds? the (model's )?(maximum )?(context|window)|longer than the (maximum )?model",
    re.IGNORECASE,
)
_FILTERS = ("content_filter", "responsibleaipolicyviolation", "content_policy_violation", "data_inspection_failed")


def is_filter(fields: Mapping[str, Any]) -> bool:
    """True if an error body says that a content filter stopped the prompt."""
    inner = fields.get("innererror")
    codes = [fields.get("code"), fields.get("type"), inner.get("code") if isinstance(inner, Mapping) else ""]
    return any(str(code).lower() in _FILTERS for code in codes)


def filter_names(fields: Mapping[str, Any]) -> str:
    """The categories that the filter objected to, as Azure lists them: ` [violence: high]`."""
    inner = fields.get("innererror")
    results = (inner if isinstance(inner, Mapping) else fields).get("content_filter_result")
    if not isinstance(results, Mapping):
        return ""
    hits = {name: hit for name, hit in results.items() if isinstance(hit, Mapping) and hit.get("filtered")}
    names = [f"{name}: {hit['severity']}" if "severity" in hit else str(name) for name, hit in hits.items()]
    return f" [{', '.join(names)}]" if names else ""


def is_too_long(codes: AbstractSet[str], message: str) -> bool:
    """True if a server says that prompt and answer do not fit its window."""
    return bool(codes & {"context_length_exceeded", "exceed_context_size_error"} or _TOO_LONG.search(message))


def too_long_hint(message: str) -> str:
    """How to make the prompt fit, with the size of the window if the server names it."""
    size = re.search(
        r"(?:context (?:length|window|size) (?:is|of)|available context size)\D{0,4}(\d{3,})", message, re.IGNORECASE
    )
    window = f"`window: {size[1]}`" if size else "`window`"
    return (
        "shorten the prompt (leave a section out) or lower `max_tokens`; "
        f"with {window} in promptlab.yaml, promptlab refuses such a prompt before anything is sent"
    )


def field_hint(error: object, message: str) -> str:
    """What to change if a server refuses one field of the request; "" if the field is not known."""
    field = _field(error, message)
    unknown = _UNKNOWN.search(message) is not None
    if field in ("max_tokens", "max_completion_tokens"):
        return _limit_hint(field, message, unknown)
    if field == "temperature" and unknown:
        return (
            "its temperature is fixed: set `temperature: 1` in the template's `params`, and "
            "`capabilities: {temperature: false}` for the model in promptlab.yaml"
        )
    if field in _SWITCHED:
        return f"set `capabilities: {{{field}: false}}` for the model in promptlab.yaml"
    if field == "response_format":
        if unknown:
            return "it does not know schemas: remove `schema` from the template, or ask another model"
        return "it does not accept this `schema` of the template: make it simpler, or remove it"
    if field in _IN_PARAMS or field == "temperature":
        name = _OURS.get(field, field)
        if unknown:
            return f"remove `{name}` from the template's `params`, or ask another model"
        return f"change `{name}` in the template's `params`, or remove it"
    if field == "model":
        return "check `model` in promptlab.yaml"
    if field.startswith("messages") and unknown and "system" in message:
        return "it accepts no system message: give the template a `layout` with user turns only"
    if field and unknown:
        return f"if `{field}` is under `extra_body` or `reasoning` of the model in promptlab.yaml, remove it"
    return ""


def _limit_hint(field: str, message: str, unknown: bool) -> str:
    newer = field == "max_completion_tokens"
    if unknown or (not newer and "max_completion_tokens" in message):
        return (
            f"set `capabilities: {{max_completion_tokens: {'false' if newer else 'true'}}}` for the model in "
            "promptlab.yaml: it has the other name for the limit of new tokens"
        )
    return "lower `max_tokens` in the template's `params`, or with --max-tokens"


def _field(error: object, message: str) -> str:
    """The field of the request that an error is about: by the error's own key for it, else by its message."""
    named = ""
    if isinstance(error, Mapping):
        details = error.get("detail")
        named = str(error.get("param") or "") or _loc(details)
    elif isinstance(error, list):
        named = _loc(error)
    first = next((part for part in re.split(r"[.\[]", named) if part and part != "body"), "")
    if first in _KNOWN:
        return first
    if named.startswith("messages"):
        return named
    spoken = [field for field in _KNOWN if re.search(rf"\b{field}\b", message)]
    # "'max_tokens' is not supported, use 'max_completion_tokens'": the first field in the message is meant.
    spoken.sort(key=message.find)
    return spoken[0] if spoken and not first else named or (spoken[0] if spoken else "")


def _loc(details: object) -> str:
    """The place of the fault as FastAPI names it: `["body", "stop", 0]` becomes `stop.0`."""
    for detail in details if isinstance(details, list) else ():
        loc = detail.get("loc") if isinstance(detail, Mapping) else None
        if isinstance(loc, list):
            return ".".join(str(part) for part in loc if part != "body")
    return ""

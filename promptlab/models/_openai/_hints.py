"""What to do about a request that a server refuses: the cure that works, named as it is set in promptlab.

    400 {"error": {"message": "Unsupported parameter: 'max_tokens' ... Use 'max_completion_tokens' instead."}}
    -> set `capabilities: {max_completion_tokens: true}` for the model in promptlab.yaml

Each hint has a test in which a server refuses, the cure is applied, and the server answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

_SWITCHED = ("seed", "stream_options")
"""Fields that are left out where `capabilities` switch them off, since an answer can do without."""
_IN_PARAMS = (
    "top_p", "stop", "presence_penalty", "frequency_penalty", "top_k", "min_p", "repeat_penalty", "repetition_penalty",
    "top_logprobs", "logprobs", "reasoning_effort",
)  # fmt: skip
_OURS = {"top_logprobs": "logprobs", "repetition_penalty": "repeat_penalty"}
"""Fields that a template has under another name."""
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
    """Whether an error body says that a content filter stopped the prompt."""
    inner = fields.get("innererror")
    codes = [fields.get("code"), fields.get("type"), inner.get("code") if isinstance(inner, Mapping) else ""]
    return any(str(code).lower() in _FILTERS for code in codes)


def filter_names(fields: Mapping[str, Any]) -> str:
    """What the filter objected to, as Azure lists it: ` [violence: high]`."""
    inner = fields.get("innererror")
    found = (inner if isinstance(inner, Mapping) else fields).get("content_filter_result")
    if not isinstance(found, Mapping):
        return ""
    hit = {name: one for name, one in found.items() if isinstance(one, Mapping) and one.get("filtered")}
    said = [f"{name}: {one['severity']}" if "severity" in one else str(name) for name, one in hit.items()]
    return f" [{', '.join(said)}]" if said else ""


def is_too_long(words: AbstractSet[str], said: str) -> bool:
    """Whether a server says that prompt and answer do not fit its window."""
    return bool(words & {"context_length_exceeded", "exceed_context_size_error"} or _TOO_LONG.search(said))


def too_long_hint(said: str) -> str:
    """How to make it fit; with the size of the window, where the server names it."""
    size = re.search(
        r"(?:context (?:length|window|size) (?:is|of)|available context size)\D{0,4}(\d{3,})", said, re.IGNORECASE
    )
    window = f"`window: {size[1]}`" if size else "`window`"
    return (
        "shorten the prompt (leave a section out) or lower `max_tokens`; "
        f"with {window} in promptlab.yaml it is noticed before anything is sent"
    )


def field_hint(error: object, said: str) -> str:
    """What to change where a server refuses one field of the request; "" where nobody knows."""
    field = _field(error, said)
    unknown = _UNKNOWN.search(said) is not None
    if field in ("max_tokens", "max_completion_tokens"):
        return _limit_hint(field, said, unknown)
    if field == "temperature" and unknown:
        return (
            "its temperature is fixed: set `temperature: 1` in the template's `params`, and "
            "`capabilities: {temperature: false}` for the model in promptlab.yaml"
        )
    if field in _SWITCHED:
        return f"set `capabilities: {{{field}: false}}` for the model in promptlab.yaml"
    if field == "response_format":
        if unknown:
            return "it knows no such schemas: take `schema` out of the template, or ask another model"
        return "it does not take this `schema` of the template: make it simpler, or take it out"
    if field in _IN_PARAMS or field == "temperature":
        name = _OURS.get(field, field)
        if unknown:
            return f"take `{name}` out of the template's `params`, or ask another model"
        return f"change `{name}` in the template's `params`, or take it out"
    if field == "model":
        return "check `model` in promptlab.yaml"
    if field.startswith("messages") and unknown and "system" in said:
        return "it takes no system message: give the template a `layout` that has user turns only"
    if field and unknown:
        return f"if `{field}` stands under `extra_body` or `reasoning` of the model in promptlab.yaml, take it out"
    return ""


def _limit_hint(field: str, said: str, unknown: bool) -> str:
    newer = field == "max_completion_tokens"
    if unknown or (not newer and "max_completion_tokens" in said):
        return (
            f"set `capabilities: {{max_completion_tokens: {'false' if newer else 'true'}}}` for the model in "
            "promptlab.yaml: it knows the limit of new tokens by the other name"
        )
    return "lower `max_tokens` in the template's `params`, or with --max-tokens"


def _field(error: object, said: str) -> str:
    """The field of the request that an error is about: what the server names, else what its words name."""
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
    spoken = [field for field in _KNOWN if re.search(rf"\b{field}\b", said)]
    # "'max_tokens' is not supported, use 'max_completion_tokens'": the first one named is meant.
    spoken.sort(key=said.find)
    return spoken[0] if spoken and not first else named or (spoken[0] if spoken else "")


def _loc(details: object) -> str:
    """Where FastAPI says the request is wrong: `["body", "stop", 0]` becomes `stop.0`."""
    for one in details if isinstance(details, list) else ():
        loc = one.get("loc") if isinstance(one, Mapping) else None
        if isinstance(loc, list):
            return ".".join(str(part) for part in loc if part != "body")
    return ""

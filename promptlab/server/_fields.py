"""Every field of POST /v1/chat/completions: honoured, a label, or known but not offered.

    {"model": "smollm2-135m", "messages": [{"role": "user", "content": "Who won?"}], "max_tokens": 16}

`Body` has the fields that are honoured, `Labels` those that only say who asks and why, and `NOT_OFFERED` those that are
known but not offered here. A field that is in none of them is refused. tools/serve_docs.py writes docs/serve.md from
these three, and a test sends each field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, model_validator

MOST_STOPS = 64
MOST_KEYS = 200
MOST_LABELS = 16
LARGEST = 2**31 - 1


class Strict(BaseModel):
    """JSON's own types: neither "0" nor true is a number. An unknown key is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _few_keys(cls, value: Any) -> Any:
        """Refuse an object with very many keys: each unknown one would become an error of its own."""
        if isinstance(value, dict) and len(value) > MOST_KEYS:
            raise ValueError(f"has more than {MOST_KEYS} keys")
        return value


class Part(Strict):
    """A part of a message's content. `prompt_cache_breakpoint` changes nothing: the prefix cache is always on."""

    type: Literal["text", "refusal"]
    text: str | None = None
    refusal: str | None = None
    prompt_cache_breakpoint: dict[str, Any] | None = None


def _as_parts(value: Any) -> Any:
    if not isinstance(value, str | list | None):
        raise ValueError("must be a text, or a list of parts of type `text`")
    return [{"type": "text", "text": value}] if isinstance(value, str) else value or []


def _as_list(value: Any) -> Any:
    if not isinstance(value, str | list | None):
        raise ValueError("must be a text or a list of texts")
    return [value] if isinstance(value, str) else value


def _few_labels(value: Any) -> Any:
    if isinstance(value, dict) and len(value) > MOST_LABELS:
        raise ValueError(f"must have at most {MOST_LABELS} entries")
    return value


class Turn(Strict):
    """A message. Clients send answers back as messages, so their other fields are accepted if they are empty."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[list[Part], FailFast(), BeforeValidator(_as_parts)] = Field(default_factory=list)
    name: str | None = Field(None, pattern=r"^[^\s<|\\/>\[\]{}]{1,64}$")
    refusal: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_empty(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: v for k, v in value.items() if k in cls.model_fields or not (v is None or v in ([], {}, ""))}


class StreamOptions(Strict):
    include_usage: bool | None = None
    include_obfuscation: Literal[False] | None = None


class NamedSchema(Strict):
    """A schema. `name`, `description` and `strict` change nothing: decoding always follows the schema, and the model
    does not see it."""

    schema_: dict[str, Any] = Field(alias="schema")
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Strict):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")


class Labels(Strict):
    """Fields that say who asks and why, or that belong to something not offered here. They change no answer."""

    metadata: Annotated[dict[str, str] | None, BeforeValidator(_few_labels)] = Field(
        None, description=f"up to {MOST_LABELS} texts under names", examples=[{"a": "b"}]
    )
    parallel_tool_calls: bool | None = Field(None, description="there are no tools", examples=[True, False])
    prompt_cache_key: str | None = Field(None, description="a text; all prompts share one prefix cache", examples=["k"])
    prompt_cache_retention: Literal["in_memory", "24h"] | None = Field(
        None,
        description="`in_memory` or `24h`, the longest time that a prompt may be cached",
        examples=["in_memory", "24h"],
    )
    safety_identifier: str | None = Field(None, description="a text", examples=["me"])
    user: str | None = Field(None, description="a text", examples=["me"])


Number = float | None
Count = int | None


class Body(Labels):
    """The fields that are honoured, and the labels."""

    model: str = Field(min_length=1, description="a local model's name in promptlab.yaml")
    messages: Annotated[list[Turn], FailFast()] = Field(
        min_length=1, description='at least one message; "Messages" below'
    )
    stream: bool | None = Field(None, description="`true`: the answer as server-sent events, as it is written")
    stream_options: StreamOptions | None = Field(
        None, description="with `stream` only. `include_usage`: the tokens in the last event"
    )
    temperature: Number = Field(
        None, ge=0, le=2, description="0 to 2, OpenAI's default 1: set 0 for the same answer every time"
    )
    top_p: Number = Field(None, ge=0, le=1, description="0 to 1")
    top_k: Count = Field(None, ge=-1, le=LARGEST, description="a whole number; 0 or -1 is no limit")
    min_p: Number = Field(None, ge=0, le=1, description="0 to 1")
    repeat_penalty: Number = Field(None, ge=0.01, le=100, description="above 0; 1 is none. Looks 64 tokens back")
    presence_penalty: Number = Field(None, ge=-2, le=2, description="-2 to 2")
    frequency_penalty: Number = Field(None, ge=-2, le=2, description="-2 to 2")
    seed: Count = Field(
        None, ge=-(2**63), le=2**64, description="a whole number; without one, two answers by chance differ"
    )
    max_tokens: Count = Field(
        None,
        ge=1,
        le=LARGEST,
        description="new tokens; without a limit an answer may fill what the prompt leaves of the window",
    )
    max_completion_tokens: Count = Field(None, ge=1, le=LARGEST, description="the same under its newer name")
    stop: Annotated[list[Annotated[str, Field(min_length=1)]], FailFast(), BeforeValidator(_as_list)] = Field(
        default_factory=list, max_length=MOST_STOPS, description=f"a text or up to {MOST_STOPS}"
    )
    response_format: ResponseFormat | None = Field(
        None, description='`text`, `json_object` or `json_schema`; "Schemas" below'
    )
    logprobs: bool | None = Field(
        None, description="`true`: how likely each token was; in a stream all of them come with the last piece"
    )
    top_logprobs: Count = Field(None, ge=0, le=20, description="0 to 20 alternatives a token; with `logprobs` only")


@dataclass(frozen=True, slots=True)
class NoEffect:
    """The values of a field that have no effect. Any other value is refused, with `hint`. `null` never has an
    effect."""

    values: tuple[Any, ...] = ()
    hint: str = "leave it out"

    def has(self, value: Any) -> bool:
        """True if `value` is one of them. In Python 1 equals True, but not here."""
        return any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in self.values)


OPENAI: Mapping[str, NoEffect] = {
    "audio": NoEffect(),
    "function_call": NoEffect(("none", "auto")),
    "functions": NoEffect(([],), "there are no functions here; with `function_call: none` the list is ignored"),
    "logit_bias": NoEffect(({},)),
    "modalities": NoEffect((["text"],)),
    "moderation": NoEffect(),
    "n": NoEffect((1,), "ask once for each answer: the prefix cache makes that cheap"),
    "prediction": NoEffect(),
    "prompt_cache_options": NoEffect(({}, {"mode": "implicit"}), "the prefix cache is always on"),
    "reasoning_effort": NoEffect((), "local models have no such setting; leave it out"),
    "service_tier": NoEffect(("auto", "default")),
    "store": NoEffect((False,), "no answer is stored here"),
    "tool_choice": NoEffect(("none", "auto")),
    "tools": NoEffect(([],), "there are no tools here; with `tool_choice: none` the list is ignored"),
    "verbosity": NoEffect(("medium",), "say in a message how long the answer should be"),
    "web_search_options": NoEffect(),
}
"""Fields of OpenAI's API that are not offered here."""

_MAX, _SCHEMA = "it is called `max_tokens` here", "use `response_format` with a schema"
_TEMPLATE = "set `chat_template` of the model in promptlab.yaml"
_THINK = "local models have no such setting; leave it out"
_STOP = "it is called `stop` here, and takes texts"
OTHERS: Mapping[str, NoEffect] = {
    "add_generation_prompt": NoEffect((True,)),
    "bad_words": NoEffect(([],)),
    "best_of": NoEffect((1,)),
    "cache_prompt": NoEffect((True,), "the prefix cache is always on"),
    "chat_template": NoEffect((), _TEMPLATE),
    "chat_template_kwargs": NoEffect(({},), _TEMPLATE),
    "continue_final_message": NoEffect((False,)),
    "documents": NoEffect(([],), "put their text into a message"),
    "dry_multiplier": NoEffect((0,)),
    "dynatemp_range": NoEffect((0,)),
    "early_stopping": NoEffect((False,)),
    "echo": NoEffect((False,)),
    "enable_thinking": NoEffect((), _THINK),
    "extra_body": NoEffect(({},), "put what is in it into the body itself"),
    "extra_headers": NoEffect(({},), "send them as headers"),
    "extra_query": NoEffect(({},)),
    "format": NoEffect(("",), _SCHEMA),
    "grammar": NoEffect(("",), _SCHEMA),
    "guided_choice": NoEffect((), 'use `response_format` with a schema: {"enum": […]}'),
    "guided_grammar": NoEffect((), _SCHEMA),
    "guided_json": NoEffect((), _SCHEMA),
    "guided_regex": NoEffect((), 'use `response_format` with a schema: {"type": "string", "pattern": …}'),
    "id_slot": NoEffect((-1,)),
    "ignore_eos": NoEffect((False,)),
    "include_reasoning": NoEffect((), _THINK),
    "include_stop_str_in_output": NoEffect((False,)),
    "json_schema": NoEffect((), _SCHEMA),
    "keep_alive": NoEffect((), "models stay loaded up to `model_memory` of promptlab.yaml; leave it out"),
    "length_penalty": NoEffect((1,)),
    "lora": NoEffect(([],), "set `lora` of the model in promptlab.yaml"),
    "max_new_tokens": NoEffect((), _MAX),
    "max_output_tokens": NoEffect((), _MAX),
    "max_tokens_to_sample": NoEffect((), _MAX),
    "min_tokens": NoEffect((0,)),
    "mirostat": NoEffect((0,)),
    "n_predict": NoEffect((-1,), _MAX),
    "num_ctx": NoEffect((), "set `n_ctx` of the model in promptlab.yaml"),
    "num_predict": NoEffect((-1,), _MAX),
    "options": NoEffect(({},), "put what is in it into the body itself, under the names of this page"),
    "plugins": NoEffect(([],)),
    "priority": NoEffect((0,)),
    "prompt": NoEffect((), "it is called `messages` here"),
    "prompt_logprobs": NoEffect(),
    "provider": NoEffect(({},)),
    "random_seed": NoEffect((), "it is called `seed` here"),
    "raw": NoEffect((False,)),
    "reasoning": NoEffect((), _THINK),
    "reasoning_format": NoEffect((), _THINK),
    "repeat_last_n": NoEffect((64,)),
    "repetition_penalty": NoEffect((1,), "use `repeat_penalty`, llama.cpp's own, which looks 64 tokens back"),
    "return_tokens_as_token_ids": NoEffect((False,)),
    "safe_prompt": NoEffect((False,)),
    "skip_special_tokens": NoEffect((True,)),
    "stop_sequences": NoEffect((), _STOP),
    "stop_token_ids": NoEffect(([],), _STOP),
    "structured_outputs": NoEffect(({},), _SCHEMA),
    "system": NoEffect(("",), "send a message with the role `system`"),
    "template": NoEffect(("",), _TEMPLATE),
    "think": NoEffect((), _THINK),
    "thinking": NoEffect((), _THINK),
    "timings_per_token": NoEffect((False,)),
    "transforms": NoEffect(([],)),
    "truncate_prompt_tokens": NoEffect((), "prompts are never cut here; shorten the prompt"),
    "typical_p": NoEffect((1,)),
    "use_beam_search": NoEffect((False,)),
    "xtc_probability": NoEffect((0,)),
}
"""Fields that clients of other servers add (llama.cpp, vLLM, Ollama, Mistral, OpenRouter), not offered here either."""

NOT_OFFERED: Mapping[str, NoEffect] = {**OPENAI, **OTHERS}
UNWANTED: Mapping[str, str] = {"tools": "tool_choice", "functions": "function_call"}
"""Lists that are ignored if the other field is "none"."""


__all__ = [
    "NOT_OFFERED",
    "OPENAI",
    "OTHERS",
    "UNWANTED",
    "Body",
    "Labels",
    "NamedSchema",
    "NoEffect",
    "Part",
    "ResponseFormat",
    "StreamOptions",
    "Turn",
]

"""Every field of POST /v1/chat/completions: what is honoured, what is only a label, what may ask for nothing only.

    {"model": "smollm2-135m", "messages": [{"role": "user", "content": "Who won?"}], "max_tokens": 16}

`Body` holds what is honoured, `Labels` what only says who asks and why, `NOTHING` what is known but not done here. A
field that is in none of them is refused. docs/serve.md is made from these three (tools/serve_docs.py), and a test sends
each.
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
    """Types as JSON has them: "0" is no number, and true is none either. No key is left unseen."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _few_keys(cls, value: Any) -> Any:
        """Every unknown key becomes a complaint; a million of them are not wanted."""
        if isinstance(value, dict) and len(value) > MOST_KEYS:
            raise ValueError(f"has more than {MOST_KEYS} keys")
        return value


class Part(Strict):
    """A piece of a message's content. `prompt_cache_breakpoint` asks for what is always done: prompts are kept read."""

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
    """A message. What else an answer of a server holds may come back with it where it is empty."""

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
    """`name`, `description` and `strict` change nothing: models here are held to the schema, and are not shown it."""

    schema_: dict[str, Any] = Field(alias="schema")
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Strict):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")


class Labels(Strict):
    """Fields that say who asks and why, or how to do what is not done here. They change no answer."""

    metadata: Annotated[dict[str, str] | None, BeforeValidator(_few_labels)] = Field(
        None, description=f"up to {MOST_LABELS} texts under names", examples=[{"a": "b"}]
    )
    parallel_tool_calls: bool | None = Field(None, description="no tools are called", examples=[True, False])
    prompt_cache_key: str | None = Field(None, description="a text; all prompts share one cache", examples=["k"])
    prompt_cache_retention: Literal["in_memory", "24h"] | None = Field(
        None, description="`in_memory` or `24h`, the longest that a prompt may be kept", examples=["in_memory", "24h"]
    )
    safety_identifier: str | None = Field(None, description="a text", examples=["me"])
    user: str | None = Field(None, description="a text", examples=["me"])


Number = float | None
Count = int | None


class Body(Labels):
    """Fields that are honoured."""

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
class Only:
    """The values of a field that ask for nothing; any other is refused, with `hint`. `null` is one of them always."""

    values: tuple[Any, ...] = ()
    hint: str = "leave it out"

    def takes(self, value: Any) -> bool:
        return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in self.values)


OPENAI: Mapping[str, Only] = {
    "audio": Only(),
    "function_call": Only(("none", "auto")),
    "functions": Only(([],), "no functions are called here; `function_call: none` says that none is wanted"),
    "logit_bias": Only(({},)),
    "modalities": Only((["text"],)),
    "moderation": Only(),
    "n": Only((1,), "ask as often as answers are wanted: the prompt is read once"),
    "prediction": Only(),
    "prompt_cache_options": Only(({}, {"mode": "implicit"}), "prompts are always kept read, while memory lasts"),
    "reasoning_effort": Only((), "no local model is told how long to think; leave it out"),
    "service_tier": Only(("auto", "default")),
    "store": Only((False,), "no answer is stored here"),
    "tool_choice": Only(("none", "auto")),
    "tools": Only(([],), "no tools are called here; `tool_choice: none` says that none is wanted"),
    "verbosity": Only(("medium",), "say in a message how long the answer is to be"),
    "web_search_options": Only(),
}
"""Fields of OpenAI's API that are not done here."""

_MAX, _SCHEMA = "it is `max_tokens` here", "it is `response_format` with a schema here"
_TEMPLATE = "set `chat_template` of the model in promptlab.yaml"
_THINK = "no local model is told whether to think; leave it out"
_STOP = "it is `stop` here, which takes texts"
OTHERS: Mapping[str, Only] = {
    "add_generation_prompt": Only((True,)),
    "bad_words": Only(([],)),
    "best_of": Only((1,)),
    "cache_prompt": Only((True,), "prompts are always kept read"),
    "chat_template": Only((), _TEMPLATE),
    "chat_template_kwargs": Only(({},), _TEMPLATE),
    "continue_final_message": Only((False,)),
    "documents": Only(([],), "put their text into a message"),
    "dry_multiplier": Only((0,)),
    "dynatemp_range": Only((0,)),
    "early_stopping": Only((False,)),
    "echo": Only((False,)),
    "enable_thinking": Only((), _THINK),
    "extra_body": Only(({},), "put what is in it into the body itself"),
    "extra_headers": Only(({},), "send them as headers"),
    "extra_query": Only(({},)),
    "format": Only(("",), _SCHEMA),
    "grammar": Only(("",), _SCHEMA),
    "guided_choice": Only((), 'it is `response_format` with a schema here: {"enum": […]}'),
    "guided_grammar": Only((), _SCHEMA),
    "guided_json": Only((), _SCHEMA),
    "guided_regex": Only((), 'it is `response_format` with a schema here: {"type": "string", "pattern": …}'),
    "id_slot": Only((-1,)),
    "ignore_eos": Only((False,)),
    "include_reasoning": Only((), _THINK),
    "include_stop_str_in_output": Only((False,)),
    "json_schema": Only((), _SCHEMA),
    "keep_alive": Only((), "models stay loaded up to `model_memory` of promptlab.yaml; leave it out"),
    "length_penalty": Only((1,)),
    "lora": Only(([],), "set `lora` of the model in promptlab.yaml"),
    "max_new_tokens": Only((), _MAX),
    "max_output_tokens": Only((), _MAX),
    "max_tokens_to_sample": Only((), _MAX),
    "min_tokens": Only((0,)),
    "mirostat": Only((0,)),
    "n_predict": Only((-1,), _MAX),
    "num_ctx": Only((), "set `n_ctx` of the model in promptlab.yaml"),
    "num_predict": Only((-1,), _MAX),
    "options": Only(({},), "put what is in it into the body itself, under the names of this page"),
    "plugins": Only(([],)),
    "priority": Only((0,)),
    "prompt": Only((), "it is `messages` here"),
    "prompt_logprobs": Only(),
    "provider": Only(({},)),
    "random_seed": Only((), "it is `seed` here"),
    "raw": Only((False,)),
    "reasoning": Only((), _THINK),
    "reasoning_format": Only((), _THINK),
    "repeat_last_n": Only((64,)),
    "repetition_penalty": Only((1,), "`repeat_penalty` is of llama.cpp's kind: it looks 64 tokens back"),
    "return_tokens_as_token_ids": Only((False,)),
    "safe_prompt": Only((False,)),
    "skip_special_tokens": Only((True,)),
    "stop_sequences": Only((), _STOP),
    "stop_token_ids": Only(([],), _STOP),
    "structured_outputs": Only(({},), _SCHEMA),
    "system": Only(("",), "it is a message of the role `system` here"),
    "template": Only(("",), _TEMPLATE),
    "think": Only((), _THINK),
    "thinking": Only((), _THINK),
    "timings_per_token": Only((False,)),
    "transforms": Only(([],)),
    "truncate_prompt_tokens": Only((), "nothing is cut here; leave out what does not fit"),
    "typical_p": Only((1,)),
    "use_beam_search": Only((False,)),
    "xtc_probability": Only((0,)),
}
"""Fields that clients of other servers add (llama.cpp, vLLM, Ollama, Mistral, OpenRouter), not done here either."""

NOTHING: Mapping[str, Only] = {**OPENAI, **OTHERS}
UNWANTED: Mapping[str, str] = {"tools": "tool_choice", "functions": "function_call"}
"""Lists that may be full where the field beside them says "none": nothing of them is wanted."""


__all__ = [
    "NOTHING",
    "OPENAI",
    "OTHERS",
    "UNWANTED",
    "Body",
    "Labels",
    "NamedSchema",
    "Only",
    "Part",
    "ResponseFormat",
    "StreamOptions",
    "Turn",
]

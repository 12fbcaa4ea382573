"""The models of promptlab.yaml: the keys of an entry, their defaults, and what they may be."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from promptlab.types import Label
from promptlab.workspace._scan_policy import ScanPolicy
from promptlab.workspace._strict_model import StrictModel

KEY_NAME = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*_)?(?:API_?KEY|TOKEN)", re.IGNORECASE)
"""Environment variables that an entry may name. Others could hold secrets that are no API keys."""


class LlamaModel(StrictModel):
    """A model that llama.cpp runs on this machine. Exactly one of `package`, `path` and `repo` names its file."""

    backend: Literal["llama"]
    package: str | None = None
    path: str | None = None
    repo: str | None = None
    file: str | None = None
    sha256: str | None = None
    chat_template: str | None = None
    stop: tuple[str, ...] = ()
    n_ctx: int = Field(default=8192, gt=0)
    n_gpu_layers: int = -1
    n_threads: int | None = Field(default=None, gt=0)
    flash_attn: bool | None = None
    lora: tuple[str, ...] = ()
    prefix_memory: int = Field(default=1000, ge=0, description="MB of the prefix cache in memory")
    keep_prefixes: Literal["never", "public", "always"] = Field(
        default="public", description="Which prompts the prefix cache may store on disk: none, only public ones, all"
    )
    throughput: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Answers decoded in one batch; 0: one at a time, so that the text is always the same",
    )
    numerics: Literal["fast", "portable"] | None = Field(
        default=None,
        description="fast: the quickest code for this processor; portable: the same text on every processor. "
        "If not set, suites use portable and everything else uses fast",
    )
    clearance: Label = "confidential"
    label: Label = Field(
        default="public",
        description="The highest label of the text that the model was trained on; its answers have at least this one",
    )

    @model_validator(mode="after")
    def _one_place(self) -> LlamaModel:
        if sum(place is not None for place in (self.package, self.path, self.repo)) != 1:
            raise ValueError("name the model file with exactly one of `package`, `path` and `repo`")
        if (self.repo is None) != (self.file is None):
            raise ValueError("`repo` and `file` go together")
        return self

    @property
    def flash(self) -> bool | None:
        """True if flash attention is used, None if llama.cpp decides. Batched decoding is faster with it, because flash
        attention skips the KV cells of the other answers in the batch."""
        return False if self.flash_attn is None and not self.throughput else self.flash_attn


_SENT: Mapping[str, str] = {
    **dict.fromkeys(("messages", "stream", "stream_options", "n"), "it cannot be changed"),
    "model": "set `model`",
    "response_format": "give the template a `schema`",
    "max_completion_tokens": "set `max_tokens` in the template's `params`",
    "top_logprobs": "set `logprobs` in the template's `params`",
    **{
        name: f"set `{name}` in the template's `params`"
        for name in (
            "max_tokens",
            "temperature",
            "top_p",
            "stop",
            "seed",
            "presence_penalty",
            "frequency_penalty",
            "logprobs",
            "top_k",
            "min_p",
            "repeat_penalty",
            "repetition_penalty",
        )
    },
}
"""Request fields that cannot be in `extra_body`, with the right place to set each."""


class OpenAIModel(StrictModel):
    """A model behind an OpenAI-compatible HTTP API. Times are in seconds.

    `capabilities` switches request fields on or off for this server. `extra_body` is added to every request unchanged.
    `reasoning` maps a word of `reasoning_effort` to the fields that this server expects for it.
    """

    backend: Literal["openai"]
    model: str
    base_url: str | None = None
    api_key_env: str | None = None
    key_over_http: bool = Field(default=False, description="Send the key unencrypted to another machine")
    api_key_header: Literal["authorization", "api-key"] | None = None
    api_version: str | None = Field(default=None, min_length=1)
    clearance: Label = "public"
    window: int | None = Field(default=None, gt=0)
    tokenizer: Literal["cl100k", "o200k"] | None = None
    max_parallel: int = Field(default=64, gt=0)
    connect_timeout: float = Field(default=5.0, gt=0)
    read_timeout: float = Field(default=60.0, gt=0)
    total_timeout: float = Field(default=300.0, gt=0)
    max_retries: int = Field(default=4, ge=0)
    price_in: float | None = Field(default=None, ge=0, description="US dollars per million prompt tokens")
    price_cached: float | None = Field(
        default=None,
        ge=0,
        description="US dollars per million prompt tokens that the server took from its prompt cache",
    )
    price_out: float | None = Field(default=None, ge=0, description="US dollars per million new tokens")
    capabilities: Mapping[str, bool] = {}
    reasoning_effort: str | None = Field(default=None, min_length=1)
    reasoning: Mapping[str, Mapping[str, Any]] = {}
    extra_body: Mapping[str, Any] = {}
    scan: ScanPolicy | None = None

    @field_validator("extra_body", "reasoning")
    @classmethod
    def _none_of_ours(cls, value: Mapping[str, Any], info: ValidationInfo) -> Mapping[str, Any]:
        # Otherwise a field would be sent twice, or change the answer without being part of the key in the run store.
        for fields in value.values() if info.field_name == "reasoning" else (value,):
            for name in fields:
                if name in _SENT:
                    raise ValueError(f"`{name}` is sent by promptlab itself: {_SENT[name]}")
            try:
                json.dumps(fields, allow_nan=False)
            except (TypeError, ValueError) as exc:
                raise ValueError(f"it cannot be written as JSON: {exc}") from exc
        return value

    @field_validator("api_key_env")
    @classmethod
    def _a_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            # The value may be a key, so the message does not show it.
            raise ValueError("should be the name of an environment variable, such as OPENAI_API_KEY, not a key itself")
        if value is not None and not KEY_NAME.fullmatch(value):
            raise ValueError(f"`{value}` does not look like a key: such variables end in _API_KEY or _TOKEN")
        return value


ModelEntry = Annotated[LlamaModel | OpenAIModel, Field(discriminator="backend")]

"""The dimensions of model families, by name, and of a model by its config.json of Hugging Face.

    family("meta-llama/Llama-2-70b-hf").layers     # 80; a row of families.toml
    family_of_config({"model_type": "qwen3", …}, "config.json")

Only what is known exactly is sized: a config.json of a kind that is not listed here is refused, because one field that
changes the shape of the weights would make every figure wrong.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from promptlab.errors import InputError, nearest

LIST = Path(__file__).with_name("families.toml")
SUFFIXES = re.compile(r"(?:-(?:hf|instruct|chat|it|pt|base|text|gguf|v\d+|\d{4}))+$")
"""Endings of names that say how a model was tuned or stored, not how large it is."""


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture of experts: `count` of them in a layer, `used` for a token, each `hidden` wide. The first `dense`
    layers have none; `shared` ones are always used."""

    count: int
    used: int
    hidden: int
    dense: int = 0
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Latent:
    """Multi-head latent attention: `keys` numbers that stand for keys and values, `rope` and `plain` numbers of a key
    with and without position, `value` of a value; queries are compressed to `query` (0: not at all)."""

    keys: int
    rope: int
    plain: int
    value: int
    query: int = 0


@dataclass(frozen=True, slots=True)
class Recurrent:
    """A gated delta net in all layers but each `every`-th: its convolution `kernel`, heads, and the size of a head."""

    kernel: int
    heads_k: int
    heads_v: int
    head: int
    every: int


@dataclass(frozen=True, slots=True)
class Family:
    """The dimensions of a model. `kind` is the `model_type` of its config.json. `window` is that of layers with a
    sliding window, all but each `window_every`-th. With `vision`, the model has a part that sees pictures, which is a
    file of its own. `published_in` is how its weights are quantised as they are published; "" if they have 16 bits.
    `parameters` is the published figure, as a text."""

    name: str
    kind: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    ffn: int
    vocab: int
    context: int
    tied: bool
    head_dim: int = 0
    window: int = 0
    window_every: int = 0
    experts: Experts | None = None
    latent: Latent | None = None
    recurrent: Recurrent | None = None
    vision: bool = False
    published_in: str = ""
    parameters: str = ""
    source: str = ""

    @property
    def head_size(self) -> int:
        """Numbers of one head."""
        return self.head_dim or self.hidden // self.heads


KINDS = frozenset(
    {
        *("llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen3_moe", "gemma2", "gemma3_text", "phi-msft", "phi3"),
        *("deepseek_v3", "gpt_oss", "qwen3_5_text"),
    }
)
"""Kinds of models whose tensors are known here."""
_ALIASES = {"phi": "phi-msft", "gemma3": "gemma3_text", "qwen3_5": "qwen3_5_text"}


@cache
def families() -> Mapping[str, Family]:
    """All families by name, in the order of the file."""
    rows = tomllib.loads(LIST.read_text("utf-8"))["families"]
    return {row["name"]: _family(row) for row in rows}


def _family(row: Mapping[str, Any]) -> Family:
    parts = {"experts": Experts, "latent": Latent, "recurrent": Recurrent}
    return Family(**{key: parts[key](**value) if key in parts else value for key, value in row.items()})


def family(name: str) -> Family:
    """The family `name`, with or without its owner and endings such as `-Instruct`.

    Raises:
        InputError: there is no such family; the hint names the nearest.
    """
    known = {_words("".join(_bare(each))): found for each, found in families().items()}
    bare, version = _bare(name)
    # A version may be another model: Mistral-7B-v0.1 and v0.3 have different vocabularies, and stand under both names.
    found = known.get(_words(bare + version)) or known.get(_words(bare))
    if found is None:
        wanted = _words(bare)
        near = [each.name for words, each in known.items() if wanted and _begins(words, wanted)]
        raise InputError(
            f"`{name}` is no model of promptlab.yaml, no file, and no family whose dimensions are known here",
            hint=f"name one: {', '.join(near)}" if near else _hint(name),
        )
    return found


def _hint(name: str) -> str:
    near = nearest(name, families())
    if near.startswith("did you mean"):
        return near
    kinds = ", ".join({each.partition("-")[0].lower(): each.partition("-")[0] for each in sorted(families())}.values())
    return f"give a GGUF file, its address, a config.json, or the name of a model of {kinds}"


def _begins(words: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """True if a name begins with the words of another, of the last one its beginning: llama3 of Llama-3.1-8B."""
    *first, last = wanted
    return len(words) >= len(wanted) and [*words[: len(first)]] == first and words[len(first)].startswith(last)


def _words(name: str) -> tuple[str, ...]:
    """The words and numbers of a name, so that llama2:70b and Llama-2-70b are the same."""
    return tuple(re.findall(r"\d+(?:\.\d+)?|[^\W\d_]+", name))


def _bare(name: str) -> tuple[str, str]:
    """A name without its owner and endings, and its version such as `-v0.3`."""
    own = re.sub(r"[\s_:]+", "-", name.strip().rpartition("/")[2].lower())
    own = own.removeprefix("meta-")
    version = re.search(r"-v\d+\.\d+", own)
    return SUFFIXES.sub("", own.replace(version[0], "") if version else own), version[0] if version else ""


def family_of_config(config: Mapping[str, Any], name: str) -> Family:
    """The dimensions in a config.json of Hugging Face.

    Raises:
        InputError: a field is missing or no number, or the kind of model is not known here.
    """
    text = config.get("text_config")
    own = {**text} if isinstance(text, Mapping) else dict(config)
    kind = str(own.get("model_type", config.get("model_type", "")))
    kind = _ALIASES.get(kind, kind)
    if kind not in KINDS:
        raise InputError(
            f"{name}: a model of the kind `{kind or 'unknown'}` cannot be sized from its config.json",
            hint=f"give its GGUF file or the address of one; known kinds: {', '.join(sorted(KINDS))}",
        )
    reader = _Config(own, name)
    heads, layers = reader.count("num_attention_heads"), reader.count("num_hidden_layers")
    window, every = _window(kind, own, reader)
    # What a config.json leaves out is what the library of its model type takes then.
    tied = own.get("tie_word_embeddings", config.get("tie_word_embeddings", kind in ("gemma2", "gemma3_text")))
    return Family(
        name=name,
        kind=kind,
        layers=layers,
        hidden=reader.count("hidden_size"),
        heads=heads,
        kv_heads=reader.count("num_key_value_heads", heads),
        head_dim=reader.count("head_dim", 256 if kind.startswith("gemma") else 0) if "head_dim" in own else 0,
        ffn=reader.count("intermediate_size"),
        vocab=reader.count("vocab_size"),
        context=reader.count("max_position_embeddings"),
        tied=bool(tied),
        window=window,
        window_every=every,
        experts=_experts(kind, reader),
        latent=_latent(reader) if kind == "deepseek_v3" else None,
        recurrent=_recurrent(reader) if kind == "qwen3_5_text" else None,
        vision=isinstance(config.get("vision_config"), Mapping),
        published_in=_published_in(config),
        source=name,
    )


def _published_in(config: Mapping[str, Any]) -> str:
    way = config.get("quantization_config")
    return str(way.get("quant_method", "fewer bits"))[:20] if isinstance(way, Mapping) else ""


@dataclass(frozen=True, slots=True)
class _Config:
    """Reads whole numbers of a config.json."""

    fields: Mapping[str, Any]
    name: str

    def count(self, field: str, default: int | None = None) -> int:
        value = self.fields.get(field)
        if value is None:
            value = default
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
            what = "is missing" if value is None else f"is {value!r}, which is no size"
            raise InputError(f"{self.name}: the field `{field}` {what}", hint="is it the config.json of a model?")
        return value


def _window(kind: str, own: Mapping[str, Any], reader: _Config) -> tuple[int, int]:
    """The sliding window and each how many layers there is one without; (0, 0) if llama.cpp uses none."""
    every = {"gemma2": 2, "gemma3_text": 6, "gpt_oss": 2}.get(kind)
    if every is None or own.get("sliding_window") is None:
        return 0, 0
    types = own.get("layer_types")
    if isinstance(types, list) and "full_attention" in types:
        every = types.index("full_attention") + 1
    return reader.count("sliding_window"), reader.count("sliding_window_pattern", every)


def _experts(kind: str, reader: _Config) -> Experts | None:
    if kind in ("mixtral", "gpt_oss"):
        count, used = reader.count("num_local_experts"), reader.count("num_experts_per_tok")
        return Experts(count, used, reader.count("intermediate_size"))
    if kind == "qwen3_moe":
        count, used = reader.count("num_experts"), reader.count("num_experts_per_tok")
        return Experts(count, used, reader.count("moe_intermediate_size"))
    if kind == "deepseek_v3":
        return Experts(
            reader.count("n_routed_experts"),
            reader.count("num_experts_per_tok"),
            reader.count("moe_intermediate_size"),
            reader.count("first_k_dense_replace", 0),
            reader.count("n_shared_experts", 0),
        )
    return None


def _latent(reader: _Config) -> Latent:
    return Latent(
        reader.count("kv_lora_rank"),
        reader.count("qk_rope_head_dim"),
        reader.count("qk_nope_head_dim"),
        reader.count("v_head_dim"),
        reader.count("q_lora_rank", 0),
    )


def _recurrent(reader: _Config) -> Recurrent:
    return Recurrent(
        reader.count("linear_conv_kernel_dim", 4),
        reader.count("linear_num_key_heads"),
        reader.count("linear_num_value_heads"),
        reader.count("linear_key_head_dim"),
        reader.count("full_attention_interval", 4),
    )


FIELDS = tuple(each.name for each in fields(Family))

__all__ = ["FIELDS", "KINDS", "Experts", "Family", "Latent", "Recurrent", "families", "family", "family_of_config"]

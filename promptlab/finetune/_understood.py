"""Which models can be trained here: their shape in the words of transformers, and a refusal of all others.

    head = read_head(Path("SmolLM2-135M-Instruct.Q4_1.gguf"))     # raises FinetuneError for what is not understood
    config_of(Meta(head))                                          # a LlamaConfig
    names_in_transformers(Meta(head))["blk.0.attn_q.weight"]       # model.layers.0.self_attn.q_proj.weight

What llama.cpp does with a key and transformers would not is refused, never left out: the adapter would be trained for
another model than the one that answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab.errors import FinetuneError
from promptlab.models import GgufHead, NotGGUF, read_gguf

ARCHITECTURES = ("llama", "gemma3")
"""The architectures whose weights are understood. Others are refused: a wrong order of rows gives a wrong adapter."""
ROPE_FREQS = "rope_freqs.weight"
"""What Llama 3 divides the frequencies of its positions by."""
_LARGEST_GEMMA = 62
"""The number of blocks of Gemma 3 27B, by which llama.cpp knows that its attention is scaled otherwise."""


class Meta:
    """The values of a GGUF file that make the shape of the model."""

    def __init__(self, head: GgufHead) -> None:
        self._head = head
        self.architecture = head.architecture
        self.tensors = {tensor.name: tensor for tensor in head.tensors}
        self.blocks, self.heads = self.whole("block_count"), self.whole("attention.head_count")
        self.key_value_heads = self.whole("attention.head_count_kv", self.heads)
        self.width = self.whole("embedding_length")
        self.head = self.whole("attention.key_length", self.width // max(1, self.heads))

    @property
    def words(self) -> int:
        """How many tokens the vocabulary has."""
        return self._head.lists.get("tokenizer.ggml.tokens", 0)

    def own(self, key: str, default: Any = None) -> Any:
        """A value whose key begins with the architecture's name. A list with the same number for each block is that
        number."""
        numbers = self._head.numbers.get(f"{self.architecture}.{key}", ())
        if numbers and len(set(numbers)) > 1:
            raise FinetuneError(f"`{self.architecture}.{key}` differs between its blocks, which is not understood")
        value = numbers[0] if numbers else self._head.meta.get(f"{self.architecture}.{key}")
        return default if value is None else value

    def whole(self, key: str, default: int | None = None) -> int:
        """A number without a fraction."""
        return int(self.number(key, default))

    def number(self, key: str, default: float | None = None) -> float:
        """A number. Raises `FinetuneError` if there is none."""
        value = self.own(key, default)
        if value is None:
            raise FinetuneError(f"it has no `{self.architecture}.{key}`", hint="is it a whole GGUF file?")
        if not isinstance(value, int | float):
            raise FinetuneError(f"`{self.architecture}.{key}` is no number", hint="the file is damaged")
        return value

    def window_layers(self) -> list[bool]:
        """For each block, True if it sees the sliding window only. llama.cpp reads the key in the same way."""
        key = "attention.sliding_window_pattern"
        if not self.whole("attention.sliding_window", 0):
            return [False] * self.blocks
        listed = self._head.numbers.get(f"{self.architecture}.{key}")
        if listed is not None:
            return [bool(one) for one in listed]
        every = self.whole(key, 6)
        return [every == 0 or layer % every < every - 1 for layer in range(self.blocks)]


@dataclass(frozen=True)
class _Problem:
    text: str
    hint: str = ""


def read_head(path: Path) -> GgufHead:
    """The head of a model that can be trained here; needs no library. Raises `FinetuneError` for any other file."""
    try:
        head = read_gguf(path)
    except NotGGUF as exc:
        raise FinetuneError(f"cannot be read as a model: {exc}", file=path.name) from exc
    except OSError as exc:
        raise FinetuneError(f"cannot be read: {exc.strerror}", file=path.name) from exc
    try:
        problem = next(_problems(path, head), None)
    except FinetuneError as exc:  # of a single key, which does not know the file
        problem = _Problem(exc.message, exc.hint)
    if problem is not None:
        raise FinetuneError(problem.text, file=path.name, hint=problem.hint)
    return head


def _problems(path: Path, head: GgufHead) -> Iterator[_Problem]:
    """Why no adapter can be trained for the file, most telling first: what comes later may rely on what is before."""
    with path.open("rb") as file:
        if file.read(6)[4:] == b"\0\0":  # the version, a small number, has its first bytes last
            yield _Problem("its numbers are in the other byte order (big-endian)")
    if head.meta.get("split.count", 1) not in (0, 1):
        yield _Problem("it is one of several parts", "join them with llama.cpp's gguf-split --merge")
    kind = head.meta.get("general.type", "model")
    if kind != "model":
        yield _Problem(f"it is no model: its general.type is {kind}", "name the file of the base model")
    if head.architecture not in ARCHITECTURES:
        named = f"its architecture is {head.architecture}" if head.architecture else "it names no architecture"
        known = " and ".join(ARCHITECTURES)
        yield _Problem(f"{named}; its weights are not understood", f"an adapter can be trained for {known}")
    meta = Meta(head)
    if meta.own("expert_count") or any("_exps." in name or "ffn_gate_inp" in name for name in meta.tensors):
        yield _Problem("it is a mixture of experts, which cannot be trained here")
    yield from _of_positions(meta)
    yield from _of_attention(meta)
    yield from _of_tensors(meta)
    _Numbers.of(meta)


def _of_positions(meta: Meta) -> Iterator[_Problem]:
    """What llama.cpp does with positions, and the configuration cannot say."""
    factors = [meta.number(f"rope.{key}", 1.0) for key in ("scaling.factor", "scale_linear", "scaling.attn_factor")]
    scales = any(factor not in (0.0, 1.0) for factor in factors) or meta.number("rope.scaling.alpha", 0.0)
    long = any("rope_factors" in name for name in meta.tensors)
    if meta.own("rope.scaling.type", "none") not in ("none", "linear") or scales or long:
        yield _Problem("it scales its positions (rope scaling), which is not understood")
    if any(meta.own(f"rope.{key}", meta.head) != meta.head for key in ("dimension_count", "dimension_count_swa")):
        yield _Problem("only a part of each head has positions, which is not understood")


def _of_attention(meta: Meta) -> Iterator[_Problem]:
    lengths = [
        meta.own(f"attention.{key}", meta.head) for key in ("value_length", "key_length_swa", "value_length_swa")
    ]
    if any(length != meta.head for length in lengths):
        yield _Problem("its keys and values have different lengths, which is not understood")
    counts = (meta.blocks, meta.heads, meta.key_value_heads, meta.head)
    if not all(0 < count < 1 << 16 for count in counts) or meta.heads % meta.key_value_heads or meta.head % 2:
        yield _Problem("its numbers of blocks and heads do not fit together", "the file is damaged")
    elif (listed := len(meta.window_layers())) != meta.blocks:
        yield _Problem(f"its sliding windows are listed for {listed} blocks, and it has {meta.blocks}")
    if not meta.own("attention.causal", True):
        yield _Problem("its attention looks ahead, as that of an embedding model, which cannot be trained here")


def _of_tensors(meta: Meta) -> Iterator[_Problem]:
    if meta.own("nextn_predict_layers"):
        yield _Problem("it has layers that predict further tokens, which are not understood")
    if not meta.words:
        yield _Problem("it has no vocabulary", "is it a whole GGUF file?")
    names = names_in_transformers(meta)
    unknown = [name for name in meta.tensors if name not in names and name not in _OTHER[meta.architecture]]
    if unknown:
        yield _Problem(f"it has weights that are not understood: {', '.join(unknown[:3])}")
    needed = [name for name in names if name.endswith(".weight") and name != "output.weight"]
    missing = [name for name in needed if name not in meta.tensors]
    if missing:
        yield _Problem(f"it has no weights {', '.join(missing[:3])}", "is it a whole GGUF file?")


@dataclass(frozen=True)
class _Numbers:
    """The other numbers of a model; reading them raises `FinetuneError` if one is missing or no number."""

    inner: int
    context: int
    norm: float
    base: float
    window_base: float
    window: int
    cap: float

    @classmethod
    def of(cls, meta: Meta) -> _Numbers:
        return cls(
            inner=meta.whole("feed_forward_length"),
            context=meta.whole("context_length"),
            norm=meta.number("attention.layer_norm_rms_epsilon"),
            base=meta.number("rope.freq_base", 10_000.0),
            window_base=meta.number("rope.freq_base_swa", 10_000.0),
            window=meta.whole("attention.sliding_window", 0),
            cap=meta.number("final_logit_softcapping", 0.0),
        )


def config_of(meta: Meta) -> Any:
    """The configuration of transformers for the model."""
    from transformers import Gemma3TextConfig, LlamaConfig

    numbers = _Numbers.of(meta)
    common: dict[str, Any] = {
        "vocab_size": meta.words,
        "hidden_size": meta.width,
        "intermediate_size": numbers.inner,
        "num_hidden_layers": meta.blocks,
        "num_attention_heads": meta.heads,
        "num_key_value_heads": meta.key_value_heads,
        "head_dim": meta.head,
        "rms_norm_eps": numbers.norm,
        "max_position_embeddings": numbers.context,
        "tie_word_embeddings": "output.weight" not in meta.tensors,
        "attention_bias": _has_bias(meta, "attn_"),
    }
    rope = {"rope_type": "default", "rope_theta": numbers.base}
    if meta.architecture == "llama":
        return LlamaConfig(**common, mlp_bias=_has_bias(meta, "ffn_"), rope_parameters=rope)
    return Gemma3TextConfig(
        **common,
        sliding_window=numbers.window or numbers.context,
        query_pre_attn_scalar=meta.width // meta.heads if meta.blocks == _LARGEST_GEMMA else meta.head,
        final_logit_softcapping=numbers.cap or None,
        layer_types=["sliding_attention" if one else "full_attention" for one in meta.window_layers()],
        rope_parameters={"full_attention": rope, "sliding_attention": {**rope, "rope_theta": numbers.window_base}},
    )


def _has_bias(meta: Meta, kind: str) -> bool:
    return any(name.endswith(".bias") and name.split(".")[-2].startswith(kind) for name in meta.tensors)


_OUTSIDE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_MATRICES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_NORMS = {
    "llama": {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"},
    "gemma3": {
        "attn_norm": "input_layernorm",
        "attn_q_norm": "self_attn.q_norm",
        "attn_k_norm": "self_attn.k_norm",
        "post_attention_norm": "post_attention_layernorm",
        "ffn_norm": "pre_feedforward_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
}
_BIASED = {"llama": tuple(_MATRICES), "gemma3": ("attn_q", "attn_k", "attn_v")}
"""The matrices whose bias llama.cpp reads."""
_OTHER = {"llama": (ROPE_FREQS,), "gemma3": ()}
"""What is understood, and is no weight."""


def names_in_transformers(meta: Meta) -> dict[str, str]:
    """The names of the weights in transformers, by their names in GGUF."""
    inside = {f"{own}.weight": f"{theirs}.weight" for own, theirs in (_MATRICES | _NORMS[meta.architecture]).items()}
    inside |= {f"{own}.bias": f"{_MATRICES[own]}.bias" for own in _BIASED[meta.architecture]}
    return _OUTSIDE | {
        f"blk.{layer}.{own}": f"model.layers.{layer}.{theirs}"
        for layer in range(meta.blocks)
        for own, theirs in inside.items()
    }


__all__ = ["ARCHITECTURES", "ROPE_FREQS", "Meta", "config_of", "names_in_transformers", "read_head"]

"""The tensors of a family as llama.cpp loads them, and the keys of its GGUF file.

    weights_of(family)[:2]       # [Weight("token_embd.weight", (8192, 32000)), Weight("output_norm.weight", (8192,))]
    keys_of(family)              # {"general.architecture": "llama", "llama.block_count": 80, …}

The number of parameters is the sum of these tensors, and a file with these keys can be laid out by llama.cpp itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from promptlab.sizing._families import Experts, Family, Latent, Recurrent

ARCHITECTURES = {
    **dict.fromkeys(("llama", "mistral", "mixtral"), "llama"),
    **{"qwen2": "qwen2", "qwen3": "qwen3", "qwen3_moe": "qwen3moe", "gemma2": "gemma2", "gemma3_text": "gemma3"},
    **{"phi-msft": "phi2", "phi3": "phi3", "deepseek_v3": "deepseek2", "gpt_oss": "gpt-oss", "qwen3_5_text": "qwen35"},
}
"""The name of each kind of model in GGUF files."""
_NORM_OF_HEADS = frozenset({"qwen3", "qwen3moe", "gemma3"})
_NORMS_BEHIND = frozenset({"gemma2", "gemma3"})


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor by its name and sizes, columns first."""

    name: str
    sizes: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many numbers it has."""
        return prod(self.sizes)

    @property
    def stays_exact(self) -> bool:
        """True if it is kept in 32 bits: a vector, the router of experts, or a short convolution."""
        return len(self.sizes) == 1 or "ffn_gate_inp" in self.name or "ssm_conv1d" in self.name


def weights_of(family: Family) -> list[Weight]:
    """Every tensor of the model."""
    return list(_weights(family))


def parameters_of(family: Family) -> int:
    """How many parameters it has, tied weights counted once."""
    return sum(weight.count for weight in _weights(family))


def _weights(family: Family) -> Iterator[Weight]:
    hidden, arch = family.hidden, ARCHITECTURES[family.kind]
    yield Weight("token_embd.weight", (hidden, family.vocab))
    yield Weight("output_norm.weight", (hidden,))
    if not family.tied:
        yield Weight("output.weight", (hidden, family.vocab))
    if arch == "phi2":
        yield from (Weight("output_norm.bias", (hidden,)), Weight("output.bias", (family.vocab,)))
    for layer in range(family.layers):
        for name, sizes in (*_attention(family, arch, layer), *_network(family, arch, layer)):
            yield Weight(f"blk.{layer}.{name}", sizes)


Named = tuple[str, tuple[int, ...]]


def _attention(family: Family, arch: str, layer: int) -> Iterator[Named]:
    hidden, head = family.hidden, family.head_size
    queries, keys = family.heads * head, family.kv_heads * head
    yield "attn_norm.weight", (hidden,)
    if family.latent:
        yield from _latent(family, family.latent)
        return
    if family.recurrent:
        yield "post_attention_norm.weight", (hidden,)
        if (layer + 1) % family.recurrent.every:
            yield from _delta_net(family.recurrent, hidden)
            return
        queries *= 2  # half of them gate the answer
    if arch == "phi3":
        yield "attn_qkv.weight", (hidden, queries + 2 * keys)
    else:
        yield from (("attn_q.weight", (hidden, queries)), ("attn_k.weight", (hidden, keys)))
        yield "attn_v.weight", (hidden, keys)
    yield "attn_output.weight", (family.heads * head, hidden)
    if arch in ("qwen2", "phi2", "gpt-oss"):
        yield from (("attn_q.bias", (queries,)), ("attn_k.bias", (keys,)), ("attn_v.bias", (keys,)))
    if arch in ("phi2", "gpt-oss"):
        yield "attn_output.bias", (hidden,)
    if arch == "phi2":
        yield "attn_norm.bias", (hidden,)
    if arch == "gpt-oss":
        yield from (("attn_sinks.weight", (family.heads,)), ("post_attention_norm.weight", (hidden,)))
    if arch in _NORM_OF_HEADS or family.recurrent:
        yield from (("attn_q_norm.weight", (head,)), ("attn_k_norm.weight", (head,)))
    if arch in _NORMS_BEHIND:
        yield "post_attention_norm.weight", (hidden,)


def _latent(family: Family, latent: Latent) -> Iterator[Named]:
    hidden, heads = family.hidden, family.heads
    per_head = latent.rope + latent.plain
    if latent.query:
        yield "attn_q_a_norm.weight", (latent.query,)
        yield "attn_q_a.weight", (hidden, latent.query)
        yield "attn_q_b.weight", (latent.query, heads * per_head)
    else:
        yield "attn_q.weight", (hidden, heads * per_head)
    yield "attn_kv_a_norm.weight", (latent.keys,)
    yield "attn_kv_a_mqa.weight", (hidden, latent.keys + latent.rope)
    yield "attn_k_b.weight", (latent.plain, latent.keys, heads)
    yield "attn_v_b.weight", (latent.keys, latent.value, heads)
    yield "attn_output.weight", (heads * latent.value, hidden)


def _delta_net(net: Recurrent, hidden: int) -> Iterator[Named]:
    values = net.heads_v * net.head
    inner = 2 * net.heads_k * net.head + values
    yield "attn_qkv.weight", (hidden, inner)
    yield "attn_gate.weight", (hidden, values)
    yield "ssm_conv1d.weight", (net.kernel, inner)
    yield from (("ssm_dt.bias", (net.heads_v,)), ("ssm_a", (net.heads_v,)), ("ssm_norm.weight", (net.head,)))
    yield from (("ssm_beta.weight", (hidden, net.heads_v)), ("ssm_alpha.weight", (hidden, net.heads_v)))
    yield "ssm_out.weight", (values, hidden)


def _network(family: Family, arch: str, layer: int) -> Iterator[Named]:
    hidden, ffn = family.hidden, family.ffn
    if arch not in ("phi2", "gpt-oss") and not family.recurrent:
        yield "ffn_norm.weight", (hidden,)
    if arch in _NORMS_BEHIND:
        yield "post_ffw_norm.weight", (hidden,)
    if family.experts and layer >= family.experts.dense:
        yield from _experts(family.experts, hidden, arch)
    elif arch == "phi2":
        yield from (("ffn_up.weight", (hidden, ffn)), ("ffn_up.bias", (ffn,)))
        yield from (("ffn_down.weight", (ffn, hidden)), ("ffn_down.bias", (hidden,)))
    elif arch == "phi3":
        yield from (("ffn_up.weight", (hidden, 2 * ffn)), ("ffn_down.weight", (ffn, hidden)))
    else:
        yield from (("ffn_gate.weight", (hidden, ffn)), ("ffn_up.weight", (hidden, ffn)))
        yield "ffn_down.weight", (ffn, hidden)


def _experts(experts: Experts, hidden: int, arch: str) -> Iterator[Named]:
    count, inner = experts.count, experts.hidden
    yield "ffn_gate_inp.weight", (hidden, count)
    yield from (("ffn_gate_exps.weight", (hidden, inner, count)), ("ffn_up_exps.weight", (hidden, inner, count)))
    yield "ffn_down_exps.weight", (inner, hidden, count)
    if arch == "gpt-oss":
        yield from (("ffn_gate_inp.bias", (count,)), ("ffn_gate_exps.bias", (inner, count)))
        yield from (("ffn_up_exps.bias", (inner, count)), ("ffn_down_exps.bias", (hidden, count)))
    if arch == "deepseek2":
        yield "exp_probs_b.bias", (count,)
    if experts.shared:
        shared = experts.shared * inner
        yield from (("ffn_gate_shexp.weight", (hidden, shared)), ("ffn_up_shexp.weight", (hidden, shared)))
        yield "ffn_down_shexp.weight", (shared, hidden)


def keys_of(family: Family) -> dict[str, Any]:
    """The keys that a GGUF file of the model has, without a vocabulary."""
    arch, head = ARCHITECTURES[family.kind], family.head_size
    own: dict[str, Any] = {
        "context_length": family.context,
        "embedding_length": family.hidden,
        "block_count": family.layers,
        "feed_forward_length": family.ffn,
        "attention.head_count": family.heads,
        "attention.head_count_kv": 1 if family.latent else family.kv_heads,
        "attention.layer_norm_rms_epsilon": 1e-5,
        "attention.layer_norm_epsilon": 1e-5,
        "attention.key_length": head,
        "attention.value_length": head,
        "rope.dimension_count": head,
        "vocab_size": family.vocab,
    }
    if family.window and arch != "llama":  # llama.cpp knows no window of Mistral
        own["attention.sliding_window"] = family.window
        own["attention.sliding_window_pattern"] = [
            bool((layer + 1) % family.window_every if family.window_every else 1) for layer in range(family.layers)
        ]
    if family.experts:
        own |= {"expert_count": family.experts.count, "expert_used_count": family.experts.used}
        own |= {"expert_feed_forward_length": family.experts.hidden, "expert_shared_count": family.experts.shared}
        own |= {"leading_dense_block_count": family.experts.dense, "expert_weights_scale": 1.0}
    if latent := family.latent:
        own |= {"attention.key_length": latent.keys + latent.rope, "attention.value_length": latent.keys}
        own |= {"attention.key_length_mla": latent.rope + latent.plain, "attention.value_length_mla": latent.value}
        own |= {"attention.kv_lora_rank": latent.keys, "rope.dimension_count": latent.rope}
        own |= {"attention.q_lora_rank": latent.query} if latent.query else {}
    if net := family.recurrent:
        own |= {"ssm.conv_kernel": net.kernel, "ssm.inner_size": net.heads_v * net.head, "ssm.state_size": net.head}
        own |= {"ssm.time_step_rank": net.heads_v, "ssm.group_count": net.heads_k}
        own |= {"full_attention_interval": net.every, "rope.dimension_sections": [11, 11, 10, 0]}
    keys = {f"{arch}.{key}": value for key, value in own.items()}
    return {
        "general.architecture": arch,
        "general.name": family.name,
        **keys,
        "tokenizer.ggml.model": "none",
    }


__all__ = ["ARCHITECTURES", "Weight", "keys_of", "parameters_of", "weights_of"]

"""Refuses GGUF files that cannot answer, by the metadata of the file, before native code loads it.

llama.cpp crashes on some of them (an encoder that shall decode, a model without a KV cache), and with it every other
model in the process ends. So they are refused here by the keys of the file. A kind that has no such key is refused
after loading, by llama.cpp's own information about the model (`refuse_loaded`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from promptlab.errors import EngineFailed
from promptlab.models._gguf import Head, NotGGUF, read_head

ENCODER_DECODER = frozenset({"t5"})
ENCODERS = frozenset(
    {
        *("bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3"),
        *("eurobert", "gemma-embedding", "llama-embed", "t5encoder"),
    }
)
DIFFUSION = frozenset({"dream", "llada", "llada-moe", "rnd1"})
DRAFTS = frozenset({"eagle3", "dflash", "gemma4-assistant"})
SOUND = frozenset({"wavtokenizer-dec", "qwen3tts", "pockettts"})
NO_MODEL = {
    "adapter": ("an adapter (LoRA)", "name it under `lora` of its base model"),
    "mmproj": ("the vision or sound part of a model", "name the model's own file; pictures are not sent here"),
    "imatrix": ("the importance matrix of a model", "name the model's own file"),
    "vocab": ("a vocabulary without weights", "name the model's own file"),
}
"""Values of `general.type` other than `model`."""
NO_TOKENS = frozenset({"none", "no_vocab"})
"""Values of `tokenizer.ggml.model` in files without a tokenizer: llama.cpp crashes on the first text."""
RANK = 4
"""The pooling type of rerankers; 0 is none."""

GENERATE = "choose the file of a model that writes text"


def refuse_other_kinds(path: Path) -> None:
    """Refuse a file that is not a model that writes text. A file that cannot be read passes: llama.cpp reports it.

    Raises:
        EngineFailed: it is another kind of file; the message names the kind.
    """
    try:
        head = read_head(path)
    except (NotGGUF, OSError):
        return
    kind = other_kind(head)
    if kind:
        what, hint = kind
        raise EngineFailed(f"{path.name} is {what}, which cannot answer", hint=hint)


def other_kind(head: Head) -> tuple[str, str] | None:
    """The kind of file, and what to do; None for a model that writes text."""
    kind, of = str(head.meta.get("general.type", "model")), head.of_architecture
    if kind in NO_MODEL:
        return NO_MODEL[kind]
    architecture = head.architecture
    if architecture == "clip":
        return NO_MODEL["mmproj"]
    if architecture in ENCODER_DECODER:
        return f"an encoder-decoder model ({architecture})", GENERATE
    pooling = of("pooling_type")
    if pooling == RANK or any(tensor.name.startswith("cls.") for tensor in head.tensors):
        return f"a model that ranks or classifies texts ({architecture})", GENERATE
    if architecture in ENCODERS or (isinstance(pooling, int) and pooling > 0):
        return f"a model that makes embeddings ({architecture})", GENERATE
    if architecture in DIFFUSION:
        return f"a model that writes by diffusion ({architecture})", GENERATE
    if of("attention.causal") is False:
        return f"a model that reads in both directions ({architecture})", GENERATE
    if architecture in DRAFTS:
        return f"the drafting part of another model ({architecture})", "name the file of that other model"
    if architecture in SOUND:
        return f"a model that makes sound ({architecture})", GENERATE
    if architecture and not head.tensors and not head.meta.get("split.count"):
        return NO_MODEL["vocab"]
    if head.meta.get("tokenizer.ggml.model") in NO_TOKENS:
        return f"a model without a tokenizer ({architecture})", "convert the model again, with its tokenizer"
    return None


def refuse_loaded(lib: Any, model: Any, path: Path) -> None:
    """Refuse a loaded model that cannot answer, by llama.cpp's own information.

    Raises:
        EngineFailed: it has an encoder, or writes by diffusion.
    """
    if lib.llama_model_has_encoder(model) or not lib.llama_model_has_decoder(model):
        raise EngineFailed(f"{path.name} has an encoder, which is not supported", hint=GENERATE)
    if lib.llama_model_is_diffusion(model):
        raise EngineFailed(f"{path.name} writes by diffusion, not one token after the other", hint=GENERATE)


__all__ = ["other_kind", "refuse_loaded", "refuse_other_kinds"]

"""Kinds of GGUF files that cannot answer: told by what the file says of itself, before native code is given it.

llama.cpp ends its whole process over some of them (an encoder that is asked to decode, a model without a memory), and
with it every other model loaded there. So they are refused here in words, by the file's own keys; what has no key that
tells is refused after loading, by what llama.cpp says of the model (`refuse_loaded`).
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
"""What `general.type` may say other than `model`."""
NO_TOKENS = frozenset({"none", "no_vocab"})
"""What `tokenizer.ggml.model` says of a file that knows no words: llama.cpp ends its process over the first text."""
RANK = 4
"""The pooling type of rerankers; 0 is none."""

GENERATE = "only models that write text can be asked; choose another file"


def refuse_other_kinds(path: Path) -> None:
    """Refuse a file that is no model which writes text. What cannot be read at all is left to llama.cpp's own words.

    Raises:
        EngineFailed: it is of another kind, which is said.
    """
    try:
        head = read_head(path)
    except (NotGGUF, OSError):
        return
    found = other_kind(head)
    if found:
        what, hint = found
        raise EngineFailed(f"{path.name} is {what}, which cannot answer", hint=hint)


def other_kind(head: Head) -> tuple[str, str] | None:
    """What the file is, and what to do; None for a model that writes text."""
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
    """The same of a model that is loaded, by what llama.cpp says of it.

    Raises:
        EngineFailed: it has an encoder, or writes by diffusion.
    """
    if lib.llama_model_has_encoder(model) or not lib.llama_model_has_decoder(model):
        raise EngineFailed(f"{path.name} has an encoder, whose text nothing here can give it", hint=GENERATE)
    if lib.llama_model_is_diffusion(model):
        raise EngineFailed(f"{path.name} writes by diffusion, not one token after the other", hint=GENERATE)


__all__ = ["other_kind", "refuse_loaded", "refuse_other_kinds"]

"""Kinds of files that cannot answer are refused in words, and take no loaded model with them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import EngineFailed
from promptlab.models._catalogue import Catalogue
from promptlab.models._gguf import read_head
from promptlab.models._llama._unsupported import other_kind, refuse_other_kinds
from promptlab.models._llama._workers import WORKERS
from promptlab.types import Completion, Message, Params, Prompt, Request
from promptlab.workspace._workspace import LlamaModel, Workspace
from tests.gguf_made import tiny, tiny_meta, tiny_tensors, write

pytest.importorskip("llama_cpp")

ASK = Request("m", Prompt((Message("user", "Who won?"),)), Params(max_tokens=8))


def meta(architecture: str = "llama", **more: Any) -> dict[str, Any]:
    """The keys of a file of `architecture`; dots in names of `more` are written as two underlines."""
    keys = {key.replace("llama.", f"{architecture}."): value for key, value in tiny_meta().items()}
    return keys | {"general.architecture": architecture} | {k.replace("__", "."): v for k, v in more.items()}


WEIGHTS = tiny_tensors(1)
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "t5": (meta("t5"), WEIGHTS, "an encoder-decoder model (t5)"),
    "t5 encoder": (meta("t5encoder"), WEIGHTS, "a model that makes embeddings (t5encoder)"),
    **{
        name: (meta(name), WEIGHTS, f"a model that makes embeddings ({name})")
        for name in (
            *("bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3"),
            *("eurobert", "gemma-embedding", "llama-embed"),
        )
    },
    **{
        f"pooling {number}": (meta("qwen3", qwen3__pooling_type=number), WEIGHTS, what)
        for number, what in (
            *((n, "a model that makes embeddings (qwen3)") for n in (1, 2, 3)),
            (4, "a model that ranks or classifies texts (qwen3)"),
        )
    },
    "a reranker": (
        meta("bert"),
        {**WEIGHTS, "cls.weight": [[0.0] * 8]},
        "a model that ranks or classifies texts (bert)",
    ),
    "no causal attention": (meta(llama__attention__causal=False), WEIGHTS, "a model that reads in both directions"),
    **{
        name: (meta(name), WEIGHTS, f"a model that writes by diffusion ({name})")
        for name in ("dream", "llada", "llada-moe", "rnd1")
    },
    **{
        name: (meta(name), WEIGHTS, f"the drafting part of another model ({name})")
        for name in ("eagle3", "dflash", "gemma4-assistant")
    },
    "a vocoder": (meta("wavtokenizer-dec"), WEIGHTS, "a model that makes sound (wavtokenizer-dec)"),
    "clip": (meta("clip"), WEIGHTS, "the vision or sound part of a model"),
    "mmproj": (meta("clip", general__type="mmproj"), WEIGHTS, "the vision or sound part of a model"),
    "a LoRA": (meta(general__type="adapter"), WEIGHTS, "an adapter (LoRA)"),
    "an importance matrix": (meta(general__type="imatrix"), WEIGHTS, "the importance matrix of a model"),
    "no tokenizer": (meta(tokenizer__ggml__model="none"), WEIGHTS, "a model without a tokenizer (llama)"),
    "no words": (meta(tokenizer__ggml__model="no_vocab"), WEIGHTS, "a model without a tokenizer (llama)"),
    "a vocabulary": (meta(), {}, "a vocabulary without weights"),
}


@pytest.fixture
def house(tmp_path: Path):
    """A catalogue of a model that answers beside a file named `other.gguf`."""
    tiny(tmp_path / "good.gguf")
    models = {
        "good": LlamaModel(backend="llama", path="good.gguf"),
        "other": LlamaModel(backend="llama", path="other.gguf"),
    }
    catalogue = Catalogue(Workspace(tmp_path, models, {}), {"PROMPTLAB_CACHE": str(tmp_path / "cache")})
    yield catalogue
    catalogue.close()


def ask(catalogue: Catalogue, name: str) -> Completion:
    *_, last = catalogue.backend(name).complete(ASK, threading.Event())
    assert isinstance(last, Completion)
    return last


def test_every_other_kind_is_refused_in_words_and_the_loaded_model_stays(house: Catalogue, tmp_path: Path) -> None:
    text = ask(house, "good").text
    before = WORKERS.pid
    for name, (keys, tensors, words) in KINDS.items():
        write(tmp_path / "other.gguf", keys, tensors)
        status = house.status("other")
        assert not status.ready, name
        assert f"other.gguf is {words}" in status.reason, name
        with pytest.raises(EngineFailed) as caught:
            ask(house, "other")
        assert words in str(caught.value), name
        assert caught.value.hint, name
    assert house.status("good").loaded
    assert WORKERS.pid == before is not None
    assert ask(house, "good").text == text


@pytest.mark.parametrize("pooling", [{}, {"llama__pooling_type": 0}, {"general__type": "model"}])
def test_a_model_that_writes_is_let_through(tmp_path: Path, pooling: dict[str, Any]) -> None:
    assert other_kind(read_head(write(tmp_path / "m.gguf", meta(**pooling), WEIGHTS))) is None


def test_what_cannot_be_read_is_left_to_llama_cpp(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"no model")
    refuse_other_kinds(tmp_path / "m.gguf")
    refuse_other_kinds(tmp_path / "gone.gguf")


def test_a_new_architecture_is_an_error_with_a_reason(house: Catalogue, tmp_path: Path) -> None:
    write(tmp_path / "other.gguf", meta("flux"), WEIGHTS)
    text = ask(house, "good").text
    with pytest.raises(EngineFailed, match=r"other\.gguf cannot be .*flux"):
        ask(house, "other")
    assert ask(house, "good").text == text

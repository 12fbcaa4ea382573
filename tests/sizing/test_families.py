"""The dimensions of families: their parameters as published, names, and a config.json."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from promptlab.errors import InputError
from promptlab.sizing import families, family, parameters_of
from promptlab.sizing._families import family_of_config

UNITS = {"B": 1e9, "M": 1e6}


@pytest.mark.parametrize("name", families())
def test_the_tensors_of_a_family_have_as_many_parameters_as_its_maker_publishes(name: str) -> None:
    each = family(name)
    match = re.match(r"([\d.]+) ([BM])", each.parameters)
    assert match
    step = UNITS[match[2]] * 10 ** -len(match[1].partition(".")[2])  # the last digit that is published
    assert abs(parameters_of(each) - float(match[1]) * UNITS[match[2]]) <= 0.51 * step
    assert each.source


def test_parameters_that_are_published_to_the_last_digit() -> None:
    exact = {
        "Llama-2-70b": 68_976_648_192,
        "Llama-3.1-8B": 8_030_261_248,
        "phi-2": 2_779_683_840,
        "SmolLM2-135M": 134_515_008,
        "gpt-oss-20b": 20_914_757_184,
    }
    assert {name: parameters_of(family(name)) for name in exact} == exact


def test_a_hybrid_counts_both_of_its_embedding_tables() -> None:
    each = family("Qwen3.5-27B")
    table = each.vocab * each.hidden
    assert parameters_of(each) - parameters_of(replace(each, tied=True)) == table
    assert round(parameters_of(each) / 1e9) == 27


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Llama-2-70b", "Llama-2-70b"),
        ("meta-llama/Llama-2-70b-chat-hf", "Llama-2-70b"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "Llama-3.1-8B"),
        ("google/gemma-3-270m-it", "gemma-3-270m"),
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen2.5-7B"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "Mistral-7B-v0.3"),
        ("qwen3_8b", "Qwen3-8B"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "Mixtral-8x7B"),
        ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "TinyLlama-1.1B"),
        ("llama-2-70b", "Llama-2-70b"),
        ("llama2-70b", "Llama-2-70b"),
        ("llama2:70b", "Llama-2-70b"),
        ("Llama 2 70B", "Llama-2-70b"),
        ("gemma3:27b", "gemma-3-27b"),
        ("mistral 7b v0.3", "Mistral-7B-v0.3"),
    ],
)
def test_a_name_may_have_an_owner_and_endings(given: str, name: str) -> None:
    assert family(given).name == name


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("", "gemma"),
        ("Zephyr", "give a GGUF file"),
        ("Llama-9-1T", "Llama"),
        ("Mistral-7B", "Mistral-7B-v0.1, Mistral-7B-v0.3"),
        ("Mistral-7B-v0.2", "Mistral-7B-v0.1, Mistral-7B-v0.3"),
        ("llama3.1", "Llama-3.1-8B, Llama-3.1-70B, Llama-3.1-405B"),
        ("llama3", "Llama-3.1-8B"),
        ("smollm2", "SmolLM2-135M, SmolLM2-360M, SmolLM2-1.7B"),
        ("gemma-27b", "gemma-3-27b"),  # not gemma-2-7b
        ("llama270b", "Llama-2-70b"),
        ("Llama-2-70b.gguf", "Llama-2-70b"),
        ("Llama-2-70b.Q4_K_M.gguf", "Llama-2-70b"),
        ("Qwen2.5-7B-Instruct-1M", "Qwen2.5-7B"),  # a longer context than that of the name
    ],
)
def test_an_unknown_name_is_refused_and_near_ones_are_named(given: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        family(given)
    assert hint in caught.value.hint


CONFIG = {
    "model_type": "llama",
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
}


def test_a_config_has_the_same_parameters_as_the_family() -> None:
    assert parameters_of(family_of_config(CONFIG, "config.json")) == parameters_of(family("Llama-3.1-8B"))
    inside = {"model_type": "gemma3", "text_config": {**CONFIG, "model_type": "llama"}}
    assert family_of_config(inside, "config.json").layers == 32


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "mamba"}, "mamba"),
        ({"model_type": None}, "cannot be sized"),
        ({"hidden_size": None}, "hidden_size"),
        ({"hidden_size": "large"}, "hidden_size"),
        ({"vocab_size": -1}, "vocab_size"),
        ({"num_hidden_layers": True}, "num_hidden_layers"),
    ],
)
def test_a_config_that_is_not_known_exactly_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        family_of_config({**CONFIG, **change}, "config.json")

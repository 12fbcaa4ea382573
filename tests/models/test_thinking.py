"""Thinking is told from the answer wherever the text is cut, and a text that only speaks of it stays whole."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.models._thinking import TAGS, ThinkingSplitter, explain_empty_answer, thinking_opened_by
from promptlab.types import FinishReason, Usage


def split(text: str, cuts: list[int] | None = None, close: str = "") -> tuple[str, str]:
    """The whole thinking and the whole answer of `text`, given in pieces."""
    places = sorted({0, len(text), *(at % (len(text) + 1) for at in cuts or ())})
    splitting, thoughts, texts = ThinkingSplitter(close), "", ""
    for a, b in pairwise(places):
        thought, answer = splitting.feed(text[a:b])
        thoughts, texts = thoughts + thought, texts + answer
    thought, answer = splitting.finish()
    return thoughts + thought, texts + answer


@pytest.mark.parametrize(
    ("text", "close", "thinking", "answer"),
    [
        ("Argentina", "", "", "Argentina"),
        ("  Argentina \n", "", "", "  Argentina \n"),
        ("", "", "", ""),
        (" \n", "", "", " \n"),
        ("<think>\nLet me see.\n</think>\n\nArgentina", "", "Let me see.", "Argentina"),
        ("\n <think>a</think>b", "", "a", "b"),
        ("<think></think>b", "", "", "b"),
        ("<think>\n\n</think>\n\nb\n", "", "", "b\n"),
        ("<think>only thinking", "", "only thinking", ""),
        ("<think>a</thi", "", "a</thi", ""),
        ("<think>a</think>", "", "a", ""),
        ("<think>a</think> \n", "", "a", ""),
        ("<think>a < b </think>c", "", "a < b", "c"),
        ("<think>a <think> b</think>c</think>d", "", "a <think> b", "c</think>d"),
        ("[THINK]a[/THINK]b", "", "a", "b"),
        ("<thinking>a</thinking>b", "", "a", "b"),
        ("<think>a</thinking>b</think>c", "", "a</thinking>b", "c"),
        ("Use <think>tags</think> so", "", "", "Use <think>tags</think> so"),
        ("`<think>` opens", "", "", "`<think>` opens"),
        ("<thin air", "", "", "<thin air"),
        ("<", "", "", "<"),
        ("a</think>b", "", "", "a</think>b"),
        ("a\n</think>\n\nb", "</think>", "a", "b"),
        ("\na", "</think>", "a", ""),
        ("<think>a</think>b", "</think>", "<think>a", "b"),
    ],
)
def test_thinking_is_what_stands_before_the_answer(text: str, close: str, thinking: str, answer: str) -> None:
    assert split(text, close=close) == (thinking, answer)
    assert split(text, list(range(len(text))), close) == (thinking, answer)


PIECES = st.sampled_from([*TAGS, *TAGS.values(), "<", "</", "think>", " ", "\n", "a", "é", "<th", "[T"])


@settings(max_examples=400, deadline=None)
@given(
    st.lists(PIECES, max_size=9).map("".join),
    st.lists(st.integers(0, 80), max_size=9),
    st.sampled_from(["", "</think>"]),
)
def test_pieces_give_what_the_whole_text_gives(text: str, cuts: list[int], close: str) -> None:
    assert split(text, cuts, close) == at_once(text, close)


def at_once(text: str, close: str) -> tuple[str, str]:
    """The same of a text that is there as a whole."""
    start = text.lstrip()
    tag = "" if close else next((tag for tag in TAGS if start.startswith(tag)), None)
    if tag is None:
        return "", text
    thought, closed, answer = start.removeprefix(tag).partition(close or TAGS[tag])
    return thought.strip(), answer.lstrip() if closed else ""


@pytest.mark.parametrize(
    ("prompt", "close"),
    [
        ("<|im_start|>assistant\n<think>\n", "</think>"),
        ("...[THINK]", "[/THINK]"),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", ""),
        ("<|im_start|>assistant\n", ""),
        ("", ""),
    ],
)
def test_a_prompt_that_opened_thinking_says_how_it_ends(prompt: str, close: str) -> None:
    assert thinking_opened_by(prompt) == close


@pytest.mark.parametrize(
    ("text", "thinking", "usage", "finish", "words"),
    [
        ("", "a", Usage(9, None, 32, 32), "length", "32 of 32 tokens went into thinking: raise max_tokens"),
        ("", "", Usage(9, None, 32, 30), "length", "30 of 32 tokens went into thinking: raise max_tokens"),
        ("", "a", Usage(9, None, 32), "length", "32 of 32 tokens"),
        ("", "a", Usage(), "length", "raise max_tokens"),
        ("", "a", Usage(9, None, 32), "stop", "ended without an answer"),
        ("b", "a", Usage(9, None, 32, 32), "length", ""),
        ("", "", Usage(9, None, 32), "length", ""),
        ("", "a", Usage(9, None, 32), "stopped", ""),
    ],
)
def test_an_empty_answer_says_where_its_tokens_went(
    text: str, thinking: str, usage: Usage, finish: FinishReason, words: str
) -> None:
    said = explain_empty_answer(text, thinking, usage, finish)
    assert (words in said) if words else said == ""

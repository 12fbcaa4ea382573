"""The nouns: what makes two requests the same, and what small sums they answer."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab import types
from promptlab.documents import _choice
from promptlab.examples import _choice as _shots
from promptlab.models import _as_sent
from promptlab.models._as_sent import Budget
from promptlab.runs import _trial
from promptlab.templates import _template
from promptlab.types import (
    LABELS,
    SECTIONS,
    SWITCHABLE,
    Completion,
    Document,
    Message,
    Params,
    Prompt,
    Request,
    Result,
    Source,
    Span,
    Timings,
    Usage,
    canonical_json,
    highest,
    sha256,
)

BASE = Request("gpt", Prompt((Message("system", "Answer."), Message("user", "Who won?"))), Params(), None, 0)

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=20)
MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant"]), ANY_TEXT), min_size=1, max_size=3
)
PARAMS = st.builds(
    Params,
    temperature=st.sampled_from([0, 0.0, 0.5, 1]),
    max_tokens=st.integers(1, 3),
    top_k=st.none() | st.integers(0, 2),
    top_p=st.none() | st.sampled_from([0, 0.0, 1, 1.0]),
    seed=st.none() | st.integers(0, 2),
    stop=st.lists(ANY_TEXT, max_size=2).map(tuple),
)
REQUESTS = st.builds(
    lambda messages, params, repeat: Request("m", Prompt(tuple(messages)), params, None, repeat),
    MESSAGES,
    PARAMS,
    st.integers(0, 1),
)

DIFFERENT_PARAMS: dict[str, Any] = {
    "temperature": 0.1,
    "max_tokens": 257,
    "top_p": 0.9,
    "top_k": 0,
    "min_p": 0.0,
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "seed": 0,
    "stop": ("",),
    "logprobs": 0,
    "reasoning_effort": "none",
}


def test_every_parameter_is_in_the_table_of_differences() -> None:
    assert set(DIFFERENT_PARAMS) == {f.name for f in dataclasses.fields(Params)}


@pytest.mark.parametrize(("name", "value"), DIFFERENT_PARAMS.items(), ids=DIFFERENT_PARAMS)
def test_a_different_parameter_is_a_different_key(name: str, value: Any) -> None:
    changed = dataclasses.replace(BASE, params=dataclasses.replace(Params(), **{name: value}))
    assert changed.key("f") != BASE.key("f")


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": Prompt((Message("user", "Answer."), Message("user", "Who won?")))},
        {"prompt": Prompt((Message("system", "Answer. "), Message("user", "Who won?")))},
        {"prompt": Prompt((Message("system", "Answer.Who won?"),))},
        {"prompt": Prompt((Message("user", "Who won?"), Message("system", "Answer.")))},
        {"schema": '{"type":"string"}'},
        {"schema": "{}"},
        {"repeat": 1},
    ],
    ids=lambda change: " ".join(change),
)
def test_a_different_field_is_a_different_key(change: dict[str, Any]) -> None:
    assert dataclasses.replace(BASE, **change).key("f") != BASE.key("f")


def test_the_fingerprint_is_part_of_the_key_and_the_catalogue_name_is_not() -> None:
    assert BASE.key("one") != BASE.key("two")
    assert dataclasses.replace(BASE, model="renamed").key("one") == BASE.key("one")


def test_spans_and_sources_do_not_change_the_key() -> None:
    spans = (Span(0, 0, 7, "instructions"), Span(1, 0, 8, "input", "question", "confidential"))
    labelled = Prompt(BASE.prompt.messages, spans, (Source("input", "question", "confidential"),))
    assert dataclasses.replace(BASE, prompt=labelled).key("f") == BASE.key("f")


@given(REQUESTS, REQUESTS)
def test_keys_are_equal_exactly_when_requests_are(one: Request, two: Request) -> None:
    assert (one.key("f") == two.key("f")) == (one == two)
    assert one.key("f") == dataclasses.replace(one).key("f")


def test_the_layout_of_a_schema_text_does_not_change_the_key() -> None:
    one = dataclasses.replace(BASE, schema='{"type": "object",\n "required": ["a"]}')
    two = dataclasses.replace(BASE, schema='{"type":"object","required":["a"]}')
    assert one.key("f") == two.key("f")


def test_a_whole_number_and_the_same_as_a_float_are_one_parameter() -> None:
    assert dataclasses.replace(BASE, params=Params(temperature=0, top_p=1)).key("f") == dataclasses.replace(
        BASE, params=Params(temperature=0.0, top_p=1.0)
    ).key("f")


def test_two_lone_surrogates_are_not_the_character_they_would_make() -> None:
    lone = dataclasses.replace(BASE, prompt=Prompt((Message("user", "\ud83d\ude00"),)))
    whole = dataclasses.replace(BASE, prompt=Prompt((Message("user", "😀"),)))
    assert lone.key("f") != whole.key("f")


def test_keys_are_the_same_in_every_process() -> None:
    program = (
        "from promptlab.types import *\n"
        "texts = (Message('system', 'Ans\\ud800wer.'), Message('user', 'Wer\\u2028 gewann \\U0001f600?'))\n"
        "params = Params(temperature=0.3, seed=7, stop=('a', 'b'))\n"
        "print(Request('gpt', Prompt(texts), params, '{\"b\": 1, \"a\": [2]}', 3).key('backend'))"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    # The literal guards histories and recordings on disk: another way to make keys needs a migration.
    assert keys == {"29813996758fa69cc5dc9df8667ad2ef116c30cad18f3fdb6a7fc3f718c43687\n"}


def test_the_body_holds_what_decides_the_answer_and_nothing_empty() -> None:
    request = Request(
        "gpt", Prompt((Message("user", "hi"),)), Params(temperature=1, top_k=0, stop=("\n",)), '{"type": "null"}', 2
    )
    assert request.body() == {
        "messages": [{"role": "user", "content": "hi"}],
        "params": {"temperature": 1.0, "max_tokens": 256, "top_k": 0, "stop": ["\n"]},
        "schema": {"type": "null"},
        "repeat": 2,
    }


@given(ANY_TEXT)
def test_hashes_take_any_text(text: str) -> None:
    assert len(sha256(text)) == 64
    assert Document("a", text).sha256 == sha256(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | ANY_TEXT,
        lambda v: st.dictionaries(ANY_TEXT, v, max_size=3),
        max_leaves=6,
    )
)
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    def turned(v: Any) -> Any:
        return {k: turned(v[k]) for k in reversed(list(v))} if isinstance(v, dict) else v

    assert canonical_json(turned(value)) == canonical_json(value)
    assert canonical_json(value).isascii()


@pytest.mark.parametrize(
    ("labels", "strictest"),
    [
        ([], "public"),
        (["public"], "public"),
        (["internal", "public"], "internal"),
        (["public", "confidential", "internal"], "confidential"),
    ],
)
def test_the_strictest_label_wins(labels: list[types.Label], strictest: str) -> None:
    assert highest(labels) == strictest


def test_the_constants_are_the_literals() -> None:
    assert types.Label.__args__ == LABELS  # type: ignore[attr-defined]  # a Literal has them at run time
    assert types.Section.__args__ == SECTIONS  # type: ignore[attr-defined]
    assert set(SWITCHABLE) == set(SECTIONS) - {"input", "layout"}


def test_texts_are_the_characters_of_each_span() -> None:
    prompt = Prompt((Message("user", "Who won?"),), (Span(0, 0, 4, "layout"), Span(0, 4, 8, "input", "q")))
    assert [(span.section, text) for span, text in prompt.texts()] == [("layout", "Who "), ("input", "won?")]


def test_changes_that_are_none_leave_a_parameter_alone() -> None:
    before = Params(temperature=0.5, seed=3, stop=("a",))
    assert before.with_(temperature=None, seed=None, stop=None) == before
    assert before.with_(temperature=0.0, stop=["b", "c"]) == Params(temperature=0.0, seed=3, stop=("b", "c"))
    assert before == Params(temperature=0.5, seed=3, stop=("a",))


@pytest.mark.parametrize(
    ("usage", "prompt"), [(Usage(), None), (Usage(read=3), 3), (Usage(read=3, reused=4), 7), (Usage(reused=4), None)]
)
def test_a_prompt_is_what_was_read_and_what_was_found_read(usage: Usage, prompt: int | None) -> None:
    assert usage.prompt == prompt


@pytest.mark.parametrize(
    ("first", "total", "written", "rate"),
    [
        (1.0, 3.0, 5, 2.0),
        (1.0, 3.0, 2, 0.5),
        (1.0, 3.0, 1, None),
        (1.0, 3.0, 0, None),
        (1.0, 3.0, None, None),
        (None, 3.0, 5, None),
        (3.0, 3.0, 5, None),
        (4.0, 3.0, 5, None),
    ],
)
def test_tokens_per_second_counts_those_after_the_first(
    first: float | None, total: float, written: int | None, rate: float | None
) -> None:
    assert Timings(first_token=first, total=total).tokens_per_second(written) == rate


@pytest.mark.parametrize(
    ("window", "room", "fits"), [(None, 10**9, True), (10, 4, True), (10, 5, False), (5, 0, False)]
)
def test_a_budget_fits_when_prompt_and_answer_share_the_window(window: int | None, room: int, fits: bool) -> None:
    assert Budget(6, {}, {}, window, room, exact=True).fits is fits


def test_the_text_of_a_result_is_the_answer_or_what_had_arrived() -> None:
    assert Result("1", "r", "m", None, "", completion=Completion("whole")).text == "whole"
    failed = Result("1", "r", "m", None, "", error="cut", partial="ha")
    assert (failed.text, failed.ok) == ("ha", False)


def test_nouns_are_frozen_and_have_no_room_for_more() -> None:
    modules = (types, _as_sent, _choice, _shots, _template, _trial)
    nouns = {c for module in modules for c in vars(module).values() if dataclasses.is_dataclass(c)}
    assert len(nouns) > 20
    for noun in nouns:
        assert noun.__dataclass_params__.frozen, noun  # type: ignore[union-attr]  # how dataclasses keep it
        assert "__slots__" in vars(noun), noun


def test_the_order_of_a_schemas_properties_is_part_of_the_key() -> None:
    one, other = (
        Request("m", Prompt((Message("user", "hi"),)), schema=schema)
        for schema in ('{"properties":{"a":{},"b":{}}}', '{"properties":{"b":{},"a":{}}}')
    )
    assert one.key("x") != other.key("x")

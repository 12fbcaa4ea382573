"""The title of a row: what changed against the row before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.runs import _difference as difference_module
from promptlab.runs._difference import (
    FIRST,
    SAME,
    AskedRequest,
    TextChange,
    asked_requests,
    describe_changes,
    prompt_changes,
    text_changes,
)
from promptlab.templates import _load as templates
from promptlab.templates._template import Template
from promptlab.types import Document, Example, Message, Params, Prompt, Request, Result, Section
from tests.conftest import TEMPLATE

PLAIN = Params()
CUP = templates.parse(TEMPLATE, path="templates/cup.yaml")
ARTICLE = Document("fixtures/documents/cup.md", "Argentina beat France.")
HOST = Example("host", {"question": "Who hosted it?"}, "Qatar")
SECOND = Example("second", {"question": "Who came second?"}, "France")


def ask(
    template: Template = CUP,
    *,
    models: tuple[str, ...] = ("alpha",),
    question: str = "Who won?",
    documents: tuple[Document, ...] = (ARTICLE,),
    shots: tuple[Example, ...] = (HOST, SECOND),
    without: tuple[Section, ...] = (),
    params: Params = PLAIN,
    schema: str | None = None,
    repeat: int = 0,
) -> list[AskedRequest]:
    prompt = templates.render(template, {"question": question}, documents=documents, shots=shots, without=without)
    return [AskedRequest(Request(m, prompt, params, schema, repeat), without) for m in models]


BEFORE = ask()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, SAME),
        ({"without": ("context",)}, "− context"),
        ({"without": ("examples", "output_format")}, "− output format, − examples"),
        ({"shots": (HOST,)}, "k 2 → 1"),
        ({"shots": ()}, "k 2 → 0"),
        ({"shots": (SECOND, replace(HOST, id="other"))}, "other examples"),
        ({"shots": (HOST, replace(SECOND, output="Croatia"))}, "examples edited"),
        ({"documents": (replace(ARTICLE, text="France lost."),)}, "cup.md edited"),
        ({"documents": (ARTICLE, Document("notes/b.md", "More."))}, "+ b.md"),
        ({"documents": ()}, "− cup.md"),
        ({"question": "Who lost?"}, "question changed"),
        ({"template": replace(CUP, instructions="Answer briefly.\n")}, "instructions edited"),
        ({"template": replace(CUP, output_format="")}, "− output format"),
        ({"params": Params(temperature=0.7)}, "temperature 0 → 0.7"),
        ({"params": Params(seed=4, stop=("\n",))}, "seed default → 4, stop none → '\\n'"),
        ({"schema": "{}"}, "+ schema"),
        ({"repeat": 1}, "the same again"),
        ({"models": ("alpha", "beta")}, "+ beta"),
        ({"models": ("beta",)}, "+ beta, − alpha"),
        ({"without": ("context",), "params": Params(temperature=1)}, "− context, temperature 0 → 1"),
    ],
)
def test_a_row_says_what_changed(change: dict[str, Any], said: str) -> None:
    assert describe_changes(BEFORE, ask(**change)) == said


def test_what_was_taken_out_is_said_to_come_back() -> None:
    assert describe_changes(ask(without=("context", "examples")), BEFORE) == "+ context, + examples"


def test_a_change_inside_a_section_that_is_off_is_no_change() -> None:
    off = ask(without=("examples",))
    assert describe_changes(off, ask(without=("examples",), shots=(HOST,))) == SAME


def test_an_edited_layout_is_named_only_when_nothing_else_explains_the_messages() -> None:
    layout = "{% user %}{{ instructions }}{{ output_format }}{% for d in documents %}{{ d.text }}{% endfor %}" + (
        "{% for e in examples %}{{ e.user }}{{ e.output }}{% endfor %}{{ user }}{% enduser %}"
    )
    assert describe_changes(BEFORE, ask(replace(CUP, layout=layout))) == "layout edited"


def test_a_prompt_is_compared_through_a_model_both_rows_asked() -> None:
    warm = AskedRequest(replace(BEFORE[0].request, model="beta", params=Params(temperature=1)))
    after = AskedRequest(replace(BEFORE[0].request, model="beta"))
    assert describe_changes([*BEFORE, warm], [after]) == "temperature 1 → 0, − alpha"


@pytest.mark.parametrize(("before", "after"), [([], BEFORE), (BEFORE, []), ([], [])])
def test_a_row_without_a_row_before_is_the_first(before: list[AskedRequest], after: list[AskedRequest]) -> None:
    assert describe_changes(before, after) == FIRST


def test_results_that_never_became_a_request_are_left_out() -> None:
    made = Request("alpha", Prompt(()))
    results = [
        Result("1", "r", "alpha", None, "", error="no"),
        Result("2", "r", "alpha", made, "k", without=("context",)),
    ]
    assert asked_requests(results) == [AskedRequest(made, ("context",))]


def side(changes: list[TextChange], kind: str) -> str:
    """The text before (`gone`) or after (`new`), put together from its changes."""
    return "".join(c.text for c in changes if c.kind in ("same", kind))


TEXTS = st.text(st.sampled_from("ab \n\tß"), max_size=40)


@given(TEXTS, TEXTS)
def test_changes_hold_both_texts_to_the_byte(before: str, after: str) -> None:
    changes = text_changes(before, after)
    assert side(changes, "gone") == before
    assert side(changes, "new") == after
    assert all(c.kind == "same" for c in changes) == (before == after)


def test_only_the_words_that_differ_are_changes() -> None:
    changes = text_changes("Argentina won the cup.\nQatar was host.", "France won the cup.\nQatar was host.")
    assert [(c.kind, c.text) for c in changes] == [
        ("gone", "Argentina "),
        ("new", "France "),
        ("same", "won the cup.\nQatar was host."),
    ]


def test_long_stretches_are_compared_line_by_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference_module, "MOST_WORDS", 3)
    changes = text_changes("a b c d\nsame\n", "a b c e\nsame\n")
    assert [(c.kind, c.text) for c in changes] == [("gone", "a b c d\n"), ("new", "a b c e\n"), ("same", "same\n")]


def test_changes_of_a_prompt_keep_their_sections() -> None:
    after = ask(replace(CUP, instructions="Answer briefly from the article.\n"), shots=(HOST,))
    changes = prompt_changes(BEFORE[0].request, after[0].request)
    found = {(c.kind, c.section, c.text) for c in changes if c.kind != "same"}
    assert ("new", "instructions", "briefly ") in found
    assert {section for _, section, _ in found} <= {"instructions", "examples", "layout"}
    assert any(kind == "gone" and section == "examples" and "second?" in text for kind, section, text in found)


def test_a_request_without_spans_is_compared_by_its_messages() -> None:
    old = Request("m", Prompt((Message("system", "Be brief."), Message("user", "Who won?"))))
    new = Request("m", Prompt((Message("system", "Be brief."), Message("user", "Who lost?"))))
    assert [c.text for c in prompt_changes(old, new) if c.kind != "same"] == ["won?", "lost?"]

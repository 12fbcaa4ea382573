"""Passages are chosen in the open: what is taken, what is left out, and what it costs are on the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.documents._choice import PassageChoice
from promptlab.documents._passages import choose_passages
from promptlab.types import Document
from promptlab.ui.documents.passages_result import selection_html
from tests.ui.conftest import Desk, bodies, said, text_of

Desks = Callable[..., Desk]

RULES = """\
Before any heading.

# Rules

About the rules.

## Final

Argentina beat France on penalties.

## Host

Qatar was the host country.

## Prize

## Final

A second final, of the women.
"""


def form() -> None:
    """A page with the widget, whose choice is kept as a draft keeps it."""
    import streamlit as st

    from promptlab.ui.documents import passages as passages_view
    from promptlab.ui.state import session

    state = st.session_state
    state["draft"] = passages_view.choose(
        session.current(), "documents/rules.md", state.get("draft"), state.get("inputs", {}), key="p"
    )


@pytest.fixture
def tab(desk: Desks, make_workspace: Callable[..., Any]) -> AppTest:
    desk(make_workspace(files={"documents/rules.md": RULES}), alpha=["ok"])
    return AppTest.from_function(form, default_timeout=20)


def take(tab: AppTest, way: str) -> AppTest:
    if not tab.segmented_control:
        tab.run()
    return tab.segmented_control(key="p-way").set_value(way).run()


def draft(tab: AppTest) -> Any:
    assert not tab.exception
    return tab.session_state["draft"]


def words(tab: AppTest) -> str:
    return " ".join(said(tab).split())


def taken(tab: AppTest) -> list[str]:
    """The passages and gaps as they stand on the page."""
    body = next(body for body in bodies(tab) if "pl-prompt" in body)
    return " ".join(text_of(body).split()).split("[…]")


def test_all_of_it_is_what_one_begins_with(tab: AppTest) -> None:
    tab.run()
    assert draft(tab) is None
    assert "The whole document goes into the prompt: 32 words, 32 tokens as counted by alpha." in words(tab)


def test_passages_like_the_question_are_shown_with_scores_and_what_lies_between(tab: AppTest) -> None:
    tab.session_state["inputs"] = {"question": "Who was the host, and who beat France?"}
    take(tab, "bm25").number_input(key="p-n").set_value(2).run()
    assert draft(tab) == PassageChoice("bm25", n=2)
    assert "2 of 6 passages" in words(tab)
    assert "of 32 tokens · alpha" in words(tab)
    before, final, after = taken(tab)
    assert before.strip() == ""
    assert "8 words left out: Rules Rules > Final · score" in final
    assert "Qatar was the host country." in final
    assert after.strip() == "10 words left out: Prize, Final"


def test_what_is_left_out_can_be_read_too(tab: AppTest) -> None:
    tab.session_state["inputs"] = {"question": "Who was the host?"}
    take(tab, "bm25").number_input(key="p-n").set_value(1).run()
    assert "A second final" not in said(tab)
    tab.toggle(key="p-result").set_value(True).run()
    assert "A second final, of the women." in said(tab)
    body = next(body for body in bodies(tab) if "pl-prompt" in body)
    assert 'class="pl-out"' in body


def test_without_a_question_the_page_asks_for_one(tab: AppTest) -> None:
    take(tab, "bm25")
    assert draft(tab) == PassageChoice("bm25")
    assert "No question yet" in words(tab)


def test_a_question_that_shares_no_word_says_what_else_can_be_done(tab: AppTest) -> None:
    tab.session_state["inputs"] = {"question": "xyzzy"}
    take(tab, "bm25")
    assert "No passage chosen No passage shares a word with the question." in words(tab)
    assert "Choose by heading or range" in words(tab)


def test_the_inputs_to_compare_with_can_be_named(tab: AppTest) -> None:
    tab.session_state["inputs"] = {"question": "Who was the host?", "tone": "final penalties France"}
    take(tab, "bm25").multiselect(key="p-query").set_value(["question"]).run()
    tab.number_input(key="p-n").set_value(1).run()
    assert draft(tab) == PassageChoice("bm25", n=1, query=("question",))
    assert "Qatar" in said(tab)


def test_until_a_heading_is_named_nothing_changes(tab: AppTest) -> None:
    take(tab, "heading")
    assert draft(tab) is None
    assert "Choose at least one heading." in words(tab)
    tab.multiselect(key="p-headings").set_value(["Host"]).run()
    assert draft(tab) == PassageChoice("heading", ("Host",))
    assert "Rules > Host Qatar" not in words(tab)  # the heading is part of the text
    assert "Rules > Host ## Host Qatar was the host country." in words(tab)
    assert "Host · 21 % of the document" in words(tab)


def test_there_is_nothing_to_show_of_what_is_left_out_when_all_is_taken(tab: AppTest) -> None:
    take(tab, "range").number_input(key="p-last-lines").set_value(19).run()
    assert "lines 1 to 19 · 100 % of the document" in words(tab)
    assert not tab.toggle


def test_a_heading_that_is_there_twice_has_its_whole_name(tab: AppTest) -> None:
    assert [option.partition(" · ")[0] for option in take(tab, "heading").multiselect(key="p-headings").options] == [
        "Rules",
        "Rules > Final",
        "Host",
        "Prize",
    ]


@pytest.mark.parametrize(("unit", "last", "text"), [("words", 3, "Before any heading."), ("lines", 1, "Before any")])
def test_a_range_can_be_taken(tab: AppTest, unit: str, last: int, text: str) -> None:
    take(tab, "range").selectbox(key="p-unit").set_value(unit).run()
    tab.number_input(key=f"p-last-{unit}").set_value(last).run()
    assert draft(tab) == PassageChoice("range", unit=unit, start=1, end=last)  # type: ignore[arg-type]  # two of the units
    assert text in said(tab)


def test_a_range_that_ends_before_it_begins_changes_nothing(tab: AppTest) -> None:
    take(tab, "range").number_input(key="p-last-lines").set_value(5).run()
    tab.number_input(key="p-first-lines").set_value(9).run()
    assert draft(tab) == PassageChoice("range", start=1, end=5)
    assert "From must not be greater than To." in words(tab)


def test_what_does_not_fit_the_budget_is_named(tab: AppTest) -> None:
    tab.session_state["inputs"] = {"question": "Who was the host, and who beat France?"}
    take(tab, "bm25").number_input(key="p-tokens").set_value(12).run()
    assert draft(tab) == PassageChoice("bm25", max_tokens=12)
    assert "2 chosen passages left out: over the budget" in words(tab)
    assert "Rules > Final: 7 words" in words(tab)


def test_a_choice_made_elsewhere_is_shown_and_one_made_here_is_kept(tab: AppTest) -> None:
    tab.session_state["draft"] = PassageChoice("heading", ("Host",), max_characters=500)
    tab.run()
    assert tab.multiselect(key="p-headings").value == ["Host"]
    assert tab.number_input(key="p-characters").value == 500
    tab.session_state["draft"] = PassageChoice("range", unit="words", start=2, end=4)
    tab.run()
    assert (tab.number_input(key="p-first-words").value, tab.number_input(key="p-last-words").value) == (2, 4)
    tab.number_input(key="p-last-words").set_value(6).run()
    tab.run()
    assert draft(tab) == PassageChoice("range", unit="words", start=2, end=6)


def test_a_heading_that_is_gone_stays_named_and_is_an_error(tab: AppTest) -> None:
    tab.session_state["draft"] = PassageChoice("heading", ("Hosts",))
    tab.run()
    assert tab.multiselect(key="p-headings").value == ["Hosts"]
    assert "There is no heading `Hosts`." in words(tab)
    assert "Did you mean `Host`?" in words(tab)


def test_a_range_past_the_end_of_a_changed_document_is_an_error(tab: AppTest) -> None:
    tab.session_state["draft"] = PassageChoice("range", start=90, end=99)
    tab.run()
    assert draft(tab) == PassageChoice("range", start=90, end=99)
    assert "It has 19 lines, and 90 to 99 are asked for" in words(tab)


def test_a_document_that_is_gone_keeps_its_choice(
    tab: AppTest, desk: Desks, make_workspace: Callable[..., Any]
) -> None:
    desk(make_workspace(folder="empty"))
    tab.session_state["draft"] = PassageChoice("bm25")
    tab.run()
    assert draft(tab) == PassageChoice("bm25")
    assert "This document cannot be read" in words(tab)


def test_every_word_of_the_document_is_on_the_page_when_all_is_shown() -> None:
    found = choose_passages(Document("d.md", RULES), PassageChoice("bm25", n=2), "host France")
    shown = text_of(selection_html(found, everything=True)).split()
    assert not set(RULES.split()) - set(shown)


def test_hostile_text_stays_text() -> None:
    text = "# <script>alert(1)</script>\n\n<img src=x> host\n"
    found = choose_passages(Document("d.md", text), PassageChoice("bm25", n=1), "host")
    html = selection_html(found, everything=True)
    assert "<script" not in html
    assert "<img" not in html

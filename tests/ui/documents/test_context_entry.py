"""A document where a prompt is composed: who may read it, what is taken of it, and its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.documents._choice import PassageChoice
from promptlab.ui.documents import context_entry
from tests.ui.conftest import Desk, said

Desks = Callable[..., Desk]


def form() -> None:
    """A page with one document of a template, whose choice is kept as a draft keeps it."""
    import streamlit as st

    from promptlab.ui.documents import context_entry
    from promptlab.ui.state import session

    state = st.session_state
    path = state.get("path", "fixtures/documents/cup.md")
    state["draft"] = context_entry.draw(
        session.current(), path, state.get("draft"), {"question": "Who was the host?"}, key="c"
    )


@pytest.fixture
def tab(desk: Desks) -> AppTest:
    desk(alpha=["ok"])
    return AppTest.from_function(form, default_timeout=20)


def opened(tab: AppTest, *names: str) -> AppTest:
    tab.run()
    for name in names:
        tab.session_state[f"c-{name}"] = True
    return tab.run()


def test_label_words_and_what_is_taken_are_said_before_anything_is_opened(tab: AppTest) -> None:
    tab.run()
    assert not tab.exception
    assert "fixtures/documents/cup.md 10 words; the prompt takes all of it" in " ".join(said(tab).split())
    assert [one.label for one in tab.expander] == ["Choose passages", "Show the text"]
    assert "Every model may read it: alpha." in said(tab)
    assert "Argentina" not in said(tab)


def test_what_is_taken_can_be_changed_and_stays_when_it_is_closed(tab: AppTest) -> None:
    opened(tab, "taking").segmented_control(key="c-passages-way").set_value("bm25").run()
    assert tab.session_state["draft"] == PassageChoice("bm25")
    tab.session_state["c-taking"] = False
    tab.run()
    assert tab.session_state["draft"] == PassageChoice("bm25")
    assert "the prompt takes the 3 passages most like the question" in " ".join(said(tab).split())


def test_the_text_can_be_read_and_a_long_one_says_what_is_not_shown(
    tab: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context_entry, "SHOWN", 9)
    assert "Argentina 47 more characters" in " ".join(said(opened(tab, "reading")).split())


@pytest.mark.parametrize("draft", [None, PassageChoice("bm25")])
def test_a_document_that_cannot_be_read_keeps_its_choice(tab: AppTest, draft: Any) -> None:
    tab.session_state["path"], tab.session_state["draft"] = "documents/none.md", draft
    tab.run()
    assert not tab.exception
    assert tab.session_state["draft"] == draft
    assert "there is no such document" in said(tab)

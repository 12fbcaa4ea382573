"""The page Votes: what can be compared, voting without names, undo, double presses, and the results."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.runs import Given, Vote, plan_comparison, start_run
from promptlab.templates import load
from promptlab.ui.votes import booth
from tests.ui.conftest import Desk, bodies, said
from tests.votes.making import QUESTIONS, says

Desks = Callable[..., Desk]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests read a pair at once."""
    monkeypatch.setattr(booth, "UNREAD", 0.0)


def two_runs(here: Desk) -> list[str]:
    """A run of each model with all questions; their ids."""
    session = here.session
    ids = []
    for model in here.models:
        template = load(session.workspace, "cup")
        trials = [
            trial
            for question in QUESTIONS
            for trial in plan_comparison(session.workspace, template, Given({"question": question}), [model])
        ]
        run = start_run(trials, catalogue=session.catalogue, store=session.store, title=f"run of {model}")
        run.wait()
        ids.append(run.id)
    return ids


def booth_of(here: Desk, **query: str) -> AppTest:
    tab = here.open("votes", of="\n".join(two_runs(here)), voter="ann", **query)
    assert not tab.exception
    return tab


def press(tab: AppTest, choice: str) -> None:
    (button,) = [each for each in tab.button if str(each.key).startswith(f"vote-{choice}-")]
    button.click().run()
    assert not tab.exception


def votes_of(here: Desk) -> list[Vote]:
    return here.session.store.votes.every()


def test_nothing_to_compare_says_what_to_do(desk: Desks) -> None:
    tab = desk(ada=says("ada")).open("votes")
    assert not tab.exception
    assert "There are no answers to compare yet" in said(tab)


def test_two_runs_are_chosen_and_opened(desk: Desks) -> None:
    here = desk(ada=says("ada"), bob=says("bob"))
    ids = two_runs(here)
    tab = here.open("votes")
    (choice,) = tab.multiselect
    assert len(choice.options) == 2
    choice.set_value([ids[0][:12]]).run()
    assert "This cannot be compared" in said(tab)
    tab.multiselect[0].set_value([run[:12] for run in ids]).run()
    assert f"{len(QUESTIONS) - 1} pairs to vote on" in said(tab)
    assert "1 more have the same text" in said(tab)
    tab.button(key="votes-start").click().run()
    assert tab.query_params["of"] == "\n".join(run[:12] for run in ids)
    assert "Which answer is better?" in said(tab)


def test_voting_shows_no_names_and_the_results_show_them(desk: Desks) -> None:
    here = desk(ada=says("first"), bob=says("second"))
    tab = booth_of(here)
    for _ in QUESTIONS[1:]:
        assert not re.search(r"\b(ada|bob)\b", said(tab))
        (left,) = [body for body in bodies(tab) if ">A</h3>" in body]
        press(tab, "left" if "first says" in left else "right")
    assert f"You have voted on all {len(QUESTIONS) - 1} pairs" in said(tab)
    tab.button(key="votes-show").click().run()
    assert not tab.exception
    words = " ".join(said(tab).split())
    assert "ada is preferred to bob in 95.8 %" in words
    assert "ann 11" in words


def test_votes_are_undone_replaced_and_never_counted_twice(desk: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    here = desk(ada=says("ada"), bob=says("bob"))
    tab = booth_of(here)
    assert tab.button(key="votes-undo").disabled
    press(tab, "tie")
    assert not tab.button(key="votes-undo").disabled
    monkeypatch.setattr(booth, "UNREAD", 60.0)
    press(tab, "left")  # the second half of a double press lands on the next pair
    assert "did not count" in said(tab)
    assert [vote.choice for vote in votes_of(here)] == ["tie"]
    monkeypatch.setattr(booth, "UNREAD", 0.0)
    press(tab, "skip")
    assert [vote.choice for vote in votes_of(here)] == ["tie", "skip"]
    tab.button(key="votes-undo").click().run()
    tab.button(key="votes-undo").click().run()
    assert votes_of(here) == []


def test_each_person_has_their_own_place(desk: Desks) -> None:
    here = desk(ada=says("ada"), bob=says("bob"))
    tab = booth_of(here)
    press(tab, "bad")
    tab.text_input[0].set_value(" ben ").run()
    assert tab.query_params["voter"] == "ben"
    assert not tab.exception
    press(tab, "left")
    assert sorted((vote.voter, vote.choice) for vote in votes_of(here)) == [("ann", "bad"), ("ben", "left")]


EVIL = "<img src=x onerror=alert(1)> **bold** \u202egnp"


def test_answers_are_text(desk: Desks) -> None:
    def evil(request: Any) -> str:
        return EVIL + request.messages[-1].content

    here = desk(ada=evil, bob=says("bob"))
    tab = booth_of(here)
    (side,) = [body for body in bodies(tab) if "onerror" in body]
    assert "<img" not in side
    assert "U+202E" in side


@pytest.mark.parametrize("query", [{"of": "nothing"}, {"of": "nothing", "view": "results"}])
def test_an_address_of_nothing_is_explained(desk: Desks, query: dict[str, str]) -> None:
    tab = desk(ada=says("ada")).open("votes", **query)
    assert not tab.exception
    assert "This cannot be voted on" in said(tab)


def test_results_without_votes_and_of_three(desk: Desks) -> None:
    here = desk(ada=says("ada"), bob=says("bob"), cyd=says("cyd"))
    tab = booth_of(here, view="results")
    assert "Nobody has voted yet" in said(tab)
    tab.button(key="votes-on").click().run()
    for choice in ("left", "right", "tie", "bad", "left", "right"):
        press(tab, choice)
    tab.button(key="votes-results").click().run()
    assert not tab.exception
    assert sum(body.count("pl-vote-dot") for body in bodies(tab)) in (3, 6)

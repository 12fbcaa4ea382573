"""The run history: found, opened, and told how it was made."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.errors import ServerFailed
from promptlab.types import Request
from promptlab.ui.runs import page as runs_page
from tests.ui.conftest import Desk, bodies, said

Desks = Callable[..., Desk]


def echo(request: Request) -> str:
    return f"heard {request.messages[-1].content}"


def asked(here: Desk, *questions: str) -> None:
    tab = here.open()
    for question in questions:
        tab.text_area(key="input-question-cup").set_value(question).run()
        here.run(tab)


def lines(tab: AppTest) -> int:
    return sum('class="pl-rowhead"' in body for body in bodies(tab))


def test_nothing_asked_yet_is_said(desk: Desks) -> None:
    tab = desk(alpha=["ok"]).open("runs")
    assert not tab.exception
    assert "There is no run yet" in said(tab)


def test_runs_are_listed_newest_first_with_what_changed(desk: Desks) -> None:
    here = desk(alpha=echo, beta=[ServerFailed("down")])
    asked(here, "one", "two")
    tab = here.open("runs")
    assert not tab.exception
    assert lines(tab) == 2
    assert re.search(r"question changed.*first run", said(tab), re.DOTALL)
    assert "alpha, beta" in said(tab)
    assert "1 of 2 failed" in said(tab)


@pytest.mark.parametrize(("word", "found"), [("heard one", 1), ("two", 1), ("Argentina beat", 2), ("nowhere", 0)])
def test_search_reads_answers_and_messages(desk: Desks, word: str, found: int) -> None:
    here = desk(alpha=echo)
    asked(here, "one", "two")
    tab = here.open("runs")
    tab.text_input(key="runs-text").set_value(word).run()
    assert not tab.exception
    assert lines(tab) == found
    assert ("No run matches" in said(tab)) == (found == 0)


def test_runs_can_be_narrowed_to_a_model(desk: Desks) -> None:
    here = desk(alpha=echo, beta=echo)
    asked(here, "one")
    here.session.drafts.change("templates/cup.yaml", models=("beta",))
    asked(here, "two")
    tab = here.open("runs")
    tab.selectbox(key="runs-model").set_value("alpha").run()
    assert lines(tab) == 1


def test_pages_turn_both_ways(desk: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_page, "PAGE", 2)
    here = desk(alpha=echo)
    asked(here, "one", "two", "three")
    tab = here.open("runs")
    assert lines(tab) == 2
    tab.button(key="runs-older").click().run()
    assert lines(tab) == 1
    assert "first run" in said(tab)
    tab.button(key="runs-newer").click().run()
    assert lines(tab) == 2


def test_one_run_tells_everything_it_takes_to_make_it_again(desk: Desks) -> None:
    here = desk(alpha=echo)
    asked(here, "one")
    (run,) = here.session.store.runs()
    tab = here.open("runs")
    tab.button(key=f"open-{run.id[:12]}").click().run()
    assert not tab.exception
    assert tab.query_params["run"] == run.id[:12]
    words = said(tab)
    assert [c.value for c in tab.code] == ["heard one"]
    for expected in (run.id, run.origin.template_blob, "not in a git repository", "Max tokens", "python 3."):
        assert expected in words
    assert re.search(r"context: fixtures/documents/cup.md\s+sha256 [0-9a-f]{16} · public", words)
    tab.button(key="runs-all").click().run()
    assert lines(tab) == 1


def test_an_address_with_an_unknown_run_says_so(desk: Desks) -> None:
    tab = desk(alpha=["ok"]).open("runs", run="ffff")
    assert not tab.exception
    assert "there is no run `ffff`" in said(tab)


def test_a_run_can_be_opened_after_a_restart(desk: Desks) -> None:
    here = desk(alpha=echo)
    asked(here, "one")
    (run,) = here.session.store.runs()
    tab = desk(alpha=["never asked"]).open("runs", run=run.id)
    assert [c.value for c in tab.code] == ["heard one"]

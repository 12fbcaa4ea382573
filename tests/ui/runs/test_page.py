"""The run history: found, opened, and told how it was made."""

from __future__ import annotations

import datetime
import re
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from promptlab._util.database import Database
from promptlab.errors import ServerFailed
from promptlab.types import Request
from promptlab.ui.runs import page as runs_page
from tests.ui.conftest import Desk, bodies, said
from tests.ui.dialogs import dialog

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


# The same rows as on the workbench


def put_runs(here: Desk, count: int) -> None:
    """That many runs without answers, as if they had been interrupted."""
    origin = '{"git_dirty":false,"git_revision":"","template":"t","template_blob":"","versions":{}}'
    rows = [
        (
            f"{number:012}{number:020}",
            f"2026-01-01T00:00:00.{number:06}+00:00",
            f"run {number}",
            "templates/cup.yaml",
            1,
            origin,
        )
        for number in range(count)
    ]
    with sqlite3.connect(here.session.store.path) as db:
        db.executemany("insert into runs (id, created, title, template, total, origin) values (?, ?, ?, ?, ?, ?)", rows)
    db.close()


def test_ten_thousand_runs_take_no_more_statements_than_forty(desk: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    read, counted, found = Database.rows, [0], [0]

    def rows(self: Database, *args: Any) -> Any:
        counted[0] += 1
        answer = read(self, *args)
        found[0] += len(answer)
        return answer

    monkeypatch.setattr(Database, "rows", rows)
    taken = []
    for count in (40, 10_000):
        here = desk(alpha=echo)
        with sqlite3.connect(here.session.store.path) as db:
            db.execute("delete from runs")
        db.close()
        put_runs(here, count)
        counted[0] = found[0] = 0
        tab = here.open("runs")
        assert not tab.exception
        assert lines(tab) == runs_page.PAGE
        assert f"{count:,} runs" in said(tab)
        taken.append((counted[0], found[0]))
    assert taken[0] == taken[1]


def test_days_narrow_the_list(desk: Desks) -> None:
    here = desk(alpha=echo)
    put_runs(here, 1)
    asked(here, "today")
    tab = here.open("runs")
    assert lines(tab) == 2
    tab.date_input(key="runs-to").set_value(datetime.date(2026, 1, 2)).run()
    assert lines(tab) == 1
    assert "run 0" in said(tab)
    tab.date_input(key="runs-from").set_value(datetime.date(2026, 1, 2)).run()
    assert lines(tab) == 0


def test_a_name_is_found(desk: Desks) -> None:
    here = desk(alpha=echo)
    asked(here, "one", "two")
    here.session.store.rename(here.session.store.runs()[0].id, "Golden Run")
    tab = here.open("runs")
    tab.text_input(key="runs-text").set_value("golden").run()
    assert lines(tab) == 1


def test_two_runs_are_compared_and_all_on_the_page_are_exported(desk: Desks) -> None:
    here = desk(alpha=echo)
    asked(here, "one", "two")
    tab = here.open("runs")
    for box in [box for box in tab.checkbox if str(box.key).startswith("pick-")]:
        box.check().run()
    assert any("<del" in body and "<ins" in body for body in bodies(tab))
    tab.button(key="export-shown").click().run()
    assert "2 answers of 2 runs" in dialog(tab)


def test_deleted_runs_are_brought_back_or_removed_for_good(desk: Desks) -> None:
    here = desk(alpha=echo)
    asked(here, "one", "two")
    store = here.session.store
    newer, older = store.runs()
    store.delete(newer.id)
    store.delete(older.id)
    tab = here.open("runs")
    tab.toggle(key="runs-deleted").set_value(True).run()
    assert lines(tab) == 2
    tab.button(key=f"restore-{newer.id[:12]}").click().run()
    assert lines(tab) == 1
    tab.button(key="runs-remove-do").click().run()
    assert "No run is deleted" in said(tab)
    tab.toggle(key="runs-deleted").set_value(False).run()
    assert lines(tab) == 1
    assert store.results(older.id) == []


def test_the_address_of_a_deleted_run_says_so_and_brings_it_back(desk: Desks) -> None:
    here = desk(alpha=echo)
    asked(here, "one")
    (run,) = here.session.store.runs()
    here.session.store.delete(run.id)
    tab = here.open("runs", run=run.id)
    assert "This run is deleted" in said(tab)
    tab.button(key="run-restore").click().run()
    assert "This run is deleted" not in said(tab)
    assert here.session.store.runs() != []

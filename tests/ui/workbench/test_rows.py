"""What rows and cards show, and what can be done with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from promptlab import suites
from promptlab.examples import _pool as examples
from promptlab.runs._plans import plan_comparison
from promptlab.runs._rating import Rating
from promptlab.runs._run_info import MadeFor, RunInfo
from promptlab.runs._runner import start_run
from promptlab.runs._store import Store
from promptlab.runs._trial import Given
from promptlab.templates import load
from promptlab.types import Request, Result
from promptlab.ui.workbench import page as bench_page
from promptlab.workspace._workspace import Workspace
from tests.ui.conftest import Desk, bodies, choose, said
from tests.ui.dialogs import dialog

Desks = Callable[..., Desk]
CUP = "templates/cup.yaml"


def echo(request: Request) -> str:
    return f"heard {request.messages[-1].content}"


def asked(here: Desk, *questions: str) -> AppTest:
    tab = here.open()
    for question in questions:
        tab.text_area(key="input-question-cup").set_value(question).run()
        here.run(tab)
    assert not tab.exception
    return tab


def heads(tab: AppTest) -> list[str]:
    """Titles of the rows, from the top."""
    return [title for body in bodies(tab) for title in re.findall(r'class="pl-rowhead"><b>(.*?)</b>', body)]


def press(tab: AppTest, key: str) -> AppTest:
    tab.button(key=key).click().run()
    assert not tab.exception
    return tab


def key_starting(widgets: Any, beginning: str) -> str:
    return next(str(widget.key) for widget in widgets if str(widget.key).startswith(beginning))


def put_run(here: Desk, answers: int, made_for: MadeFor, title: str = "many") -> RunInfo:
    """A run of many answers in the history, as the runner of suites or `promptlab compare` leaves it."""
    where = here.session.workspace
    given = Given.typed({"question": "Who?"})
    (trial,) = plan_comparison(where, load(where, "cup"), given, ["alpha"])
    store = here.session.store
    run = start_run([trial] * answers, catalogue=here.session.catalogue, store=store, title=title, made_for=made_for)
    run.wait()
    return store.run(run.id)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose answers are read from the history."""
    seen: list[str] = []
    read = Store.results

    def counted(self: Store, run_id: str, **more: Any) -> list[Result]:
        seen.append(run_id)
        return read(self, run_id, **more)

    monkeypatch.setattr(Store, "results", counted)
    return seen


def test_every_row_shows_its_question_open_or_folded(desk: Desks) -> None:
    tab = asked(desk(alpha=echo), "Who won?", "Who lost?", "Who came third?")
    for question in ("Who won?", "Who lost?", "Who came third?"):
        assert any('class="pl-question"' in body and question in body for body in bodies(tab))
    assert [code.value for code in tab.code] == ["heard Who came third?"], "only the newest row is open"
    assert re.search(r"alpha:\s+heard Who lost\?", said(tab)), "a folded row says the beginning of its answers"


def test_the_expected_answer_stands_beside_the_question(desk: Desks) -> None:
    here = desk(alpha=echo)
    trials = here.session.lab.plan("cup", {"question": "Who won?"}, models="alpha", expected="Argentina")
    here.session.lab.start(trials, title="with an expected answer").wait()
    assert re.search(r"expected:\s+Argentina", said(here.open()))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_long_question_is_cut_and_says_so(desk: Desks, count: int) -> None:
    question = "word " * 400 * count + "end"
    tab = asked(desk(alpha=["ok"]), question)
    (shown,) = [body for body in bodies(tab) if 'class="pl-question"' in body]
    assert ("…" in shown) == (count > 0)


@pytest.mark.parametrize(
    ("made_for", "title", "words"),
    [
        (MadeFor("suite", "fixtures/suites/cup.yaml", "b"), "suite rerun cup", "suite cup, 40 answers"),
        (MadeFor("suite"), "suite rerun world-cup", "suite world-cup, 40 answers"),
        (MadeFor(), "of the lab", "of the lab, 40 answers"),
    ],
)
def test_a_run_of_many_answers_is_one_line_and_none_of_its_answers_is_read(
    desk: Desks, reads: list[str], made_for: MadeFor, title: str, words: str
) -> None:
    here = desk(alpha=echo)
    run = put_run(here, 40, made_for, title)
    tab = here.open()
    assert not tab.exception
    assert heads(tab) == [words]
    assert run.id not in reads
    assert tab.code == []
    listed = here.open("runs")
    assert heads(listed) == [words]
    assert run.id not in reads


def test_a_suite_asked_in_parts_is_one_line_and_its_judges_none(desk: Desks) -> None:
    here = desk(alpha=echo)
    for _ in range(3):
        put_run(here, 5, MadeFor("suite", "fixtures/suites/cup.yaml", "one"), "suite rerun cup")
    put_run(here, 5, MadeFor("judge", "fixtures/suites/cup.yaml", "two"), "suite judge cup")
    put_run(here, 5, MadeFor("causes", "fixtures/suites/cup.yaml", "three"), "suite causes cup x")
    assert heads(here.open()) == ["suite cup, 15 answers"]


def test_runs_of_suites_take_no_place_from_runs_of_the_workbench(desk: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_page, "LINES", 2)
    here = desk(alpha=echo)
    asked(here, "Who won?")
    for number in range(4):
        put_run(here, 20, MadeFor("suite", "s.yaml", f"b{number}"), "suite rerun s")
    tab = here.open()
    assert heads(tab) == ["suite s, 20 answers", "suite s, 20 answers", "first run"]
    assert "Older answers are on the page Runs" in said(tab)
    assert [code.value for code in tab.code] == ["heard Who won?"]


def test_a_page_of_a_long_run_reads_that_page_only(desk: Desks) -> None:
    here = desk(alpha=echo)
    run = put_run(here, 25, MadeFor("suite", "fixtures/suites/cup.yaml", "b"), "suite rerun cup")
    tab = here.open("runs", run=run.id)
    assert not tab.exception
    assert len(tab.code) == 10
    tab.number_input(key="run-page").set_value(3).run()
    assert len(tab.code) == 5
    assert said(tab).count("Who?") >= 5, "each answer has its question"


# What can be done with a row


def test_a_row_folds_and_stays_as_it_was_left(desk: Desks) -> None:
    here = desk(alpha=echo)
    tab = asked(here, "one", "two")
    older, newer = (run.id[:12] for run in reversed(here.session.store.runs()))
    press(tab, f"fold-{newer}")
    assert tab.code == []
    press(tab, f"fold-{older}")
    assert [code.value for code in tab.code] == ["heard one"]
    tab.text_area(key="input-question-cup").set_value("three").run()
    here.run(tab)
    assert [code.value for code in tab.code] == ["heard three", "heard one"]


def test_a_pinned_row_stands_on_top_also_after_many_others(desk: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_page, "ROWS", 2)
    here = desk(alpha=echo)
    tab = asked(here, "one")
    choose(tab, "Pin to the top")
    assert "pinned" in said(tab)
    tab = asked(here, "two", "three", "four")
    assert heads(tab)[0] == "first run"
    assert len(heads(tab)) == 3
    choose(tab, "Unpin")
    assert heads(tab) == ["question changed"] * 2


def test_a_name_is_shown_with_what_changed_beside_it(desk: Desks) -> None:
    tab = choose(asked(desk(alpha=echo), "one"), "Name")
    tab.text_input(key=key_starting(tab.text_input, "run-name-")).set_value("my <b>best</b>").run()
    press(tab, "run-name-save")
    assert heads(tab) == ["my &lt;b&gt;best&lt;/b&gt;"]
    assert "first run" in said(tab)


def test_a_deleted_run_is_gone_until_undo(desk: Desks) -> None:
    here = desk(alpha=echo)
    tab = choose(asked(here, "one", "two"), "Delete")
    assert heads(tab) == ["first run"]
    assert "Deleted: question changed" in said(tab)
    press(tab, "delete-undo")
    assert heads(tab) == ["question changed", "first run"]
    assert "Deleted:" not in said(tab)


def test_a_line_of_a_suite_offers_no_delete(desk: Desks) -> None:
    here = desk(alpha=echo)
    put_run(here, 20, MadeFor("suite", "s.yaml", "b"), "suite rerun s")
    (menu,) = here.open().menu_button
    assert "Delete" not in menu.options
    assert "Export" in menu.options


def test_the_link_opens_this_run(desk: Desks) -> None:
    here = desk(alpha=echo)
    tab = choose(asked(here, "one"), "Copy link")
    (run,) = here.session.store.runs()
    (link,) = [code.value for code in tab.code if "/runs?run=" in str(code.value)]
    assert link.endswith(f"/runs?run={run.id[:12]}")
    assert "heard one" in said(here.open("runs", run=link.partition("run=")[2]))


def test_answers_are_exported_with_their_label_said(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    where = make_workspace("models: {}\nlabels: {'fixtures/documents/**': confidential}\n")
    tab = press(asked(desk(where, alpha=echo), "one", "two"), "export-shown")
    assert "2 answers of 2 runs" in dialog(tab)
    assert "The text is confidential" in dialog(tab)
    (shown,) = [str(code.value) for code in tab.code if "input: question" in str(code.value)]
    assert "heard one" in shown
    assert "heard two" in shown
    tab = choose(press(tab, "export-answers-close"), "Export")
    assert "1 answer, with" in dialog(tab)


# What can be done with an answer


def rated(here: Desk) -> dict[str, Rating]:
    results = [result for run in here.session.store.runs() for result in here.session.store.results(run.id)]
    return here.session.store.ratings.of(result.id for result in results)


def correct(tab: AppTest, text: str, comment: str = "") -> AppTest:
    """Correct the first answer of the page in the dialog."""
    choose(tab, "Comment or correct")
    tab.text_area(key=key_starting(tab.text_area, "rating-corrected")).set_value(text).run()
    tab.text_input(key=key_starting(tab.text_input, "rating-comment")).set_value(comment).run()
    return press(tab, "rating-save")


def test_a_thumb_is_one_press_and_a_second_takes_it_back(desk: Desks) -> None:
    here = desk(alpha=echo)
    tab = asked(here, "one")
    press(tab, key_starting(tab.button, "rate-bad-"))
    assert [rating.verdict for rating in rated(here).values()] == ["bad"]
    assert "Rated bad" in said(tab)
    press(tab, key_starting(tab.button, "rate-good-"))
    assert [rating.verdict for rating in rated(here).values()] == ["good"]
    press(tab, key_starting(tab.button, "rate-good-"))
    assert rated(here) == {}
    assert "Rated" not in said(tab)


def test_a_correction_stays_when_the_thumb_changes_and_an_unchanged_text_is_none(desk: Desks) -> None:
    here = desk(alpha=echo)
    tab = correct(asked(here, "one"), "Argentina", "too long")
    press(tab, key_starting(tab.button, "rate-bad-"))
    (rating,) = rated(here).values()
    assert (rating.verdict, rating.corrected, rating.comment) == ("bad", "Argentina", "too long")
    assert "right: Argentina" in re.sub(r"\s+", " ", said(tab))
    correct(tab, "heard one")
    (rating,) = rated(here).values()
    assert rating.corrected is None, "the model's own words are no correction"


def test_a_corrected_answer_is_expected_by_the_test_and_the_rating_is_a_mark(desk: Desks) -> None:
    here = desk(alpha=echo)
    tab = correct(asked(here, "Who won?"), "Argentina\nafter penalties")
    press(tab, key_starting(tab.button, "rate-bad-"))
    choose(tab, "Keep as a test")
    assert tab.text_area(key=key_starting(tab.text_area, "keeping-expected")).value == "Argentina\nafter penalties"
    press(tab, "keep-test-do")
    where = here.session.workspace
    (line,) = (where.root / "fixtures/suites/cup.kept.jsonl").read_text().splitlines()
    assert json.loads(line)["expected"] == "Argentina\nafter penalties"
    (mark,) = suites.load_marks(where, "fixtures/suites/cup.yaml").values()
    assert (mark.good, mark.answer) == (False, suites.answer_id("heard Who won?"))


def test_a_corrected_answer_is_the_output_of_the_example(desk: Desks) -> None:
    here = desk(alpha=echo)
    tab = choose(correct(asked(here, "Who won?"), "Argentina"), "Add as example")
    assert tab.text_area(key=key_starting(tab.text_area, "adding-output")).value == "Argentina"
    press(tab, "add-example-do")
    pool = examples.load_pool(here.session.workspace, "fixtures/examples/cup.jsonl")
    assert (pool[-1].inputs, pool[-1].output) == ({"question": "Who won?"}, "Argentina")


@pytest.mark.parametrize(
    ("answer", "view", "code", "words"),
    [
        ("# T\n\n**b**", "Text", ["# T\n\n**b**"], ""),
        ("# T\n\n**b**", "Markdown", [], "T"),
        ('{"a":[1,2.50]}', "JSON", ['{\n  "a": [\n    1,\n    2.50\n  ]\n}'], ""),
        ("no json", "JSON", ["no json"], "Not JSON"),
        ('{"a":1,"a":2}', "JSON", ['{"a":1,"a":2}'], "appears twice"),
        ("![x](http://evil.example/x.png)", "Markdown", [], "[picture: x]"),
    ],
)
def test_an_answer_is_shown_as_text_markdown_or_json(
    desk: Desks, answer: str, view: str, code: list[str], words: str
) -> None:
    tab = asked(desk(alpha=[answer]), "one")
    assert [each.value for each in tab.code] == [answer], "text is the default"
    tab.segmented_control(key="shown-as").set_value(view).run()
    assert not tab.exception
    assert [each.value for each in tab.code] == code
    assert words in said(tab)
    assert not any("<img" in body for body in bodies(tab))

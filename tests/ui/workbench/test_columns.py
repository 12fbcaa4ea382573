"""What Run asks: columns, several answers, several inputs. One click at a time, with scripted models."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.errors import ServerFailed
from promptlab.types import Request
from promptlab.ui.state.drafts import Draft, Drafts
from promptlab.workspace._workspace import Workspace
from tests.ui.conftest import Desk, bodies, said
from tests.ui.workbench.test_page import titles

CUP = "templates/cup.yaml"
Desks = Callable[..., Desk]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def draw(request: Request) -> str:
    """At a temperature another answer each time, as a model gives."""
    if request.params.temperature == 0:
        return "Argentina"
    return ["Argentina", "France", " Argentina\n", "Argentina", "France"][request.repeat % 5]


def spread(tab: AppTest, row: int = 0) -> list[tuple[str, str]]:
    """The lines of the spreads of a row of answers, all columns after each other."""
    text = [body for body in bodies(tab) if "pl-rowhead" in body or "pl-spread" in body]
    parts = "".join(text).split("pl-rowhead")[row + 1]
    lines = re.findall(r'pl-times">(\d+) ×</span><span class="pl-said">(.*?)</span></li>', parts, re.DOTALL)
    return [(count, re.sub(r"<.*?>", " ", words).strip()) for count, words in lines]


def press(here: Desk, tab: AppTest) -> AppTest:
    here.session.jobs._jobs.clear()  # otherwise the press is the second click of a double click
    return here.run(tab)


def pencil(tab: AppTest, column: int) -> AppTest:
    """Open the pencil of a column. A tab of these tests forgets an open popover with every run."""
    tab.session_state[f"column-{column}-cup"] = True
    return tab.run()


def temperature(tab: AppTest, value: float) -> None:
    tab.number_input(key="param-temperature-cup").set_value(value).run()


def test_five_answers_at_a_temperature_are_a_spread_and_run_draws_five_more(desk: Desks) -> None:
    here = desk(alpha=draw)
    tab = here.open()
    temperature(tab, 1.0)
    tab.number_input(key="repeats-cup").set_value(5).run()
    assert "Run asks 5 times." in said(tab)
    here.run(tab)
    assert not tab.exception
    assert spread(tab) == [("3", "Argentina"), ("2", "France")]
    assert len(tab.code) == 0, "a spread, not five cards"
    assert sorted(request.repeat for request in here.models["alpha"].history) == [0, 1, 2, 3, 4]
    press(here, tab)
    assert sorted(request.repeat for request in here.models["alpha"].history) == list(range(10))
    assert "answered before, " not in said(tab)
    assert titles(tab) == ["5 answers each", "5 answers each"]
    assert here.session.drafts.load(CUP).repeats == 5


def test_each_single_answer_of_a_spread_can_be_opened(desk: Desks) -> None:
    here = desk(alpha=draw)
    here.session.drafts.change(CUP, repeats=3, columns=[{"model": "alpha", "params": {"temperature": 1.0}}])
    tab = here.run(here.open())
    (run,) = here.session.store.runs()
    tab.session_state[f"each-{run.id[:12]}"] = True
    tab.run()
    assert not tab.exception
    assert [code.value for code in tab.code] == ["Argentina"]
    box = tab.selectbox(key=f"each-one-{run.id[:12]}")
    assert len(box.options) == 3
    box.select_index(1).run()
    assert [code.value for code in tab.code] == ["France"]


def test_at_temperature_0_the_page_says_that_all_draws_would_be_the_same(desk: Desks) -> None:
    here = desk(alpha=draw)
    tab = here.open()
    tab.number_input(key="repeats-cup").set_value(4).run()
    assert "4 answers would be the same" in said(tab)
    here.run(tab)
    assert len(here.models["alpha"].history) == 1
    press(here, tab)
    assert len(here.models["alpha"].history) == 1
    assert "answered before, " in said(tab)


def test_failures_and_cut_answers_are_beside_the_answers_and_none_of_them(desk: Desks) -> None:
    here = desk(alpha=["Argentina", ServerFailed("429 too many"), "France"])
    here.session.drafts.change(CUP, repeats=3, columns=[{"model": "alpha", "params": {"temperature": 1.0}}])
    tab = here.run(here.open())
    lines = spread(tab)
    assert sorted(lines[:2]) == [("1", "Argentina"), ("1", "France")]
    assert lines[2][0] == "1"
    assert re.fullmatch(r"failed\s+429 too many", lines[2][1])


def test_a_spread_fills_while_answers_come(desk: Desks) -> None:
    def slow(request: Request) -> Any:
        return ["Argentina"] if request.repeat == 0 else [30.0, "France"]

    here = desk(alpha=slow)
    here.session.drafts.change(CUP, repeats=3, columns=[{"model": "alpha", "params": {"temperature": 1.0}}])
    tab = here.open()
    tab.button(key="run").click().run()
    (job,) = here.session.jobs.running()
    here.until(lambda: job.snapshots()[0].result, "the first answer")
    tab.run()
    assert spread(tab) == [("1", "Argentina")]
    assert "2 answers are being asked for" in said(tab)
    job.stop()
    tab = here.settle(tab)
    assert spread(tab)[0] == ("1", "Argentina")
    assert spread(tab)[1] == ("2", "the answer was stopped before its end")


def test_this_prompt_at_three_temperatures_is_one_press(desk: Desks) -> None:
    here = desk(alpha=draw, beta=["never"])
    tab = here.open()
    tab.button(key="compare-temperatures").click().run()
    here.run(tab)
    assert not tab.exception
    asked = here.models["alpha"].history
    assert sorted(request.params.temperature for request in asked) == [0.0, 0.7, 1.0]
    assert here.models["beta"].history == []
    assert titles(tab) == ["temperature 0, 0.7 and 1"]
    assert [w for w in re.findall(r"temperature [\d.]+", said(tab)) if w in ("temperature 0.7", "temperature 1")]
    assert len(tab.code) == 3


def test_this_draft_with_the_saved_version_is_one_press(desk: Desks) -> None:
    here = desk(alpha=lambda request: request.messages[0].content.split("\n")[0])
    tab = here.open()
    assert tab.button(key="compare-saved").disabled, "there is no difference yet"
    tab.text_area(key="text-instructions-cup").set_value("Be brief.").run()
    tab.button(key="compare-saved").click().run()
    here.run(tab)
    assert not tab.exception
    assert [code.value for code in tab.code] == ["Be brief.", "Answer the question from the article."]
    assert titles(tab) == ["this draft against saved version"]


def test_a_column_changes_its_own_model_and_parameters_only(desk: Desks) -> None:
    here = desk(alpha=["a"], beta=["b"])
    tab = here.open()
    pencil(tab, 1).number_input(key="column-1-temperature-cup").set_value(0.5).run()
    pencil(tab, 1).number_input(key="column-1-max_tokens-cup").set_value(7).run()
    here.run(tab)
    assert not tab.exception
    (alpha,), (beta,) = here.models["alpha"].history, here.models["beta"].history
    assert (alpha.params.temperature, alpha.params.max_tokens) == (0.0, 16)
    assert (beta.params.temperature, beta.params.max_tokens) == (0.5, 7)
    pencil(tab, 1).number_input(key="column-1-temperature-cup").set_value(None).run()
    assert here.session.drafts.load(CUP).columns_for(["alpha", "beta"])[1].params == {"max_tokens": 7}


def test_a_closed_pencil_changes_nothing_and_shows_what_is_set_when_it_opens(desk: Desks) -> None:
    here = desk(alpha=["a"])
    tab = here.open()
    tab.button(key="compare-temperatures").click().run()
    assert pencil(tab, 2).number_input(key="column-2-temperature-cup").value == 1.0
    assert [c.params for c in here.session.drafts.load(CUP).columns or ()] == [
        {"temperature": 0.0},
        {"temperature": 0.7},
        {"temperature": 1.0},
    ]


def test_columns_are_added_up_to_four_and_removed_down_to_one(desk: Desks) -> None:
    here = desk(alpha=["a"], beta=["b"])
    tab = here.open()
    for _ in range(2):
        tab.button(key="column-add").click().run()
    chosen = here.session.drafts.load(CUP).columns or ()
    assert [(c.model, dict(c.params)) for c in chosen] == [
        ("alpha", {}),
        ("beta", {}),
        ("beta", {"temperature": 0.7}),
        ("beta", {"temperature": 1.0}),
    ]
    assert tab.button(key="column-add").disabled
    for _ in range(3):
        pencil(tab, 0).button(key="column-remove-0").click().run()
    assert pencil(tab, 0).button(key="column-remove-0").disabled
    assert not tab.exception
    assert len(here.session.drafts.load(CUP).columns or ()) == 1


def test_columns_that_ask_the_same_are_asked_once_and_the_page_says_so(desk: Desks) -> None:
    here = desk(alpha=["a"])
    here.session.drafts.change(CUP, columns=[{"model": "alpha"}, {"model": "alpha"}])
    tab = here.open()
    assert "Columns that ask the same are asked once" in said(tab)
    here.run(tab)
    assert len(here.models["alpha"].history) == 1


@pytest.mark.parametrize("version", ["commit:" + "0" * 40, "variant:short", "nonsense"])
def test_a_version_that_is_not_there_is_said_and_nothing_is_asked(desk: Desks, version: str) -> None:
    here = desk(alpha=["a"])
    here.session.drafts.change(CUP, columns=[{"model": "alpha"}, {"model": "alpha", "version": version}])
    tab = here.open()
    assert not tab.exception
    assert "Column 2" in said(tab)
    assert "cannot be asked" in said(tab)
    assert tab.button(key="run").disabled


def test_drafts_of_before_have_their_models_as_columns(desk: Desks) -> None:
    here = desk(alpha=["a"], beta=["b"], gamma=["c"])
    file = next(iter(_files(here.session.drafts, CUP)))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"template": CUP, "revision": 3, "models": ["gamma", "alpha"], "fresh": False}))
    tab = here.run(here.open())
    assert [code.value for code in tab.code] == ["a", "c"]
    assert here.models["beta"].history == []
    assert Draft(template=CUP, models=("beta", "gone")).columns_for(["alpha", "beta"])[0].model == "beta"


def _files(drafts: Drafts, path: str) -> list[Any]:
    return [drafts._path(path)]


# Several inputs


def rows(here: Desk, text: str, **more: Any) -> AppTest:
    here.session.drafts.change(CUP, several=True, rows_text=text, **more)
    return here.open()


def asked(here: Desk, model: str = "alpha") -> list[str]:
    return sorted(request.messages[-1].content.rsplit("\n")[-1] for request in here.models[model].history)


def test_lines_are_the_rows_of_one_table(desk: Desks) -> None:
    here = desk(alpha=["Argentina"], beta=[HOSTILE])
    tab = rows(here, "Who won?\nWho lost?\nWho won?\n")
    assert "2 inputs: question" in said(tab)
    here.run(tab)
    assert not tab.exception
    tables = [body for body in bodies(tab) if "pl-grid" in body]
    assert len(tables) == 1
    assert len(tab.code) == 0
    assert tables[0].count('<th scope="row">') == 2
    assert "<script" not in tables[0]
    assert asked(here) == ["Who lost?", "Who won?"]
    assert titles(tab) == ["2 inputs"]


def test_pasted_cells_are_marked_by_their_right_answers(desk: Desks) -> None:
    here = desk(alpha=["Argentina"], beta=[ServerFailed("down")])
    tab = rows(here, "question\texpected\nWho won?\tArgentina\nWho lost?\tFrance\nWho came?\t")
    assert "3 inputs: question · 2 with the right answer" in said(tab)
    here.run(tab)
    (table,) = [body for body in bodies(tab) if "pl-grid" in body]
    assert [re.findall(r'aria-label="(right|wrong|not judged)"', row) for row in table.split("<tr>")[2:5]] == [
        ["right"],
        ["wrong"],
        [],
    ], "a failed answer is never wrong"
    assert "1 of 2 right" in table
    assert "3 failed" in table


def test_several_answers_in_a_table_are_spreads(desk: Desks) -> None:
    here = desk(alpha=draw)
    columns = [{"model": "alpha", "params": {"temperature": 1.0}}]
    tab = here.run(rows(here, "Who won?\nWho lost?", repeats=5, columns=columns))
    assert spread(tab) == [("3", "Argentina"), ("2", "France")] * 2
    assert len(here.models["alpha"].history) == 10


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there are no inputs yet"),
        ("question\tanswer\na\tb", "which is no input of this template"),
        ("question\texpected\na\tb\na\tc", "the same inputs, but different right answers"),
        ("\n".join(map(str, range(101))), "there are 101 rows"),
    ],
)
def test_inputs_that_cannot_be_asked_say_why(desk: Desks, text: str, words: str) -> None:
    here = desk(alpha=["a"])
    tab = rows(here, text)
    assert not tab.exception
    assert words in said(tab)
    assert tab.button(key="run").disabled


def test_too_many_requests_are_refused_in_words(desk: Desks) -> None:
    here = desk(alpha=["a"])
    columns = [{"model": "alpha", "params": {"temperature": 1.0}}]
    tab = rows(here, "\n".join(map(str, range(60))), repeats=20, columns=columns)
    assert "Run asks 1,200 times" in said(tab)
    tab.button(key="run").click().run()
    assert "1,200 requests; at most 1,000" in said(tab)
    assert here.models["alpha"].history == []
    tab.number_input(key="repeats-cup").set_value(1).run()
    assert "at most 1,000" not in said(tab)


SUITE = """\
template: templates/cup.yaml
models: [alpha]
scorers: [exact]
cases:
  - {id: winner, inputs: {question: Who won?}, expected: Argentina}
  - {id: loser, inputs: {question: Who lost?}, expected: France, label: confidential}
  - {id: host, inputs: {question: Who hosted it?}, expected: Qatar}
"""


def test_the_cases_of_a_suite_are_rows_with_their_labels_and_scorers(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    from promptlab.models._scripted import ScriptedBackend

    where = make_workspace(files={"fixtures/suites/cup.yaml": SUITE})
    here = desk(where, alpha=["It was Argentina"], beta=ScriptedBackend("beta", ["Argentina"], clearance="public"))
    here.session.drafts.change(CUP, several=True)
    tab = here.open()
    assert tab.selectbox(key="rows-suite-cup").options[1] == "suite cup"
    tab.selectbox(key="rows-suite-cup").set_value("fixtures/suites/cup.yaml").run()
    tab.number_input(key="rows-limit-cup").set_value(2).run()
    here.run(tab)
    assert not tab.exception
    (table,) = [body for body in bodies(tab) if "pl-grid" in body]
    assert table.count('<th scope="row">') == 2
    assert table.count('aria-label="wrong"') == 2, "alpha's, by the suite's scorer `exact`"
    assert table.count('aria-label="right"') == 1
    assert "1 failed" in table, "the confidential case never reached beta"
    assert asked(here, "beta") == ["Who won?"]


def test_a_template_with_two_inputs_takes_the_other_from_its_field(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    text = "inputs:\n  team: {type: string, sample: Brazil}\n  question: {type: string}\n"
    text += "user: '{{ team }}: {{ question }}'\n"
    here = desk(make_workspace(files={CUP: text}), alpha=["ok"])
    tab = rows(here, "question\nWho?\nWhen?")
    assert tab.text_area(key="input-team-cup").value == "Brazil"
    here.run(tab)
    assert asked(here) == ["Brazil: When?", "Brazil: Who?"]

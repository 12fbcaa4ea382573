"""The suites' page: a suite is recorded, replayed, asked again, looked at, marked and accepted without a browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.models._scripted import Script, ScriptedBackend
from promptlab.suites import _annotations as marks
from promptlab.suites import _file as suite_file
from promptlab.suites._items import AskOptions
from promptlab.suites._recording import Recording
from promptlab.suites._suite import Suite
from promptlab.suites._suite_run import SuiteRun, Verb
from promptlab.types import Request
from promptlab.ui.state.suite_jobs import SuiteJob
from promptlab.ui.suites import page as suites_page
from tests.suites.making import PATH, SUITE, knows
from tests.ui.conftest import Desk, bodies, choose, said
from tests.ui.dialogs import all_said, dialog

Desks = Callable[..., Desk]
HOSTILE = "<script>alert(1)</script> **bold** ![x](http://evil.example/x.png)"


def write(here: Desk, text: str = SUITE, path: str = PATH) -> Suite:
    full = here.session.workspace.root / path
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_text(text, encoding="utf-8")
    return suite_file.load_suite(here.session.workspace, path)


def suite_desk(desk: Desks, good: Script = knows, bad: Script = ("No idea.",), text: str = SUITE) -> Desk:
    here = desk(good=good, bad=bad)
    write(here, text)
    return here


def begun(here: Desk, verb: Verb, path: str = PATH, **options: Any) -> SuiteJob:
    """Ask the suite as the page does."""
    now = here.session
    return now.suites.ask(now.workspace, path, verb, AskOptions(**options), catalogue=now.catalogue, store=now.store)


def asked(here: Desk, verb: Verb, path: str = PATH, **options: Any) -> SuiteRun:
    """Ask the suite to its end."""
    job = begun(here, verb, path, **options)
    assert job.wait(20)
    assert job.error is None
    return here.session.suites.log.run(job.snapshot().run_id)


def press(tab: AppTest, key: str) -> AppTest:
    button = tab.button(key=key)
    assert not button.disabled, key
    button.click().run()
    assert not tab.exception
    return tab


def settled(here: Desk, tab: AppTest) -> AppTest:
    for job in here.session.suites.jobs.running():
        assert job.wait(20)
    tab.run()
    assert not tab.exception
    return tab


def cells(tab: AppTest) -> list[str]:
    """The cells of the matrix: the result, and the answer below it."""
    labels = [b.label.replace("\\", "") for b in tab.button if str(b.key).startswith("cell-")]
    return [" / ".join(part.strip().strip("*") for part in label.split("\n")) for label in labels]


def case_labels(tab: AppTest) -> list[str]:
    """The first cells of the rows: the id of the case, and its inputs."""
    return [b.label.replace("\\", "") for b in tab.button if re.match(r"case-\d+$", str(b.key))]


def open_cell(tab: AppTest, number: int) -> AppTest:
    return press(tab, [str(b.key) for b in tab.button if str(b.key).startswith("cell-")][number])


def filters(tab: AppTest) -> Any:
    return next(group for group in tab.button_group if str(group.key).startswith("matrix-show"))


def chips(tab: AppTest) -> list[str]:
    return list(filters(tab).options)


def pick(tab: AppTest, verdict: str) -> AppTest:
    filters(tab).set_value(verdict).run()
    assert not tab.exception
    return tab


def answers(here: Desk, path: str = PATH) -> dict[str, str]:
    suite = suite_file.load_suite(here.session.workspace, path)
    with Recording(here.session.workspace.resolve(suite.recording)) as recording:
        return {one.key.id: one.completion.text for one in recording}


# The list


def test_without_a_suite_the_page_says_how_one_begins(desk: Desks) -> None:
    tab = desk(good=knows).open("suites")
    assert "There is no suite yet" in all_said(tab)


def test_the_list_says_models_state_and_the_last_verdict(desk: Desks) -> None:
    here = suite_desk(desk)
    tab = here.open("suites")
    assert "good, bad" in all_said(tab)
    assert "not recorded" in all_said(tab)
    assert "no run yet" in all_said(tab)
    asked(here, "record")
    tab = here.open("suites")
    assert "not recorded" not in all_said(tab)
    assert "3 of 6 pass (" in all_said(tab)


def test_a_suite_that_cannot_be_read_hides_no_other(desk: Desks) -> None:
    here = suite_desk(desk)
    (here.session.workspace.root / "fixtures/suites/broken.yaml").write_text("models: {\n")
    tab = here.open("suites")
    assert "cannot be read" in all_said(tab)
    assert "good, bad" in all_said(tab)
    assert "This suite cannot be read" in all_said(here.open("suites", suite="fixtures/suites/broken.yaml"))


def test_what_a_suite_says_stays_text(desk: Desks) -> None:
    here = suite_desk(desk, good=lambda _: HOSTILE, text=SUITE.replace("Facts of the final", f"'{HOSTILE}'"))
    run = asked(here, "record")
    for query in ({}, {"suite": PATH}, {"suite": PATH, "run": run.id, "item": "0"}):
        tab = here.open("suites", **query)
        assert not tab.exception
        assert not any("<script" in body or "<img" in body for body in bodies(tab))
    assert HOSTILE in said(tab)


# Asking


def test_nothing_is_asked_before_it_is_said_what_it_takes(desk: Desks) -> None:
    here = suite_desk(desk)
    tab = press(here.open("suites", suite=PATH), "suite-ask")
    assert "good 3 " in " ".join(dialog(tab).split())
    assert "In all at most: 6 calls" in dialog(tab)
    assert not tab.button(key="asks-start").disabled
    tab.number_input[0].set_value(2).run()
    assert "In all at most: 2 calls" in dialog(tab), "the plan is that of the choice"
    assert here.models["good"].history == []


def test_a_suite_is_recorded_from_the_page(desk: Desks) -> None:
    here = suite_desk(desk)
    tab = press(here.open("suites", suite=PATH), "suite-ask")
    settled(here, press(tab, "asks-start"))
    assert answers(here)["winner[good]"] == "Argentina did."
    assert "6 items recorded in fixtures/recordings/facts.jsonl" in all_said(tab)
    assert "3 of 6 pass" in all_said(tab)
    assert "at least 50 %" in all_said(tab)
    assert len(cells(tab)) == 6


def test_replay_asks_nobody_and_shows_what_drifted(desk: Desks) -> None:
    here = suite_desk(desk)
    asked(here, "record")
    before = [len(model.history) for model in here.models.values()]
    tab = here.open("suites", suite=PATH)
    settled(here, press(tab, "suite-replay"))
    assert "Every prompt is as recorded." in all_said(tab)
    template = here.session.workspace.root / "templates/cup.yaml"
    template.write_text(template.read_text().replace("from the article", "from the text"))
    write(
        here, SUITE.replace("{id: host", "{id: third, inputs: {question: Who came third?}, expected: x}\n  - {id: host")
    )
    settled(here, press(tab, "suite-replay"))
    assert "2 missing, 6 drifted." in all_said(tab)
    assert chips(tab) == ["failing 3", "changed 8", "worse 0", "not judged 2"]
    assert [len(model.history) for model in here.models.values()] == before
    open_cell(pick(tab, "changed"), 0)
    assert "instructions edited" in all_said(tab)
    assert any("<del" in body and "pl-instructions" in body for body in bodies(tab))
    press(tab, "case-back")
    open_cell(pick(tab, "not judged"), 0)
    assert "nothing is recorded; the nearest is" in all_said(tab)


def test_the_newest_run_is_shown_unless_another_is_chosen(desk: Desks) -> None:
    here = suite_desk(desk)
    first = asked(here, "record")
    tab = here.open("suites", suite=PATH)
    box = next(one for one in tab.selectbox if one.label == "Run")
    # A browser names its choice by its words: those of the newest must not become those of another.
    words = box.options[0]
    settled(here, press(tab, "suite-replay"))
    box = next(one for one in tab.selectbox if one.label == "Run")
    assert box.options[0] == words
    assert words not in box.options[1:]
    box.set_value(first.id).run()
    assert "Every prompt is as recorded." not in all_said(tab)
    assert "Record" in all_said(tab)


def test_a_replay_that_ends_while_the_page_is_drawn_is_shown(desk: Desks) -> None:
    here = suite_desk(desk)
    asked(here, "record")
    tab = here.open("suites", suite=PATH)
    log = here.session.suites.log
    read = log.runs

    def slowly(*args: Any, **options: Any) -> list[SuiteRun]:
        """What the page read before the job began its run, given when the job has ended."""
        jobs = here.session.suites.jobs.running()
        found = [run for run in read(*args, **options) if not jobs or run.verb != "replay"]
        for job in jobs:
            assert job.wait(20)
        return found

    log.runs = slowly  # type: ignore[method-assign]
    press(tab, "suite-replay")
    assert "Every prompt is as recorded." in all_said(tab)


def test_a_rerun_is_filtered_opened_and_accepted(desk: Desks) -> None:
    here = suite_desk(desk)
    asked(here, "record")
    here.models["good"]._script = lambda request: (
        "France" if "Who won" in request.messages[-1].content else knows(request)
    )
    asked(here, "rerun", prompts="stored")
    tab = here.open("suites", suite=PATH)
    assert "0 better and 1 worse than recorded" in all_said(tab)
    assert chips(tab) == ["failing 4", "changed 1", "worse 1", "not judged 0"]
    assert cells(tab)[:2] == ["✗ fail · worse / France", "✗ fail / No idea."]
    assert "good pass rate 66.7 %, 95 % interval" in all_said(tab)
    assert "bad pass rate 0.0 %, 95 % interval" in all_said(tab)
    assert "Who won the cup?" in case_labels(tab)[0]
    assert any('class="pl-expected">Argentina' in body for body in bodies(tab))
    pick(tab, "worse")
    assert len(cells(tab)) == 2, "the case, whole"
    open_cell(tab, 0)
    assert "passed, and does not any more" in all_said(tab)
    assert "Chance: nothing changed" in all_said(tab)
    assert "byte for byte the same" in all_said(tab)
    assert any("<del" in body and "Argentina" in body for body in bodies(tab))
    press(tab, "accept-one")
    assert "1 answer would be recorded" in dialog(tab)
    assert "This answer fails" in dialog(tab)
    assert "contains: does not hold 'Argentina'" in dialog(tab)
    assert "although it fails" in tab.button(key="accept-do").label
    assert answers(here)["winner[good]"] == "Argentina did.", "shown first, written when it is said"
    press(tab, "accept-do")
    assert answers(here)["winner[good]"] == "France"
    assert answers(here)["host[good]"] == "In Qatar."


def test_all_that_is_shown_is_accepted_and_nothing_else(desk: Desks) -> None:
    here = suite_desk(desk)
    asked(here, "record")
    here.models["good"]._script = ["Nobody."]
    here.models["bad"]._script = knows
    asked(here, "rerun", prompts="stored")
    tab = pick(here.open("suites", suite=PATH), "worse")
    press(tab, "accept-all")
    assert "3 answers would be recorded" in dialog(tab)
    assert "3 of these answers fail" in dialog(tab)
    press(tab, "accept-do")
    assert answers(here)["winner[good]"] == "Nobody."
    assert answers(here)["winner[bad]"] == "No idea."


def test_a_case_is_found_by_the_beginning_of_its_id(desk: Desks) -> None:
    here = suite_desk(desk)
    asked(here, "record")
    tab = here.open("suites", suite=PATH)
    tab.text_input(key="matrix-case").set_value("ho").run()
    assert len(cells(tab)) == 2
    tab.text_input(key="matrix-case").set_value("nothing like it").run()
    assert "No case matches" in all_said(tab)


def test_a_long_suite_is_paged_and_every_case_comes_once(desk: Desks) -> None:
    cases = "".join(
        f"  - {{id: c{n:03}, inputs: {{question: Who won the cup?}}, expected: Argentina}}\n" for n in range(60)
    )
    here = suite_desk(desk, text=SUITE[: SUITE.index("  - {id: winner")] + cases)
    asked(here, "record")
    tab = here.open("suites", suite=PATH)
    seen = []
    for _ in range(3):
        seen += case_labels(tab)
        if any(b.key == "matrix-more" for b in tab.button):
            press(tab, "matrix-more")
    assert len(seen) == len(set(seen)) == 60
    press(press(tab, "matrix-earlier"), "matrix-earlier")
    assert "c000" in case_labels(tab)[0]


def test_marks_say_who_made_them_and_can_be_taken_away(desk: Desks) -> None:
    here = suite_desk(desk)
    run = asked(here, "record")
    tab = here.open("suites", suite=PATH, run=run.id, item="0")
    tab.text_input(key="suite-who").set_value("Ann").run()
    press(tab, "mark-recorded-good")
    (mark,) = marks.load_marks(here.session.workspace, PATH).values()
    assert (mark.case, mark.model, mark.good, mark.by) == ("winner", "good", True, "Ann")
    assert "marked good by Ann" in all_said(tab)
    press(tab, "mark-recorded-bad")
    assert [one.good for one in marks.load_marks(here.session.workspace, PATH).values()] == [False]
    press(tab, "mark-recorded-bad")
    assert marks.load_marks(here.session.workspace, PATH) == {}


def test_the_judge_is_shown_with_its_agreement(desk: Desks) -> None:
    here = desk(good=knows, bad=["No idea."], judge=['{"reason": "it is", "pass": true}'])
    write(here, SUITE.replace("scorers: [contains]", "scorers: [{judge: {model: judge}}]"))
    run = asked(here, "record")
    tab = here.open("suites", suite=PATH, run=run.id, item="0")
    assert "No answer that the judge scored has a mark yet" in all_said(tab)
    press(tab, "mark-recorded-good")
    tab = here.open("suites", suite=PATH, run=run.id, item="1")
    press(tab, "mark-recorded-bad")
    assert "The judge agrees with 1 of 2 marks" in all_said(tab)
    assert "it is" in all_said(tab)


def test_a_missing_answer_is_called_that_in_the_table(desk: Desks) -> None:
    here = desk(good=knows, bad=lambda _: RuntimeError("down"))
    write(here, SUITE)
    run = asked(here, "record")
    tab = here.open("suites", suite=PATH, run=run.id)
    assert any("no answer" in cell for cell in cells(tab))
    assert not any("cannot tell" in cell for cell in cells(tab))


def test_what_is_not_judged_is_shown_with_its_reason_and_counted(desk: Desks) -> None:
    here = desk(
        good=knows, bad=["No idea."], judge=lambda request: "fine" if "172" in request.messages[-1].content else RIGHT
    )
    judges = "[{judge: {model: judge, question: Kind?}}, {judge: {model: judge, question: Right?}}]"
    text = SUITE.replace("[contains]", judges).replace(", scorers: [numeric]", "").replace("[good, bad]", "[good]")
    write(here, text.replace("thresholds: [at least 50 %]\n", ""))
    run = asked(here, "record")
    tab = here.open("suites", suite=PATH, run=run.id)
    assert "2 of 2 pass" in all_said(tab)
    assert "1 not judged" in all_said(tab)
    assert cells(tab)[-1] == "? not judged / 172 goals"
    tab = here.open("suites", suite=PATH, run=run.id, item="2")
    assert "not judged: " in all_said(tab)
    assert "the judge did not answer with JSON: 'fine'" in all_said(tab)
    assert "? not judged" in "".join(bodies(tab))
    assert all_said(tab).count("No answer that the judge scored has a mark yet") == 2  # one line for each judge


RIGHT = '{"reason": "it is", "pass": true}'


# Under way


class Gate:
    """A model that answers when it is let."""

    def __init__(self, free: int) -> None:
        self.free, self.open = free, threading.Event()
        self.count = 0

    def __call__(self, request: Request) -> str:
        self.count += 1
        if self.count > self.free:
            assert self.open.wait(20)
        return knows(request)


def test_progress_survives_a_reload_and_a_pause_is_taken_up(desk: Desks) -> None:
    gate = Gate(1)
    here = desk(good=ScriptedBackend("good", gate, max_parallel=1), bad=["No idea."])
    write(here)
    begun(here, "record")
    here.until(lambda: gate.count > 1, "the first answer")
    tab = here.open("suites", suite=PATH)
    assert "Record: " in all_said(tab)
    assert " of 6" in all_said(tab)
    assert tab.button(key="suite-ask").disabled
    assert "Record is running" in all_said(here.open("suites"))
    press(here.open("suites", suite=PATH), "suite-pause")
    gate.open.set()
    tab = settled(here, here.open("suites", suite=PATH))
    before = gate.count
    assert before < 3, "nothing more was begun"
    assert "Record was stopped" in all_said(tab)
    settled(here, press(tab, "suite-take-up"))
    assert "Record was stopped" not in all_said(tab)
    assert gate.count == 3, "what had its answer was not asked again"
    assert len(answers(here)) == 6


def test_what_a_killed_process_left_is_offered(desk: Desks) -> None:
    here = suite_desk(desk)
    run = asked(here, "record", limit=2)
    here.session.suites.log.take_up(run, 6)  # as it stands while a process is at it
    again = desk(here.session.workspace, good=knows, bad=["No idea."])
    tab = again.open("suites", suite=PATH)
    assert "Record was interrupted: 2 of 6 items are done" in all_said(tab)
    settled(again, press(tab, "suite-take-up"))
    assert len(answers(again)) == 6
    assert len(again.models["good"].history) == 2


def test_stop_breaks_off_a_rerun(desk: Desks) -> None:
    here = suite_desk(desk)
    asked(here, "record")
    here.models["good"]._script = lambda _: ["slow", 20.0, "er"]
    job = begun(here, "rerun", prompts="stored")
    here.until(lambda: job.snapshot().total, "a beginning")
    tab = here.open("suites", suite=PATH)
    press(tab, "suite-stop")
    assert job.wait(10)
    assert "Rerun was stopped" in all_said(settled(here, tab))


# Two runs


def test_two_runs_are_compared(desk: Desks) -> None:
    here = suite_desk(desk)
    asked(here, "record")
    first = asked(here, "rerun", prompts="stored")
    here.models["bad"]._script = knows
    asked(here, "rerun", prompts="current")
    tab = here.open("suites", suite=PATH)
    box = next(one for one in tab.selectbox if one.label == "Compare with")
    box.set_value(first.id).run()
    assert "3 cases are better and 0 worse than in the older run" in all_said(tab)
    assert "Cannot be told yet." in all_said(tab), "three cases are too few"
    assert cells(tab)[:2] == ["✗ fail / No idea.", "✓ pass · better / Argentina did."]
    open_cell(tab, 1)
    assert "winner[bad]" in all_said(tab).replace("\\", "")


# Keep as a test


def keep(tab: AppTest) -> AppTest:
    return choose(tab, "Keep as a test")


def field(tab: AppTest, name: str) -> str:
    found = [str(w.key) for w in [*tab.text_input, *tab.selectbox]]
    return next(key for key in found if key.startswith(f"keeping-{name}"))


def test_an_answer_is_kept_as_a_test_in_a_new_suite_and_replays(desk: Desks) -> None:
    here = desk(good=["Argentina"])
    tab = keep(here.run(here.open()))
    tab.text_input(key=field(tab, "name")).set_value("kept").run()
    tab.text_input(key=field(tab, "expected")).set_value("Argentina").run()
    press(tab, "keep-test-do")
    assert "Added to kept as the case who-won" in all_said(tab)
    path = "fixtures/suites/kept.yaml"
    assert list(answers(here, path).values()) == ["Argentina"]
    tab = here.open("suites", suite=path)
    settled(here, press(tab, "suite-replay"))
    assert "1 of 1 pass" in all_said(tab)
    assert "Every prompt is as recorded." in all_said(tab)


def test_a_suite_of_the_same_template_is_offered_and_the_question_is_kept_once(desk: Desks) -> None:
    here = desk(good=["Argentina"])
    write(here, SUITE.replace("[good, bad]", "[good]"))
    write(
        here,
        SUITE.replace("template: cup", "messages: [{role: user, content: '{{ question }}'}]"),
        "fixtures/suites/other.yaml",
    )
    tab = keep(here.run(here.open()))
    assert tab.selectbox(key=field(tab, "suite")).options == ["facts", "a new suite"]
    press(press(tab, "keep-test-do"), "keep-test-close")
    assert "keep-test-do" not in {b.key for b in tab.button}
    tab = press(keep(here.open()), "keep-test-do")
    assert "facts already has this question" in all_said(tab)


def test_a_name_that_is_none_keeps_nothing(desk: Desks) -> None:
    here = desk(good=["Argentina"])
    tab = keep(here.run(here.open()))
    tab.text_input(key=field(tab, "name")).set_value("a b").run()
    press(tab, "keep-test-do")
    assert "The test was not saved" in dialog(tab)
    assert not (here.session.workspace.root / "fixtures/suites").exists()


@pytest.mark.parametrize(
    ("chosen", "query", "opened"),
    [
        ("Results", {"suite": PATH, "run": "r", "item": "3"}, None),  # sent by a page that was left meanwhile
        ("Cases", {"suite": PATH, "run": "r", "item": "3"}, None),
        ("Results", {"suite": PATH}, None),
        ("Cases", {}, None),
        ("Cases", {"suite": PATH}, {"suite": PATH, "view": "cases"}),
    ],
)
def test_a_late_message_of_a_page_that_was_left_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, chosen: str, query: dict[str, str], opened: dict[str, str] | None
) -> None:
    went: list[dict[str, str]] = []
    monkeypatch.setattr(suites_page.links, "address", lambda **address: went.append(address))
    monkeypatch.setattr(
        suites_page,
        "st",
        SimpleNamespace(session_state={"view": chosen}, query_params=SimpleNamespace(to_dict=lambda: query)),
    )
    suites_page._turn_to("view", "Results")
    assert went == ([] if opened is None else [opened])

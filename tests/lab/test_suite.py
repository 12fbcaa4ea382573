"""Suites from Python: the same verbs, the same results and the same files as on the command line."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from promptlab import InputError, Lab, ModelNotFound, SuiteResults
from promptlab import suites as face
from promptlab.cli import suite as cli_suite
from promptlab.cli._main import cli
from promptlab.errors import ServerFailed, SuiteBusy
from promptlab.suites._lock import hold_suite
from promptlab.suites._outcome import Answered
from promptlab.suites._summary import outcome_of_answer
from promptlab.suites._thresholds import Outcome
from tests.suites.making import PATH, SUITE, SuiteHouse, knows, suites

__all__ = ["suites"]


@pytest.fixture
def lab(suites: SuiteHouse) -> Iterator[Lab]:
    with Lab(suites.workspace, models=suites.house.models) as opened:
        yield opened


def asked(suites: SuiteHouse) -> int:
    return sum(len(model.history) for model in suites.house.models.values())


def outcomes(results: SuiteResults) -> dict[str, str]:
    return {one.id: one.outcome for one in sorted(results, key=lambda one: one.id)}


def edit_template(suites: SuiteHouse) -> None:
    file = suites.workspace.root / "templates/cup.yaml"
    file.write_text(file.read_text().replace("instructions: |\n  ", "instructions: |\n  Please. ", 1))


def test_a_suite_has_its_cases_and_models(lab: Lab) -> None:
    assert lab.suites() == [PATH]
    suite = lab.suite("facts")
    assert (suite.name, suite.path, suite.models, suite.is_recorded) == ("facts", PATH, ("good", "bad"), False)
    assert [(case.id, case.expected) for case in suite.cases] == [
        ("winner", "Argentina"),
        ("host", "Qatar"),
        ("goals", 172),
    ]
    with pytest.raises(InputError, match="facts"):
        lab.suite("fact")


def test_recording_asks_each_item_once_and_writes_the_file_of_the_command_line(
    lab: Lab, suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = lab.suite("facts").record()
    assert (len(results), asked(suites)) == (6, 6)
    assert {one.id: one.passed for one in results if one.model == "good"} == {
        f"{case}[good]": True for case in ("winner", "host", "goals")
    }
    assert results.ok
    assert results.summary.passed == 3
    file = suites.workspace.resolve(suites.suite.recording)
    by_lab = file.read_bytes()
    file.unlink()
    monkeypatch.chdir(suites.workspace.root)
    monkeypatch.setattr(cli_suite, "opened", lambda: Lab(suites.workspace, catalogue=suites.house.catalogue))
    assert CliRunner().invoke(cli, ["suite", "record", "facts", "--fresh"]).exit_code == 0
    assert file.read_bytes() == by_lab


def test_a_replay_of_what_is_recorded_passes_and_asks_nobody(lab: Lab, suites: SuiteHouse) -> None:
    suites.record()
    before = asked(suites)
    results = lab.suite("facts").replay()
    assert set(outcomes(results).values()) == {"passed"}
    # What is recorded as wrong and still is does not fail a replay, and is wrong all the same.
    assert {one.id for one in results if one.passed is False} == {"winner[bad]", "host[bad]", "goals[bad]"}
    assert results.ok
    assert results.failing == []
    assert asked(suites) == before


def test_a_replay_shows_what_an_edit_changed(lab: Lab, suites: SuiteHouse) -> None:
    suites.record()
    edit_template(suites)
    suite = lab.suite("facts")
    results = suite.replay()
    assert not results.ok
    assert {one.verdict for one in results} == {"drifted"}
    assert {change.section for change in results[0].entry.prompt if change.kind != "same"} == {"instructions"}
    assert [one.id for one in suite.replay(only="winner")] == ["winner[good]", "winner[bad]"]
    assert [one.id for one in suite.replay(only=["host[bad]"])] == ["host[bad]"]


def test_a_replay_without_a_recording_is_an_error(lab: Lab) -> None:
    with pytest.raises(InputError):
        lab.suite("facts").replay()


def test_a_rerun_says_what_became_worse(lab: Lab, suites: SuiteHouse) -> None:
    suites.record()
    suites.house.model("good", lambda request: "No." if "Who won" in request.messages[-1].content else knows(request))
    results = lab.suite("facts").rerun()
    assert [one.id for one in results.failing] == ["winner[good]"]
    (worse,) = results.failing
    assert (worse.verdict, worse.text, worse.entry.was, worse.passed) == ("worse", "No.", "Argentina did.", False)
    assert results.summary.comparison is not None
    assert results.summary.comparison.worse == 1
    assert not results.ok
    again = lab.suite("facts").rerun(only_failed=True, fresh=True)
    assert {one.id for one in again} == {"winner[good]", "winner[bad]", "host[bad]", "goals[bad]"}
    assert [run.verb for run in lab.suite("facts").runs()] == ["rerun", "rerun", "record"]


def test_limits_end_a_rerun_and_the_same_call_continues(lab: Lab, suites: SuiteHouse) -> None:
    suites.record()
    before = asked(suites)
    first = lab.suite("facts").rerun(models=["good"], max_tokens=60)
    assert first.stopped
    assert not first.ok
    assert 0 < len(first) < 3
    rest = lab.suite("facts").rerun(models=["good"])
    assert not rest.stopped
    assert asked(suites) == before + 3
    assert len(lab.suite("facts").rerun(limit=2, fresh=True)) == 2


def test_an_item_without_an_answer_is_an_error_and_the_recording_keeps_the_old_one(
    lab: Lab, suites: SuiteHouse
) -> None:
    suites.record()
    broken: list[Any] = [ServerFailed("down")]
    suites.house.models["good"]._script = broken
    results = lab.suite("facts").record(fresh=True)
    assert {one.id for one in results if one.outcome == "error"} == {"winner[good]", "host[good]", "goals[good]"}
    assert [one.passed for one in results if one.model == "good"] == [None] * 3
    assert not results.ok
    assert {s.key.id: s.completion.text for s in suites.stored()}["winner[good]"] == "Argentina did."


def test_ctrl_c_keeps_what_was_answered_and_frees_the_suite(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Answered] = []

    def third_time(answered: Answered) -> Outcome:
        seen.append(answered)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return outcome_of_answer(answered)

    suite = lab.suite("facts")
    with monkeypatch.context() as patched:
        patched.setattr(face, "outcome_of_answer", third_time)
        with pytest.raises(KeyboardInterrupt):
            suite.record()
    assert len(seen) == 3
    assert suite.runs()[0].state == "stopped"
    results = suite.record()
    assert len(results) == 6
    assert results.ok
    assert [run.verb for run in suite.runs()] == ["record"]


def test_a_suite_that_is_in_use_says_so(lab: Lab, suites: SuiteHouse) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with hold_suite(suites.workspace, PATH, "record"):
            held.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    try:
        with pytest.raises(SuiteBusy):
            lab.suite("facts").record()
    finally:
        done.set()
        thread.join()
    assert asked(suites) == 0


def test_an_unknown_model_is_an_error_before_anything_is_asked(lab: Lab, suites: SuiteHouse) -> None:
    with pytest.raises(ModelNotFound):
        lab.suite("facts").record(models=["nine"])
    assert asked(suites) == 0


def test_a_table_has_pass_and_fail(lab: Lab, suites: SuiteHouse) -> None:
    suites.record()
    table = lab.suite("facts").replay().to_pandas()
    assert len(table) == 6
    assert table.groupby("model").passed.mean().to_dict() == {"good": 1.0, "bad": 0.0}
    assert set(table.outcome) == {"passed"}
    assert str(table.passed.dtype) == "boolean"


SECRET = SUITE.replace("expected: Argentina,", "expected: Argentina, label: confidential,")


def test_labelled_text_is_masked_where_it_is_shown(suites: SuiteHouse) -> None:
    file = suites.workspace.root / "promptlab.yaml"
    file.write_text(file.read_text() + 'labels:\n  "fixtures/recordings/**": confidential\n')
    suites.house.workspace = type(suites.workspace).load(suites.workspace.root)
    suites.write(SECRET)
    with Lab(suites.workspace, models=suites.house.models) as labelled:
        results = labelled.suite("facts").record()
        winner = next(one for one in results if one.id == "winner[good]")
        assert winner.text == "Argentina did."
        page, table = results._repr_html_(), results.to_pandas()
        assert "Argentina" not in page + repr(results) + repr(winner)
        assert "In Qatar." in page
        assert "Argentina did." not in set(table.text)
        assert "Argentina did." in set(results.to_pandas(show_labelled=True).text)


def test_what_a_model_writes_is_escaped(lab: Lab, suites: SuiteHouse) -> None:
    suites.house.models["bad"]._script = ["<img src=x onerror=alert(1)>\x1b[2J"]
    results = lab.suite("facts").record()
    page = results._repr_html_()
    assert "<img" not in page
    assert "&lt;img" in page
    assert "\x1b" not in page + repr(results)


@pytest.mark.parametrize("fault", [None, edit_template], ids=["as recorded", "edited"])
def test_ok_is_what_the_command_line_exits_with(
    lab: Lab,
    suites: SuiteHouse,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[SuiteHouse], None] | None,
) -> None:
    suites.record()
    if fault:
        fault(suites)
    monkeypatch.chdir(suites.workspace.root)
    monkeypatch.setattr(cli_suite, "opened", lambda: Lab(suites.workspace, catalogue=suites.house.catalogue))
    replayed = CliRunner().invoke(cli, ["suite", "replay", "facts"])
    assert (replayed.exit_code == 0) == lab.suite("facts").replay().ok == (fault is None)
    words = ["suite", "rerun", "facts", "--prompts", "current"]
    rerun = CliRunner().invoke(cli, words)
    results = lab.suite("facts").rerun(prompts="current", fresh=True)
    assert (rerun.exit_code == 0) == results.ok
    assert re.search(r"(\d+) of 6 pass", rerun.output)[1] == str(results.summary.passed)  # type: ignore[index]


def test_history_estimate_rename_and_prune_from_python(lab: Lab, suites: SuiteHouse) -> None:
    suite = lab.suite("facts")
    estimate = suite.estimate()
    assert (estimate.calls, asked(suites)) == (6, 0)
    assert suite.estimate("rerun").calls == 0, "nothing is recorded to be sent again"
    suite.record(max_tokens=estimate.max_tokens)
    assert suite.estimate("rerun").calls == 6
    history = suite.history()
    table = history.to_pandas()
    assert (len(history), list(table.passes), list(table.judged)) == (1, [3], [6])
    assert table.low[0] < table.rate[0] < table.high[0]
    assert "3 of 6" in repr(history)
    assert "record" in history._repr_html_()
    assert suite.rename_case("winner", "champion").suites[0].items == 2
    assert suite.replay().ok
    suites.write(SUITE.replace("id: winner", "id: champion").replace("[good, bad]", "[good]"))
    assert not suite.replay().ok
    assert len(suite.prune()) == 3
    assert suite.replay().ok

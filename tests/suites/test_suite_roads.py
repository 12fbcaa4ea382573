"""A suite from its file to its recording and back: record, replay, rerun, accept."""

from __future__ import annotations

import subprocess
import sys

import pytest

from promptlab.errors import GateRefused, SuiteError
from promptlab.suites._baseline import RunAnswers, baseline_changes, write_recording
from promptlab.suites._outcome import Answered
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._recording import Recording
from promptlab.suites._suite import ItemKey
from tests.places import ROOT
from tests.suites.making import SUITE, SuiteHouse, in_order, suites, verdicts

__all__ = ["suites"]


def ids(found: list[Answered]) -> list[str]:
    return [one.item.key.id for one in found]


def test_record_asks_every_item_once_and_keeps_it_in_the_order_of_the_suite(suites: SuiteHouse) -> None:
    found = suites.record()
    assert ids(found) == [f"{case}[{model}]" for case in ("winner", "host", "goals") for model in ("good", "bad")]
    assert [len(suites.house.models[name].history) for name in ("good", "bad")] == [3, 3]
    stored = suites.stored()
    assert [one.key.id for one in stored] == ids(found)
    assert [one.scores[0].value for one in stored] == [1, 0, 1, 0, 1, 0]
    assert stored[4].scores[0].scorer == "numeric"
    assert stored[0].request.messages in [request.messages for request in suites.house.models["good"].history]


def test_recording_the_same_answers_again_gives_the_same_bytes(suites: SuiteHouse) -> None:
    suites.record()
    path = suites.workspace.resolve(suites.suite.recording)
    first = path.read_bytes()
    suites.record()
    assert path.read_bytes() == first


def test_what_is_recorded_is_read_only_for_items_without_a_new_answer(
    suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    suites.record()
    asking = suites.asking(resume=False)
    ended = in_order(asking)
    wanted: list[ItemKey] = []
    find = Recording.find

    def noted(recording: Recording, key: ItemKey) -> RecordedItem | None:
        wanted.append(key)
        return find(recording, key)

    monkeypatch.setattr(Recording, "find", noted)
    answers = RunAnswers(suites.house.store, suites.log, asking.run)
    assert write_recording(suites.workspace, suites.suite, answers, only={ended[0].item.key}) == 1
    assert wanted == [one.item.key for one in ended[1:]]
    wanted.clear()
    assert write_recording(suites.workspace, suites.suite, answers) == len(ended)
    assert wanted == []


def test_replay_of_what_was_recorded_is_the_same_and_asks_nobody(suites: SuiteHouse) -> None:
    suites.record()
    asked = len(suites.house.models["good"].history)
    found = suites.replay()
    assert {one.status for one in found} == {"same"}
    assert not any(one.rescored for one in found)
    assert len(suites.house.models["good"].history) == asked


def test_an_edited_section_is_drift_that_names_the_section(suites: SuiteHouse) -> None:
    suites.record()
    template = suites.workspace.root / "templates/cup.yaml"
    text = template.read_text()
    template.write_text(text.replace("instructions: |\n  ", "instructions: |\n  Please. ", 1))
    assert template.read_text() != text
    found = suites.replay()
    assert {one.status for one in found} == {"drifted"}
    assert {one.said for one in found} == {"instructions edited"}
    assert all(one.sections() == ("instructions",) for one in found)


def test_a_case_that_is_not_recorded_is_a_miss_with_the_nearest_stored_request(suites: SuiteHouse) -> None:
    suites.record()
    suites.write(SUITE + "  - {id: winners, inputs: {question: Who won it all?}, expected: Argentina}\n")
    missing = [one for one in suites.replay() if one.status == "missing"]
    assert [one.key.id for one in missing] == ["winners[good]", "winners[bad]"]
    assert missing[0].nearest is not None
    assert missing[0].nearest.key.id == "winner[good]"
    assert (
        missing[0].said
        == "nothing is recorded; the nearest is winner[good], from which it differs in: question changed"
    )


def test_a_case_that_went_is_said(suites: SuiteHouse) -> None:
    suites.record()
    suites.write("".join(line for line in SUITE.splitlines(True) if "id: host" not in line))
    gone = [one for one in suites.replay() if one.status == "unexpected"]
    assert [one.key.id for one in gone] == ["host[good]", "host[bad]"]
    assert [one.status for one in suites.replay() if one.status != "unexpected"] == ["same"] * 4


def test_cases_in_another_order_are_still_found(suites: SuiteHouse) -> None:
    suites.record()
    head, _, cases = SUITE.partition("cases:\n")
    suites.write(head + "cases:\n" + "".join(reversed(cases.splitlines(True))))
    assert {one.status for one in suites.replay()} == {"same"}


def test_a_scorer_that_changed_says_so_in_replay(suites: SuiteHouse) -> None:
    suites.record()
    suites.write(SUITE.replace("scorers: [contains]", "scorers: [exact]"))
    assert [one.key.case for one in suites.replay() if one.rescored] == ["winner", "winner", "host", "host"]


def test_replay_imports_no_vendor_and_opens_no_connection(suites: SuiteHouse) -> None:
    suites.record()
    program = (
        "import socket, sys\n"
        "def no(*a, **k): raise AssertionError('a connection')\n"
        "socket.socket.connect = no\n"
        "from promptlab.workspace._workspace import Workspace\n"
        "from promptlab.suites import _file as suite_file\n"
        "from promptlab.suites._replay import replay_suite\n"
        "w = Workspace.find()\n"
        "found = list(replay_suite(w, suite_file.load_suite(w, 'facts')))\n"
        "assert len(found) == 6 and all(one.status == 'same' for one in found)\n"
        "assert not {'openai', 'llama_cpp', 'httpx2', 'streamlit'} & set(sys.modules)\n"
    )
    root = ROOT
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=suites.workspace.root,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_rerun_sends_the_stored_prompts_whatever_the_template_says_now(suites: SuiteHouse) -> None:
    suites.record()
    sent = {request.messages for request in suites.house.models["good"].history}
    template = suites.workspace.root / "templates/cup.yaml"
    template.write_text(template.read_text().replace("instructions: |\n  ", "instructions: |\n  Please. ", 1))
    found = suites.rerun(prompts="stored")
    assert {request.messages for request in suites.house.models["good"].history[3:]} == sent
    assert set(verdicts(found).values()) == {"same"}


def test_worse_and_better_and_as_good_are_told_apart(suites: SuiteHouse) -> None:
    suites.record()
    suites.house.model("good", lambda r: "It was Argentina." if "Who won" in r.messages[-1].content else "Nowhere.")
    suites.house.model("bad", lambda r: "Qatar" if "Where" in r.messages[-1].content else "No idea.")
    assert verdicts(suites.rerun(prompts="stored")) == {
        "winner[good]": "as good",
        "winner[bad]": "same",
        "host[good]": "worse",
        "host[bad]": "better",
        "goals[good]": "worse",
        "goals[bad]": "same",
    }


def test_a_failed_item_cannot_be_told_and_keeps_what_was_recorded(suites: SuiteHouse) -> None:
    suites.record()
    before = suites.stored()
    suites.house.model("bad", [RuntimeError("broken")])
    found = suites.record()
    assert {one.verdict.kind for one in found if one.item.key.model == "bad"} == {"cannot tell"}
    assert suites.stored() == before


def test_accept_takes_over_the_answers_it_was_told_to(suites: SuiteHouse) -> None:
    suites.record()
    suites.house.model("good", lambda r: "Argentina, 4-2 on penalties" if "Who" in r.messages[-1].content else "?")
    asking = suites.asking("rerun", prompts="stored")
    list(asking)
    answers = RunAnswers(suites.house.store, suites.log, asking.run)
    shown = list(baseline_changes(suites.workspace, suites.suite, answers, wanted=["winner"]))
    assert [(c.key.id, c.old and c.old.completion.text, c.new.completion.text) for c in shown] == [
        ("winner[good]", "Argentina did.", "Argentina, 4-2 on penalties")
    ]
    keys = {change.key for change in shown}
    assert write_recording(suites.workspace, suites.suite, answers, only=keys) == 1
    assert [one.completion.text for one in suites.stored()][:3] == [
        "Argentina, 4-2 on penalties",
        "No idea.",
        "In Qatar.",
    ]


def test_a_paused_run_is_taken_up_and_asks_only_what_is_left(suites: SuiteHouse) -> None:
    asking = suites.asking()
    for number, _ in enumerate(asking):
        if number == 0:
            asking.stop()
    again = suites.asking()
    assert again.run.id == asking.run.id
    list(again)
    assert suites.log.run(asking.run.id).state == "finished"
    assert suites.log.run(asking.run.id).done == 6
    asked = [request.messages for name in ("good", "bad") for request in suites.house.models[name].history]
    assert len(asked) <= 6 + 2


def test_a_killed_run_pays_for_no_recorded_answer_twice(suites: SuiteHouse) -> None:
    """The log ends after the chunk was written: the answers are in the run history, the rows are not."""
    asking = suites.asking()
    iterator = iter(asking)
    next(iterator)
    # As after kill -9: nothing more is written to the log, and the run still says that it is running.
    with suites.log._db.writing() as connection:
        connection.exec_driver_sql("DELETE FROM item_rows")
        connection.exec_driver_sql("DELETE FROM counts")
    while len(suites.house.store.results(suites.log.chunks(asking.run)[0].store_run)) < 6:
        pass
    again = suites.asking()
    assert again.run.id == asking.run.id
    assert again.resumed == 6
    assert len(list(again)) == 6
    assert sum(len(model.history) for model in suites.house.models.values()) == 6


def test_another_suite_text_begins_another_run(suites: SuiteHouse) -> None:
    asking = suites.asking()
    next(iter(asking))
    suites.write(SUITE + "# changed\n")
    assert suites.asking().run.id != asking.run.id


def test_limits_are_kept_and_said(suites: SuiteHouse) -> None:
    asking = suites.asking(max_tokens=120)
    found = in_order(asking)
    assert 0 < len(found) < 6
    assert asking.out_of == "the next item may take the run past 120 tokens"
    assert asking.spent.tokens <= 120
    assert suites.log.run(asking.run.id).state == "stopped"


def test_only_and_limit_choose_items(suites: SuiteHouse) -> None:
    assert ids(in_order(suites.asking(only=("host", "winner[bad]")))) == ["winner[bad]", "host[good]", "host[bad]"]
    assert ids(in_order(suites.asking(limit=2))) == ["winner[good]", "winner[bad]"]


def test_only_failed_takes_those_that_did_not_pass(suites: SuiteHouse) -> None:
    suites.record()
    suites.rerun(prompts="stored")
    assert ids(suites.rerun(prompts="stored", only_failed=True)) == ["winner[bad]", "host[bad]", "goals[bad]"]


def test_a_stored_prompt_that_is_not_there_is_an_error_of_its_item(suites: SuiteHouse) -> None:
    found = suites.rerun(prompts="stored", limit=1)
    assert found[0].result.error.endswith("nothing is recorded of winner[good]")
    assert suites.house.models["good"].history == []


def test_a_document_that_became_confidential_is_not_sent_again(suites: SuiteHouse) -> None:
    suites.house.models["good"].clearance = "public"
    suites.record()
    (suites.workspace.root / "promptlab.yaml").write_text(
        'models: {}\nlabels: {"fixtures/documents/cup.md": confidential, "fixtures/recordings/**": confidential}\n'
    )
    suites.house.workspace = type(suites.workspace).load(suites.workspace.root)
    asked = len(suites.house.models["good"].history)
    found = [one for one in suites.rerun(prompts="stored") if one.item.key.model == "good"]
    assert {one.result.error_kind for one in found} == {"GateRefused"}
    assert len(suites.house.models["good"].history) == asked


def test_a_recording_less_private_than_what_it_would_hold_is_refused_whole(suites: SuiteHouse) -> None:
    suites.record()
    before = suites.stored()
    suites.write(SUITE.replace("tags: [final]", "label: internal"))
    with pytest.raises(GateRefused, match=r"winner\[good\] is internal") as refused:
        suites.record()
    assert refused.value.hint == 'add to `labels` in promptlab.yaml: "fixtures/recordings/facts.jsonl": internal'
    assert suites.stored() == before


def test_failed_items_of_no_run_cannot_be_taken(suites: SuiteHouse) -> None:
    with pytest.raises(SuiteError, match="no earlier run"):
        suites.asking("rerun", only_failed=True)

"""Asking a suite: what is taken up, what is asked again, what limits mean, and of whom."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from promptlab.errors import GateRefused, StoreError, SuiteError
from promptlab.suites import _ask as suite_asking
from promptlab.suites._ask import Asking
from promptlab.suites._baseline import RunAnswers, baseline_changes, last_answered_run, write_recording
from promptlab.types import Request
from tests.suites.making import SUITE, SuiteHouse, in_order, knows, suites, verdicts

__all__ = ["suites"]

MANY = "template: cup\nmodels: [good]\nscorers: [contains]\ncases: [{file: cases.jsonl}]\n"


def many(suites: SuiteHouse, count: int) -> None:
    """A suite of so many cases of one model."""
    suites.house.model("good", "Argentina")
    suites.write(MANY)
    lines = [{"id": f"c{n}", "inputs": {"question": f"Who won n{n}"}, "expected": "Argentina"} for n in range(count)]
    (suites.workspace.root / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def asked(suites: SuiteHouse, *models: str) -> int:
    return sum(len(suites.house.models[name].history) for name in models or suites.house.models)


def edit_the_template(suites: SuiteHouse) -> None:
    template = suites.workspace.root / "templates/cup.yaml"
    template.write_text(template.read_text().replace("instructions: |\n  ", "instructions: |\n  Please. ", 1))


# Taking up


def test_a_run_whose_listener_went_away_is_taken_up(suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_asking, "CHUNK", 10)
    many(suites, 40)
    asking = suites.asking()
    for number, _ in enumerate(iterator := iter(asking)):
        if number == 12:
            break
    iterator.close()  # type: ignore[attr-defined]  # it is a generator
    assert suites.log.run(asking.run.id).state == "stopped"
    again = suites.asking()
    assert again.run.id == asking.run.id
    assert again.resumed >= 12
    assert len(list(again)) == 40
    assert suites.log.run(asking.run.id).state == "finished"
    questions = [request.messages[-1].content for request in suites.house.models["good"].history]
    assert len(questions) == len(set(questions)) == 40


def test_a_run_that_something_broke_is_taken_up(suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that cannot be written after the first chunk: what was answered before it stays answered."""
    monkeypatch.setattr(suite_asking, "CHUNK", 10)
    many(suites, 20)
    asking = suites.asking()
    write = suites.log.chunk

    def once(*args: Any) -> None:
        if suites.log.chunks(asking.run):
            raise StoreError("the suite log cannot be written")
        write(*args)

    with monkeypatch.context() as patch:
        patch.setattr(suites.log, "chunk", once)
        with pytest.raises(StoreError):
            list(asking)
    again = suites.asking()
    assert again.run.id == asking.run.id
    assert again.resumed == 10
    list(again)
    assert asked(suites, "good") == 20


def test_cases_are_asked_as_they_were_when_the_run_began(suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_asking, "CHUNK", 10)
    many(suites, 20)
    asking = suites.asking()
    cases = suites.workspace.root / "cases.jsonl"
    cases.write_text(cases.read_text().replace("Who won n", "Who lost n"))
    assert [one.item.key.case for one in in_order(asking)] == [f"c{n}" for n in range(20)]
    assert asking.write_recording() == 20
    assert {one.status for one in suites.replay()} == {"drifted"}
    assert [stored.inputs["question"] for stored in suites.stored()] == [f"Who won n{n}" for n in range(20)]


def test_an_interrupted_run_is_taken_up_though_another_was_made_since(suites: SuiteHouse) -> None:
    asking = suites.asking(max_tokens=120)
    list(asking)
    list(suites.asking(only=("host",)))
    again = suites.asking()
    assert again.run.id == asking.run.id


def test_fresh_begins_anew(suites: SuiteHouse) -> None:
    asking = suites.asking(max_tokens=120)
    list(asking)
    assert suites.asking(resume=False).run.id != asking.run.id


def test_an_answer_to_what_is_asked_no_more_is_asked_again(suites: SuiteHouse) -> None:
    """The template was mended between the kill and the second start: half of each would be a recording that drifts."""
    asking = suites.asking(max_tokens=120)
    before = len(list(asking))
    assert 0 < before < 6
    edit_the_template(suites)
    again = suites.asking()
    found = in_order(again)
    assert len(found) == 6
    assert all("Please." in str(one.result.request) for one in found)
    assert asked(suites) == before + 6
    write_recording(suites.workspace, suites.suite, RunAnswers(suites.house.store, suites.log, again.run))
    assert {one.status for one in suites.replay()} == {"same"}


def test_answers_of_a_model_before_its_file_was_swapped_are_not_taken_for_those_of_the_new_one(
    suites: SuiteHouse,
) -> None:
    asking = suites.asking(max_tokens=120)
    first = {one.item.key for one in asking if one.item.key.model == "good"}
    assert first
    suites.house.model("good", knows).fingerprint = "scripted:good 9f2c"
    again = suites.asking()
    list(again)
    write_recording(suites.workspace, suites.suite, RunAnswers(suites.house.store, suites.log, again.run))
    backends = {one.key: one.backend for one in suites.stored() if one.key.model == "good"}
    assert {backends[key] for key in first} == {"scripted:good"}
    assert {backend for key, backend in backends.items() if key not in first} == {"scripted:good 9f2c"}


def test_the_total_of_a_run_is_that_of_what_it_goes_on_with(suites: SuiteHouse) -> None:
    asking = suites.asking(limit=2)
    next(iter(asking))
    again = suites.asking()
    assert (again.run.id, again.total) == (asking.run.id, 6)
    list(again)
    run = suites.log.run(again.run.id)
    assert (run.total, run.done, run.state) == (6, 6, "finished")


def test_answers_beside_each_other_in_many_chunks_are_read_a_few_times(
    suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an interruption neighbours have their answers in different chunks; each page is read once."""
    many(suites, 60)
    suites.write(MANY.replace("[good]", "[good, bad]"))
    asking = suites.asking()
    for number, one in enumerate(asking):
        assert one.result
        if number == 9:
            asking.stop()
    list(again := suites.asking())
    answers = RunAnswers(suites.house.store, suites.log, again.run)
    reads = 0
    own = suites.house.store.results

    def counted(*given: Any, **named: Any) -> Any:
        nonlocal reads
        reads += 1
        return own(*given, **named)

    monkeypatch.setattr(suites.house.store, "results", counted)
    assert write_recording(suites.workspace, suites.suite, answers) == 120
    assert reads <= 4


# Limits


def test_what_an_earlier_part_took_counts_against_the_limit(suites: SuiteHouse) -> None:
    first = suites.asking(max_tokens=120)
    list(first)
    assert first.spent.tokens > 0
    again = suites.asking(max_tokens=120)
    assert again.spent == first.spent
    before = asked(suites)
    list(again)
    assert (asked(suites), again.out_of) == (before, first.out_of)


def test_what_was_set_aside_and_not_taken_is_there_for_others(
    suites: SuiteHouse,
) -> None:
    """An answer may be 16 tokens long and is 1: 40 of them fit where 40 at most would not."""
    many(suites, 40)
    each = next(iter(suites.asking(limit=1))).result.completion
    assert each is not None
    took = (each.usage.prompt or 0) + (each.usage.written or 0)
    asking = suites.asking(resume=False, max_tokens=40 * took + 20)
    assert len(list(asking)) == 40
    assert (asking.out_of, asking.spent.tokens) == ("", 40 * took)


def test_the_first_item_that_does_not_fit_ends_it(suites: SuiteHouse) -> None:
    asking = suites.asking(max_tokens=5)
    assert list(asking) == []
    assert asking.out_of == "the next item may take the run past 5 tokens"
    assert asked(suites) == 0


def test_what_a_judge_takes_counts(suites: SuiteHouse) -> None:
    suites.house.model("judge", json.dumps({"reason": "so", "pass": True}))
    suites.write(
        SUITE.replace("scorers: [contains]", "scorers: [{judge: {model: judge}}]").replace("[good, bad]", "[good]")
    )
    asking = suites.asking(limit=1)
    (one,) = list(asking)
    assert one.result.completion is not None
    alone = (one.result.completion.usage.prompt or 0) + (one.result.completion.usage.written or 0)
    assert asking.spent.tokens > 1.5 * alone
    assert list(suites.asking(resume=False, limit=1, max_tokens=2 * alone)) == []


def test_a_pause_lets_what_runs_end_and_a_stop_does_not(suites: SuiteHouse) -> None:
    both = threading.Semaphore(0)

    def slow(_: Request) -> list[str | float]:
        both.release()
        return ["Argen", 1.0, "tina"]

    def end_when_both_are_asked(asking: Asking, end: str) -> None:
        assert both.acquire(timeout=60)
        assert both.acquire(timeout=60)
        getattr(asking, end)()

    many(suites, 30)
    suites.house.model("good", slow, max_parallel=2)
    for end, answered in (("pause", 2), ("stop", 0)):
        asking = suites.asking(resume=False)
        threading.Thread(target=end_when_both_are_asked, args=(asking, end)).start()
        assert len(list(asking)) == answered
        assert suites.log.run(asking.run.id).state == "stopped"


# Whom, and which


def test_stored_prompts_go_to_another_model_and_are_held_against_the_first_of_the_suite(suites: SuiteHouse) -> None:
    suites.record()
    suites.house.model("new", lambda r: "Argentina did." if "Who won" in r.messages[-1].content else "Peru")
    found = suites.rerun(prompts="stored", models=("new", "new"))
    assert verdicts(found) == {"winner[new]": "same", "host[new]": "worse", "goals[new]": "worse"}
    assert [str(cause) for cause in found[1].verdict.causes] == ["model: good → new"]
    assert {r.messages for r in suites.house.models["new"].history} == {
        one.request.messages for one in suites.stored() if one.key.model == "good"
    }
    assert asked(suites, "new") == 3


def test_an_unknown_model_is_an_error_before_anything_is_asked(suites: SuiteHouse) -> None:
    with pytest.raises(Exception, match="nobody"):
        suites.asking("rerun", models=("good", "nobody"))
    assert asked(suites) == 0


@pytest.mark.parametrize("name", ["winnr", "winner[goof]"])
def test_a_case_that_nobody_knows_is_an_error_and_not_an_empty_success(suites: SuiteHouse, name: str) -> None:
    suites.record()
    before = asked(suites)
    with pytest.raises(SuiteError, match="there is no case or item") as refused:
        suites.asking("rerun", only=("host", name))
    assert refused.value.hint == "did you mean `winner`?"
    with pytest.raises(SuiteError, match="there is no case or item"):
        suites.replay(only=[name])
    assert asked(suites) == before


def test_the_failed_ones_of_an_interrupted_rerun_of_failed_ones_are_all_asked(suites: SuiteHouse) -> None:
    """The part that went on must not take its own beginning for the run whose failures it is about."""
    many(suites, 30)
    suites.record()
    suites.house.model("good", "Brazil", max_parallel=1)
    list(suites.asking("rerun"))
    suites.house.model("good", "Argentina", max_parallel=1)
    asking = suites.asking("rerun", only_failed=True)
    assert asking.total == 30
    for number, _ in enumerate(asking):
        if number == 3:
            asking.stop()
    again = suites.asking("rerun", only_failed=True)
    assert (again.run.id, again.total) == (asking.run.id, 30)
    list(again)
    run = suites.log.run(again.run.id)
    assert (run.done, run.state) == (30, "finished")
    # That one is over, and nothing failed in it.
    assert suites.asking("rerun", only_failed=True).total == 0


def test_an_answer_that_no_scorer_judges_has_not_failed(suites: SuiteHouse) -> None:
    suites.write(SUITE.replace("scorers: [contains]\n", "").replace("thresholds: [at least 50 %]\n", ""))
    suites.record()
    suites.rerun()
    assert [one.item.key.id for one in suites.rerun(only_failed=True)] == ["goals[bad]"]


def test_labels_that_the_recording_is_too_public_for_are_said_before_anything_is_paid(suites: SuiteHouse) -> None:
    suites.write(SUITE.replace("tags: [final]", "label: internal"))
    with pytest.raises(GateRefused, match="winner"):
        suites.asking("record")
    assert asked(suites) == 0


def test_a_suite_file_that_is_confidential_makes_its_cases_so(suites: SuiteHouse) -> None:
    (suites.workspace.root / "promptlab.yaml").write_text(
        'models: {}\nlabels: {"fixtures/suites/**": confidential, "fixtures/recordings/**": confidential}\n'
    )
    suites.house.workspace = type(suites.workspace).load(suites.workspace.root)
    suites.house.models["bad"].clearance = "internal"
    found = suites.record()
    assert {one.result.error_kind for one in found if one.item.key.model == "bad"} == {"GateRefused"}
    assert asked(suites, "bad") == 0
    assert {one.label for one in suites.stored()} == {"confidential"}


# Accepting


def test_accept_takes_the_fingerprint_of_the_model_that_answered(suites: SuiteHouse) -> None:
    suites.record()
    suites.house.model("good", lambda r: knows(r) + " Surely.").fingerprint = "scripted:good 2"
    suites.rerun()
    suites.house.model("good", knows).fingerprint = "scripted:good 3"
    answers = RunAnswers(suites.house.store, suites.log, last_answered_run(suites.log, suites.suite, "rerun"))
    keys = [change.key for change in baseline_changes(suites.workspace, suites.suite, answers)]
    assert [key.id for key in keys] == ["winner[good]", "host[good]", "goals[good]"]
    write_recording(suites.workspace, suites.suite, answers, only=keys)
    assert {one.backend for one in suites.stored() if one.key.model == "good"} == {"scripted:good 2"}


def test_there_is_nothing_to_accept_where_nothing_was_asked(suites: SuiteHouse) -> None:
    with pytest.raises(SuiteError, match="there is no rerun of this suite"):
        last_answered_run(suites.log, suites.suite, "rerun")

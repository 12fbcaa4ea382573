"""Answers of the history kept as tests: what they become, and that they replay as they were asked."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from promptlab.errors import GateRefused, SuiteError
from promptlab.suites import _file as suite_file
from promptlab.suites._from_run import KeptAnswers, keep_answers, keep_run
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._recording import Recording
from promptlab.suites._replay import replay_suite
from promptlab.types import Params, Result
from tests.suites.making import SUITE, SuiteHouse, suites

__all__ = ["suites"]


def run(suites: SuiteHouse, *models: str, **asked: object) -> tuple[str, list[Result]]:
    """A run of the history."""
    started = suites.house.start(suites.house.trials(*models, **asked))  # type: ignore[arg-type]  # what trials takes
    return started.id, started.wait()


def recorded(suites: SuiteHouse, kept: KeptAnswers) -> list[RecordedItem]:
    suite = suite_file.load_suite(suites.workspace, kept.suite)
    with Recording(suites.workspace.resolve(suite.recording)) as found:
        return list(found)


def statuses(suites: SuiteHouse, kept: KeptAnswers) -> dict[str, str]:
    suite = suite_file.load_suite(suites.workspace, kept.suite)
    return {one.key.id: one.status + one.said for one in replay_suite(suites.workspace, suite)}


def text(suites: SuiteHouse, path: str) -> str:
    return suites.workspace.resolve(path).read_text()


def test_a_run_becomes_a_suite_that_replays(suites: SuiteHouse) -> None:
    id, _ = run(suites, "good", "bad", question="Who won the cup?")
    kept = keep_run(suites.workspace, suites.house.store, id[:8], "kept")
    assert kept == KeptAnswers("fixtures/suites/kept.yaml", ("who-won-the-cup",), 2)
    assert statuses(suites, kept) == {"who-won-the-cup[good]": "same", "who-won-the-cup[bad]": "same"}
    assert text(suites, kept.suite) == (
        'template: "templates/cup.yaml"\nmodels: ["good", "bad"]\ncases:\n  - file: fixtures/suites/kept.kept.jsonl\n'
    )
    (line,) = text(suites, "fixtures/suites/kept.kept.jsonl").splitlines()
    made_of = ["templates/cup.yaml", "fixtures/documents/cup.md", ["fixtures/examples/cup.jsonl", "host"]]
    assert json.loads(line) == {
        "id": "who-won-the-cup",
        "inputs": {"question": "Who won the cup?"},
        "scorers": [],
        "copied_from": made_of,
    }


def test_what_was_left_out_and_changed_when_it_was_asked_is_asked_so_again(suites: SuiteHouse) -> None:
    id, _ = run(suites, "bad", question="Who won?", without=["context", "examples"], params=Params(temperature=0.7))
    kept = keep_run(suites.workspace, suites.house.store, id, "kept")
    suite = suite_file.load_suite(suites.workspace, kept.suite)
    (variant,) = suite.variants
    assert variant.without == ("context", "examples")
    assert suite.params_of(variant) == Params(temperature=0.7)
    assert set(statuses(suites, kept).values()) == {"same"}


def test_two_ways_to_ask_are_two_variants(suites: SuiteHouse) -> None:
    trials = [*suites.house.trials("bad"), *suites.house.trials("bad", without=["context"])]
    started = suites.house.start(trials)
    started.wait()
    kept = keep_run(suites.workspace, suites.house.store, started.id, "kept")
    assert statuses(suites, kept) == {"who-won[whole-bad]": "same", "who-won[no-context-bad]": "same"}


def test_an_answer_joins_a_suite_behind_its_last_line(suites: SuiteHouse) -> None:
    suites.record()
    before = suites.stored()
    id, results = run(suites, "good", question="Who won it all?")
    info = suites.house.store.run(id)
    kept = keep_answers(suites.workspace, suites.house.store, info, results, "facts", expected="Argentina")
    assert text(suites, suites.path) == SUITE + "  - file: fixtures/suites/facts.kept.jsonl\n"
    stored = recorded(suites, kept)
    assert stored[:6] == before
    assert (stored[6].key.case, stored[6].expected) == ("who-won-it-all", "Argentina")
    assert [(score.scorer, score.value) for score in stored[6].scores] == [("contains", 1)]
    found = statuses(suites, kept)
    assert found["who-won-it-all[good]"] == "same"
    assert found["who-won-it-all[bad]"].startswith("missing")
    # A second one: the suite names the file already.
    id, results = run(suites, "good", question="Where was it?")
    keep_answers(suites.workspace, suites.house.store, suites.house.store.run(id), results, "facts", expected="Qatar")
    assert text(suites, suites.path).count("facts.kept.jsonl") == 1
    assert len(text(suites, "fixtures/suites/facts.kept.jsonl").splitlines()) == 2


def test_a_question_that_is_a_case_already_gets_no_second_one(suites: SuiteHouse) -> None:
    suites.record()
    id, _ = run(suites, "good", question="Who won the cup?")
    kept = keep_run(suites.workspace, suites.house.store, id, "facts")
    assert kept.cases == ()
    assert kept.recorded == 1
    assert text(suites, suites.path) == SUITE
    assert len(recorded(suites, kept)) == 6


def test_several_answers_to_one_question_are_not_lost_silently(suites: SuiteHouse) -> None:
    id, _ = run(suites, "good", question="Who won the cup?", repeats=3)
    kept = keep_run(suites.workspace, suites.house.store, id, "kept")
    assert kept.recorded == len(recorded(suites, kept)) == 1
    assert kept.left_out == ("good: another answer to `who-won-the-cup` was added already",) * 2


def test_an_answer_that_no_variant_of_the_suite_asks_for_is_left_out_with_why(suites: SuiteHouse) -> None:
    suites.record()
    before = suites.stored()
    id, _ = run(suites, "bad", question="Who won?", without=["context"], params=Params(temperature=0.7, max_tokens=16))
    with pytest.raises(SuiteError) as refused:
        keep_run(suites.workspace, suites.house.store, id, "facts")
    assert refused.value.hint == "bad: no variant of the suite asks without context, temperature 0.7"
    assert suites.stored() == before


def test_answers_of_another_template_or_model_are_refused(suites: SuiteHouse) -> None:
    suites.record()
    id, results = run(suites, "good")
    info = replace(suites.house.store.run(id), template="templates/other.yaml")
    with pytest.raises(SuiteError, match=r"asks with templates/cup.yaml"):
        keep_answers(suites.workspace, suites.house.store, info, results, "facts")
    suites.house.model("third")
    id, _ = run(suites, "third")
    with pytest.raises(SuiteError) as refused:
        keep_run(suites.workspace, suites.house.store, id, "facts")
    assert refused.value.hint == "third: the suite asks good, bad"


def test_what_failed_is_left_out(suites: SuiteHouse) -> None:
    suites.house.model("bad", [RuntimeError("broken")])
    id, _ = run(suites, "good", "bad", question="Who won the cup?")
    kept = keep_run(suites.workspace, suites.house.store, id, "kept")
    assert kept.recorded == 1
    assert len(kept.left_out) == 1
    assert kept.left_out[0].startswith("bad: unexpected RuntimeError")


def test_confidential_answers_are_not_written_into_a_public_recording(suites: SuiteHouse) -> None:
    id, _ = run(suites, "good", question="Who won the cup?", label="confidential")
    with pytest.raises(GateRefused, match="confidential"):
        keep_run(suites.workspace, suites.house.store, id, "kept")
    assert not suites.workspace.resolve("fixtures/suites/kept.yaml").exists()
    assert not suites.workspace.resolve("fixtures/recordings/kept.jsonl").exists()


@pytest.mark.parametrize("name", ["", "a b", "../out", "x\n"])
def test_what_is_no_name_for_a_suite_is_refused(suites: SuiteHouse, name: str) -> None:
    id, _ = run(suites, "good", question="Who won the cup?")
    with pytest.raises(Exception, match=r"cannot be the name|leads out"):
        keep_run(suites.workspace, suites.house.store, id, name)


def test_a_suite_that_cannot_take_another_line_is_left_as_it_is(suites: SuiteHouse) -> None:
    flow = "{template: cup, models: [good], cases: [{id: a, inputs: {question: Who?}}]}\n"
    suites.write(flow)
    id, _ = run(suites, "good", question="Who won the cup?")
    with pytest.raises(SuiteError) as refused:
        keep_run(suites.workspace, suites.house.store, id, "facts")
    assert "add `- file: fixtures/suites/facts.kept.jsonl` under `cases`" in refused.value.hint
    assert text(suites, suites.path) == flow
    assert not suites.workspace.resolve("fixtures/suites/facts.kept.jsonl").exists()


def test_what_a_filter_held_back_is_left_out(suites: SuiteHouse) -> None:
    id, results = run(suites, "good", "bad")
    done = results[1].completion
    assert done is not None
    filtered = [results[0], replace(results[1], completion=replace(done, finish_reason="content_filter"))]
    kept = keep_answers(suites.workspace, suites.house.store, suites.house.store.run(id), filtered, "kept")
    assert kept.recorded == 1
    assert ["content filter" in reason for reason in kept.left_out] == [True]


def test_an_answer_that_was_cut_off_is_kept_without_a_verdict(suites: SuiteHouse) -> None:
    id, results = run(suites, "good")
    done = results[0].completion
    assert done is not None
    cut = [replace(results[0], completion=replace(done, text="It is Argent", finish_reason="length"))]
    store = suites.house.store
    kept = keep_answers(suites.workspace, store, store.run(id), cut, "kept", expected="Argentina")
    (item,) = recorded(suites, kept)
    assert [score.value for score in item.scores] == [None]

"""A model as judge: asked through the runner, recorded, replayed without it, and held against people's marks."""

from __future__ import annotations

import json

import pytest

from promptlab.errors import InputError, SuiteError
from promptlab.scorers import _registry as scorers
from promptlab.suites import _annotations as marks
from promptlab.suites import _judge_reply as judging
from promptlab.types import Request
from tests.suites.making import SUITE, SuiteHouse, suites, verdicts

__all__ = ["suites"]

JUDGED = SUITE.replace(
    "scorers: [contains]", "scorers: [{judge: {model: judge, question: Does it name the right country?}}]"
).replace("models: [good, bad]", "models: [good]")


def strict(request: Request) -> str:
    """A judge that finds every answer with Argentina or Qatar right."""
    said = request.messages[-1].content.rpartition("The answer to judge:\n")[2]
    right = "Argentina" in said or "Qatar" in said
    return json.dumps({"reason": "by the book", "pass": right})


@pytest.fixture
def judged(suites: SuiteHouse) -> SuiteHouse:
    suites.house.model("judge", strict)
    suites.write(JUDGED)
    return suites


def test_a_judge_is_asked_about_each_answer_and_scores_it(judged: SuiteHouse) -> None:
    found = judged.record()
    asked = judged.house.models["judge"].history
    assert len(asked) == 2  # the third case has a scorer of its own
    assert "Does it name the right country?" in asked[0].messages[-1].content
    assert [[s.scorer for s in one.result.scores] for one in found] == [["judge"], ["judge"], ["numeric"]]
    assert [one.verdict.passed for one in found] == [True, True, True]
    assert judged.stored()[0].judged[0].model == "judge"


def test_replay_reads_the_recorded_judgement_and_asks_no_judge(judged: SuiteHouse) -> None:
    judged.record()
    asked = len(judged.house.models["judge"].history)
    found = judged.replay()
    assert [one.status for one in found] == ["same"] * 3
    assert [one.scores[0].value for one in found] == [1, 1, 1]
    assert len(judged.house.models["judge"].history) == asked


def test_another_question_to_the_judge_is_drift(judged: SuiteHouse) -> None:
    judged.record()
    judged.write(JUDGED.replace("the right country", "any country"))
    found = [one for one in judged.replay() if one.status == "drifted"]
    assert [one.key.case for one in found] == ["winner", "host"]
    assert found[0].said == "the request to the judge is not the recorded one"


def test_a_judge_without_a_verdict_leaves_the_item_untold(judged: SuiteHouse) -> None:
    judged.record()
    judged.house.model("judge", "It looks fine to me.")
    # Other answers: what the judge said of the old ones is stored.
    judged.house.model("good", lambda r: "172" if "How many" in r.messages[-1].content else "Argentina, in Qatar")
    assert verdicts(judged.rerun(prompts="stored")) == {
        "winner[good]": "cannot tell",
        "host[good]": "cannot tell",
        "goals[good]": "as good",
    }


def test_a_judge_that_may_not_see_the_case_is_never_asked(judged: SuiteHouse) -> None:
    judged.house.models["judge"].clearance = "public"
    (judged.workspace.root / "promptlab.yaml").write_text(
        'models: {}\nlabels: {"fixtures/recordings/**": confidential}\n'
    )
    judged.house.workspace = type(judged.workspace).load(judged.workspace.root)
    judged.write(JUDGED.replace("tags: [final]", "label: confidential"))
    found = {one.item.key.case: one for one in judged.asking()}
    assert found["winner"].verdict.passed is None
    assert found["host"].verdict.passed is True
    assert all("Who won" not in request.messages[-1].content for request in judged.house.models["judge"].history)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"reason": "yes", "pass": true}', 1.0),
        ('```json\n{"pass": false}\n```', 0.0),
        ('{"score": 0.25}', 0.25),
        ('{"pass": true, "score": 0.9}', 1.0),
        (r'{"reason": "it says \"pass\": no", "pass": false}', 0.0),
    ],
)
def test_a_verdict_is_read_from_json(text: str, value: float) -> None:
    assert judging.read(text).value == value


@pytest.mark.parametrize("text", ["fine", "[]", '{"pass": "yes"}', '{"score": 7}', "{}"])
def test_what_is_no_verdict_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match="judge"):
        judging.read(text)


def test_a_judge_without_a_model_says_what_it_needs(suites: SuiteHouse) -> None:
    with pytest.raises(SuiteError, match="needs the option `model`") as refused:
        suites.write(SUITE.replace("scorers: [contains]", "scorers: [judge]"))
    assert refused.value.line == 5


def test_an_option_nobody_knows_is_refused_with_the_nearest(suites: SuiteHouse) -> None:
    with pytest.raises(SuiteError) as refused:
        suites.write(SUITE.replace("scorers: [contains]", "scorers: [{judge: {modle: judge}}]"))
    assert refused.value.hint == "did you mean `model`?"
    assert refused.value.line == 5


def test_marks_are_kept_by_answer_in_order_and_can_be_taken_away(suites: SuiteHouse) -> None:
    workspace, path = suites.workspace, suites.path
    good = marks.Mark("winner", "", "good", marks.answer_id("Argentina did."), True, "Ann")
    bad = marks.Mark("host", "", "bad", marks.answer_id("No idea."), False, "Bob", "not even a guess")
    marks.add_mark(workspace, path, good)
    marks.add_mark(workspace, path, bad)
    marks.add_mark(workspace, path, bad)
    lines = workspace.resolve(marks.path_of_marks(path)).read_text().splitlines()
    assert [json.loads(line)["case"] for line in lines] == ["host", "winner"]
    assert marks.load_marks(workspace, path) == {good.place: good, bad.place: bad}
    marks.remove_mark(workspace, path, bad.place)
    assert marks.load_marks(workspace, path) == {good.place: good}


def test_a_broken_mark_names_its_line(suites: SuiteHouse) -> None:
    full = suites.workspace.resolve(marks.path_of_marks(suites.path))
    full.parent.mkdir(parents=True)
    full.write_text('\n{"case": "winner"}\n')
    with pytest.raises(SuiteError) as refused:
        marks.load_marks(suites.workspace, suites.path)
    assert (refused.value.file, refused.value.line) == ("fixtures/marks/facts.jsonl", 2)


def test_a_judge_is_held_against_people() -> None:
    found = marks.agreement([(True, True, "a"), (True, True, "b"), (False, False, "c"), (True, False, "d")])
    assert (found.of, found.share) == (4, 0.75)
    assert found.kappa == pytest.approx(0.5)


def test_judges_are_not_among_the_scorers_that_ask_nobody() -> None:
    assert not set(scorers.MODEL_SCORERS) & set(scorers.FACTORIES)

"""Scorers of one name are told apart by their options, and what earlier releases recorded is still read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from promptlab.scorers._registry import scorer_spec
from promptlab.suites import _annotations as marks
from promptlab.suites._item_detail import judge_agreement, judges_of
from promptlab.suites._judge_reply import Judged, replies_by_spec
from promptlab.suites._recording_line import item_from, lines_of
from promptlab.suites._report_item import item_as_text, report_item_of_answer
from promptlab.suites._scores import by_spec, moved_scores, passed, score_names, why_not_judged
from promptlab.types import Request, Score, ScorerSpec
from promptlab.workspace._current_labels import Labels
from tests.suites.making import SUITE, SuiteHouse, suites

__all__ = ["suites"]

TWO = {
    "two judges": "[{judge: {model: j, question: Is it kind?}}, {judge: {model: j, question: Is it right?}}]",
    "two judges of two models": "[{judge: {model: j}}, {judge: {model: k}}]",
    "two contains": '[{contains: {extract: "(A.*)"}}, {contains: {extract: "No (.*)"}}]',
    "two regex": '[{regex: {pattern: "."}}, {regex: {pattern: nowhere}}]',
    "the other way round": '[{regex: {pattern: nowhere}}, {regex: {pattern: "."}}]',
}
"""Pairs of which one passes and one does not."""


def judge(request: Request) -> str:
    return json.dumps({"pass": "Is it kind?" in request.messages[-1].content})


@pytest.mark.parametrize("pair", TWO.values(), ids=TWO)
def test_of_two_scorers_of_one_name_each_counts(suites: SuiteHouse, pair: str) -> None:
    suites.house.model("j", judge)
    suites.house.model("k", json.dumps({"pass": True}))
    suites.write(SUITE.replace("[contains]", pair).replace("[good, bad]", "[good]"))
    winner = next(one for one in suites.record() if one.item.key.case == "winner")
    assert sorted(score.value or 0.0 for score in winner.result.scores) == [0.0, 1.0]
    assert winner.verdict.passed is False
    assert len({score.spec for score in winner.result.scores}) == 2
    lines = item_as_text(report_item_of_answer(winner, Labels(suites.workspace))).splitlines()
    assert len({line.split(":")[0] for line in lines[-2:]}) == 2  # a report tells the two apart
    assert [one.status for one in suites.replay()] == ["same"] * 3
    assert not any(one.rescored for one in suites.replay())
    assert {one.verdict.kind for one in suites.rerun()} == {"same"}


def test_people_are_compared_with_each_judge(suites: SuiteHouse) -> None:
    suites.house.model("j", judge)
    suites.write(SUITE.replace("[contains]", TWO["two judges"]).replace("[good, bad]", "[good]"))
    suites.record()
    asking = suites.asking("rerun")
    list(asking)
    run = suites.log.run(asking.run.id)
    mark = marks.Mark("winner", "", "good", marks.answer_id("Argentina did."), True)
    kind, right = (
        judge_agreement(suites.suite, spec, suites.log, suites.house.store, run, [mark], lambda _key: None)
        for spec in judges_of(suites.suite)
    )
    assert (kind.of, kind.share) == (1, 1.0)
    assert (right.of, right.share) == (1, 0.0)


def spec(**options: object) -> ScorerSpec:
    return scorer_spec({"contains": options})


def test_scores_without_a_spec_are_taken_by_name_in_order() -> None:
    one, two = Score("contains", 1.0, "", ""), Score("contains", 0.0, "", "")
    specs = [spec(extract="a"), spec(extract="b")]
    assert by_spec([one, two], specs) == [one, two]
    assert by_spec([one], specs) == [one, None]
    assert passed([one, two], specs) is False
    assert passed([one], specs) is None
    assert passed([one], specs[:1]) is True
    assert moved_scores([one, two], [replace(one, spec="contains"), replace(two, spec="contains")]) == []


def test_a_score_of_another_scorer_is_not_taken() -> None:
    other = Score("contains", 1.0, "", "", spec(extract="a").id)
    assert by_spec([other], [spec(extract="b")]) == [None]
    assert "it gave no score" in why_not_judged([other], [spec(extract="b")])
    # Its own pass mark does not make it another one.
    assert by_spec([other], [spec(extract="a", at_least=0.5)]) == [other]


def test_a_name_that_two_have_is_shown_with_options() -> None:
    scores = [Score("contains", 1.0, "", "", "contains"), Score("regex", 1.0, "", "", "regex {}")]
    assert score_names(scores) == ["contains", "regex"]
    assert score_names([*scores, Score("regex", 1.0, "", "", 'regex {"whole":true}')])[1:] == [
        "regex {}",
        'regex {"whole":true}',
    ]


def test_replies_of_earlier_releases_are_taken_in_order() -> None:
    judges = [scorer_spec({"judge": {"model": "a"}}), scorer_spec({"judge": {"model": "b"}})]
    old = [Judged("judge", "a", "f", "k", '{"pass": true}'), Judged("judge", "b", "f", "k", '{"pass": false}')]
    assert replies_by_spec(judges, old) == old
    new = [replace(reply, spec=judge.id) for reply, judge in zip(old, judges, strict=True)]
    assert replies_by_spec(judges, new[::-1]) == new


def test_an_item_of_an_earlier_release_is_read_and_one_not_judged_comes_back(suites: SuiteHouse) -> None:
    suites.record()
    item = replace(
        suites.stored()[0],
        scores=(Score("contains", None, "x", "why", "contains"), Score("exact", 1.0, "x", "is")),
        judged=(Judged("judge", "a", "f", "k", "{", "judge", "length", "e"), Judged("judge", "a", "f", "k", "t")),
    )
    data = json.loads(json.dumps(list(lines_of(item, set()))[-1]))
    assert data["scores"][1] == ["exact", 1.0, "x", "is"]
    assert set(data["judged"][1]) == {"scorer", "model", "fingerprint", "key", "text"}
    again = item_from(data, lambda _digest: "")
    assert (again.scores, again.judged) == (item.scores, item.judged)

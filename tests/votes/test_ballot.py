"""Ballots: only answers to the same question, sides shuffled and balanced, and a place that is kept."""

from __future__ import annotations

import sqlite3
from collections import Counter

import pytest

from promptlab.errors import BackendError, InputError
from promptlab.runs import Store, Vote
from promptlab.types import Completion, Request, Result
from promptlab.votes import make_ballot, next_turn, voter_votes
from promptlab.votes._answers import why_not_whole
from tests.suites.making import SuiteHouse, suites
from tests.votes.making import QUESTIONS, Votes, booth

__all__ = ["booth", "suites"]


def test_pairs_are_of_the_same_question_and_equal_texts_are_ties(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada"), booth.run("bob")])
    assert [contender.name for contender in ballot.contenders] == ["ada", "bob"]
    assert len(ballot.pairs) == len(QUESTIONS) - 1
    assert [pair.question for pair in ballot.ties] == [QUESTIONS[0]]
    for pair in ballot.pairs:
        assert pair.question in QUESTIONS
        assert pair.first.text.removeprefix("ada") == pair.second.text.removeprefix("bob")


def test_every_two_models_of_one_run_are_compared(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada", "bob", "cyd")])
    assert len(ballot.pairs) == 3 * (len(QUESTIONS) - 1)
    two = make_ballot(booth.sources, ballot.names, among=["ada", "cyd"])
    assert {answer.contender.name for pair in two.pairs for answer in (pair.first, pair.second)} == {"ada", "cyd"}


def test_sides_are_balanced_and_differ_between_people(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada", "bob", "cyd")], seed=4)
    for voter in ("ann", "ben"):
        left = Counter((turn.pair.first.contender.name, turn.left is turn.pair.first) for turn in ballot.turns(voter))
        per_two: dict[tuple[str, str], list[bool]] = {}
        for turn in ballot.turns(voter):
            names = turn.pair.first.contender.name, turn.pair.second.contender.name
            per_two.setdefault(names, []).append(turn.left is turn.pair.first)
        assert all(abs(2 * sum(sides) - len(sides)) <= 1 for sides in per_two.values()), left
    shown = [[(turn.pair.id, turn.left is turn.pair.first) for turn in ballot.turns(v)] for v in ("ann", "ben")]
    assert shown[0] != shown[1]
    assert sorted(pair for pair, _ in shown[0]) == sorted(pair for pair, _ in shown[1])
    again = make_ballot(booth.sources, ballot.names, seed=4)
    assert [(turn.pair.id, turn.left.text) for turn in again.turns("ann")] == [
        (turn.pair.id, turn.left.text) for turn in ballot.turns("ann")
    ]


def test_a_ballot_goes_on_where_it_stopped(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada"), booth.run("bob")])
    booth.vote_all(ballot, "ann", "ada", most=4)
    again = make_ballot(booth.sources, ballot.names)
    turn = next_turn(again, booth.votes(again), "ann")
    assert turn
    assert turn.pair.id == ballot.turns("ann")[4].pair.id
    assert next_turn(again, booth.votes(again), "ben") == again.turns("ben")[0]
    booth.vote_all(again, "ann", "ada")
    assert next_turn(again, booth.votes(again), "ann") is None


def test_a_vote_is_replaced_and_taken_back_and_nothing_is_counted_twice(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada"), booth.run("bob")])
    turn = ballot.turns("ann")[0]
    left, right = turn.left.result.id, turn.right.result.id
    for choice in ("left", "left", "right"):
        booth.cast(Vote("ann", left, right, choice))  # type: ignore[arg-type]
    booth.cast(Vote(" ann ", right, left, "tie"))  # the same pair, the same person
    assert [(vote.choice, vote.preferred) for vote in booth.votes(ballot)] == [("tie", "")]
    booth.cast(Vote("ben", left, right, "bad"))
    booth.house.store.votes.take_back(voter_votes(booth.votes(ballot), "ann")[turn.pair.id])
    assert [(vote.voter, vote.choice) for vote in booth.votes(ballot)] == [("ben", "bad")]


def test_errors_and_empty_answers_are_never_offered(booth: Votes) -> None:
    def moody(request: Request) -> str:
        question = request.messages[-1].content
        if "Question 1?" in question:
            raise BackendError("no")
        return "" if "Question 2?" in question else "fine"

    booth.house.model("moody", moody)
    ballot = make_ballot(booth.sources, [booth.run("ada"), booth.run("moody")])
    assert {pair.question for pair in ballot.pairs} == set(QUESTIONS) - {"Question 1?", "Question 2?"}
    assert sum(note.endswith(("an error", "an empty answer")) for note in ballot.notes) == 2


@pytest.mark.parametrize(
    ("done", "offered"),
    [
        (Completion("fine"), True),
        (Completion("cut", "length"), True),
        (Completion("no reason", "unknown"), True),
        (Completion("half", "stopped"), False),
        (Completion("refu", "content_filter"), False),
        (Completion("call", "tool_calls"), False),
        (Completion(" \n"), False),
        (None, False),
    ],
)
def test_only_whole_answers_are_offered(done: Completion | None, offered: bool) -> None:
    assert (why_not_whole(Result("r", "run", "m", None, "", done)) == "") is offered


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["nothing"], "no run, suite or experiment"),
        ([], "name what to compare"),
        (["facts"], "has no answers yet"),
    ],
)
def test_what_cannot_be_compared_is_refused(booth: Votes, names: list[str], what: str) -> None:
    (booth.house.workspace.root / "fixtures/suites").mkdir()
    (booth.house.workspace.root / "fixtures/suites/facts.yaml").write_text(
        "template: cup\nmodels: [ada]\ncases:\n  - {id: a, inputs: {question: Who?}}\n"
    )
    with pytest.raises(InputError, match=what):
        make_ballot(booth.sources, names)


def test_different_questions_one_contender_and_deleted_runs_are_refused(booth: Votes) -> None:
    first = booth.run("ada", questions=QUESTIONS[:3])
    other = booth.run("bob", questions=QUESTIONS[6:8])
    with pytest.raises(InputError, match="same question"):
        make_ballot(booth.sources, [first, other])
    with pytest.raises(InputError, match="same question"):
        make_ballot(booth.sources, [first])
    both = booth.run("ada", "bob")
    with pytest.raises(InputError, match="two contenders"):
        make_ballot(booth.sources, [both], among=["ada"])
    with pytest.raises(InputError, match="nobody here is called"):
        make_ballot(booth.sources, [both], among=["ada", "bop"])
    booth.house.store.delete(both)
    with pytest.raises(InputError, match="deleted"):
        make_ballot(booth.sources, [both])


def test_the_columns_of_a_suite_are_compared_by_case(suites: SuiteHouse) -> None:
    suites.rerun()
    booth = Votes(suites.house)
    try:
        ballot = make_ballot(booth.sources, ["facts"])
        assert [contender.name for contender in ballot.contenders] == ["good", "bad"]
        assert {pair.case for pair in ballot.pairs} == {"winner", "host", "goals"}
        assert all({score.scorer for score in pair.first.scores} for pair in ballot.pairs)
        part = suites.house.store.runs()[0].id
        with pytest.raises(InputError, match="part of a suite run"):
            make_ballot(booth.sources, [part])
    finally:
        booth.log.close()


def test_votes_survive_and_old_histories_open(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada"), booth.run("bob")])
    booth.vote_all(ballot, "ann", "ada")
    path = booth.house.workspace.state / "runs.sqlite"
    with sqlite3.connect(path) as db:  # as version 3 left it
        db.execute("CREATE TABLE kept AS SELECT * FROM votes")
        assert db.execute("SELECT count(*) FROM kept").fetchone() == (len(ballot.pairs),)
        db.execute("DROP TABLE votes")
        db.execute("UPDATE schema_version SET version = 3")
    db.close()
    old = Store(path)
    assert old.votes.every() == []
    turn = ballot.turns("ann")[0]
    old.votes.cast(Vote("ann", turn.left.result.id, turn.right.result.id, "left"))
    assert len(old.votes.every()) == 1
    old.close()


def test_votes_go_with_answers_that_are_removed(booth: Votes) -> None:
    first = booth.run("ada")
    ballot = make_ballot(booth.sources, [first, booth.run("bob")])
    booth.vote_all(ballot, "ann", "ada")
    booth.house.store.delete(first)
    assert booth.house.store.votes.every() == []
    booth.house.store.restore(first)
    assert len(booth.house.store.votes.every()) == len(ballot.pairs)
    booth.house.store.delete(first)
    booth.house.store.remove_deleted()
    assert booth.votes(ballot) == []

"""Results of votes: win rates, strengths, sides, agreement. The numbers are those of the field's own methods."""

from __future__ import annotations

import pytest

from promptlab import stats
from promptlab.runs import Vote
from promptlab.votes import make_ballot, result_lines, results_data
from tests.suites.making import SUITE, SuiteHouse, suites
from tests.votes.making import QUESTIONS, Votes, booth

__all__ = ["booth", "suites"]
LAST = len(QUESTIONS) - 1


def test_the_win_rate_is_the_exact_test_of_wins_and_losses(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada"), booth.run("bob")])
    booth.vote_all(ballot, "ann", "ada", most=8)
    booth.vote_all(ballot, "ann", "bob")
    (rate,) = booth.results(ballot).rates
    assert (rate.won, rate.lost, rate.ties, rate.bad, rate.same) == (8, 3, 0, 0, 1)
    assert rate.cases == len(QUESTIONS)
    assert rate.rate == pytest.approx((8 + 0.5) / 12)
    assert rate.comparison.p == pytest.approx(stats.mcnemar(8, 3))
    assert rate.interval.low < rate.rate < rate.interval.high


def test_ties_of_equal_texts_count_as_they_come_up(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada"), booth.run("bob")])
    assert booth.results(ballot).rates[0].cases == 0
    for most in range(1, LAST + 1):
        booth.vote_all(ballot, "ann", "ada", most=1)
        (rate,) = booth.results(ballot).rates
        assert rate.won == most
        assert rate.same in (0, 1)
    assert rate.same == 1


def test_several_people_on_one_case_are_one_observation(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada"), booth.run("bob")])
    booth.vote_all(ballot, "ann", "ada")
    alone = booth.results(ballot).rates[0]
    for voter in ("ben", "cat", "dan"):
        booth.vote_all(ballot, voter, "ada")
    found = booth.results(ballot)
    assert found.voters == dict.fromkeys(("ann", "ben", "cat", "dan"), LAST)
    assert found.rates[0].votes == 4 * LAST
    assert found.rates[0].interval == alone.interval
    assert (found.agreement.equal, found.agreement.of) == (6 * LAST, 6 * LAST)
    assert found.agreement.alpha is None  # everybody always said the same: chance is undefined


def test_skips_do_not_count_and_two_bad_answers_are_a_tie(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada"), booth.run("bob")])
    for turn, choice in zip(ballot.turns("ann"), ["skip"] * 4 + ["bad"] * 3 + ["tie"] * 4, strict=True):
        booth.cast(Vote("ann", turn.left.result.id, turn.right.result.id, choice))  # type: ignore[arg-type]
    found = booth.results(ballot)
    (rate,) = found.rates
    assert (found.skipped, found.decided, rate.bad, rate.ties, rate.rate) == (4, 7, 3, 4, 0.5)
    assert found.left.of == 0
    assert not found.left.matters


def test_always_left_is_seen(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada"), booth.run("bob")])
    for turn in ballot.turns("ann"):
        booth.cast(Vote("ann", turn.left.result.id, turn.right.result.id, "left"))
    left = booth.results(ballot).left
    assert (left.left, left.of, left.matters) == (LAST, LAST, True)
    assert left.interval == stats.clustered([(1, 1)] * LAST)


def test_more_than_two_get_strengths_unless_they_were_never_compared(booth: Votes) -> None:
    ballot = make_ballot(booth.sources, [booth.run("ada", "bob", "cyd")])
    assert booth.results(ballot).strengths == {}
    only = make_ballot(booth.sources, ballot.names, among=["ada", "bob"])
    booth.vote_all(only, "ann", "ada", most=3)
    assert "cyd" in booth.results(ballot).not_ranked
    for turn in ballot.turns("ann"):
        names = {turn.left.contender.name: "left", turn.right.contender.name: "right"}
        best = min(names)  # ada before bob before cyd
        booth.cast(Vote("ann", turn.left.result.id, turn.right.result.id, names[best]))  # type: ignore[arg-type]
    found = booth.results(ballot)
    by_name = {contender.name: found.strengths[contender.id] for contender in ballot.contenders}
    assert by_name["ada"].rate > by_name["bob"].rate > by_name["cyd"].rate
    assert all(0 <= s.interval.low <= s.rate <= s.interval.high <= 1 for s in by_name.values())
    assert by_name["bob"].rate == pytest.approx(0.5, abs=0.01)
    assert [row["name"] for row in results_data(found)["strengths"]] == ["ada", "bob", "cyd"]
    text = "\n".join(result_lines(found))
    assert "Bradley–Terry" in text


def test_people_are_held_against_each_scorer(suites: SuiteHouse) -> None:
    suites.write(SUITE)
    suites.rerun()
    booth = Votes(suites.house)
    try:
        ballot = make_ballot(booth.sources, ["facts"])
        booth.vote_all(ballot, "ann", "good")
        scorers = {scorer.name: scorer for scorer in booth.results(ballot).scorers}
        assert {name: (s.agreement.of, s.agreement.share, s.undecided) for name, s in scorers.items()} == {
            "contains": (2, 1.0, 0),
            "numeric": (1, 1.0, 0),
        }
        assert not any(scorer.is_judge for scorer in scorers.values())
    finally:
        booth.log.close()

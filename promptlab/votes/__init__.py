"""Blind votes: people choose between two answers without knowing whose they are; and judges corrected by people.

    sources = Sources(workspace, store, log)
    ballot = make_ballot(sources, ["world-cup"])        # the last answers of a suite; or the ids of two runs
    turn = next_turn(ballot, votes := store.votes.of(ballot.result_ids), "ann")
    store.votes.cast(Vote("ann", turn.left.result.id, turn.right.result.id, "left"))
    for line in result_lines(results_of(ballot, store.votes.of(ballot.result_ids))):
        print(line)                                     # "gemma-3-270m is preferred to smollm2-135m in 71.0 % of …"

Votes are in the run history (`runs.Vote`). A ballot is made anew from the answers, so it goes on where it stopped.
`correct_judge` gives the pass rate that people would give, from a judge's scores and a few marks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.votes._answers import Answer, Answers, Contender, Sources, answers_of
    from promptlab.votes._ballot import Ballot, Pair, Turn, make_ballot, next_turn, usual_voter, voter_votes
    from promptlab.votes._comparables import Comparable, comparables
    from promptlab.votes._correction import (
        Column,
        Difference,
        JudgeCorrection,
        correct_judge,
        sample_to_mark,
    )
    from promptlab.votes._correction_words import correction_data, correction_lines
    from promptlab.votes._export import VoteFile, votes_as_jsonl
    from promptlab.votes._results import (
        LeftShare,
        ScorerAgreement,
        VoterAgreement,
        VoteResults,
        WinRate,
        results_of,
    )
    from promptlab.votes._words import check_lines, percents, rate_row, rate_sentence, result_lines, results_data

__all__ = [
    "Answer",
    "Answers",
    "Ballot",
    "Column",
    "Comparable",
    "Contender",
    "Difference",
    "JudgeCorrection",
    "LeftShare",
    "Pair",
    "ScorerAgreement",
    "Sources",
    "Turn",
    "VoteFile",
    "VoteResults",
    "VoterAgreement",
    "WinRate",
    "answers_of",
    "check_lines",
    "comparables",
    "correct_judge",
    "correction_data",
    "correction_lines",
    "make_ballot",
    "next_turn",
    "percents",
    "rate_row",
    "rate_sentence",
    "result_lines",
    "results_data",
    "results_of",
    "sample_to_mark",
    "usual_voter",
    "voter_votes",
    "votes_as_jsonl",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)

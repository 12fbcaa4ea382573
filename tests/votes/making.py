"""Two runs of the usual workspace with different answers, and people who vote on them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from promptlab.runs import Vote
from promptlab.suites import SuiteLog
from promptlab.types import Request
from promptlab.votes import Ballot, Sources, next_turn, results_of
from promptlab.votes._results import VoteResults
from tests.conftest import House

QUESTIONS = [f"Question {number}?" for number in range(12)]


def says(word: str) -> object:
    """A model that repeats the question with `word`, and gives the same answer as others to Question 0."""

    def answer(request: Request) -> str:
        question = request.messages[-1].content
        return "the same" if "Question 0?" in question else f"{word} says: {question[-14:]}"

    return answer


class Votes:
    """The usual house with ballots."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.log = SuiteLog(house.workspace.state / "suites.sqlite")
        self.sources = Sources(house.workspace, house.store, self.log)

    def run(self, *models: str, questions: list[str] = QUESTIONS) -> str:
        """Ask `models` all questions in one run; its id."""
        trials = [trial for question in questions for trial in self.house.trials(*models, question=question)]
        run = self.house.start(trials, title=" and ".join(models))
        run.wait()
        return run.id

    def vote_all(self, ballot: Ballot, voter: str, prefer: str, *, most: int | None = None) -> None:
        """Let `voter` prefer the contender whose name begins with `prefer`, on every pair or on `most`."""
        cast = 0
        while (most is None or cast < most) and (turn := next_turn(ballot, self.votes(ballot), voter)):
            side = "left" if turn.left.contender.name.startswith(prefer) else "right"
            choice = side if getattr(turn, side).contender.name.startswith(prefer) else "tie"
            self.cast(Vote(voter, turn.left.result.id, turn.right.result.id, choice))  # type: ignore[arg-type]
            cast += 1

    def cast(self, vote: Vote) -> None:
        self.house.store.votes.cast(vote)

    def votes(self, ballot: Ballot) -> list[Vote]:
        return self.house.store.votes.of(ballot.result_ids)

    def results(self, ballot: Ballot) -> VoteResults:
        return results_of(ballot, self.votes(ballot))


@pytest.fixture
def booth(house: House) -> Iterator[Votes]:
    for name in ("ada", "bob", "cyd"):
        house.model(name, says(name))  # type: ignore[arg-type]
    made = Votes(house)
    yield made
    made.log.close()

"""Votes: which of two answers a person prefers, without knowing whose they are.

store.votes.cast(Vote("ann", left.id, right.id, "left"))
store.votes.of([left.id, right.id])               # the votes that count between these answers

A row is never changed: a new vote of the same person on the same two answers replaces the earlier one because it is
newer, and a vote is taken back by another row. A vote is on the disk when `cast` returns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from promptlab._util.database import Database, parts
from promptlab.errors import StoreError
from promptlab.runs import _queries as queries
from promptlab.types import sha256

Choice = Literal["left", "right", "tie", "bad", "skip"]
"""`bad` says that both answers are bad, `skip` that the person does not want to decide."""
CHOICES: tuple[Choice, ...] = ("left", "right", "tie", "bad", "skip")
TAKEN_BACK = "taken back"


def pair_id(one: str, other: str) -> str:
    """The id of two answers that are compared, by the ids of their results, whichever is named first."""
    return sha256("\n".join(sorted((one, other))))[:16]


@dataclass(frozen=True, slots=True)
class Vote:
    """The vote of `voter` between the results `left` and `right`, which stood on these sides. `created` is its time."""

    voter: str
    left: str
    right: str
    choice: Choice
    created: str = ""

    @property
    def pair(self) -> str:
        return pair_id(self.left, self.right)

    @property
    def preferred(self) -> str:
        """The result that the person prefers, "" for neither."""
        return {"left": self.left, "right": self.right}.get(self.choice, "")


class Votes:
    """The votes in a run history. Of each person and pair the newest one counts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def cast(self, vote: Vote) -> None:
        """Keep `vote`."""
        if vote.choice not in CHOICES:
            raise StoreError(f"a vote is one of {', '.join(CHOICES)}, not `{vote.choice}`")
        self._add(vote, vote.choice)

    def take_back(self, vote: Vote) -> None:
        """Let the vote of this person on these two answers count no more."""
        self._add(replace(vote, created=""), TAKEN_BACK)

    def _add(self, vote: Vote, choice: str) -> None:
        voter = " ".join(vote.voter.split())
        if not voter:
            raise StoreError("a vote needs the name of the person", hint="give a name")
        if vote.left == vote.right:
            raise StoreError("an answer cannot be compared with itself")
        row = {
            "voter": voter,
            "pair": vote.pair,
            "left_result": vote.left,
            "right_result": vote.right,
            "choice": choice,
            "created": vote.created or datetime.now(UTC).isoformat(timespec="microseconds"),
        }
        self._db.write([(queries.ADD_VOTE, [row])])

    def of(self, result_ids: Iterable[str]) -> list[Vote]:
        """The votes that count between two of these results, in the order in which they were cast."""
        wanted = set(result_ids)
        rows = [row for part in parts(sorted(wanted)) for row in self._db.rows(queries.votes_on(part))]
        return _counting(row for row in rows if row.right_result in wanted)

    def every(self) -> list[Vote]:
        """All votes that count, but for those on answers of deleted runs, in the order in which they were cast."""
        return _counting(self._db.rows(queries.EVERY_VOTE))


def _counting(rows: Iterable[Any]) -> list[Vote]:
    """The newest vote of each person and pair, but for those that were taken back."""
    newest: dict[tuple[str, str], Any] = {}
    for row in sorted(rows, key=lambda row: row.number):
        newest.pop((row.voter, row.pair), None)  # so that the order is that of the newest votes
        newest[row.voter, row.pair] = row
    return [
        Vote(row.voter, row.left_result, row.right_result, row.choice, row.created)
        for row in newest.values()
        if row.choice != TAKEN_BACK
    ]

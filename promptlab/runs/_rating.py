"""What a person says of an answer: good or bad, a comment, the right answer.

store.ratings.rate(Rating(result.id, "bad", corrected="Argentina"))
store.ratings.of([result.id])                     # {result.id: Rating(...)}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from promptlab._util.database import Database, parts
from promptlab.errors import StoreError
from promptlab.runs import _queries as queries

Opinion = Literal["good", "bad", ""]
OPINIONS: tuple[Opinion, ...] = ("good", "bad", "")


@dataclass(frozen=True, slots=True)
class Rating:
    """A person's rating of the result with the id `result`.

    `corrected` is the right answer as the person wrote it, None if they wrote none. `created` is the time of the
    rating.
    """

    result: str
    verdict: Opinion = ""
    comment: str = ""
    corrected: str | None = None
    created: str = ""

    @property
    def empty(self) -> bool:
        """True if it says nothing."""
        return not self.verdict and not self.comment and self.corrected is None


class Ratings:
    """The ratings in a run history. Each answer has at most one."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def rate(self, rating: Rating) -> None:
        """Keep `rating` in the place of an earlier one of the same answer; one that says nothing removes it."""
        if rating.verdict not in OPINIONS:
            raise StoreError(f"an answer is rated good or bad, not `{rating.verdict}`")
        if rating.empty:
            self._db.write([(queries.REMOVE_RATING, [{"result": rating.result}])])
            return
        timed = rating if rating.created else replace(rating, created=datetime.now(UTC).isoformat())
        row = {
            "result_id": timed.result,
            "verdict": timed.verdict,
            "comment": timed.comment,
            "corrected": timed.corrected,
            "created": timed.created,
        }
        self._db.write([(queries.RATE, [row])])

    def of(self, result_ids: Iterable[str]) -> dict[str, Rating]:
        """The ratings of these results, by the id of the result; a result without one is left out."""
        rows = [row for part in parts(sorted(set(result_ids))) for row in self._db.rows(queries.ratings_of(part))]
        return {
            row.result_id: Rating(row.result_id, row.verdict, row.comment, row.corrected, row.created) for row in rows
        }

    def rated_runs(self) -> list[str]:
        """The ids of the runs with a rated answer, oldest first, without those that are deleted."""
        return [str(row.run_id) for row in self._db.rows(queries.rated_runs())]

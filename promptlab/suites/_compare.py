"""Two runs of one suite side by side: which items differ, and whether the difference is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from promptlab import stats
from promptlab.suites import _comparison_words as words
from promptlab.suites import _thresholds as thresholds
from promptlab.suites._log import SuiteLog
from promptlab.suites._suite import ItemKey
from promptlab.suites._suite_run import ItemRow, SuiteRun
from promptlab.suites._thresholds import Outcome


@dataclass(frozen=True)
class TwoRuns:
    """The differences between an older and a newer run.

    `changed` has the positions, in the older and in the newer run, of the items that pass in only one of the two or
    have another score. Items that got worse come first. `shared` is how many items are in both runs. `not_judged` of
    these have no answer or are not judged in one of the two, so they are not compared.
    """

    comparison: stats.Comparison | None
    changed: tuple[tuple[int, int], ...]
    shared: int
    only_before: int
    only_after: int
    not_judged: int = 0

    @property
    def outcome(self) -> Literal["better", "worse", "no difference", "cannot tell"]:
        """Which of the two runs is better, as far as it can be told from chance."""
        compared = self.comparison
        if compared is None or not compared.settled:
            unchanged = compared is not None and not compared.better and not compared.worse
            return "no difference" if unchanged and not self.not_judged else "cannot tell"
        return "better" if compared.difference > 0 else "worse"

    @property
    def sentence(self) -> str:
        """The comparison in one sentence."""
        rest = [
            f"{count:,} items are only in the {which} run"
            for count, which in ((self.only_before, "older"), (self.only_after, "newer"))
            if count
        ]
        rest += [f"not judged in one of the two runs: {self.not_judged:,}"] if self.not_judged else []
        compared = self.comparison
        if compared is None:
            return "; ".join(["No item has a score in both runs", *rest]) + "."
        sentence = f"{compared.better} cases are better and {compared.worse} worse than in the older run"
        if compared.better or compared.worse:
            chance = "which is more than chance" if compared.settled else "which cannot be told from chance"
            sentence += f": {words.difference(compared)}, {chance}"
        else:
            sentence += f": no difference seen in {compared.cases} cases"
        return "; ".join([sentence, *rest]) + "."


def compare_runs(log: SuiteLog, before: SuiteRun, after: SuiteRun) -> TwoRuns:
    """Compare two runs of a suite. Reads every row of both."""
    old: dict[ItemKey, tuple[int, bool | None, float | None]] = {
        row.key: (row.position, row.passed, row.score) for row in log.every_row(before)
    }
    worse: list[tuple[int, int]] = []
    other: list[tuple[int, int]] = []
    outcomes: list[Outcome] = []
    only_after = not_judged = 0
    for row in log.every_row(after):
        if row.key not in old:
            only_after += 1
            continue
        place, passed, score = old.pop(row.key)
        outcomes.append(Outcome(row.key.case, row.key.variant, row.key.model, (), row.passed, row.score, passed, score))
        not_judged += None in (passed, row.passed) and not row.details.unscored
        if (passed, score) != (row.passed, row.score):
            is_worse = is_row_worse(row, passed, score)
            (worse if is_worse else other).append((place, row.position))
    found = thresholds.compare_with_recorded(outcomes)
    return TwoRuns(found, (*worse, *other), len(outcomes), len(old), only_after, not_judged)


def is_row_worse(row: ItemRow, passed: bool | None, score: float | None) -> bool:
    """True if the item of `row` is worse than it was. What is not judged is neither worse nor better."""
    if None in (row.passed, passed, row.score, score):
        return False
    return (bool(row.passed), row.score or 0.0) < (bool(passed), score or 0.0)

"""What came of a suite: its items, and the summary over them.

    results = lab.suite("world-cup").replay()
    results.ok, results.summary.sentence
    results.failing[0].said
    results.to_pandas().groupby("model").passed.mean()

Text labelled above public is masked when it is shown or put into a table, because a notebook is saved with what it
shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from promptlab import suites
from promptlab.lab import _tables as tables

if TYPE_CHECKING:
    import pandas

    from promptlab.suites import Outcome, ReportItem, Summary
    from promptlab.types import Score

SHOWN = 10
"""Failing items in `repr`."""


@dataclass(frozen=True)
class ItemResult:
    """A case for one model in one variant.

    `outcome` is what a test would say: `passed`, `failed`, `changed`, `not judged` or `error`; a replay passes what
    is recorded as wrong and still is. `passed` is about the answer alone: True if it passes every scorer, None if it
    has none, there is no answer, or it is not judged.
    """

    entry: ReportItem
    passed: bool | None
    score: float | None

    @classmethod
    def of(cls, entry: ReportItem, outcome: Outcome | None) -> ItemResult:
        return cls(entry, outcome.passed if outcome else None, outcome.score if outcome else None)

    @property
    def id(self) -> str:
        """Such as `winner[article-gemma-3-270m]`."""
        return self.entry.key.id

    @property
    def case(self) -> str:
        return self.entry.key.case

    @property
    def variant(self) -> str:
        return self.entry.key.variant

    @property
    def model(self) -> str:
        return self.entry.key.model

    @property
    def outcome(self) -> str:
        return self.entry.outcome

    @property
    def verdict(self) -> str:
        """Of a replay `same`, `drifted`, `missing`, `unexpected` or `broken`; of a rerun `same`, `as good`, `better`,
        `worse` or `cannot tell`."""
        return self.entry.verdict

    @property
    def said(self) -> str:
        """Why, in words."""
        return self.entry.said

    @property
    def text(self) -> str | None:
        """The answer; None without one."""
        return self.entry.answer

    @property
    def scores(self) -> tuple[Score, ...]:
        return self.entry.scores

    @property
    def is_failing(self) -> bool:
        return self.entry.outcome in suites.FAILING

    def __repr__(self) -> str:
        shown = self.entry.masked()
        said = f", {shown.said!r}" if shown.said else ""
        return f"<{shown.key.id}: {shown.outcome}, {shown.verdict}{said}>"


class SuiteResults(Sequence[ItemResult]):
    """The items of a suite that were replayed or asked. `stopped` says which limit ended it early, if one did."""

    def __init__(self, verb: str, summary: Summary, items: Sequence[ItemResult], *, stopped: str = "") -> None:
        self.verb, self.summary, self.stopped = verb, summary, stopped
        self._items = tuple(items)

    @property
    def ok(self) -> bool:
        """True if the command line would exit with 0: nothing fails, and every threshold is met."""
        met = self.summary.exit_status == suites.EXIT_MET
        if self.stopped:
            return False
        if self.verb == "replay":
            return met and not self.failing
        if self.verb == "record":  # a wrong answer may be recorded; a missing one and one not judged not
            return not any(one.outcome in suites.UNJUDGED for one in self) and (met or not self.summary.checks)
        return met if self.summary.checks else not self.failing

    @property
    def failing(self) -> list[ItemResult]:
        """The items that a test would fail."""
        return [one for one in self if one.is_failing]

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> ItemResult: ...
    @overload
    def __getitem__(self, index: slice) -> list[ItemResult]: ...
    def __getitem__(self, index: int | slice) -> ItemResult | list[ItemResult]:
        return list(self._items[index]) if isinstance(index, slice) else self._items[index]

    def to_pandas(self, *, show_labelled: bool = False) -> pandas.DataFrame:
        """One row for each item. Text labelled above public is masked unless `show_labelled`."""
        return tables.frame([_row(one, one.entry if show_labelled else one.entry.masked()) for one in self])

    def __repr__(self) -> str:
        lines = [f"<SuiteResults of {self.verb} {self.summary.suite!r}: {suites.summary_as_text(self.summary)}>"]
        lines += [f"  {one!r}" for one in self.failing[:SHOWN]]
        more = len(self.failing) - SHOWN
        return "\n".join([*lines, *([f"  and {more} more that fail"] if more > 0 else [])])

    def _repr_html_(self) -> str:
        """A table for notebooks, what fails first."""
        rows = sorted(self, key=lambda one: not one.is_failing)
        caption = f"{self.verb} {suites.summary_as_text(self.summary)}"
        return tables.html(caption, [_shown(one, one.entry.masked()) for one in rows])


def _row(one: ItemResult, entry: ReportItem) -> dict[str, Any]:
    return {
        "case": entry.key.case,
        "variant": entry.key.variant,
        "model": entry.key.model,
        "repeat": entry.key.repeat,
        "outcome": entry.outcome,
        "verdict": entry.verdict,
        "passed": one.passed,
        "score": one.score,
        "text": entry.answer,
        "recorded": entry.was,
        "said": entry.said,
        "not_judged": entry.not_judged or None,
        "label": entry.label,
        "seconds": entry.seconds,
    }


def _shown(one: ItemResult, entry: ReportItem) -> dict[str, str]:
    return {
        "item": entry.key.id,
        "outcome": entry.outcome,
        "verdict": entry.verdict,
        "score": "" if one.score is None else f"{one.score:.2g}",
        "answer": entry.answer or "",
        "why": entry.said,
    }

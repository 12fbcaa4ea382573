"""A suite run as a matrix: a line for each case, a column for each variant and model, a page at a time.

A page begins after the position of the last case shown, so the thousandth page is as quick as the first. The items of a
case have neighbouring positions, so all rows of a case are found in a short range around one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from promptlab._util.git import blob_id
from promptlab.suites._items import AskOptions
from promptlab.suites._log import SuiteLog
from promptlab.suites._suite import Suite
from promptlab.suites._suite_run import SHOWS, ItemRow, Show, SuiteRun, Verb
from promptlab.suites._summary import Summary, summarise_outcomes
from promptlab.suites._thresholds import Outcome
from promptlab.suites._verdict import KINDS
from promptlab.workspace import Workspace

URGENCY = ("broken", "missing", "drifted", "rescored", "unexpected", *KINDS)
"""The verdicts of rows, of replays and of answers, the most urgent first."""
MatrixColumn = tuple[str, str]
"""A variant and a model."""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """The repeats of a case in a variant for a model."""

    rows: tuple[ItemRow, ...]

    @property
    def worst(self) -> ItemRow:
        """The row with the most urgent verdict."""
        return min(self.rows, key=lambda row: URGENCY.index(row.verdict))

    @property
    def verdict(self) -> str:
        return self.worst.verdict

    @property
    def passed(self) -> int:
        """The number of answers that pass."""
        return sum(bool(row.passed) for row in self.rows)

    @property
    def score(self) -> float | None:
        """The mean of its scores; None if it has none."""
        scores = [row.score for row in self.rows if row.score is not None]
        return fmean(scores) if scores else None

    @property
    def mark(self) -> str:
        """A sign: ✓ all pass, ✗ none passes, ~ some pass or a score is in between, ? none is judged, or not
        all are and those that are pass."""
        known = [row.passed for row in self.rows if row.passed is not None]
        if not known or (all(known) and len(known) < len(self.rows)):
            return "?"
        if all(known):
            return "✓"
        return "✗" if not any(known) and not self.score else "~"


@dataclass(frozen=True, slots=True)
class MatrixLine:
    """A case with its cells."""

    case: str
    cells: dict[MatrixColumn, MatrixCell]


@dataclass(frozen=True, slots=True)
class MatrixPage:
    """Lines of a matrix. The next page begins after the position `last`; `more` is true if there is one."""

    lines: tuple[MatrixLine, ...]
    last: int
    more: bool


def matrix_columns(suite: Suite, run: SuiteRun) -> list[MatrixColumn]:
    """The columns of a run, in the order of the suite."""
    return [(variant.name, model) for variant in suite.variants for model in _models(suite, run)]


def _models(suite: Suite, run: SuiteRun) -> Sequence[str]:
    return tuple(run.options.get("models") or suite.models)


def matrix_page(
    suite: Suite,
    log: SuiteLog,
    run: SuiteRun,
    *,
    verdict: str | None = None,
    case: str = "",
    show: Show | None = None,
    after: int = -1,
    limit: int = 25,
) -> MatrixPage:
    """The cases after position `after`: all, those with a row of `verdict` or one that `show` names, or those whose id
    begins with `case`."""
    width = max(1, len(matrix_columns(suite, run)) * suite.repeats)
    lines: list[MatrixLine] = []
    last = after
    while len(lines) <= limit:
        matches = log.rows(run, verdict=verdict, case=case or None, show=show, after=last, limit=limit * width)
        for row in matches:
            if row.position <= last:
                continue  # of the case before, all of which is shown already
            # If rows were filtered, other rows of the same case are missing among the matches.
            rows = matches if verdict is None and show is None and not case else _around(log, run, row, width)
            whole = [near for near in rows if near.key.case == row.key.case]
            if rows is matches and whole[-1] is matches[-1]:  # the case may go on after the last row that was read
                whole = [near for near in _around(log, run, row, width) if near.key.case == row.key.case]
            if len(lines) == limit:
                return MatrixPage(tuple(lines), last, True)
            lines.append(_line(row.key.case, whole))
            last = max(whole[-1].position, row.position)
        if len(matches) < limit * width:
            break
    return MatrixPage(tuple(lines), last, False)


def _around(log: SuiteLog, run: SuiteRun, row: ItemRow, width: int) -> list[ItemRow]:
    """The rows that may be of the same case: as many before and after `row` as a case has items."""
    return log.rows(run, after=row.position - width, limit=2 * width)


def _line(case: str, rows: Iterable[ItemRow]) -> MatrixLine:
    cells: dict[MatrixColumn, list[ItemRow]] = {}
    for row in rows:
        cells.setdefault((row.key.variant, row.key.model), []).append(row)
    return MatrixLine(case, {column: MatrixCell(tuple(its_rows)) for column, its_rows in cells.items()})


def row_at(log: SuiteLog, run: SuiteRun, position: int) -> ItemRow | None:
    """The row at a position; None if there is none, or none yet."""
    rows = log.rows(run, after=position - 1, limit=1)
    return rows[0] if rows and rows[0].position == position else None


def matching_rows(
    log: SuiteLog, run: SuiteRun, *, verdict: str | None = None, case: str = "", show: Show | None = None
) -> list[ItemRow]:
    """All rows of a verdict, those that `show` names, or of cases whose id begins with `case`."""
    found: list[ItemRow] = []
    while page := log.rows(
        run, verdict=verdict, case=case or None, show=show, after=found[-1].position if found else -1, limit=1000
    ):
        found += page
    return found


def show_counts(log: SuiteLog, run: SuiteRun) -> dict[Show, int]:
    """How many items each filter shows."""
    return {show: log.count(run, show) for show in SHOWS}


def verdict_counts(log: SuiteLog, run: SuiteRun) -> dict[str, int]:
    """The number of items with each verdict, the most urgent first. The log keeps them up to date."""
    numbers: dict[str, int] = {}
    for count in log.counts(run):
        numbers[count.verdict] = numbers.get(count.verdict, 0) + count.items
    return {verdict: numbers[verdict] for verdict in URGENCY if verdict in numbers}


def outcome_of_row(row: ItemRow) -> Outcome:
    """The outcome of an item, from its row."""
    key, tags, unscored = row.key, row.details.tags, row.details.unscored
    now, was = (row.passed, row.score), (row.was_passed, row.was_score)
    not_judged, cut = bool(row.details.not_judged), row.details.cut
    return Outcome(
        *(key.case, key.variant, key.model, tags, *now, *was), unscored=unscored, not_judged=not_judged, cut=cut
    )


def summary_of_run(suite: Suite, log: SuiteLog, run: SuiteRun, workspace: Workspace | None = None) -> Summary:
    """The summary of a run. It reads every row, so keep it while the run does not change."""
    outcomes = [outcome_of_row(row) for row in log.every_row(run) if row.verdict != "unexpected"]
    options = run.options
    partial = run.done < run.total or bool(options.get("only") or options.get("only_failed"))
    partial = partial or not set(_models(suite, run)) >= set(suite.models)
    if run.verb == "replay":
        # A replay scores the recorded answers: there are no new answers to compare them with.
        outcomes = [replace(outcome, recorded_passed=None, recorded_score=None) for outcome in outcomes]
    return summarise_outcomes(suite, outcomes, workspace=workspace, replayed=run.verb != "rerun", partial=partial)


def options_of_run(run: SuiteRun) -> AskOptions:
    """The options of a run, so that it can be resumed. Its limits are not in the log."""
    stored = run.options
    models = stored.get("models")
    return AskOptions(
        prompts=stored.get("prompts", "current"),
        models=None if models is None else tuple(models),
        only=tuple(stored.get("only", ())),
        only_failed=bool(stored.get("only_failed")),
    )


def is_unchanged_since(suite: Suite, run: SuiteRun) -> bool:
    """True if the suite's file has not changed since the run began. Only then can the run be resumed."""
    return run.options.get("suite") == blob_id(suite.source)


def run_to_resume(suite: Suite, log: SuiteLog, verb: Verb, options: AskOptions) -> SuiteRun | None:
    """The run that asking with these options would resume; None if it would begin a new one."""
    mine = {**options.identity(), "suite": blob_id(suite.source)}
    last = next((run for run in log.runs(suite.path, verb=verb) if run.identity == mine), None)
    return last if last and last.state != "finished" else None

"""A suite run as people look at it: cases in lines, variants and models in columns, a page at a time.

Every page is read by keys (the place of the last case shown), so the thousandth page costs what the first does. The
items of one case stand beside each other in the log, so a case that one row was found of is a short stretch around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from promptlab._util.git import blob_id
from promptlab.suites._items import AskOptions
from promptlab.suites._log import SuiteLog
from promptlab.suites._suite import Suite
from promptlab.suites._suite_run import ItemRow, SuiteRun, Verb
from promptlab.suites._summary import Summary, summarise_outcomes
from promptlab.suites._thresholds import Outcome
from promptlab.suites._verdict import KINDS

URGENCY = ("broken", "missing", "drifted", "rescored", "unexpected", *KINDS)
"""Every word a row may say, those of a replay and those of answers, the most urgent first."""
MatrixColumn = tuple[str, str]
"""A variant and a model."""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """The repeats of one case in one variant for one model."""

    rows: tuple[ItemRow, ...]

    @property
    def worst(self) -> ItemRow:
        """The row one looks at first."""
        return min(self.rows, key=lambda row: URGENCY.index(row.verdict))

    @property
    def verdict(self) -> str:
        return self.worst.verdict

    @property
    def passed(self) -> int:
        """How many of its answers pass."""
        return sum(bool(row.passed) for row in self.rows)

    @property
    def score(self) -> float | None:
        """The mean of its scores, None without any."""
        scores = [row.score for row in self.rows if row.score is not None]
        return fmean(scores) if scores else None

    @property
    def mark(self) -> str:
        """✓ all pass, ✗ none does, ~ some do or a score is in between, ? there is nothing to say."""
        known = [row.passed for row in self.rows if row.passed is not None]
        if not known:
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
    """Lines of a matrix. `last` is where the next page begins behind; `more`: there is one."""

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
    after: int = -1,
    limit: int = 25,
) -> MatrixPage:
    """Cases behind position `after`: all of them, or those with a row of `verdict`, or whose id begins with `case`."""
    width = max(1, len(matrix_columns(suite, run)) * suite.repeats)
    lines: list[MatrixLine] = []
    last = after
    while len(lines) <= limit:
        found = log.rows(run, verdict=verdict, case=case or None, after=last, limit=limit * width)
        for row in found:
            if row.position <= last:
                continue  # of the case before, which was taken whole
            rows = found if verdict is None and not case else _around(log, run, row, width)
            whole = [one for one in rows if one.key.case == row.key.case]
            if rows is found and whole[-1] is found[-1]:
                whole = [one for one in _around(log, run, row, width) if one.key.case == row.key.case]
            if len(lines) == limit:
                return MatrixPage(tuple(lines), last, True)
            lines.append(_line(row.key.case, whole))
            last = max(whole[-1].position, row.position)
        if len(found) < limit * width:
            break
    return MatrixPage(tuple(lines), last, False)


def _around(log: SuiteLog, run: SuiteRun, row: ItemRow, width: int) -> list[ItemRow]:
    """The rows that may be of the same case: as many before and behind as a case has items."""
    return log.rows(run, after=row.position - width, limit=2 * width)


def _line(case: str, rows: Iterable[ItemRow]) -> MatrixLine:
    cells: dict[MatrixColumn, list[ItemRow]] = {}
    for row in rows:
        cells.setdefault((row.key.variant, row.key.model), []).append(row)
    return MatrixLine(case, {column: MatrixCell(tuple(found)) for column, found in cells.items()})


def row_at(log: SuiteLog, run: SuiteRun, position: int) -> ItemRow | None:
    """The row at a position, None where there is none (yet)."""
    found = log.rows(run, after=position - 1, limit=1)
    return found[0] if found and found[0].position == position else None


def matching_rows(log: SuiteLog, run: SuiteRun, *, verdict: str | None = None, case: str = "") -> list[ItemRow]:
    """Every row of a verdict, or of cases whose id begins with `case`."""
    found: list[ItemRow] = []
    while page := log.rows(
        run, verdict=verdict, case=case or None, after=found[-1].position if found else -1, limit=1000
    ):
        found += page
    return found


def verdict_counts(log: SuiteLog, run: SuiteRun) -> dict[str, int]:
    """How many items came out in each way, the most urgent first; kept up to date by the log, not counted."""
    found: dict[str, int] = {}
    for count in log.counts(run):
        found[count.verdict] = found.get(count.verdict, 0) + count.items
    return {verdict: found[verdict] for verdict in URGENCY if verdict in found}


def outcome_of_row(row: ItemRow) -> Outcome:
    """How an item came out, from the log."""
    key, tags, unscored = row.key, row.details.tags, row.details.unscored
    now, was = (row.passed, row.score), (row.was_passed, row.was_score)
    return Outcome(key.case, key.variant, key.model, tags, *now, *was, unscored=unscored)


def summary_of_run(suite: Suite, log: SuiteLog, run: SuiteRun) -> Summary:
    """What a run came to. It reads every row: worth keeping while the run stays as it is."""
    outcomes = [outcome_of_row(row) for row in log.every_row(run) if row.verdict != "unexpected"]
    options = run.options
    partial = run.done < run.total or bool(options.get("only") or options.get("only_failed"))
    partial = partial or not set(_models(suite, run)) >= set(suite.models)
    if run.verb == "replay":
        # What is recorded was recorded of the very answers that are scored: there is nothing to compare.
        outcomes = [
            Outcome(o.case, o.variant, o.model, o.tags, o.passed, o.score, unscored=o.unscored) for o in outcomes
        ]
    return summarise_outcomes(suite, outcomes, replayed=run.verb != "rerun", partial=partial)


def options_of_run(run: SuiteRun) -> AskOptions:
    """What a run was asked with, so that it can be taken up; its limits are not written down."""
    said = run.options
    models = said.get("models")
    return AskOptions(
        prompts=said.get("prompts", "current"),
        models=None if models is None else tuple(models),
        only=tuple(said.get("only", ())),
        only_failed=bool(said.get("only_failed")),
    )


def is_unchanged_since(suite: Suite, run: SuiteRun) -> bool:
    """Whether the suite's file is as it was when the run began: only then it can be taken up."""
    return run.options.get("suite") == blob_id(suite.source)


def run_to_resume(suite: Suite, log: SuiteLog, verb: Verb, options: AskOptions) -> SuiteRun | None:
    """The run that asking with these options would go on with; None where it would begin a new one."""
    mine = {**options.identity(), "suite": blob_id(suite.source)}
    last = next((run for run in log.runs(suite.path, verb=verb) if dict(run.options) == mine), None)
    return last if last and last.state != "finished" else None

"""The words and colours for runs, verdicts and scores on the page Suites."""

from __future__ import annotations

from promptlab.suites import MatrixCell, SuiteRun
from promptlab.ui.components import widgets

VERBS = {"record": "Record", "rerun": "Rerun", "replay": "Replay"}
COLOURS = {
    "worse": "bad",
    "broken": "bad",
    "missing": "bad",
    "cannot tell": "warn",
    "drifted": "warn",
    "rescored": "warn",
    "unexpected": "warn",
    "better": "good",
}
"""The colour of a verdict. A verdict that means no change has none."""
PLAIN = "plain"


def run_name(run: SuiteRun) -> str:
    """The name of a run in a list. It stays the same during the run, because the browser identifies a choice by it."""
    models = run.options.get("models")
    asked_models = f" · {', '.join(models)}" if models else ""
    return f"{VERBS[run.verb]} · {widgets.clock(run.created)}{asked_models} · {run.id[:4]}"


def run_words(run: SuiteRun) -> str:
    """The name of a run, with the number of its finished items."""
    part = "" if run.done >= run.total else f" of {run.total:,}"
    return f"{run_name(run)} · {run.done:,}{part} item{'' if run.done == 1 else 's'}"


def verdict_chip(verdict: str) -> str:
    """The chip of a verdict, as HTML."""
    return widgets.chip(verdict, COLOURS.get(verdict, ""))


def cell_words(cell: MatrixCell) -> str:
    """A cell of the matrix: its mark, its score or the number of passing answers, and its verdict if it changed."""
    if len(cell.rows) > 1:
        result = f"{cell.mark} {cell.passed} of {len(cell.rows)}"
    else:
        result = cell.mark if cell.score is None else f"{cell.mark} {cell.score:.2f}"
    return result if cell_colour(cell) == PLAIN and cell.verdict != "as good" else f"{result} {_verdict_word(cell)}"


def _verdict_word(cell: MatrixCell) -> str:
    """The verdict of a cell; where it cannot be told, what is missing."""
    if cell.verdict != "cannot tell":
        return cell.verdict
    details = [row.details for row in cell.rows if row.verdict == "cannot tell"]
    if any(detail.not_judged for detail in details):
        return "not judged"
    return "no answer" if any(detail.error for detail in details) else cell.verdict


def cell_colour(cell: MatrixCell) -> str:
    """The colour of a cell. A first answer has no colour, because there is no older answer to compare it with."""
    first = all(row.verdict == "cannot tell" and row.was_score is None and row.score is not None for row in cell.rows)
    return PLAIN if first else COLOURS.get(cell.verdict, PLAIN)

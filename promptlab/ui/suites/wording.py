"""What the pages of suites call things: runs, verdicts and the colours that go with them."""

from __future__ import annotations

from promptlab.suites import MatrixCell, SuiteRun
from promptlab.types import Score
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
"""The colour of a verdict; those that are as they were have none."""
PLAIN = "plain"


def run_name(run: SuiteRun) -> str:
    """A run in a list to choose from. It stays the same while the run goes on: a browser names its choice by it."""
    models = run.options.get("models")
    asked = f" · {', '.join(models)}" if models else ""
    return f"{VERBS[run.verb]} · {widgets.clock(run.created)}{asked} · {run.id[:4]}"


def run_words(run: SuiteRun) -> str:
    """A run, and how many of its items are done."""
    part = "" if run.done >= run.total else f" of {run.total:,}"
    return f"{run_name(run)} · {run.done:,}{part} item{'' if run.done == 1 else 's'}"


def verdict_chip(verdict: str) -> str:
    """A verdict as a small mark, as HTML."""
    return widgets.chip(verdict, COLOURS.get(verdict, ""))


def cell_words(cell: MatrixCell) -> str:
    """A cell of the matrix: its mark, its score or how many of its answers pass, and what is not as it was."""
    if len(cell.rows) > 1:
        found = f"{cell.mark} {cell.passed} of {len(cell.rows)}"
    else:
        found = cell.mark if cell.score is None else f"{cell.mark} {cell.score:.2f}"
    return found if cell_colour(cell) == PLAIN and cell.verdict != "as good" else f"{found} {cell.verdict}"


def cell_colour(cell: MatrixCell) -> str:
    """The colour of a cell. A first answer has nothing it could be worse or better than: its mark says it all."""
    first = all(row.verdict == "cannot tell" and row.was_score is None and row.score is not None for row in cell.rows)
    return PLAIN if first else COLOURS.get(cell.verdict, PLAIN)


def score_mark(score: Score) -> str:
    """The mark of one score."""
    return "✓" if score.value >= 1 else "~" if score.value > 0 else "✗"

"""The words and colours for runs, verdicts and scores on the page Suites."""

from __future__ import annotations

import json
from collections.abc import Mapping

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


MARKS = {"✓": "pass", "✗": "fail", "~": "partly", "?": "not judged"}
"""What the mark of a cell says."""
ANSWER = 160
"""The most characters of an answer in a cell."""


def cell_words(cell: MatrixCell) -> str:
    """The result of a cell: its mark and what it says, how far it passes if that is between the two, and its verdict if
    it changed."""
    parts = [f"{cell.mark} {_result(cell)}"]
    changed = (cell.verdict in COLOURS and not _is_first(cell)) or cell.verdict == "as good"
    if changed and (word := _verdict_word(cell)) not in parts[0]:
        parts.append(word)
    return " · ".join(parts)


def _result(cell: MatrixCell) -> str:
    if len(cell.rows) > 1:
        return f"{cell.passed} of {len(cell.rows)} pass"
    if cell.mark == "?" and any(row.details.error for row in cell.rows):
        return "no answer"
    if cell.mark == "?" and any(row.details.unscored for row in cell.rows):
        return "no scorer"
    graded = cell.score is not None and 0 < cell.score < 1
    return f"{MARKS[cell.mark]}, score {cell.score:.2f}" if graded else MARKS[cell.mark]


def answer_words(cell: MatrixCell, answers: Mapping[int, str]) -> str:
    """The answer of a cell on one line, shortened; of several, the one with the most urgent verdict."""
    text = answers.get(cell.worst.position)
    if text is None:
        return ""
    line = " ".join(text.split())
    if not line:
        return "(empty)"
    return line if len(line) <= ANSWER else f"{line[:ANSWER]}…"


def _verdict_word(cell: MatrixCell) -> str:
    """The verdict of a cell; where it cannot be told, what is missing."""
    if cell.verdict != "cannot tell":
        return cell.verdict
    details = [row.details for row in cell.rows if row.verdict == "cannot tell"]
    if any(detail.not_judged for detail in details):
        return "not judged"
    return "no answer" if any(detail.error for detail in details) else cell.verdict


def cell_colour(cell: MatrixCell) -> str:
    """The colour of a cell: that of its verdict if it changed, else that of its mark. A pass that did not change has
    none, so that the eye finds the others."""
    if cell.verdict in COLOURS and not _is_first(cell):
        return COLOURS[cell.verdict]
    return {"✗": "bad", "~": "warn", "?": "warn"}.get(cell.mark, PLAIN)


def _is_first(cell: MatrixCell) -> bool:
    """True if the answers are the first ones, which cannot be compared with older ones."""
    return all(row.verdict == "cannot tell" and row.was_score is None and row.score is not None for row in cell.rows)


def as_text(value: object) -> str:
    """A value of a case as text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def time_words(seconds: float) -> str:
    """A duration in the unit that fits."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5_400 else f"{seconds / 3600:.1f} h"

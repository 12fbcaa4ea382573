"""A row of the workbench that is a table: several answers to one question, or several inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from promptlab import runs
from promptlab.runs import AnswerTable, Asked
from promptlab.types import Result, TableCell
from promptlab.ui.state.jobs import Job
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import grid, spread


def draw_stored(session: Session, key: str, results: Sequence[Result], draw_card: Callable[[Result], None]) -> bool:
    """Draw the answers of a run as a table; `draw_card` draws a single one of them.

    False, and nothing is drawn, if each column has one answer.
    """
    table = runs.answer_table(results)
    if table is None:
        return False
    _draw(session, key, table)
    spread.each_answer(key, table, draw_card)
    return True


def draw_live(job: Job) -> bool:
    """Draw what has come of a run so far as a table. False if each column has one answer."""
    snapshots = job.snapshots()
    asked = [
        Asked(snapshot.trial.cell or TableCell(number), snapshot.trial.model, snapshot.result)
        for number, snapshot in enumerate(snapshots)
    ]
    table = runs.table_of(asked)
    if table is None:
        return False
    _draw(None, f"live-{job.run_id[:12]}", table)
    return True


def heading_of(result: Result) -> str:
    """What sets the column of an answer apart from others of its model; "" if nothing does."""
    return result.cell.heading if result.cell else ""


def _draw(session: Session | None, key: str, table: AnswerTable) -> None:
    if len(table.rows) == 1:
        spread.draw(session, key, table)
    else:
        grid.draw(session, table)


__all__ = ["draw_live", "draw_stored", "heading_of"]

"""Cases of a suite as the rows of a table, to try them by hand with a prompt that is being edited."""

from __future__ import annotations

from itertools import islice

from promptlab.runs import Given, TableRow
from promptlab.suites import _case_file as case_files
from promptlab.suites._items import TrialMaker
from promptlab.suites._suite import Suite, Variant
from promptlab.workspace import Workspace


def table_rows(workspace: Workspace, suite: Suite, *, limit: int) -> list[TableRow]:
    """The first `limit` cases of `suite`, with their labels and their files, judged by its scorers.

    Judges are models and are left out: they are asked when the suite is run.
    """
    maker = TrialMaker(workspace, suite)
    return [
        TableRow(
            Given(case.inputs, case.label, {"": case.places}),
            case.expected,
            maker.scorers(case, Variant()),
            case.documents,
            case.id,
            suite.judge_cut_answers,
        )
        for case in islice(case_files.read(workspace, suite), limit)
    ]


__all__ = ["table_rows"]

"""Suites: regression tests of prompts. Stored questions, with scorers, models and the answers that were recorded.

    suite = load_suite(workspace, "world-cup")
    log, store = SuiteLog.of(workspace), Store.of(workspace)

    asking = Asking(workspace, suite, verb="record", options=AskOptions(), catalogue=catalogue, store=store, log=log)
    for answered in asking:                                 # asks the models, and resumes what was interrupted
        print(answered.item.key.id, answered.verdict.kind)
    asking.write_recording()                                # the answers become the baseline

    replayed = list(replay_suite(workspace, suite))         # scores the recorded answers again, asks no model
    summary = summarise_outcomes(suite, map(outcome_of_replay, replayed), replayed=True)
    print(summary.sentence)                                 # "37 of 40 pass (79.6 to 98.4 %)."

With `verb="rerun"` the new answers are compared with the recorded ones, and each item gets a verdict: the same, as
good, better, worse, or cannot tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.suites._annotations import Mark, add_mark, answer_id, load_marks, remove_mark
    from promptlab.suites._ask import Asking
    from promptlab.suites._baseline import (
        BaselineChange,
        RunAnswers,
        baseline_changes,
        last_answered_run,
        write_recording,
    )
    from promptlab.suites._compare import TwoRuns, compare_runs, is_row_worse
    from promptlab.suites._estimate import Estimate, ModelEstimate, estimate_suite
    from promptlab.suites._file import is_case_file, load_suite, parse_suite, suite_paths
    from promptlab.suites._find_causes import CauseFinder
    from promptlab.suites._from_run import KeptAnswers, keep_answers, keep_run
    from promptlab.suites._history import CellRate, HistoryPoint, history_as_text, suite_history
    from promptlab.suites._item_detail import ItemDetail, item_detail, judge_agreement, judges_of
    from promptlab.suites._items import AskOptions, TrialMaker, suite_items
    from promptlab.suites._lock import hold_suite
    from promptlab.suites._log import SuiteLog
    from promptlab.suites._matrix import (
        MatrixCell,
        MatrixColumn,
        MatrixLine,
        is_unchanged_since,
        matching_rows,
        matrix_columns,
        matrix_page,
        options_of_run,
        row_at,
        run_to_resume,
        summary_of_run,
        verdict_counts,
    )
    from promptlab.suites._outcome import Answered
    from promptlab.suites._prune import left_items, prune_recording
    from promptlab.suites._recording import Recording
    from promptlab.suites._rename import Renamed, RenamedIn, rename_case
    from promptlab.suites._replay import replay_item, replay_left_item, replay_suite
    from promptlab.suites._replay_run import Replaying
    from promptlab.suites._report import report_writers
    from promptlab.suites._report_item import (
        FAILING,
        UNJUDGED,
        ReportItem,
        item_as_text,
        report_item_of_answer,
        report_item_of_change,
        report_item_of_replay,
    )
    from promptlab.suites._scores import score_names
    from promptlab.suites._suite import Case, CaseFile, Item, ItemKey, Suite, Variant
    from promptlab.suites._suite_run import ItemRow, SuiteRun, Verb
    from promptlab.suites._summary import (
        EXIT_MET,
        EXIT_NOT_MET,
        Summary,
        holm_adjusted,
        outcome_of_answer,
        outcome_of_replay,
        recorded_outcomes,
        summarise_outcomes,
        summary_as_text,
        threshold_line,
        threshold_sign,
    )
    from promptlab.suites._thresholds import Outcome, Threshold, check_threshold

__all__ = [
    "EXIT_MET",
    "EXIT_NOT_MET",
    "FAILING",
    "UNJUDGED",
    "Answered",
    "AskOptions",
    "Asking",
    "BaselineChange",
    "Case",
    "CaseFile",
    "CauseFinder",
    "CellRate",
    "Estimate",
    "HistoryPoint",
    "Item",
    "ItemDetail",
    "ItemKey",
    "ItemRow",
    "KeptAnswers",
    "Mark",
    "MatrixCell",
    "MatrixColumn",
    "MatrixLine",
    "ModelEstimate",
    "Outcome",
    "Recording",
    "Renamed",
    "RenamedIn",
    "Replaying",
    "ReportItem",
    "RunAnswers",
    "Suite",
    "SuiteLog",
    "SuiteRun",
    "Summary",
    "Threshold",
    "TrialMaker",
    "TwoRuns",
    "Variant",
    "Verb",
    "add_mark",
    "answer_id",
    "baseline_changes",
    "check_threshold",
    "compare_runs",
    "estimate_suite",
    "history_as_text",
    "hold_suite",
    "holm_adjusted",
    "is_case_file",
    "is_row_worse",
    "is_unchanged_since",
    "item_as_text",
    "item_detail",
    "judge_agreement",
    "judges_of",
    "keep_answers",
    "keep_run",
    "last_answered_run",
    "left_items",
    "load_marks",
    "load_suite",
    "matching_rows",
    "matrix_columns",
    "matrix_page",
    "options_of_run",
    "outcome_of_answer",
    "outcome_of_replay",
    "parse_suite",
    "prune_recording",
    "recorded_outcomes",
    "remove_mark",
    "rename_case",
    "replay_item",
    "replay_left_item",
    "replay_suite",
    "report_item_of_answer",
    "report_item_of_change",
    "report_item_of_replay",
    "report_writers",
    "row_at",
    "run_to_resume",
    "score_names",
    "suite_history",
    "suite_items",
    "suite_paths",
    "summarise_outcomes",
    "summary_as_text",
    "summary_of_run",
    "threshold_line",
    "threshold_sign",
    "verdict_counts",
    "write_recording",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)

"""Suites: regression tests of prompts. Stored questions, with scorers, models and the answers that were recorded.

    suite = load_suite(workspace, "world-cup")
    log, store = SuiteLog.of(workspace), Store.of(workspace)

    asking = Asking(workspace, suite, verb="record", options=AskOptions(), catalogue=catalogue, store=store, log=log)
    for answered in asking:                                 # asks the models, and resumes what was interrupted
        print(answered.item.key.id, answered.verdict.kind)
    asking.write_recording()                                # the answers become the baseline

    replayed = list(replay_suite(workspace, suite))         # scores the recorded answers again, asks no model
    summary = summarise_outcomes(suite, map(outcome_of_replay, replayed), replayed=True)
    print(summary.sentence)                                 # "37 of 40 pass (pass rate 92.5 %, 95 % …"

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
    from promptlab.suites._budget import list_price_note
    from promptlab.suites._cause import Cause
    from promptlab.suites._cause_words import CauseWords, cause_in_words
    from promptlab.suites._change import ChangedOnDisk, FileChange, SuiteChange, write_change
    from promptlab.suites._compare import TwoRuns, compare_runs, is_row_worse
    from promptlab.suites._comparison_words import percent, percents, rate_in_words
    from promptlab.suites._edit_case import CaseDraft, plan_case, plan_retired, plan_upload, suite_cases
    from promptlab.suites._estimate import Estimate, ModelEstimate, estimate_suite, local_minutes
    from promptlab.suites._file import is_case_file, load_suite, parse_suite, suite_paths
    from promptlab.suites._find_causes import CauseFinder
    from promptlab.suites._from_run import KeptAnswers, keep_answers, keep_run
    from promptlab.suites._history import CellRate, HistoryPoint, column_rates, history_as_text, suite_history
    from promptlab.suites._item_detail import ItemDetail, item_detail, judge_agreement, judges_of
    from promptlab.suites._items import AskOptions, TrialMaker, suite_items
    from promptlab.suites._judge_reply import score_of
    from promptlab.suites._lock import hold_suite
    from promptlab.suites._log import SuiteLog
    from promptlab.suites._matrix import (
        URGENCY,
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
        show_counts,
        summary_of_run,
        verdict_counts,
    )
    from promptlab.suites._model_uses import ModelUse, uses_of_model
    from promptlab.suites._outcome import Answered
    from promptlab.suites._page_answers import AskedCase, PageTexts, page_texts
    from promptlab.suites._prune import left_items, prune_recording
    from promptlab.suites._recorded_item import RecordedItem
    from promptlab.suites._recording import Recording
    from promptlab.suites._rename import Renamed, RenamedIn, rename_case
    from promptlab.suites._renamed_path import recordings_with_name
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
    from promptlab.suites._settings import (
        SuiteSettings,
        new_suite_path,
        plan_new_suite,
        plan_settings,
        suite_settings,
        threshold_problem,
        uploaded_cases,
    )
    from promptlab.suites._stored import StoredAnswers
    from promptlab.suites._suite import Case, CaseFile, Item, ItemKey, Suite, Variant
    from promptlab.suites._suite_run import ItemRow, Show, SuiteRun, Verb
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
    from promptlab.suites._table_rows import table_rows
    from promptlab.suites._thresholds import FORMS, Outcome, Threshold, check_threshold
    from promptlab.suites._trained import trained_cases

__all__ = [
    "EXIT_MET",
    "EXIT_NOT_MET",
    "FAILING",
    "FORMS",
    "UNJUDGED",
    "URGENCY",
    "Answered",
    "AskOptions",
    "AskedCase",
    "Asking",
    "BaselineChange",
    "Case",
    "CaseDraft",
    "CaseFile",
    "Cause",
    "CauseFinder",
    "CauseWords",
    "CellRate",
    "ChangedOnDisk",
    "Estimate",
    "FileChange",
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
    "ModelUse",
    "Outcome",
    "PageTexts",
    "RecordedItem",
    "Recording",
    "Renamed",
    "RenamedIn",
    "Replaying",
    "ReportItem",
    "RunAnswers",
    "Show",
    "StoredAnswers",
    "Suite",
    "SuiteChange",
    "SuiteLog",
    "SuiteRun",
    "SuiteSettings",
    "Summary",
    "Threshold",
    "TrialMaker",
    "TwoRuns",
    "Variant",
    "Verb",
    "add_mark",
    "answer_id",
    "baseline_changes",
    "cause_in_words",
    "check_threshold",
    "column_rates",
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
    "list_price_note",
    "load_marks",
    "load_suite",
    "local_minutes",
    "matching_rows",
    "matrix_columns",
    "matrix_page",
    "new_suite_path",
    "options_of_run",
    "outcome_of_answer",
    "outcome_of_replay",
    "page_texts",
    "parse_suite",
    "percent",
    "percents",
    "plan_case",
    "plan_new_suite",
    "plan_retired",
    "plan_settings",
    "plan_upload",
    "prune_recording",
    "rate_in_words",
    "recorded_outcomes",
    "recordings_with_name",
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
    "score_of",
    "show_counts",
    "suite_cases",
    "suite_history",
    "suite_items",
    "suite_paths",
    "suite_settings",
    "summarise_outcomes",
    "summary_as_text",
    "summary_of_run",
    "table_rows",
    "threshold_line",
    "threshold_problem",
    "threshold_sign",
    "trained_cases",
    "uploaded_cases",
    "uses_of_model",
    "verdict_counts",
    "write_change",
    "write_recording",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)

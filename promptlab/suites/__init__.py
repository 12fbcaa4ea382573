"""suites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.suites._annotations import Mark, answer_id, put, take_away
    from promptlab.suites._annotations import load as load_marks
    from promptlab.suites._ask import Asking
    from promptlab.suites._baseline import Answers, Change, changes, last_run, write_recording
    from promptlab.suites._budget import ModelEstimate, estimate
    from promptlab.suites._compare import TwoRuns, compare_runs
    from promptlab.suites._file import is_list, load, names
    from promptlab.suites._find_causes import Finder
    from promptlab.suites._from_run import Kept, keep, keep_run
    from promptlab.suites._item_detail import Seen, agreement, has_judge, look
    from promptlab.suites._items import Fill, Options, items, trials
    from promptlab.suites._lock import owning
    from promptlab.suites._log import SuiteLog
    from promptlab.suites._matrix import (
        Cell,
        Column,
        Line,
        columns,
        counts,
        is_of_today,
        matching,
        options_of,
        page,
        row_at,
        summary_of_run,
        to_take_up,
    )
    from promptlab.suites._recording import Recording
    from promptlab.suites._replay import replay, replay_item
    from promptlab.suites._replay_run import Replaying
    from promptlab.suites._report import writers
    from promptlab.suites._report_item import FAILING, Entry, in_words, of_answer, of_change, of_replay
    from promptlab.suites._suite import Item, Key, Suite
    from promptlab.suites._suite_run import Row, SuiteRun, Verb
    from promptlab.suites._summary import (
        MET,
        NOT_MET,
        Summary,
        as_text,
        mark,
        outcome_of,
        outcome_of_replay,
        recorded_outcomes,
        summarise,
        threshold_line,
        together,
    )
    from promptlab.suites._thresholds import Outcome, Threshold, check

__all__ = [
    "FAILING",
    "MET",
    "NOT_MET",
    "Answers",
    "Asking",
    "Cell",
    "Change",
    "Column",
    "Entry",
    "Fill",
    "Finder",
    "Item",
    "Kept",
    "Key",
    "Line",
    "Mark",
    "ModelEstimate",
    "Options",
    "Outcome",
    "Recording",
    "Replaying",
    "Row",
    "Seen",
    "Suite",
    "SuiteLog",
    "SuiteRun",
    "Summary",
    "Threshold",
    "TwoRuns",
    "Verb",
    "agreement",
    "answer_id",
    "as_text",
    "changes",
    "check",
    "columns",
    "compare_runs",
    "counts",
    "estimate",
    "has_judge",
    "in_words",
    "is_list",
    "is_of_today",
    "items",
    "keep",
    "keep_run",
    "last_run",
    "load",
    "load_marks",
    "look",
    "mark",
    "matching",
    "names",
    "of_answer",
    "of_change",
    "of_replay",
    "options_of",
    "outcome_of",
    "outcome_of_replay",
    "owning",
    "page",
    "put",
    "recorded_outcomes",
    "replay",
    "replay_item",
    "row_at",
    "summarise",
    "summary_of_run",
    "take_away",
    "threshold_line",
    "to_take_up",
    "together",
    "trials",
    "write_recording",
    "writers",
]

__getattr__ = lazy(__name__)

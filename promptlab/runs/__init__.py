"""Runs: questions to models, and the history of their answers.

    given = Given.typed({"question": "Who won?"})
    with contextlib.closing(Store.of(workspace)) as store:
        trials = plan_comparison(workspace, load(workspace, "world-cup"), given, ["gemma-3-270m", "gpt"])
        run = start_run(trials, catalogue=Catalogue(workspace), store=store, title="first try")
        for result in run.wait():                           # or iterate `run` for its events as they happen
            print(result.model, result.text or result.error)
        store.results(run.id)                               # the same results, now or tomorrow

A planner makes trials, the runner asks them, and the store keeps the results. A stored answer is used again for the
same request where a new one would be the same (temperature 0, or a seed), unless `fresh=True`; `explain` says why it
was or was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.runs._answer_files import (
        ANSWER_FORMATS,
        Answer,
        AnswerFile,
        AnswerFormat,
        read_answers,
        shown_inputs,
        write_answers,
    )
    from promptlab.runs._answer_table import (
        AnswerTable,
        Asked,
        RowHead,
        Spread,
        SpreadAnswer,
        TableColumn,
        answer_table,
        spread_of,
        table_of,
    )
    from promptlab.runs._columns import (
        MOST_DRAWS,
        MOST_REQUESTS,
        MOST_ROWS,
        Column,
        TableRow,
        column_heading,
        describe_table,
        different_columns,
        different_rows,
        plan_table,
        rows_from_text,
    )
    from promptlab.runs._cost import cost_of, cost_of_all, cost_text, cost_words, costs_text
    from promptlab.runs._difference import (
        AskedRequest,
        TextChange,
        asked_requests,
        changed_sections,
        describe_changes,
        prompt_changes,
        text_changes,
    )
    from promptlab.runs._draws import draws_of, is_answer_reusable
    from promptlab.runs._explain import Explanation, explain
    from promptlab.runs._list import Listed
    from promptlab.runs._plans import plan_comparison, plan_question, sections_to_leave_out
    from promptlab.runs._prompts import PromptCache, with_prompt, with_rendered_prompt
    from promptlab.runs._rating import Opinion, Rating, Ratings
    from promptlab.runs._read_ahead import read_ahead, sample_trials, stable_text
    from promptlab.runs._renamed_file import renamed_name, renamed_source
    from promptlab.runs._report import duration_text, result_as_json, result_as_text
    from promptlab.runs._request_changes import RequestChanges, request_changes
    from promptlab.runs._result_to_example import add_example_from_result, inputs_of_result, label_of_result
    from promptlab.runs._run_info import MANY_ANSWERS, MadeFor, RunInfo
    from promptlab.runs._runner import Run, request_of, start_run, utc_now
    from promptlab.runs._score import cut_off, score_answer, why_not_judgeable
    from promptlab.runs._store import Store, Taken, history_file
    from promptlab.runs._trial import Given, Recalled, Rendered, Trial
    from promptlab.runs._try_model import TRY_TEMPLATE, trial_of_model
    from promptlab.runs._votes import CHOICES, Choice, Vote, Votes, pair_id
    from promptlab.runs._window import refuse_if_too_long

__all__ = [
    "ANSWER_FORMATS",
    "CHOICES",
    "MANY_ANSWERS",
    "MOST_DRAWS",
    "MOST_REQUESTS",
    "MOST_ROWS",
    "TRY_TEMPLATE",
    "Answer",
    "AnswerFile",
    "AnswerFormat",
    "AnswerTable",
    "Asked",
    "AskedRequest",
    "Choice",
    "Column",
    "Explanation",
    "Given",
    "Listed",
    "MadeFor",
    "Opinion",
    "PromptCache",
    "Rating",
    "Ratings",
    "Recalled",
    "Rendered",
    "RequestChanges",
    "RowHead",
    "Run",
    "RunInfo",
    "Spread",
    "SpreadAnswer",
    "Store",
    "TableColumn",
    "TableRow",
    "Taken",
    "TextChange",
    "Trial",
    "Vote",
    "Votes",
    "add_example_from_result",
    "answer_table",
    "asked_requests",
    "changed_sections",
    "column_heading",
    "cost_of",
    "cost_of_all",
    "cost_text",
    "cost_words",
    "costs_text",
    "cut_off",
    "describe_changes",
    "describe_table",
    "different_columns",
    "different_rows",
    "draws_of",
    "duration_text",
    "explain",
    "history_file",
    "inputs_of_result",
    "is_answer_reusable",
    "label_of_result",
    "pair_id",
    "plan_comparison",
    "plan_question",
    "plan_table",
    "prompt_changes",
    "read_ahead",
    "read_answers",
    "refuse_if_too_long",
    "renamed_name",
    "renamed_source",
    "request_changes",
    "request_of",
    "result_as_json",
    "result_as_text",
    "rows_from_text",
    "sample_trials",
    "score_answer",
    "sections_to_leave_out",
    "shown_inputs",
    "spread_of",
    "stable_text",
    "start_run",
    "table_of",
    "text_changes",
    "trial_of_model",
    "utc_now",
    "why_not_judgeable",
    "with_prompt",
    "with_rendered_prompt",
    "write_answers",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)

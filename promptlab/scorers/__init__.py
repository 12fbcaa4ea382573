"""Scorers: each compares an answer with what was expected and gives a `Score` from 0 to 1.

spec = scorer_spec({"numeric": {"relative": 0.01}})        # as a suite names it; options are checked
score = build_scorer(spec, workspace)("about 42", 42)      # (answer, expected) -> Score
score.value, score.answer, score.reason                    # 1.0, "42", "42 is 42 within 1 %"
score.value >= pass_mark(spec)                             # True if the answer passes

parse_json_answer('```json\n{"winner": "Argentina"}\n```')  # {"winner": "Argentina"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.scorers._check_expected import check_expected
    from promptlab.scorers._custom import from_function
    from promptlab.scorers._json import parse_json_answer
    from promptlab.scorers._options import (
        ScorerOption,
        option_problems,
        scorer_names,
        scorer_options,
        scorer_summary,
    )
    from promptlab.scorers._ready import ReadyScorer
    from promptlab.scorers._registry import (
        COMPARE_SCORERS,
        MODEL_SCORERS,
        build_scorer,
        contains,
        pass_mark,
        scorer_spec,
    )

__all__ = [
    "COMPARE_SCORERS",
    "MODEL_SCORERS",
    "ReadyScorer",
    "ScorerOption",
    "build_scorer",
    "check_expected",
    "contains",
    "from_function",
    "option_problems",
    "parse_json_answer",
    "pass_mark",
    "scorer_names",
    "scorer_options",
    "scorer_spec",
    "scorer_summary",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)

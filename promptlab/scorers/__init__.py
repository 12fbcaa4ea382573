"""scorers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.scorers._json import parse_json_answer
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
    "build_scorer",
    "contains",
    "parse_json_answer",
    "pass_mark",
    "scorer_spec",
]

__getattr__ = lazy(__name__)

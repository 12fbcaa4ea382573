"""Scorers by name: checking the name and options in a suite, and building the scorer.

    build_scorer(scorer_spec("contains"), workspace)("It was Argentina.", "Argentina")
    # Score("contains", 1.0, "Argentina", "holds 'Argentina'")

A suite names a scorer with its options: `numeric` or `{numeric: {relative: 0.01}}`. Every scorer has two more options.
`extract` is a regular expression: only its first group (or the whole match) is scored, and the last match counts.
`at_least` is the lowest value that passes. The scorer `judge` asks a model; it is in `promptlab.suites._judge`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from promptlab._util.bounded_regex import search
from promptlab.errors import InputError, nearest
from promptlab.scorers._check_options import check_options
from promptlab.scorers._choice import one_of
from promptlab.scorers._custom import python
from promptlab.scorers._embedding import similarity
from promptlab.scorers._gsm8k import gsm8k
from promptlab.scorers._json import json_fields, json_schema
from promptlab.scorers._multiple_choice import multiple_choice
from promptlab.scorers._numeric import numeric
from promptlab.scorers._overlap import chrf, list_f1
from promptlab.scorers._question_answering import squad_em, squad_f1, triviaqa_em
from promptlab.scorers._ready import ReadyScorer
from promptlab.scorers._text import best_subspan_em, check_regex, contains, exact, normalise, regex
from promptlab.types import Score, Scorer, ScorerSpec, canonical_json
from promptlab.workspace import Workspace

FACTORIES: Mapping[str, Callable[..., Scorer]] = {
    "exact": exact,
    "contains": contains,
    "regex": regex,
    "one_of": one_of,
    "numeric": numeric,
    "json_schema": json_schema,
    "json_fields": json_fields,
    "list_f1": list_f1,
    "best_subspan_em": best_subspan_em,
    "squad_em": squad_em,
    "squad_f1": squad_f1,
    "triviaqa_em": triviaqa_em,
    "gsm8k": gsm8k,
    "multiple_choice": multiple_choice,
    "chrf": chrf,
    "similarity": similarity,
    "python": python,
}
"""The scorers that do not ask a model, by their name in a suite."""

MODEL_SCORERS = ("judge",)
"""Scorers that ask a model."""

PASS_MARKS: Mapping[str, float] = {"chrf": 0.5, "similarity": 0.7, "squad_f1": 0.5}
"""The lowest value that passes, for scorers for which it is not 1. A suite can change it with `at_least`."""

COMPARE_SCORERS: Mapping[str, Callable[..., Scorer]] = {"exact": exact, "contains": contains}
"""The scorers that `promptlab compare` offers."""

_EVERYWHERE = ("extract", "at_least")
_JUDGE = ("model", "question", "template", "at_least")
_NEEDS_WORKSPACE = (python,)


def scorer_spec(named: str | Mapping[str, Any]) -> ScorerSpec:
    """The spec of a scorer as it is in a suite file. Its name and options are checked, but no library is loaded.

    Raises `InputError` for an unknown name or option, with the nearest known one.
    """
    if isinstance(named, str):
        named = {named: {}}
    if not isinstance(named, Mapping) or len(named) != 1:
        raise InputError("a scorer is a name, or one name with its options", hint="such as `numeric: {absolute: 0.5}`")
    ((name, options),) = named.items()
    if options is None:
        options = {}
    known = [*FACTORIES, *MODEL_SCORERS]
    if name not in known:
        raise InputError(f"there is no scorer `{name}`", hint=nearest(str(name), known))
    if not isinstance(options, Mapping):
        raise InputError(f"the options of `{name}` are a mapping of names to values")
    allowed = options_of(name)
    for option in options:
        if option not in allowed:
            raise InputError(f"`{name}` has no option `{option}`", hint=nearest(str(option), allowed))
    check_options(name, options, FACTORIES.get(name))
    spec = ScorerSpec(name, canonical_json(dict(options)))
    pass_mark(spec)  # raises if `at_least` is wrong
    if "extract" in options:
        check_regex(options["extract"], "extract")
    return spec


def options_of(name: str) -> list[str]:
    """The names of the options of a scorer."""
    if name in MODEL_SCORERS:
        return list(_JUDGE)
    own = [p for p in inspect.signature(FACTORIES[name]).parameters if p != "workspace"]
    return [*own, *_EVERYWHERE]


def build_scorer(spec: ScorerSpec, workspace: Workspace) -> ReadyScorer:
    """The scorer for `spec`. Raises `InputError` if an option has a wrong value, or if a library or a function of the
    workspace is missing."""
    options = spec.values
    extract = options.pop("extract", None)
    options.pop("at_least", None)
    factory = FACTORIES[spec.name]
    try:
        scorer = factory(workspace=workspace, **options) if factory in _NEEDS_WORKSPACE else factory(**options)
    except TypeError as exc:
        raise InputError(f"the options of `{spec.name}` do not fit: {exc}") from exc
    return ReadyScorer(spec, _extracting(scorer, check_regex(extract, "extract"), spec.name) if extract else scorer)


def pass_mark(spec: ScorerSpec) -> float:
    """The lowest value with which an answer passes."""
    value = spec.values.get("at_least", PASS_MARKS.get(spec.name, 1.0))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise InputError(f"`at_least` of `{spec.name}` is a number above 0 and at most 1, not {value!r}")
    return float(value)


def _extracting(scorer: Scorer, pattern: str, name: str) -> Scorer:
    def score(answer: str, expected: Any) -> Score:
        last = search(pattern, answer, flags=re.MULTILINE, how="last")
        if last is None:
            return Score(name, 0.0, "", f"nothing in the answer matches {pattern!r}")
        return scorer(last.text if last.group is None else last.group, expected)

    score.__qualname__ = name  # error messages name the scorer by this attribute
    return score


def named(score: Score, name: str) -> Score:
    """`score` under another name."""
    return replace(score, scorer=name)


__all__ = [
    "COMPARE_SCORERS",
    "FACTORIES",
    "MODEL_SCORERS",
    "PASS_MARKS",
    "Scorer",
    "ScorerSpec",
    "best_subspan_em",
    "build_scorer",
    "contains",
    "exact",
    "named",
    "normalise",
    "options_of",
    "pass_mark",
    "scorer_spec",
]

"""An answer of a suite as an observation of an experiment."""

from __future__ import annotations

from promptlab._util.json_schema import validate
from promptlab.experiments._observations import Observation
from promptlab.experiments._plan import asked_hash
from promptlab.runs import why_not_judgeable
from promptlab.suites import Answered
from promptlab.types import Result
from promptlab.workspace import Labels


def observed(answered: Answered, labels: Labels, schema: str | None) -> Observation:
    key, verdict, result = answered.item.key, answered.verdict, answered.result
    score = None if verdict.passed is None else verdict.score
    why = "" if score is not None else result.error or verdict.not_judged or "it has no score"
    case = answered.item.case
    prompt = result.request.prompt if result.request else None
    label = labels.of_prompt(prompt, case.label, *map(labels.of_copy, case.places))
    return Observation(
        *(key.case, key.variant, key.model, key.repeat),
        score,
        verdict.passed,
        why,
        result.id,
        result.run_id,
        result.text,
        label,
        asked_hash(result.request, answered.item.variant.key) if result.request else "",
        result.tokens.written,
        _is_valid(result, schema),
        (result.completion.timings.total or None) if result.completion else None,
    )


def _is_valid(result: Result, schema: str | None) -> bool | None:
    """Whether an answer keeps to `schema`. None without one, and for an answer that is missing or not whole."""
    if schema is None or result.completion is None:
        return None
    if why_not_judgeable(result.completion, result.request, judge_cut=False):
        return None
    return validate(schema, result.completion.text).valid

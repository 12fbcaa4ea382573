"""Answers that must be valid under a JSON schema, judged in one place for every backend.

The verdict is stored with the answer. `Completion.details["schema"]` is `{"valid": true}`, or `{"valid": false,
"why": …, "at": …}` with the JSON pointer of the fault. Beside it, `not_held` lists the keywords of the schema that the
backend could not enforce during decoding, and `only_named` the objects that could only have the properties that the
schema names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from promptlab._util.json_schema import Verdict, pointer, problem_of, validate
from promptlab._util.json_text import read_json
from promptlab.errors import RequestRejected
from promptlab.types import Completion, Result

NOT_HELD = "not_held"
"""The key in `details` under which a backend lists the keywords that it could not enforce."""
ONLY_NAMED = "only_named"
"""The key for objects that could only have the properties that the schema names."""


@lru_cache(maxsize=256)
def _problem(schema: str) -> str:
    try:
        parsed = json.loads(schema)
    except (ValueError, RecursionError) as exc:
        return f"the schema is not JSON: {exc}"
    problem = problem_of(parsed)
    return f"the schema at #{pointer(problem.path)}: {problem.message}" if problem else ""


def check_schema(schema: str | None) -> None:
    """Raise `RequestRejected` for a schema under which no answer can be valid. It is called before a model is asked."""
    problem = _problem(schema) if schema is not None else ""
    if problem:
        raise RequestRejected(problem, hint="fix the schema; nothing was asked")


def with_schema_verdict(done: Completion, schema: str | None) -> Completion:
    """`done` with the verdict of its schema. Unchanged if it has no schema, or was stopped before any text came."""
    if schema is None or (not done.text and done.finish_reason == "stopped"):
        return done
    details = {key: value for key, value in done.details.items() if key not in (NOT_HELD, ONLY_NAMED)}
    result = _cut_number(done) or validate(schema, done.text)
    stored: dict[str, Any] = {"valid": result.valid}
    if done.details.get(ONLY_NAMED):
        stored[ONLY_NAMED] = list(done.details[ONLY_NAMED])
    if not result.valid:
        stored |= {"why": _why(result, done), "at": result.at}
        if done.details.get(NOT_HELD):
            stored[NOT_HELD] = list(done.details[NOT_HELD])
    return replace(done, details={**details, "schema": stored})


def _cut_number(done: Completion) -> Verdict | None:
    """The verdict for a number at the end of an answer that was cut off: more digits might have followed."""
    if done.finish_reason in ("length", "stopped") and done.text.rstrip()[-1:].isdigit():
        return Verdict(False, "cut off: the number may have more digits")
    return None


def _why(result: Verdict, done: Completion) -> str:
    if done.finish_reason == "length" and _cut_number(done) is None and not _is_json(done.text):
        return "cut off: the answer reached max_tokens"
    return result.why


def _is_json(text: str) -> bool:
    try:
        read_json(text)
    except ValueError:
        return False
    return True


def schema_verdict(result: Result) -> Verdict | None:
    """The verdict of a result's schema on its answer; None if there is no schema or no answer. An answer that was
    stored before promptlab stored verdicts is judged now."""
    done, request = result.completion, result.request
    if done is None or request is None or request.schema is None:
        return None
    details = done.details if "schema" in done.details else with_schema_verdict(done, request.schema).details
    stored = details.get("schema")
    if not isinstance(stored, Mapping):
        return None
    return Verdict(bool(stored["valid"]), str(stored.get("why", "")), str(stored.get("at", "")))


def schema_failure(result: Result) -> str:
    """Why the answer is not valid under its schema; empty if it is valid, or has no schema."""
    outcome = schema_verdict(result)
    if outcome is None or outcome.valid:
        return ""
    stored = result.completion.details.get("schema", {}) if result.completion else {}
    if NOT_HELD not in stored:
        return outcome.words
    return f"{outcome.words}; these keywords could not be enforced during decoding: {', '.join(stored[NOT_HELD])}"


__all__ = ["NOT_HELD", "ONLY_NAMED", "check_schema", "schema_failure", "schema_verdict", "with_schema_verdict"]

"""Whether an answer that had a schema is valid under it: judged in one place for every backend, and kept with it.

`Completion.details["schema"]` is `{"valid": true}`, or `{"valid": false, "why": …, "at": …}` with the JSON pointer of
what is wrong. Beside it, `not_held` says what of the schema the model was not held to while it wrote, and `only_named`
which objects it wrote only with the properties that the schema names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from promptlab._util.json_schema import Verdict, pointer, problem_of, verdict
from promptlab.errors import RequestRejected
from promptlab.types import Completion, Result

NOT_HELD = "not_held"
"""What a backend calls, in `details`, the keywords of the schema that it could not hold the model to."""
ONLY_NAMED = "only_named"
"""The same for objects of which it let the model write only the properties that the schema names."""


@lru_cache(maxsize=256)
def _problem(schema: str) -> str:
    try:
        parsed = json.loads(schema)
    except (ValueError, RecursionError) as exc:
        return f"the schema is not JSON: {exc}"
    problem = problem_of(parsed)
    return f"the schema at #{pointer(problem.path)}: {problem.message}" if problem else ""


def check_schema(schema: str | None) -> None:
    """Raise `RequestRejected` for a schema under which no answer can be valid, before anything is asked."""
    wrong = _problem(schema) if schema is not None else ""
    if wrong:
        raise RequestRejected(wrong, hint="fix the schema; nothing was asked")


def with_schema_verdict(done: Completion, schema: str | None) -> Completion:
    """`done` with what its schema says of it; as it is where there is none, or nothing was written before a stop."""
    if schema is None or (not done.text and done.finish_reason == "stopped"):
        return done
    details = {key: value for key, value in done.details.items() if key not in (NOT_HELD, ONLY_NAMED)}
    found = _cut_number(done) or verdict(schema, done.text)
    said: dict[str, Any] = {"valid": found.valid}
    if done.details.get(ONLY_NAMED):
        said[ONLY_NAMED] = list(done.details[ONLY_NAMED])
    if not found.valid:
        said |= {"why": _why(found, done), "at": found.at}
        if done.details.get(NOT_HELD):
            said[NOT_HELD] = list(done.details[NOT_HELD])
    return replace(done, details={**details, "schema": said})


def _cut_number(done: Completion) -> Verdict | None:
    """An answer that is a number might have gone on where it was cut off."""
    if done.finish_reason in ("length", "stopped") and done.text.rstrip()[-1:].isdigit():
        return Verdict(False, "cut off: the number may have more digits")
    return None


def _why(found: Verdict, done: Completion) -> str:
    if found.why.startswith("not JSON") and done.finish_reason == "length":
        return "cut off: the answer reached max_tokens"
    return found.why


def schema_verdict(result: Result) -> Verdict | None:
    """What a result's schema says of its answer; None where it had no schema, or there is no answer. One that was
    stored before answers were judged is judged now."""
    done, request = result.completion, result.request
    if done is None or request is None or request.schema is None:
        return None
    said = (
        with_schema_verdict(done, request.schema).details.get("schema")
        if "schema" not in done.details
        else done.details["schema"]
    )
    if not isinstance(said, Mapping):
        return None
    return Verdict(bool(said["valid"]), str(said.get("why", "")), str(said.get("at", "")))


def schema_failure(result: Result) -> str:
    """That an answer is not valid under its schema, and why; empty where it is, or had none."""
    found = schema_verdict(result)
    if found is None or found.valid:
        return ""
    said = result.completion.details.get("schema", {}) if result.completion else {}
    held = f"; while writing, the model was not held to {', '.join(said[NOT_HELD])}" if NOT_HELD in said else ""
    return f"{found.words}{held}"


__all__ = ["NOT_HELD", "ONLY_NAMED", "check_schema", "schema_failure", "schema_verdict", "with_schema_verdict"]

"""Results as text: JSON for programs, a few lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from promptlab import models
from promptlab.models import Catalogue
from promptlab.runs._cost import cost_of, cost_words, price_source
from promptlab.types import Result

FIELDS: Mapping[str, str] = {
    "model": "name in the catalogue",
    "text": "the answer, or what had arrived before it failed or was stopped",
    "thinking": "what a thinking model wrote for itself before the answer; empty for others",
    "finish_reason": "`stop`, `length`, `stopped` (Ctrl-C), `content_filter`, `tool_calls`, `unknown`, or null",
    "usage": "tokens: `prompt` (of it `read`, `reused`) and `written` (of it `thinking`); null with an error",
    "timings": "`waited`, `first_token`, `total` in seconds, `tokens_per_second`; null with an error and when cached",
    "cost": "US dollars; null if it is not known, and for local models; 0 if the answer comes from the store",
    "price": "where the price comes from: promptlab.yaml, or a list with its date; null if it is not known",
    "cached": "whether it is the answer of an earlier run",
    "error": "null, or `kind` (a class of `promptlab.errors`), `message` and `hint`",
    "request_id": "key of the request in the store: equal keys may share an answer; null when none was made",
    "run_id": "the run, for `promptlab runs show`",
    "case": "the suite's case; null outside a suite",
    "repeat": "0 for the first time the model was asked",
    "without": "the sections left out",
    "scores": "a list of `scorer`, `spec` (with options), `value` (0 to 1; null: not judged), `answer`, `reason`",
    "valid": "whether the answer is valid under the template's schema; null without one",
    "details": "what the backend says besides: device, attempts, warnings",
}
"""The meaning of each field of `result_as_json`. The page of the command line in docs/ is made from it."""


def result_as_json(result: Result, catalogue: Catalogue | None = None) -> dict[str, Any]:
    """One result as plain data, as `promptlab compare --json` prints it; see `FIELDS`. `catalogue` has the prices."""
    done = result.completion
    return {
        "model": result.model,
        "text": result.text,
        "thinking": done.thinking if done else "",
        "finish_reason": done.finish_reason if done else None,
        "usage": {
            "prompt": done.usage.prompt,
            "read": done.usage.read,
            "reused": done.usage.reused,
            "written": done.usage.written,
            "thinking": done.usage.thinking,
        }
        if done
        else None,
        "timings": {
            "waited": round(done.timings.waited, 4),
            "first_token": None if done.timings.first_token is None else round(done.timings.first_token, 4),
            "total": round(done.timings.total, 4),
            "tokens_per_second": _rate(result),
        }
        if done and not result.cached
        else None,
        "cost": None if catalogue is None else cost_of(result, catalogue),
        "price": None if catalogue is None else price_source(result.model, catalogue),
        "cached": result.cached,
        "error": {"kind": result.error_kind, "message": result.error, "hint": result.hint} if result.error else None,
        "request_id": result.request_id or None,
        "run_id": result.run_id,
        "case": result.case or None,
        "repeat": result.request.repeat if result.request else None,
        "without": list(result.without),
        "scores": [
            {"scorer": s.scorer, "spec": s.spec, "value": s.value, "answer": s.answer, "reason": s.reason}
            for s in result.scores
        ],
        "valid": None if (judged := models.schema_verdict(result)) is None else judged.valid,
        "details": dict(done.details) if done else {},
    }


def _rate(result: Result) -> float | None:
    if result.completion is None:
        return None
    rate = result.completion.timings.tokens_per_second(result.completion.usage.written)
    return None if rate is None else round(rate, 1)


def duration_text(value: float | None) -> str:
    """A duration as text for people, in milliseconds if it is below a second."""
    if value is None:
        return "–"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def facts(result: Result, catalogue: Catalogue | None = None) -> list[str]:
    """Short facts about an answer: its tokens, its times, its cost, and the reason of its end if it is unusual."""
    done = result.completion
    if done is None:
        return []
    usage, said = done.usage, []
    if usage.prompt is not None:
        reused = f", {usage.reused:,} reused" if usage.reused else ""
        said.append(f"{usage.prompt:,} tokens in{reused}")
    if usage.written is not None:
        thought = f", {usage.thinking:,} of them thinking" if usage.thinking else ""
        said.append(f"{usage.written:,} out{thought}")
    if result.cached:
        said.append(_answered_before(result.answered_at))
    else:
        if done.timings.first_token is not None:
            said.append(f"first token {duration_text(done.timings.first_token)}")
        said.append(f"total {duration_text(done.timings.total)}")
        if (rate := _rate(result)) is not None:
            said.append(f"{rate:g} tokens/s")
    if catalogue is not None and (cost := cost_words(result, catalogue)):
        said.append(cost)
    if done.finish_reason != "stop":
        said.append(f"finish: {done.details.get('finish') or done.finish_reason}")
    return said


def _answered_before(time: str) -> str:
    return f"answered before, {datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M}" if time else "answered before"


def result_as_text(result: Result, catalogue: Catalogue | None = None) -> str:
    """One result as text for a terminal: a line of facts, then the answer or the error. `catalogue` has the prices."""
    repeat = f" #{result.request.repeat + 1}" if result.request and result.request.repeat else ""
    lines = [f"── {result.model}{repeat}  {' · '.join(facts(result, catalogue))}".rstrip()]
    if result.text:
        lines.append(result.text.rstrip("\n"))
    elif result.ok:
        lines.append("(an empty answer)")
    if result.error:
        lines.append(f"failed: {result.error}" + (f"\n  {result.hint}" if result.hint else ""))
    lines += [f"warning: {w}" for w in (result.completion.details.get("warnings", ()) if result.completion else ())]
    if wrong := models.schema_failure(result):
        lines.append(f"not valid under the schema: {wrong}")
    lines += [f"{'✓' if s.mark == '✓' else '✗'} {s.scorer}: {s.reason}" for s in result.scores if s.judged]
    lines += [f"? {s.scorer}: not judged: {s.reason}" for s in result.scores if not s.judged]
    return "\n".join(lines)

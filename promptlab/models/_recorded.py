"""A backend that answers from a recording and never asks anybody.

A recording is JSON Lines, one answer a line, under the key of the request it answers:

    {"key": "9f2c…", "request": {"messages": […], "params": {…}, "schema": null, "repeat": 0},
     "completion": {"text": "Argentina", "finish_reason": "stop", "usage": {…}, "fingerprint": "…"}}

The key holds the fingerprint of the backend that was recorded, so a recording stands for that model. A
request it does not hold is an error that shows the nearest one as a diff.
"""

from __future__ import annotations

import difflib
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from promptlab.errors import InputError, RecordingMiss
from promptlab.models._backend import Step
from promptlab.types import (
    AsSent,
    Budget,
    Completion,
    Delta,
    FinishReason,
    Piece,
    Request,
    Timings,
    Usage,
    canonical_json,
)

FINISH_REASONS = get_args(FinishReason)
MAX_DIFF = 40
MAX_LINE = 300
"""Of a miss, so many lines and characters of each are shown."""


@dataclass(frozen=True)
class Record:
    """One stored answer and the request it answers, the latter as `Request.body()` gives it."""

    key: str
    request: Mapping[str, Any]
    completion: Completion


def record(request: Request, fingerprint: str, completion: Completion) -> Record:
    """What a recording keeps of an answered request."""
    return Record(request.key(fingerprint), request.body(), completion)


def save(path: Path, records: Iterable[Record]) -> None:
    """Write a recording, ordered by key, whole or not at all; times are left out, they change without reason.

    Of two records with one key the last is kept.
    """
    lines = [
        canonical_json(
            {
                "key": r.key,
                "request": dict(r.request),
                "completion": {
                    "text": r.completion.text,
                    "finish_reason": r.completion.finish_reason,
                    "usage": r.completion.usage.as_dict(),
                    "fingerprint": r.completion.fingerprint,
                },
            }
        )
        for _, r in sorted({r.key: r for r in records}.items())
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not a temporary file of the library's: those nobody else may read, and a recording is a file of the repository.
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with new.open("w", encoding="utf-8", newline="") as file:
            file.write("".join(line + "\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Record]:
    """Read a recording; a line that is not one is an `InputError` with its number."""
    found: dict[str, Record] = {}
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"the recording cannot be read: {exc}", file=str(path)) from exc
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            read = _record(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise InputError(
                f"not a line of a recording: {exc!r}"[:300], file=str(path), line=number, hint="record it again"
            ) from exc
        found[read.key] = read
    return found


def _record(data: Any) -> Record:
    done, request = data["completion"], data["request"]
    if any({*m} != {"role", "content"} or not isinstance(m["content"], str) for m in request["messages"]):
        raise ValueError("a message is a role and a content")
    if not isinstance(data["key"], str) or not isinstance(done["text"], str):
        raise ValueError("key and text are strings")
    if done["finish_reason"] not in FINISH_REASONS:
        raise ValueError(f"there is no finish reason {done['finish_reason']!r}")
    usage = Usage(**done["usage"])
    return Record(
        data["key"], request, Completion(done["text"], done["finish_reason"], usage, fingerprint=done["fingerprint"])
    )


class RecordedBackend:
    """Answers what was recorded of the backend with this `fingerprint`, word for word, and nothing else."""

    max_parallel = 64
    window = None

    def __init__(self, name: str, fingerprint: str, records: Mapping[str, Record]) -> None:
        self.name, self.fingerprint = name, fingerprint
        self._records = records

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        """The recorded answer; `RecordingMiss` when there is none."""
        found = self._records.get(request.key(self.fingerprint))
        if found is None:
            raise self._miss(request)
        if cancel.is_set():
            yield Completion("", "stopped")
            return
        yield Delta(found.completion.text)
        yield Completion(
            found.completion.text,
            found.completion.finish_reason,
            found.completion.usage,
            Timings(),
            found.completion.fingerprint,
            {"recorded": True},
        )

    def as_sent(self, request: Request) -> AsSent:
        """The body that would be looked up; tokens are unknown here, so they are estimated at four characters each."""
        spans = [Piece(text, span.section, span.source) for span, text in request.prompt.texts()]
        pieces = tuple(spans or [Piece(m.content, "layout") for m in request.messages])
        by_section: dict[Any, int] = {}
        for piece in pieces:
            by_section[piece.section] = by_section.get(piece.section, 0) + -(-len(piece.text) // 4)
        budget = Budget(sum(by_section.values()), by_section, {}, None, request.params.max_tokens, exact=False)
        return AsSent(pieces, budget, body=request.body())

    def _miss(self, request: Request) -> RecordingMiss:
        if not self._records:
            return RecordingMiss(f"the recording of {self.name} is empty", hint="record it first")
        wanted = _lines(request.body())
        nearest = max(
            self._records.values(),
            key=lambda r: difflib.SequenceMatcher(None, _lines(r.request), wanted, autojunk=False).quick_ratio(),
        )
        stored = _lines(nearest.request)
        diff = list(difflib.unified_diff(stored, wanted, "recorded", "asked now", n=0, lineterm=""))
        if not diff:
            # A recording's keys are sorted, so the order of a schema's properties, which counts, is not seen.
            order = " but for the order of the schema, or" if request.schema else ";"
            diff = [f"the requests are the same{order} the recording is of another model or model file"]
        if len(diff) > MAX_DIFF:
            diff[MAX_DIFF:] = [f"… and {len(diff) - MAX_DIFF:,} lines more"]
        diff = [line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}… ({len(line):,} characters)" for line in diff]
        return RecordingMiss(
            f"no recorded answer of {self.name} to this request; the nearest one differs:\n" + "\n".join(diff),
            hint="record it again, or ask a live model",
        )


def _lines(body: Mapping[str, Any]) -> list[str]:
    """A request as lines a person can compare: message texts as they are, the rest as JSON."""
    lines = []
    for message in body["messages"]:
        lines.append(f"[{message['role']}]")
        lines += message["content"].split("\n")
    return [*lines, canonical_json({k: v for k, v in body.items() if k != "messages"})]

"""A backend that answers from what was recorded and never asks anybody.

    with Recording(path) as recording:                       # of a suite, see recording.py
        backend = recording.backend("gemma-3-270m")
    Catalogue(workspace, extra={"gemma-3-270m": backend})

Answers are found by the key of the request. It holds the fingerprint of the backend that was recorded, so a recording
stands for that model. A request it does not hold is an error that shows the nearest one as a diff.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.errors import RecordingMiss
from promptlab.models._backend import Step
from promptlab.types import (
    AsSent,
    Budget,
    Completion,
    Delta,
    Label,
    Piece,
    Request,
    Timings,
    canonical_json,
)

MAX_DIFF = 40
MAX_LINE = 300
"""Of a miss, so many lines and characters of each are shown."""


@dataclass(frozen=True)
class Record:
    """One recorded answer and the request it answers, the latter as `Request.body()` gives it."""

    request: Mapping[str, Any]
    completion: Completion


class RecordedBackend:
    """Answers what was recorded of the backend with this `fingerprint`, word for word, and nothing else. `records` are
    by the keys of their requests."""

    max_parallel = 64
    window = None
    clearance: Label = "confidential"  # it sends nothing anywhere

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

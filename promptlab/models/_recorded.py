"""A backend that answers from a recording and never asks a model.

    with Recording(path) as recording:                       # of a suite: promptlab/suites/_recording.py
        backend = recording.backend("gemma-3-270m")
    Catalogue(workspace, extra={"gemma-3-270m": backend})

Answers are found by the key of the request. The key includes the fingerprint of the recorded backend, so a recording
belongs to that model. A request that is not in the recording is an error that shows the nearest one as a diff.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.errors import RecordingMiss
from promptlab.models._as_sent import AsSent, Budget, Piece
from promptlab.models._backend import Step
from promptlab.types import Completion, Delta, Label, Request, Timings, canonical_json

MAX_DIFF = 40
MAX_LINE = 300
"""A miss shows at most so many lines, and so many characters of each."""


@dataclass(frozen=True)
class Record:
    """One recorded answer with its request, in the form of `Request.body()`."""

    request: Mapping[str, Any]
    completion: Completion


class RecordedBackend:
    """Gives the recorded answers of the backend with this `fingerprint`, word for word. `records` has them by the keys
    of their requests."""

    max_parallel = 64
    window = None
    clearance: Label = "confidential"  # it sends nothing anywhere

    def __init__(self, name: str, fingerprint: str, records: Mapping[str, Record]) -> None:
        self.name, self.fingerprint = name, fingerprint
        self._records = records

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        """The recorded answer. Raises `RecordingMiss` if there is none."""
        record = self._records.get(request.key(self.fingerprint))
        if record is None:
            raise self._miss(request)
        if cancel.is_set():
            yield Completion("", "stopped")
            return
        yield Delta(record.completion.text)
        yield Completion(
            record.completion.text,
            record.completion.finish_reason,
            record.completion.usage,
            Timings(),
            record.completion.fingerprint,
            {"recorded": True},
        )

    def as_sent(self, request: Request) -> AsSent:
        """The body that would be looked up. Without a tokenizer, the tokens are estimated at four characters each."""
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
            # The order of a schema's properties is part of the key, but the recorded body has sorted keys and does not
            # show it.
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
    """A request as lines for a diff: the messages' texts as they are, the rest as JSON."""
    lines = []
    for message in body["messages"]:
        lines.append(f"[{message['role']}]")
        lines += message["content"].split("\n")
    return [*lines, canonical_json({k: v for k, v in body.items() if k != "messages"})]

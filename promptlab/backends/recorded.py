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
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from promptlab.backends import Step
from promptlab.errors import InputError, RecordingMiss
from promptlab.types import AsSent, Budget, Completion, Delta, Piece, Request, Timings, Usage, canonical_json


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
    """Write a recording, ordered by key, whole or not at all; times are left out, they change without reason."""
    lines = [
        canonical_json(
            {
                "key": r.key,
                "request": dict(r.request),
                "completion": {
                    "text": r.completion.text,
                    "finish_reason": r.completion.finish_reason,
                    "usage": asdict(r.completion.usage),
                    "fingerprint": r.completion.fingerprint,
                },
            }
        )
        for r in sorted(records, key=lambda r: r.key)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=path.name, suffix=".tmp", delete=False
    ) as new:
        new.write("".join(line + "\n" for line in lines))
        new.flush()
        os.fsync(new.fileno())
    Path(new.name).replace(path)


def load(path: Path) -> dict[str, Record]:
    """Read a recording; a line that is not one is an `InputError` with its number."""
    found: dict[str, Record] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"the recording cannot be read: {exc}", file=str(path)) from exc
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            done = data["completion"]
            found[data["key"]] = Record(
                data["key"],
                data["request"],
                Completion(
                    done["text"], done["finish_reason"], Usage(**done["usage"]), fingerprint=done["fingerprint"]
                ),
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise InputError(
                f"not a line of a recording: {exc!r}", file=str(path), line=number, hint="record it again"
            ) from exc
    return found


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
        pieces = tuple(Piece(text, span.section, span.source) for span, text in request.prompt.texts())
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
            diff = ["the requests are the same; the recording is of another model or model file"]
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

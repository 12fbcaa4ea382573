"""Why an answer differs from the recorded one: the facts side by side.

A cause is a thing that is not as it was: the prompt, the model, the parameters, the schema or a scorer. A single one is
the cause. Of several, `suites/_find_causes.py` asks again with one put back at a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from promptlab.runs import RequestChanges, changed_sections, request_changes
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._scores import moved_scores
from promptlab.types import Completion, Request, Score, Section

CauseKind = Literal["prompt", "model", "parameters", "schema", "scorer", "sampling"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is not as it was recorded. `certain` is false if it is one of several possible causes."""

    kind: CauseKind
    detail: str = ""
    sections: tuple[Section, ...] = ()
    certain: bool = True

    def __str__(self) -> str:
        said = f"{self.kind}: {self.detail}" if self.detail else self.kind
        return said if self.certain else f"perhaps {said}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a new answer: its request, the fingerprint of its backend, and the completion."""

    request: Request
    fingerprint: str
    completion: Completion


def causes(stored: RecordedItem, now: Facts, today: Sequence[Score] | None = None) -> tuple[Cause, ...]:
    """Everything that is not as it was recorded.

    Each of several causes is uncertain. If only the text differs, the cause is sampling: the answer is drawn at random,
    or the server does not give the same text twice.
    """
    found: list[Cause] = []
    if today is not None and (moved := moved_scores(stored.scores, today)):
        text = ", ".join(map(str, moved))
        found.append(Cause("scorer", f"the recorded answer gets another score today: {text}"))
    asked: list[Cause] = []
    changed = request_changes(stored.request, now.request)
    if changed.prompt:
        sections = changed_sections(stored.request, now.request) or ("layout",)
        asked.append(Cause("prompt", ", ".join(s.replace("_", " ") for s in sections), sections))
    if changed.model:
        asked.append(Cause("model", f"{stored.request.model} → {now.request.model}"))
    elif stored.backend != now.fingerprint:
        asked.append(Cause("model", fingerprint_change(stored.backend, now.fingerprint)))
    elif stored.completion.fingerprint != now.completion.fingerprint:
        asked.append(Cause("model", f"{stored.completion.fingerprint} → {now.completion.fingerprint}"))
    if changed.params:
        asked.append(Cause("parameters", params_in_words(changed)))
    if changed.schema:
        asked.append(Cause("schema", "the JSON schema"))
    chance = min(stored.request.params.temperature, now.request.params.temperature) > 0
    if asked and chance and stored.completion.text != now.completion.text:
        asked.append(Cause("sampling", "both answers are drawn at random"))
    if len(asked) > 1:
        asked = [Cause(c.kind, c.detail, c.sections, certain=False) for c in asked]
    if not asked and stored.completion.text != now.completion.text:
        asked.append(Cause("sampling", _chance(now.request)))
    return (*found, *asked)


def params_in_words(changed: RequestChanges) -> str:
    """The changes of the sampling parameters, in words; "" if there are none."""

    def said(value: Any) -> Any:
        return "default" if value is None else value

    return ", ".join(f"{one.name.replace('_', ' ')} {said(one.before)} → {said(one.after)}" for one in changed.params)


def fingerprint_change(before: str, after: str) -> str:
    """The parts in which two fingerprints of backends differ."""
    if len(before.split()) == len(after.split()):
        pairs = zip(before.split(), after.split(), strict=True)
        return ", ".join(f"{_short(a)} → {_short(b)}" for a, b in pairs if a != b)
    old, new = _parts(before), _parts(after)
    if not old.keys() & new.keys():
        return f"{before} → {after}"
    return ", ".join(
        f"{_short(old.get(key, 'not said'))} → {_short(new.get(key, 'not said'))}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    )


def _parts(fingerprint: str) -> dict[str, str]:
    """The words of a fingerprint by name, `n_ctx=8192` by `n_ctx`; empty if a word has no name."""
    words = [re.split("[=:]", word, maxsplit=1) for word in fingerprint.split()]
    if any(len(word) == 1 for word in words):
        return {}
    return dict(zip((word[0] for word in words), fingerprint.split(), strict=True))


def _short(part: str) -> str:
    return part if len(part) <= 40 else f"{part[:20]}…{part[-6:]}"


def _chance(request: Request) -> str:
    if request.params.temperature > 0:
        return f"nothing changed, and the answer is drawn at random at temperature {request.params.temperature:g}"
    return "nothing changed; the server does not give the same text twice"

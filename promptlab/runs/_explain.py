"""Why the store has, or does not have, an answer to a request: the nearest stored request, and how it differs."""

from __future__ import annotations

from dataclasses import dataclass, field

from promptlab._util.text import value_in_words
from promptlab.runs._draws import is_answer_reusable
from promptlab.runs._request_changes import request_changes
from promptlab.runs._store import Store
from promptlab.types import Request


@dataclass(frozen=True)
class Explanation:
    """Why a request is or is not answered from the store. `differences` are those from the nearest stored request."""

    hit: bool
    sentence: str
    differences: tuple[str, ...] = field(default=())


LOOKED_AT = 200
"""Stored requests of a model that are compared, newest first."""


def explain(store: Store, request: Request, fingerprint: str) -> Explanation:
    """Why `request`, to the backend with this fingerprint, is or is not answered from the store."""
    if not is_answer_reusable(request.params):
        temperature = value_in_words(request.params.temperature)
        return Explanation(
            False, f"asked again: at temperature {temperature} without a seed every answer is a new draw"
        )
    stored = store.find(request.key(fingerprint))
    if stored:
        return Explanation(True, f"the same request was answered on {stored.created} in run {stored.run_id}")
    candidates = store.requests_answered_by(request.model, limit=LOOKED_AT)
    if not candidates:
        return Explanation(False, f"{request.model} has no stored answer yet")
    nearest = min((_differences(request, fingerprint, *candidate) for candidate in candidates), key=len)
    return Explanation(False, f"no stored answer: the nearest request differs in {'; '.join(nearest)}", nearest)


def _differences(request: Request, fingerprint: str, other: Request, other_fingerprint: str) -> tuple[str, ...]:
    """How two requests differ, in words."""
    differences = [] if fingerprint == other_fingerprint else [f"the model ({other_fingerprint} → {fingerprint})"]
    changed = request_changes(other, request)
    params = sorted(changed.params, key=lambda param: param.name)
    differences += [f"{param.name} ({param.before} → {param.after})" for param in params]
    if changed.schema:
        differences.append("the JSON schema")
    if changed.repeat:
        differences.append("the repeat ({} → {})".format(*changed.repeat))
    if changed.counts:
        differences.append("the number of messages ({} → {})".format(*changed.counts))
    differences += [f"message {n + 1} ({request.messages[n].role})" for n in changed.messages or ()]
    return tuple(differences)

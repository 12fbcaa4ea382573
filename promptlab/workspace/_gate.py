"""The gate: may this text go to this model?

Labels are ordered public < internal < confidential. A model may see text up to its clearance. The runner calls the
gate before it does anything else with a prompt, so cached answers, judges and retries are checked too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar

from promptlab.errors import GateRefused
from promptlab.types import LABELS, Label, Prompt

CHECK_BEFORE_RETRY: ContextVar[Callable[[], None]] = ContextVar("AGAIN", default=lambda: None)
"""A backend calls this before it retries a request. It raises `GateRefused` if labels changed since the first try."""


def cleared_models(label: Label, clearances: Mapping[str, Label]) -> list[str]:
    """The names of the models that may see text with this label. `clearances` maps model names to clearances."""
    return [name for name, clearance in clearances.items() if LABELS.index(clearance) >= LABELS.index(label)]


def _parts(prompt: Prompt) -> set[tuple[Label, str, str]]:
    """Label, section and name of everything in the prompt. A source counts even if no span shows its text."""
    return {(s.label, s.section, s.name) for s in prompt.sources} | {
        (s.label, s.section, s.source) for s in prompt.spans
    }


def label_of_prompt(prompt: Prompt) -> Label:
    """The highest label of anything in the prompt."""
    return max((label for label, _, _ in _parts(prompt)), key=LABELS.index, default="public")


def check_gate(prompt: Prompt, *, model: str, clearance: Label) -> None:
    """Raise `GateRefused` if a part of `prompt` has a label above `clearance`. The message names every such part."""
    limit = LABELS.index(clearance)
    blocked = sorted(part for part in _parts(prompt) if LABELS.index(part[0]) > limit)
    if not blocked:
        return
    # Text that joins several documents has no name. The documents themselves have, and they are in the list too.
    named = {section for _, section, name in blocked if name}
    names = ", ".join(_named(*part) for part in blocked if part[2] or part[1] not in named)
    raise GateRefused(
        f"not sent to {model}: it may see {_up_to(clearance)}, and the prompt contains {names}",
        hint=f"remove that part, choose a local model, or raise `clearance` of {model} in promptlab.yaml",
    )


def _named(label: Label, section: str, name: str) -> str:
    words = section.replace("_", " ")
    return f"{words} `{name}` ({label})" if name else f"{words} ({label})"


def _up_to(clearance: Label) -> str:
    return "public text only" if clearance == "public" else f"text up to `{clearance}`"

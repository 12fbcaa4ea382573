"""The gate: may this text go to this model?

Labels are ordered public < internal < confidential. A model may see text up to its clearance. The runner
asks here before anything else happens with a prompt, so cached answers, judges and retries pass it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar

from promptlab.errors import GateRefused
from promptlab.types import LABELS, Label, Prompt

CHECK_BEFORE_RETRY: ContextVar[Callable[[], None]] = ContextVar("AGAIN", default=lambda: None)
"""What a backend calls before it sends a request once more: it raises `GateRefused` where it may not go any more."""


def cleared_models(label: Label, clearances: Mapping[str, Label]) -> list[str]:
    """Of models with their clearances, the names of those that may see text labelled `label`."""
    return [name for name, clearance in clearances.items() if LABELS.index(clearance) >= LABELS.index(label)]


def _parts(prompt: Prompt) -> set[tuple[Label, str, str]]:
    """Label, section and name of everything that went into the prompt, whether or not a span shows it."""
    return {(s.label, s.section, s.name) for s in prompt.sources} | {
        (s.label, s.section, s.source) for s in prompt.spans
    }


def label_of_prompt(prompt: Prompt) -> Label:
    """The strictest label of anything that went into the prompt."""
    return max((label for label, _, _ in _parts(prompt)), key=LABELS.index, default="public")


def check_gate(prompt: Prompt, *, model: str, clearance: Label) -> None:
    """Raise `GateRefused` when something in `prompt` is labelled above `clearance`; it names every such part."""
    limit = LABELS.index(clearance)
    blocked = sorted(part for part in _parts(prompt) if LABELS.index(part[0]) > limit)
    if not blocked:
        return
    # Text of several documents at once has no name of its own; the documents beside it have.
    named = {section for _, section, name in blocked if name}
    names = ", ".join(_named(*part) for part in blocked if part[2] or part[1] not in named)
    raise GateRefused(
        f"not sent to {model}: it may see {_up_to(clearance)}, and the prompt holds {names}",
        hint=f"take that part out, ask a model that runs here, or raise `clearance` of {model} in promptlab.yaml",
    )


def _named(label: Label, section: str, name: str) -> str:
    words = section.replace("_", " ")
    return f"{words} `{name}` ({label})" if name else f"{words} ({label})"


def _up_to(clearance: Label) -> str:
    return "public text only" if clearance == "public" else f"text up to `{clearance}`"

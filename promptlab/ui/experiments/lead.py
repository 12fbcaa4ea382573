"""The answer of an experiment in words, above its picture."""

from __future__ import annotations

from promptlab.experiments import Outcome, headline
from promptlab.ui.components.widgets import escape, markup


def draw(outcome: Outcome) -> None:
    """The answer in words, marked as not final before the planned end."""
    text = headline(outcome)
    if not text:
        return
    kind = "" if outcome.state == "finished" else " pl-open"
    markup(f'<p class="pl-lead pl-num{kind}">{escape(text)}</p>')

"""The words of the page Fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptlab.finetune import RATINGS, SUITE, KnownTraining
from promptlab.models import label_of_model
from promptlab.types import Label, highest
from promptlab.ui.experiments.wording import short
from promptlab.ui.suites.wording import time_words
from promptlab.workspace import Workspace

CHIPS: Mapping[str, tuple[str, str]] = {
    "running": ("training", "live"),
    "interrupted": ("interrupted", "warn"),
    "stopped": ("stopped", "warn"),
    "failed": ("failed", "bad"),
    "done": ("trained", "good"),
}
"""The word and the colour of a status."""


def data_words(data: str) -> str:
    """Where rows come from: `pool tickets.jsonl`, `suite tickets`, `rated answers`."""
    if data == RATINGS:
        return "rated answers"
    if data.startswith(SUITE):
        return f"suite {short(data.removeprefix(SUITE))}"
    return f"pool {data.removeprefix('fixtures/').removeprefix('examples/')}"


def facts_of(training: KnownTraining) -> str:
    """Base, template and rows of a training on one line."""
    record, state = training.record, training.state
    if training.status != "done" and state is not None:
        tuning = state.tuning
        return " · ".join((tuning.base, short(tuning.template), data_words(tuning.data)))
    if record is None:
        return ""
    rows = f"{record['rows']:,} row{'' if record['rows'] == 1 else 's'} of {data_words(record['data'])}"
    return " · ".join((record["base"]["name"], short(record["template"]["path"]), rows))


def left_words(training: KnownTraining) -> str:
    """The time that is left, with a point before it; nothing while that is not known."""
    state = training.state
    if state is None or training.is_stopping or state.phase != "training" or not state.left:
        return ""
    return f" · about {time_words(state.left)} left"


def label_of(workspace: Workspace, record: Mapping[str, Any]) -> Label:
    """The label of an adapter today: at least what it was when it was trained."""
    return highest([record["label"], label_of_model(workspace, record["model"])])


def label_words(label: Label) -> str:
    """What it means that an adapter has this label."""
    return (
        f"An adapter can repeat what it was trained on, so it is labelled {label} like its text: its answers are "
        f"labelled at least {label}, and promptlab serve offers it only with a key."
    )


__all__ = ["CHIPS", "data_words", "facts_of", "label_of", "label_words", "left_words"]

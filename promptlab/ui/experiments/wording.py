"""The words of the page Experiments: questions, sides and verdicts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from promptlab.errors import PromptlabError
from promptlab.experiments import Effect, Experiment, Kind, kind_named
from promptlab.workspace import Workspace

GROUND: Mapping[str, str] = {"helps": "good", "hurts": "bad", "equivalent": "info", "cannot tell yet": "warn"}
"""The colour of a verdict. One that "changes nothing" has none."""


def question(kind: Kind) -> str:
    """The question of a kind, as a sentence."""
    return f"{kind.answers[:1].upper()}{kind.answers[1:]}"


def about(kind: Kind) -> str:
    """What a kind varies: the first sentence about its planner."""
    text = " ".join((kind.plan.__doc__ or "").split())
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]


def question_of(experiment: Experiment, workspace: Workspace) -> str:
    """The question of an experiment, or its kind if that is not known here."""
    try:
        return question(kind_named(experiment.kind, workspace))
    except PromptlabError:  # a kind of one's own whose file is gone, wrong or not trusted
        return experiment.kind


def short(path: str) -> str:
    """A template, a suite or an experiment without its folder and its ending."""
    for folder in ("templates/", "fixtures/suites/", "experiments/"):
        path = path.removeprefix(folder)
    return re.sub(r"\.ya?ml$", "", path)


def changed(effect: Effect) -> str:
    """How many cases an effect changed: `12 better, 3 worse`."""
    parts = [f"{len(cases):,} {word}" for cases, word in ((effect.better, "better"), (effect.worse, "worse")) if cases]
    return ", ".join(parts) or "none"

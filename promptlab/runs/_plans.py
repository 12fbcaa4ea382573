"""Planners: each makes the trials that answer a question about a prompt. They ask no model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from promptlab.errors import InputError, nearest
from promptlab.runs._prompts import PromptCache
from promptlab.runs._trial import Given, Trial
from promptlab.templates import Template, load_materials
from promptlab.types import SWITCHABLE, Params, Section
from promptlab.workspace import Workspace


def sections_to_leave_out(names: Collection[str]) -> tuple[Section, ...]:
    """The sections with these names, in the order of the prompt. Raises `InputError` for an unknown name."""
    for name in names:
        if name not in SWITCHABLE:
            raise InputError(f"there is no section `{name}` to leave out", hint=nearest(name, SWITCHABLE))
    return tuple(s for s in SWITCHABLE if s in names)


def plan_question(
    workspace: Workspace,
    template: Template,
    given: Given,
    *,
    without: Collection[Section] = (),
    params: Params | None = None,
    expected: Any = None,
) -> Trial:
    """A trial with its documents and shots, but without a model, and not rendered yet."""
    filled = load_materials(workspace, template, given.values, without=without)
    return Trial(
        template=template,
        inputs=given.values,
        model="",
        documents=filled.documents,
        shots=filled.shots,
        without=sections_to_leave_out(without),
        params=params or template.params,
        expected=expected,
        label=given.label,
        places=given.places,
    )


def plan_comparison(
    workspace: Workspace,
    template: Template,
    given: Given,
    models: Sequence[str],
    *,
    without: Collection[Section] = (),
    params: Params | None = None,
    repeats: int = 1,
    expected: Any = None,
) -> list[Trial]:
    """Trials that send the same prompt to each of `models`, `repeats` times each. The prompt is rendered once. If it
    cannot be rendered, each trial fails when it is asked."""
    trial = plan_question(workspace, template, given, without=without, params=params, expected=expected)
    trial = PromptCache().rendered(trial)
    return [replace(trial, model=model, repeat=repeat) for model in models for repeat in range(repeats)]

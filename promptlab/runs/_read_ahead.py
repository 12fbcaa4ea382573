"""Reading the stable beginning of a prompt before it is asked, so that its answer begins at once.

    for step in read_ahead(trial, catalogue, threading.Event()):
        ...                                 # Phase("reading", 1792, 2512), …; last a `Completion` without text

The stable beginning is what stays the same whatever the inputs are: everything before the first character that comes
from an input, or from passages or examples that are chosen by one. Local models keep it in their prefix cache. Nothing
is asked and nothing recorded. The gate and the context window are checked as before a question.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from promptlab.models import Catalogue, ProbesMachine, ReadsAhead
from promptlab.runs._gate import Gate, labelled
from promptlab.runs._plans import plan_question
from promptlab.runs._runner import request_of
from promptlab.runs._trial import Given, Trial
from promptlab.runs._window import check_window
from promptlab.templates import load, sample_inputs, template_paths
from promptlab.types import Completion, Phase, Prompt, Usage
from promptlab.workspace import Workspace

NOT_LOCAL = "it is no local model"


def read_ahead(trial: Trial, catalogue: Catalogue, cancel: threading.Event) -> Iterator[Phase | Completion]:
    """Read the stable beginning of `trial` with its model. Other requests go before it. The last step is a `Completion`
    without text, whose usage counts the tokens that were read and those that were read before; its detail `note` says
    why nothing was read.

    Raises:
        TemplateError: the prompt cannot be rendered.
        GateRefused, WindowExceeded: the request would not be sent.
        PromptlabError: the model cannot answer.
    """
    gate = Gate(catalogue)
    look = gate.look(trial.model)
    request = labelled(trial, request_of(trial), look)
    gate.check(request, look)
    backend = catalogue.backend(trial.model)
    if not isinstance(backend, ReadsAhead):
        yield nothing_read(NOT_LOCAL)
        return
    if why := backend.why_not_ahead(request):
        yield nothing_read(why)
        return
    if isinstance(backend, ProbesMachine):
        backend.ready()
    check_window(request, backend)
    yield from backend.read_ahead(request, cancel, varies=chosen_by_input(trial))


def nothing_read(why: str) -> Completion:
    """The end of a reading that did not begin."""
    return Completion("", "stop", Usage(0, 0, 0), details={"note": why})


def chosen_by_input(trial: Trial) -> frozenset[str]:
    """The sources of a prompt that its inputs choose: passages of documents, and examples."""
    choice = trial.template.examples
    shots = trial.shots if choice and "similar" in (choice.select, choice.order.removesuffix("_last")) else ()
    return frozenset([*(d.path for d in trial.documents if d.file), *(shot.id for shot in shots)])


def stable_text(trial: Trial, prompt: Prompt) -> tuple[tuple[str, str], ...]:
    """The stable beginning of `prompt`, which was rendered from `trial`, as the roles and texts of its messages."""
    varies = chosen_by_input(trial)
    first = next((s for s in prompt.spans if s.section == "input" or s.source in varies), None)
    if first is None:
        return tuple((m.role, m.content) for m in prompt.messages)
    whole = tuple((m.role, m.content) for m in prompt.messages[: first.message])
    last = prompt.messages[first.message]
    return (*whole, (last.role, last.content[: first.start]))


def sample_trials(workspace: Workspace, models: Sequence[str], templates: Sequence[str] = ()) -> Iterator[Trial]:
    """The trials of `templates` with their samples, for each of `models`; all templates of the workspace unless given.

    Raises `PromptlabError` for a template that cannot be read.
    """
    for path in templates or template_paths(workspace):
        template = load(workspace, path)
        trial = plan_question(workspace, template, Given.typed(sample_inputs(template)))
        for model in models:
            yield replace(trial, model=model)

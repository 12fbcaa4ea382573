"""The gate before a request: the labels that its text has now, and whether its model may see them.

gate = Gate(catalogue)
look = gate.look("gpt")                     # the labels of now
request = labelled(trial, request, look)
gate.check(request, look)                   # raises `GateRefused`
"""

from __future__ import annotations

from dataclasses import replace

from promptlab import workspace
from promptlab.errors import GateRefused
from promptlab.models import Catalogue, label_of_model
from promptlab.runs._trial import Trial
from promptlab.types import Place, Request, Source
from promptlab.workspace import HIGHEST_LABEL, Labels, LlamaModel, Look


class Gate:
    """The gate of a workspace and its models. Thread-safe."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue, self._labels = catalogue, Labels(catalogue.workspace)

    def look(self, model: str) -> Look | None:
        """The current labels; None if promptlab.yaml cannot be read and `model` may get any text in any case."""
        try:
            return self._labels.look()
        except GateRefused:
            if self._catalogue.clearance(model) != HIGHEST_LABEL:
                raise
            return None

    def with_label_of_model(self, request: Request) -> Request:
        """`request` with its model as a source, if the model was trained on labelled text: it can repeat that text, so
        its answers are at least as private."""
        label = label_of_model(self._catalogue.workspace, request.model)
        if label == "public":
            return request
        entry = self._catalogue.entry(request.model)
        places = tuple(Place(path) for path in entry.lora) if isinstance(entry, LlamaModel) else ()
        own = Source("layout", f"the model {request.model}", label, places=places)
        return replace(request, prompt=replace(request.prompt, sources=(*request.prompt.sources, own)))

    def check(self, request: Request, look: Look | None) -> None:
        """Raise `GateRefused` if `request` must not be sent, by the current labels and clearance."""
        if look is None:
            return
        clearance = look.clearance(request.model, self._catalogue.clearance(request.model))
        prompt = look.today(request.prompt)
        try:
            workspace.check_gate(prompt, model=request.model, clearance=clearance)
        except GateRefused as exc:
            if gone := look.gone(prompt):
                paths = ", ".join(f"`{path}`" for path in gone)
                exc.hint += f"; these files do not exist any more and count as confidential: {paths}"
            raise


def labelled(trial: Trial, request: Request, look: Look | None) -> Request:
    """`request` with the current labels of its sources, and with the file of its template if that is a draft."""
    if look is None:
        return request
    template = trial.template
    prompt, own = look.today(request.prompt), look.raised_label(template.path, template.label, template.sha256)
    return replace(request, prompt=replace(prompt, sources=(*prompt.sources, own)) if own else prompt)

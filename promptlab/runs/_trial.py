"""A trial: one question to one model. The inputs that a person gave, and prompts that are asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab.templates import Template
from promptlab.types import Document, Example, Label, Params, Place, Prompt, Request, Scorer, Section, TableCell


@dataclass(frozen=True, slots=True)
class Given:
    """The values of a template's inputs, with their provenance: the label, and the files by the name of the input."""

    values: Mapping[str, Any]
    label: Label = "public"
    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)

    @classmethod
    def typed(cls, values: Mapping[str, Any]) -> Given:
        """Values that the user typed, or the samples of the template. They come from no file, so they have no label."""
        return cls(values)


@dataclass(frozen=True, slots=True)
class Recalled:
    """A stored request to ask again; only the model and the repeat change.

    `kept_in` are the files that it was stored in. `label` is the highest label, at that time, of everything stored with
    it: its inputs and the expected answer. The runner computes the labels that its sources have now.
    """

    request: Request
    kept_in: tuple[Place, ...]
    label: Label


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt, and the objects that it was rendered from. A trial with other objects has another prompt."""

    prompt: Prompt
    of: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One question to one model: a template with its inputs, shots and documents, asked once.

    `shots` and `documents` are chosen and read already, so rendering a trial reads no file. `without` are the sections
    that are left out. `label` is the label of the inputs, and `places` are their files by the name of the input ("" for
    all inputs). Scorers compare the answer with `expected`, None if it is unknown. `scorers` are those of this trial
    only, in addition to those of the run. With `judge_cut` an answer that was cut off is judged as it is. `request` is
    a stored request to ask again; then nothing is rendered, and the template is only its provenance. `rendered` is the
    prompt, if the planner rendered it. `cell` is the place of the answer in a table. Trials that differ only in model,
    parameters, repeat or cell share the prompt.
    """

    template: Template
    inputs: Mapping[str, Any]
    model: str
    documents: tuple[Document, ...] = ()
    shots: tuple[Example, ...] = ()
    without: tuple[Section, ...] = ()
    params: Params = Params()  # noqa: RUF009  # frozen, so one can serve all
    repeat: int = 0
    case: str = ""
    expected: Any = None
    label: Label = "public"
    scorers: tuple[Scorer, ...] = ()
    judge_cut: bool = False
    request: Recalled | None = None
    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    cell: TableCell | None = None
    rendered: Rendered | None = field(default=None, compare=False, repr=False)

    @property
    def rendered_from(self) -> tuple[Any, ...]:
        """Everything that determines the prompt, its labels and its sources."""
        return self.template, self.inputs, self.documents, self.shots, self.without, self.label, self.places

    @property
    def prompt(self) -> Prompt | None:
        """The prompt, if it was rendered from the objects that the trial has now; else None.

        Objects are compared by identity: a copy of a trial with another template or document has no prompt yet.
        """
        if self.rendered is None:
            return None
        same = all(a is b for a, b in zip(self.rendered.of, self.rendered_from, strict=True))
        return self.rendered.prompt if same else None

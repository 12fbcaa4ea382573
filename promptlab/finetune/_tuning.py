"""What is wanted of a training, and the name that its model gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from promptlab.errors import FinetuneError
from promptlab.finetune._leakage import OVERLAP
from promptlab.finetune._recipe import Recipe
from promptlab.workspace import MODEL_NAME, LlamaModel, Workspace

ADAPTERS = "models/adapters"
"""The folder of adapters in the workspace."""


@dataclass(frozen=True)
class Tuning:
    """What is wanted: an adapter of `base` for `template`, trained on `data`.

    `data` is the path of a pool, `suite:NAME`, or `ratings`; with `tag` only rows that have it. Cases of `suites`, or
    of every suite of the template, are never trained on, nor is what overlaps with one by `overlap` or more, or has the
    same value of the input `group`. The examples of the template are left out of the prompt that is trained on, unless
    `shots`. `name` is that of the model in the catalogue.
    """

    template: str
    data: str
    base: str
    name: str = ""
    suites: tuple[str, ...] = ()
    tag: str = ""
    group: str = ""
    shots: bool = False
    overlap: float = OVERLAP
    recipe: Recipe = field(default_factory=Recipe)

    @property
    def model(self) -> str:
        """The name of the model that is made."""
        return self.name or f"{self.base}-{Path(self.template).stem}"


def check_name(workspace: Workspace, tuning: Tuning) -> None:
    """Refuse a name that belongs to another model; an adapter that is trained anew keeps its name."""
    if not MODEL_NAME.fullmatch(tuning.model):
        raise FinetuneError(
            f"`{tuning.model}` cannot be the name of a model",
            hint="give it another one (--name): letters, digits, `.`, `_` and `-`",
        )
    known = workspace.models.get(tuning.model)
    path = f"{ADAPTERS}/{tuning.model}.gguf"
    if known is not None and not (isinstance(known, LlamaModel) and known.lora == (path,)):
        raise FinetuneError(f"promptlab.yaml has another model `{tuning.model}`", hint="give another name (--name)")


__all__ = ["ADAPTERS", "Tuning", "check_name"]

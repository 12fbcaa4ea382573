"""The label of what a local model was trained on. Its answers can repeat that text, so they are at least as private.

    label_of_model(workspace, "tickets-tuned")     # "confidential"

It is the highest of four: `label` of the entry in promptlab.yaml, the label that the file of an adapter carries in its
head, that of the adapter's path, and those that the files it was trained on have today. So an adapter keeps its label
if somebody enters it by hand, or copies it, and gets a higher one with its text.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import get_args

from promptlab._util.files import file_stamp
from promptlab.models._gguf import NotGGUF, read_head
from promptlab.models._training_record import training_record
from promptlab.types import Label, highest
from promptlab.workspace import HIGHEST_LABEL, LlamaModel, Workspace

LABEL_KEY = "promptlab.label"
"""The key of the label in the head of a GGUF file."""


def label_of_model(workspace: Workspace, name: str) -> Label:
    """The label of the text that the model `name` was trained on; public for an API, and for a model as published."""
    entry = workspace.models.get(name)
    if not isinstance(entry, LlamaModel):
        return "public"
    files = [path for path in (entry.path, *entry.lora) if path]
    carried = [label_of_file(workspace.resolve(path)) for path in files]
    record = training_record(workspace, name)
    sources = record.get("sources", []) if record else []
    return highest([entry.label, *carried, *(workspace.label_of(path) for path in (*files, *sources))])


def label_of_file(path: Path) -> Label:
    """The label that the head of a GGUF file carries: public without one, and the highest for one that is not known.
    A file that cannot be read has none: no model can be loaded from it either."""
    return _label_in(path, file_stamp(path))


@lru_cache(maxsize=64)
def _label_in(path: Path, stamp: tuple[int, int, int] | None) -> Label:
    if stamp is None:
        return "public"
    try:
        carried = read_head(path).meta.get(LABEL_KEY, "public")
    except (OSError, NotGGUF):
        return "public"
    known: tuple[Label, ...] = get_args(Label)
    return next((label for label in known if label == carried), HIGHEST_LABEL)


__all__ = ["LABEL_KEY", "label_of_file", "label_of_model"]

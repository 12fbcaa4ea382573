"""The record of a training: what an adapter in the catalogue was trained on, and how. promptlab/finetune writes it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from promptlab._util.files import file_stamp
from promptlab.workspace import Workspace

FOLDER, FILE = "finetune", "record.json"


def training_folder(workspace: Workspace, model: str) -> Path:
    """The folder of the training of `model`, in the workspace's state: checkpoint, losses and record."""
    return workspace.state / FOLDER / model


def training_record(workspace: Workspace, model: str) -> dict[str, Any] | None:
    """The record of the training of `model`; None if it was not trained in this workspace, or the file is damaged."""
    path = training_folder(workspace, model) / FILE
    return _read(path, file_stamp(path))


@lru_cache(maxsize=32)  # every question to the model asks for its label
def _read(path: Path, _stamp: tuple[int, int, int] | None) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "trained_on" in record else None


__all__ = ["training_folder", "training_record"]

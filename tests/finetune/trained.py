"""Trainings as files, for tests of what reads them: a workspace with a tiny model, and what a training leaves."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from promptlab.finetune import Look, Recipe, TrainingState, Tuning
from promptlab.workspace import Workspace
from tests.finetune.test_data import workspace as tiny_workspace
from tests.gguf_made import tiny

TEMPLATE, POOL = "templates/t.yaml", "examples/p.jsonl"
TUNING = Tuning(TEMPLATE, POOL, "tiny", suites=("fixtures/suites/s.yaml",))
STATE = TrainingState(TUNING, 4711, "2026-11-29T10:00:00+00:00", "training", 7, 20, loss=1.5, left=42.0)


def workspace_with_pool(folder: Path, label: str = "public", extra: str = "") -> Workspace:
    """The workspace of the tests of rows, with its pool where pools are."""
    tiny_workspace(folder, extra=extra)
    (folder / "examples").mkdir()
    (folder / "pool.jsonl").rename(folder / POOL)
    text = (folder / "promptlab.yaml").read_text().replace("pool.jsonl: public", f"{POOL}: {label}")
    (folder / "promptlab.yaml").write_text(text)
    return Workspace.load(folder)


def folder_of(workspace: Workspace, model: str = "tiny-t") -> Path:
    folder = workspace.state / "finetune" / model
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep_curve(workspace: Workspace) -> None:
    rows: list[dict[str, Any]] = [{"step": n, "loss": 4.0 / n} for n in range(1, 8)]
    rows += [{"look": asdict(look)} for look in (Look(0, 5.0, 0, 3), Look(5, 1.25, 2, 3))]
    (folder_of(workspace) / "curve.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def keep_record(workspace: Workspace, **changes: Any) -> None:
    """A finished training: its record, its model and its adapter."""
    record = {
        "model": "tiny-t",
        "base": {"name": "tiny", "file": "tiny.gguf", "sha256": "0"},
        "template": {"path": TEMPLATE, "sha256": "0"},
        "data": POOL,
        "rows": 9,
        "held_out": 3,
        "dropped": [{"id": "r11", "why": "the same as the test case s/c1"}],
        "trained_on": [],
        "label": "public",
        "recipe": Recipe().as_data(),
        "identity": "0",
        "steps": 7,
        "stopped_early": True,
        "best": asdict(Look(5, 1.25, 2, 3)),
        "first_loss": 4.0,
        "last_loss": 0.571,
        "parameters": 100,
        "tokens": 1000,
        "seconds": 186.0,
        "peak_bytes": 1_900_000_000,
        "threads": 2,
        "versions": {"torch": "2.13"},
        **changes,
    }
    keep_curve(workspace)
    (folder_of(workspace) / "record.json").write_text(json.dumps(record))
    root = workspace.root
    (root / "models/adapters").mkdir(parents=True, exist_ok=True)
    tiny(root / "models/adapters/tiny-t.gguf")
    entry = "  tiny-t: {backend: llama, path: tiny.gguf, n_ctx: 512, lora: [models/adapters/tiny-t.gguf]}\n"
    text = (root / "promptlab.yaml").read_text()
    (root / "promptlab.yaml").write_text(text.replace("labels:", f"{entry}labels:"))

"""Fine-tuning at home: a LoRA adapter for a local model, from the answers that people curated.

    planned = plan_tuning(workspace, catalogue, Tuning("tickets", "fixtures/examples/tickets.jsonl", "smollm2-135m"))
    for progress in planned.train():
        print(progress.step, "of", progress.steps, progress.loss)
    planned.finish().name                       # a model of the catalogue, with the label of what it was trained on

It is trained on what the model is really sent, to the token, and the loss counts the answer only. torch, transformers,
peft and gguf (the extra `finetune`) are imported when a training begins; nothing else needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.finetune._adapter import write_adapter
    from promptlab.finetune._choices import TuningChoices, tuning_choices
    from promptlab.finetune._curve import curve_lines
    from promptlab.finetune._expected import expected_bytes
    from promptlab.finetune._export import RowSource, axolotl_config, training_export
    from promptlab.finetune._extras import missing_libraries, require_libraries
    from promptlab.finetune._headline import HeadlineRow, headline_lines, headline_markdown, headline_rows
    from promptlab.finetune._leakage import OVERLAP, LeakageGuard, groups_of
    from promptlab.finetune._plan import plan_tuning
    from promptlab.finetune._process import start_training
    from promptlab.finetune._recipe import MATRICES, Recipe, TokenRow
    from promptlab.finetune._rows import RATINGS, SUITE, DataRow, Dropped, Split, read_rows, split_rows
    from promptlab.finetune._state import (
        KnownTraining,
        LossCurve,
        TrainingState,
        find_training,
        read_curve,
        request_stop,
        trainings,
    )
    from promptlab.finetune._train import Look, Training, TrainingProgress
    from promptlab.finetune._tune import PlannedTuning, Tuned
    from promptlab.finetune._tuning import ADAPTERS, Tuning
    from promptlab.finetune._understood import ARCHITECTURES
    from promptlab.finetune._watch import WatchedTraining, watch_training
    from promptlab.finetune._weights import BaseModel, read_base
    from promptlab.finetune._words import (
        CurveRow,
        curve_rows,
        curve_words,
        minutes_words,
        progress_words,
        result_words,
        stopped_words,
    )

__all__ = [
    "ADAPTERS",
    "ARCHITECTURES",
    "MATRICES",
    "OVERLAP",
    "RATINGS",
    "SUITE",
    "BaseModel",
    "CurveRow",
    "DataRow",
    "Dropped",
    "HeadlineRow",
    "KnownTraining",
    "LeakageGuard",
    "Look",
    "LossCurve",
    "PlannedTuning",
    "Recipe",
    "RowSource",
    "Split",
    "TokenRow",
    "Training",
    "TrainingProgress",
    "TrainingState",
    "Tuned",
    "Tuning",
    "TuningChoices",
    "WatchedTraining",
    "axolotl_config",
    "curve_lines",
    "curve_rows",
    "curve_words",
    "expected_bytes",
    "find_training",
    "groups_of",
    "headline_lines",
    "headline_markdown",
    "headline_rows",
    "minutes_words",
    "missing_libraries",
    "plan_tuning",
    "progress_words",
    "read_base",
    "read_curve",
    "read_rows",
    "request_stop",
    "require_libraries",
    "result_words",
    "split_rows",
    "start_training",
    "stopped_words",
    "training_export",
    "trainings",
    "tuning_choices",
    "watch_training",
    "write_adapter",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)

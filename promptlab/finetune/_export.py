"""The rows of a training as files for other people's trainers, without the test cases.

job = training_export(workspace, ["tickets"], RowSource("suite:tickets-train"))
job.export("trl").text                      # the rows that `promptlab finetune` trains on
axolotl_config("tickets.jsonl", "HuggingFaceTB/SmolLM2-135M-Instruct")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from promptlab import templates
from promptlab._util.same_question import text_of
from promptlab._yaml import dump_yaml
from promptlab.finetune._leakage import OVERLAP, LeakageGuard
from promptlab.finetune._recipe import MATRICES, Recipe
from promptlab.finetune._rows import RATINGS, DataRow, cases_not_trained_on, read_rows, split_rows, text_of_case
from promptlab.formats import ExportJob, ExportRow
from promptlab.runs import Store
from promptlab.types import canonical_json
from promptlab.workspace import Workspace


@dataclass(frozen=True)
class RowSource:
    """Where rows come from: `data` is what `promptlab finetune --data` takes; without it the rows are those of the
    template's pool, of a file or of a run. Cases of `suites`, or of every suite of the template, and rows that overlap
    with one by `overlap` or more are left out, unless `test_cases`."""

    data: str = ""
    tag: str = ""
    suites: tuple[str, ...] = ()
    overlap: float = OVERLAP
    test_cases: bool = False


def training_export(workspace: Workspace, names: Sequence[str], source: RowSource, **options: Any) -> ExportJob:
    """The export of the rows of `source`; `options` are those of `ExportJob`.

    Raises `FinetuneError` if there are no rows, and `InputError` if a suite cannot be read.
    """
    rows: list[ExportRow] | None = None
    notes: list[str] = []
    if source.data:  # what is a test case is left out by the guard, as of rows from anywhere else
        read = _read(workspace, names[0], source)
        split = split_rows(read, LeakageGuard(()), held_out=0, seed=0, overlap=source.overlap)
        rows = [ExportRow(row.id, row.inputs, row.answer, row.label, row.places) for row in split.train]
        notes = [f"{one.id} is left out: {one.why}" for one in split.dropped]
    # answers of a run or of people may be of any template
    template = templates.load(workspace, names[0]).path if names and not options.get("run_id") else ""
    cases = {} if source.test_cases else cases_not_trained_on(workspace, template, source.suites, source.data)
    guard = partial(_problems, cases, source.overlap)
    return ExportJob(workspace, names, data=rows, notes=notes, guard=guard, **options)


def _read(workspace: Workspace, name: str, source: RowSource) -> list[DataRow]:
    template = templates.load(workspace, name)
    if source.data != RATINGS:
        return read_rows(workspace, template, source.data, None, source.tag)
    with closing(Store.of(workspace)) as store:
        return read_rows(workspace, template, source.data, store, source.tag)


def _problems(cases: Mapping[str, Mapping[str, Any]], overlap: float, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why each of the rows must not be trained on, as a clause; "" if it may be.

    They are compared by the inputs in which rows differ: one that is the same in all, such as the article that they are
    about, would make each nearly the same as every case.
    """
    if not cases or not rows:
        return [""] * len(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    compared = [name for name in names if len({canonical_json(row.get(name)) for row in rows}) > 1] or names

    guard = LeakageGuard(((name, text_of_case(inputs, compared)) for name, inputs in cases.items()), overlap=overlap)
    return [guard.problem(text_of(row, compared)) for row in rows]


def axolotl_config(data: str, base: str = "") -> str:
    """A configuration of Axolotl that trains an adapter on the file `data`, with the numbers of `promptlab finetune`.

    `base` is the model as Axolotl names it: a name on Hugging Face, or a folder.
    """
    recipe = Recipe()
    head = "" if base else "# base_model: write the name of the model on Hugging Face, or its folder\n"
    return head + dump_yaml(
        {
            "base_model": base or "choose-a-model",
            "datasets": [
                {
                    "path": data,
                    "ds_type": "json",
                    "type": "chat_template",
                    "field_messages": "messages",
                    "message_property_mappings": {"role": "role", "content": "content"},
                    "message_field_training": "train",
                    "roles_to_train": ["assistant"],
                    "train_on_eos": "turn",
                }
            ],
            "chat_template": "tokenizer_default",
            "adapter": "lora",
            "lora_r": recipe.rank,
            "lora_alpha": int(recipe.alpha),
            "lora_dropout": 0.0,
            "lora_target_modules": list(MATRICES),
            "sequence_len": 2048,
            "excess_length_strategy": "raise",  # by itself Axolotl leaves longer rows out
            "micro_batch_size": 1,
            "gradient_accumulation_steps": recipe.batch,
            "num_epochs": recipe.epochs,
            "learning_rate": recipe.learning_rate,
            "lr_scheduler": "linear",
            "warmup_steps": recipe.warm_up,
            "optimizer": "adamw_torch",
            "weight_decay": 0.0,
            "val_set_size": 0.0,
            "seed": recipe.seed,
            "output_dir": "adapter",
        }
    )


__all__ = ["RowSource", "axolotl_config", "training_export"]

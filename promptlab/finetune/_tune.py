"""From rows to a model in the catalogue: the plan of a training, the training itself, and what it leaves behind.

planned = plan_tuning(workspace, catalogue, Tuning("tickets", "fixtures/examples/tickets.jsonl", "smollm2-135m"))
print(len(planned.split.train), planned.split.dropped)      # nothing is computed yet
for progress in planned.train():                            # minutes; a killed one goes on where it was
    print(progress.step, progress.loss)
tuned = planned.finish()                                    # models/adapters/NAME.gguf, and an entry
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from promptlab import runs
from promptlab._util.files import write_atomically, write_new
from promptlab._util.same_question import hash_of_question
from promptlab.errors import FinetuneError, WindowExceeded
from promptlab.finetune._extras import require_libraries, versions
from promptlab.finetune._recipe import TokenRow, total_tokens
from promptlab.finetune._rows import RATINGS, SUITE, DataRow, Dropped, Split
from promptlab.finetune._tuning import ADAPTERS, Tuning
from promptlab.models import Trainable, label_of_model, training_folder, training_record
from promptlab.runs import Given
from promptlab.templates import Template
from promptlab.types import Label, canonical_json, highest, sha256
from promptlab.workspace import (
    Labels,
    LlamaModel,
    Workspace,
    label_of_prompt,
    plan_model,
    write_models_edit,
)

RECORD, CURVE = "record.json", "curve.jsonl"
_IGNORED = b"# Adapters can repeat what they were trained on, and are made again: promptlab finetune\n*.gguf\n"
CURVE_SECONDS = 1.0
"""At most so often the losses are written while it trains."""


@dataclass(frozen=True)
class Tuned:
    """What a training left behind: the adapter at `path`, and the model `name` in promptlab.yaml of `workspace`."""

    name: str
    path: str
    label: Label
    record: dict[str, Any]
    workspace: Workspace


class PlannedTuning:
    """A training that is ready to begin. `label` is the highest of all that is trained on."""

    def __init__(
        self,
        workspace: Workspace,
        tuning: Tuning,
        template: Template,
        split: Split,
        backend: Trainable,
        entry: LlamaModel,
    ) -> None:
        self.workspace, self.tuning, self.template = workspace, tuning, template
        self._backend, self._entry = backend, entry
        self._training: Any = None
        rows = [(row, self._tokens(row)) for row in split.every]
        tokens = {number: found for number, (_, found) in enumerate(rows) if found}
        self.split = _without_long_rows(split, tokens, tuning.base)
        ordered = [found for found, _ in tokens.values()]
        self.train_tokens = ordered[: len(self.split.train)]
        self.held_out_tokens = ordered[len(self.split.train) :]
        trained = label_of_model(workspace, tuning.base)
        self.label: Label = highest([template.label, trained, *(label for _, label in tokens.values())])

    def _tokens(self, row: DataRow) -> tuple[TokenRow, Label] | None:
        """The tokens of a row as the model is asked and should answer, and the label of all that is in them. None if
        they do not fit into the window."""
        given = Given(row.inputs, row.label, {"": row.places})
        without: tuple[Any, ...] = () if self.tuning.shots else ("examples",)
        trial = runs.plan_question(self.workspace, self.template, given, without=without)
        request = runs.request_of(replace(trial, model=self.tuning.base, case=row.id))
        try:
            prompt, answer = self._backend.answer_tokens(request, row.answer.strip())
        except WindowExceeded:
            return None
        return TokenRow(prompt, answer), label_of_prompt(Labels(self.workspace).today(request.prompt))

    @property
    def folder(self) -> Path:
        """The folder of the training, with its checkpoint and its losses. It is not part of the workspace's text."""
        return training_folder(self.workspace, self.tuning.model)

    @property
    def adapter_path(self) -> str:
        return f"{ADAPTERS}/{self.tuning.model}.gguf"

    @cached_property
    def identity(self) -> str:
        """A hash of all that decides the adapter: rows, base model, settings and versions."""
        rows = [[row.prompt, row.answer] for row in (*self.train_tokens, *self.held_out_tokens)]
        parts = [rows, len(self.train_tokens), self._base_sha256, self.tuning.recipe.as_data(), versions()]
        return sha256(canonical_json(parts))

    @property
    def base_path(self) -> Path:
        """The file of the base model."""
        return self._backend.path

    @property
    def _base_sha256(self) -> str:
        return str(getattr(self._backend, "sha256", ""))

    def facts(self) -> list[str]:
        """What will be trained on what, in lines."""
        recipe, split = self.tuning.recipe, self.split
        tokens = total_tokens(self.train_tokens)
        lines = [
            f"{len(split.train)} rows to train on ({tokens:,} tokens a pass), {len(split.held_out)} held out, "
            f"{len(split.dropped)} dropped",
            f"at most {recipe.steps_of(len(split.train))} steps of {recipe.batch} rows; rank {recipe.rank}, "
            f"seed {recipe.seed}",
        ]
        if self.label != "public":
            lines.append(f"the adapter is labelled {self.label}, as the text that it is trained on")
        lines += [f"dropped, {why}: {len(ids)} ({', '.join(ids[:3])})" for why, ids in split.dropped_by_reason.items()]
        return lines

    def train(self, *, again: bool = False, threads: int | None = None) -> Iterator[Any]:
        """Train; the steps are `TrainingProgress`. With `again` a checkpoint of an earlier training is removed.

        Raises:
            ModelNotReady: a library is missing.
            FinetuneError: the base model is not understood, or the checkpoint belongs to another training.
        """
        require_libraries()
        from promptlab.finetune._train import CHECKPOINT, Training
        from promptlab.finetune._weights import read_base

        if again:
            (self.folder / CHECKPOINT).unlink(missing_ok=True)
        if not (self.folder / CHECKPOINT).is_file():
            (self.folder / CURVE).unlink(missing_ok=True)  # the losses of another training
        base = read_base(self._backend.path)
        self._training = training = Training(
            base,
            self.train_tokens,
            self.held_out_tokens,
            self.tuning.recipe,
            self.folder,
            identity=self.identity,
            threads=threads,
        )
        written = 0.0
        for progress in training:
            if progress.look is not None or time.monotonic() - written > CURVE_SECONDS:
                self._write_curve()
                written = time.monotonic()
            yield progress
        self._write_curve()

    @property
    def has_ended(self) -> bool:
        """True if the training has come to its last step, or stopped early."""
        training = self._training
        return training is not None and (training.step >= training.steps or training.stopped_early)

    def save(self) -> None:
        """Write a checkpoint and the losses as they are now."""
        self._training.save()
        self._write_curve()

    def _write_curve(self) -> None:
        training = self._training
        lines = [json.dumps({"step": n + 1, "loss": loss}) for n, loss in enumerate(training.losses)]
        lines += [json.dumps({"look": asdict(look)}) for look in training.looks]
        write_atomically(self.folder / CURVE, ("\n".join(lines) + "\n").encode())

    def done(self) -> Tuned | None:
        """What an earlier training of the same rows with the same settings left behind; None if there was none."""
        record = training_record(self.workspace, self.tuning.model)
        there = self.tuning.model in self.workspace.models and self.workspace.resolve(self.adapter_path).is_file()
        if record is None or record["identity"] != self.identity or not there:
            return None
        if record["label"] != self.label:  # the text has another label now: the adapter and its entry get it, too
            return None
        return Tuned(self.tuning.model, self.adapter_path, record["label"], record, self.workspace)

    def finish(self) -> Tuned:
        """Write the adapter and its record, and enter the model in promptlab.yaml, with the label of its text.

        Raises:
            FinetuneError: the training has not ended.
            WorkspaceError: promptlab.yaml cannot be changed in place.
        """
        from promptlab.finetune._adapter import write_adapter

        training, tuning = self._training, self.tuning
        if not self.has_ended:
            raise FinetuneError("the training has not ended", hint="the same command goes on")
        path = self.workspace.resolve(self.adapter_path)
        write_new(path.parent / ".gitignore", _IGNORED)
        write_adapter(
            path,
            training.adapter(),
            training.base,
            alpha=tuning.recipe.alpha,
            name=tuning.model,
            label=self.label,
        )
        record = self._record(training)
        write_atomically(self.folder / RECORD, json.dumps(record, indent=1).encode())
        settings = {**self._entry.model_dump(mode="json", exclude_unset=True), "lora": [self.adapter_path]}
        if self.label != "public":
            settings["label"] = self.label
        new = tuning.model not in self.workspace.models
        edit = plan_model(self.workspace, tuning.model, settings, new=new)
        return Tuned(tuning.model, self.adapter_path, self.label, record, write_models_edit(edit))

    def _sources(self) -> list[str]:
        """The files whose text is in what is trained on."""
        places = {place.path for row in self.split.every for place in row.places}
        pool = {self.tuning.data} if self.tuning.data != RATINGS and not self.tuning.data.startswith(SUITE) else set()
        return sorted({self.template.path, *places, *pool})

    def _record(self, training: Any) -> dict[str, Any]:
        best = training.best
        return {
            "model": self.tuning.model,
            "base": {"name": self.tuning.base, "file": self._backend.path.name, "sha256": self._base_sha256},
            "template": {"path": self.template.path, "sha256": self.template.sha256},
            "data": self.tuning.data,
            "shots": self.tuning.shots,
            "rows": len(self.split.train),
            "held_out": len(self.split.held_out),
            "dropped": [asdict(one) for one in self.split.dropped],
            "sources": self._sources(),
            "trained_on": [hash_of_question(row.inputs) for row in self.split.every],
            "label": self.label,
            "recipe": self.tuning.recipe.as_data(),
            "identity": self.identity,
            "steps": training.step,
            "stopped_early": training.stopped_early,
            "best": asdict(best) if best else None,
            "first_loss": training.losses[0],
            "last_loss": training.losses[-1],
            "parameters": training.trained,
            "tokens": training.tokens,
            "seconds": round(training.seconds, 1),
            "peak_bytes": peak_bytes(),
            "threads": training.threads,
            "versions": versions(),
        }


def _without_long_rows(split: Split, kept: Collection[int], base: str) -> Split:
    """`split` with only the rows whose numbers in `split.every` are in `kept`; the others are dropped.

    Raises `FinetuneError` if none is left to train on.
    """
    why = f"it does not fit into the window of {base}"
    rows = list(enumerate(split.every))
    train = tuple(row for number, row in rows[: len(split.train)] if number in kept)
    held_out = tuple(row for number, row in rows[len(split.train) :] if number in kept)
    if not train:
        raise FinetuneError(f"no row is left to train on: {why}", hint="raise its `n_ctx`, or use another model")
    long = (Dropped(row.id, why) for number, row in rows if number not in kept)
    return Split(train, held_out, (*split.dropped, *long))


def peak_bytes() -> int:
    """The most memory that this process has had."""
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


__all__ = ["CURVE", "PlannedTuning", "Tuned"]

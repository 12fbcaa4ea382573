"""Training a LoRA adapter: the loop, its checkpoints, and going on after it was killed.

    training = Training(base, rows, held_out, Recipe(), folder, identity="…")
    for progress in training:                     # goes on where an earlier process was stopped
        print(progress.step, progress.loss)
    training.adapter()                            # the best matrices, by their names in peft

The loss is computed on the tokens of the answers only. A checkpoint has all that the rest of the training depends on:
matrices, optimizer, random numbers and the losses so far. So a training that was killed ends with the same losses.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab._util.files import writing
from promptlab.errors import FinetuneError
from promptlab.finetune._parts import parts_of, shared_length
from promptlab.finetune._recipe import MATRICES, Recipe, TokenRow
from promptlab.finetune._weights import BaseModel

CHECKPOINT = "checkpoint.pt"
CHECKPOINT_SECONDS = 20.0
"""At most so long between two checkpoints; what was computed since the last one is computed again after a kill."""


@dataclass(frozen=True)
class Look:
    """A look at the held-out rows after `step` steps: the mean loss of a token, and how many of the answers have every
    token as the most probable one."""

    step: int
    loss: float
    right: int
    rows: int


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training is, after `step` of at most `steps` steps. `seconds` are those of training so far, and `left`
    those that the rest may take. `look` is there after a pass. `resumed` is the step that this process began at."""

    step: int
    steps: int
    loss: float
    tokens: int
    seconds: float
    left: float
    look: Look | None = None
    resumed: int = 0


class Training:
    """A training. Iterate it; it ends after the last step, or when the held-out rows get no better.

    `identity` must be equal for a checkpoint in `folder` to be gone on with.
    """

    def __init__(
        self,
        base: BaseModel,
        rows: Sequence[TokenRow],
        held_out: Sequence[TokenRow],
        recipe: Recipe,
        folder: Path,
        *,
        identity: str,
        threads: int | None = None,
    ) -> None:
        if not rows:
            raise FinetuneError("there is no row to train on")
        self.base, self.recipe, self.folder = base, recipe, folder
        self.rows, self.held_out = tuple(rows), tuple(held_out)
        self.steps = recipe.steps_of(len(rows))
        self.losses: list[float] = []
        self.looks: list[Look] = []
        self.step, self.tokens, self.seconds, self.resumed = 0, 0, 0.0, 0
        self.stopped_early = False
        self._identity = identity
        self._best: dict[str, Any] | None = None
        self._begin(threads)

    @property
    def best(self) -> Look | None:
        """The best look at the held-out rows, whose adapter is kept."""
        return min(self.looks, key=lambda look: look.loss, default=None)

    def __iter__(self) -> Iterator[TrainingProgress]:
        saved = time.monotonic()
        if not self.looks and self.held_out:
            yield self._progress(self._look())  # what the model says before it is trained
        while self.step < self.steps and not self.stopped_early:
            begun = time.monotonic()
            self._train_step()
            look = self._look() if self._ends_pass() and self.held_out else None
            self.seconds += time.monotonic() - begun
            if look is not None or time.monotonic() - saved > CHECKPOINT_SECONDS or self.step == self.steps:
                self.save()
                saved = time.monotonic()
            yield self._progress(look)

    def adapter(self) -> dict[str, Any]:
        """The matrices of the best adapter, or of the last one if no row was held out, by their names in peft."""
        return self._best if self._best is not None else self._matrices()

    def _begin(self, threads: int | None) -> None:
        import torch
        from peft import LoraConfig, get_peft_model

        saved = self._saved()
        # The order in which numbers are added depends on the number of threads, so a training keeps its own.
        self.threads = int(saved["threads"]) if saved else threads or len(os.sched_getaffinity(0))
        torch.set_num_threads(self.threads)
        torch.manual_seed(self.recipe.seed)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        config = LoraConfig(
            r=self.recipe.rank,
            lora_alpha=self.recipe.alpha,
            lora_dropout=0.0,
            target_modules=list(MATRICES),
            task_type="CAUSAL_LM",
        )
        self.base.model.config.use_cache = False
        with warnings.catch_warnings():  # of peft about transformers, for their developers
            warnings.simplefilter("ignore", FutureWarning)
            self.model = get_peft_model(self.base.model, config).to(self._device)
        self.model.train()
        own = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.trained = sum(parameter.numel() for parameter in own)
        self._optimizer = torch.optim.AdamW(own, self.recipe.learning_rate, weight_decay=0.0)
        if saved:
            self._restore(saved)

    def _train_step(self) -> None:
        rows = [self.rows[number] for number in self.recipe.batch_at(self.step, len(self.rows))]
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.rate_at(self.step, self.steps)
        count = sum(len(row.answer) for row in rows)
        value = 0.0
        for part in parts_of(rows):  # the gradients of the parts add up to those of the batch
            total, _ = self._loss(part)
            loss = total / count
            loss.backward()
            value += float(loss.detach())
        if not math.isfinite(value):
            raise FinetuneError(
                f"the loss is no number any more at step {self.step + 1}", hint="use a lower learning rate"
            )
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.step += 1
        self.losses.append(value)
        self.tokens += sum(row.length for row in rows)

    def _loss(self, rows: Sequence[TokenRow]) -> tuple[Any, int]:
        """The sum of the losses of the answers' tokens, and the number of rows that are right.

        Logits are computed at the tokens of the answers only: those of all tokens would take most of the time and the
        memory of a small model with a large vocabulary.
        """
        import torch

        shared = shared_length(rows)
        length = max(row.length for row in rows) - shared
        ids = torch.zeros((len(rows), length), dtype=torch.long)
        mask = torch.zeros((len(rows), shared + length), dtype=torch.long)
        targets = torch.full((len(rows), length), -100, dtype=torch.long)
        for number, row in enumerate(rows):
            end = row.length - shared
            ids[number, :end] = torch.tensor((row.prompt + row.answer)[shared:])
            mask[number, : row.length] = 1
            # The logits at a position are those of the next token.
            targets[number, len(row.prompt) - shared - 1 : end - 1] = torch.tensor(row.answer)
        ids, mask, targets = (one.to(self._device) for one in (ids, mask, targets))
        network = self.model.base_model.model
        cache = self._read(rows[0].prompt[:shared], len(rows)) if shared else None
        hidden = network.model(
            input_ids=ids, attention_mask=mask, cache=cache, use_cache=cache is not None
        ).last_hidden_state
        asked = targets != -100
        logits = network.lm_head(hidden[asked])
        losses = torch.nn.functional.cross_entropy(logits.float(), targets[asked], reduction="none")
        wrong = torch.zeros(len(rows), device=self._device)
        row_of = torch.nonzero(asked)[:, 0]
        wrong.index_add_(0, row_of, (logits.argmax(-1) != targets[asked]).float())
        return losses.sum(), int((wrong == 0).sum())

    def _read(self, tokens: Sequence[int], rows: int) -> Any:
        """The keys and values of a beginning that `rows` rows share, computed once. Gradients flow through them."""
        import torch
        from transformers import DynamicCache

        network = self.model.base_model.model
        cache = DynamicCache(config=network.config)
        network.model(input_ids=torch.tensor([tokens], device=self._device), cache=cache, use_cache=True)
        cache.batch_repeat_interleave(rows)
        return cache

    def _look(self) -> Look:
        """Look at the held-out rows, keep the adapter if it is the best, and see if the training should stop."""
        import torch

        self.model.eval()
        total, right = 0.0, 0
        count = sum(len(row.answer) for row in self.held_out)
        with torch.no_grad():
            for part in parts_of(self.held_out):
                loss, good = self._loss(part)
                total, right = total + float(loss), right + good
        self.model.train()
        best = self.best
        look = Look(self.step, total / count, right, len(self.held_out))
        self.looks.append(look)
        if best is None or look.loss < best.loss:
            self._best = self._matrices()
        since = len(self.looks) - 1 - self.looks.index(self.best or look)
        self.stopped_early = since >= self.recipe.patience and self.step < self.steps
        return look

    def _ends_pass(self) -> bool:
        return self.step % self.recipe.steps_a_pass(len(self.rows)) == 0 or self.step == self.steps

    def _progress(self, look: Look | None) -> TrainingProgress:
        done = self.step or 1
        left = self.seconds / done * (self.steps - self.step)
        loss = self.losses[-1] if self.losses else math.nan
        return TrainingProgress(self.step, self.steps, loss, self.tokens, self.seconds, left, look, self.resumed)

    def _matrices(self) -> dict[str, Any]:
        """A copy of the matrices of the adapter as it is now."""
        return {
            name.replace(".default.", "."): parameter.detach().cpu().clone()
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }

    def save(self) -> None:
        """Write a checkpoint of the training as it is now."""
        import torch

        state = {
            "identity": self._identity,
            "threads": self.threads,
            "step": self.step,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "losses": self.losses,
            "looks": [[look.step, look.loss, look.right, look.rows] for look in self.looks],
            "stopped_early": self.stopped_early,
            "matrices": self._matrices(),
            "best": self._best,
            "optimizer": self._optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }
        with writing(self.folder / CHECKPOINT) as file:  # whole or not at all: a process may be killed here
            torch.save(state, file)

    def _saved(self) -> dict[str, Any] | None:
        import torch

        path = self.folder / CHECKPOINT
        if not path.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as exc:  # torch raises many kinds for a damaged file
            raise FinetuneError(
                f"the checkpoint cannot be read: {exc}", file=str(path), hint="begin anew (--again)"
            ) from exc
        if state["identity"] != self._identity:
            raise FinetuneError(
                "it belongs to a training with other rows, another base model or other settings",
                file=str(path),
                hint="give this adapter another name, or begin anew (--again)",
            )
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        import torch

        own = {name.replace(".default.", "."): parameter for name, parameter in self.model.named_parameters()}
        with torch.no_grad():
            for name, values in state["matrices"].items():
                own[name].copy_(values)
        self._optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        self.step = self.resumed = int(state["step"])
        self.tokens, self.seconds = int(state["tokens"]), float(state["seconds"])
        self.losses, self.looks = list(state["losses"]), [Look(*look) for look in state["looks"]]
        self.stopped_early, self._best = bool(state["stopped_early"]), state["best"]


__all__ = ["CHECKPOINT", "Look", "Training", "TrainingProgress"]

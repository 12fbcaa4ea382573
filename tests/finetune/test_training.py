"""Five steps on a tiny model: the adapter in GGUF gives llama.cpp the logits of transformers with peft; killed and gone
on with, the losses are the same. Skipped where torch is not installed (`make finetune`)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="make finetune installs what training needs")
pytest.importorskip("peft")

from promptlab.finetune import Recipe, TokenRow, Training, read_base, write_adapter
from tests.finetune.adapters import logits_of_llama
from tests.gguf_made import tiny

PREFIX = (1, *range(40, 60))
ROWS = [TokenRow((*PREFIX, 70 + n), (100 + n % 3, 2)) for n in range(10)]
RECIPE = Recipe(rank=4, alpha=8, learning_rate=5e-3, batch=4, epochs=4, most_steps=5, warm_up=1)


def training(path: Path, folder: Path, recipe: Recipe = RECIPE) -> Training:
    return Training(read_base(path), ROWS[:8], ROWS[8:], recipe, folder, identity="same", threads=1)


def test_the_adapter_gives_llama_the_logits_of_peft(tmp_path: Path) -> None:
    import torch

    path = tiny(tmp_path / "tiny.gguf")
    trained = training(path, tmp_path / "job")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        steps = list(trained)
    assert trained.step == 5
    assert trained.losses[-1] < trained.losses[0]
    assert steps[0].look is not None
    matrices = trained._matrices()  # the last ones, which the model has now
    write_adapter(tmp_path / "a.gguf", matrices, trained.base, alpha=RECIPE.alpha)
    trained.model.eval()
    with torch.no_grad():
        tuned = trained.model(torch.tensor([list(ROWS[0].prompt)])).logits[0, -1].numpy()
        with trained.model.disable_adapter():
            base = trained.model(torch.tensor([list(ROWS[0].prompt)])).logits[0, -1].numpy()
    llama = logits_of_llama(path, ROWS[0].prompt, tmp_path / "a.gguf")[-1]
    assert abs(tuned - base).max() > 0.2  # the adapter does something
    assert abs(tuned - llama).max() < 0.05


def test_what_was_killed_goes_on_to_the_same_losses(tmp_path: Path) -> None:
    path = tiny(tmp_path / "tiny.gguf")
    whole = training(path, tmp_path / "whole")
    list(whole)
    first = training(path, tmp_path / "cut")
    for progress in first:
        if progress.step == 2 and progress.look:  # after the first pass, whose checkpoint is written
            break
    second = training(path, tmp_path / "cut")
    list(second)
    assert second.resumed == 2
    assert second.losses == whole.losses
    assert [look.loss for look in second.looks] == [look.loss for look in whole.looks]


def test_it_stops_when_the_held_out_rows_get_no_better_and_keeps_the_best(tmp_path: Path) -> None:
    path = tiny(tmp_path / "tiny.gguf")
    against = [TokenRow(row.prompt, (120 + n, 2)) for n, row in enumerate(ROWS[:3])]  # what is learnt is wrong here
    recipe = Recipe(rank=4, alpha=8, learning_rate=2e-2, batch=4, epochs=40, patience=2, warm_up=1)
    trained = Training(read_base(path), ROWS[:8], against, recipe, tmp_path / "job", identity="same", threads=1)
    at: dict[int, Any] = {}
    for progress in trained:
        if progress.look is not None:
            at[progress.step] = trained._matrices()
    assert trained.stopped_early
    assert trained.step < trained.steps == 80
    assert trained.best is not None
    assert [look.step for look in trained.looks][-3] == trained.best.step  # two passes without a better loss
    kept = trained.adapter()
    assert all((kept[name] == matrix).all() for name, matrix in at[trained.best.step].items())
    assert not all((kept[name] == matrix).all() for name, matrix in at[trained.step].items())


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    from promptlab.errors import FinetuneError

    path = tiny(tmp_path / "tiny.gguf")
    list(training(path, tmp_path / "job"))
    with pytest.raises(FinetuneError, match="another base model or other settings"):
        Training(read_base(path), ROWS, (), RECIPE, tmp_path / "job", identity="other")


def test_a_beginning_that_rows_share_changes_no_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from promptlab.finetune import _parts

    path = tiny(tmp_path / "tiny.gguf")
    shared = training(path, tmp_path / "shared")
    list(shared)
    monkeypatch.setattr(_parts, "WORTH_SHARING", 10_000)
    alone = training(path, tmp_path / "alone")
    list(alone)
    assert shared.losses == pytest.approx(alone.losses, abs=1e-3)

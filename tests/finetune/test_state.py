"""How far trainings are, read from their folders. Nothing here needs torch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab import finetune
from promptlab.errors import FinetuneError, ModelNotReady
from promptlab.finetune import (
    Look,
    LossCurve,
    Recipe,
    TrainingState,
    Tuning,
    curve_rows,
    curve_words,
    expected_bytes,
    find_training,
    plan_tuning,
    progress_words,
    read_curve,
    request_stop,
    start_training,
    trainings,
    tuning_choices,
    watch_training,
)
from promptlab.finetune._lock import hold_training
from promptlab.finetune._state import write_state
from promptlab.models import Catalogue, label_of_model, training_record
from promptlab.workspace import Workspace
from tests.finetune.test_data import workspace
from tests.finetune.trained import POOL, TEMPLATE, keep_record, workspace_with_pool

TUNING = Tuning("t", "pool.jsonl", "tiny", suites=("s",), recipe=Recipe(rank=3, alpha=6))
STATE = TrainingState(TUNING, 1, "2026-11-29T10:00:00+00:00", "training", 7, 20, loss=1.5, left=3.0)


def folder_of(space: Workspace) -> Path:
    folder = space.state / "finetune" / "tiny-t"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize(
    ("phase", "status"),
    [
        ("preparing", "interrupted"),
        ("training", "interrupted"),
        ("writing", "interrupted"),
        ("stopped", "stopped"),
        ("failed", "failed"),
        ("done", "done"),
    ],
)
def test_what_no_process_holds_was_interrupted_or_has_ended(tmp_path: Path, phase: str, status: str) -> None:
    space = workspace(tmp_path)
    state = replace(STATE, phase=phase, look=Look(6, 1.25, 2, 3))  # type: ignore[arg-type]  # one of the phases
    write_state(folder_of(space), state)
    training = find_training(space, "tiny-t")
    assert training is not None
    assert training.state == state
    assert training.status == status
    with hold_training(folder_of(space)):
        held = find_training(space, "tiny-t")
        assert held is not None
        assert held.status == "running"
        request_stop(space, "tiny-t")
        assert "Stopping" in progress_words(find_training(space, "tiny-t") or held)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"tuning": 5}', '{"tuning": {"template": "t"}, "look": null}', '{"phase": "dancing"}'],
)
def test_a_state_that_is_not_understood_is_none(tmp_path: Path, text: str) -> None:
    space = workspace(tmp_path)
    (folder_of(space) / "state.json").write_text(text)
    (folder_of(space) / "curve.jsonl").write_text(text or "x")
    assert find_training(space, "tiny-t") is None
    assert trainings(space) == []
    assert read_curve(space, "tiny-t") == LossCurve()
    (folder_of(space) / "checkpoint.pt").write_bytes(b"")
    found = find_training(space, "tiny-t")
    assert found is not None
    assert (found.status, found.state) == ("interrupted", None)


@pytest.mark.parametrize("name", ["..", "../templates", ".", "", "a/b"])
def test_a_name_that_is_no_model_is_no_training(tmp_path: Path, name: str) -> None:
    assert find_training(workspace(tmp_path), name) is None


@pytest.mark.parametrize(
    ("error", "phase", "words"),
    [
        (FinetuneError("no rows", hint="add some"), "failed", ("no rows", "add some")),
        (MemoryError("too much"), "failed", ("MemoryError: too much", "the memory is too small")),
        (KeyboardInterrupt(), "stopped", ("", "")),
    ],
)
def test_how_a_training_ends_is_written(
    tmp_path: Path, error: BaseException, phase: str, words: tuple[str, str]
) -> None:
    space = workspace(tmp_path)

    def end() -> None:
        with watch_training(space, TUNING):
            seen = find_training(space, "tiny-t")
            assert seen is not None
            assert (seen.status, seen.state and seen.state.tuning) == ("running", TUNING)
            raise error

    with pytest.raises(type(error)):
        end()
    ended = find_training(space, "tiny-t")
    assert ended is not None
    assert ended.state is not None
    assert (ended.status, ended.state.phase) == (phase, phase)
    assert ended.state.error == words[0]
    assert ended.state.hint.startswith(words[1])


def test_one_name_is_trained_by_one_process_at_a_time(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    with watch_training(space, TUNING):
        with pytest.raises(FinetuneError, match="being trained by another process"), watch_training(space, TUNING):
            raise AssertionError
        with watch_training(space, replace(TUNING, name="other")):
            assert {one.model for one in trainings(space) if one.is_running} == {"tiny-t", "other"}
    assert not any(one.is_running for one in trainings(space))


def test_nothing_starts_without_the_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetune._extras, "LIBRARIES", ("no_such_library",))  # type: ignore[attr-defined]  # a module
    space = workspace(tmp_path)
    with pytest.raises(ModelNotReady, match="no_such_library, which is not installed"):
        start_training(space, TUNING)
    assert trainings(space) == []


def test_the_table_has_a_line_for_each_look_and_no_loss_twice() -> None:
    curve = LossCurve((4.0, 2.0, 1.0, 0.5), (Look(0, 5.0, 0, 3), Look(2, 2.5, 1, 3), Look(4, 3.0, 1, 3)))
    assert [(row.step, row.loss, row.look and row.look.right) for row in curve_rows(curve)] == [
        (0, None, 0),
        (2, 3.0, 1),
        (4, 0.75, 1),
    ]
    assert "Loss 4.00 at the first step, 0.50 at step 4." in curve_words(curve)
    assert "Best after step 2: loss 2.50, 1 of 3 right." in curve_words(curve)
    without = [(row.step, row.loss) for row in curve_rows(LossCurve(tuple(float(n) for n in range(100))))]
    assert len(without) <= 12
    assert without[-1][0] == 100
    assert curve_rows(LossCurve()) == []
    assert curve_words(LossCurve()) == ""


def test_the_choices_are_what_can_be_trained(tmp_path: Path) -> None:
    extra = "  tuned: {backend: llama, path: tiny.gguf, lora: [a.gguf]}\n  api: {backend: openai, model: m}\n"
    space = workspace(tmp_path, extra=extra)
    (tmp_path / "fixtures/suites/bad.yaml").write_text("template: none\n")
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/p.jsonl").write_text(json.dumps({"id": "r", "inputs": {"q": "a"}, "output": "o"}) + "\n")
    choices = tuning_choices(space)
    assert choices.bases == ("tiny",)
    assert choices.not_bases == {"tuned": "has an adapter already", "api": "runs on a server"}
    assert choices.pools == ("examples/p.jsonl",)
    assert choices.suites_of("templates/t.yaml") == ["fixtures/suites/s.yaml"]
    assert list(choices.broken) == ["fixtures/suites/bad.yaml"]


def test_the_expected_memory_grows_with_the_rank_and_counts_the_libraries(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    catalogue = Catalogue(space)
    low, high = (
        expected_bytes(plan_tuning(space, catalogue, replace(TUNING, recipe=Recipe(rank=rank)))) for rank in (1, 9)
    )
    # Seven matrices in each of two layers, of 32 rows and 32 columns, with 20 bytes for each number.
    assert high - low == 8 * 2 * 7 * 64 * 20
    assert low > 500_000_000


def test_an_adapter_gets_the_label_that_its_text_has_today(tmp_path: Path) -> None:
    space = workspace_with_pool(tmp_path)
    keep_record(space, sources=[TEMPLATE, POOL])
    assert label_of_model(space, "tiny-t") == "public"
    file = tmp_path / "promptlab.yaml"
    file.write_text(file.read_text().replace(f"{POOL}: public", f"{POOL}: internal"))
    assert label_of_model(Workspace.load(tmp_path), "tiny-t") == "internal"


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "{}", "null"])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    space = workspace_with_pool(tmp_path)
    (folder_of(space) / "record.json").write_text(text)
    assert training_record(space, "tiny-t") is None
    assert label_of_model(space, "tiny-t") == "public"

"""Quantisations of a local model: the files, their entries, what is said of them, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import promptlab
from promptlab.cli._main import cli
from promptlab.errors import InputError, ModelNotReady, NotWritten, PromptlabError, WorkspaceError
from promptlab.models import Catalogue, FileFacts, QuantisePlan, plan_quantise, quantise, read_file_facts
from promptlab.models._file_facts import NAMES
from promptlab.models._quantize import FILE_TYPES, NEED_MATRIX
from promptlab.workspace import Workspace
from tests.gguf_made import tiny, tiny_split

llama_cpp = pytest.importorskip("llama_cpp")

YAML = """\
# Mine
models:
  tiny: {backend: llama, path: tiny.gguf, n_ctx: 512, clearance: internal}  # small
  split: {backend: llama, path: parts/tiny-00001-of-00003.gguf}
  far: {backend: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "promptlab.yaml").write_text(YAML)
    tiny(tmp_path / "tiny.gguf", extra={"general.license": "mit"})
    tiny_split(tmp_path / "parts")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(folder: Path, *file_types: str, model: str = "tiny", **rest: bool) -> QuantisePlan:
    return plan_quantise(Catalogue(Workspace.load(folder)), model, file_types, **rest)


def facts(path: Path) -> FileFacts:
    return read_file_facts([path])


def test_the_files_and_their_entries(folder: Path) -> None:
    plan = planned(folder, "q4_0", "Q8_0", "q4_0")
    assert [item.name for item in plan.items] == ["tiny-q4_0", "tiny-q8_0"]
    assert not (folder / "models").exists(), "a plan makes nothing"
    workspace = quantise(plan)
    assert (folder / "promptlab.yaml").read_text().startswith(YAML), "the rest stays as it is"
    assert workspace == Workspace.load(folder)
    for item in plan.items:
        entry, made = workspace.models[item.name], facts(item.path)
        assert (entry.path, entry.n_ctx, entry.clearance) == (f"models/{item.name}.gguf", 512, "internal")  # type: ignore[union-attr]
        assert (made.file_type, made.quantised_from, made.was_requantised) == (item.file_type, "F32", False)
        assert made.licence == "mit"
        assert made.parameters == plan.source.parameters
        assert abs(made.bytes - item.bytes) < 30_000, "the estimate leaves out the head of the file"
    assert sorted(path.name for path in (folder / "models").iterdir()) == [
        ".gitignore",
        "tiny-q4_0.gguf",
        "tiny-q8_0.gguf",
    ]


def test_a_split_model_becomes_one_file(folder: Path) -> None:
    plan = planned(folder, "Q8_0", model="split")
    quantise(plan)
    assert facts(plan.items[0].path).parameters == plan.source.parameters > 0


def test_what_was_quantised_already_needs_a_word_and_says_so_ever_after(folder: Path) -> None:
    quantise(planned(folder, "Q4_0"))
    with pytest.raises(InputError, match="quantised already") as refused:
        planned(folder, "Q8_0", model="tiny-q4_0")
    assert "--requantize" in refused.value.hint
    plan = planned(folder, "Q8_0", model="tiny-q4_0", requantise=True)
    assert "what was lost" in plan.notes[0]
    assert "Q8_0" in plan.notes[1], "it is larger and no better"
    quantise(plan)
    made = facts(plan.items[0].path)
    assert made.was_requantised
    assert "requantised from Q4_0" in made.type_words


@pytest.mark.parametrize(
    ("model", "file_types", "error", "words"),
    [
        ("tiny", ("Q4_X",), InputError, ("Q4_X", "IQ4_NL")),
        ("tiny", ("IQ1_S",), InputError, ("importance matrix", "Q8_0")),
        ("tiny", ("F32",), InputError, ("F32 already",)),
        ("tiny", (), InputError, ("Q4_K_M",)),
        ("far", ("Q8_0",), ModelNotReady, ("not a local model",)),
        ("tini", ("Q8_0",), PromptlabError, ("tini", "tiny")),
    ],
)
def test_what_is_refused(
    folder: Path, model: str, file_types: tuple[str, ...], error: type[PromptlabError], words: tuple[str, ...]
) -> None:
    with pytest.raises(error) as refused:
        planned(folder, *file_types, model=model)
    assert all(word in str(refused.value) for word in words)
    assert (folder / "promptlab.yaml").read_text() == YAML


def test_a_damaged_file_and_a_missing_one(folder: Path) -> None:
    whole = (folder / "tiny.gguf").read_bytes()
    (folder / "tiny.gguf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PromptlabError):
        quantise(planned(folder, "Q8_0"))
    assert not list(folder.glob("models/*gguf*"))
    assert not list(folder.glob("models/.tiny*"))
    (folder / "tiny.gguf").unlink()
    with pytest.raises(ModelNotReady):
        planned(folder, "Q8_0")


def test_a_taken_name_and_a_foreign_file(folder: Path) -> None:
    tiny(folder / "models" / "tiny-q4_0.gguf", seed=2)
    with pytest.raises(InputError, match="was not made from"):
        planned(folder, "Q4_0")
    quantise(planned(folder, "Q8_0"))
    with pytest.raises(WorkspaceError, match="taken"):
        planned(folder, "Q8_0")


def test_a_whole_file_of_an_earlier_run_is_not_made_again(folder: Path) -> None:
    quantise(planned(folder, "Q8_0"))
    before = (folder / "models" / "tiny-q8_0.gguf").stat().st_mtime_ns
    (folder / "promptlab.yaml").write_text(YAML)  # the entry was not written
    plan = planned(folder, "Q8_0")
    assert plan.items[0].exists
    assert plan.bytes == 0
    assert "tiny-q8_0" in quantise(plan).models
    assert (folder / "models" / "tiny-q8_0.gguf").stat().st_mtime_ns == before


def test_too_little_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promptlab.models._quantize._SPARE", 1 << 60)
    with pytest.raises(NotWritten, match="the disk"):
        planned(folder, "Q8_0")


def test_a_process_that_is_killed_leaves_nothing_half(folder: Path) -> None:
    command = [sys.executable, "-m", "promptlab.cli", "quantize", "tiny", "--to", "Q8_0", "--to", "Q4_0", "--yes"]
    for wait in (0.3, 0.6, 0.9, 1.2, 1.5):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(wait)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        for path in folder.glob("models/*.gguf"):
            assert facts(path).quantised_from == "F32", "what has its name is whole"
    if "tiny-q8_0" not in Workspace.load(folder).models:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert {"tiny-q8_0", "tiny-q4_0"} <= set(Workspace.load(folder).models)


def test_every_file_type_has_llama_cpps_number() -> None:
    for number, name in NAMES.items():
        prefix = "ALL" if name == "F32" else "MOSTLY"
        assert getattr(llama_cpp, f"LLAMA_FTYPE_{prefix}_{name}") == number
    known = {name.split("_", 3)[3] for name in dir(llama_cpp) if name.startswith("LLAMA_FTYPE_MOSTLY_")}
    assert known == set(NAMES.values()) - {"F32"}
    assert set(FILE_TYPES) | NEED_MATRIX < set(NAMES.values())


def test_the_command_asks_shows_and_is_told_of_by_show(folder: Path) -> None:
    def run(*words: str, answer: str = "") -> tuple[int, str]:
        done = CliRunner().invoke(cli, words, input=answer)
        return done.exit_code, done.output

    status, text = run("quantize", "tiny", "--to", "Q8_0", answer="n\n")
    assert status != 0
    assert "licence: mit" in text
    assert "+  tiny-q8_0:" in text
    assert run("quantize", "split", "--to", "Q8_0", "--dry-run")[1].count("licence: unknown") == 1
    assert not (folder / "models").exists()
    assert run("quantize", "tiny", "--to", "Q8_0", "--yes")[0] == 0
    assert run("quantize", "tiny-q8_0", "--to", "Q4_0", "--requantize", "--yes")[0] == 0
    assert "requantised from Q8_0" in run("models", "show", "tiny-q8_0-q4_0")[1]
    contents = json.loads(run("models", "show", "tiny-q8_0-q4_0", "--json")[1])["contents"]
    assert (contents["file_type"], contents["was_requantised"]) == ("Q4_0", True)


def test_from_python_the_new_model_can_be_asked_at_once(folder: Path) -> None:
    with promptlab.open(folder) as lab:
        assert lab.quantize("tiny", ["Q8_0", "Q4_0"]) == ["tiny-q8_0", "tiny-q4_0"]
        assert lab.catalogue.status("tiny-q4_0").ready
        assert lab.quantize("tiny-q8_0", "Q4_0", requantize=True) == ["tiny-q8_0-q4_0"]

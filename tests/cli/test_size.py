"""`promptlab size` and `promptlab models show`: the answer, its JSON, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from promptlab.cli._main import cli
from promptlab.errors import PromptlabError
from promptlab.models import Catalogue, LoadedMemory, Measured
from promptlab.workspace import Workspace
from tests.gguf_made import tiny
from tests.places import ROOT


def run(*words: str) -> str:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    return done.output


pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "promptlab.yaml").write_text(
        "models:\n  tiny: {backend: llama, path: tiny.gguf, n_ctx: 512}\n"
        "  far: {backend: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}\n"
    )
    tiny(tmp_path / "tiny.gguf")
    monkeypatch.chdir(tmp_path)
    return tmp_path


README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "card"),
    [
        ("Llama-2-70b", "A100 80GB"),
        ("llama-2-70b", "a100-80gb"),
        ("llama2-70b", "NVIDIA A100-SXM4-80GB"),
        ("meta-llama/Llama-2-70b-hf", "80GB"),
    ],
)
def test_the_example_of_the_readme(name: str, card: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2 bytes × 70 billion = 140 GB, 137.96 GB by the tensors: more than one A100 with 80 GB, and two are enough."""
    monkeypatch.chdir(tmp_path)  # a family by name needs no workspace
    text = run("size", name, "--gpu", card)
    assert "68,976,648,192 parameters" in text
    assert re.search(r"weights +137\.96 GB +128\.48 GiB", text)
    assert re.search(r"80\.00 GB +one is not enough, 2 are", text)
    data = json.loads(run("size", name, "--gpu", card, "--json"))
    assert data["need"]["weights"] == 2 * 68_976_648_192 + 2 * 1_318_912  # norms have 32 bits
    assert (data["fits"][0]["each"], data["fits"][0]["count"]) == (80_000_000_000, 2)


def test_the_readme_has_the_example_as_it_is_answered() -> None:
    assert 'promptlab size Llama-2-70b --gpu "A100 80GB"' in README
    assert "140 GB (137.96 GB by" in README
    shown = re.search(r'\$ promptlab size llama-2-70b --gpu "A100 80GB"\n(.*?)```', README, re.DOTALL)
    assert shown
    answered = [line.rstrip() for line in run("size", "llama-2-70b", "--gpu", "A100 80GB").splitlines()]
    for line in shown[1].splitlines():
        assert line == "…" or any(answer.startswith(line) for answer in answered), line


@pytest.mark.parametrize(
    ("given", "tokens"), [("8192", 8_192), ("8,192", 8_192), ("32k", 32_768), ("32K", 32_768), ("1M", 1_048_576)]
)
def test_a_context_may_be_given_in_thousands(given: str, tokens: int) -> None:
    data = json.loads(run("size", "tiny", "--context", given, "--json"))
    assert data["wanted"]["context"] == tokens


@pytest.mark.parametrize("given", ["0", "0k", "-1", "k", "8,19", "32x", "1.5k", "nan", "", "9" * 30])
def test_what_is_no_context_is_refused(given: str) -> None:
    done = CliRunner().invoke(cli, ["size", "tiny", f"--context={given}"])
    assert done.exit_code == 2 or isinstance(done.exception, PromptlabError)


def test_the_answer_as_json() -> None:
    data = json.loads(run("size", "tiny", "--gpu", "24GB", "--gpu", "T4", "--train", "lora", "--rank", "4", "--json"))
    assert [fit["count"] for fit in data["fits"]] == [1, 1]
    assert [(each["rank"], each["here"]) for each in data["training"]] == [(4, False), (4, True)]
    assert data["need"]["total"] > data["need"]["weights"] > 0
    assert data["wanted"]["context"] == 512
    assert data["by"] == "llama.cpp"


def test_a_model_is_sized_as_it_will_be_loaded() -> None:
    pytest.importorskip("llama_cpp")
    sized = json.loads(run("size", "tiny", "--json"))
    shown = json.loads(run("models", "show", "tiny", "--json"))
    assert sized["need"]["total"] == shown["expected"]["total"]


def test_what_was_measured_stands_beside_what_is_expected(folder: Path) -> None:
    pytest.importorskip("llama_cpp")
    assert "not yet" in run("models", "show", "tiny")
    catalogue = Catalogue(Workspace.find())
    catalogue.note_measured("tiny", Measured("2026-11-29T07:00:00+00:00", LoadedMemory(2_000_000, 1, 2), 9.0, 40.0))
    catalogue.close()
    assert "2.0 MB allocated by llama.cpp" in run("models", "show", "tiny")
    assert "measured 40.0 tokens/s" in run("size", "tiny")
    assert "measured 40.0 tokens/s, bound by" in run("models", "show", "tiny")
    assert json.loads(run("models", "show", "tiny", "--json"))["speed"]["measured"] == 40.0
    tiny(folder / "tiny.gguf", seed=2)  # another file: the figures are of the old one
    assert "not yet" in run("models", "show", "tiny")


@pytest.mark.parametrize(
    "words",
    [["size", "far"], ["size", "nothing-of-the-kind"], ["size", "tiny", "--gpu", "A100"], ["models", "show", "x"]],
)
def test_what_cannot_be_sized_is_an_error_of_ours(words: list[str]) -> None:
    done = CliRunner().invoke(cli, words)
    assert isinstance(done.exception, PromptlabError)


def test_a_server_has_no_memory_here() -> None:
    assert "expected" not in run("models", "show", "far")

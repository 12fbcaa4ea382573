"""`promptlab experiment wording --paraphrase`: shown, approved, written into the file of the experiment, and asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from promptlab.cli._main import cli
from promptlab.experiments import load_experiment
from promptlab.workspace import Workspace
from tests.experiments.bench import workspace
from tests.loopback import LoopbackServer, Received, Reply, stream

GOOD = ["Reply to what is asked.", "Give the answer to it."]
WORDS = ("experiment", "wording", "t", "--cases", "cases.jsonl", "-m", "gpt", "--scorer", "exact")


def reply(request: Received) -> Reply:
    writes = b"paraphrases" in request.body
    return stream(json.dumps([*GOOD, "Answer {{ question }}."]) if writes else "word-1", usage=(9, 0, 3))


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *more: str, stdin: str = "") -> Result:
    workspace(folder, cases=3)
    monkeypatch.chdir(folder)
    with LoopbackServer() as server:
        server.default = reply
        model = f"models:\n  gpt: {{backend: openai, model: x, base_url: {server.url}, max_retries: 0}}\n"
        (folder / "promptlab.yaml").write_text(model)
        return CliRunner().invoke(cli, [*WORDS, *more], input=stdin)


def kept(folder: Path) -> list[str]:
    return list(load_experiment(Workspace.find(folder), "t-wording").options["instead"].values())


def test_yes_keeps_all_that_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(tmp_path, monkeypatch, "--paraphrase", "gpt", "--yes", "--option", "surface=false")
    assert done.exit_code == 0, done.output
    assert kept(tmp_path) == [f"{text}\n" for text in GOOD]
    assert "it adds `{{ question }}`" in done.stderr
    assert "paraphrase 2" in done.stdout


def test_each_is_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(tmp_path, monkeypatch, "--paraphrase", "gpt", stdin="n\ny\n")
    assert done.exit_code == 0, done.output
    assert kept(tmp_path) == [f"{GOOD[1]}\n"]


def test_without_one_that_was_kept_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(tmp_path, monkeypatch, "--paraphrase", "gpt", stdin="n\nn\n")
    assert done.exit_code != 0
    assert not (tmp_path / "experiments").exists()


@pytest.mark.parametrize("more", [("--paraphrases", "2"), ("--paraphrase", "gpt", "--dry-run")])
def test_what_has_no_meaning_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]) -> None:
    assert run(tmp_path, monkeypatch, *more).exit_code == 2

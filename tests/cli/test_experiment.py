"""`promptlab experiment`: what it refuses before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from promptlab.cli._main import cli
from promptlab.cli.experiment import DECIDED_BY_FILE
from promptlab.cli.experiment import experiment as command
from promptlab.experiments import Experiment
from tests.experiments.bench import workspace

GIVEN = {
    "cases": ["--cases", "cases.jsonl"],
    "models": ["-m", "m"],
    "scorers": ["--scorer", "exact"],
    "options": ["--option", "sections=[context]"],
    "limit": ["--limit", "20"],
    "repeats": ["--repeats", "1"],  # the usual value, but it was said
    "margin": ["--margin", "5"],
    "screen": ["--screen", "3"],
    "looks": ["--looks", "2"],
    "seed": ["--seed", "0"],
    "name": ["--name", "other"],
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    workspace(tmp_path, 8)
    (tmp_path / "promptlab.yaml").write_text(
        "models:\n  m: {backend: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}\n"
    )
    wanted = Experiment("e", "ablate", "t", "cases.jsonl", ("m",), scorers=("exact",))
    (tmp_path / "experiments").mkdir()
    path = tmp_path / wanted.path
    path.write_text(wanted.as_yaml())
    monkeypatch.chdir(tmp_path)
    return path


@pytest.mark.parametrize("name", GIVEN)
def test_an_option_that_the_file_decides_is_refused_by_name(file: Path, name: str) -> None:
    before = file.read_text()
    done = CliRunner().invoke(cli, ["experiment", "e", "--dry-run", *GIVEN[name]])
    assert done.exit_code != 0
    said = done.output + str(done.exception)
    shown = next(max(parameter.opts, key=len) for parameter in command.params if parameter.name == name)
    assert f"decides {shown}" in said
    assert file.read_text() == before
    assert [path.name for path in file.parent.iterdir()] == ["e.yaml"]


def test_every_option_of_the_command_is_of_the_file_or_of_asking_and_printing() -> None:
    of_asking = {"max_cost", "dry_run", "stored", "again", "yes"}
    of_printing = {"as_json", "parquet", "show_labelled", "csv", "html", "picture"}
    names = {parameter.name for parameter in command.params} - {"kind", "template"}
    of_paraphrases = {"paraphrase", "number"}  # refused without the kind `wording` and a template
    assert names == set(DECIDED_BY_FILE) | of_asking | of_printing | of_paraphrases
    assert set(GIVEN) == set(DECIDED_BY_FILE)


@pytest.mark.usefixtures("file")
def test_without_them_the_file_is_planned() -> None:
    done = CliRunner().invoke(cli, ["experiment", "e", "--dry-run", "--max-cost", "1"])
    assert done.exit_code == 0, done.output
    assert "40 answers" in done.output

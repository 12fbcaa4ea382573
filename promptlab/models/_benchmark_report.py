"""A benchmark report as plain lines, for `promptlab models check`.

print("\n".join(benchmark_lines(report)))

smollm2-135m: SmolLM2-135M-Instruct.Q4_1.gguf, 98 MB
  window         8,192 tokens
  …
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from promptlab.models._benchmark_figures import Concurrency, Missing, ModelFacts, Repeatability, Report, Speed


def benchmark_lines(report: Report) -> list[str]:
    """The report as lines of text."""
    return [
        *_facts(report.facts),
        *_speed(report.speed),
        *_sameness(report.sameness, "the same request again, at temperature 0"),
        *_sameness(report.behind_window, "the same behind a text longer than its sliding window"),
        *_together(report.together),
        *_missing(report.missing),
    ]


def _facts(facts: ModelFacts) -> Iterator[str]:
    window = f"{facts.window:,} tokens" if facts.window else "not known"
    yield f"{facts.name}: {Path(facts.file).name}, {facts.file_bytes / 1e6:,.0f} MB"
    yield f"  file           {facts.file}"
    yield f"  window         {window}"
    yield f"  chat template  {facts.chat_template}"
    yield f"  device         {facts.device}; {facts.threads} threads"
    if facts.memory_bytes is None:
        yield "  memory         not known"
    else:
        times = facts.memory_bytes / facts.file_bytes if facts.file_bytes else 0.0
        expected = f"; {facts.expected_bytes / 1e6:,.0f} MB were expected" if facts.expected_bytes else ""
        grown = f"{facts.memory_bytes / 1e6:,.0f} MB more once it was loaded, {times:.2f} times the file"
        yield f"  memory         {grown}{expected}"
    if loaded := facts.loaded:
        held = ""
        if loaded.anonymous is not None and loaded.file_backed is not None:
            anonymous, mapped = loaded.anonymous / 1e6, loaded.file_backed / 1e6
            held = f"; the process holds {anonymous:,.0f} MB of its own and {mapped:,.0f} MB of the file"
        yield f"  allocated      {loaded.allocated / 1e6:,.0f} MB by llama.cpp{held}"


def _speed(speed: Speed | None) -> Iterator[str]:
    if speed is None:
        return
    yield f"speed, {speed.read:,} tokens of prompt and {speed.written} written, {_median_of(speed.rounds, 'round')}"
    reading = f"{speed.promptlab.reading:,.0f} tokens/s"
    writing = _per_second(speed.promptlab.writing)
    if speed.plain is not None:
        reading += f"; plain llama-cpp-python {speed.plain.reading:,.0f}{_ratio(speed.reading_ratios)}"
        writing += f"; plain llama-cpp-python {_per_second(speed.plain.writing, '')}{_ratio(speed.writing_ratios)}"
    yield f"  prefill        {reading}"
    yield f"  decoding       {writing}"
    if speed.without_plain:
        yield f"  not compared with plain llama-cpp-python: {speed.without_plain}"


def _sameness(same: Repeatability | None, title: str) -> Iterator[str]:
    if same is None:
        return
    yield title if same.read is None else f"{title}, {same.read:,} tokens"
    first = next(iter(same.texts))
    for way in same.texts:
        tokens = same.reused[way]
        reused = "" if tokens is None else f", {tokens:,} tokens reused"
        text = "the text" if way == first else "ANOTHER TEXT" if way in same.differing else "the same text"
        yield f"  {way + reused:<42} {text}"
    if same.plain_asked:
        yield f"  {'plain llama-cpp-python':<42} {_of_plain(same)}"


def _of_plain(same: Repeatability) -> str:
    if same.plain_differs_at is None:
        return "the same text"
    at = f"another text from token {same.plain_differs_at} on"
    if same.plain_in_our_cuts is None:
        return at
    return f"{at}; {'the same' if same.plain_in_our_cuts else 'not the same'} with promptlab's prefill batches"


def _together(figures: Concurrency | None) -> Iterator[str]:
    if figures is None:
        return
    gain = figures.at_once / figures.one_by_one if figures.one_by_one else 0.0
    yield f"{figures.prompts} short prompts with several answers decoded at once; the above was in the exact mode"
    yield f"  one by one     {figures.one_by_one:,.1f} tokens/s written"
    yield f"  all at once    {figures.at_once:,.1f} tokens/s written, {gain:.2f} times that"
    share = f"{100 * figures.share_differing:.0f} %"
    yield f"  texts that differ from those of the exact mode: {figures.differing} of {figures.prompts} ({share})"


def _missing(missing: Sequence[Missing]) -> Iterator[str]:
    if missing:
        yield "could not be measured"
    for figure in missing:
        yield f"  {figure.what}: {figure.why}"


def _median_of(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"the median of {count} {what}s"


def _per_second(rate: float | None, unit: str = " tokens/s") -> str:
    return "not known, too few tokens were written" if rate is None else f"{rate:,.1f}{unit}"


def _ratio(ratios: Sequence[float]) -> str:
    if len(ratios) < 2:
        return "".join(f", ratio {ratio:.2f}" for ratio in ratios)
    return f", ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), round by round"


__all__ = ["benchmark_lines"]

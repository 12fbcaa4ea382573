"""The figures of a local model that was tried: what they are, how they are computed, and how they read in plain lines.

    lines(Report(facts, speed, sameness))   # ["smollm2-135m: SmolLM2-135M-Instruct.Q4_1.gguf, 99 MB, …", …]

Nothing here asks a model; model_check.py does.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptlab.types import Completion


@dataclass(frozen=True, slots=True)
class Facts:
    """What was opened. `window` is in tokens, `file_bytes` and `memory_bytes` in bytes; `memory_bytes` is what resident
    memory grew by when the model was loaded, child processes included, and None where the system does not say;
    `expected_bytes` is what was reckoned with before it was loaded."""

    name: str
    file: str
    file_bytes: int
    window: int | None
    chat_template: str
    device: str
    threads: int
    memory_bytes: int | None
    expected_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens a second, reading and writing. Writing is None where fewer than two tokens were written."""

    reading: float
    writing: float | None


@dataclass(frozen=True, slots=True)
class Speed:
    """The middle of `rounds` rounds, the two taking turns. `read` and `written` are tokens of the last round. `plain`
    is llama-cpp-python by itself with the same tokens and settings, None where it could not be asked, for the reason in
    `without_plain`. Ratios are promptlab's tokens a second over that, one for each round."""

    read: int
    written: int
    rounds: int
    promptlab: Rate
    plain: Rate | None = None
    reading_ratios: tuple[float, ...] = ()
    writing_ratios: tuple[float, ...] = ()
    without_plain: str = ""


@dataclass(frozen=True, slots=True)
class Sameness:
    """One request asked again and again at temperature 0. `texts` has each answer by how it was asked, `reused` how
    many tokens were found already read; `differing` are the ways whose text is not that of the first.

    `plain_differs_at` is the number, from 1, of the first token at which plain llama-cpp-python writes another text,
    None where it writes the same; `plain_in_our_cuts` is whether it writes promptlab's text once it reads in
    promptlab's groups. Both are None where it was not asked.
    """

    texts: Mapping[str, str]
    reused: Mapping[str, int | None]
    differing: tuple[str, ...]
    plain_asked: bool = False
    plain_differs_at: int | None = None
    plain_in_our_cuts: bool | None = None
    read: int | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """`prompts` short prompts, one after the other and all at once: tokens written a second each way, by the clock, and
    how many of the texts written at once are not those of the exact mode."""

    prompts: int
    one_by_one: float
    at_once: float
    differing: int

    @property
    def share_differing(self) -> float:
        """From 0 to 1."""
        return self.differing / self.prompts


@dataclass(frozen=True, slots=True)
class Missing:
    """A figure that could not be had, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything. `together` is None for a model that writes one answer at a time, and `behind_window`, the same
    request again behind a text longer than a sliding window, for one without. Why else a figure is None is in
    `missing`."""

    facts: Facts
    speed: Speed | None
    sameness: Sameness | None
    together: Together | None = None
    behind_window: Sameness | None = None
    missing: tuple[Missing, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it was tried that the same request always gets the same text, and it did."""
        tried = [one for one in (self.sameness, self.behind_window) if one]
        return self.sameness is not None and not any(one.differing for one in tried)


def rate_of(done: Completion) -> Rate:
    """Tokens a second of one answer."""
    seconds = done.timings.first_token or done.timings.total
    return Rate(
        (done.usage.read or 0) / seconds if seconds else 0.0, done.timings.tokens_per_second(done.usage.written)
    )


def rate_of_times(read: int, seconds: Sequence[float]) -> Rate:
    """The same of the times at which plain llama-cpp-python had each token."""
    first, last = (seconds[0], seconds[-1]) if seconds else (0.0, 0.0)
    return Rate(read / first if first else 0.0, (len(seconds) - 1) / (last - first) if last > first else None)


def speed_of(read: int, written: int, ours: Sequence[Rate], plain: Sequence[Rate], without_plain: str = "") -> Speed:
    """The middle of the rounds, and of their ratios."""
    return Speed(
        *(read, written, len(ours), _middle(ours)),
        plain=_middle(plain) if plain else None,
        reading_ratios=tuple(a.reading / b.reading for a, b in zip(ours, plain, strict=False) if b.reading),
        writing_ratios=tuple(
            a.writing / b.writing for a, b in zip(ours, plain, strict=False) if a.writing and b.writing
        ),
        without_plain=without_plain,
    )


def _middle(rates: Sequence[Rate]) -> Rate:
    reading = _median([one.reading for one in rates])
    return Rate(reading or 0.0, _median([one.writing for one in rates if one.writing is not None]))


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def first_difference(text: str, grown: Sequence[str]) -> int | None:
    """The number, from 1, of the first token after which `grown`, a text as it grew, departs from `text`."""
    for number, so_far in enumerate(grown, 1):
        if not text.startswith(so_far):
            return number
    return None if (grown[-1] if grown else "") == text else len(grown) + 1


def sameness_of(
    answers: Mapping[str, Completion],
    grown: Sequence[str] | None = None,
    in_our_cuts: str | None = None,
    *,
    read: int | None = None,
) -> Sameness:
    """What `answers`, by how they were asked, and plain llama-cpp-python's texts say."""
    texts = {way: done.text for way, done in answers.items()}
    first = next(iter(texts.values()))
    return Sameness(
        texts=texts,
        reused={way: done.usage.reused for way, done in answers.items()},
        differing=tuple(way for way, text in texts.items() if text != first),
        plain_asked=grown is not None,
        plain_differs_at=None if grown is None else first_difference(first, grown),
        plain_in_our_cuts=None if in_our_cuts is None else in_our_cuts == first,
        read=read,
    )


# In words


def lines(report: Report) -> list[str]:
    """The report for people."""
    return [
        *_facts(report.facts),
        *_speed(report.speed),
        *_sameness(report.sameness, "the same request again, at temperature 0"),
        *_sameness(report.behind_window, "the same behind a text longer than its sliding window"),
        *_together(report.together),
        *_missing(report.missing),
    ]


def _facts(facts: Facts) -> Iterator[str]:
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


def _speed(speed: Speed | None) -> Iterator[str]:
    if speed is None:
        return
    yield f"speed, {speed.read:,} tokens read and {speed.written} written, {_times(speed.rounds, 'round')}"
    reading = f"{speed.promptlab.reading:,.0f} tokens/s"
    writing = _per_second(speed.promptlab.writing)
    if speed.plain is not None:
        reading += f"; plain llama-cpp-python {speed.plain.reading:,.0f}{_ratio(speed.reading_ratios)}"
        writing += f"; plain llama-cpp-python {_per_second(speed.plain.writing, '')}{_ratio(speed.writing_ratios)}"
    yield f"  reading        {reading}"
    yield f"  writing        {writing}"
    if speed.without_plain:
        yield f"  not compared with plain llama-cpp-python: {speed.without_plain}"


def _sameness(same: Sameness | None, title: str) -> Iterator[str]:
    if same is None:
        return
    yield title if same.read is None else f"{title}, {same.read:,} tokens"
    first = next(iter(same.texts))
    for way in same.texts:
        found = same.reused[way]
        reused = "" if found is None else f", {found:,} tokens reused"
        text = "the text" if way == first else "ANOTHER TEXT" if way in same.differing else "the same text"
        yield f"  {way + reused:<42} {text}"
    if same.plain_asked:
        yield f"  {'plain llama-cpp-python':<42} {_of_plain(same)}"


def _of_plain(same: Sameness) -> str:
    if same.plain_differs_at is None:
        return "the same text"
    at = f"another text from token {same.plain_differs_at} on"
    if same.plain_in_our_cuts is None:
        return at
    return f"{at}; {'the same' if same.plain_in_our_cuts else 'not the same'} when it reads in promptlab's groups"


def _together(figures: Together | None) -> Iterator[str]:
    if figures is None:
        return
    gain = figures.at_once / figures.one_by_one if figures.one_by_one else 0.0
    yield f"{figures.prompts} short prompts where several are written at once; the above was in the exact mode"
    yield f"  one by one     {figures.one_by_one:,.1f} tokens/s written"
    yield f"  all at once    {figures.at_once:,.1f} tokens/s written, {gain:.2f} times that"
    share = f"{100 * figures.share_differing:.0f} %"
    yield f"  texts that are not those of the exact mode: {figures.differing} of {figures.prompts} ({share})"


def _missing(missing: Sequence[Missing]) -> Iterator[str]:
    if missing:
        yield "could not be tried"
    for one in missing:
        yield f"  {one.what}: {one.why}"


def _times(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"the middle of {count} {what}s"


def _per_second(rate: float | None, unit: str = " tokens/s") -> str:
    return "not known, too few were written" if rate is None else f"{rate:,.1f}{unit}"


def _ratio(ratios: Sequence[float]) -> str:
    if len(ratios) < 2:
        return "".join(f", ratio {ratio:.2f}" for ratio in ratios)
    return f", ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), round by round"


__all__ = [
    "Facts",
    "Missing",
    "Rate",
    "Report",
    "Sameness",
    "Speed",
    "Together",
    "first_difference",
    "lines",
    "rate_of",
    "rate_of_times",
    "sameness_of",
    "speed_of",
]

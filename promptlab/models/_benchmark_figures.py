"""The figures of a benchmark, and how they are computed. Nothing here asks a model.

    rate_of(completion)                          # Rate(reading=320.0, writing=31.7), in tokens a second
    speed_of(320, 64, ours, plain)               # the median of the rounds, and the ratio of each round
    repeatability_of({"cold": a, "again": b})    # which answers differ from the first

`promptlab models check --json` prints a `Report` with these field names.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promptlab.models._measured import LoadedMemory
from promptlab.types import Completion


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The model that was opened. `window` is in tokens. `memory_bytes` is how much resident memory grew when the model
    was loaded, with child processes; None if the system does not say. `expected_bytes` is the estimate before
    loading."""

    name: str
    file: str
    file_bytes: int
    window: int | None
    chat_template: str
    device: str
    threads: int
    memory_bytes: int | None
    expected_bytes: int | None = None
    loaded: LoadedMemory | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens a second in prefill (`reading`) and in decoding (`writing`); None if fewer than two tokens were
    decoded."""

    reading: float
    writing: float | None


@dataclass(frozen=True, slots=True)
class Speed:
    """The median of `rounds` rounds, in which promptlab and plain llama-cpp-python take turns. `read` and `written` are
    the tokens of the last round. `plain` is llama-cpp-python by itself with the same tokens and settings. If it could
    not be asked, `plain` is None and `without_plain` has the reason. A ratio is promptlab's rate divided by the plain
    one, one for each round."""

    read: int
    written: int
    rounds: int
    promptlab: Rate
    plain: Rate | None = None
    reading_ratios: tuple[float, ...] = ()
    writing_ratios: tuple[float, ...] = ()
    without_plain: str = ""


@dataclass(frozen=True, slots=True)
class Repeatability:
    """One request asked several times at temperature 0. `texts` has the answer of each way of asking, `reused` the
    tokens that the prefix cache had, and `differing` names the ways whose text is not that of the first.

    `plain_differs_at` is the number, from 1, of the first token at which plain llama-cpp-python writes another text;
    None if it writes the same. `plain_in_our_cuts` is True if it writes promptlab's text when its prefill is cut into
    the same batches as promptlab's. Both are None if it was not asked.
    """

    texts: Mapping[str, str]
    reused: Mapping[str, int | None]
    differing: tuple[str, ...]
    plain_asked: bool = False
    plain_differs_at: int | None = None
    plain_in_our_cuts: bool | None = None
    read: int | None = None


@dataclass(frozen=True, slots=True)
class Concurrency:
    """`prompts` short prompts, one by one and all at once: decoded tokens a second each way, by the clock, and how many
    of the texts written at once differ from those of the exact mode."""

    prompts: int
    one_by_one: float
    at_once: float
    differing: int

    @property
    def share_differing(self) -> float:
        """The part of the texts that differ, from 0 to 1."""
        return self.differing / self.prompts


@dataclass(frozen=True, slots=True)
class Missing:
    """A figure that could not be measured, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of a benchmark. `together` is None for a model that decodes one answer at a time. `behind_window` is
    `sameness` again, behind a text longer than the sliding window; None for a model without one. If a figure is None
    for any other reason, `missing` says why."""

    facts: ModelFacts
    speed: Speed | None
    sameness: Repeatability | None
    together: Concurrency | None = None
    behind_window: Repeatability | None = None
    missing: tuple[Missing, ...] = ()

    @property
    def ok(self) -> bool:
        """True if the same request got the same text each time. False if that could not be tried."""
        tried = [result for result in (self.sameness, self.behind_window) if result]
        return self.sameness is not None and not any(result.differing for result in tried)


def rate_of(done: Completion) -> Rate:
    """The rates of one answer."""
    seconds = done.timings.first_token or done.timings.total
    return Rate(
        (done.usage.read or 0) / seconds if seconds else 0.0, done.timings.tokens_per_second(done.usage.written)
    )


def rate_of_times(read: int, seconds: Sequence[float]) -> Rate:
    """The rates of plain llama-cpp-python, by the times at which it had each token."""
    first, last = (seconds[0], seconds[-1]) if seconds else (0.0, 0.0)
    return Rate(read / first if first else 0.0, (len(seconds) - 1) / (last - first) if last > first else None)


def speed_of(read: int, written: int, ours: Sequence[Rate], plain: Sequence[Rate], without_plain: str = "") -> Speed:
    """The median rates of all rounds, and the ratios of each."""
    return Speed(
        *(read, written, len(ours), _median_rate(ours)),
        plain=_median_rate(plain) if plain else None,
        reading_ratios=tuple(a.reading / b.reading for a, b in zip(ours, plain, strict=False) if b.reading),
        writing_ratios=tuple(
            a.writing / b.writing for a, b in zip(ours, plain, strict=False) if a.writing and b.writing
        ),
        without_plain=without_plain,
    )


def _median_rate(rates: Sequence[Rate]) -> Rate:
    reading = _median([rate.reading for rate in rates])
    return Rate(reading or 0.0, _median([rate.writing for rate in rates if rate.writing is not None]))


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def first_difference(text: str, grown: Sequence[str]) -> int | None:
    """The number, from 1, of the first token after which a text differs from `text`; None if it never does. `grown` has
    the other text after each of its tokens."""
    for number, so_far in enumerate(grown, 1):
        if not text.startswith(so_far):
            return number
    return None if (grown[-1] if grown else "") == text else len(grown) + 1


def repeatability_of(
    answers: Mapping[str, Completion],
    grown: Sequence[str] | None = None,
    in_our_cuts: str | None = None,
    *,
    read: int | None = None,
) -> Repeatability:
    """Compare `answers`, by the way of asking, with the first of them and with plain llama-cpp-python's: `grown` is its
    text after each token, `in_our_cuts` its text with promptlab's prefill batches."""
    texts = {way: done.text for way, done in answers.items()}
    first = next(iter(texts.values()))
    return Repeatability(
        texts=texts,
        reused={way: done.usage.reused for way, done in answers.items()},
        differing=tuple(way for way, text in texts.items() if text != first),
        plain_asked=grown is not None,
        plain_differs_at=None if grown is None else first_difference(first, grown),
        plain_in_our_cuts=None if in_our_cuts is None else in_our_cuts == first,
        read=read,
    )


__all__ = [
    "Concurrency",
    "Missing",
    "ModelFacts",
    "Rate",
    "Repeatability",
    "Report",
    "Speed",
    "first_difference",
    "rate_of",
    "rate_of_times",
    "repeatability_of",
    "speed_of",
]

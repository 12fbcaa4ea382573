"""A sizing as lines of text. GB are 10^9 bytes, and GiB 2^30 bytes."""

from __future__ import annotations

from collections.abc import Iterator

from promptlab.models import LOCAL_OVERHEAD, MemoryNeed
from promptlab.sizing._fit import DRIVER, MOST_CARDS, Fit
from promptlab.sizing._size import Sizing, TypeSize
from promptlab.sizing._speed import Speed
from promptlab.sizing._training import TrainingMemory


def gigabytes(count: int) -> str:
    """Bytes as GB of 10^9 bytes, or MB: `137.96 GB`."""
    if count >= 10_000_000_000:
        return f"{count / 1e9:,.2f} GB"
    return f"{count / 1e9:.3f} GB" if count >= 1_000_000_000 else f"{count / 1e6:,.1f} MB"


def gibibytes(count: int) -> str:
    """Bytes as GiB of 2^30 bytes, or MiB."""
    return f"{count / (1 << 30):,.2f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):,.1f} MiB"


def parts_of_need(need: MemoryNeed) -> list[tuple[str, int]]:
    """The parts of the memory by name, without those that are empty. They add up to `need.total`."""
    parts = [
        ("weights", need.weights),
        ("weights stored twice", need.repacked),
        ("adapters", need.adapters),
        ("KV cache", need.cache),
        ("compute buffers with the logits", need.compute),
        ("output", need.output),
        ("vocabulary and libraries, about", LOCAL_OVERHEAD),
    ]
    return [(name, count) for name, count in parts if count]


def sizing_lines(sizing: Sizing) -> list[str]:
    """The whole answer."""
    return [
        *_head(sizing),
        "",
        *_need(sizing),
        "",
        *_fits("This machine", sizing.here, sizing.wanted.parallel),
        *_fits("Cards", sizing.fits, sizing.wanted.parallel),
        "",
        *_types(sizing.types),
        "",
        *_speed(sizing),
        *_training(sizing.training),
        *[f"note: {note}" for note in sizing.notes],
    ]


def _head(sizing: Sizing) -> Iterator[str]:
    wanted = sizing.wanted
    kind = f" at {sizing.file_type}" if sizing.file_type else ""
    yield f"{sizing.title}{kind}: {sizing.parameters:,} parameters, {sizing.layers} layers ({sizing.architecture})"
    texts = "one text" if wanted.parallel == 1 else f"each of {wanted.parallel} texts"
    yield (
        f"context of {wanted.context:,} tokens for {texts}, KV cache in {wanted.kv_type}, "
        f"{wanted.batch} tokens read at once; trained with {sizing.longest:,}"
    )


def _need(sizing: Sizing) -> Iterator[str]:
    formula = dict(parts_of_need(sizing.formula)) if sizing.formula and sizing.by == "llama.cpp" else {}
    beside = "  by formula" if formula else ""
    yield f"Memory, by {sizing.by}{' (nothing was loaded)' if formula else ''}{beside}"
    for name, count in parts_of_need(sizing.need):
        other = f"  {gigabytes(formula[name]):>12}" if name in formula and "about" not in name else ""
        yield f"  {name:32} {gigabytes(count):>12}  {gibibytes(count):>12}{other}"
    total = f"  {gigabytes(sizing.formula.total):>12}" if formula and sizing.formula else ""
    yield f"  {'total':32} {gigabytes(sizing.need.total):>12}  {gibibytes(sizing.need.total):>12}{total}"


def fit_words(fit: Fit) -> str:
    """Whether it fits, in words: `2 are enough`."""
    if fit.count is None:
        return f"more than {MOST_CARDS} would be needed" if fit.on_card else f"does not fit: it takes {gigabytes(fit.needs)}"
    left = f"{gigabytes(fit.left)} left"
    only_just = "only just " if fit.is_close else ""
    if not fit.on_card:
        return f"{only_just}fits, {left}"
    if fit.count == 1:
        return f"one is {only_just}enough, {left}"
    return f"one is not enough, {fit.count} {only_just}are, {left} on each"


def _fits(title: str, fits: tuple[Fit, ...], texts: int) -> Iterator[str]:
    if not fits:
        return
    driver = f", {gigabytes(DRIVER)} of each for the driver" if any(fit.on_card for fit in fits) else ""
    each = " of each text" if texts > 1 else ""
    yield f"{title} (largest context{each} and file type on one{driver})"
    for fit in fits:
        context = f"{fit.largest_context:,} tokens" if fit.largest_context else "no context"
        kind = fit.largest_type or "no file type"
        yield f"  {fit.name:32} {gigabytes(fit.each):>12}  {fit_words(fit):48} {context:>16}  {kind}"


def _types(types: tuple[TypeSize, ...]) -> Iterator[str]:
    exact = all(each.exact for each in types)
    how = "by llama.cpp" if exact else "estimated where it says about"
    yield f"File types, weights only ({how}; made from the original weights)"
    for each in types:
        about = "" if each.exact else "about "
        matrix = "  needs an importance matrix" if each.matrix else ""
        yield f"  {each.name:32} {about + gigabytes(each.bytes):>18}  {each.bits:5.2f} bits a parameter{matrix}"


def _speed(sizing: Sizing) -> Iterator[str]:
    yield (
        f"Speed of writing, at most: {gigabytes(sizing.speeds[0].read)} of weights and KV cache are read for a token "
        "of a full context, so memory bandwidth bounds it"
    )
    for speed in sizing.speeds:
        yield f"  {speed.device:32} {speed_words(speed):>36}  with {speed.bandwidth / 1e9:,.0f} GB/s{_measured(speed)}"
    known = {speed.device for speed in sizing.speeds}
    for fit in sizing.fits:
        if fit.name not in known:
            yield f"  {fit.name:32} {'not known without its bandwidth':>36}"
    yield "  Reading a prompt uses each weight for many tokens at once; that is bound by computing."


def speed_words(speed: Speed) -> str:
    """Tokens a second that are possible: with a full context, and while the texts are short."""
    if speed.count is None:
        return "it does not fit"
    slow, fast = _rate(speed.full), _rate(speed.most)
    rate = f"{fast} tokens/s" if slow == fast else f"{slow} to {fast} tokens/s"
    return rate if speed.count == 1 else f"{rate} on {speed.count} in turn"


def _rate(rate: float) -> str:
    return f"{rate:,.1f}" if rate < 100 else f"{rate:,.0f}"


def _measured(speed: Speed) -> str:
    return f"; measured {speed.measured:,.1f} tokens/s, bound by {speed.bound}" if speed.measured is not None else ""


def _training(training: TrainingMemory | None) -> Iterator[str]:
    if training is None:
        return
    way = {"full": "all weights", "lora": f"LoRA of rank {training.rank}", "qlora": f"QLoRA of rank {training.rank}"}
    yield ""
    yield f"Training, {way[training.way]}, one text of {training.tokens:,} tokens at a time (estimated)"
    parts = (
        ("frozen weights", training.weights),
        (f"{training.trained:,} trained parameters", training.states),
        ("activations and logits", training.activations),
        ("runtime", training.runtime),
        ("total", training.total),
    )
    for name, count in parts:
        if count:
            yield f"  {name:32} {gigabytes(count):>12}"


__all__ = ["fit_words", "gibibytes", "gigabytes", "parts_of_need", "sizing_lines", "speed_words"]

"""A sizing as lines of text. GB are 10^9 bytes, and GiB 2^30 bytes."""

from __future__ import annotations

from collections.abc import Iterator

from promptlab.models import LOCAL_OVERHEAD, MemoryNeed
from promptlab.sizing._fit import DRIVER, MOST_CARDS, Fit
from promptlab.sizing._laid_out import TypeSize
from promptlab.sizing._size import Sizing
from promptlab.sizing._speed import Speed
from promptlab.sizing._training import TrainingMemory


def gigabytes(count: int) -> str:
    """Bytes as GB of 10^9 bytes, MB or kB: `137.96 GB`."""
    if count >= 10_000_000_000:
        return f"{count / 1e9:,.2f} GB"
    if count >= 1_000_000_000:
        return f"{count / 1e9:.3f} GB"
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count / 1e3:,.1f} kB"


def gibibytes(count: int) -> str:
    """Bytes as GiB of 2^30 bytes, or MiB."""
    if count >= 1 << 30:
        return f"{count / (1 << 30):,.2f} GiB"
    return f"{count / (1 << 20):,.1f} MiB" if count >= 100_000 else f"{count / (1 << 10):,.1f} KiB"


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
        *_training(sizing),
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
        return (
            f"more than {MOST_CARDS} would be needed"
            if fit.on_card
            else f"does not fit: it takes {gigabytes(fit.needs)}"
        )
    left = f"{gigabytes(fit.left)} left"
    only_just = "only just " if fit.is_close else ""
    if not fit.on_card:
        return f"{only_just}fits, {left}"
    if fit.count == 1:
        return f"one is {only_just}enough, {left}"
    but = "but only just: " if fit.is_close else ""
    return f"one is not enough, {fit.count} are, {but}{left} on each"


def _fits(title: str, fits: tuple[Fit, ...], texts: int) -> Iterator[str]:
    if not fits:
        return
    driver = f", {gigabytes(DRIVER)} of each for the driver" if any(fit.on_card for fit in fits) else ""
    each = " of each text" if texts > 1 else ""
    yield f"{title} (largest context{each} and file type on one{driver})"
    for fit in fits:
        context = f"{fit.largest_context:,} tokens" if fit.largest_context else "no context"
        kind = fit.largest_type or "no file type"
        yield f"  {fit.name:32} {gigabytes(fit.each):>12}  {fit_words(fit):60} {context:>16}  {kind}"


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


def _training(sizing: Sizing) -> Iterator[str]:
    for training in sizing.training:
        yield ""
        yield f"{training_title(training)} (estimated)"
        for name, count in parts_of_training(training):
            yield f"  {name:32} {gigabytes(count):>12}"
        yield f"  {training_fits(sizing, training)}"


def training_title(training: TrainingMemory) -> str:
    """How it is trained, in words."""
    rank = f" of rank {training.rank}" if training.rank else ""
    way = {"full": "all weights", "lora": "LoRA", "qlora": "QLoRA"}[training.way] + rank
    if training.here:
        return f"Training here by promptlab finetune, {way}, {training.tokens:,} tokens at a time in 32 bits"
    return f"Training on one card, {way}, one text of {training.tokens:,} tokens at a time with checkpointing"


def parts_of_training(training: TrainingMemory) -> list[tuple[str, int]]:
    """The parts of the memory of training by name, with the total; without those that are empty."""
    parts = (
        ("frozen weights", training.weights),
        (f"{training.trained:,} trained parameters", training.states),
        ("activations and logits", training.activations),
        ("libraries", training.runtime),
        ("total", training.total),
    )
    return [(name, count) for name, count in parts if count]


def training_fits(sizing: Sizing, training: TrainingMemory) -> str:
    """Where the training fits, in words."""
    if training.here:
        memory = next((fit for fit in sizing.here if not fit.on_card), None)
        if memory is None:
            return "how much memory is free here is not known"
        return f"{'fits' if training.total <= memory.each else 'does not fit'}: {gigabytes(memory.each)} are free here"
    if not any(fit.on_card for fit in (*sizing.here, *sizing.fits)):
        return "no card was named"
    places = [fit.name for fit in (*sizing.here, *sizing.fits) if fit.on_card and training.total + DRIVER <= fit.each]
    return f"fits on one of {', '.join(places)}" if places else "fits on none of these cards"


__all__ = [
    "fit_words",
    "gibibytes",
    "gigabytes",
    "parts_of_need",
    "parts_of_training",
    "sizing_lines",
    "speed_words",
    "training_fits",
    "training_title",
]

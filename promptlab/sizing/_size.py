"""How much memory a model takes, where it fits, and how fast it can be.

    sizing = size("Llama-2-70b", gpus=["A100 80GB"])
    sizing.need.weights          # 137_955_934_208
    sizing.fits[0].count         # 2

The figures are llama.cpp's own where it is installed; formulas stand beside them, and in their place where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from promptlab.models import Catalogue, MemoryNeed
from promptlab.sizing._devices import Device, Machine, device, this_machine
from promptlab.sizing._file_types import file_type
from promptlab.sizing._fit import Candidate, Fit, fit_cards, fit_memory
from promptlab.sizing._laid_out import Asked, LaidOut, TypeSize, lay_out, parameters_in
from promptlab.sizing._notes import notes_on, own_type
from promptlab.sizing._source import Source, source_of
from promptlab.sizing._speed import Speed, memory_bandwidth, speed_on
from promptlab.sizing._training import TrainingMemory, training_here, training_memory
from promptlab.sizing._wanted import Wanted


@dataclass(frozen=True, slots=True)
class Sizing:
    """A model's memory. `need` is the answer and `by` who gave it; `formula` stands beside it (None if a size is not
    known). `longest` is the context it was trained with. `types` are its file types by size, `file_type` is the one
    that is sized. `fits` has the cards that were asked about, `here` this machine, `training` the memory of training if
    that was asked."""

    title: str
    kind: str
    architecture: str
    parameters: int
    layers: int
    longest: int
    wanted: Wanted
    need: MemoryNeed
    by: str
    formula: MemoryNeed | None
    file_type: str | None
    types: tuple[TypeSize, ...]
    fits: tuple[Fit, ...]
    here: tuple[Fit, ...]
    machine: Machine
    training: tuple[TrainingMemory, ...]
    speeds: tuple[Speed, ...]
    notes: tuple[str, ...]


def size(
    target: str,
    catalogue: Catalogue | None = None,
    *,
    asked: Asked | None = None,
    machine: Callable[[], Machine] = this_machine,
    measured: float | None = None,
) -> Sizing:
    """The memory of `target`: a model of `catalogue`, a GGUF file, its address, a family by name, or a config.json.
    `measured` are the tokens a second of the model on this machine, if that is known.

    Raises:
        InputError: the target, or something of what is asked, cannot be used; says why.
        ModelNotReady: a model of the catalogue is no local one, or has no file.
        EngineFailed: llama.cpp refuses the file.
    """
    what = asked or Asked()
    cards = [device(name) for name in what.gpus]
    chosen = file_type(what.quant).name if what.quant else None
    source = source_of(target, catalogue)
    laid_out = lay_out(source, what, catalogue, chosen)
    found = machine()
    fits, here = tuple(fit_cards(laid_out.candidate, card) for card in cards), _here(laid_out.candidate, found)
    return _sizing(
        laid_out,
        fits=fits,
        here=here,
        machine=found,
        training=_training(what, source),
        speeds=_speeds(laid_out, fits, here, None if chosen else measured),
        notes=(*laid_out.notes, *notes_on(source, laid_out.wanted, laid_out.longest, laid_out.need, chosen)),
    )


def _sizing(
    laid_out: LaidOut,
    *,
    fits: tuple[Fit, ...],
    here: tuple[Fit, ...],
    machine: Machine,
    training: tuple[TrainingMemory, ...],
    speeds: tuple[Speed, ...],
    notes: tuple[str, ...],
) -> Sizing:
    source = laid_out.source
    return Sizing(
        title=source.title,
        kind=source.kind,
        architecture=source.heads[0].architecture,
        parameters=parameters_in(source),
        layers=laid_out.candidate.layers,
        longest=laid_out.longest,
        wanted=laid_out.wanted,
        need=laid_out.need,
        by="llama.cpp" if laid_out.planned else "formulas",
        formula=laid_out.formula,
        file_type=laid_out.chosen or own_type(source),
        types=laid_out.types,
        fits=fits,
        here=here,
        machine=machine,
        training=training,
        speeds=speeds,
        notes=notes,
    )


def _here(model: Candidate, machine: Machine) -> tuple[Fit, ...]:
    fits = [fit_cards(model, Device(f"{card.name}, free now", card.free, card.bandwidth)) for card in machine.cards]
    if machine.free is not None:
        fits.insert(0, fit_memory(model, "free on this machine", machine.free))
    return tuple(fits)


def _training(what: Asked, source: Source) -> tuple[TrainingMemory, ...]:
    """The memory of training on cards, and of `promptlab finetune` if that can train the model."""
    if what.train is None:
        return ()
    extra: Mapping[str, int] = {"rank": what.rank} if what.rank is not None else {}
    tokens = {"tokens": what.context} if what.context is not None else {}
    here = training_here(source.heads, **tokens, **extra) if what.train == "lora" else None
    return (training_memory(source.heads, what.train, **tokens, **extra), *([here] if here else []))


def _speeds(laid_out: LaidOut, fits: Sequence[Fit], here: Sequence[Fit], measured: float | None) -> tuple[Speed, ...]:
    heads, need, texts = laid_out.source.heads, laid_out.need, laid_out.wanted.parallel
    memory = next((fit for fit in here if not fit.on_card), None)
    own = speed_on(
        *(heads, need, texts, "this machine", memory_bandwidth()),
        count=memory.count if memory else 1,
        measured=measured,
    )
    cards = [fit for fit in (*here, *fits) if fit.on_card and fit.bandwidth]
    on_cards = [speed_on(heads, need, texts, fit.name, fit.bandwidth or 0, count=fit.count) for fit in cards]
    return (own, *on_cards)


__all__ = ["Sizing", "size"]

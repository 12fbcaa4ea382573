"""How much memory a model takes, where it fits, and how fast it can be.

    sizing = size("Llama-2-70b", gpus=["A100 80GB"])
    sizing.need.weights          # 137_955_934_208
    sizing.fits[0].count         # 2

The figures are llama.cpp's own where it is installed; formulas stand beside them, and in their place where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from promptlab.errors import InputError, ModelNotReady
from promptlab.models import Catalogue, MemoryNeed, Planned, PlanRequest, plan_memory
from promptlab.sizing._devices import Device, Machine, device, this_machine
from promptlab.sizing._file_types import BY_NAME, FILE_TYPES, file_type, quantised_by_rule
from promptlab.sizing._fit import Candidate, Fit, fit_cards, fit_memory
from promptlab.sizing._formula import need_by_formula, number
from promptlab.sizing._notes import notes_on, own_type
from promptlab.sizing._source import Source, source_of
from promptlab.sizing._speed import Speed, memory_bandwidth, speed_on
from promptlab.sizing._training import TrainingMemory, training_here, training_memory
from promptlab.sizing._wanted import BATCH, Wanted

USUAL_CONTEXT = 8_192
USUAL_CARDS = ("T4", "RTX 4060 Ti", "RTX 4090", "L40S", "A100 80GB", "H200")
MOST_LAID_OUT = 1 << 21
"""Cells. A longer context is reckoned from shorter ones: laying it out takes memory itself."""
REPACKED = frozenset({"Q4_0", "Q4_1", "Q8_0", "Q2_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS", "IQ4_NL"})
"""Number types that some processors store twice."""


@dataclass(frozen=True, slots=True)
class TypeSize:
    """The weights of the model in a file type: `bytes`, and bits a parameter. `exact` by llama.cpp's own rules, else
    estimated. `matrix` says that it needs an importance matrix."""

    name: str
    bytes: int
    bits: float
    exact: bool
    matrix: bool


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


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about a model, beside the model: see `size`."""

    context: int | None = None
    parallel: int = 1
    kv_type: str = "f16"
    quant: str | None = None
    gpus: Sequence[str] = USUAL_CARDS
    train: str | None = None
    whole_context: bool = True
    rank: int | None = None


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
    longest = number(source.heads[0], "context_length", USUAL_CONTEXT) or USUAL_CONTEXT
    own = catalogue.plan_request(target) if catalogue is not None and source.entry is not None else None
    wanted = _wanted(what, source, own, longest)
    formula, notes = _formula(source, wanted, own)
    planned, why = _planned(source, wanted, own, longest)
    if formula and planned:  # the processor stores some weights twice, which no formula knows
        formula = replace(formula, repacked=planned.need.repacked)
    need = planned.need if planned else formula
    if need is None:
        raise ModelNotReady(f"{source.title} cannot be sized by formulas: {notes[0]}", hint=why)
    types = _types(source, planned)
    if chosen:
        need = _in_type(need, chosen, next(each.bytes for each in types if each.name == chosen))
        formula = formula and replace(formula, weights=need.weights, repacked=need.repacked)
    laid_out = _LaidOut(source, wanted, longest, need, formula, planned, types, chosen)
    found = machine()
    fits, here = tuple(fit_cards(laid_out.candidate, card) for card in cards), _here(laid_out.candidate, found)
    return _sizing(
        laid_out,
        fits=fits,
        here=here,
        machine=found,
        training=_training(what, source, wanted),
        speeds=_speeds(laid_out, fits, here, None if chosen else measured),
        notes=(*notes, *([why] if why else []), *notes_on(source, wanted, longest, need, chosen)),
    )


@dataclass(frozen=True, slots=True)
class _LaidOut:
    """A model with its memory, before it is placed."""

    source: Source
    wanted: Wanted
    longest: int
    need: MemoryNeed
    formula: MemoryNeed | None
    planned: Planned | None
    types: tuple[TypeSize, ...]
    chosen: str | None

    @property
    def candidate(self) -> Candidate:
        """The model as it is placed on cards and in memory."""
        return Candidate(
            self.need,
            _need_of(self.source, self.wanted, self.need, self.formula, self.planned, self.longest),
            max(1, number(self.source.heads[0], "block_count")),
            max(self.longest, self.wanted.context),
            {each.name: each.bytes for each in self.types if each.name != "F32"},
            _apart(self.source),
        )


def _sizing(
    laid_out: _LaidOut,
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
        parameters=_parameters(source),
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


def _wanted(what: Asked, source: Source, own: PlanRequest | None, longest: int) -> Wanted:
    quantised = what.kv_type not in ("f32", "f16", "bf16")
    if own is None or source.entry is None:
        context = what.context if what.context is not None else min(USUAL_CONTEXT, longest)
        return Wanted(context, what.parallel, what.kv_type, what.whole_context)
    window = min(source.entry.n_ctx, longest)
    context = what.context if what.context is not None else window
    flash = own.flash_attn is not False or quantised
    if what.parallel != 1:
        return Wanted(context, what.parallel, what.kv_type, what.whole_context, _batch(own), flash)
    return Wanted(
        *(context, 1, what.kv_type, what.whole_context, _batch(own), flash),
        room=max(0, own.cells - window),
        own_sequences=own.sequences,
    )


def _batch(own: PlanRequest) -> int:
    return own.batch or BATCH // 2  # what the loader reads at once on a processor


def _formula(source: Source, wanted: Wanted, own: PlanRequest | None) -> tuple[MemoryNeed | None, list[str]]:
    adapters = sum(path.stat().st_size for path in own.lora) if own else 0
    try:
        return replace(need_by_formula(source.heads, wanted), adapters=adapters), []
    except InputError as exc:
        if "KV cache of the type" in exc.message:
            raise
        return None, [f"the formulas do not know this kind of model: {exc.message}"]


def _planned(source: Source, wanted: Wanted, own: PlanRequest | None, longest: int) -> tuple[Planned | None, str]:
    """llama.cpp's answer; None, with the reason, where it is not installed."""
    further = replace(wanted, context=longest).cells
    try:
        with source.on_disk() as paths:
            request = own or PlanRequest(paths[0], 1)
            return plan_memory(
                replace(
                    request,
                    path=paths[0],
                    parts=paths if len(paths) > 1 else (),
                    cells=wanted.cells,
                    sequences=wanted.sequences,
                    batch=wanted.batch if own is None else own.batch,
                    flash_attn=(None if wanted.flash else False) if own is None or wanted.flash else own.flash_attn,
                    kv_type=wanted.kv_type,
                    whole_context=wanted.whole_context,
                    file_types=tuple(each.name for each in FILE_TYPES),
                    other_cells=(further,) if wanted.cells != further <= MOST_LAID_OUT else (),
                )
            ), ""
    except ModelNotReady:
        return None, "llama.cpp was not asked, since it is not installed: pip install 'promptlab[local]'"


def _types(source: Source, planned: Planned | None) -> tuple[TypeSize, ...]:
    ruled = quantised_by_rule(source.heads)
    exact = planned.quantised if planned else {}
    parameters = max(1, _parameters(source))
    return tuple(
        TypeSize(
            each.name,
            exact.get(each.name, ruled[each.name]),
            8 * exact.get(each.name, ruled[each.name]) / parameters,
            each.name in exact,
            each.matrix,
        )
        for each in FILE_TYPES
    )


def _in_type(need: MemoryNeed, name: str, weights: int) -> MemoryNeed:
    """The need with the weights in another file type. A second copy is counted for all of them."""
    twice = need.repacks and BY_NAME[name].main in REPACKED
    return replace(need, weights=weights, repacked=weights if twice else 0)


def _need_of(
    source: Source,
    wanted: Wanted,
    need: MemoryNeed,
    formula: MemoryNeed | None,
    planned: Planned | None,
    longest: int,
) -> Callable[[int], MemoryNeed]:
    """The need at other contexts: by formula, scaled to what llama.cpp said at the one that was asked for and at the
    longest."""

    def by_formula(context: int) -> MemoryNeed:
        other = need_by_formula(source.heads, replace(wanted, context=context))
        return replace(need, cache=int(other.cache * cache), compute=int(other.compute * compute))

    def by_proportion(context: int) -> MemoryNeed:
        share = replace(wanted, context=context).cells / wanted.cells
        return replace(need, cache=int(need.cache * share), compute=int(need.compute * max(1.0, share)))

    if formula is None:
        return by_proportion
    cache, compute = need.cache / (formula.cache or 1), need.compute / (formula.compute or 1)
    for other in planned.others if planned else ():
        reckoned = need_by_formula(source.heads, replace(wanted, context=longest))
        cache = max(cache, other.cache / (reckoned.cache or 1))
        compute = max(compute, other.compute / (reckoned.compute or 1))
    return by_formula


def _here(model: Candidate, machine: Machine) -> tuple[Fit, ...]:
    fits = [fit_cards(model, Device(f"{card.name}, free now", card.free, card.bandwidth)) for card in machine.cards]
    if machine.free is not None:
        fits.insert(0, fit_memory(model, "free on this machine", machine.free))
    return tuple(fits)


def _training(what: Asked, source: Source, wanted: Wanted) -> tuple[TrainingMemory, ...]:
    """The memory of training on cards, and of `promptlab finetune` if that can train the model."""
    if what.train is None:
        return ()
    extra: Mapping[str, int] = {"rank": what.rank} if what.rank is not None else {}
    tokens = {"tokens": wanted.context} if what.context is not None else {}
    here = training_here(source.heads, **tokens, **extra) if what.train == "lora" else None
    return (training_memory(source.heads, what.train, **tokens, **extra), *([here] if here else []))


def _speeds(laid_out: _LaidOut, fits: Sequence[Fit], here: Sequence[Fit], measured: float | None) -> tuple[Speed, ...]:
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


def _apart(source: Source) -> float:
    """The share of the weights that is in no layer."""
    tensors = [tensor for head in source.heads for tensor in head.tensors]
    whole = sum(tensor.bytes for tensor in tensors)
    return sum(tensor.bytes for tensor in tensors if not tensor.name.startswith("blk.")) / whole if whole else 0.0


def _parameters(source: Source) -> int:
    return sum(prod(tensor.sizes) for head in source.heads for tensor in head.tensors)


__all__ = ["USUAL_CARDS", "Asked", "Sizing", "TypeSize", "size"]

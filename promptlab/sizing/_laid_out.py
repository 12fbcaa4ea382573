"""A model laid out in memory, by llama.cpp and by formulas, before it is placed anywhere.

laid_out = lay_out(source, Asked(context=8192), None, None)
laid_out.need.cache                # bytes, as llama.cpp says
laid_out.candidate                 # what is placed on cards and in memory
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

from promptlab.errors import InputError, ModelNotReady
from promptlab.models import Catalogue, MemoryNeed, Planned, PlanRequest, plan_memory
from promptlab.sizing._file_types import BY_NAME, FILE_TYPES, quantised_by_rule
from promptlab.sizing._fit import Candidate
from promptlab.sizing._formula import need_by_formula, number
from promptlab.sizing._source import Source
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


def lay_out(source: Source, what: Asked, catalogue: Catalogue | None, chosen: str | None) -> LaidOut:
    """Ask llama.cpp and the formulas for the memory of `source`, in the file type `chosen` if that is not None.

    Raises:
        InputError: something of what is asked cannot be used.
        ModelNotReady: neither llama.cpp nor a formula knows the model.
        EngineFailed: llama.cpp refuses the file.
    """
    longest = number(source.heads[0], "context_length", USUAL_CONTEXT) or USUAL_CONTEXT
    own = catalogue.plan_request(source.title) if catalogue is not None and source.entry is not None else None
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
    return LaidOut(source, wanted, longest, need, formula, planned, types, chosen, (*notes, *([why] if why else [])))


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A model with its memory, before it is placed: `need` is the answer, `formula` that of the formulas, `planned`
    that of llama.cpp. `types` are its file types by size, `chosen` the one that was asked for."""

    source: Source
    wanted: Wanted
    longest: int
    need: MemoryNeed
    formula: MemoryNeed | None
    planned: Planned | None
    types: tuple[TypeSize, ...]
    chosen: str | None
    notes: tuple[str, ...] = ()

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
    parameters = max(1, parameters_in(source))
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


def parameters_in(source: Source) -> int:
    """How many numbers its weights have."""
    return sum(prod(tensor.sizes) for head in source.heads for tensor in head.tensors)


def _apart(source: Source) -> float:
    """The share of the weights that is in no layer."""
    tensors = [tensor for head in source.heads for tensor in head.tensors]
    whole = sum(tensor.bytes for tensor in tensors)
    return sum(tensor.bytes for tensor in tensors if not tensor.name.startswith("blk.")) / whole if whole else 0.0


__all__ = ["USUAL_CARDS", "Asked", "LaidOut", "TypeSize", "lay_out", "parameters_in"]

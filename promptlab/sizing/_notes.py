"""What a user must know beside the figures: what is not counted, and where promptlab would load the model otherwise.

notes_on(source, wanted, longest, need, None)      # ["layers with a sliding window keep the whole context too, …"]
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from promptlab.models import GGML_NUMBERS, MemoryNeed, file_facts, tensor_bytes
from promptlab.sizing._file_types import BY_NAME
from promptlab.sizing._source import Source
from promptlab.sizing._wanted import Wanted

MXFP4_BITS = 4.25
WINDOW = "attention.sliding_window"


def notes_on(source: Source, wanted: Wanted, longest: int, need: MemoryNeed, chosen: str | None) -> list[str]:
    """The notes on a model that is sized, with its trained context `longest` and the file type that was `chosen`."""
    return [
        *_of_the_context(source, wanted, longest),
        *_of_the_windows(source, wanted, need),
        *_of_the_entry(source, wanted),
        *_of_the_weights(source, need, chosen),
    ]


def _of_the_context(source: Source, wanted: Wanted, longest: int) -> Iterator[str]:
    entry = source.entry
    if entry is not None and entry.n_ctx > longest:
        yield (
            f"the model was trained with {longest:,} tokens, so it is loaded with these, not with the n_ctx "
            f"{entry.n_ctx:,} of promptlab.yaml"
        )
    if wanted.context > longest:
        yield f"the model was trained with {longest:,} tokens; a longer context may give poor answers"
    elif entry is not None and wanted.context > entry.n_ctx:
        yield f"this model is loaded with {entry.n_ctx:,} tokens, unless n_ctx in promptlab.yaml is larger"


def _of_the_windows(source: Source, wanted: Wanted, need: MemoryNeed) -> Iterator[str]:
    window = source.heads[0].of_architecture(WINDOW)
    if source.family and source.family.window and not window:
        yield "llama.cpp does not use the sliding window of this model, so all layers keep the whole context"
    elif window and wanted.whole_context and len(need.caches) > 1:
        yield "layers with a sliding window keep the whole context too, as promptlab loads them"


def _of_the_entry(source: Source, wanted: Wanted) -> Iterator[str]:
    """Where the question differs from what promptlab does with a model of its own."""
    if source.entry is None:
        return
    other = [
        *([f"a KV cache in {wanted.kv_type}"] if wanted.kv_type != "f16" else []),
        *([f"{wanted.parallel} texts at a time"] if wanted.parallel > 1 else []),
        *(["the windows only"] if not wanted.whole_context and source.heads[0].of_architecture(WINDOW) else []),
    ]
    if other:
        yield f"with {' and '.join(other)}, this is not what promptlab loads: that is the answer without these options"


def own_type(source: Source) -> str | None:
    """The file type of the weights as they are: 16 bits of a model that is known by its dimensions only."""
    return "F16" if source.family else file_facts(source.heads, 0).file_type or None


def _of_the_weights(source: Source, need: MemoryNeed, chosen: str | None) -> Iterator[str]:
    tensors = [tensor for head in source.heads for tensor in head.tensors]
    if source.family and source.family.vision:
        yield "the part of this model that sees pictures is a file of its own (mmproj), and is not counted"
    published = source.family.published_in if source.family else ""
    if published == "mxfp4" and chosen is None:
        experts = sum(prod(tensor.sizes) for tensor in tensors if "_exps.weight" in tensor.name)
        other = sum(tensor_bytes(t.kind, t.sizes) or 0 for t in tensors if "_exps.weight" not in t.name)
        size = (experts * MXFP4_BITS / 8 + other) / 1e9
        yield f"this model is published with experts in MXFP4, weights of about {size:,.1f} GB; here it is at 16 bits"
    elif published and chosen is None:
        yield f"this model is published in fewer bits ({published}); these are the figures at 16 bits"
    if chosen and need.repacked:
        yield "this processor stores some weights twice; with this file type all of them are counted twice"
    if BY_NAME[chosen].matrix if chosen else False:
        yield f"{chosen} needs an importance matrix to be made"
    own = own_type(source)
    if chosen and source.family is None and chosen != own:
        yield f"the file is in {own}; one in {chosen} would have to be made from the original weights, or downloaded"
    unknown = sum(tensor.kind not in GGML_NUMBERS.values() for tensor in tensors)
    if unknown:
        yield f"{unknown:,} tensors have a number type that is not known here; their place in the file is counted"


__all__ = ["notes_on", "own_type"]

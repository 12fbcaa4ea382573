"""Adapters by chance, and the logits of transformers and of llama.cpp with one."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promptlab.finetune import MATRICES, BaseModel


def random_adapter(
    base: BaseModel, *, targets: Sequence[str] = MATRICES, rank: int = 4, alpha: float = 8, size: float = 0.2
) -> Any:
    """The base model with an adapter of peft, whose matrices are drawn by chance: `size` is their deviation."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(5)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(targets), task_type="CAUSAL_LM")
    adapted = get_peft_model(base.model, config).eval()
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.normal_(0, size)
    return adapted


def matrices_of(adapted: Any) -> Mapping[str, Any]:
    """The matrices by their names in peft."""
    from peft import get_peft_model_state_dict

    return dict(get_peft_model_state_dict(adapted))


def logits_of_transformers(model: Any, tokens: Sequence[int], every: int = 4) -> Any:
    """The logits after each `every`-th token and the last one."""
    import torch

    with torch.no_grad():
        keep = torch.tensor(places(len(tokens), every))
        return model(torch.tensor([list(tokens)]), use_cache=False, logits_to_keep=keep).logits[0].numpy()


def logits_of_llama(path: Path, tokens: Sequence[int], adapter: Path | None = None, every: int = 4) -> Any:
    """The same of llama.cpp, with its cache in 32-bit floats as the weights are."""
    import llama_cpp
    import numpy

    from promptlab.models._llama._library import compute_here, library

    compute_here()
    library()
    exact = {"type_k": llama_cpp.GGML_TYPE_F32, "type_v": llama_cpp.GGML_TYPE_F32}
    lora = str(adapter) if adapter is not None else None
    model = llama_cpp.Llama(str(path), lora_path=lora, n_ctx=max(64, len(tokens)), verbose=False, n_threads=1, **exact)
    rows, done = [], 0
    for place in places(len(tokens), every):
        model.eval(list(tokens[done : place + 1]))
        done = place + 1
        pointer = llama_cpp.llama_get_logits_ith(model.ctx, -1)
        values = numpy.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (model.n_vocab(),))
        rows.append(values.copy())
    model.close()
    return numpy.stack(rows)


def places(count: int, every: int) -> list[int]:
    """The numbers of the tokens whose logits are looked at."""
    return sorted({*range(every - 1, count, every), count - 1})

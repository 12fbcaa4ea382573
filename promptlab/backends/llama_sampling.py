"""Choosing the next token: the sampler chain, and a grammar that answers must follow.

Where a parameter is None these defaults hold: top_k 40, top_p 0.95, min_p 0.05, no penalties. At
temperature 0 the likeliest token is taken, and top_k, top_p and min_p do not matter.
"""

from __future__ import annotations

import ctypes
from typing import Any

from promptlab.backends.llama_native import library, log_lines, reason
from promptlab.errors import RequestRejected
from promptlab.types import Params

TOP_K, TOP_P, MIN_P = 40, 0.95, 0.05
PENALTY_WINDOW = 64
"""Tokens back that repeat, presence and frequency penalties look."""


class Sampler:
    """One request's way of choosing. `seed` makes a choice by chance repeatable.

    Raises:
        RequestRejected: llama.cpp cannot use the grammar or a parameter.
    """

    def __init__(self, params: Params, *, seed: int, vocab: Any, grammar: str | None = None) -> None:
        self._lib = lib = library()
        self._size = int(lib.llama_vocab_n_tokens(vocab))
        self._grammar: Any = None
        self._scratch: Any = None
        if grammar is not None:
            with log_lines() as lines:
                self._grammar = lib.llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
            if not self._grammar:
                raise RequestRejected(
                    f"the template's schema cannot be used: {reason(lines) or 'llama.cpp refuses its grammar'}",
                    hint="simplify the schema",
                )
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        for part in self._parts(params, seed):
            if not part:
                raise RequestRejected(f"llama.cpp refuses these parameters: {params}")
            lib.llama_sampler_chain_add(self._chain, part)

    def _parts(self, params: Params, seed: int) -> list[Any]:
        lib = self._lib
        repeat = 1.0 if params.repeat_penalty is None else params.repeat_penalty
        frequency, presence = params.frequency_penalty or 0.0, params.presence_penalty or 0.0
        parts = []
        if repeat <= 0:
            raise RequestRejected(f"repeat_penalty is {repeat}", hint="it must be above 0; 1 is no penalty")
        if repeat != 1.0 or frequency or presence:
            parts.append(lib.llama_sampler_init_penalties(self._size, PENALTY_WINDOW, repeat, frequency, presence))
        if params.temperature <= 0:
            return [*parts, lib.llama_sampler_init_greedy()]
        return [
            *parts,
            lib.llama_sampler_init_top_k(TOP_K if params.top_k is None else params.top_k),
            lib.llama_sampler_init_top_p(TOP_P if params.top_p is None else params.top_p, 1),
            lib.llama_sampler_init_min_p(MIN_P if params.min_p is None else params.min_p, 1),
            lib.llama_sampler_init_temp(params.temperature),
            lib.llama_sampler_init_dist(seed % 0xFFFFFFFF),  # 0xFFFFFFFF itself would mean "any seed"
        ]

    def sample(self, context: Any, index: int = -1) -> int:
        """The next token, by the logits at `index` of the last decode of `context`; it counts as chosen."""
        if self._grammar is None:
            return int(self._lib.llama_sampler_sample(self._chain, context, index))
        token = self._choose(context, index, ruled=False)
        if not self._allowed(token):
            token = self._choose(context, index, ruled=True)
        self._lib.llama_sampler_accept(self._chain, token)
        self._lib.llama_sampler_accept(self._grammar, token)
        return token

    def _allowed(self, token: int) -> bool:
        """Ask the grammar about one token: much cheaper than about the whole vocabulary."""
        lib = self._lib
        one = lib.llama_token_data(token, 0.0, 0.0)
        row = lib.llama_token_data_array(ctypes.pointer(one), 1, -1, False)
        lib.llama_sampler_apply(self._grammar, ctypes.byref(row))
        return bool(one.logit != float("-inf"))

    def _choose(self, context: Any, index: int, *, ruled: bool) -> int:
        import numpy as np

        lib = self._lib
        if self._scratch is None:
            kind = np.dtype([("id", np.intc), ("logit", np.single), ("p", np.single)], align=True)
            self._scratch = np.zeros(self._size, dtype=kind)
        rows = self._scratch
        rows["id"] = np.arange(self._size, dtype=np.intc)
        rows["logit"] = np.ctypeslib.as_array(lib.llama_get_logits_ith(context, index), shape=(self._size,))
        rows["p"] = 0.0
        array = lib.llama_token_data_array(rows.ctypes.data_as(lib.llama_token_data_p), self._size, -1, False)
        if ruled:
            lib.llama_sampler_apply(self._grammar, ctypes.byref(array))
        lib.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)

    def close(self) -> None:
        """Free the native samplers."""
        for sampler in (self._chain, self._grammar):
            if sampler:
                self._lib.llama_sampler_free(sampler)
        self._chain = self._grammar = None

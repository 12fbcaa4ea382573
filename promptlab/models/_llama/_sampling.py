"""Choosing the next token: the sampler chain of llama.cpp, after the token mask of a grammar if there is one.

The defaults for parameters that are None: top_k 40, top_p 0.95, min_p 0.05, no penalties. At temperature 0 the most
likely token is chosen, and top_k, top_p and min_p have no effect.
"""

from __future__ import annotations

from typing import Any

from promptlab.errors import RequestRejected
from promptlab.models._llama._library import library
from promptlab.models._llama._token_masks import GrammarState
from promptlab.types import Params

TOP_K, TOP_P, MIN_P = 40, 0.95, 0.05
PENALTY_WINDOW = 64
"""How many of the last tokens count for the repeat, presence and frequency penalties."""


class Sampler:
    """The sampler of one request. `seed` makes random choices repeatable; `grammar` masks the tokens.

    Raises:
        RequestRejected: llama.cpp cannot use a parameter.
    """

    def __init__(self, params: Params, *, seed: int, vocab: Any, grammar: GrammarState | None = None) -> None:
        self._lib = lib = library()
        self._size = int(lib.llama_vocab_n_tokens(vocab))
        self.grammar = grammar
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
            raise RequestRejected(f"repeat_penalty is {repeat}", hint="it must be greater than 0; 1 is no penalty")
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
        """Choose the next token by the logits at `index` of the last batch of `context`."""
        if self.grammar is None:
            return int(self._lib.llama_sampler_sample(self._chain, context, index))
        import numpy as np

        logits = np.ctypeslib.as_array(self._lib.llama_get_logits_ith(context, index), shape=(self._size,))
        before = logits.copy()
        self.grammar.mask(logits)
        token = int(self._lib.llama_sampler_sample(self._chain, context, index))
        logits[:] = before  # logprobs are computed from the unmasked logits
        self.grammar.accept(token)
        return token

    def close(self) -> None:
        """Free the native samplers."""
        if self._chain:
            self._lib.llama_sampler_free(self._chain)
        self._chain = None

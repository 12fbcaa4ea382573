"""Token masks: which tokens may come next if an answer must follow a grammar. llguidance computes them.

masks = TokenMasks(lib, vocab, table)       # once for each model; takes a second for 262,000 tokens
state = masks.start(grammar)                # once for each answer
state.mask(logits)                          # logits of forbidden tokens become minus infinity
state.accept(token)
"""

from __future__ import annotations

import ctypes
from typing import Any

from promptlab.errors import EngineFailed, ModelNotReady, RequestRejected
from promptlab.models._llama._vocabulary import TokenTable

NO_TEXT = b"\xff"
"""The first byte of tokens that add no text to an answer: no grammar allows it."""


class TokenMasks:
    """The vocabulary of a loaded model for llguidance: each token with the bytes that it adds to an answer.

    Raises:
        ModelNotReady: llguidance is not installed.
    """

    def __init__(self, lib: Any, vocab: Any, table: TokenTable) -> None:
        try:
            from llguidance import LLTokenizer
        except ImportError as exc:
            raise ModelNotReady(
                "a schema for a local model needs llguidance, which is not installed",
                hint="pip install 'promptlab[local]'",
            ) from exc
        ends = [token for token in range(table.size) if table.is_end(token)]
        pieces = [piece or NO_TEXT + b"<%d>" % token for token, piece in enumerate(table.text_pieces())]
        for token in ends:
            pieces[token] = NO_TEXT + b"<%d>" % token
        tokenize = ctypes.cast(lib.llama_cpp._lib.llama_tokenize, ctypes.c_void_p).value
        self._size = table.size
        self._tokenizer: Any = LLTokenizer.from_llamacpp(  # type: ignore[attr-defined]  # its stubs leave it out
            tokens=pieces, vocab_ptr=vocab, tokenize_fptr=tokenize, eos_token=ends
        )

    def start(self, grammar: str) -> GrammarState:
        """The state of `grammar` before the first token of an answer. Raises `RequestRejected`."""
        from llguidance import LLMatcher

        matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            error = matcher.get_error().split("\n")[0]
            raise RequestRejected(f"the template's schema cannot be used: {error}", hint="simplify the schema")
        return GrammarState(matcher, self._size)


class GrammarState:
    """The state of a grammar within one answer."""

    def __init__(self, matcher: Any, size: int) -> None:
        import numpy as np

        self._matcher, self._size = matcher, size
        self._bits = np.zeros((size + 31) // 32, dtype=np.int32)

    def mask(self, logits: Any) -> None:
        """Set the logits of all tokens that must not come next to minus infinity. `logits` is a numpy array with an
        entry for each token of the vocabulary.

        Raises:
            EngineFailed: the grammar has become too large, or no token is allowed.
        """
        import numpy as np

        self._matcher.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
        if self._matcher.is_error():
            raise self._failure()
        allowed = np.unpackbits(self._bits.view(np.uint8), bitorder="little")[: self._size].view(bool)
        if not allowed.any():
            raise EngineFailed("no token of the model continues what the schema allows", hint="simplify the schema")
        np.copyto(logits, -np.inf, where=~allowed)

    def accept(self, token: int) -> None:
        """Advance the grammar by the chosen `token`. Raises `EngineFailed`."""
        if not self._matcher.consume_token(token):
            raise self._failure()

    @property
    def complete(self) -> bool:
        """True if the answer is complete and no token can follow."""
        return bool(self._matcher.is_stopped() and self._matcher.is_accepting())

    def _failure(self) -> EngineFailed:
        error = self._matcher.get_error().strip().split("\n")[0]
        return EngineFailed(f"the schema became too large while the answer was written: {error}", hint="simplify it")


__all__ = ["GrammarState", "TokenMasks"]

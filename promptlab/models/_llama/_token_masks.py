"""Which tokens may come next where an answer must follow a grammar: llguidance's masks for a model's vocabulary.

rules = Rules(lib, vocab, table)               # once for a model: a second for 262,000 tokens
held = rules.hold(grammar)                     # once for an answer
held.mask(logits)                              # what must not come next becomes minus infinity
held.accept(token)
"""

from __future__ import annotations

import ctypes
from typing import Any

from promptlab.errors import EngineFailed, ModelNotReady, RequestRejected
from promptlab.models._llama._vocabulary import TokenTable

NO_TEXT = b"\xff"
"""What a token that adds nothing to an answer begins with: no grammar has it."""


class TokenMasks:
    """The vocabulary of an open model, as llguidance wants it: each token by the bytes it adds to an answer.

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

    def hold(self, grammar: str) -> GrammarState:
        """An answer that must follow `grammar`, before its first token. Raises `RequestRejected`."""
        from llguidance import LLMatcher

        matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            table = matcher.get_error().split("\n")[0]
            raise RequestRejected(f"the template's schema cannot be used: {table}", hint="simplify the schema")
        return GrammarState(matcher, self._size)


class GrammarState:
    """How far one answer has come in its grammar."""

    def __init__(self, matcher: Any, size: int) -> None:
        import numpy as np

        self._matcher, self._size = matcher, size
        self._bits = np.zeros((size + 31) // 32, dtype=np.int32)

    def mask(self, logits: Any) -> None:
        """Make every one of `logits` (an array, as long as the vocabulary) that must not come next minus infinity.

        Raises:
            EngineFailed: the grammar has become too large, or nothing may come next.
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
        """`token` was chosen. Raises `EngineFailed`."""
        if not self._matcher.consume_token(token):
            raise self._failure()

    @property
    def over(self) -> bool:
        """Whether the answer is whole and nothing can follow it."""
        return bool(self._matcher.is_stopped() and self._matcher.is_accepting())

    def _failure(self) -> EngineFailed:
        table = self._matcher.get_error().strip().split("\n")[0]
        return EngineFailed(f"the schema became too much while the answer was written: {table}", hint="simplify it")


__all__ = ["GrammarState", "TokenMasks"]

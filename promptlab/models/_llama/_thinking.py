"""The thinking of a local model, token by token: what stands before the answer, and how many tokens it took.

Stop strings are for the answer, so thinking is taken out before they are looked for.
"""

from __future__ import annotations

import codecs
from typing import Protocol

from promptlab.models._thinking import TAGS, ThinkingSplitter

_TAGS = frozenset(tag.encode() for pair in TAGS.items() for tag in pair)


class Pieces(Protocol):
    """The tokens of a model as bytes; see `llama_native.Words`."""

    def piece(self, token: int) -> bytes: ...

    def text_piece(self, token: int) -> bytes: ...


class Thoughts:
    """Takes the tokens of one answer. `close` is the tag that ends thinking the prompt has opened, "" where it has
    opened none; None takes every token as text, as a grammar wants it. `tokens` is how many went into thinking."""

    def __init__(self, words: Pieces, close: str | None) -> None:
        self._words = words
        self._split = None if close is None else ThinkingSplitter(close)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts: list[str] = []
        self._count = self.tokens = 0

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def feed(self, token: int) -> tuple[str, bytes]:
        """What `token` makes certain: thinking, and bytes of the answer."""
        data = self._words.text_piece(token)
        if self._split is None or self._split.answering:
            return "", data
        if not data and self._words.piece(token) in _TAGS:  # some vocabularies have the tags as control tokens
            data = self._words.piece(token)
        self._count += 1
        thinking = self._split.thinking
        thought, text = self._split.feed(self._decoder.decode(data))
        if thinking or self._split.thinking or thought:
            self.tokens = self._count
        return self._took(thought), self._bytes(text)

    def finish(self) -> tuple[str, bytes]:
        """The rest, when the answer has ended."""
        if self._split is None or self._split.answering:
            return "", b""
        thought, text = self._split.finish()
        return self._took(thought), self._bytes(text)

    def _took(self, thought: str) -> str:
        if thought:
            self._parts.append(thought)
        return thought

    def _bytes(self, text: str) -> bytes:
        if self._split is None or not self._split.answering:
            return b""
        # With it the beginning of a character whose end is in the next token.
        return text.encode("utf-8", "replace") + self._decoder.getstate()[0]

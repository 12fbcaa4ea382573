"""Splits the output of a local model into thinking and answer, token by token, and counts the tokens of thinking.

Stop strings apply to the answer only, so thinking is split off before they are searched for.
"""

from __future__ import annotations

import codecs
from typing import Protocol

from promptlab.models._thinking import TAGS, ThinkingSplitter

_TAGS = frozenset(tag.encode() for pair in TAGS.items() for tag in pair)


class Pieces(Protocol):
    """The tokens of a model as bytes; see `TokenTable` in _vocabulary.py."""

    def piece(self, token: int) -> bytes: ...

    def text_piece(self, token: int) -> bytes: ...


class TokenThinkingSplitter:
    """Splits the tokens of one answer. `close` is the tag that ends thinking if the prompt has opened it, otherwise "".
    With None every token is text, as a grammar needs it. `tokens` is the number of tokens of thinking so far."""

    def __init__(self, table: Pieces, close: str | None) -> None:
        self._table = table
        self._split = None if close is None else ThinkingSplitter(close)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts: list[str] = []
        self._count = self.tokens = 0

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def feed(self, token: int) -> tuple[str, bytes]:
        """Add a token; the thinking and the bytes of the answer that can be shown now."""
        data = self._table.text_piece(token)
        if self._split is None or self._split.answering:
            return "", data
        if not data and self._table.piece(token) in _TAGS:  # in some vocabularies the tags are control tokens
            data = self._table.piece(token)
        self._count += 1
        thinking = self._split.thinking
        thought, text = self._split.feed(self._decoder.decode(data))
        if thinking or self._split.thinking or thought:
            self.tokens = self._count
        return self._add(thought), self._bytes(text)

    def finish(self) -> tuple[str, bytes]:
        """The text held back, after the answer has ended."""
        if self._split is None or self._split.answering:
            return "", b""
        thought, text = self._split.finish()
        return self._add(thought), self._bytes(text)

    def _add(self, thought: str) -> str:
        if thought:
            self._parts.append(thought)
        return thought

    def _bytes(self, text: str) -> bytes:
        if self._split is None or not self._split.answering:
            return b""
        # The decoder may have the first bytes of a character whose last bytes come with the next token.
        return text.encode("utf-8", "replace") + self._decoder.getstate()[0]

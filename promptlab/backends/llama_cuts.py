"""Where a prompt is cut for reading, so that what was read once gives the same numbers again.

How many tokens are computed together changes how llama.cpp rounds. Read from position 0 in pieces of sixteen, a text
gives the same numbers to the bit however many pieces go together (DESIGN.md, measured facts); so does a text read on
from where a piece ended. Where the question begins is such an end too, whatever it falls on: questions about one
document are then read from there, and nothing before it again.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

PIECE = 16
"""Tokens of a piece."""
WORTH = 64
"""Tokens that must be saved from being read again for a place to be worth coming back to."""
READING = f"{PIECE}+question"
"""How the exact mode reads, for the fingerprint of a model."""
_WIDTH = array("i").itemsize


@dataclass(frozen=True, slots=True)
class Cuts:
    """The pieces of a prompt: `ends` are the tokens before and in each, and `before` of them stand before the question.

    What comes before the question and the question itself are each cut into sixteens from their beginnings. What is
    left over before the question is a piece of its own; what is left over at the end goes with the sixteen before it
    into the last piece, which every prompt reads for itself: 16 to 31 tokens, or all of a shorter question.
    """

    ends: tuple[int, ...]
    before: int

    @classmethod
    def of(cls, total: int, question: int = 0) -> Cuts:
        """Of a prompt of `total` tokens whose question begins at the token `question`; one that begins so early, or so
        late, that nothing is gained by it makes no cut."""
        start = question if WORTH <= question < total else 0
        ends = [*range(PIECE, start + 1, PIECE)]
        if start % PIECE:
            ends.append(start)
        before = len(ends)
        ends += range(start + PIECE, total - PIECE + 1, PIECE)
        if total:
            ends.append(total)
        return cls(tuple(ends), before)

    @property
    def total(self) -> int:
        """Tokens of the prompt."""
        return self.ends[-1] if self.ends else 0

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """All pieces but the last, as the bytes of their tokens."""
        data = array("i", tokens).tobytes()
        bounds = (0, *self.ends[:-1])
        return [data[a * _WIDTH : b * _WIDTH] for a, b in pairwise(bounds)]

    def decodes(self, start: int, at_once: int, stops: Collection[int] = ()) -> Iterator[tuple[int, int]]:
        """From where to where to read, one decode after the other, beginning at the end of a piece: up to `at_once`
        tokens of sixteens together, never across one of `stops`, and every other piece alone."""
        begin = before = start
        for end in self.ends:
            if end <= start:
                continue
            alone = end - before != PIECE or end == self.total
            if begin < before and (alone or end - begin > at_once):
                yield begin, before
                begin = before
            if alone or end in stops:
                yield begin, end
                begin = end
            before = end


def tokens_in(pieces: Sequence[bytes]) -> int:
    """Tokens of some pieces."""
    return sum(map(len, pieces)) // _WIDTH

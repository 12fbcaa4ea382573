"""How a prompt is cut for reading, so that the same text gives the same numbers however much of it was read before.

How many tokens are computed together changes how llama.cpp rounds. On a processor only those left over beside whole
groups of four, and fewer than eight, are computed another way; so every decode of a prompt is filled up, with tokens
behind its end that are taken out again and that nothing before them sees. Then a text gives the same numbers to the
bit wherever reading it paused, and can be read on from any token (benchmarks/README.md).

A state that cannot be cut back, a recurrent model's, cannot be filled up either. Such models are read on from the ends
of pieces only, each of which is read the same way each time.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

PIECE = 16
"""Tokens of a piece, at whose end a state can be kept."""
GROUP = 4
"""Tokens to whole multiples of which a decode is filled up."""
LEAST = 8
"""Tokens to which it is filled up at least. Four together are computed another way on one of the embedded models."""
WORTH = 64
"""Tokens that must be saved from being read again for a place to be worth coming back to."""
READING = "groups8"
"""How the exact mode reads, for the fingerprint of a model. It changes where numbers do: those of groups of four are
those of the groups of eight that it is called after."""
_WIDTH = array("i").itemsize


@dataclass(frozen=True, slots=True)
class Cuts:
    """The pieces of a prompt: `ends` are the tokens before and in each, and `before` of them stand before the question.

    What comes before the question and the question itself are each cut into sixteens from their beginnings; what is
    left over before the question, and at the end, are pieces of their own.
    """

    ends: tuple[int, ...]
    before: int

    @classmethod
    def of(cls, total: int, question: int = 0) -> Cuts:
        """Of a prompt of `total` tokens whose question begins at the token `question`, or is not there where that is
        their end; one that begins too early for anything to be gained makes no cut."""
        start = min(question, total - 1)
        start = start if start >= WORTH else 0
        ends = [*range(PIECE, start, PIECE), *([start] if start else [])]
        return cls((*ends, *range(start + PIECE, total, PIECE), *([total] if total else [])), len(ends))

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """All pieces but the last, of which something is always read, as the bytes of their tokens."""
        data = array("i", tokens).tobytes()
        return [data[a * _WIDTH : b * _WIDTH] for a, b in pairwise((0, *self.ends[:-1]))]

    @property
    def uneven(self) -> set[int]:
        """Where pieces begin and end that are not sixteen tokens."""
        return {at for a, b in pairwise((0, *self.ends)) if b - a != PIECE or b == self.ends[-1] for at in (a, b)}


def decodes(start: int, total: int, at_once: int, stops: Collection[int] = ()) -> Iterator[tuple[int, int]]:
    """From where to where to read, one decode after the other: at most `at_once` tokens, and never across one of
    `stops`."""
    while start < total:
        end = min((start + at_once, total, *(one for one in stops if one > start)))
        yield start, end
        start = end


def filled(count: int) -> int:
    """As many tokens as are computed for `count`."""
    return max(LEAST, -(-count // GROUP) * GROUP)


def tokens_in(pieces: Sequence[bytes]) -> int:
    """Tokens of some pieces."""
    return sum(map(len, pieces)) // _WIDTH

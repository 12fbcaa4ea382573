"""Prefill in batches of fixed shape, so that a prompt gives the same logits whatever part of it came from the cache.

How many tokens are computed together changes how llama.cpp rounds. On a CPU, this concerns only the tokens left over
beside whole groups of four, and batches of fewer than eight. So every batch of a prompt is padded: tokens are added
behind its end and removed again; attention is causal, so the real tokens do not see them. The logits are then the same
to the bit, wherever the prefill paused, and it can go on from any token (benchmarks/README.md has the measurements).

The state of a recurrent model cannot be cut back, so its batches cannot be padded. The prefill of such a model goes on
from the ends of pieces only, and each piece is always computed in the same way.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

PIECE = 16
"""Tokens in a piece. A state can be saved at the end of each piece."""
GROUP = 4
"""The size of a padded batch is a multiple of this."""
LEAST = 8
"""The least size of a padded batch. Batches of four are computed differently with one of the embedded models."""
WORTH = 64
"""A state is worth saving if it spares the prefill of at least this many tokens."""
READING_MODE = "groups8"
"""The name of the exact mode's prefill in the fingerprint. It changes if the logits change. Groups of four give the
same logits as the groups of eight that it is named after."""
_WIDTH = array("i").itemsize


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of a prompt. `ends` are the positions at which they end; the first `before` pieces come before the
    question.

    The part before the question and the question are each cut into pieces of sixteen tokens. A remainder before the
    question or at the end is a shorter piece.
    """

    ends: tuple[int, ...]
    before: int

    @classmethod
    def of(cls, total: int, question: int = 0) -> Pieces:
        """The pieces of a prompt of `total` tokens. `question` is the token at which the question begins; 0 or `total`
        if there is none. A question that begins too early to be worth a saved state makes no cut."""
        start = min(question, total - 1)
        start = start if start >= WORTH else 0
        ends = [*range(PIECE, start, PIECE), *([start] if start else [])]
        return cls((*ends, *range(start + PIECE, total, PIECE), *([total] if total else [])), len(ends))

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """All pieces except the last, as the bytes of their tokens. Some of the last one is always computed, because
        only that gives the logits for the first new token."""
        data = array("i", tokens).tobytes()
        return [data[a * _WIDTH : b * _WIDTH] for a, b in pairwise((0, *self.ends[:-1]))]

    @property
    def uneven(self) -> set[int]:
        """The positions at which pieces of another size than sixteen tokens begin and end."""
        return {at for a, b in pairwise((0, *self.ends)) if b - a != PIECE or b == self.ends[-1] for at in (a, b)}


def decode_ranges(start: int, total: int, at_once: int, stops: Collection[int] = ()) -> Iterator[tuple[int, int]]:
    """The ranges of tokens for one `llama_decode` after the other: at most `at_once` tokens, and none across a position
    in `stops`."""
    while start < total:
        end = min((start + at_once, total, *(stop for stop in stops if stop > start)))
        yield start, end
        start = end


def padded(count: int) -> int:
    """The size of the padded batch for `count` tokens."""
    return max(LEAST, -(-count // GROUP) * GROUP)


def tokens_in(pieces: Sequence[bytes]) -> int:
    """The number of tokens in some pieces."""
    return sum(map(len, pieces)) // _WIDTH

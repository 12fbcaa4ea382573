"""The rows of a batch in parts that are computed at once, and what they share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from promptlab.finetune._recipe import TokenRow

TOKENS_AT_ONCE = 256
"""How many tokens are computed at once; more take more memory, and are hardly faster on a CPU."""
WORTH_SHARING = 8
"""From so many tokens on the beginning that rows share is computed once for all of them."""


def parts_of(rows: Sequence[TokenRow]) -> Iterator[list[TokenRow]]:
    """`rows` in parts that are computed at once, of at most `TOKENS_AT_ONCE` tokens if a part has several rows; what
    the rows share counts once. Rows of about the same length are together, so that there is little padding, and the
    parts have about the same number of rows."""
    if not rows:
        return
    shared = shared_length(rows)
    own = max(row.length for row in rows) - shared
    most = max(1, (TOKENS_AT_ONCE - shared) // own)
    count = math.ceil(len(rows) / most)
    ordered = sorted(rows, key=lambda row: row.length)
    edges = [len(rows) * number // count for number in range(count + 1)]
    for begin, end in pairwise(edges):
        yield ordered[begin:end]


def shared_length(rows: Sequence[TokenRow]) -> int:
    """How many tokens at the beginning of the prompts are the same in all `rows`, without the last one of a prompt,
    after which the answer begins; 0 if they are too few to be worth it."""
    if len(rows) < 2:
        return 0
    first, last = min(row.prompt for row in rows), max(row.prompt for row in rows)
    count = 0
    while count < min(len(first), len(last)) and first[count] == last[count]:
        count += 1
    count = min(count, min(len(row.prompt) for row in rows) - 1)
    return count if count >= WORTH_SHARING else 0


__all__ = ["TOKENS_AT_ONCE", "parts_of", "shared_length"]

"""Where a context is cut back and where it must not be, with a library that only writes down what it is told."""

from __future__ import annotations

import random
from typing import Any

import pytest

from promptlab.models._llama._batching import PIECE, decode_ranges
from promptlab.models._llama._prefix_cache import PrefixCache
from promptlab.models._llama._prefix_files import PrefixFiles

WINDOW = 4 * PIECE


class Library:
    """A model whose states hold the last WINDOW cells, as those with sliding windows do."""

    def __init__(self) -> None:
        self.first, self.length, self.below = 0, 0, 0

    def llama_get_memory(self, _context: Any) -> int:
        return 1

    def put(self, end: int) -> None:
        assert self.length == 0
        self.below = max(0, end - WINDOW) % PIECE

    def llama_memory_clear(self, _memory: Any, _data: bool) -> None:
        self.first = self.length = 0

    def llama_memory_seq_rm(self, _memory: Any, _sequence: int, start: int, _end: int) -> bool:
        needed = max(0, start - WINDOW)
        assert self.first <= needed, f"cut to {start}, and the window before it begins at {self.first}"
        self.length = min(self.length, start)
        return True

    def llama_state_seq_get_size(self, _context: Any, _sequence: int) -> int:
        return 8

    def llama_state_seq_get_data(self, _context: Any, buffer: Any, size: int, _sequence: int) -> int:
        buffer[:] = self.length.to_bytes(size, "little")
        return size

    def llama_state_seq_set_data(self, _context: Any, data: Any, size: int, _sequence: int) -> int:
        self.length = int.from_bytes(bytes(data[:size]), "little")
        self.first = max(0, self.length - WINDOW)
        assert (self.first - self.below) % PIECE == 0, "what is left of the window would be added up in other groups"
        self.below = 0
        return size


def asked(prefixes: PrefixCache, library: Library, tokens: list[int], mark: int) -> int:
    """Read `tokens` as the engine does; the position it started from."""
    start = prefixes.begin(tokens, mark=mark, keep=True)
    assert library.length == start.position
    for _, position in decode_ranges(start.position, len(tokens), 8 * PIECE, start.stops):
        library.length = position
        prefixes.reached(position)
    library.length = len(tokens) + 3  # an answer
    prefixes.ended()
    return start.position


@pytest.mark.parametrize("seed", range(40))
def test_a_state_with_a_sliding_window_is_never_cut_back_behind_its_window(tmp_path: Any, seed: int) -> None:
    rng = random.Random(seed)
    library = Library()
    prefixes = PrefixCache(library, None, rewinds=True, pad=library.put, shelf=PrefixFiles(tmp_path, "m"))
    blocks = [[rng.randrange(1_000) for _ in range(rng.choice((40, 160, 320)))] for _ in range(4)]
    for _ in range(60):
        chosen = [token for block in rng.sample(blocks, rng.randint(1, 3)) for token in block]
        tokens = [*chosen, *(rng.randrange(2) for _ in range(rng.randint(1, 120)))]
        # The question may begin anywhere: also before a place that another prompt's state stands at.
        asked(prefixes, library, tokens, rng.randint(0, len(tokens)))
    assert prefixes.loaded > 0

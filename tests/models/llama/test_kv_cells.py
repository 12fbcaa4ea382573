"""Who has which cells, with a library that writes down what it is told."""

from __future__ import annotations

from array import array
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.models._llama._kv_cells import KEPT, LONG, KVCells, Resident


class Library:
    """Keeps the positions that each sequence has, as llama.cpp would."""

    def __init__(self) -> None:
        self.has: dict[int, set[int]] = {}

    def llama_memory_seq_cp(self, _memory: Any, source: int, target: int, start: int, end: int) -> None:
        self.has.setdefault(target, set()).update(p for p in self.has.get(source, ()) if start <= p < end)

    def llama_memory_seq_rm(self, _memory: Any, sequence: int, start: int, _end: int) -> None:
        kept = {p for p in self.has.get(sequence, ()) if start > 0 and p < start}
        self.has[sequence] = kept

    def llama_memory_clear(self, _memory: Any, _data: bool) -> None:
        self.has.clear()


def text(words: str) -> array[int]:
    return array("i", [ord(letter) for letter in words])


@pytest.fixture
def library() -> Library:
    return Library()


def cells_of(library: Library, count: int = 100, sequences: int = KEPT + 3) -> KVCells:
    loaded: Any = SimpleNamespace(lib=library, memory=None, cells=count, sequences=sequences)
    return KVCells(loaded)


def kept(cells: KVCells, library: Library, words: str) -> int:
    """A prompt that stayed after its answer."""
    sequence = cells.open(-1, 0)
    library.has[sequence] = set(range(len(words) + 3))
    cells.keep(sequence, text(words))
    return sequence


def test_a_prompt_begins_with_the_sequence_that_has_most_of_it(library: Library) -> None:
    cells = cells_of(library)
    one, other = kept(cells, library, "abcd"), kept(cells, library, "abxy")
    assert cells.nearest(text("abcz"), []) == (3, one)
    assert cells.nearest(text("abxyz"), [Resident(9, text("ab"), 0)]) == (4, other)
    assert cells.nearest(text("zz"), []) == (0, -1)
    new = cells.open(one, 3)
    assert library.has[new] == {0, 1, 2}
    assert library.has[one] == {0, 1, 2, 3}  # what was written behind the prompt is gone


def test_no_more_stay_than_may_and_the_one_used_longest_ago_goes(library: Library) -> None:
    cells = cells_of(library)
    first, second, *_ = [kept(cells, library, f"{n}abc") for n in range(KEPT)]
    cells.open(first, 2)
    kept(cells, library, "new")
    assert cells.kept == KEPT
    assert cells.nearest(text("0abc"), []) == (4, first)
    assert cells.nearest(text("1abc"), []) == (0, -1)
    assert library.has[second] == set()


def test_shared_cells_count_once_and_kept_prompts_go_for_those_who_may_still_grow(library: Library) -> None:
    cells = cells_of(library, count=30)
    spared, other = kept(cells, library, "abcdefgh"), kept(cells, library, "abcdefxy")
    active = [Resident(8, text("abcdef12"), 10)]  # 8 and 2 and 2 cells in use, and 10 to come
    assert cells.make_room(8, active, spared=spared)
    assert cells.kept == 2
    assert cells.make_room(9, active, spared=spared)
    assert cells.nearest(text("abcdefxy"), []) == (6, spared)
    assert library.has[other] == set()
    assert not cells.make_room(13, active, spared=spared)
    assert cells.make_room(1000, [], spared=spared)  # nobody is there to wait for: the library has the last word


def test_before_much_is_read_beside_others_what_does_not_help_is_let_go(library: Library) -> None:
    cells = cells_of(library, count=10_000)
    spared, _ = kept(cells, library, "abc"), kept(cells, library, "xyz")
    assert cells.make_room(LONG + 1, [], spared=spared)
    assert cells.kept == 2
    assert cells.make_room(LONG + 1, [Resident(8, text("q"), 1)], spared=spared)
    assert cells.kept == 1


@given(
    st.lists(st.tuples(st.sampled_from(["keep", "release", "drop", "clear"]), st.text("ab", max_size=4)), max_size=30)
)
def test_no_sequence_is_ever_given_to_two(steps: list[tuple[str, str]]) -> None:
    library = Library()
    cells = cells_of(library)
    for how, words in steps:
        shared, source = cells.nearest(text(words), [])
        sequence = cells.open(source, shared)
        assert source != sequence
        assert library.has.get(sequence, set()) <= set(range(shared))  # nothing of an earlier text is left
        library.has[sequence] = set(range(len(words)))
        if how == "keep":
            cells.keep(sequence, text(words))
        else:
            cells.release(sequence)
        if how == "drop":
            cells.drop_oldest()
        elif how == "clear":
            cells.clear()
        assert cells.kept <= KEPT

"""The tree of prefixes, without any model: where prompts start from, what is kept, and what goes first."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.models._llama._batching import PIECE
from promptlab.models._llama._prefix_files import PrefixFiles
from promptlab.models._llama._prefix_tree import Tree


def path(*words: str) -> list[bytes]:
    """Pieces of sixteen tokens each."""
    return [(word * 4 * PIECE)[: 4 * PIECE].encode() for word in words]


def test_a_prompt_starts_from_the_deepest_state_on_its_way() -> None:
    tree = Tree(1_000)
    tree.put(path("a"), 1, b"1")
    tree.put(path("a", "b", "c"), 3, b"3")
    tree.put(path("a", "x"), 2, b"x")
    assert [n and n.depth for n in (tree.longest(path("a", "b", "d")), tree.longest(path("q")))] == [1, None]
    found = tree.longest(path("a", "b", "c", "d"))
    assert found is not None
    assert (found.state, found.tokens) == (b"3", 3 * PIECE)


def test_noting_a_prompt_says_how_far_earlier_ones_went_the_same_way() -> None:
    tree = Tree(1_000)
    assert tree.note(path("a", "b", "c")) == 0
    assert tree.note(path("a", "b", "d")) == 2
    assert tree.note(path("q")) == 0
    assert tree.branches(path("a", "b", "c")) == [2]


def test_what_is_missing_is_counted_from_the_nearest_state() -> None:
    tree = Tree(1_000)
    tree.put(path("a", "b"), 2, b"2")
    assert tree.missing(path("a", "b", "c", "d"), 4) == 2 * PIECE
    assert tree.missing_from(path("a", "b"), 2) == 2 * PIECE


def test_the_state_whose_loss_costs_least_a_byte_goes_first() -> None:
    tree = Tree(100)
    tree.put(path(*"abcdefgh"), 8, b"x" * 40)
    tree.put(path("z"), 1, b"y" * 40)
    tree.put(path(*"mnopqrst"), 8, b"w" * 40)
    assert tree.longest(path("z")) is None
    assert tree.longest(path(*"abcdefgh")) is not None
    assert (tree.bytes, tree.evicted, len(tree)) == (80, 1, 2)


def test_a_state_used_again_and_again_outlives_one_that_is_not() -> None:
    tree = Tree(100)
    tree.put(path(*"abcd"), 4, b"x" * 40)
    tree.put(path(*"mnop"), 4, b"y" * 40)
    for letter in "stuvw":
        assert tree.longest(path(*"abcd")) is not None
        tree.put(path(letter, "1", "2", "3"), 4, b"z" * 40)
    assert tree.longest(path(*"abcd")) is not None
    assert tree.longest(path(*"mnop")) is None


def test_a_state_larger_than_the_limit_is_not_kept_and_throws_nothing_out() -> None:
    tree = Tree(10)
    tree.put(path("a"), 1, b"12345")
    assert tree.put(path("b"), 1, b"x" * 11) is None
    assert tree.longest(path("a")) is not None


def test_what_is_only_remembered_is_bounded_and_states_are_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promptlab.models._llama._prefix_tree.MAX_NODES", 100)
    tree = Tree(1_000)
    tree.put(path("kept", "here"), 2, b"s")
    for number in range(500):
        tree.note(path("way", str(number)))
    assert tree._nodes <= 101
    assert tree.longest(path("kept", "here", "on")) is not None


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=6), st.integers(1, 60)), max_size=40), st.integers(0, 99))
def test_the_tree_never_holds_more_than_its_limit_and_starts_only_on_the_way(
    puts: list[tuple[str, int]], seed: int
) -> None:
    tree, rng = Tree(100), random.Random(seed)
    for way, size in puts:
        tree.put(path(*way), len(way), bytes(size))
        assert tree.bytes <= 100
        asked = path(*(rng.choice("ab") for _ in range(6)))
        found = tree.longest(asked)
        if found is not None:
            assert found.text() == b"".join(asked[: found.depth])
    assert tree.bytes == sum(len(node.state or b"") for node in tree._held)


# On disk


def test_a_prefix_is_found_again_by_its_own_model_only(tmp_path: Path) -> None:
    tokens, state = bytes(PIECE * 4), b"state" * 100
    file = PrefixFiles(tmp_path, "model a").save(tokens, state)
    assert file is not None
    (found,) = PrefixFiles(tmp_path, "model a").find()
    assert (found.path, found.tokens) == (file, tokens)
    assert PrefixFiles(tmp_path, "model a").load(file) == state
    assert list(PrefixFiles(tmp_path, "model b").find()) == []


@pytest.mark.parametrize("damage", ["cut", "tokens", "state", "head", "empty"])
def test_a_damaged_prefix_is_left_out_and_gone(tmp_path: Path, damage: str) -> None:
    shelf = PrefixFiles(tmp_path, "m")
    file = shelf.save(bytes(PIECE * 4), b"state" * 100)
    assert file is not None
    data = bytearray(file.read_bytes())
    head = data.index(b"\n") + 1
    if damage == "cut":
        data = data[:-3]
    elif damage == "tokens":
        data[head] ^= 1
    elif damage == "state":
        data[-1] ^= 1
    elif damage == "head":
        data[0] = 0
    else:
        data = bytearray()
    file.write_bytes(bytes(data))
    assert shelf.load(file) is None
    assert not file.exists()


def test_the_folder_keeps_to_its_limit_and_loses_what_was_used_longest_ago(tmp_path: Path) -> None:
    import os

    shelf = PrefixFiles(tmp_path, "m", limit=3_000)
    files = []
    for number in range(4):
        file = shelf.save(bytes([number]) * 64, bytes(800))
        assert file is not None
        os.utime(file, (number, number))
        files.append(file)
    assert [file.exists() for file in files] == [False, True, True, True]
    assert shelf.save(b"x" * 64, bytes(4_000)) is None
    assert [file.exists() for file in files] == [False, True, True, True]


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert PrefixFiles(tmp_path / "file", "m").save(bytes(64), b"s") is None


def test_files_are_counted_and_deleted_for_their_own_model_only(tmp_path: Path) -> None:
    one, other = PrefixFiles(tmp_path, "model a"), PrefixFiles(tmp_path, "model b")
    for shelf in (one, other):
        shelf.save(bytes(PIECE * 4), b"state" * 100)
    assert [size > 500 for _, size in one.files()] == [True]
    one.clear()
    assert (one.files(), len(other.files())) == ([], 1)

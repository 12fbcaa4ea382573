"""Word by word, and three ways: no character is lost or made up."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.versions._merge import TextChange, merge_texts, word_changes

TEXT = st.lists(st.sampled_from([*"ab cd.,\n\n  éß😀\t\r", "word ", "line\n"]), max_size=40).map("".join)


@given(TEXT, TEXT)
def test_the_pieces_make_both_texts(old: str, new: str) -> None:
    found = word_changes(old, new)
    assert "".join(c.text for c in found if c.kind != "added") == old
    assert "".join(c.text for c in found if c.kind != "removed") == new
    assert all(c.text for c in found)
    assert all(a.kind != b.kind for a, b in itertools.pairwise(found))
    assert (len(found) <= 1 and all(c.kind == "same" for c in found)) == (old == new)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("", "", []),
        ("a", "a", [("same", "a")]),
        ("the name only", "the full name only", [("same", "the"), ("added", " full"), ("same", " name only")]),
        ("red car", "blue bus", [("removed", "red car"), ("added", "blue bus")]),
        ("a\nb\nc\n", "a\nc\n", [("same", "a\n"), ("removed", "b\n"), ("same", "c\n")]),
        ("k: 1", "k: 2", [("same", "k: "), ("removed", "1"), ("added", "2")]),
    ],
)
def test_words_are_compared_as_people_read_them(old: str, new: str, changes: list[tuple[str, str]]) -> None:
    assert [(c.kind, c.text) for c in word_changes(old, new)] == changes


def test_one_changed_word_of_a_long_text_is_found_alone() -> None:
    text = "The final was played in Lusail.\n" * 3000
    assert word_changes(text, text[:-8] + "Doha" + text[-2:])[1:] == (
        TextChange("removed", "Lusail"),
        TextChange("added", "Doha"),
        TextChange("same", ".\n"),
    )


def test_changes_in_different_places_come_together() -> None:
    merged = merge_texts("a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n")
    assert (merged.text, merged.clean) == ("A\nb\nc\nd\nE\n", True)


def test_changes_in_one_place_are_marked_or_one_side_is_preferred() -> None:
    merged = merge_texts("a\n", "mine\n", "théirs\r\n", names=("me", "her"))
    assert (merged.conflicts, merged.clean) == (1, False)
    assert merged.text == "<<<<<<< me\nmine\n=======\nthéirs\r\n>>>>>>> her\n"
    assert merge_texts("a\n", "mine\n", "theirs\n", prefer="theirs").text == "theirs\n"
    assert merge_texts("a\n", "mine\n", "theirs\n", prefer="ours").clean

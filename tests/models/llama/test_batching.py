"""How prompts are cut for reading."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from promptlab.models._llama._batching import PIECE, WORTH, Pieces, decode_ranges, padded, tokens_in

LENGTHS = st.integers(0, 700)


def test_both_parts_of_a_prompt_are_cut_from_their_beginnings() -> None:
    cuts = Pieces.of(100 + 40, 100)
    assert cuts.ends == (16, 32, 48, 64, 80, 96, 100, 116, 132, 140)
    assert cuts.before == 7
    assert cuts.uneven == {96, 100, 132, 140}
    assert Pieces.of(96, 64).ends == (16, 32, 48, 64, 80, 96)


def test_a_question_that_begins_too_early_makes_no_cut_and_one_that_is_not_there_leaves_a_token_to_read() -> None:
    for question in (0, WORTH - 1):
        assert Pieces.of(200, question) == Pieces.of(200)
    assert Pieces.of(200).before == 0
    assert Pieces.of(200, 200).ends[-3:] == (192, 199, 200)
    assert Pieces.of(0, 0).ends == ()


def test_reading_pauses_where_it_is_asked_to() -> None:
    assert list(decode_ranges(30, 200, 64, {48, 30, 144})) == [(30, 48), (48, 112), (112, 144), (144, 200)]


def test_a_decode_is_filled_up_to_whole_groups_and_never_to_a_single_one() -> None:
    assert [padded(count) for count in (1, 4, 5, 8, 9, 12, 13, 256)] == [8, 8, 8, 8, 12, 12, 16, 256]


@given(LENGTHS, LENGTHS, st.sampled_from([16, 64, 256]), st.sets(st.integers(0, 700), max_size=5))
def test_every_token_is_read_once_and_no_stop_is_passed(start: int, total: int, at_once: int, stops: set[int]) -> None:
    position = min(start, total)
    for begin, end in decode_ranges(position, total, at_once, stops):
        assert begin == position < end <= begin + at_once
        assert not [one for one in stops if begin < one < end]
        position = end
    assert position == total


@given(LENGTHS, LENGTHS, st.data())
def test_pauses_where_pieces_are_uneven_let_only_sixteens_go_together(
    total: int, question: int, data: st.DataObject
) -> None:
    cuts = Pieces.of(total, question)
    start = data.draw(st.sampled_from((0, *cuts.ends[:-1])))
    for begin, end in decode_ranges(start, total, 256, cuts.uneven):
        inside = [one for one in cuts.ends if begin < one <= end]
        assert inside[-1] == end
        assert len(inside) == 1 or (end - begin == PIECE * len(inside) and end < total)


@given(LENGTHS, st.integers(0, 90), st.integers(0, 90))
def test_what_two_prompts_share_before_their_questions_is_the_same_pieces(before: int, one: int, other: int) -> None:
    text = list(range(before))
    first, second = (
        Pieces.of(before + size, before).pieces([*text, *range(at, at + size)])
        for size, at in ((one, 900), (other, 990))
    )
    shared = [a for a, b in zip(first, second, strict=False) if a == b]
    if before >= WORTH and one and other:
        assert tokens_in(shared) == before
    assert tokens_in(first) <= before + one

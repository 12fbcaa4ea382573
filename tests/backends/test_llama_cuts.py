"""Where prompts are cut for reading."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from promptlab.backends.llama_cuts import PIECE, WORTH, Cuts, tokens_in

LENGTHS = st.integers(0, 700)


def test_both_parts_are_cut_from_their_beginnings_and_a_short_question_is_one_piece() -> None:
    cuts = Cuts.of(100 + 20, 100)
    assert cuts.ends == (16, 32, 48, 64, 80, 96, 100, 120)
    assert cuts.before == 7
    assert list(cuts.decodes(0, 64)) == [(0, 64), (64, 96), (96, 100), (100, 120)]
    assert list(cuts.decodes(100, 64)) == [(100, 120)]


def test_a_long_question_is_cut_too_but_for_its_last_sixteen_to_thirty_one_tokens() -> None:
    assert Cuts.of(96 + 70, 96).ends[6:] == (112, 128, 144, 166)
    assert Cuts.of(96 + 64, 96).ends[6:] == (112, 128, 144, 160)
    assert Cuts.of(96 + 31, 96).ends[6:] == (127,)
    assert Cuts.of(96 + 32, 96).ends[6:] == (112, 128)


def test_a_question_that_begins_too_early_or_behind_the_end_makes_no_cut() -> None:
    for question in (0, WORTH - 1, 200, 300):
        assert Cuts.of(200, question) == Cuts.of(200)
    assert Cuts.of(200).before == 0


def test_reading_pauses_where_it_is_asked_to() -> None:
    assert list(Cuts.of(200).decodes(32, 64, {48, 144})) == [(32, 48), (48, 112), (112, 144), (144, 176), (176, 200)]


@given(LENGTHS, LENGTHS, st.sampled_from([16, 64, 256]), st.data())
def test_every_token_is_read_once_and_nothing_goes_together_that_is_not_whole(
    total: int, question: int, at_once: int, data: st.DataObject
) -> None:
    cuts = Cuts.of(total, question)
    start = data.draw(st.sampled_from((0, *cuts.ends[:-1])))
    stops = data.draw(st.sets(st.sampled_from((0, *cuts.ends[:-1]))))
    position = start
    for begin, end in cuts.decodes(start, at_once, stops):
        assert begin == position < end
        assert not [one for one in stops if begin < one < end]
        inside = [one for one in cuts.ends if begin < one <= end]
        if len(inside) > 1:  # sixteens only, and not the last piece
            assert end - begin == PIECE * len(inside) <= at_once
            assert end < total
        position = end
    assert position == total


@given(LENGTHS, st.integers(0, 90), st.integers(0, 90))
def test_what_two_prompts_share_before_their_questions_is_the_same_pieces(before: int, one: int, other: int) -> None:
    text = list(range(before))
    first, second = (
        Cuts.of(before + size, before).pieces([*text, *range(at, at + size)]) for size, at in ((one, 900), (other, 990))
    )
    shared = [a for a, b in zip(first, second, strict=False) if a == b]
    if before >= WORTH and one and other:
        assert tokens_in(shared) == before
    assert tokens_in(first) <= before + one

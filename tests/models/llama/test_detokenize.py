import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.models._llama._detokenize import AnswerText


def fed(parts: list[bytes], stops: tuple[str, ...] = (), lead: str = "") -> tuple[list[str], AnswerText]:
    text = AnswerText(stops, lead)
    shown = [text.feed(part) for part in parts]
    return [*shown, text.finish()], text


@pytest.mark.parametrize(
    ("parts", "stops", "expected", "stopped"),
    [
        (["Argentina", "\n", "Question:"], ("\nQuestion:",), "Argentina", True),
        (["Argentina", "\n", "Quest"], ("\nQuestion:",), "Argentina\nQuest", False),
        (["a\n\nQuestion: b"], ("\nQuestion:", "\n\nQuestion:"), "a", True),
        (["abcd"], ("d", "bc"), "a", True),
        (["END"], ("END",), "", True),
        (["aab"], ("ab",), "a", True),
        (["a\na"], ("\n", "a\na"), "a", True),
        (["a", "\n", "a"], ("\n", "a\na"), "a", True),
        (["x", "abc"], ("abc", "bc"), "x", True),
        (["xab", "c"], ("abc", "ab"), "x", True),
        (["plain"], (), "plain", False),
        (["plain"], ("",), "plain", False),
    ],
)
def test_the_answer_ends_before_the_first_stop_string(parts, stops, expected, stopped):
    shown, text = fed([p.encode() for p in parts], stops)
    assert (text.text, "".join(shown), text.stopped) == (expected, expected, stopped)


def test_a_possible_beginning_of_a_stop_string_waits_until_it_is_none():
    shown, _ = fed([b"x\n", b"Que", b"en"], ("\nQuestion:",))
    assert shown == ["x", "", "\nQueen", ""]


def test_a_character_is_shown_when_its_last_byte_has_come():
    first, second = "é".encode()[:1], "é".encode()[1:]
    assert fed([b"caf" + first, second])[0] == ["caf", "é", ""]


def test_half_a_character_at_the_end_is_dropped():
    assert fed([b"caf" + "é".encode()[:1]])[1].text == "caf"


@pytest.mark.parametrize(
    ("parts", "lead", "expected"),
    [
        ([b" Paris"], " ", "Paris"),
        ([b"Paris"], " ", "Paris"),
        ([b"  Paris"], " ", " Paris"),
        ([b"\n", b"\nParis"], "\n\n", "Paris"),
        ([b" "], " ", ""),
        ([], " ", ""),
    ],
)
def test_white_space_that_belongs_to_the_template_is_no_part_of_the_answer(parts, lead, expected):
    shown, text = fed(parts, lead=lead)
    assert (text.text, "".join(shown)) == (expected, expected)


def test_a_stop_string_in_the_lead_does_not_end_the_answer():
    assert fed([b"\n", b"Paris\nLyon"], ("\n",), lead="\n")[1].text == "Paris"


@given(st.text("ab\né€😀", max_size=30), st.lists(st.text("ab\n€", min_size=1, max_size=4), max_size=3), st.data())
def test_however_the_bytes_are_cut_the_answer_is_the_same(whole, stops, data):
    raw = whole.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    parts = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    shown, text = fed(parts, tuple(stops))
    ends = [(whole.find(stop) + len(stop), whole.find(stop)) for stop in stops if stop in whole]
    assert text.text == "".join(shown) == whole[: min(ends, default=(0, len(whole)))[1]]
    assert text.stopped is bool(ends)

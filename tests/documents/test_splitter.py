"""Splitting a document: no character is lost, headings are known, and passages have about the wanted size."""

from __future__ import annotations

import pytest

from promptlab.documents._splitter import markdown_sections, smallest_sections, split_passages

CUP = (
    "Before.\n\n# Cup\n\nIntro.\n\n## Final\n\nArgentina won.\n\n```\n# no heading\n```\n\n"
    "## Group stage ##\n\nIt began.\n"
)
TEXTS = [
    "",
    "one line",
    CUP,
    "# Only a heading",
    "a\r\n\r\n# B\r\n\r\nc\r\n",
    "word " * 2_000,
    "Sentence. " * 500 + "\n\n" + "x" * 5_000,
    "段落。" * 900,
    "\n\n\n",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("size", [10, 800])
def test_the_passages_joined_are_the_text(text: str, size: int) -> None:
    for pieces in (split_passages(text, size), smallest_sections(text)):
        assert "".join(piece.text for piece in pieces) == text
        assert all(text[piece.start : piece.end] == piece.text for piece in pieces)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_no_passage_has_more_than_twice_the_size(text: str) -> None:
    assert all(len(piece.text) <= 2 * 100 for piece in split_passages(text, 100))


def test_sections_have_their_headings_and_end_at_the_next_of_their_level() -> None:
    sections = markdown_sections(CUP)
    assert [section.headings for section in sections] == [("Cup",), ("Cup", "Final"), ("Cup", "Group stage")]
    cup, final, group = sections
    assert cup.text == CUP[CUP.index("# Cup") :]
    assert final.text == CUP[CUP.index("## Final") : CUP.index("## Group")]
    assert group.text == "## Group stage ##\n\nIt began.\n"


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("# A", ["A"]),
        ("   ### A b ###", ["A b"]),
        ("    # code", []),
        ("#A", []),
        ("####### seven", []),
        ("```\n# A\n```\n# B", ["B"]),
        ("~~~\n# A\n```\n# A\n~~~\n# B", ["B"]),
        ("````\n```\n# A\n````\n# B", ["B"]),
        ("# A\r\n# B\r\n", ["A", "B"]),
    ],
)
def test_what_is_a_heading(text: str, headings: list[str]) -> None:
    assert [section.headings[-1] for section in markdown_sections(text)] == headings

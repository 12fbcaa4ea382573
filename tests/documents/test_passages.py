"""Passages are stretches of the document, chosen in the open, and nothing is cut unseen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.documents import _passages as passages
from promptlab.documents import _read as documents
from promptlab.documents._choice import PassageChoice
from promptlab.errors import DocumentError
from promptlab.runs import _plans as plans
from promptlab.runs import _runner as runner
from promptlab.runs._trial import Given
from promptlab.templates import _load as templates
from promptlab.types import Document
from promptlab.workspace._workspace import Workspace

TEXT = """\
Before any heading.

# Cup

About the cup.

## Final

Argentina beat France on penalties.

```
# not a heading
```

### Referee

Marciniak.

## Host

Qatar was the host country.

## Final

A second final.
"""
CUP = Document("cup.md", TEXT, "internal")


def chosen(choice: PassageChoice, question: str = "", **rest: Any) -> passages.PassageSelection:
    return passages.choose_passages(CUP, choice, question, **rest)


# Cutting


def test_headings_in_code_are_no_headings() -> None:
    assert [part.headings for part in passages.markdown_sections(TEXT)] == [
        ("Cup",),
        ("Cup", "Final"),
        ("Cup", "Final", "Referee"),
        ("Cup", "Host"),
        ("Cup", "Final"),
    ]


LINES = st.sampled_from(
    ["# A", "## B", "```", "word " * 30, "x" * 300, "", "", " ", "One. Two. Three.", "\r", "日本。" * 40]
)


@given(st.lists(LINES, max_size=40).map("\n".join), st.sampled_from([40, 200, 800]))
def test_every_character_is_in_exactly_one_passage(text: str, size: int) -> None:
    pieces = passages.split_passages(text, size)
    assert "".join(piece.text for piece in pieces) == text
    assert all(text[p.start : p.end] == p.text and p.text for p in pieces)


def test_a_passage_never_crosses_a_heading_and_is_cut_between_paragraphs() -> None:
    text = "# A\n\n" + "one two three.\n\n" * 40 + "# B\n\nend"
    pieces = passages.split_passages(text, 200)
    assert all("# B" not in piece.text[1:] for piece in pieces)
    assert all(piece.text.endswith("\n\n") for piece in pieces[:-1])
    assert max(len(piece.text) for piece in pieces) <= 200


def test_a_long_paragraph_is_cut_at_a_sentence() -> None:
    pieces = passages.split_passages("This is a sentence. " * 200, 300)
    assert len(pieces) > 10
    assert all(piece.text.endswith(". ") for piece in pieces)


# Choosing


@pytest.mark.parametrize(
    ("headings", "text"),
    [
        (("Host",), "## Host\n\nQatar was the host country.\n\n"),
        (("referee",), "### Referee\n\nMarciniak.\n\n"),
        (("Final > Referee",), "### Referee\n\nMarciniak.\n\n"),
        (
            ("Host", "Referee"),
            "### Referee\n\nMarciniak.\n\n## Host\n\nQatar was the host country.\n\n",
        ),
        (("Cup", "Host"), TEXT[TEXT.index("# Cup") :]),
    ],
)
def test_a_heading_takes_its_section_with_those_below(headings: tuple[str, ...], text: str) -> None:
    assert chosen(PassageChoice("heading", headings)).text == text


def test_a_heading_that_is_there_twice_takes_both_and_shows_the_gap() -> None:
    text = chosen(PassageChoice("heading", ("Final",))).text
    assert text.endswith("Marciniak.\n\n[…]\n\n## Final\n\nA second final.\n")


@pytest.mark.parametrize(
    ("unit", "start", "end", "text"),
    [
        ("lines", 1, 1, "Before any heading.\n"),
        ("lines", 3, 5, "# Cup\n\nAbout the cup.\n"),
        ("words", 2, 3, "any heading.\n\n"),
        ("characters", 8, 10, "any"),
        ("lines", 25, None, "A second final.\n"),
    ],
)
def test_a_range_counts_from_one_and_includes_its_end(unit: Any, start: int, end: int | None, text: str) -> None:
    assert chosen(PassageChoice("range", unit=unit, start=start, end=end)).text == text


def test_similarity_takes_the_best_in_the_order_of_the_document() -> None:
    found = chosen(PassageChoice("bm25", n=2), "Which country was the host, and who was the referee?")
    assert [p.headings[-1] for p in found.passages] == ["Referee", "Host"]
    assert all(p.score for p in found.passages)
    assert found.considered == 6
    assert "[…]" not in found.text  # they follow each other


def test_the_words_of_a_heading_count_for_its_passages() -> None:
    found = chosen(PassageChoice("bm25", n=1), "referee")
    assert found.text == "### Referee\n\nMarciniak.\n\n"


@pytest.mark.parametrize(
    ("choice", "question", "words"),
    [
        (PassageChoice("heading", ("Finale",)), "", "did you mean `Final`"),
        (PassageChoice("range", start=20, end=99), "", "has 25 lines, and 20 to 99 are asked for"),
        (PassageChoice("range", unit="words", start=99), "", "has 36 words, and 99 to the end"),
        (PassageChoice("bm25"), "xyzzy", "no passage shares a word"),
        (PassageChoice("bm25"), "", "no passage shares a word"),
        (PassageChoice("bm25", max_characters=5), "referee", "the smallest of those chosen has 25 characters"),
    ],
)
def test_a_choice_that_gives_nothing_is_an_error(choice: PassageChoice, question: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words) as caught:
        chosen(choice, question)
    assert caught.value.file == "cup.md"


def test_a_document_without_headings_says_so() -> None:
    with pytest.raises(DocumentError, match="it has no headings"):
        passages.choose_passages(Document("x", "text"), PassageChoice("heading", ("A",)))


@pytest.mark.parametrize(
    ("bound", "budget"),
    [
        ({"max_characters": 60}, {}),
        ({"max_tokens": 15}, {}),
        ({}, {"budget": 12, "count": lambda text: len(text.split())}),
    ],
    ids=["characters", "tokens", "a model's tokens"],
)
def test_what_does_not_fit_is_left_out_whole_and_named(bound: dict[str, Any], budget: dict[str, Any]) -> None:
    question = "Which country was the host, and who beat France on penalties in the final?"
    found = chosen(PassageChoice("bm25", n=3, **bound), question, **budget)
    assert found.passages
    assert len(found.passages) + len(found.left_out) == 3
    assert all(p.text in TEXT for p in (*found.passages, *found.left_out))


@given(st.lists(LINES, min_size=1, max_size=30).map("\n".join), st.integers(1, 5), st.integers(1, 2000))
def test_a_selection_is_pure_and_keeps_to_its_budget(text: str, n: int, most: int) -> None:
    document, choice = Document("d", text), PassageChoice("bm25", n=n, max_characters=most)
    try:
        found = passages.choose_passages(document, choice, "one word two")
    except DocumentError:
        return
    assert found == passages.choose_passages(document, choice, "one word two")
    assert len(found.text) <= most
    assert len(found.passages) <= n
    assert list(found.ranges) == sorted(found.ranges)
    assert all(text[s:e] == p.text for (s, e), p in zip(found.ranges, found.passages, strict=True))


@given(st.lists(LINES, min_size=1, max_size=30).map("\n".join), st.integers(1, 5))
def test_what_is_taken_and_the_gaps_are_the_whole_document(text: str, n: int) -> None:
    try:
        found = passages.choose_passages(Document("d", text), PassageChoice("bm25", n=n), "one word two")
    except DocumentError:
        return
    parts = sorted((*found.passages, *found.gaps), key=lambda passage: passage.start)
    assert "".join(part.text for part in parts) == text


def test_a_gap_says_under_which_headings_it_is() -> None:
    gaps = chosen(PassageChoice("heading", ("Host",))).gaps
    assert [gap.headings for gap in gaps] == [
        (),
        ("Cup",),
        ("Cup", "Final"),
        ("Cup", "Final", "Referee"),
        ("Cup", "Final"),
    ]


# In a prompt


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (None, "all of it"),
        (PassageChoice("bm25", n=1), "the passage most like the question"),
        (PassageChoice("bm25", n=3), "the 3 passages most like the question"),
        (PassageChoice("heading", ("Host", "Cup")), "Host, Cup"),
        (PassageChoice("range", start=1000, end=2000), "lines 1,000 to 2,000"),
        (PassageChoice("range", unit="words", start=2), "words 2 to the end"),
    ],
)
def test_a_choice_can_be_said_in_words(choice: PassageChoice | None, words: str) -> None:
    assert passages.choice_in_words(choice) == words


@pytest.mark.parametrize(
    ("choice", "path"),
    [
        (PassageChoice("bm25", n=1), "cup.md#passages=top1"),
        (PassageChoice("heading", ("Host", "Cup")), "cup.md#passages=heading:Host,Cup"),
        (PassageChoice("range", start=2, end=4), "cup.md#passages=lines:2-4"),
        (PassageChoice("range", unit="words", start=2), "cup.md#passages=words:2-"),
    ],
)
def test_a_selection_is_a_document_that_says_so_and_keeps_the_label(choice: PassageChoice, path: str) -> None:
    document = chosen(choice, "host").document()
    assert (document.path, document.label) == (path, "internal")


PASSAGES = """\
inputs: [question, tone]
instructions: Answer.
context:
  - path: fixtures/documents/long.md
    passages: {by: bm25, n: 1, query: [question]}
"""


@pytest.fixture
def desk(make_workspace: Callable[..., Workspace]) -> Workspace:
    files = {"templates/passages.yaml": PASSAGES, "fixtures/documents/long.md": TEXT}
    return make_workspace('labels: {"**/long.md": internal}\n', files)


def test_a_template_takes_the_passages_that_its_inputs_ask_for(desk: Workspace) -> None:
    template = templates.load(desk, "passages")
    for question, answer in (("Who was the host country?", "Qatar"), ("Referee?", "Marciniak")):
        inputs = {"question": question, "tone": "penalties cup"}
        (trial,) = plans.plan_comparison(desk, template, Given.typed(inputs), ["m"])
        prompt = runner.request_of(trial).prompt
        (span, text) = next((span, text) for span, text in prompt.texts() if span.section == "context" and span.source)
        assert answer in text
        assert (span.source, span.label) == ("fixtures/documents/long.md#passages=top1", "internal")


def test_a_change_of_the_file_behind_a_selection_is_noticed(desk: Workspace) -> None:
    template = templates.load(desk, "passages")
    (trial,) = plans.plan_comparison(desk, template, Given.typed({"question": "Referee?", "tone": ""}), ["m"])
    sources = runner.request_of(trial).prompt.sources
    assert documents.document_changes(desk, sources) == []
    file = desk.root / "fixtures/documents/long.md"
    file.write_text(TEXT + "\nMore.\n")
    (change,) = documents.document_changes(desk, sources)
    assert (change.reason, change.kept) == ("the file has changed since", True)
    old = documents.read_document_version(desk, change.path, change.then)
    assert (old.text, old.label) == (trial.documents[0].text, "internal")
    for record in (desk.state / "documents/selection").rglob("*.json"):
        record.unlink()
    assert "not stored" in documents.document_changes(desk, sources)[0].reason

"""What is proposed as the message of a commit."""

from __future__ import annotations

import pytest

from promptlab.templates._change_summary import MAX_NAMED, commit_message
from tests.conftest import TEMPLATE
from tests.repositories import CUP, edited

CASES = [
    (edited(), "Output format edited"),
    (edited(TEMPLATE, "temperature: 0", "temperature: 0.7"), "Temperature 0 → 0.7"),
    (edited(TEMPLATE, "temperature: 0,", "seed: 3, temperature: 0,"), "Seed default → 3"),
    (edited(TEMPLATE, "k: 1", "k: 2"), "K 1 → 2"),
    (edited(TEMPLATE, "select: first", "select: random"), "Other examples"),
    (edited(TEMPLATE, "examples: {pool: fixtures/examples/cup.jsonl, k: 1, select: first}\n", ""), "− examples"),
    (edited(TEMPLATE, "context: [fixtures/documents/cup.md]\n", ""), "− cup.md"),
    (edited(TEMPLATE, "[fixtures/documents/cup.md]", "[fixtures/documents/cup.md, a/b.md]"), "+ b.md"),
    (edited(TEMPLATE, "output_format: |\n  Reply with the name only.\n", ""), "− output format"),
    (edited(TEMPLATE, "Who won?", "Who lost?"), "Input question edited"),
    (TEMPLATE.replace("inputs:\n", "inputs:\n  tone: {type: string}\n") + "layout: ''\n", "+ input tone"),
    (edited(TEMPLATE, "Answer a question from an article", "Answer"), "Description edited"),
    (TEMPLATE + "user: '{{ question }}'\n", "+ user turn"),
    (TEMPLATE + "schema: {type: object}\n", "+ schema"),
    ("# why\n" + TEMPLATE, "Comments and form of cup"),
    ("no: template\n", "Change cup"),
]


@pytest.mark.parametrize(("new", "wanted"), CASES)
def test_a_change_is_named(new: str, wanted: str) -> None:
    assert commit_message(CUP, TEMPLATE, new) == wanted


def test_a_new_template_is_added_with_what_it_is_for() -> None:
    assert commit_message(CUP, None, TEMPLATE) == "Add cup: Answer a question from an article"
    assert commit_message(CUP, None, "user: Hello\n") == "Add cup"
    assert commit_message(CUP, None, "no: template\n") == "Add cup"


def test_of_many_changes_the_rest_is_counted() -> None:
    new = "inputs:\n  a: {}\n  b: {}\nuser: |\n  {{ a }} {{ b }}\n"
    said = commit_message(CUP, TEMPLATE, new)
    assert said.count(",") == MAX_NAMED
    assert said.startswith("− instructions, − output format, + user turn, − cup.md, ")
    assert said.endswith(" more")


def test_a_message_is_one_line() -> None:
    assert "\n" not in commit_message(CUP, None, "description: |\n  one\n  two\nuser: x\n")

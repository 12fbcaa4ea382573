"""Several inputs that are typed or pasted."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.errors import PromptlabError
from promptlab.templates import _load as templates
from promptlab.templates._pasted_inputs import pasted_inputs

ONE = "inputs:\n  question: {type: string}\nuser: '{{ question }}'\n"
TWO = "inputs:\n  home_team: {type: string}\n  goals: {type: number, default: 0}\nuser: '{{ home_team }} {{ goals }}'\n"
NAMED = "inputs:\n  expected: {type: string}\n  question: {type: string}\nuser: '{{ expected }} {{ question }}'\n"


@pytest.mark.parametrize(
    ("template", "text", "rows"),
    [
        (ONE, "", []),
        (ONE, "\n \n", []),
        (ONE, "Who won?\nWho lost?\n", [({"question": "Who won?"}, None), ({"question": "Who lost?"}, None)]),
        (ONE, "  Who won?  \r\n\r\nWho lost?", [({"question": "Who won?"}, None), ({"question": "Who lost?"}, None)]),
        (ONE, "Question\nWho won?", [({"question": "Who won?"}, None)]),
        (ONE, "question", [({"question": "question"}, None)]),
        (ONE, '"Who won?" she asked, twice', [({"question": '"Who won?" she asked, twice'}, None)]),
        (ONE, "{{ x }}; a,b", [({"question": "{{ x }}; a,b"}, None)]),
        (ONE, "Question\tExpected\nWho?\tArgentina", [({"question": "Who?"}, "Argentina")]),
        (ONE, "expected\tquestion\n\tWho?\n", [({"question": "Who?"}, None)]),
        (ONE, 'question\texpected\n"Who\nwon?"\t"He said ""A"""', [({"question": "Who\nwon?"}, 'He said "A"')]),
        (TWO, "Home team\tgoals\nBrazil\t3\nPeru\t\n", [({"home_team": "Brazil", "goals": 3}, None),
                                                       ({"home_team": "Peru"}, None)]),
        (TWO, "home_team\nBrazil\nPeru", [({"home_team": "Brazil"}, None), ({"home_team": "Peru"}, None)]),
        (NAMED, "expected\tquestion\nA\tWho?", [({"expected": "A", "question": "Who?"}, None)]),
    ],
)  # fmt: skip
def test_lines_and_cells_are_rows(template: str, text: str, rows: list[Any]) -> None:
    parsed = templates.parse(template, path="templates/t.yaml")
    assert [(dict(row.inputs), row.expected) for row in pasted_inputs(parsed, text)] == rows


@pytest.mark.parametrize(
    ("template", "text", "words"),
    [
        (TWO, "Brazil\nPeru", "not clear which input"),
        (ONE, "questoin\texpected\nWho?\tA", "names `questoin`, which is no input .*\n?.*`question`"),
        (ONE, "Who won?\tArgentina", "which is no input"),
        (ONE, "question\tQuestion\na\tb", "two columns are called `question`"),
        (ONE, "question\t\na\tb", "every column needs a name"),
        (TWO, "expected\tgoals\na\tx", "cannot be read as a number"),
        (TWO, "home_team\tgoals\n\t2", "line 2 of the pasted cells has no `home_team`"),
        (ONE, "question\texpected\na\tb\tc", "3 cells under 2 columns"),
        (ONE, 'question\texpected\n"a" b\tc', "not CSV"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(template: str, text: str, words: str) -> None:
    parsed = templates.parse(template, path="templates/t.yaml")
    with pytest.raises(PromptlabError) as caught:
        pasted_inputs(parsed, text)
    import re

    assert re.search(words, f"{caught.value} {caught.value.hint}", re.DOTALL)

"""Answers as CSV, JSON and Markdown: everything is in them, and no spreadsheet executes a cell."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from promptlab.errors import PromptlabError
from promptlab.models._catalogue import Catalogue
from promptlab.models._scripted import ScriptedBackend
from promptlab.runs._answer_files import AnswerFormat, read_answers, write_answers
from promptlab.runs._cost import costs_text
from promptlab.runs._plans import plan_comparison
from promptlab.runs._rating import Rating
from promptlab.runs._runner import start_run
from promptlab.runs._store import Store
from promptlab.runs._trial import Given
from promptlab.templates import load
from promptlab.workspace._workspace import Workspace

HOSTILE = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "\n=1",
    "\uff1d1",
    '=HYPERLINK("http://x","y")',
    "-2+3",
    "\r=1",
)


def exported(where: Workspace, format_: AnswerFormat, answer: str = "Argentina", question: str = "Who won?") -> str:
    return _file(where, format_, answer, question)[0]


def _file(where: Workspace, format_: AnswerFormat, answer: str, question: str) -> tuple[str, str, tuple[str, ...]]:
    catalogue = Catalogue(where, {}, extra={"alpha": ScriptedBackend("alpha", [answer])})
    store = Store.of(where)
    try:
        given = Given.typed({"question": question})
        trials = plan_comparison(where, load(where, "cup"), given, ["alpha"], expected="Argentina")
        run = start_run(trials, catalogue=catalogue, store=store, title="first", fresh=True)
        (result,) = run.wait()
        store.rename(run.id, "my name")
        store.ratings.rate(Rating(result.id, "bad", "too short", "The Argentines"))
        file = write_answers(read_answers(store, [store.run(run.id)], where, catalogue), format_)
    finally:
        store.close()
    return file.text, file.label, file.notes


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_csv_has_question_answer_rating_and_label(workspace: Workspace) -> None:
    (row,) = rows(exported(workspace, "csv"))
    wanted = {
        "input: question": "Who won?",
        "model": "alpha",
        "name": "my name",
        "expected": "Argentina",
        "answer": "Argentina",
        "rating": "bad",
        "comment": "too short",
        "corrected": "The Argentines",
        "label": "public",
        "template": "templates/cup.yaml",
    }
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_no_cell_is_a_formula_and_json_keeps_the_exact_text(workspace: Workspace, text: str) -> None:
    content, _, notes = _file(workspace, "csv", text, text)
    (row,) = rows(content)
    assert row["answer"] == row["input: question"] == f"'{text}"
    assert any("apostrophe" in note for note in notes), "a value is never changed without a word"
    (entry,) = json.loads(exported(workspace, "json", text, text))
    assert (entry["answer"], entry["inputs"]) == (text, {"question": text})


@pytest.mark.parametrize("text", ["1-1", "a=b", "2026-01-01", "e@x", "", "'=1"])
def test_other_cells_stay_as_they_are(workspace: Workspace, text: str) -> None:
    content, _, notes = _file(workspace, "csv", text or "x", "Who?")
    assert rows(content)[0]["answer"] == (text or "x")
    assert notes == ()


def test_markdown_holds_any_answer_in_its_fence(workspace: Workspace) -> None:
    answer = "before\n````\n# no heading\n````\n[x](http://y)"
    text = exported(workspace, "markdown", answer)
    assert f"`````\n{answer}\n`````" in text
    assert "## my name" in text
    assert "Who won?" in text
    assert "rating bad" in text


def test_a_file_has_the_highest_label(make_workspace: Callable[..., Workspace]) -> None:
    where = make_workspace("models: {}\nlabels: {'fixtures/documents/**': confidential}\n")
    for format_ in ("csv", "json", "markdown"):
        text, label, _ = _file(where, format_, "Argentina", "Who won?")  # type: ignore[arg-type]  # one of the three
        assert label == "confidential"
        assert "confidential" in text


def test_half_a_character_is_written_as_an_escape_and_said() -> None:
    from promptlab.runs._answer_files import AnswerFile

    assert AnswerFile("a\ud800", "public").content == b"a\\ud800"


def test_nothing_to_export_is_an_error() -> None:
    with pytest.raises(PromptlabError, match="no answer"):
        write_answers([], "csv")


def test_a_sum_says_what_is_not_known() -> None:
    assert costs_text((None, 3)) == ""
    assert costs_text((0.5, 0)) == "$0.5000"
    assert costs_text((0.5, 2)) == "$0.5000 + 2 without a price"

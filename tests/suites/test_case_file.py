"""Files of cases: CSV, JSONL and YAML, read a case at a time, each mistake with its line."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from promptlab.errors import SuiteError
from promptlab.suites import _case_file as case_files
from promptlab.suites._suite import Case
from tests.suites.making import SuiteHouse, suites

__all__ = ["suites"]


def cases(suites: SuiteHouse, name: str, text: str | bytes, *, entry: str = "") -> list[Case]:
    """The cases of a file that is all of a suite."""
    (suites.workspace.root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    suite = suites.write(f"template: cup\nmodels: [good]\ncases: [{{file: {entry or name}}}]\n")
    return list(case_files.read(suites.workspace, suite))


WINNER = Case("winner", {"question": "Who won?"}, "Argentina", None, ("final", "short"), "internal", None, "")


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.jsonl", '\n{"id": "winner", "inputs": {"question": "Who won?"}, "expected": "Argentina", '
         '"tags": ["final", "short"], "label": "internal"}\n', 2),
        ("a.csv", "id,question,expected,tags,label\nwinner,Who won?,Argentina,final; short,internal\n", 2),
        ("a.tsv", "id\tquestion\texpected\ttags\tlabel\nwinner\tWho won?\tArgentina\tfinal;short\tinternal\n", 2),
        ("a.csv", "\ufeffid,question,expected,tags,label\r\n\r\nwinner,Who won?,Argentina,final;short,internal\r\n", 3),
        ("a.csv", "sep=;\r\nID;question;Expected;tags;LABEL\r\nwinner;Who won?;Argentina;\"final;short\";"
         "internal\r\n", 3),
        ("a.csv", "id;question;output;tags;label\nwinner;Who won?;Argentina;\"final;short\";internal\n", 2),
        ("a.csv", "id\tquestion\texpected\ttags\tlabel\nwinner\tWho won?\tArgentina\tfinal;short\tinternal\n", 2),
        ("a.yaml", "# cases\n- id: winner\n  inputs: {question: Who won?}\n  expected: Argentina\n"
         "  tags: [final, short]\n  label: internal\n", 2),
        ("a.jsonl", '{"id": "winner", "inputs": {"question": "Who won?"}, "output": "Argentina", '
         '"tags": ["final", "short"], "label": "internal"}', 1),
    ],
)  # fmt: skip
def test_each_form_gives_the_same_case(suites: SuiteHouse, name: str, text: str, line: int) -> None:
    (found,) = cases(suites, name, text)
    assert found.place == f"{name}:{line}"
    assert found == replace(WINNER, place=found.place)


def test_a_cell_of_several_lines_keeps_them_and_the_next_line_its_number(suites: SuiteHouse) -> None:
    first, second = cases(suites, "a.csv", 'id,question\na,"one\ntwo, ""three"""\nb,four\n')
    assert first.inputs == {"question": 'one\ntwo, "three"'}
    assert (first.place, second.place) == ("a.csv:2", "a.csv:4")


def test_cells_are_read_as_the_inputs_of_the_template_are_typed(suites: SuiteHouse) -> None:
    template = suites.workspace.root / "templates/cup.yaml"
    template.write_text(
        "inputs:\n  question: {type: string, sample: q}\n  n: {type: number, sample: 1}\n"
        "  all: {type: boolean, sample: true}\nuser: '{{ question }} {{ n }} {{ all }}'\n"
    )
    (found,) = cases(suites, "a.csv", "id,question,n,all\na,12,2.5,false\n")
    assert found.inputs == {"question": "12", "n": 2.5, "all": False}


def test_an_empty_cell_of_expected_is_nothing_expected(suites: SuiteHouse) -> None:
    (found,) = cases(suites, "a.csv", "id,question,expected,documents\na,q,,\n")
    assert (found.expected, found.documents) == (None, None)


def test_cases_of_a_confidential_file_are_confidential(suites: SuiteHouse) -> None:
    (suites.workspace.root / "promptlab.yaml").write_text("models: {}\nlabels: {a.csv: confidential}\n")
    suites.house.workspace = type(suites.workspace).load(suites.workspace.root)
    (found,) = cases(suites, "a.csv", "id,question\na,q\n")
    assert found.label == "confidential"


@pytest.mark.parametrize(
    ("name", "text", "line", "field", "said"),
    [
        ("a.jsonl", '{"id": "a"}\n{"id": "b"\n', 2, "", "not JSON"),
        ("a.jsonl", '{"id": "a"}\n[]\n', 2, "", "not a JSON object"),
        ("a.jsonl", '{"id": "a"}\n<<<<<<< HEAD\n', 2, "", "not JSON"),
        ("a.jsonl", '{"inputs": {}}', 1, "id", "not empty"),
        ("a.jsonl", '{"id": 3}', 1, "id", "not empty"),
        ("a.jsonl", '{"id": "a", "input": {}}', 1, "input", "unknown key"),
        ("a.jsonl", '{"id": "a", "inputs": []}', 1, "inputs", "object"),
        ("a.jsonl", '{"id": "a", "tags": "x"}', 1, "tags", "list of texts"),
        ("a.jsonl", '{"id": "a", "label": "secret"}', 1, "label", "is not a label"),
        ("a.jsonl", '{"id": "a", "scorers": ["exakt"]}', 1, "scorers", "no scorer"),
        ("a.jsonl", '{"id": "a"}\n{"id": "a"}\n', 2, "id", "used by an earlier case"),
        ("a.jsonl", '{"id": "a[b]"}', 1, "id", "one of [ ] #"),
        ("a.csv", "question\nq\n", 1, "", "no column `id`"),
        ("a.csv", "id,question,question\na,q,r\n", 1, "", "another column: 'question'"),
        ("a.csv", "id,question,\na,q,r\n", 1, "", "a column has no name"),
        ("a.csv", "id,question\na,one, two\n", 2, "", "3 cells under 2 columns"),
        ("a.csv", 'id,question\na,"open\n', 2, "", "not CSV"),
        ("a.csv", "id,question\n,q\n", 2, "id", "the id is empty"),
        ("a.csv", "id,qestion\na,q\n", 2, "inputs", "`qestion`"),
        ("a.yaml", "id: a\n", 1, "", "must be a list"),
        ("a.yaml", "- id: a\n- b\n", 2, "", "must be a mapping"),
        ("a.csv", b"id,question\na,\xff\n", None, "", "not UTF-8"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_line(
    suites: SuiteHouse, name: str, text: str | bytes, line: int | None, field: str, said: str
) -> None:
    with pytest.raises(SuiteError) as refused:
        cases(suites, name, text)
    assert (refused.value.file, refused.value.line) == (name, line)
    assert (refused.value.field or "") == field
    assert said in refused.value.what


@pytest.mark.parametrize("entry", ["b.csv", "../a.csv", "fixtures"])
def test_a_file_that_is_not_there_is_said_where_it_is_named(suites: SuiteHouse, entry: str) -> None:
    with pytest.raises(SuiteError) as refused:
        cases(suites, "a.csv", "id\n", entry=entry)
    assert (refused.value.file, refused.value.line, refused.value.field) == ("fixtures/suites/facts.yaml", 3, "file")


def test_an_id_that_two_files_have_is_refused_at_the_second(suites: SuiteHouse) -> None:
    (suites.workspace.root / "a.csv").write_text("id,question\nx,q\n")
    (suites.workspace.root / "b.csv").write_text("id,question\ny,q\nx,q\n")
    suite = suites.write("template: cup\nmodels: [good]\ncases: [{file: a.csv}, {file: b.csv}]\n")
    with pytest.raises(SuiteError) as refused:
        list(case_files.read(suites.workspace, suite))
    assert (refused.value.file, refused.value.line) == ("b.csv", 3)


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.jsonl", '{"id": "c0"}\n{"id": "c1"}\n{"id": \n'), ("a.csv", 'id\nc0\nc1\n"\n')],
)
def test_a_file_is_read_a_case_at_a_time(suites: SuiteHouse, name: str, text: str) -> None:
    """The cases before a broken line come before that is looked at."""
    (suites.workspace.root / name).write_text(text)
    suite = suites.write(f"template: cup\nmodels: [good]\ncases: [{{file: {name}}}]\n")
    every = case_files.read(suites.workspace, suite)
    assert [next(every).id, next(every).id] == ["c0", "c1"]
    with pytest.raises(SuiteError) as refused:
        next(every)
    assert refused.value.line == text.count("\n")


UNREADABLE = [
    ("[numeric]", "many", "number", ""),
    ("[{one_of: {among: [billing, shipping]}}]", "shiping", "not among the choices", "`shipping`"),
    ("[{json_fields: {fields: [golas]}}]", {"goals": 3}, "the field `golas`", "`goals`"),
    ("[regex]", "(", "regular expression", ""),
    ("[contains]", None, "no expected answer", "give the case `expected`"),
    ("[exact, json_schema]", None, "no expected answer", ""),
]


@pytest.mark.parametrize("place", ["suite.yaml", "a.jsonl", "a.yaml"])
@pytest.mark.parametrize(("scorers", "expected", "said", "hint"), UNREADABLE)
def test_what_no_scorer_can_read_is_said_before_anything_is_asked(
    suites: SuiteHouse, place: str, scorers: str, expected: object, said: str, hint: str
) -> None:
    fine = {"id": "fine", "inputs": {"question": "q"}, "scorers": []}
    case = {"id": "odd", "inputs": {"question": "q"}, "expected": expected}
    head = f"template: cup\nmodels: [good]\nscorers: {scorers}\n"
    if place == "suite.yaml":
        text, file, line = (
            f"{head}cases:\n- {json.dumps(fine)}\n- {json.dumps(case)}\n",
            "fixtures/suites/facts.yaml",
            6,
        )
    else:
        rows = [json.dumps(fine), json.dumps(case)]
        (suites.workspace.root / place).write_text("".join(f"{'- ' * (place == 'a.yaml')}{row}\n" for row in rows))
        text, file, line = f"{head}cases: [{{file: {place}}}]\n", place, 2

    def ask() -> None:
        suites.write(text)  # reads the suite's own cases
        suites.asking()  # reads the files of cases, and has asked nothing yet

    with pytest.raises(SuiteError) as refused:
        ask()
    assert (refused.value.file, refused.value.line) == (file, line)
    assert str(refused.value.field).endswith("expected")
    assert "case `odd`" in refused.value.what
    assert said in refused.value.what
    assert hint in refused.value.hint
    assert not suites.house.models["good"].history


def test_what_a_confidential_case_expects_is_in_no_error(suites: SuiteHouse) -> None:
    with pytest.raises(SuiteError) as refused:
        suites.write(
            "template: cup\nmodels: [good]\nscorers: [numeric]\n"
            "cases: [{id: a, inputs: {question: q}, expected: the secret, label: confidential}]\n"
        )
    assert "numeric" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_with_a_schema_in_the_template_json_schema_expects_nothing(suites: SuiteHouse) -> None:
    template = suites.workspace.root / "templates/cup.yaml"
    template.write_text(template.read_text() + "schema: {type: object}\n")
    suite = suites.write(
        "template: cup\nmodels: [good]\nscorers: [json_schema]\ncases: [{id: a, inputs: {question: q}}]\n"
    )
    assert [case.id for case in case_files.read(suites.workspace, suite)] == ["a"]

"""Cases added, changed, retired and uploaded: what is written, and that nothing else in the file changes."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.errors import SuiteBusy, SuiteError
from promptlab.suites._change import ChangedOnDisk, write_change
from promptlab.suites._edit_case import CaseDraft, plan_case, plan_retired, plan_upload, suite_cases
from promptlab.suites._file import load_suite
from promptlab.suites._items import suite_items
from promptlab.suites._lock import hold_suite
from promptlab.suites._prune import left_items
from tests.suites.making import PATH, SUITE, SuiteHouse, suites

__all__ = ["suites"]

HEAD = "template: cup\nmodels: [good]\nscorers: [contains]\ncases:\n  - file: fixtures/suites/FILE  # ours\n"
WINNER = CaseDraft("winner", {"question": "Who won the final?"}, "France", ("final",))
FILES: dict[str, tuple[str, str, str]] = {
    "jsonl": (
        "a.jsonl",
        '{"id":"winner",  "inputs": {"question": "Who won?"}, "expected": "Argentina", "label": "internal"}\r\n'
        '\n{"id": "host", "inputs": {"question": "Where was it?"},   "expected": "Qatar"}\r\n',
        '{"id": "winner", "inputs": {"question": "Who won the final?"}, "expected": "France", "tags": ["final"], '
        '"label": "internal"}\r\n'
        '\n{"id": "host", "inputs": {"question": "Where was it?"},   "expected": "Qatar"}\r\n',
    ),
    "a pool, in which the answer is the output": (
        "a.jsonl",
        '{"id": "winner", "inputs": {"question": "Who won?"}, "output": "Argentina"}\n'
        '{"id":"host","inputs":{"question":"Where was it?"},"output":"Qatar"}',
        '{"id": "winner", "inputs": {"question": "Who won the final?"}, "output": "France", "tags": ["final"]}\n'
        '{"id":"host","inputs":{"question":"Where was it?"},"output":"Qatar"}',
    ),
    "csv": (
        "a.csv",
        '\ufeffID;question;tags;expected\r\nwinner;"Who won?";;Argentina\r\nhost;Where was it?; x ;Qatar\r\n',
        '\ufeffID;question;tags;expected\r\nwinner;"Who won the final?";final;France\r\n'
        "host;Where was it?; x ;Qatar\r\n",
    ),
    "tsv": (
        "a.tsv",
        "id\tquestion\texpected\ttags\nwinner\tWho won?\tArgentina\tx\nhost\tWhere was it?\tQatar\t",
        "id\tquestion\texpected\ttags\nwinner\tWho won the final?\tFrance\tfinal\nhost\tWhere was it?\tQatar\t",
    ),
    "yaml": (
        "a.yaml",
        "# Cases.\n- id: winner  # ours\n  inputs:\n    question: 'Who won?'\n  expected: Argentina\n\n"
        "- {id: host, inputs: {question: Where was it?}, expected: Qatar}\n",
        "# Cases.\n- id: winner  # ours\n  inputs:\n    question: 'Who won the final?'\n  expected: France\n"
        "  tags: [final]\n\n- {id: host, inputs: {question: Where was it?}, expected: Qatar}\n",
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_only_the_case_changes_in_every_kind_of_file(suites: SuiteHouse, kind: str) -> None:
    name, before, after = FILES[kind]
    path = suites.workspace.root / "fixtures/suites" / name
    suites.write(SUITE)
    path.write_bytes(before.encode())
    suite = suites.write(HEAD.replace("FILE", name))
    change = plan_case(suites.workspace, PATH, WINNER, replaces="winner")
    assert path.read_bytes() == before.encode(), "a plan writes nothing"
    assert [(file.path, file.old) for file in change.files] == [(f"fixtures/suites/{name}", before)]
    write_change(suites.workspace, change)
    assert path.read_bytes().decode() == after
    case = suite_cases(suites.workspace, suite)[0]
    assert (case.id, case.inputs["question"], case.expected, case.tags) == (
        "winner",
        "Who won the final?",
        "France",
        ("final",),
    )
    write_change(suites.workspace, change.undone)
    assert path.read_bytes() == before.encode()


@pytest.mark.parametrize("kind", FILES)
def test_a_case_that_is_filled_in_as_it_was_changes_nothing(suites: SuiteHouse, kind: str) -> None:
    name, before, _ = FILES[kind]
    suites.write(SUITE)
    (suites.workspace.root / "fixtures/suites" / name).write_bytes(before.encode())
    suite = suites.write(HEAD.replace("FILE", name))
    for case in suite_cases(suites.workspace, suite):
        draft = CaseDraft(case.id, case.inputs, case.expected, case.tags)
        assert plan_case(suites.workspace, PATH, draft, replaces=case.id).empty


def test_a_case_in_the_suite_is_changed_in_place(suites: SuiteHouse) -> None:
    text = SUITE.replace("expected: Argentina", "expected: Argentina ").replace(
        "Who won the cup?}", "Who won the cup?}"
    )
    suites.write(text)
    draft = CaseDraft("winner", {"question": "Who won the cup?"}, ["Argentina", "the Argentines"], ("final",))
    change = plan_case(suites.workspace, PATH, draft, replaces="winner")
    assert change.files[0].new == text.replace("expected: Argentina", "expected: [Argentina, the Argentines]")


def test_a_new_case_comes_last_and_leaves_every_other_line(suites: SuiteHouse) -> None:
    suites.write()
    change = plan_case(suites.workspace, PATH, CaseDraft("third", {"question": "Who came third?"}, "Croatia"))
    assert change.files[0].new.startswith(SUITE)
    write_change(suites.workspace, change)
    assert [case.id for case in suite_cases(suites.workspace, suites.suite)] == ["winner", "host", "goals", "third"]


REFUSED = {
    "an id that is taken": (CaseDraft("host", {"question": "q"}, "x"), "", "is used in"),
    "no id": (CaseDraft("", {"question": "q"}, "x"), "", "give the case an id"),
    "an id with a bracket": (CaseDraft("a[b]", {"question": "q"}, "x"), "", "[ ] #"),
    "another id": (CaseDraft("other", {"question": "q"}, "x"), "host", "cannot be edited"),
    "an input that the template does not know": (CaseDraft("n", {"question": "q", "x": "y"}, "x"), "", "no input `x`"),
    "an input that is missing": (CaseDraft("n", {}, "x"), "", "`question` is missing"),
    "nothing expected, and a scorer that needs it": (CaseDraft("n", {"question": "q"}), "", "expected"),
    "no number for the own scorer of the case": (
        CaseDraft("goals", {"question": "q"}, "a lot"),
        "goals",
        "numeric",
    ),
    "a case that is not there": (CaseDraft("nine", {"question": "q"}, "x"), "nine", "there is no case"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_suite_could_not_be_read_with_is_refused(suites: SuiteHouse, what: str) -> None:
    draft, replaces, words = REFUSED[what]
    suites.write()
    with pytest.raises(SuiteError) as refused:
        plan_case(suites.workspace, PATH, draft, replaces=replaces)
    assert words in refused.value.message


def test_a_file_that_changed_meanwhile_is_not_overwritten(suites: SuiteHouse) -> None:
    suites.write()
    change = plan_case(suites.workspace, PATH, replace(WINNER, id="second"))
    edited = SUITE.replace("Facts of the final", "Edited in an editor")
    (suites.workspace.root / PATH).write_text(edited)
    with pytest.raises(ChangedOnDisk):
        write_change(suites.workspace, change)
    assert (suites.workspace.root / PATH).read_text() == edited


def test_nothing_is_written_while_the_suite_is_asked(suites: SuiteHouse) -> None:
    suites.write()
    change = plan_case(suites.workspace, PATH, replace(WINNER, id="second"))
    taken, free = threading.Event(), threading.Event()

    def ask() -> None:
        with hold_suite(suites.workspace, PATH, "rerun"):
            taken.set()
            free.wait(20)

    asking = threading.Thread(target=ask)
    asking.start()
    assert taken.wait(20)
    with pytest.raises(SuiteBusy):
        write_change(suites.workspace, change)
    free.set()
    asking.join(20)
    assert (suites.workspace.root / PATH).read_text() == SUITE


def test_a_retired_case_goes_with_its_recorded_answers_and_comes_back(suites: SuiteHouse) -> None:
    suites.write()
    suites.record()
    recording = suites.workspace.root / suites.suite.recording
    before = recording.read_bytes()
    change = plan_retired(suites.workspace, PATH, "host")
    assert change.recorded == 2
    write_change(suites.workspace, change)
    assert [item.key.case for item in suite_items(suites.workspace, suites.suite)].count("host") == 0
    assert left_items(suites.workspace, suites.suite) == []
    assert len([line for line in recording.read_text().splitlines() if '"case": "winner"' in line]) == 2
    write_change(suites.workspace, change.undone)
    assert (suites.workspace.root / PATH).read_text() == SUITE
    assert recording.read_bytes() == before


def test_the_only_case_is_not_retired(suites: SuiteHouse) -> None:
    suites.write(SUITE[: SUITE.index("  - {id: host")])
    with pytest.raises(SuiteError, match="only case"):
        plan_retired(suites.workspace, PATH, "winner")


def test_another_suite_that_reads_the_file_is_kept_readable(suites: SuiteHouse) -> None:
    suites.write()
    (suites.workspace.root / "fixtures/suites/a.jsonl").write_text(
        '{"id": "n", "inputs": {"question": "How many?"}, "expected": "10"}\n'
    )
    suites.write(HEAD.replace("FILE", "a.jsonl"))
    other = HEAD.replace("FILE", "a.jsonl").replace("[contains]", "[numeric]")
    suites.write(other, "fixtures/suites/numbers.yaml")
    with pytest.raises(SuiteError, match=r"numbers\.yaml reads this file too"):
        plan_case(suites.workspace, PATH, CaseDraft("n", {"question": "How many?"}, "a lot"), replaces="n")


# Uploads

GOOD = b"id,question,expected,tags\nthird,Who came third?,Croatia,a;b\nfourth,Who came fourth?,Morocco,\n"


def test_an_upload_is_kept_as_it_is_and_added_to_the_suite(suites: SuiteHouse) -> None:
    suites.write()
    change, cases = plan_upload(suites.workspace, PATH, "More Facts.csv", GOOD)
    assert [case.id for case in cases] == ["third", "fourth"]
    assert cases[0].tags == ("a", "b")
    write_change(suites.workspace, change)
    assert (suites.workspace.root / "fixtures/suites/facts.cases.csv").read_bytes() == GOOD
    assert (suites.workspace.root / PATH).read_text() == SUITE + "  - {file: fixtures/suites/facts.cases.csv}\n"
    again, _ = plan_upload(suites.workspace, PATH, "a.csv", GOOD.replace(b"third", b"x").replace(b"fourth", b"y"))
    assert again.files[1].path == "fixtures/suites/facts.cases-2.csv"
    write_change(suites.workspace, change.undone)
    assert (suites.workspace.root / PATH).read_text() == SUITE
    assert not (suites.workspace.root / "fixtures/suites/facts.cases.csv").exists()


BAD_UPLOADS = {
    "no column id": ("a.csv", b"question,expected\nWho?,x\n", "there is no column `id`"),
    "too few cells": ("a.csv", b"id,question,expected\na,Who?\n", "2 cells under 3 columns"),
    "an id that the suite has": ("a.csv", b"id,question,expected\nhost,Who?,x\n", "is used by an earlier case"),
    "an id twice": ("a.csv", b"id,question,expected\na,Who?,x\na,Who?,x\n", "is used by an earlier case"),
    "two delimiters": ("a.csv", b"id,a;id\n1,2;3\n", "delimiter"),
    "a column that is no input": ("a.csv", b"id,question,expected,who\na,Who?,x,me\n", "who"),
    "no column for an input": ("a.csv", b"id,expected\na,x\n", "`question` is missing"),
    "nothing expected": ("a.csv", b"id,question,expected\na,Who?,\n", "expected"),
    "not UTF-8": ("a.csv", "id,question,expected\na,Où?,x\n".encode("latin-1"), "not UTF-8"),
    "no rows": ("a.csv", b"id,question,expected\n", "there is no case in the file"),
    "another kind of file": ("a.xlsx", b"PK\x03\x04", "not a file of cases"),
    "JSON lines that are none": ("a.jsonl", b"{]\n", "not JSON"),
    "a YAML mapping": ("a.yaml", b"id: a\n", "must be a list of cases"),
}


@pytest.mark.parametrize("what", BAD_UPLOADS)
def test_an_upload_with_a_mistake_is_refused(suites: SuiteHouse, what: str) -> None:
    name, data, words = BAD_UPLOADS[what]
    suites.write()
    with pytest.raises(SuiteError) as refused:
        plan_upload(suites.workspace, PATH, name, data)
    assert words in refused.value.message + refused.value.hint
    assert [path.name for path in Path(suites.workspace.root / "fixtures/suites").iterdir()] == ["facts.yaml"]


def test_numbers_and_objects_of_json_stay_as_they_are_written(suites: SuiteHouse) -> None:
    suites.write()
    line = '{"id": "n", "inputs": {"question": "How many?"}, "expected": 12345678901234567890}\n'
    (suites.workspace.root / "fixtures/suites/a.jsonl").write_text(line)
    suites.write(HEAD.replace("FILE", "a.jsonl").replace("[contains]", "[numeric]"))
    case = suite_cases(suites.workspace, load_suite(suites.workspace, PATH))[0]
    change = plan_case(
        suites.workspace, PATH, CaseDraft("n", {"question": "How many then?"}, case.expected), replaces="n"
    )
    assert json.loads(change.files[0].new)["expected"] == 12345678901234567890

"""Renaming a case: its answers, marks and history follow, in every kind of file, and also if the process is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import InputError, SuiteError
from promptlab.suites._annotations import Mark, add_mark, answer_id, load_marks
from promptlab.suites._baseline import RunAnswers, last_answered_run
from promptlab.suites._file import load_suite
from promptlab.suites._items import suite_items
from promptlab.suites._prune import left_items, prune_recording
from promptlab.suites._rename import Renamed, rename_case
from promptlab.suites._rename_note import command_to_finish
from promptlab.suites._renamed_text import renamed_text
from promptlab.suites._suite import ItemKey
from promptlab.workspace._workspace import Workspace
from tests.places import ROOT
from tests.suites.making import PATH, SUITE, SuiteHouse, suites

__all__ = ["suites"]

HEAD = "template: cup\nmodels: [good]\nscorers: [{regex: {pattern: won}}]\ncases: [{file: FILE}]\n"
FILES: dict[str, tuple[str, str, str]] = {
    "jsonl": (
        "a.jsonl",
        '{"expected": "id", "id":"winner",  "inputs": {"question": "Who won the cup?"}}\r\n\n'
        '{"id": "host", "inputs": {"question": "Where was the cup?"}, "tags": ["winner"]}',
        '"winner",',
    ),
    "jsonl, the id last, and the word before": (
        "a.jsonl",
        '\ufeff{"inputs": {"question": "Who won \\"id\\": \\"winner\\"?"}, "expected": "\\"id\\": \\"winner\\"", '
        '"id": "winner"}\n',
        '"winner"}',
    ),
    "csv": (
        "a.csv",
        'id,question,expected\nhost,"Where was it,\nthe winner?",x\nwinner,Who won?,winner\n',
        "winner,Who",
    ),
    "csv of Excel": (
        "a.csv",
        '\ufeffsep=;\r\nquestion;ID;expected\r\nWho won?;"winner";winner\r\nWhere was it?;host;x\r\n',
        '"winner";',
    ),
    "tsv": ("a.tsv", "question\tid\nWho won?\twinner\n", "\twinner"),
    "yaml": ("a.yaml", "# ours\n- id: host  # here\n  inputs: {question: Where was?}\n- id: winner  # won\n"
             "  inputs:\n    question: Who won?\n  expected: winner\n", "id: winner  #"),
    "yaml in one line": ("a.yaml", '[{"id": "winner", "inputs": {"question": "Who won?"}}]\n', '"id": "winner"'),
    "the suite": (PATH, SUITE, "id: winner"),
}  # fmt: skip
IDS = [
    "final-winner",
    "a::b",
    "a/b c",
    "naïve 日本 🏆",
    'say "hi"',
    "it's, really; 1\\2",
    "x" * 300,
    "a: b",
    "- a",
    "7",
    "null",
]


def rename(suites: SuiteHouse, old: str = "winner", new: str = "champion", **more: Any) -> Renamed:
    return rename_case(suites.workspace, PATH, old, new, log=suites.log, store=suites.house.store, **more)


def written(suites: SuiteHouse, name: str) -> tuple[Path, str, str]:
    path, text, about = FILES[name]
    full = suites.workspace.root / path
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_bytes(text.encode())
    suites.write(text if path == PATH else HEAD.replace("FILE", path))
    return full, text, about


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("new", IDS)
def test_only_the_id_changes_in_every_kind_of_file(suites: SuiteHouse, name: str, new: str) -> None:
    full, text, about = written(suites, name)
    after = renamed_text(suites.workspace, str(full.relative_to(suites.workspace.root)), "winner", new).decode()
    start = text.index(about)
    assert after.startswith(text[:start])
    assert after.endswith(text[start + len(about) :])
    full.write_bytes(after.encode())
    cases = list(json.loads(json.dumps([one.key.case for one in _items(suites)])))
    assert new in cases
    assert "winner" not in cases


def _items(suites: SuiteHouse) -> Any:
    return suite_items(suites.workspace, suites.suite)


def state(suites: SuiteHouse) -> dict[str, Any]:
    """All that is kept of the suite, without the ids of its runs."""
    suite = load_suite(suites.workspace, PATH)
    answers = RunAnswers(suites.house.store, suites.log, last_answered_run(suites.log, suite, "rerun"))
    keys = [item.key for item in _items(suites)]
    return {
        "suite": (suites.workspace.root / PATH).read_text(),
        "recorded": [(one.key.id, one.completion.text, one.request_key, one.expected) for one in suites.stored()],
        "replayed": [(one.key.id, one.status) for one in suites.replay()],
        "marks": sorted(mark.place for mark in load_marks(suites.workspace, PATH).values()),
        "rows": [[row.key.id for row in suites.log.every_row(run)] for run in suites.log.runs(PATH)],
        "answers": [found.text if (found := answers.get(key)) else None for key in keys],
    }


def used(suites: SuiteHouse) -> None:
    """A suite that was recorded, asked again and marked."""
    suites.record()
    suites.rerun(prompts="current")
    mark = Mark("winner", "", "good", answer_id("Argentina did."), good=True, by="Ann")
    add_mark(suites.workspace, PATH, mark)


def test_a_renamed_case_keeps_its_answers_marks_and_history(suites: SuiteHouse) -> None:
    used(suites)
    before = state(suites)
    asked = sum(len(backend.history) for backend in suites.house.models.values())
    expected = json.loads(json.dumps(before).replace("winner", "champion"))
    dry = rename(suites, dry=True)
    assert state(suites) == before
    done = rename(suites)
    assert done == dry
    assert (done.file, done.prompt_changes) == (PATH, False)
    (one,) = done.suites
    assert (one.suite, one.items, one.marks, one.rows) == (PATH, 2, 1, 4)
    assert json.loads(json.dumps(state(suites))) == expected
    assert {status for _, status in expected["replayed"]} == {"same"}
    assert sum(len(backend.history) for backend in suites.house.models.values()) == asked
    # There and back again: every byte is as it was.
    rename(suites, "champion", "winner")
    assert state(suites) == before


def test_lines_of_other_cases_keep_their_bytes(suites: SuiteHouse) -> None:
    suites.record()
    path = suites.workspace.resolve(suites.suite.recording)
    before = path.read_bytes().splitlines()
    rename(suites)
    after = path.read_bytes().splitlines()
    changed = [n for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert len(changed) == 2
    assert all(json.loads(after[n])["case"] == "champion" for n in changed)


def test_an_id_changed_by_hand_is_followed(suites: SuiteHouse) -> None:
    used(suites)
    expected = json.loads(json.dumps(state(suites)).replace("winner", "champion"))
    suites.write(SUITE.replace("id: winner", "id: champion"))
    left = [one for one in suites.replay() if one.status == "unexpected"]
    assert [one.key.case for one in left] == ["winner", "winner"]
    assert "suite rename facts winner" in left[0].said
    done = rename(suites)
    assert (done.file, done.suites[0].items) == ("", 2)
    assert json.loads(json.dumps(state(suites))) == expected


def test_every_suite_that_reads_the_file_follows(suites: SuiteHouse) -> None:
    written(suites, "csv")
    suites.house.model("good", "Argentina")
    suites.record()
    other = "fixtures/suites/other.yaml"
    suites.write(HEAD.replace("FILE", "a.csv"), path=other)
    suites.path = other
    suites.record()
    suites.path = PATH
    done = rename(suites)
    assert [(one.suite, one.items) for one in done.suites] == [(PATH, 1), (other, 1)]
    for suites.path in (PATH, other):
        assert {one.status for one in suites.replay()} == {"same"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("winner", "host", "is used in"),
        ("winner", "", "the new id is empty"),
        ("winner", "winner", "is the id already"),
        ("winner", "a[b]", "has one of"),
        ("winner", " a", "white space"),
        ("winnr", "a", "there is no case `winnr`"),
    ],
)
def test_an_id_that_cannot_be_given_is_refused_and_nothing_changes(
    suites: SuiteHouse, old: str, new: str, said: str
) -> None:
    used(suites)
    before = state(suites)
    with pytest.raises(SuiteError, match=said.replace("[", r"\[")):
        rename(suites, old, new)
    assert state(suites) == before


def test_an_id_that_is_recorded_or_in_the_history_is_refused(suites: SuiteHouse) -> None:
    used(suites)
    suites.write("".join(line + "\n" for line in SUITE.splitlines() if "id: host" not in line))
    with pytest.raises(SuiteError, match="are recorded"):
        rename(suites, new="host")
    prune_recording(suites.workspace, suites.suite)
    with pytest.raises(SuiteError, match="history"):
        rename(suites, new="host")
    assert (suites.workspace.root / PATH).read_text().count("id: winner") == 1


def test_a_prompt_that_depends_on_the_id_is_said(suites: SuiteHouse) -> None:
    """The example with the id of the case is left out of its prompt."""
    suites.write("".join(line + "\n" for line in SUITE.splitlines() if "id: host" not in line))
    pool = (suites.workspace.root / "fixtures/examples/cup.jsonl").read_text().splitlines()
    assert rename(suites, new=json.loads(pool[0])["id"], dry=True).prompt_changes


# Killed

PROGRAM = """
import os, signal, sys
from promptlab._util import transaction
from promptlab.runs._store import Store
from promptlab.suites import _rename as renaming
from promptlab.suites._log import SuiteLog
from promptlab.workspace import Workspace

left = int(sys.argv[1])

def dying(function):
    def at_once(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return function(*args, **kwargs)
    return at_once

for place, name in ((renaming, "write_note"), (renaming, "remove_note"), (transaction, "write_atomically"),
                    (SuiteLog, "rename_case"), (Store, "rename_cases"), (transaction.Path, "unlink")):
    setattr(place, name, dying(getattr(place, name)))

workspace = Workspace.find()
renaming.rename_case(workspace, "facts", "winner", "champion",
    log=SuiteLog(workspace.state / "suites.sqlite"), store=Store(workspace.state / "runs.sqlite"))
"""


@pytest.mark.parametrize("left", range(11))
def test_killed_at_any_step_all_or_nothing_is_renamed_and_the_same_command_finishes(
    suites: SuiteHouse, left: int
) -> None:
    used(suites)
    before = state(suites)
    expected = json.loads(json.dumps(before).replace("winner", "champion"))
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(left)], cwd=suites.workspace.root, env=env, capture_output=True, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    suites.house.workspace = Workspace.find(suites.workspace.root)  # finishes the files
    command = command_to_finish(suites.workspace, PATH)
    if command:
        assert command == "promptlab suite rename fixtures/suites/facts.yaml winner champion"
        with pytest.raises(InputError, match="is being renamed"):
            load_suite(suites.workspace, PATH)
        text = (suites.workspace.root / PATH).read_text()
        in_file = {name for name in ("winner", "champion") if f"id: {name}" in text}
        assert in_file == {one.key.case for one in suites.stored()} & {"winner", "champion"}
        rename(suites)
    now = state(suites)
    assert json.loads(json.dumps(now)) in (expected, json.loads(json.dumps(before)))
    if left:
        assert json.loads(json.dumps(now)) == expected


# Items that left


def test_what_left_the_suite_is_listed_and_removed_and_the_rest_keeps_its_bytes(suites: SuiteHouse) -> None:
    suites.record()
    path = suites.workspace.resolve(suites.suite.recording)
    before = path.read_bytes().splitlines()
    assert left_items(suites.workspace, suites.suite) == []
    suites.write(SUITE.replace("[good, bad]", "[good]"))
    gone = [ItemKey(case, "", "bad") for case in ("winner", "host", "goals")]
    assert left_items(suites.workspace, suites.suite) == gone
    assert prune_recording(suites.workspace, suites.suite) == gone
    kept = path.read_bytes().splitlines()
    assert kept == [line for line in before if b'"model": "bad"' not in line]
    assert [one.status for one in suites.replay()] == ["same"] * 3
    assert prune_recording(suites.workspace, suites.suite) == []

"""Changing a pool touches one record; the rest of the file stays to the byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab._util.files import write_atomically
from promptlab.errors import ExampleError, WorkspaceError
from promptlab.examples import _edit as pools
from promptlab.examples import _pool as examples
from promptlab.types import Example
from promptlab.workspace._workspace import Workspace

A = Example("a", {"question": "Q1"}, "A1")
NEW = Example("new", {"question": 'With "quotes", commas\nand lines'}, "Köln", ("t", "u"), "internal")
JSONL = (
    '\ufeff{"output": "A1", "id":"a",  "inputs": {"question": "Q1"}}\r\n\r\n'
    '{"id":"b","inputs":{"question":"Q2"},"output":"A2"}'
)
EXCEL = '\ufeffsep=;\r\nID;"question";output;tags;Label\r\na;"Q1";A1;;\r\n\r\nb;Q2;"A2";;'
CSV = '\ufeffid,"question",output,tags,label\r\na,"Q1",A1,,\r\n\r\nb,Q2,"A2",,'


@pytest.fixture(params=["jsonl", "csv", "excel.csv"])
def pool(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Workspace, str, Path, str]:
    (tmp_path / "promptlab.yaml").write_text("models: {}\n")
    name, text = f"p.{request.param}", {"jsonl": JSONL, "csv": CSV, "excel.csv": EXCEL}[request.param]
    (tmp_path / name).write_bytes(text.encode())
    return Workspace.load(tmp_path), name, tmp_path / name, text


Pool = tuple[Workspace, str, Path, str]


def test_adding_appends_a_line_and_changes_no_other(pool: Pool) -> None:
    here, name, file, before = pool
    pools.add_example(here, name, NEW)
    after = file.read_bytes().decode()
    assert after.startswith(before + "\r\n")
    assert after.endswith("\r\n")
    assert examples.load_pool(here, name)[-1] == NEW


def test_editing_replaces_one_record(pool: Pool) -> None:
    here, name, file, before = pool
    pools.edit_example(here, name, "a", NEW)
    after = file.read_bytes().decode()
    tail = before[before.index("\r\n\r\n") :]
    assert after.endswith(tail)
    assert after.startswith("\ufeff")
    assert [e.id for e in examples.load_pool(here, name)] == ["new", "b"]
    assert examples.load_pool(here, name)[0] == NEW


def test_deleting_takes_out_one_record(pool: Pool) -> None:
    here, name, file, before = pool
    pools.delete_examples(here, name, "a")
    after = file.read_bytes().decode()
    assert after.startswith("\ufeff")
    assert (
        len(before) - len(after)
        == len(next(row for row in before.removeprefix("\ufeff").split("\r\n") if "Q1" in row)) + 2
    )
    assert [e.id for e in examples.load_pool(here, name)] == ["b"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda here, name: pools.add_example(here, name, A), "the id `a` is taken"),
        (lambda here, name: pools.edit_example(here, name, "z", A), "there is no example `z`"),
        (lambda here, name: pools.edit_example(here, name, "b", A), "used in line"),
        (lambda here, name: pools.delete_examples(here, name, "z"), "there is no example `z`"),
        (lambda here, name: pools.add_example(here, name, Example("c", {}, "x")), "at least one input"),
        (lambda here, name: pools.add_example(here, name, Example("c", {"question": "x"}, "")), "not empty"),
        (lambda here, _: pools.edit_example(here, "none.jsonl", "a", A), "there is no such pool"),
        (lambda here, _: pools.add_example(here, "../x.jsonl", A), "leads out"),
        (lambda here, _: pools.add_example(here, "p.yaml", A), "YAML pools are read and not changed"),
    ],
)
def test_a_change_that_cannot_be_made_leaves_the_file_as_it_was(pool: Pool, change: Any, words: str) -> None:
    here, name, file, before = pool
    with pytest.raises(ExampleError, match=words):
        change(here, name)
    assert file.read_bytes().decode() == before


def test_a_table_refuses_what_it_has_no_column_for(tmp_path: Path) -> None:
    (tmp_path / "promptlab.yaml").write_text("models: {}\n")
    here = Workspace.load(tmp_path)
    (tmp_path / "p.csv").write_text("id,question,output\n")
    with pytest.raises(ExampleError, match="there is no column `passage`"):
        pools.add_example(here, "p.csv", Example("a", {"question": "x", "passage": "y"}, "z"))
    with pytest.raises(ExampleError, match="there is no column `tags`"):
        pools.add_example(here, "p.csv", Example("a", {"question": "x"}, "z", ("t",)))
    (tmp_path / "p.csv").write_text("id,question,output,tags\n")
    with pytest.raises(ExampleError, match="cannot be written to this file format"):
        pools.add_example(here, "p.csv", Example("a", {"question": "x"}, "z", ("t;u",)))


@pytest.mark.parametrize("name", ["new/p.jsonl", "new/p.csv"])
def test_a_new_pool_begins_with_its_first_example(tmp_path: Path, name: str) -> None:
    (tmp_path / "promptlab.yaml").write_text("models: {}\n")
    here = Workspace.load(tmp_path)
    pools.add_example(here, name, NEW)
    pools.add_example(here, name, A)
    assert examples.load_pool(here, name) == (NEW, A)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=20)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5), st.sampled_from(["jsonl", "csv"]))
def test_any_text_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]], ending: str
) -> None:
    root = tmp_path_factory.mktemp("w")
    (root / "promptlab.yaml").write_text("models: {}\n")
    here = Workspace.load(root)
    wanted = tuple(Example(f"e{n}", {"q": q}, a) for n, (q, a) in enumerate(texts))
    for example in wanted:
        pools.add_example(here, f"p.{ending}", example)
    assert examples.load_pool(here, f"p.{ending}") == wanted


def test_deduplicating_keeps_the_first_and_leaves_contradictions(tmp_path: Path) -> None:
    (tmp_path / "promptlab.yaml").write_text("models: {}\n")
    here = Workspace.load(tmp_path)
    rows = [("a", "Q", "A"), ("b", " q ", "a"), ("c", "Q", "B"), ("d", "R", "A"), ("e", "r", "A")]
    lines = [json.dumps({"id": id, "inputs": {"q": q}, "output": out}) + "\n" for id, q, out in rows]
    (tmp_path / "p.jsonl").write_text("".join(lines))
    assert pools.remove_duplicates(here, "p.jsonl", dry=True) == (["b", "e"], [("a", "b", "c")])
    assert (tmp_path / "p.jsonl").read_text() == "".join(lines)
    assert pools.remove_duplicates(here, "p.jsonl") == (["b", "e"], [("a", "b", "c")])
    assert (tmp_path / "p.jsonl").read_text() == lines[0] + lines[2] + lines[3]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(tmp_path / "f", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_text() == "old"


@pytest.mark.parametrize(
    "change",
    [
        lambda here, name, seen: pools.edit_example(here, name, "a", NEW, was=seen),
        lambda here, name, seen: pools.delete_examples(here, name, "a", was=seen),
    ],
    ids=["edit", "delete"],
)
def test_what_somebody_else_changed_meanwhile_stays(pool: Pool, change: Callable[..., None]) -> None:
    here, name, file, _ = pool
    seen = examples.load_pool(here, name)[0]
    pools.edit_example(here, name, "a", Example("a", {"question": "Q1"}, "theirs"))
    before = file.read_bytes()
    with pytest.raises(ExampleError, match="`a` was changed by another user"):
        change(here, name, seen)
    assert file.read_bytes() == before
    pools.edit_example(here, name, "a", NEW, was=examples.load_pool(here, name)[0])
    assert examples.load_pool(here, name)[0] == NEW


def test_deduplicating_takes_out_what_was_shown_or_nothing(pool: Pool) -> None:
    here, name, file, _ = pool
    pools.add_example(here, name, Example("c", {"question": "q1"}, "a1"))
    before = file.read_bytes()
    with pytest.raises(ExampleError, match="the pool has changed meanwhile"):
        pools.remove_duplicates(here, name, expected=["b"])
    assert file.read_bytes() == before
    assert pools.remove_duplicates(here, name, expected=["c"])[0] == ["c"]
    assert [e.id for e in examples.load_pool(here, name)] == ["a", "b"]


def test_a_question_is_found_in_the_pool_whatever_its_case(pool: Pool) -> None:
    here, name, _, _ = pool
    assert pools.find_same_question(here, name, {"question": " q1 "}) == A
    assert pools.find_same_question(here, name, {"question": "q3"}) is None
    assert pools.find_same_question(here, "none.jsonl", {"question": "Q1"}) is None


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("cup", "fixtures/examples/cup.jsonl"),
        (" cup.csv ", "fixtures/examples/cup.csv"),
        ("mine/v1.2", "mine/v1.2.jsonl"),
    ],
)
def test_a_new_pool_goes_beside_the_others(tmp_path: Path, name: str, path: str) -> None:
    (tmp_path / "fixtures/examples").mkdir(parents=True)
    assert pools.new_pool_path(Workspace(tmp_path, {}, {}), name) == path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("  ", "a pool needs a name"),
        ("taken", "the file exists already"),
        ("a.yaml", "YAML pools are read and not changed"),
        ("../out", "a pool cannot have this name"),
        ("n\0ul", "a pool cannot have this name"),
        ("n" * 300, "a pool cannot have this name"),
    ],
)
def test_a_name_no_new_pool_can_have_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/taken.jsonl").touch()
    with pytest.raises(ExampleError, match=words):
        pools.new_pool_path(Workspace(tmp_path, {}, {}), name)


def test_a_copy_stays_as_private_as_its_original_until_somebody_lowers_it_with_a_reason(
    make_workspace: Callable[..., Workspace],
) -> None:
    row = {"id": "a", "inputs": {"question": "Who?"}, "output": "Merger", "copied_from": ["d.md"]}
    files = {"d.md": "Merger", "fixtures/examples/copy.jsonl": json.dumps(row) + "\n"}
    here = make_workspace('labels: {"d.md": confidential}\n', files)
    (private,) = examples.load_pool(here, "fixtures/examples/copy.jsonl")
    assert private.label == "confidential"
    public = replace(private, label="public")
    with pytest.raises(WorkspaceError, match="needs a reason"):
        pools.edit_example(here, "fixtures/examples/copy.jsonl", "a", public)
    pools.edit_example(here, "fixtures/examples/copy.jsonl", "a", replace(private, output="A merger"))
    (changed,) = examples.load_pool(here, "fixtures/examples/copy.jsonl")
    assert (changed.label, changed.output) == ("confidential", "A merger"), "an edit alone releases nothing"
    pools.edit_example(here, "fixtures/examples/copy.jsonl", "a", public, reason="it is in the papers")
    (released,) = examples.load_pool(here, "fixtures/examples/copy.jsonl")
    assert (released.label, released.origins) == ("public", ())
    assert "it is in the papers" in (here.state / "ledger.jsonl").read_text("utf-8")

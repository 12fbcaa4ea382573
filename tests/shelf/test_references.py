"""Who names a file, and that a new name changes only the characters of the old one."""

from __future__ import annotations

import json

import pytest

from promptlab.shelf._references import files_that_name, renamed_references, renamed_text
from promptlab.workspace._workspace import Workspace

OLD, NEW = "documents/plan.md", "documents/2026/plan b.md"
PLACES: dict[str, tuple[str, str, str, str]] = {
    # a file, its text with @ for the name, the old name and the new one
    "a document of a template": ("templates/a.yaml", "# ours\ncontext: [@]  # kept\nuser: hi\n", OLD, NEW),
    "a document in a block list": ("templates/a.yaml", "context:\n  # the plan\n  - @ # why\nuser: hi\n", OLD, NEW),
    "a document with passages": (
        "templates/a.yaml",
        "context:\n- path: @\n  passages: {select: bm25, k: 2}\nuser: hi\n",
        OLD,
        NEW,
    ),
    "the pool of a template": (
        "templates/a.yaml",
        "examples: {pool: @, k: 2}\nuser: hi\n",
        "examples/a.jsonl",
        "examples/b.jsonl",
    ),
    "the template of a suite": (
        "fixtures/suites/s.yaml",
        "template: @\nmodels: [m]\ncases: []\n",
        "templates/a.yaml",
        "templates/b.yaml",
    ),
    "the template of a variant": (
        "fixtures/suites/s.yaml",
        "template: other\nvariants: {x: {template: @}}\nmodels: [m]\ncases: []\n",
        "templates/a.yaml",
        "templates/b.yaml",
    ),
    "the template of a judge": (
        "fixtures/suites/s.yaml",
        "template: other\nscorers: [{judge: {model: m, template: @}}]\nmodels: [m]\ncases: []\n",
        "templates/a.yaml",
        "templates/b.yaml",
    ),
    "documents of a case": (
        "fixtures/suites/s.yaml",
        "template: t\nmodels: [m]\ncases:\n- {id: a, documents: [@, documents/x.md]}\n",
        OLD,
        NEW,
    ),
    "a pool as cases": (
        "fixtures/suites/s.yaml",
        "template: t\nmodels: [m]\ncases:\n- {file: @}\n",
        "examples/a.jsonl",
        "examples/b.jsonl",
    ),
    "what a row was copied from": (
        "fixtures/examples/p.jsonl",
        '{"id": "a",  "inputs": {"q": "x"}, "output": "y", "copied_from": [ "@", ["@", "host"]] }\n',
        OLD,
        NEW,
    ),
    "documents of a case in JSON lines": (
        "fixtures/suites/c.jsonl",
        '{"id": "a", "inputs": {"q": "x"}, "documents": ["@"]}\r\n{"id": "b", "inputs": {"q": "x"}}\r\n',
        OLD,
        NEW,
    ),
    "documents of a case in CSV": (
        "fixtures/suites/c.csv",
        'ID,question,Documents\r\na,"Who, then?",@;documents/x.md\r\nb,x,\r\n',
        OLD,
        NEW,
    ),
    "a row of a list in YAML": (
        "fixtures/suites/c.yaml",
        "# cases\n- {id: a, inputs: {q: x}, documents: [@]}\n",
        OLD,
        NEW,
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_name_is_changed_wherever_it_stands_and_nothing_else_is(place: str, workspace: Workspace) -> None:
    path, text, old, new = PLACES[place]
    (workspace.root / path).parent.mkdir(parents=True, exist_ok=True)
    (workspace.root / path).write_bytes(text.replace("@", old).encode())
    assert files_that_name(workspace, old) == [path]
    edits = renamed_references(workspace, old, new)
    assert list(edits) == [path]
    assert edits[path].after == text.replace("@", new)
    assert files_that_name(workspace, "documents/plan.mdx") == []


NOT_NAMES = {
    "the text of a section": ("templates/a.yaml", f"user: 'read {OLD}'\ninstructions: {OLD}\n"),
    "an input of a case": ("fixtures/suites/c.jsonl", json.dumps({"id": "a", "inputs": {"q": OLD, "file": OLD}})),
    "a column that is an input": ("fixtures/suites/c.csv", f"id,file,question\na,{OLD},{OLD}\n"),
    "the output of an example": ("fixtures/examples/p.csv", f"id,documents,output\na,{OLD},{OLD}\n"),
    "another file with the same end": ("templates/a.yaml", f"context: [old/{OLD}, {OLD}.md]\nuser: x\n"),
}


@pytest.mark.parametrize("place", NOT_NAMES)
def test_a_text_that_only_looks_like_the_name_stays(place: str, workspace: Workspace) -> None:
    path, text = NOT_NAMES[place]
    (workspace.root / path).parent.mkdir(parents=True, exist_ok=True)
    (workspace.root / path).write_bytes(text.encode())
    assert renamed_references(workspace, OLD, NEW) == {}
    assert files_that_name(workspace, OLD) == []


def test_an_escaped_name_and_a_bare_name_are_found() -> None:
    text = '{"id": "a", "inputs": {}, "documents": ["documents/caf\\u00e9.md"]}\n'
    assert renamed_text("c.jsonl", text, "documents/café.md", "documents/x.md") == text.replace("caf\\u00e9", "x")
    suite = "template: triage\nmodels: [m]\ncases: []\n"
    assert renamed_text("s.yaml", suite, "templates/triage.yaml", "templates/sort.yaml") == suite.replace(
        "triage", "sort"
    )
    moved = renamed_text("s.yaml", suite, "templates/triage.yaml", "templates/old/sort.yaml")
    assert moved == suite.replace("triage", "templates/old/sort.yaml")

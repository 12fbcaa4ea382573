"""The list of templates is right however it came to be remembered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab.templates import _index as listing
from promptlab.templates import _parse as template_file
from promptlab.templates._index import TemplateEntry, TemplateIndex
from promptlab.templates._template import Template
from promptlab.versions import _save as shelf
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.repositories import CUP, Repository, edited, isolate, start

OTHER = "templates/sub/ä ö.yml"


@pytest.fixture
def repo(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Repository:
    isolate(monkeypatch, tmp_path / "home")
    return start(workspace)


def by_path(entries: list[TemplateEntry]) -> dict[str, TemplateEntry]:
    return {entry.path: entry for entry in entries}


def test_each_template_says_what_it_is_for_and_when_it_changed(repo: Repository) -> None:
    repo.put(OTHER, "description: Other\n")
    shelf.save_template(repo.workspace, OTHER, "description: Other\n", "Add other", base="description: Other\n")
    cup, other = TemplateIndex(repo.workspace).entries()
    assert (cup.path, cup.name, cup.description, cup.state) == (
        CUP,
        "cup",
        "Answer a question from an article",
        "saved",
    )
    assert (cup.context, other.context) == (("fixtures/documents/cup.md",), ())
    assert (other.path, other.name, other.state) == (OTHER, "ä ö", "saved")
    assert cup.last
    assert other.last
    assert (cup.last.subject, other.last.subject, other.last.who) == ("First", "Add other", "Ada")
    assert other.last.commit == repo.git("rev-parse", "HEAD")


@pytest.mark.parametrize("fresh", [True, False], ids=["a new process", "the same process"])
def test_whatever_changes_is_noticed(repo: Repository, fresh: bool) -> None:
    known = TemplateIndex(repo.workspace)
    known.entries()

    def look() -> dict[str, TemplateEntry]:
        return by_path((TemplateIndex(repo.workspace) if fresh else known).entries())

    text = edited(old="Answer a question", new="Answer a riddle  ")  # of another length
    repo.put(CUP, text)
    assert (look()[CUP].description, look()[CUP].state) == ("Answer a riddle   from an article", "changed")
    repo.git("add", CUP)
    assert look()[CUP].state == "changed"
    repo.git("commit", "-qm", "Riddle")
    assert (look()[CUP].state, look()[CUP].last and look()[CUP].last.subject) == ("saved", "Riddle")  # type: ignore[union-attr]  # asked just before
    repo.put(OTHER, "descriptio: x\n")
    assert look()[OTHER].state == "new"
    assert "unknown key" in look()[OTHER].problem
    assert look()[OTHER].last is None
    (repo.root / CUP).unlink()
    assert CUP not in look()
    # The history is rewritten: what was known of it is not believed.
    repo.git("reset", "-q", "--hard", "HEAD~1")
    assert (look()[CUP].last and look()[CUP].last.subject) == "First"  # type: ignore[union-attr]  # asked just before


def test_an_edit_of_the_same_length_is_noticed(repo: Repository) -> None:
    known = TemplateIndex(repo.workspace)
    known.entries()
    repo.put(CUP, edited(old="an article", new="an abridge"))
    assert known.entries()[0].description.endswith("abridge")


def test_a_file_that_stayed_is_not_read_again(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.put(OTHER, "description: Other\n")
    TemplateIndex(repo.workspace).entries()
    read: list[str] = []

    def parse(text: str, *, path: str) -> Template:
        read.append(path)
        return template_file.parse(text, path=path)

    monkeypatch.setattr(listing, "parse", parse)
    assert len(TemplateIndex(repo.workspace).entries()) == 2
    assert read == []
    repo.put(OTHER, "description: Changed\n")
    assert TemplateIndex(repo.workspace).entries()[1].description == "Changed"
    assert read == [OTHER]


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"files": 3}', '{"made_by": 1, "files": {}, "head": "", "last": {}}'])
def test_a_damaged_memory_is_made_anew(repo: Repository, kept: str) -> None:
    repo.put(".promptlab/templates.json", kept)
    assert len(TemplateIndex(repo.workspace).entries()) == 1
    assert CUP in json.loads(repo.text(".promptlab/templates.json"))["files"]


def test_new_labels_are_seen_at_once(repo: Repository) -> None:
    assert TemplateIndex(repo.workspace).entries()[0].label == "public"
    repo.put("promptlab.yaml", 'models: {}\nlabels: {"templates/**": internal}\n')
    assert TemplateIndex(Workspace.load(repo.root)).entries()[0].label == "internal"


def test_without_a_repository_the_list_is_there(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    isolate(monkeypatch, tmp_path / "home")
    (entry,) = TemplateIndex(workspace).entries()
    assert (entry.state, entry.last) == ("unknown", None)
    start(workspace)
    assert TemplateIndex(workspace).entries()[0].state == "saved"


def test_in_a_folder_of_a_larger_repository_and_before_the_first_commit(
    make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    isolate(monkeypatch, tmp_path / "home")
    workspace = make_workspace(folder="big/work")
    big = Repository(Workspace(workspace.root.parent, {}, {}))
    big.git("init", "-q")
    assert TemplateIndex(workspace).entries()[0].state == "new"
    big.git("add", "work")
    big.git("-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-qm", "All")
    (workspace.root / CUP).write_text(TEMPLATE + "# more\n")
    (entry,) = TemplateIndex(workspace).entries()
    assert (entry.state, entry.last and entry.last.subject) == ("changed", "All")

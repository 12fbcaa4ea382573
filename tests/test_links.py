"""Links that a stranger's workspace holds: nothing is written through one that leads out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptlab._util.files import write_atomically
from promptlab.documents import add_document
from promptlab.documents._content_store import DocStore
from promptlab.errors import PromptlabError
from promptlab.examples import _edit as pools
from promptlab.formats import _import as bringing
from promptlab.formats._report import Imported, ImportedFile
from promptlab.formats._workspace_view import ImportFolders
from promptlab.runs._store import Store
from promptlab.suites import _lock as suite_lock
from promptlab.suites._log import SuiteLog
from promptlab.templates._index import TemplateIndex
from promptlab.types import Example
from promptlab.ui.state.drafts import Drafts
from promptlab.versions import _save as shelf
from promptlab.workspace import _labels as labels
from promptlab.workspace._ledger import Ledger
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.repositories import CUP, isolate, start

Make = Callable[..., Workspace]
Writer = Callable[[Workspace], Any]


def lock(workspace: Workspace) -> None:
    with suite_lock.hold_suite(workspace, "fixtures/suites/facts.yaml", "asking"):
        pass


def listed(workspace: Workspace) -> None:
    start(workspace)
    TemplateIndex(workspace).entries()


def imported(workspace: Workspace) -> None:
    made = Imported("a", b"original")
    made.files.append(ImportedFile("templates/imported/a.yaml", TEMPLATE))
    bringing.write_import(workspace, made, "a.json", ImportFolders())


STATE: dict[str, Writer] = {
    "history": lambda workspace: Store(workspace.state / "runs.sqlite").close(),
    "suite log": lambda workspace: SuiteLog(workspace.state / "suites.sqlite").close(),
    "drafts": lambda workspace: Drafts(workspace.state / "drafts").change(CUP, inputs={"question": "Who?"}),
    "texts of documents": lambda workspace: DocStore.of(workspace).keep_text("some text"),
    "originals": lambda workspace: DocStore.of(workspace).keep_original(b"%PDF", ".pdf"),
    "records": lambda workspace: DocStore.of(workspace).keep_record("conversions", "a" * 64, {"a": 1}),
    "list of templates": listed,
    "ledger": lambda workspace: Ledger(workspace.state).served("http://127.0.0.1:1", "all"),
    "locks": lock,
    "prompts kept read": lambda workspace: write_atomically(workspace.state / "prefixes" / "a-b.prefix", b"x"),
}
"""Who writes into the state folder."""
WORKSPACE: dict[str, Writer] = {
    "a template": lambda workspace: shelf.write_template(workspace, CUP, TEMPLATE + "# more\n", base=TEMPLATE),
    "a document": lambda workspace: add_document(workspace, "a.md", "text"),
    "an example": lambda workspace: pools.add_example(
        workspace, "fixtures/examples/cup.jsonl", Example("new", {"question": "What?"}, "That")
    ),
    "a label": lambda workspace: labels.set_label(workspace, "templates/cup.yaml", "confidential"),
    "an import": imported,
}
"""Who writes beside it."""


def files(root: Path) -> set[str]:
    return {
        path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and ".git/" not in str(path)
    }


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, tmp_path / "home")


def left_as_it_was(writer: Writer, workspace: Workspace, outside: Path) -> None:
    before = contents(outside)
    with contextlib.suppress(PromptlabError, OSError):
        writer(workspace)
    assert contents(outside) == before


@pytest.mark.usefixtures("git")
@pytest.mark.parametrize("name", STATE)
def test_the_state_folder_is_no_link_that_leads_out(make_workspace: Make, tmp_path: Path, name: str) -> None:
    workspace = make_workspace()
    (tmp_path / "outside").mkdir()
    workspace.state.symlink_to(tmp_path / "outside", target_is_directory=True)
    left_as_it_was(STATE[name], workspace, tmp_path / "outside")


@pytest.mark.usefixtures("git")
@pytest.mark.parametrize("name", STATE)
def test_no_file_and_no_folder_in_it_is(make_workspace: Make, tmp_path: Path, name: str) -> None:
    usual = make_workspace(folder="usual")
    STATE[name](usual)
    written = {path for path in files(usual.state) if path != ".gitignore"}
    assert written, "the writer writes something"
    outside = tmp_path / "outside"
    outside.mkdir()
    for number, path in enumerate(sorted(written)):
        for part in [Path(path), *Path(path).parents][:-1]:
            workspace = make_workspace(folder=f"w{number}-{len(part.parts)}")
            place = workspace.state / part
            place.parent.mkdir(parents=True)
            target = outside / f"{number}-{len(part.parts)}"
            if part == Path(path):
                target.write_bytes(b"")
            else:
                target.mkdir()
            place.symlink_to(target)
            left_as_it_was(STATE[name], workspace, outside)


@pytest.mark.usefixtures("git")
@pytest.mark.parametrize("name", WORKSPACE)
def test_what_is_written_beside_it_stays_in_the_workspace(make_workspace: Make, tmp_path: Path, name: str) -> None:
    usual = make_workspace(folder="usual")
    before = contents(usual.root)
    WORKSPACE[name](usual)
    after = contents(usual.root)
    written = {path for path in after if before.get(path) != after[path] and not path.startswith(".promptlab/")}
    assert written, "the writer writes something"
    outside = tmp_path / "outside"
    outside.mkdir()
    for number, path in enumerate(sorted(written)):
        for part in [Path(path), *Path(path).parents][:-1]:
            workspace = make_workspace(folder=f"w{number}-{len(part.parts)}")
            place, target = workspace.root / part, outside / f"{number}-{len(part.parts)}"
            if place.exists():
                place.rename(target)
            elif part == Path(path):
                target.write_bytes(b"")
            else:
                target.mkdir()
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)
            left_as_it_was(WORKSPACE[name], workspace, outside)

"""The state folder is private and ignored by git from the first write on, for every module that writes to it."""

from __future__ import annotations

import ast
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from promptlab.documents._content_store import DocStore
from promptlab.models._llama._prefix_files import PrefixFiles
from promptlab.runs._store import Store
from promptlab.suites._log import SuiteLog
from promptlab.templates._index import TemplateIndex
from promptlab.ui.state.drafts import Drafts
from promptlab.workspace._workspace import Workspace
from tests.places import PACKAGE


def store(workspace: Workspace) -> None:
    Store(workspace.state / "runs.sqlite").close()


def suite_log(workspace: Workspace) -> None:
    SuiteLog(workspace.state / "suites.sqlite").close()


def draft(workspace: Workspace) -> None:
    Drafts(workspace.state / "drafts").change("templates/cup.yaml", inputs={"question": "secret"})


def document(workspace: Workspace) -> None:
    DocStore.of(workspace).keep_text("secret")
    DocStore.of(workspace).keep_original(b"secret", ".pdf")
    DocStore.of(workspace).keep_record("converted", "0" * 64, {"a": 1})


def prefix(workspace: Workspace) -> None:
    assert PrefixFiles(workspace.state / "prefixes", "m").save(b"tokens", b"state")


def listing(workspace: Workspace) -> None:
    TemplateIndex(workspace).entries()


WRITERS: dict[str, Callable[[Workspace], None]] = {
    "run history": store,
    "suite log": suite_log,
    "drafts": draft,
    "documents": document,
    "prompts kept read": prefix,
    "list of templates": listing,
}


def git(where: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(where), *words], capture_output=True, text=True, check=True).stdout


def open_to_others(state: Path) -> list[str]:
    return [str(path) for path in (state, *state.rglob("*")) if path.lstat().st_mode & 0o077]


@pytest.fixture
def umask() -> Iterator[None]:
    """The widest there is: what is closed, is closed by promptlab."""
    before = os.umask(0o000)
    yield
    os.umask(before)


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.usefixtures("umask")
def test_the_first_write_closes_and_ignores_it(workspace: Workspace, write: Callable[[Workspace], None]) -> None:
    git(workspace.root.parent, "init", "--quiet")  # the workspace is a folder of a larger repository
    write(workspace)
    assert any(path.is_file() for path in workspace.state.rglob("*"))
    assert open_to_others(workspace.state) == []
    assert ".promptlab" not in git(workspace.root, "status", "--porcelain", "--untracked-files=all", "--ignored=no")


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.usefixtures("umask")
def test_one_that_was_open_is_closed_with_all_that_is_in_it(
    workspace: Workspace, write: Callable[[Workspace], None], tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("somebody else's")
    (workspace.state / "drafts/deep").mkdir(parents=True)
    (workspace.state / "drafts/deep/old.json").write_text("{}")
    (workspace.state / "link").symlink_to(outside)
    for one in WRITERS.values():
        one(workspace)
    shutil.rmtree(workspace.state / "documents")  # what is there already is not written again
    (workspace.state / "templates.json").unlink()
    for path in (workspace.state, *workspace.state.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o777 if path.is_dir() else 0o666)
    write(workspace)
    assert [path for path in open_to_others(workspace.state) if not path.endswith("/link")] == []
    assert stat.S_IMODE(outside.stat().st_mode) == 0o666


def test_what_git_was_told_of_it_stays(workspace: Workspace) -> None:
    store(workspace)
    (workspace.state / ".gitignore").write_text("*\n# mine\n")
    draft(workspace)
    assert (workspace.state / ".gitignore").read_text() == "*\n# mine\n"


MAKES_FILES = ("mkdir", "mkstemp", "write_text", "write_bytes", "NamedTemporaryFile")
ELSEWHERE = {
    "_util/state_folder.py",  # these functions themselves
    "_util/files.py",  # uses them
    "models/_files.py",  # the cache folder of model files
    "models/_local_files.py",  # the same
    "versions/_merge.py",  # a temporary folder
    "formats/_import.py",  # a temporary folder
    "models/_llama/_wheel.py",  # the cache folder
    "models/_llama/_cpu_choice.py",  # the cache folder
    "models/_llama/_answering.py",  # the cache folder
    "shelf/_rename.py",  # the folder of a file of the workspace
    "shelf/_delete.py",  # the same, for a file that is taken back
    "cli/experiment.py",  # the file that a person named
    "cli/finetune.py",  # the same
    "lab/_experiment.py",  # the same
    "sizing/_source.py",  # a temporary folder
}


def test_files_are_written_through_state_folder_or_in_a_module_listed_here() -> None:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in MAKES_FILES:
                found.add(path.relative_to(PACKAGE).as_posix())
    assert found <= ELSEWHERE

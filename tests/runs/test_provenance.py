"""Where a result came from, checked against git itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from promptlab._util.git import blob_id
from promptlab.runs._provenance import origin, versions
from promptlab.templates import _load as templates
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE


def git(root: Path, *words: str) -> str:
    names = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(root), *names, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The usual workspace as a folder of a larger repository, committed."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git(workspace.root.parent, "init", "-q")
    git(workspace.root.parent, "add", "work")
    git(workspace.root.parent, "commit", "-qm", "first")
    return workspace


@pytest.mark.parametrize("text", ["", "a\n", "é 😀\r\n", TEMPLATE])
def test_a_blob_id_is_gits_own(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_bytes(text.encode())
    assert blob_id(text) == git(tmp_path, "hash-object", "--no-filters", "f")


def test_a_committed_template_is_clean_and_an_edited_one_is_not(repository: Workspace) -> None:
    template = templates.load(repository, "cup")
    found = origin(repository.root, template)
    assert found.template == "templates/cup.yaml"
    assert found.template_blob == git(repository.root, "rev-parse", "HEAD:./templates/cup.yaml")
    assert found.git_revision == git(repository.root, "rev-parse", "HEAD")
    assert not found.git_dirty
    # What was rendered counts, saved or not.
    edited = templates.parse(template.source + "# more\n", path=template.path)
    assert origin(repository.root, edited).git_dirty
    (repository.root / "templates/cup.yaml").write_text("changed: on disk\n")
    assert not origin(repository.root, template).git_dirty


@pytest.mark.parametrize("path", ["templates/new.yaml", "/elsewhere/t.yaml", "templates/\udcff.yaml", ""])
def test_a_template_git_does_not_know_is_dirty(repository: Workspace, path: str) -> None:
    found = origin(repository.root, templates.parse(TEMPLATE, path=path))
    assert (len(found.git_revision), found.git_dirty) == (40, True)


def test_outside_a_repository_the_git_fields_are_empty(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(workspace.root.parent))
    found = origin(workspace.root, templates.load(workspace, "cup"))
    assert (found.git_revision, found.git_dirty) == ("", False)
    assert found.template_blob == blob_id(TEMPLATE)


def test_a_repository_without_a_commit_has_no_revision(workspace: Workspace) -> None:
    git(workspace.root, "init", "-q")
    found = origin(workspace.root, templates.load(workspace, "cup"))
    assert (found.git_revision, found.git_dirty) == ("", False)


def test_without_git_installed_the_rest_is_still_known(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = origin(workspace.root, templates.load(workspace, "cup"))
    assert (found.git_revision, len(found.template_blob)) == ("", 40)


def test_versions_are_those_of_what_shapes_an_answer() -> None:
    found = versions()
    assert set(found) <= {"python", "promptlab", "openai", "llama-cpp-python", "jinja2"}
    assert {"python", "promptlab", "jinja2"} <= set(found)
    assert all(found.values())

"""A copy and a deletion: what is in git is committed, the rest goes to the trash, and both can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab import shelf
from promptlab.errors import ShelfError
from promptlab.shelf._kinds import Kind
from promptlab.ui.state.drafts import Drafts
from promptlab.workspace._workspace import Workspace
from tests import repositories
from tests.shelf.test_rename import DOCUMENT, KINDS, TEMPLATE


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_takes_the_next_free_name_and_the_bytes(kind: Kind, workspace: Workspace) -> None:
    path = KINDS[kind]
    stem, ending = path.rsplit(".", 1)
    for number in (2, 3):
        copied = shelf.copy_file(workspace, kind, path)
        assert copied.new == f"{stem}-{number}.{ending}"
        assert (workspace.root / copied.new).read_bytes() == (workspace.root / path).read_bytes()
    with pytest.raises(ShelfError, match="exists already"):
        shelf.copy_file(workspace, kind, path, "cup-2")


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_file_comes_back_to_the_byte_with_commits_where_git_knows_it(
    kind: Kind, make_workspace: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories.isolate(monkeypatch, tmp_path / "home")
    path = KINDS[kind]
    repo = repositories.start(make_workspace())
    content = (repo.root / path).read_bytes() + b"\n# not saved yet"
    (repo.root / path).write_bytes(content)
    repo.put("notes.txt", "mine")
    deleted = shelf.delete_file(repo.workspace, kind, path)
    assert not (repo.root / path).exists()
    assert deleted.commit == repo.git("rev-parse", "HEAD")
    assert repo.git("show", "--name-status", "--format=", "HEAD") == f"D\t{path}"
    assert [one.id for one in shelf.deleted_files(repo.workspace)] == [deleted.id]
    restored = shelf.restore_file(repo.workspace, deleted.id)
    assert (repo.root / path).read_bytes() == content
    assert restored.commit == repo.git("rev-parse", "HEAD")
    assert repo.status() == ["?? notes.txt"]
    assert shelf.deleted_files(repo.workspace) == []


def test_outside_git_the_trash_alone_keeps_it_with_the_draft(workspace: Workspace) -> None:
    drafts = Drafts(workspace.state / "drafts")
    drafts.edit(TEMPLATE, (workspace.root / TEMPLATE).read_text(), {"instructions": "Be brief.\n"})
    deleted = shelf.delete_file(workspace, "template", TEMPLATE)
    assert (deleted.tracked, deleted.commit, deleted.problem) == (False, "", "")
    assert not drafts.load(TEMPLATE).edited
    (workspace.root / TEMPLATE).write_text("user: another\n")
    with pytest.raises(ShelfError, match="exists again"):
        shelf.restore_file(workspace, deleted.id)
    assert (workspace.root / TEMPLATE).read_text() == "user: another\n"
    (workspace.root / TEMPLATE).unlink()
    shelf.restore_file(workspace, deleted.id)
    assert drafts.load(TEMPLATE).changes == {"instructions": "Be brief.\n"}
    with pytest.raises(ShelfError, match="no `"):
        shelf.restore_file(workspace, deleted.id)


def test_a_hook_that_refuses_the_commit_is_said_and_the_file_can_come_back(
    make_workspace: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories.isolate(monkeypatch, tmp_path / "home")
    repo = repositories.start(make_workspace())
    repo.hook("pre-commit", "echo no deletions today; exit 1")
    deleted = shelf.delete_file(repo.workspace, "document", DOCUMENT)
    assert "no deletions today" in deleted.problem
    assert deleted.commit == ""
    restored = shelf.restore_file(repo.workspace, deleted.id)
    assert (repo.status(), restored.problem) == ([], "")


def test_who_uses_a_file_is_known_before_it_goes(workspace: Workspace) -> None:
    Drafts(workspace.state / "drafts").edit("templates/new.yaml", "user: x\n", {"context": [DOCUMENT]})
    assert shelf.users_of(workspace, DOCUMENT) == [TEMPLATE, "draft of templates/new.yaml"]
    assert shelf.users_of(workspace, KINDS["pool"]) == [TEMPLATE]
    assert shelf.users_of(workspace, TEMPLATE) == []


def test_a_stranger_s_trash_and_links_are_left_alone(workspace: Workspace, tmp_path: Path) -> None:
    folder = workspace.state / "trash/20260101T000000-aaaaaaaa"
    folder.mkdir(parents=True)
    (folder / "content").write_text("x")
    for path in ("promptlab.yaml", "fixtures/documents/../../x.md", "../x.md"):
        (folder / "about.json").write_text(
            f'{{"id": "{folder.name}", "kind": "document", "path": "{path}", "when": "2026"}}'
        )
        assert shelf.deleted_files(workspace) == []
    (tmp_path / "outside.md").write_text("secret")
    (workspace.root / "fixtures/documents/link.md").symlink_to(tmp_path / "outside.md")
    for act in (shelf.delete_file, shelf.copy_file):
        with pytest.raises(ShelfError, match="is a link"):
            act(workspace, "document", "fixtures/documents/link.md")

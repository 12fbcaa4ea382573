"""What git said is remembered, and never longer than it is true."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab._util import git as git_module
from promptlab._util.git import Git
from promptlab._util.git_stamp import FRESH_SECONDS, git_stamp

LOG = ("log", "--format=%s %D", "HEAD")


def git(root: Path, *words: str) -> str:
    names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(root), *names, *words], capture_output=True, text=True, check=True)
    return done.stdout.removesuffix("\n")


def commit(root: Path, subject: str) -> None:
    git(root, "commit", "--quiet", "--allow-empty", "-m", subject)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "one")
    return folder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands for which a git process was started."""
    commands: list[str] = []
    run = Git._run

    def counted(self: Git, words: tuple[str, ...], *rest: object) -> git_module.Done:
        commands.append(words[0])
        return run(self, words, *rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(Git, "_run", counted)
    return commands


def settle() -> None:
    time.sleep(FRESH_SECONDS * 1.5)  # a repository that changed just now is not remembered


def test_git_is_asked_once_while_nothing_changes(root: Path, started: list[str]) -> None:
    settle()
    said = [Git(root).ask(*LOG) for _ in range(5)]
    assert (set(said), started) == ({said[0]}, ["log"])
    (root / "file.txt").write_text("no commit")
    Git(root).ask(*LOG)
    assert started == ["log"]


def packed(root: Path) -> None:
    git(root, "pack-refs", "--all")
    commit(root, "after packing")


def elsewhere(root: Path) -> None:
    git(root, "worktree", "add", "--quiet", "-b", "side", str(root.parent / "side"))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a commit": lambda root: commit(root, "two"),
    "an amended commit": lambda root: git(root, "commit", "--quiet", "--allow-empty", "--amend", "-m", "uno"),
    "a branch": lambda root: git(root, "branch", "other"),
    "a branch in a folder": lambda root: git(root, "branch", "a/b/c"),
    "another branch checked out": lambda root: git(root, "checkout", "--quiet", "-b", "other"),
    "no branch checked out": lambda root: git(root, "checkout", "--quiet", "--detach"),
    "a tag": lambda root: git(root, "tag", "production"),
    "packed refs": packed,
    "a reset": lambda root: (
        commit(root, "gone"),
        git(root, "reset", "--quiet", "--hard", "HEAD~1"),
        commit(root, "x"),
    ),
    "a worktree": elsewhere,
    "a setting": lambda root: git(root, "config", "log.decorate", "full"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_is_seen(root: Path, what: str) -> None:
    settle()
    before = Git(root).ask(*LOG)
    assert Git(root).ask(*LOG) == before
    CHANGES[what](root)
    assert Git(root).ask(*LOG) == git(root, *LOG)
    settle()
    assert Git(root).ask(*LOG) == git(root, *LOG)
    commit(root, "last")
    assert Git(root).ask(*LOG) == git(root, *LOG)


def test_a_worktree_sees_what_changes_in_the_repository_that_it_shares(root: Path) -> None:
    side = root.parent / "side"
    git(root, "worktree", "add", "--quiet", "-b", "side", str(side))
    settle()
    refs = ("for-each-ref", "--format=%(refname) %(objectname)")
    for change in (lambda: commit(root, "in main"), lambda: commit(side, "in side"), lambda: git(side, "tag", "t")):
        before = Git(side).ask(*refs)
        settle()
        assert Git(side).ask(*refs) == before
        change()
        assert Git(side).ask(*refs) == git(side, *refs) != before


def test_failures_and_what_depends_on_files_or_the_clock_are_asked_again(root: Path, started: list[str]) -> None:
    settle()
    for words in (("cat-file", "blob", "0" * 40), ("status", "--short"), ("rev-parse", "HEAD@{0}")):
        started.clear()
        Git(root).run(*words)
        Git(root).run(*words)
        assert started.count(words[0]) == 2, words


def test_a_folder_that_is_no_usual_repository_has_no_stamp(tmp_path: Path) -> None:
    assert git_stamp(tmp_path) is None
    (tmp_path / ".git").write_text("gitdir: " + "x" * 10_000)
    assert git_stamp(tmp_path) is None
    (tmp_path / ".git").unlink()
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git" / "HEAD")  # reading it would wait for ever
    assert git_stamp(tmp_path) is None

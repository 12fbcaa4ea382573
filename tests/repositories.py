"""Real git repositories for tests: with an identity of their own, and nothing of the person who runs the tests."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE

CUP = "templates/cup.yaml"


@dataclass(frozen=True)
class Repository:
    """A workspace and the repository it is in."""

    workspace: Workspace

    @property
    def root(self) -> Path:
        return self.workspace.root

    def git(self, *words: str) -> str:
        """Git's answer, without the last newline."""
        done = subprocess.run(["git", "-C", str(self.root), *words], capture_output=True, check=True)
        return done.stdout.decode().removesuffix("\n")

    def text(self, path: str = CUP) -> str:
        return (self.root / path).read_bytes().decode()

    def put(self, path: str, text: str) -> None:
        """Write a file as an editor would."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(text.encode())

    def status(self) -> list[str]:
        return self.git("-c", "core.quotePath=false", "status", "--porcelain").splitlines()

    def commits(self) -> list[str]:
        return self.git("log", "--format=%s").splitlines()

    def hook(self, name: str, script: str) -> None:
        file = self.root / ".git/hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)


def isolate(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Git without any settings but those a test makes."""
    home.mkdir(exist_ok=True)
    for name in [n for n in os.environ if n.startswith("GIT_") or n == "EMAIL"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "none"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(home.parent))


def start(workspace: Workspace) -> Repository:
    """The workspace as a repository with one commit, by Ada."""
    made = Repository(workspace)
    made.git("init", "-q", "-b", "main")
    made.git("config", "user.name", "Ada")
    made.git("config", "user.email", "ada@example.org")
    (made.root / ".git/info/exclude").write_text(".promptlab/\n")  # as a workspace's .gitignore has it
    made.git("add", ".")
    made.git("commit", "-qm", "First")
    return made


def edited(text: str = TEMPLATE, old: str = "name only", new: str = "winner's name only") -> str:
    assert old in text
    return text.replace(old, new)

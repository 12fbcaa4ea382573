"""Git in a repository that came from elsewhere: reading it runs none of the programs it names."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from promptlab._util.git import CHANGING, Git
from promptlab.runs._provenance import origin
from promptlab.templates._index import TemplateIndex
from promptlab.templates._load import load
from promptlab.versions import _branches as variants
from promptlab.versions import _history as versions
from promptlab.versions import _save as shelf
from promptlab.versions import _status as standing
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.places import PACKAGE
from tests.repositories import CUP, Repository, isolate, start

HOOKS = ("post-index-change", "reference-transaction", "post-checkout", "fsmonitor-watchman", "pre-auto-gc")
READS = {
    "list": lambda workspace: TemplateIndex(workspace).entries(),
    "origin": lambda workspace: origin(workspace.root, load(workspace, "cup")),
    "history": lambda workspace: versions.template_history(workspace, CUP),
    "standing": lambda workspace: standing.template_status(workspace, CUP, TEMPLATE, TEMPLATE),
    "state": shelf.repository_state,
    "committed": lambda workspace: shelf.is_committed(Git(workspace.root), workspace, CUP),
    "variants": lambda workspace: variants.list_variants(workspace, CUP),
    "diff": lambda workspace: Git(workspace.root).run("diff", "HEAD", "--", CUP),
    "log": lambda workspace: Git(workspace.root).run("log", "-p", "--", CUP),
    "find": lambda workspace: versions.find_version(workspace, CUP, "HEAD"),
}
"""What promptlab reads with git."""


@pytest.fixture
def repository(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    isolate(monkeypatch, tmp_path / "home")
    return start(workspace)


def poisoned(root: Path, ran: Path) -> None:
    """Every setting that names a program, in the repository's own configuration, its hooks and attributes."""
    command = f"touch {ran}; cat"
    settings = {
        **{"core.fsmonitor": f"touch {ran}; false", "core.pager": command, "core.editor": command},
        **{"core.sshCommand": command, "core.askPass": command, "credential.helper": f"!{command}"},
        **{"diff.external": command, "log.showSignature": "true", "gpg.program": str(root / "gpg")},
        **{"filter.x.clean": command, "filter.x.smudge": command, "filter.x.required": "true"},
        **{"filter.a=b.clean": command, "diff.x.textconv": command, "diff.x.command": command},
        **{"merge.x.driver": command, "pager.log": command, "pager.diff": command, "alias.log": f"!{command}"},
        **{"alias.status": f"!{command}", "core.alternateRefsCommand": command, "interactive.diffFilter": command},
    }
    (root / "gpg").write_text(f"#!/bin/sh\n{command}\n")
    (root / "gpg").chmod(0o755)
    for key, value in settings.items():
        subprocess.run(["git", "-C", str(root), "config", key, value], check=True)
    folder = root / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    for name in HOOKS:
        (folder / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (folder / name).chmod(0o755)
    (root / ".git" / "info" / "attributes").write_text("*.yaml filter=x diff=x merge=x\n*.yml filter=a=b\n")


@pytest.mark.parametrize("name", READS)
def test_reading_runs_nothing(repository: Repository, name: str, tmp_path: Path) -> None:
    ran = tmp_path / "RAN"
    poisoned(repository.root, ran)
    # Newer than the index, so that git looks into the file.
    repository.put(CUP, TEMPLATE + "# more\n")
    repository.put("templates/b.yml", TEMPLATE)
    READS[name](repository.workspace)
    assert not ran.exists()


def test_the_poison_works_where_git_is_not_held_back(repository: Repository, tmp_path: Path) -> None:
    ran = tmp_path / "RAN"
    poisoned(repository.root, ran)
    repository.put(CUP, TEMPLATE + "# more\n")
    subprocess.run(["git", "-C", str(repository.root), "status"], capture_output=True, check=False)
    assert ran.exists()


def test_a_folder_laid_out_as_a_repository_is_none(tmp_path: Path) -> None:
    ran = tmp_path / "RAN"
    inner = tmp_path / "clone" / "p"
    inner.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "--bare", str(inner)], check=True)
    with (inner / "config").open("a") as config:
        config.write(f'[core]\n\tbare = false\n\tworktree = .\n\tfsmonitor = "touch {ran}; false"\n')
    (inner / "templates").mkdir()
    (inner / CUP).write_text(TEMPLATE)
    (inner / "promptlab.yaml").write_text("models: {}\n")
    assert not shelf.repository_state(Workspace.load(inner)).repository
    TemplateIndex(Workspace.load(inner)).entries()
    assert not ran.exists()


def test_every_git_command_of_the_package_either_reads_or_is_listed() -> None:
    reading = {
        *("cat-file", "diff", "for-each-ref", "log", "ls-files", "ls-tree", "merge-base", "merge-file", "read-tree"),
        *("rev-parse", "status", "symbolic-ref", "var", "write-tree"),
    }
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "promptlab._util.git import" not in text and path.name != "git.py":
            continue
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("run", "ask", "change")
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str)
            ):
                found.add(node.args[0].value)
    assert found <= reading | CHANGING
    assert not reading & CHANGING
    others = [p.name for p in PACKAGE.rglob("*.py") if p.name != "git.py" and '["git"' in p.read_text(encoding="utf-8")]
    assert others == []


def test_saving_runs_the_persons_own_hooks(repository: Repository, tmp_path: Path) -> None:
    ran = tmp_path / "RAN"
    hook = repository.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    shelf.save_template(repository.workspace, CUP, TEMPLATE + "# more\n", "More", base=TEMPLATE)
    assert ran.exists()

"""Renaming, copying, deleting and finding from the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from promptlab.cli._main import cli
from promptlab.errors import ShelfError
from promptlab.workspace._workspace import Workspace
from tests.shelf.test_rename import DOCUMENT, KINDS, TEMPLATE

GROUPS = {"template": "templates", "document": "documents", "pool": "examples"}


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


@pytest.mark.parametrize("kind", GROUPS)
def test_each_group_renames_copies_deletes_and_takes_back(
    kind: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.root)
    group, path = GROUPS[kind], KINDS[kind]  # type: ignore[index]  # one of the kinds
    suffix = "-pool" if kind == "pool" else ""
    dry = run(group, f"rename{suffix}", path, "other", "--dry-run")
    new = path.replace("cup", "other")
    assert (dry.exit_code, (workspace.root / path).exists()) == (0, True)
    assert (kind == "template") == (TEMPLATE not in dry.output.replace(f"{TEMPLATE} would", ""))
    assert json.loads(run(group, f"rename{suffix}", path, "other", "--json").output)["new"] == new
    assert json.loads(run(group, f"copy{suffix}", new, "--json").output)["new"] == new.replace("other", "other-2")
    refused = run(group, f"delete{suffix}", new)
    assert isinstance(refused.exception, ShelfError) == (kind != "template")
    if kind != "template":
        deleted = json.loads(run(group, f"delete{suffix}", new, "--force", "--json").output)
        assert not (workspace.root / new).exists()
        assert deleted["id"] in run(group, f"undelete{suffix}").output
        assert run(group, f"undelete{suffix}", deleted["id"]).exit_code == 0
    assert (workspace.root / new).exists() == (kind != "template")


def test_find_says_what_and_where_and_fails_for_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace.root)
    found = [json.loads(line) for line in run("find", "cup", "--json").output.splitlines()]
    assert {(hit["kind"], hit["place"]) for hit in found} >= {("template", TEMPLATE), ("document", DOCUMENT)}
    assert run("find", "zebra").exit_code == 1

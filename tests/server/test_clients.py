"""Other people's clients against `promptlab serve`: what docs/serve.md says of them, and one of them in earnest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.clients.__main__ import CLIENTS, HERE, MODEL, expected, versions
from benchmarks.clients.tried import CHECKS
from promptlab.models._catalogue import Catalogue
from promptlab.server._app import ModelServer
from promptlab.workspace._workspace import Workspace
from tests.places import ROOT
from tests.served import Served


def test_the_page_has_a_row_for_each_check_and_a_column_for_each_client_at_the_version_that_was_tried() -> None:
    page = (ROOT / "docs/serve.md").read_text(encoding="utf-8").split("## Clients")[1]
    head, _, *rows = page[page.index("| |") :].split("\n\n")[0].splitlines()
    assert head == "| | " + " | ".join(f"{name} {versions()[name]}" for name in CLIENTS) + " |"
    assert {*versions()} == {*CLIENTS}
    assert [row.split(" | ")[0].strip("| ") for row in rows] == [*CHECKS]
    for row in rows:
        check, *outcomes = (cell.strip() for cell in row.strip("|").split("|"))
        assert len(outcomes) == len(CLIENTS)
        assert all(expected({"check": check, "outcome": outcome}) for outcome in outcomes)


def test_each_client_has_a_script_whose_checks_are_known() -> None:
    assert {f"with_{name}.py" for name in CLIENTS.values()} == {file.name for file in HERE.glob("with_*.py")}


@pytest.mark.model
def test_the_openai_package_fares_as_the_page_says(tmp_path: Path) -> None:
    catalogue = Catalogue(Workspace(tmp_path, {MODEL: Workspace.load(ROOT).models[MODEL]}, {}))
    with Served(ModelServer(catalogue, [MODEL])) as served:
        env = {**os.environ, "PROMPTLAB_URL": served.url, "PROMPTLAB_MODEL": MODEL, "NO_PROXY": "127.0.0.1"}
        words = [sys.executable, str(HERE / "with_openai.py")]
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=280, check=False)
    catalogue.close()
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["check"] for row in rows] == [*CHECKS], done.stderr
    assert [row for row in rows if not expected(row) or row["outcome"] == "not offered"] == []

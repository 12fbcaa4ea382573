"""The README's commands are run as they stand, so they cannot rot."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("promptlab ")
]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files a newcomer has, without this checkout's history."""
    folder = tmp_path_factory.mktemp("newcomer")
    for name in ("templates", "fixtures"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "promptlab.yaml", folder)
    return folder


def test_readme_shows_the_main_commands() -> None:
    assert {shlex.split(c)[1] for c in COMMANDS} >= {"compare", "render", "models", "runs"}


@pytest.mark.model
@pytest.mark.parametrize("command", COMMANDS)
def test_readme_command_works(command: str, clone: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        shlex.split(command), cwd=clone, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.model
def test_the_answers_the_readme_reports_are_what_the_models_say(clone: Path) -> None:
    rows = re.findall(r"^\| (as it comes|without (?:[a-z_]+)) \| (.+?) \| (.+?) \|$", README, re.MULTILINE)
    assert rows
    for variant, gemma, smollm2 in rows:
        words = [
            sys.executable, "-m", "promptlab.cli", "compare", "world-cup", "-m", "gemma-3-270m", "-m", "smollm2-135m",
            "--set", "question=Who won the 2022 World Cup in football?", "--numerics", "portable", "--json",
        ]  # fmt: skip
        if variant != "as it comes":
            words += ["--without", variant.removeprefix("without ").replace(" ", "_")]
        done = subprocess.run(words, cwd=clone, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr
        texts = [json.loads(line)["text"] for line in done.stdout.splitlines()]
        assert texts == [gemma, smollm2]


def test_links_in_the_docs_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"

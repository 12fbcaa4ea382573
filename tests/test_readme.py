"""The README's commands are run as they stand, so they cannot rot."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("promptlab ") and line != "promptlab app"  # it runs until it is stopped
]
(FIRST,) = [block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "promptlab app" in block]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files a newcomer has, without this checkout's history."""
    folder = tmp_path_factory.mktemp("newcomer")
    for name in ("templates", "fixtures"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "promptlab.yaml", folder)
    return folder


def test_the_first_commands_of_a_newcomer_open_the_workbench(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = FIRST.replace("promptlab app", f"exec promptlab app --port {port}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["sh", "-ec", script], cwd=tmp_path, env={**os.environ, "PATH": path}, stdout=out, stderr=out
        )
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health"):
                break
            time.sleep(0.1)
        else:
            raise AssertionError(log.read_text())
    finally:
        process.kill()
        process.wait()
    assert "my-prompts" in log.read_text()
    assert (tmp_path / "my-prompts/promptlab.yaml").is_file()


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

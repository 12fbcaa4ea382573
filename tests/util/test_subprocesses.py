"""All child processes of promptlab are known, and none imports modules from the folder that it is started in."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from promptlab._util import subprocesses
from tests.places import PACKAGE

STARTED = {
    "models/_llama/_cpu_choice.py": "a command of `subprocesses`",
    "models/_llama/_plan_client.py": "a command of `subprocesses`",
    "models/_llama/_quantize_client.py": "a command of `subprocesses`",
    "models/_llama/_reference.py": "a command of `subprocesses`",
    "models/_llama/_wheel.py": "-P; it runs before promptlab is installed",
    "models/_llama/_worker_client.py": "a command of `subprocesses`",
    "documents/_convert.py": "isolated (-I), with the import path of this process",
    "_util/git.py": "git, with safe settings",
    "_util/bounded_worker.py": "a command of `subprocesses`",
    "finetune/_process.py": "a command of `subprocesses`",
    "sizing/_devices.py": "nvidia-smi, found on the path",
    "ui/launch.py": "a command of `subprocesses`, in a folder of promptlab's own",
}
"""The files that start processes, and what makes them safe. A new file needs a line here and a review."""

STARTERS = {"Popen", "run", "call", "check_call", "check_output", "execv", "execve", "system", "popen", "Process"}


def starts(tree: ast.AST) -> bool:
    """True if a module starts a process."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = node.func.value
        named = owner.id if isinstance(owner, ast.Name) else ""
        if named in ("subprocess", "os", "multiprocessing") and node.func.attr in STARTERS:
            return True
    return False


def test_the_list_of_modules_that_start_processes_is_complete() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if starts(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set(STARTED)


@pytest.mark.parametrize("name", [name for name, why in STARTED.items() if "`subprocesses`" in why])
def test_python_is_started_without_the_current_folder(name: str) -> None:
    text = (PACKAGE / name).read_text(encoding="utf-8")
    assert "processes.command(" in text
    assert '"-m"' not in text
    assert "sys.executable" not in text or name == "ui/launch.py"


def test_neither_the_folder_nor_an_empty_path_entry_is_imported_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "here", "/there", ""]))
    assert "-P" in subprocesses.command("streamlit")
    path = subprocesses.environment()["PYTHONPATH"].split(os.pathsep)
    assert path == [str(PACKAGE.parent), str(Path("here").absolute()), "/there"]

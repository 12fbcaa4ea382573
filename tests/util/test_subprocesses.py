"""Every process that promptlab starts, and that none of them takes modules from the folder it is started in."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from promptlab._util import subprocesses as processes
from tests.places import PACKAGE

STARTED = {
    "models/_llama/_worker_client.py": "a command of `processes`",
    "models/_llama/_reference.py": "a command of `processes`",
    "models/_llama/_cpu_choice.py": "a command of `processes`",
    "models/_llama/_wheel.py": "-P; it is run before promptlab is installed",
    "documents/_convert.py": "isolated (-I), with this process's own path",
    "_util/git.py": "git, made safe there",
    "_util/bounded_worker.py": "a command of `processes`",
    "ui/launch.py": "a command of `processes`, in a folder of promptlab's own",
}
"""The files that start processes, and what makes them safe. A new one needs its line here, and a look."""

STARTERS = {"Popen", "run", "call", "check_call", "check_output", "execv", "execve", "system", "popen", "Process"}


def starts(tree: ast.AST) -> bool:
    """Whether a module starts a process."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = node.func.value
        named = owner.id if isinstance(owner, ast.Name) else ""
        if named in ("subprocess", "os", "multiprocessing") and node.func.attr in STARTERS:
            return True
    return False


def test_the_list_of_modules_that_start_processes_is_whole() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if starts(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set(STARTED)


@pytest.mark.parametrize("name", [name for name, why in STARTED.items() if "`processes`" in why])
def test_python_is_started_by_the_one_way_that_leaves_the_folder_out(name: str) -> None:
    text = (PACKAGE / name).read_text(encoding="utf-8")
    assert "processes.command(" in text or name.endswith(("_worker_client.py", "_cpu_choice.py"))
    assert '"-m"' not in text
    assert "sys.executable" not in text or name == "ui/launch.py"


def test_the_folder_has_no_say_and_neither_has_an_empty_entry_of_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "here", "/there", ""]))
    assert "-P" in processes.command("streamlit")
    path = processes.environment()["PYTHONPATH"].split(os.pathsep)
    assert path == [str(PACKAGE.parent), str(Path("here").absolute()), "/there"]

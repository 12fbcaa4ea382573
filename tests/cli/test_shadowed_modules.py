"""A stranger's folder may have files with the names of modules and settings: no command runs or reads one of them.

`promptlab app` on such a folder is in tests/browser/test_first_run.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab.workspace import Workspace
from tests.loopback import LoopbackServer, stream

NAMES = (
    *("queue", "json", "asyncio", "sqlite3", "numpy", "yaml", "jinja2", "click", "openai", "llama_cpp", "streamlit"),
    *("starlette", "uvicorn", "promptlab", "sitecustomize", "usercustomize", "checks"),
)
SETTINGS = {
    ".streamlit/config.toml": "[server]\nport = 1\n",
    ".streamlit/secrets.toml": 'PROMPTLAB_TRUST = "1"\n',
    ".env": "PROMPTLAB_TRUST=1\n",
    "pyvenv.cfg": "home = /nowhere\n",
}
COMMANDS = {
    "init": 0,
    "models list": 0,
    "templates check": 0,
    "documents add page.html": 0,
    "documents list": 0,
    "compare cup --set question=Who?": 0,
    "render cup -m loop --set question=Who?": 0,
    "suite list": 0,
    "suite record small": 1,  # its scorer is code of the workspace, which nobody trusts
    "trust --show": 0,
    "serve --port 0": 1,  # there is no local model to serve
}


@pytest.mark.parametrize("words", COMMANDS)
def test_no_command_runs_a_module_of_the_folder(words: str, make_workspace: Callable[..., Workspace]) -> None:
    with LoopbackServer(stream("Argentina")) as server:
        suite = "template: cup\nmodels: [loop]\nscorers: [{python: {function: checks:f}}]\n"
        files = {f"{name}.py": f"open({'RAN-' + name!r}, 'w')\n" for name in NAMES} | SETTINGS
        files["page.html"] = "<html><body><p>Qatar was the host.</p></body></html>\n"
        files["fixtures/suites/small.yaml"] = (
            suite + "cases: [{id: a, inputs: {question: Who?}, expected: Argentina}]\n"
        )
        entry = f'loop: {{backend: openai, model: loop-1, base_url: "{server.url}"}}'
        root = make_workspace(f"models:\n  {entry}\n", files).root
        done = subprocess.run(
            [Path(sys.executable).with_name("promptlab"), *words.split()],
            cwd=root,
            env={**os.environ, "PROMPTLAB_TRUST": ""},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert list(root.glob("**/RAN-*")) == []
        assert done.returncode == COMMANDS[words], done.stdout + done.stderr
        assert "Traceback" not in done.stderr

"""docs/python.md and docs/notebook.ipynb do what they say: every block of Python is run.

Once with scripted models in the place of the local ones, which takes seconds, and once with the real ones.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

PAGE = (ROOT / "docs/python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NOTEBOOK = ROOT / "docs/notebook.ipynb"

# `open` with scripted models under the names of the local ones.
SCRIPTED = """\
import promptlab

_open = promptlab.open
_names = ("gemma-3-270m", "smollm2-135m")


def _scripted(folder=None, *, models=None, **rest):
    scripted = {name: promptlab.ScriptedBackend(name, ["Argentina"]) for name in _names}
    return _open(folder, models={**scripted, **(models or {})}, **rest)


promptlab.open = _scripted
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files of this repository that are a workspace."""
    for name in ("templates", "fixtures"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "promptlab.yaml", tmp_path)
    return tmp_path


def run(program: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cells() -> list[str]:
    found = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]


def check(written: str) -> None:
    assert "gemma-3-270m Argentina" in written
    assert "did you mean `context`?" in written


def test_the_page_has_blocks_and_each_is_whole() -> None:
    assert len(BLOCKS) >= 8
    for block in BLOCKS:
        compile(block, "docs/python.md", "exec")


def test_every_block_of_the_page_runs(clone: Path) -> None:
    check(run("\n".join([SCRIPTED, *BLOCKS]), clone))


def test_the_notebook_is_saved_without_outputs() -> None:
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def executed(folder: Path, *, before: str = "") -> list[str]:
    """What the cells of the notebook show, run by Jupyter in `folder`."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    if before:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
    client = NotebookClient(notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute()
    return [
        "".join(out.get("text", "") or out.get("data", {}).get("text/html", out.get("data", {}).get("text/plain", "")))
        for cell in notebook.cells
        for out in cell.get("outputs", ())
    ]


def test_the_notebook_runs(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    shown = "\n".join(executed(clone, before=SCRIPTED))
    assert "<table" in shown
    assert "Argentina" in shown


@pytest.mark.model
def test_every_block_of_the_page_runs_with_the_local_model(clone: Path) -> None:
    written = run("\n".join(BLOCKS), clone)
    assert "did you mean `context`?" in written
    assert re.search(r"^\(\) Argentina 1\.0$", written, re.MULTILINE)


@pytest.mark.model
def test_the_notebook_runs_with_the_local_model(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert "Argentina" in "\n".join(executed(clone))

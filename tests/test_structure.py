"""`python -m tools.structure`: what it counts, on a small package, and on this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.places import ROOT
from tools.structure import structure

SMALL = {
    "promptlab/__init__.py": "",
    "promptlab/errors.py": "",
    "promptlab/runs/__init__.py": "",
    "promptlab/runs/_store.py": "from promptlab import errors\nfrom promptlab.models._files import load\n",
    "promptlab/models/__init__.py": "",
    "promptlab/models/_files.py": "def load():\n    import promptlab.runs._store\n    return 1\n",
}


def test_rooms_arrows_circles_and_functions_of_a_small_package(tmp_path: Path) -> None:
    for name, text in SMALL.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    counted = structure(tmp_path)
    assert counted.rooms == {"promptlab": 1, "errors": 1, "runs": 2, "models": 2}
    assert counted.arrows == {("runs", "errors"): 1, ("runs", "models"): 1, ("models", "runs"): 1}
    assert len(counted.past_faces) == 2
    assert [set(circle) for circle in counted.circles] == [{"promptlab.models._files", "promptlab.runs._store"}]
    assert [(function.lines, function.place) for function in counted.functions] == [(3, "promptlab.models._files.load")]


def test_this_package_has_no_circle_no_way_past_a_face_and_no_long_function() -> None:
    counted = structure(ROOT)
    assert counted.circles == ()
    assert counted.past_faces == ()
    assert [function.place for function in counted.functions if function.lines >= 45] == []


def test_the_command_prints_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.structure"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "0 circles" in done.stdout

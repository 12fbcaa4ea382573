"""Resident memory is counted with all child processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from promptlab.models._resident_memory import resident_memory


def test_memory_counts_child_processes_and_theirs(tmp_path: Path) -> None:
    for number, parent, held in [(10, 1, 100), (11, 10, 20), (12, 11, 3), (13, 1, 5000)]:
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "status").write_text(f"Name:\tx\nPPid:\t{parent}\nVmRSS:\t  {held} kB\n")
    (tmp_path / "14").mkdir()
    (tmp_path / "14" / "status").write_text("Name:\tended: \nPPid:\t10\n")  # one that has ended holds nothing
    assert resident_memory(tmp_path, 10) == 123 * 1024
    assert resident_memory(tmp_path, 99) is None
    assert resident_memory(tmp_path / "nowhere") is None


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say what processes hold")
def test_memory_of_a_real_child_is_counted() -> None:
    before = resident_memory()
    program = "import sys; held = bytearray(b'x') * 60_000_000; print(len(held), flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        assert child.stdout
        child.stdout.readline()
        after = resident_memory()
        assert before is not None
        assert after is not None
        child.communicate()
    assert after - before > 50_000_000

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from promptlab.models._llama._answering import Answering

HOLD = """
import sys
from pathlib import Path
from promptlab.models._llama._answering import Answering
with Answering(Path(sys.argv[1])).here():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks there")
def test_a_process_that_answers_is_seen_until_it_ends_even_by_a_kill(tmp_path: Path) -> None:
    lock = tmp_path / "cache" / "answering.lock"
    here = Answering(lock)
    assert not here.elsewhere()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        assert here.elsewhere()
    finally:
        process.kill()
        process.communicate()
    assert not here.elsewhere()


def test_an_answer_of_this_process_is_not_elsewhere_and_two_may_answer_at_once(tmp_path: Path) -> None:
    here = Answering(tmp_path / "answering.lock")
    with here.here(), here.here(), Answering(tmp_path / "other.lock").here():
        assert not here.elsewhere()
    assert not here.elsewhere()


def test_a_folder_that_cannot_be_written_means_that_nobody_answers(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    here = Answering(tmp_path / "file" / "answering.lock")
    with here.here():
        assert not here.elsewhere()

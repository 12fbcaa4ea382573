"""A full and a read-only disk, real ones in a namespace of their own: reading works, advice fits, nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab._util import disk_errors as faults
from promptlab._util.files import write_atomically
from promptlab.errors import NotWritten
from promptlab.runs._run_info import RunInfo
from promptlab.runs._store import Store
from promptlab.suites._log import SuiteLog
from promptlab.types import Origin
from promptlab.workspace._workspace import Workspace
from tests.places import ROOT

PROMPTLAB = f"{sys.executable} -P -m promptlab.cli"
CATALOGUE = (
    'models: {x: {backend: openai, model: m, base_url: "http://127.0.0.1:1/v1", window: 9000, max_retries: 0}}\n'
)
SUITE = "template: cup\nmodels: [x]\ncases:\n  - {id: a, inputs: {question: b}}\n"


def _can_unshare() -> bool:
    words = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    return (
        shutil.which("unshare") is not None and subprocess.run(words, check=False, capture_output=True).returncode == 0
    )


needs_mounts = pytest.mark.skipif(not _can_unshare(), reason="no namespaces for mounts here")


@pytest.fixture
def home(make_workspace: Callable[..., Workspace]) -> Workspace:
    workspace = make_workspace(CATALOGUE, {"fixtures/suites/s.yaml": SUITE, "docs/a.md": "hello\n"})
    store = Store(workspace.state / "runs.sqlite")
    store.begin(RunInfo("0123456789abcdef", "2026-11-28T10:00:00", "first", "templates/cup.yaml", 1, Origin("t", "b")))
    store.close()
    SuiteLog(workspace.state / "suites.sqlite").close()
    return workspace


def on_a_disk(home: Workspace, then: str, *words: str) -> tuple[int, str]:
    """Run promptlab on a copy of the workspace on a small disk of its own, to which `then` was done."""
    script = f"""
    set -e
    mount -t tmpfs -o size=3m none /mnt
    cp -a {home.root}/. /mnt/
    cd /mnt
    {then}
    set +e
    exec {PROMPTLAB} "$@"
    """
    env = {**os.environ, "PYTHONPATH": str(ROOT), "GIT_CONFIG_GLOBAL": "/dev/null"}
    command = ["unshare", "-rm", "sh", "-c", script, "sh", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


FULL = "dd if=/dev/zero of=/mnt/filler bs=1024 count=9999 2>/dev/null || true; : > /dev/null"
READ_ONLY = "cd /; mount -o remount,ro /mnt; cd /mnt"
DISKS = {"full": (FULL, "full"), "read-only": (READ_ONLY, "read-only")}

READS = {
    ("runs", "list"): "01234567",
    ("templates", "list"): "templates/cup.yaml",
    ("templates", "check"): "templates/cup.yaml: ok",
    ("suite", "list"): "fixtures/suites/s.yaml",
    ("suite", "runs", "s"): "",
    ("documents", "list"): "",
    ("export", "prompty", "cup"): "---",
    ("models", "list"): "",
}


@needs_mounts
@pytest.mark.parametrize("disk", DISKS)
@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_reading_works(home: Workspace, disk: str, words: tuple[str, ...]) -> None:
    status, said = on_a_disk(home, DISKS[disk][0], *words)
    assert status == 0, said
    assert READS[words] in said


WRITES = [
    ("export", "prompty", "cup", "-o", "out.prompty"),
    ("import", "prompty", "cup.prompty"),
    ("suite", "record", "s"),
    ("documents", "add", "big.md"),
]


@needs_mounts
@pytest.mark.parametrize("disk", DISKS)
@pytest.mark.parametrize("words", WRITES, ids=" ".join)
def test_what_cannot_be_written_says_why_and_leaves_nothing(home: Workspace, disk: str, words: tuple[str, ...]) -> None:
    (home.root / "cup.prompty").write_text("---\nname: x\n---\nsystem:\n" + "Hi {{ who }}\n" + "word\n" * 60_000)
    (home.root / "big.md").write_text("word\n" * 60_000)
    then, advice = DISKS[disk]
    status, said = on_a_disk(home, f"git init -q; {then}", *words)
    if disk == "full" and words[1] in ("record", "prompty") and status == 0:
        pytest.skip("it fitted into what was left")
    assert status == 1, said
    assert "Traceback" not in said
    assert advice in said


@pytest.mark.parametrize(
    ("number", "word"), [(28, "full"), (30, "read-only"), (13, "owner"), (27, "larger"), (122, "quota"), (24, "open")]
)
def test_advice_fits_the_fault(number: int, word: str) -> None:
    assert word in faults.advice(OSError(number, "x"))


def test_a_file_that_grows_too_large_keeps_the_old_one(tmp_path: Path) -> None:
    """`ulimit -f`, in a process of its own."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    program = (
        "import resource, signal, sys; from pathlib import Path; from promptlab._util.files import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "write_atomically(Path(sys.argv[1]), b'x' * 100000)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], env=env, capture_output=True, text=True, check=False
    )
    assert "NotWritten" in done.stderr
    assert "larger than the limit" in done.stderr
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_the_way_of_a_folder_is_an_error_of_both_kinds(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(NotWritten) as caught:
        write_atomically(tmp_path / "a/b.txt", b"x")
    assert isinstance(caught.value, OSError)
    assert caught.value.errno in (17, 20)

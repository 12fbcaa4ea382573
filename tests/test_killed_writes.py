"""kill -9 in the middle of accept, save and import: what is on disk is the old or the new, whole, and work goes on.

PROMPTLAB_KILLS=20 pytest tests/test_killed_writes.py
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from promptlab._util import transaction as all_or_none
from promptlab.formats._import import read_import, write_import
from promptlab.formats._workspace_view import ImportFolders
from promptlab.suites import _file as suite_file
from promptlab.suites._baseline import RunAnswers, last_answered_run, write_recording
from promptlab.suites._recording import Recording
from promptlab.versions import _save as shelf
from promptlab.workspace._workspace import Workspace
from tests import repositories
from tests.places import ROOT
from tests.suites.making import SuiteHouse, suites

__all__ = ["suites"]

KILLS = int(os.environ.get("PROMPTLAB_KILLS", "4"))

# Kills itself at the n-th of the moments at which a file takes its place, or is synced, or is killed by the test.
DYING = """
import os, signal, sys
left = int(os.environ.get("DIE_AT", "0"))
def dying(call):
    def now(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return now
os.replace, os.rename, os.fsync = dying(os.replace), dying(os.rename), dying(os.fsync)
"""


def start(home: Path, program: str, die_at: int, *words: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "DIE_AT": str(die_at)}
    return subprocess.Popen(
        [sys.executable, "-c", DYING + program, *words], cwd=home, env=env, stdout=subprocess.PIPE, text=True
    )


def kill(process: subprocess.Popen[str], rng: random.Random, longest: float) -> bool:
    """Kill it a random moment after it said that it begins; whether it was still at work."""
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(rng.random() * longest)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


IMPORT = """
import sys
from promptlab.formats._import import read, write
from promptlab.formats._source import Places
from promptlab.workspace import Workspace
workspace = Workspace.find()
imported = read("promptfoo", "promptfooconfig.yaml", open(sys.argv[1], "rb").read())
print("begins", flush=True)
for _ in range(int(sys.argv[2])):
    write(workspace, imported, "promptfooconfig.yaml", Places(), force=True)
    if int(sys.argv[2]) > 1:
        for path in ("templates/imported", "fixtures/imported"):
            for file in workspace.resolve(path).glob("*"):
                file.unlink()
"""


def foreign(n: int) -> str:
    tests = ",".join(
        f"{{vars: {{ticket: 'It burns {i}'}}, assert: [{{type: equals, value: u{n}}}]}}" for i in range(300)
    )
    return f"prompts: ['Sort {n} {{{{ ticket }}}}', 'Order {{{{ ticket }}}}']\ntests: [{tests}]\n"


def made(home: Workspace) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.root)): path.read_bytes()
        for folder in ("templates/imported", "fixtures/imported")
        for path in (home.root / folder).rglob("*")
        if path.is_file() and not path.name.endswith(".new")
    }


@pytest.mark.parametrize("die_at", range(1, 14))
def test_an_import_is_all_or_none_wherever_it_dies(workspace: Workspace, tmp_path: Path, die_at: int) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(foreign(1))
    new.write_text(foreign(2))
    write_import(
        workspace,
        read_import("promptfoo", "promptfooconfig.yaml", old.read_bytes()),
        "promptfooconfig.yaml",
        ImportFolders(),
    )
    before = made(workspace)
    process = start(workspace.root, IMPORT, die_at, str(new), "1")
    process.communicate(timeout=60)
    Workspace.find(workspace.root)
    after = made(workspace)
    assert before.keys() == after.keys()
    assert len(before) == 4
    changed = {path for path in before if before[path] != after[path]}
    whole = {path for path, data in before.items() if b"u1" in data or b"Sort 1" in data}
    assert changed in (set(), whole), changed
    assert process.returncode in (0, -signal.SIGKILL)
    assert all_or_none.finish(workspace.root) == []
    write_import(
        workspace,
        read_import("promptfoo", "promptfooconfig.yaml", new.read_bytes()),
        "promptfooconfig.yaml",
        ImportFolders(),
        force=True,
    )
    assert {path for path in before if before[path] != made(workspace)[path]} == whole


def test_imports_killed_at_random_are_all_or_none(workspace: Workspace, tmp_path: Path) -> None:
    source, rng, killed = tmp_path / "new.yaml", random.Random(7), 0
    source.write_text(foreign(3))
    wanted = read_import("promptfoo", "promptfooconfig.yaml", source.read_bytes())
    write_import(workspace, wanted, "promptfooconfig.yaml", ImportFolders())
    whole = made(workspace)
    while killed < KILLS:
        for path in whole:
            (workspace.root / path).unlink(missing_ok=True)
        killed += kill(start(workspace.root, IMPORT, 0, str(source), "1"), rng, 0.012)
        Workspace.find(workspace.root)
        assert made(workspace) in ({}, whole)


SAVE = """
import sys
from promptlab.versions import _save as shelf
from promptlab.workspace import Workspace
workspace = Workspace.find()
text = open(sys.argv[1]).read()
base = shelf.on_disk(workspace, "templates/cup.yaml")
print("begins", flush=True)
shelf.save(workspace, "templates/cup.yaml", text, "Ask otherwise", base=base)
"""


def test_saves_killed_at_random_keep_the_file_and_the_repository(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories.isolate(monkeypatch, tmp_path)
    repo = repositories.start(workspace)
    rng, killed, round_ = random.Random(3), 0, 0
    while killed < KILLS:
        round_ += 1
        before = repo.text()
        text = before + f"# {round_}\n"
        (tmp_path / "new.yaml").write_text(text)
        killed += kill(start(workspace.root, SAVE, 0, str(tmp_path / "new.yaml")), rng, 0.08)
        deadline = time.monotonic() + 20  # the git that was at work ends by itself
        while (workspace.root / ".git/index.lock").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert repo.text() in (before, text)
        repo.git("fsck", "--strict")
        saved = shelf.save_template(
            workspace, repositories.CUP, repo.text() + "# by hand\n", "After the kill", base=repo.text()
        )
        assert saved.committed
        assert [line for line in repo.status() if "cup.yaml" in line] == []  # nor is anything half left


ACCEPT = """
from promptlab.suites import _file as suite_file
from promptlab.suites._baseline import RunAnswers, last_answered_run, write_recording
from promptlab.runs._store import Store
from promptlab.suites._log import SuiteLog
from promptlab.workspace import Workspace
workspace = Workspace.find()
suite = suite_file.load_suite(workspace, "facts")
log = SuiteLog(workspace.state / "suites.sqlite")
answers = RunAnswers(Store(workspace.state / "runs.sqlite"), log, last_answered_run(log, suite, "rerun"))
print("begins", flush=True)
write_recording(workspace, suite, answers)
"""


def test_accepts_killed_at_random_leave_a_whole_recording(suites: SuiteHouse) -> None:
    cases = "".join(
        json.dumps({"id": f"c{n}", "inputs": {"question": f"Who won n{n}"}, "expected": "Argentina"}) + "\n"
        for n in range(300)
    )
    suites.house.model("good", "Brazil")
    suites.write("template: cup\nmodels: [good]\nscorers: [contains]\ncases: [{file: cases.jsonl}]\n")
    (suites.workspace.root / "cases.jsonl").write_text(cases)
    suites.record()
    path = suites.workspace.root / "fixtures/recordings/facts.jsonl"
    old = path.read_bytes()
    suites.house.model("good", "Argentina")
    suites.rerun()
    suite = suite_file.load_suite(suites.workspace, "facts")
    write_recording(
        suites.workspace,
        suite,
        RunAnswers(suites.house.store, suites.log, last_answered_run(suites.log, suite, "rerun")),
    )
    new = path.read_bytes()
    assert new != old
    rng, killed = random.Random(11), 0
    while killed < KILLS:
        path.write_bytes(old)
        process = start(suites.workspace.root, ACCEPT, killed % 3 if killed % 2 else 0)
        killed += kill(process, rng, 0.25)
        assert path.read_bytes() in (old, new)
        with Recording(path, shown="r") as recording:
            assert len(list(recording.keys())) == 300
    process = start(suites.workspace.root, ACCEPT, 0)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert path.read_bytes() == new


@pytest.mark.parametrize(
    "path", ["../out.yaml", ".git/hooks/x.yaml", "promptlab.yaml", "a.py", "/tmp/x.yaml", "sub/.hidden/x.yaml", "x"]
)
def test_a_journal_of_somebody_elses_making_writes_no_other_file(
    workspace: Workspace, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    pending = workspace.state / all_or_none.FOLDER
    pending.mkdir(parents=True)
    (pending / "x.json").write_text(json.dumps({path: {"was": "", "text": "aGk="}}))
    before = (workspace.root / "promptlab.yaml").read_bytes()
    assert all_or_none.finish(workspace.root) == []
    assert (workspace.root / "promptlab.yaml").read_bytes() == before
    assert path in caplog.text
    assert not list(pending.glob("*.json"))


def test_a_file_changed_since_is_left_alone(workspace: Workspace) -> None:
    pending = workspace.state / all_or_none.FOLDER
    pending.mkdir(parents=True)
    (pending / "x.json").write_text(json.dumps({"templates/cup.yaml": {"was": "0" * 64, "text": "aGk="}}))
    before = (workspace.root / "templates/cup.yaml").read_bytes()
    Workspace.find(workspace.root)
    assert (workspace.root / "templates/cup.yaml").read_bytes() == before

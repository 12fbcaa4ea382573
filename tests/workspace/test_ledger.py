"""The ledger: every request that leaves is in it and nothing else, whatever the road, and a changed line is found."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.cli import _main as cli
from promptlab.cli import serve as cli_serve
from promptlab.documents import add_document
from promptlab.errors import GateRefused, StoreError, WorkspaceError
from promptlab.examples import _edit as pools
from promptlab.models._catalogue import Catalogue
from promptlab.types import Completion, Example, Message, Prompt, Request, Source
from promptlab.workspace import _ledger_read as ledger_read
from promptlab.workspace._labels import set_label
from promptlab.workspace._ledger import FILE, START, Ledger, SentRequest, digest
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.loopback import LoopbackServer, status, stream
from tests.places import PACKAGE

LINE = SentRequest("api.example.org", "gpt", "gpt-4o-mini", "templates/cup.yaml", "public", "public", "9" * 64, 1, 120)
MODELS = """\
models:
  api: {{backend: openai, model: loop-1, base_url: "{url}", max_parallel: 1, clearance: internal}}
  judging: {{backend: openai, model: loop-2, base_url: "{url}", max_parallel: 1, clearance: internal}}
labels: {{"fixtures/documents/cup.md": internal, "fixtures/recordings/**": internal}}
"""
SUITE = """\
template: cup
models: [api]
scorers: [contains]
cases:
  - {id: winner, inputs: {question: Who won the cup?}, expected: Argentina}
  - {id: host, inputs: {question: Where was the cup?}, expected: Qatar}
"""
FILES = {
    "templates/sure.yaml": TEMPLATE.replace("max_tokens: 16", "max_tokens: 16, logprobs: 2"),
    "fixtures/suites/facts.yaml": SUITE,
    "fixtures/suites/judged.yaml": SUITE.replace("[contains]", "[{judge: {model: judging, question: Is it right?}}]"),
}
ASK = ("compare", "cup", "-m", "api", "--set", "question=Who won?")

# Every way of this program to ask an API: the words, what the server does first, how many requests leave.
ROADS: tuple[tuple[str, tuple[str, ...], tuple[int, ...], int], ...] = (
    ("compare", ASK, (), 1),
    ("compare, from the history", ASK, (), 0),
    ("compare, asked anew", (*ASK, "--fresh"), (), 1),
    ("compare, with repeats", (*ASK, "--fresh", "--repeat", "3"), (), 3),
    ("compare, retried", (*ASK, "--fresh"), (503, 429), 3),
    ("compare, refused by the server", (*ASK, "--fresh"), (400,), 1),
    ("compare with logprobs", ("compare", "sure", "-m", "api", "--set", "question=Who won?"), (), 1),
    ("render", ("render", "cup", "-m", "api"), (), 0),
    ("suite record", ("suite", "record", "facts"), (), 2),
    ("suite replay", ("suite", "replay", "facts"), (), 0),
    ("suite rerun, as recorded", ("suite", "rerun", "facts", "--prompts", "stored"), (), 2),
    ("suite rerun, as written now", ("suite", "rerun", "facts", "--prompts", "current"), (), 2),
    ("suite with a judge", ("suite", "record", "judged"), (), 4),
    ("suite with a judge, replayed", ("suite", "replay", "judged"), (), 0),
)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["promptlab", *words])
    try:
        cli.main()
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 0
    return 0


def test_every_request_of_every_road_is_a_line_and_nothing_else_is(
    make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    with LoopbackServer(
        lambda r: stream('{"reason": "so", "pass": true}' if b"You judge" in r.body else "Ok")
    ) as server:
        here = make_workspace(MODELS.format(url=server.url), FILES)
        monkeypatch.chdir(here.root)
        for name, words, faults, leaves in ROADS:
            server.forget()
            server.plan(*[status(code, retry_after_ms="1") for code in faults])
            known = ledger_read.verify_ledger(here.state).lines
            run(monkeypatch, *words)
            new = [e for e in ledger_read.newest_ledger_entries(here.state)[::-1] if e["line"] > known]
            assert (name, server.count, len(new)) == (name, leaves, leaves)
            assert sorted(e["bytes"] for e in new) == sorted(len(r.body) for r in server.requests), name
            for entry, request in zip(new, server.requests, strict=True):
                assert entry["kind"] == "sent"
                assert entry["host"] == f"127.0.0.1:{server.port}"
                assert entry["asked"] == request.json["model"], name
                assert (entry["label"], entry["clearance"]) == ("internal", "internal"), name
            if faults and leaves > 1:
                assert [e["attempt"] for e in new] == [1, 2, 3]
                assert len({e["request"] for e in new}) == 1
        templates = {e["template"] for e in ledger_read.newest_ledger_entries(here.state)}
        assert {"templates/cup.yaml", "templates/sure.yaml"} <= templates
        assert ledger_read.verify_ledger(here.state).problem is None
        (place, other) = ledger_read.ledger_destinations(here.state)
        assert (place.model, other.model, place.label) == ("judging", "api", "internal")
        assert place.tries + other.tries == sum(road[3] for road in ROADS)


def test_only_the_catalogue_makes_api_models_and_gives_each_a_ledger() -> None:
    root = PACKAGE
    makers = [
        p.name for p in root.rglob("*.py") if "OpenAIBackend(" in p.read_text().replace("class OpenAIBackend", "")
    ]
    assert makers == ["_catalogue.py"]
    text = (root / "models" / "_catalogue.py").read_text()
    assert "outgoing = Outgoing(" in text or "outgoing=Outgoing(" in text


def asked(label: str) -> Request:
    source = Source("context", "secret.md", label)  # type: ignore[arg-type]
    return Request("api", Prompt((Message("user", "Who won?"),), sources=(source,)))


def answer(here: Workspace, request: Request) -> Completion:
    catalogue = Catalogue(here, {})
    try:
        *_, last = catalogue.backend("api").complete(request, threading.Event())
    finally:
        catalogue.close()
    assert isinstance(last, Completion)
    return last


def test_the_gate_is_asked_once_more_where_text_leaves(make_workspace: Callable[..., Workspace]) -> None:
    with LoopbackServer() as server:
        here = make_workspace(MODELS.format(url=server.url))
        with pytest.raises(GateRefused):
            answer(here, asked("confidential"))
        assert (server.count, ledger_read.verify_ledger(here.state).lines) == (0, 0)
        answer(here, asked("internal"))
        assert (server.count, ledger_read.verify_ledger(here.state).lines) == (1, 1)


@pytest.mark.parametrize("fault", ["a folder in its place", "a link in its place", "no room"])
def test_where_no_line_can_be_written_nothing_leaves(
    make_workspace: Callable[..., Workspace], fault: str, tmp_path: Path
) -> None:
    with LoopbackServer() as server:
        here = make_workspace(MODELS.format(url=server.url))
        here.state.mkdir(exist_ok=True)
        if fault == "a folder in its place":
            (here.state / FILE).mkdir()
        elif fault == "a link in its place":
            (here.state / FILE).symlink_to(tmp_path / "elsewhere")
        else:
            Ledger(here.state).sent(LINE)
        before = (here.state / FILE).stat().st_size if fault == "no room" else 0
        program = (
            "import resource, signal, sys, threading\n"
            "from promptlab.models._catalogue import Catalogue\nfrom promptlab.workspace._workspace import Workspace\n"
            "from promptlab.types import Message, Prompt, Request\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            f"if {fault == 'no room'}: resource.setrlimit(resource.RLIMIT_FSIZE, ({before} + 100,) * 2)\n"
            "list(Catalogue(Workspace.find(), {}).backend('api').complete("
            "Request('api', Prompt((Message('user', 'x'),))), threading.Event()))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=here.root, capture_output=True, text=True, timeout=60, check=False
        )
        assert "StoreError: nothing was sent" in done.stderr
        assert server.count == 0
        assert not (tmp_path / "elsewhere").exists()
        if fault == "no room":
            assert ledger_read.verify_ledger(here.state).lines == 1


def filled(folder: Path, number: int = 6) -> list[bytes]:
    ledger = Ledger(folder)
    for n in range(number):
        ledger.sent(SentRequest("h", "m", "m", f"templates/t{n}.yaml", "public", "public", f"{n:064}", 1, n))
    ledger.close()
    return (folder / FILE).read_bytes().splitlines(keepends=True)


def signed(line: bytes) -> bytes:
    """A changed line with a hash that fits itself."""
    text = line.rpartition(b', "hash": "')[0]
    return b'%b, "hash": "%b"}\n' % (text, digest(text).encode())


# What is done to six lines, and the first line that does not fit then; 0 for none.
CHANGES: tuple[tuple[str, Callable[[list[bytes]], list[bytes]], int], ...] = (
    ("nothing", lambda a: a, 0),
    ("one letter of one line", lambda a: [*a[:2], a[2].replace(b"t2.yaml", b"t9.yaml"), *a[3:]], 3),
    ("the same, with a hash that fits", lambda a: [*a[:2], signed(a[2].replace(b"t2.", b"t9.")), *a[3:]], 4),
    ("a line taken out", lambda a: [*a[:2], *a[3:]], 3),
    ("the first line taken out", lambda a: a[1:], 1),
    ("a line put in again", lambda a: [*a[:3], a[1], *a[3:]], 4),
    ("two lines in each other's place", lambda a: [a[0], a[2], a[1], *a[3:]], 2),
    ("an empty line", lambda a: [*a[:2], b"\n", *a[2:]], 3),
    ("a line of something else", lambda a: [*a[:2], b'{"kind": "sent"}\n', *a[2:]], 3),
    ("a line of its own hash and no facts", lambda a: [*a[:2], signed(b'{"kind": "sent", "hash": "x"}'), *a[2:]], 3),
    ("a kind that there is not", lambda a: [*a[:2], signed(a[2].replace(b'"sent"', b'"made"')), *a[3:]], 3),
    ("the first letter of the last line", lambda a: [*a[:5], b"[" + a[5][1:]], 6),
)


@pytest.mark.parametrize(("change", "first"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_verify_names_the_first_line_that_does_not_fit(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], first: int
) -> None:
    (tmp_path / FILE).write_bytes(b"".join(change(filled(tmp_path))))
    found = ledger_read.verify_ledger(tmp_path)
    assert (found.problem.line if found.problem else 0) == first
    # What comes after fits what is there, and heals nothing.
    Ledger(tmp_path).sent(LINE)
    again = ledger_read.verify_ledger(tmp_path)
    assert (again.problem.line if again.problem else 0) == first
    assert again.torn == ()


def test_lines_cut_off_at_the_end_are_missed_by_a_hash_that_was_kept(tmp_path: Path) -> None:
    lines = filled(tmp_path)
    head = ledger_read.verify_ledger(tmp_path).head
    assert ledger_read.verify_ledger(tmp_path, head=head).problem is None
    (tmp_path / FILE).write_bytes(b"".join(lines[:4]))
    assert ledger_read.verify_ledger(tmp_path).problem is None
    missed = ledger_read.verify_ledger(tmp_path, head=head).problem
    assert missed is not None
    assert missed.line == 5


@pytest.mark.parametrize("left", [1, 40, 200, -1])
def test_a_torn_last_line_is_said_and_never_written_on_from(tmp_path: Path, left: int) -> None:
    lines = filled(tmp_path)
    (tmp_path / FILE).write_bytes(b"".join(lines[:5]) + lines[5][:left])
    before = ledger_read.verify_ledger(tmp_path)
    assert (before.problem, before.torn, before.counts) == (None, (6,), {"sent": 5})
    Ledger(tmp_path).sent(LINE)
    after = ledger_read.verify_ledger(tmp_path)
    assert (after.problem, after.torn, after.counts) == (None, (6,), {"sent": 6, "torn": 1})
    assert (tmp_path / FILE).read_bytes().startswith(b"".join(lines[:5]) + lines[5][:left] + b"\n")


WRITER = """
import sys, time
from pathlib import Path
from promptlab.workspace import Ledger, SentRequest as Sent
ledger = Ledger(Path(sys.argv[1]))
print("ready", flush=True)
n = 0
while n < int(sys.argv[2]):
    ledger.sent(Sent("h", sys.argv[3], "m", "t", "public", "public", str(n), 1, n))
    n += 1
"""


def writer(folder: Path, number: int, name: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WRITER, str(folder), str(number), name]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_several_processes_and_kill_9_lose_no_line_and_tear_no_chain(tmp_path: Path) -> None:
    whole = [writer(tmp_path, 300, f"whole-{n}") for n in range(2)]
    for turn in range(6):
        one = writer(tmp_path, 1_000_000, f"killed-{turn}")
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
        one.send_signal(signal.SIGKILL)
        one.wait()
        one.stdout.close()
    for one in whole:
        assert one.wait(60) == 0
        assert one.stdout is not None
        one.stdout.close()
    found = ledger_read.verify_ledger(tmp_path)
    assert found.problem is None
    by_model: dict[str, list[str]] = {}
    for line in ledger_read.ledger_lines(tmp_path):
        if line.entry and line.entry["kind"] == "sent":
            by_model.setdefault(line.entry["model"], []).append(line.entry["request"])
    for name, requests in by_model.items():  # each in its order, none twice, none missing
        assert requests == [str(n) for n in range(len(requests))]
        assert len(requests) == 300 or name.startswith("killed")
    assert {"whole-0", "whole-1"} <= by_model.keys()


def test_threads_of_one_process_write_a_line_each(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    threads = [threading.Thread(target=lambda: [ledger.sent(LINE) for _ in range(50)]) for _ in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert ledger_read.verify_ledger(tmp_path).counts == {"sent": 800}
    assert ledger_read.verify_ledger(tmp_path).problem is None


def test_the_file_is_for_its_owner_alone_and_begins_anew_where_it_was_moved(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state")
    ledger.sent(LINE)
    file = tmp_path / "state" / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    ledger.sent(LINE)
    (only,) = ledger_read.ledger_lines(tmp_path / "state")
    assert only.entry is not None
    assert only.entry["before"] == START


def test_a_child_process_writes_its_own_lines(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.sent(LINE)
    if (child := os.fork()) == 0:
        ledger.sent(LINE)
        os._exit(0)
    os.waitpid(child, 0)
    ledger.sent(LINE)
    found = ledger_read.verify_ledger(tmp_path)
    assert (found.problem, found.lines) == (None, 3)


def test_lowering_a_label_is_a_line_with_a_name_and_a_reason(make_workspace: Callable[..., Workspace]) -> None:
    here = make_workspace('models: {}\nlabels: {"fixtures/documents/cup.md": confidential}\n')
    with pytest.raises(WorkspaceError, match="reason"):
        set_label(here, "fixtures/documents/cup.md", "public")
    assert Workspace.load(here.root).label_of("fixtures/documents/cup.md") == "confidential"
    here = set_label(here, "fixtures/documents/cup.md", "internal", reason="it is on\nour intranet")
    here = set_label(here, "fixtures/documents/cup.md", "confidential")  # raising needs none, and is no line
    added = add_document(here, "paste.md", "Hello", label="public")
    (second, first) = ledger_read.newest_ledger_entries(here.state)
    assert (first["kind"], first["was"], first["label"]) == ("lowered", "confidential", "internal")
    assert (first["reason"], bool(first["who"])) == ("it is on our intranet", True)
    assert (second["path"], second["was"], second["label"]) == (added.path, "confidential", "public")


def test_an_example_whose_label_is_lowered_is_a_line_too(make_workspace: Callable[..., Workspace]) -> None:
    here = make_workspace()
    pool = "fixtures/examples/cup.jsonl"
    private = Example("host", {"question": "Who hosted it?"}, "Qatar", (), "confidential")
    pools.edit_example(here, pool, "host", private)  # raising needs no reason
    before = (here.root / pool).read_bytes()
    with pytest.raises(WorkspaceError, match="reason"):
        pools.edit_example(here, pool, "host", replace(private, label="public"))
    assert (here.root / pool).read_bytes() == before
    pools.edit_example(here, pool, "host", replace(private, output="Doha"))  # the label stays
    assert ledger_read.newest_ledger_entries(here.state) == []
    pools.edit_example(here, pool, "host", replace(private, label="internal"), reason="told to all")
    (line,) = ledger_read.newest_ledger_entries(here.state)
    assert (line["path"], line["was"], line["label"]) == (f"{pool}#host", "confidential", "internal")
    assert (line["reason"], bool(line["who"])) == ("told to all", True)


def test_a_label_is_not_lowered_where_that_cannot_be_written_down(make_workspace: Callable[..., Workspace]) -> None:
    here = make_workspace('models: {}\nlabels: {"fixtures/documents/cup.md": confidential}\n')
    (here.state / FILE).mkdir(parents=True)
    with pytest.raises(StoreError):
        set_label(here, "fixtures/documents/cup.md", "public", reason="why not")
    assert Workspace.load(here.root).label_of("fixtures/documents/cup.md") == "confidential"


def test_the_command_line_shows_and_verifies(
    make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = make_workspace('models: {}\nlabels: {"fixtures/documents/cup.md": internal}\n')
    monkeypatch.chdir(here.root)
    assert run(monkeypatch, "ledger", "verify", "--json") == 0
    assert json.loads(capsys.readouterr().out)["lines"] == 0
    filled(here.state, 3)
    assert run(monkeypatch, "documents", "label", "fixtures/documents/cup.md", "public", "--reason", "out now") == 0
    Ledger(here.state).served("0.0.0.0:8017", "gemma")
    capsys.readouterr()
    assert run(monkeypatch, "ledger", "show", "--json", "--limit", "2") == 0
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert kinds == ["served", "lowered"]
    assert run(monkeypatch, "ledger", "show") == 0
    words = capsys.readouterr().out
    for fact in ("0.0.0.0:8017", "out now", "templates/t2.yaml", "request 000000000000"):
        assert fact in words
    file = here.state / FILE
    file.write_bytes(file.read_bytes().replace(b"t1.yaml", b"tX.yaml"))
    assert run(monkeypatch, "ledger", "verify", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["line"], found["lines"]) == (False, 2, 5)


@pytest.mark.parametrize(("host", "lines"), [("0.0.0.0", 1), ("127.0.0.1", 0)])
def test_serving_other_machines_is_a_line(make_workspace: Callable[..., Workspace], host: str, lines: int) -> None:
    here = make_workspace()
    with cli_serve.listening(host, 0, "a-long-secret") as listener:
        cli_serve._write_down(Catalogue(here, {}), ["gemma", "smol"], listener)
    assert [entry["model"] for entry in ledger_read.newest_ledger_entries(here.state)] == ["gemma, smol"] * lines

"""The command line: its statuses, its lines, its errors, and what it never sends."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from promptlab.cli import _main as cli
from promptlab.runs import _report as report
from promptlab.runs._store import Store
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.loopback import LoopbackServer, Received, hang_midway, status, stream
from tools import cli_docs

CATALOGUE = """\
models:
  open: {{backend: openai, model: loop-1, base_url: "{open}"}}
  ours: {{backend: openai, model: loop-1, base_url: "{ours}", clearance: confidential, window: 2000}}
labels:
  "fixtures/private/**": confidential
"""

TYPED = """\
inputs:
  question: {type: string, sample: Who won?}
  count: {type: number, sample: 3, default: 1}
  tags: {type: list, sample: [a], default: []}
user: "{{ question }} {{ count + 1 }} {{ tags | join('+') }}"
"""

PRIVATE = "The secret word is xyzzy-4711."


@dataclass
class Done:
    """What a command left: its exit status and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Desk:
    """A workspace with two servers behind it: `open` is cleared for public text only, `ours` for everything."""

    workspace: Workspace
    open: LoopbackServer
    ours: LoopbackServer
    run: Callable[..., Done]

    def spawn(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """The command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "promptlab.cli", *words], cwd=self.workspace.root, text=True, **options
        )


@pytest.fixture
def desk(
    make_workspace: Callable[..., Workspace],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desk]:
    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["promptlab", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else 0
        out, err = capsys.readouterr()
        return Done(code, out, err)

    with LoopbackServer(stream("Brazil")) as open_, LoopbackServer(stream("Argentina")) as ours:
        workspace = make_workspace(
            CATALOGUE.format(open=open_.url, ours=ours.url),
            {
                "templates/private.yaml": TEMPLATE.replace("documents/cup.md", "private/cup.md"),
                "templates/typed.yaml": TYPED,
                "fixtures/private/cup.md": PRIVATE,
            },
        )
        monkeypatch.chdir(workspace.root)
        yield Desk(workspace, open_, ours, run)


ASK = ("compare", "cup", "--set", "question=Who won?")


def history(desk: Desk) -> Path:
    return desk.workspace.state / "runs.sqlite"


# Answers


def test_every_model_of_the_catalogue_answers_in_its_order(desk: Desk) -> None:
    done = desk.run(*ASK)
    assert done.code == 0
    assert re.findall(r"^── (\S+)", done.out, re.MULTILINE) == ["open", "ours"]
    assert re.findall(r"^[A-Z]\w+$", done.out, re.MULTILINE) == ["Brazil", "Argentina"]
    assert done.err == ""


def test_json_lines_have_exactly_the_documented_fields(desk: Desk) -> None:
    desk.ours.plan(status(400, message="no"))
    done = desk.run(*ASK, "--json", "-m", "ours", "-m", "open", "--without", "context")
    assert done.code == 1
    assert [list(line) for line in done.lines] == [list(report.FIELDS)] * 2
    failed, good = done.lines
    assert (failed["model"], failed["error"]["kind"], failed["finish_reason"]) == ("ours", "RequestRejected", None)
    assert (good["model"], good["text"], good["error"], good["cached"]) == ("open", "Brazil", None, False)
    assert good["finish_reason"] == "stop"
    assert good["without"] == ["context"]
    assert good["usage"]["written"] is not None
    assert good["timings"]["total"] >= good["timings"]["first_token"] > 0
    assert re.fullmatch(r"[0-9a-f]{64}", good["request_id"])


def test_a_section_left_out_is_not_sent(desk: Desk) -> None:
    desk.run(*ASK, "-m", "open")
    desk.run(*ASK, "-m", "open", "--without", "context", "--without", "examples")
    with_it, without = (b"".join(r.body for r in [desk.open.requests[n]]) for n in range(2))
    assert b"beat France" in with_it
    assert b"Qatar" in with_it
    assert b"beat France" not in without
    assert b"Qatar" not in without


def test_the_second_time_the_store_answers_until_fresh(desk: Desk) -> None:
    first = desk.run(*ASK, "-m", "open", "--json").lines[0]
    second = desk.run(*ASK, "-m", "open", "--json").lines[0]
    assert (first["cached"], second["cached"], second["timings"]) == (False, True, None)
    assert second["request_id"] == first["request_id"]
    assert "earlier answer" in desk.run(*ASK, "-m", "open").out
    assert desk.open.count == 1
    assert not desk.run(*ASK, "-m", "open", "--json", "--fresh").lines[0]["cached"]
    assert desk.open.count == 2


def test_why_the_store_does_or_does_not_answer_is_said_on_standard_error(desk: Desk) -> None:
    words = (*ASK, "-m", "open", "--json", "--explain")
    said = [desk.run(*words).err, desk.run(*words).err, desk.run(*words, "--max-tokens", "7").err]
    assert said[0] == "open: open has no stored answer yet\n"
    assert said[1].startswith("open: the same request was answered on ")
    assert said[2] == "open: no stored answer: the nearest request differs in max_tokens (16 → 7)\n"


def test_repeats_are_asked_one_by_one(desk: Desk) -> None:
    desk.open.plan(stream("one"), stream("one"), stream("one"))
    done = desk.run(*ASK, "-m", "open", "--repeat", "3", "--json")
    assert [line["repeat"] for line in done.lines] == [0, 1, 2]
    assert len({line["request_id"] for line in done.lines}) == 3
    assert desk.open.count == 3


def test_a_model_named_twice_is_asked_once(desk: Desk) -> None:
    assert [line["model"] for line in desk.run(*ASK, "-m", "open", "-m", "open", "--json").lines] == ["open"]
    assert desk.open.count == 1


def test_parameters_given_go_to_the_model(desk: Desk) -> None:
    desk.run(*ASK, "-m", "open", "--temperature", "0.5", "--max-tokens", "7", "--seed", "3")
    body = desk.open.requests[0].json
    assert (body["temperature"], body["max_tokens"], body["seed"]) == (0.5, 7, 3)


@pytest.mark.parametrize(
    ("words", "mark"),
    [
        (("--expect", "Argentina"), "✗ contains: does not hold 'Argentina'"),
        (("--expect", "brazil"), "✓ contains: holds 'brazil'"),
        (("--expect", "braz", "--scorer", "exact"), "✗ exact: is not 'braz'"),
        (("--expect", "", "--scorer", "exact"), "✗ exact: is not ''"),
    ],
)
def test_answers_are_scored_when_the_right_one_is_said(desk: Desk, words: tuple[str, ...], mark: str) -> None:
    done = desk.run(*ASK, "-m", "open", *words)
    assert mark in done.out.splitlines()
    assert done.code == 0


# Inputs


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("--set", "question=Who?"), "Who? 2 "),
        (("--set", "question=a=b=c"), "a=b=c 2 "),
        (("--set", "question="), " 2 "),
        (("--set", "question=é \u202b {{ x }} {% y %}"), "é \u202b {{ x }} {% y %} 2 "),
        (("--set", "question=Who?", "--set", "count=41"), "Who? 42 "),
        (("--set", "question=Who?", "--set", "count=1.5"), "Who? 2.5 "),
        (("--set", "question=Who?", "--set", 'tags=["x", "y"]'), "Who? 2 x+y"),
        (("--set", "question=one", "--set", "question=two"), "two 2 "),
        (("--set", "question=one", "--set-file", "question=q.txt"), "from a file\r\n 2 "),
        (("--set", "question=Who?", "--set-file", "tags=tags.json"), "Who? 2 p+q"),
    ],
)
def test_inputs_are_set_as_words_json_and_files(desk: Desk, words: tuple[str, ...], sent: str) -> None:
    (desk.workspace.root / "q.txt").write_bytes(b"from a file\r\n")
    (desk.workspace.root / "tags.json").write_text('["p", "q"]')
    assert desk.run("compare", "typed", *words, "-m", "open").code == 0
    assert desk.open.requests[0].json["messages"][-1]["content"] == sent


@pytest.mark.parametrize("path", ["templates/cup.yaml", "cup", "./templates/cup.yaml"])
def test_a_template_is_named_by_path_or_by_name(desk: Desk, path: str) -> None:
    assert desk.run("compare", path, "--set", "question=?", "-m", "open").code == 0


def test_commands_work_from_any_folder_of_the_workspace(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.workspace.root / "fixtures/documents")
    Path("q.txt").write_text("here?")
    assert desk.run("compare", "cup", "--set-file", "question=q.txt", "-m", "open").code == 0
    assert desk.open.requests[0].json["messages"][-1]["content"] == "here?"
    assert history(desk).exists()


# What is wrong


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--frehs",), "No such option"),
        (("compare",), "Missing argument 'TEMPLATE'"),
        (("render", "cup"), "Missing option '-m'"),
        (("cmopare",), "No such command"),
        ((*ASK, "-m", "opne"), "did you mean `open`?"),
        (("render", "cup", "-m", "opne"), "did you mean `open`?"),
        ((*ASK, "--without", "contxt"), "did you mean `context`?"),
        (("render", "cup", "-m", "open", "--without", "input"), "no section `input` to leave out"),
        (("compare", "cup", "--set", "qestion=Who?"), "did you mean `question`?"),
        (("compare", "cup", "--set", "question"), "name=value"),
        (("compare", "cup", "--set", "=x"), "name=value"),
        (("compare", "cup", "--set-file", "question"), "name=value"),
        (("compare", "typed", "--set", "question=?", "--set", "count=many"), "write it as JSON"),
        (("compare", "typed", "--set", "question=?", "--set", 'count="3"'), "should be a number"),
        (("compare", "typed", "--set", "question=?", "--set", "count=NaN"), "finite"),
        (("compare", "typed", "--set", "question=?", "--set", "tags={}"), "should be a list"),
        ((*ASK, "--repeat", "0"), "not in the range"),
        ((*ASK, "--temperature", "-1"), "not in the range"),
        ((*ASK, "--max-tokens", "0"), "not in the range"),
        ((*ASK, "--scorer", "guess"), "is not one of"),
        (("runs", "list", "--limit", "0"), "not in the range"),
        (("app", "--port", "99999"), "not in the range"),
        (("models", "lsit"), "No such command"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_said_with_status_2_and_nothing_is_asked(
    desk: Desk, words: tuple[str, ...], said: str
) -> None:
    done = desk.run(*words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert desk.open.count == desk.ours.count == 0
    assert not history(desk).exists()


@pytest.mark.parametrize("words", [(), ("models",), ("runs",)])
def test_a_command_without_its_word_shows_help(desk: Desk, words: tuple[str, ...]) -> None:
    done = desk.run(*words)
    assert done.code == 2
    assert "Commands:" in done.out + done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("compare", "cpu"), "did you mean `cup`?"),
        (("compare", "cup"), "templates/cup.yaml:3: missing `question`"),
        (("compare", "../outside.yaml"), "leads out of the workspace"),
        (
            ("compare", "cup", "--set-file", "question=nowhere.txt"),
            "input `question` cannot be read from `nowhere.txt`",
        ),
        (("compare", "cup", "--set-file", "question=latin.txt"), "input `question` cannot be read from `latin.txt`"),
        (("runs", "show", "abc"), "there is no run `abc`"),
        (("runs", "show", ""), "there is no run ``"),
        (("models", "prepare", "opne"), "did you mean `open`?"),
    ],
    ids=" ".join,
)
def test_an_error_of_ours_is_a_line_with_what_to_do_and_status_1(desk: Desk, words: tuple[str, ...], said: str) -> None:
    (desk.workspace.root / "latin.txt").write_bytes(b"\xff")
    done = desk.run(*words)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("promptlab: ")
    assert said in done.err
    assert "Traceback" not in done.err
    assert desk.open.count == 0


def test_what_is_wrong_with_the_prompt_is_said_once_and_no_run_is_made(desk: Desk) -> None:
    done = desk.run("compare", "cup", "--json")
    assert done.err.count("missing") == 1
    assert not history(desk).exists()


def test_without_a_workspace_the_way_to_start_one_is_said(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (ASK, ("models", "list"), ("runs", "list"), ("render", "cup", "-m", "a"), ("app",)):
        done = desk.run(*words)
        assert done.code == 1
        assert "no promptlab.yaml in" in done.err
        assert "create promptlab.yaml" in done.err


def test_an_empty_catalogue_says_what_to_add(desk: Desk) -> None:
    (desk.workspace.root / "promptlab.yaml").write_text("models:\n")
    done = desk.run(*ASK)
    assert (done.code, "there is no model to ask" in done.err, "add one under" in done.err) == (1, True, True)
    assert "names no models" in desk.run("models", "list").out


def test_a_history_that_cannot_be_opened_is_an_error_and_asks_nobody(desk: Desk) -> None:
    (desk.workspace.root / ".promptlab").write_text("a file")
    done = desk.run(*ASK)
    assert (done.code, desk.open.count) == (1, 0)
    assert "the run history" in done.err


def test_a_fault_of_ours_keeps_its_traceback(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Store, "runs", broken)
    with pytest.raises(ZeroDivisionError):
        desk.run("runs", "list")


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (status(401, message="bad key"), "AuthenticationFailed", ""),
        (status(400, message="\x1b[2J bad"), "RequestRejected", ""),
    ],
)
def test_a_failing_model_is_shown_in_its_place_and_the_others_answer(
    desk: Desk, reply: Any, kind: str, text: str
) -> None:
    desk.open.default = reply
    done = desk.run(*ASK, "--json")
    failed, good = done.lines
    assert (done.code, failed["error"]["kind"], failed["text"], good["text"]) == (1, kind, text, "Argentina")
    shown = desk.run(*ASK)
    assert shown.code == 1
    assert "failed: " in shown.out
    assert "\x1b" not in shown.out


def test_an_answer_with_control_characters_cannot_steer_the_terminal(desk: Desk) -> None:
    desk.open.default = stream("\x1b[2J\x1b]0;pwned\x07 \r\u009b31m")
    done = desk.run(*ASK, "-m", "open")
    assert "\\x1b[2J\\x1b]0;pwned\\x07 \\r\\x9b31m" in done.out
    line = desk.run(*ASK, "-m", "open", "--json")
    assert line.out.isascii()
    assert line.lines[0]["text"] == "\x1b[2J\x1b]0;pwned\x07 \r\u009b31m"


# The gate


def test_a_confidential_document_never_reaches_a_model_not_cleared_for_it(desk: Desk) -> None:
    process = desk.spawn(
        "compare", "private", "--set", "question=Who?", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = process.communicate(timeout=120)
    refused, answered = (json.loads(line) for line in out.splitlines())
    assert process.returncode == 1
    assert (refused["model"], refused["error"]["kind"]) == ("open", "GateRefused")
    assert "fixtures/private/cup.md" in refused["error"]["message"]
    assert (answered["model"], answered["text"]) == ("ours", "Argentina")
    # Every byte the server got: there is none.
    assert (bytes(desk.open.received), desk.open.opened) == (b"", 0)
    assert b"xyzzy-4711" in desk.ours.received
    assert err == ""


@pytest.mark.parametrize(
    "words",
    [
        ("private", "--set", "question=?"),
        ("private", "--set", "question=?", "--fresh"),
        ("private", "--set", "question=?", "--repeat", "3"),
        ("private", "--set", "question=?", "--explain"),
        ("cup", "--set-file", "question=fixtures/private/cup.md"),
        ("cup", "--set-file", "question=fixtures/documents/../private/cup.md"),
        ("cup", "--set-file", "question=link.md"),
        ("linked", "--set", "question=?"),
        ("fixtures/private/template.yaml", "--set", "question=?"),
        ("pool", "--set", "question=?"),
    ],
    ids=" ".join,
)
def test_no_way_in_takes_private_text_to_a_public_model(desk: Desk, words: tuple[str, ...]) -> None:
    root = desk.workspace.root
    (root / "link.md").symlink_to("fixtures/private/cup.md")
    (root / "templates/linked.yaml").write_text(TEMPLATE.replace("fixtures/documents/cup.md", "link.md"))
    (root / "fixtures/private/template.yaml").write_text(TEMPLATE)
    (root / "fixtures/private/pool.jsonl").write_bytes((root / "fixtures/examples/cup.jsonl").read_bytes())
    (root / "templates/pool.yaml").write_text(TEMPLATE.replace("examples/cup.jsonl", "private/pool.jsonl"))
    done = desk.run("compare", *words, "--json", "-m", "open", "-m", "ours")
    assert done.code == 1
    assert {(line["model"], (line["error"] or {}).get("kind")) for line in done.lines} == {
        ("open", "GateRefused"),
        ("ours", None),
    }
    assert (bytes(desk.open.received), desk.open.opened) == (b"", 0)


def test_an_answer_stored_while_public_is_not_shown_once_the_file_is_private(desk: Desk) -> None:
    assert desk.run(*ASK, "-m", "open").code == 0
    catalogue = desk.workspace.root / "promptlab.yaml"
    catalogue.write_text(catalogue.read_text() + '  "fixtures/documents/**": internal\n')
    done = desk.run(*ASK, "-m", "open")
    assert done.code == 1
    assert "Brazil" not in done.out
    assert desk.open.count == 1


# The window


def test_what_does_not_fit_is_refused_with_the_tokens_of_each_section(desk: Desk) -> None:
    done = desk.run("compare", "cup", "--set", f"question={'why ' * 3_000}", "--json", "-m", "ours", "-m", "open")
    refused, answered = done.lines
    assert (done.code, refused["error"]["kind"], answered["error"]) == (1, "WindowExceeded", None)
    assert re.search(r"its window is 2,000 \(instructions \d+, .*input 3,\d+", refused["error"]["message"])
    assert desk.ours.count == 0


# Render, models, schema, runs


def test_render_shows_the_messages_and_asks_nobody(desk: Desk) -> None:
    done = desk.run("render", "cup", "-m", "open", "--without", "examples")
    assert done.code == 0
    assert done.out.startswith("── system\nAnswer the question from the article.\nReply with the name only.\n")
    assert "── user\nWho won?\n" in done.out
    assert re.search(r"── open: about [\d,]+ tokens and up to 16 new", done.out)
    assert re.search(r"^ +\d+  context$", done.out, re.MULTILINE)
    assert (desk.open.opened, history(desk).exists()) == (0, False)


def test_what_sends_nothing_needs_no_key(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_API_KEY", raising=False)
    catalogue = desk.workspace.root / "promptlab.yaml"
    gpt = (
        "models:\n  gpt: {backend: openai, model: gpt-4o-mini, clearance: confidential, api_key_env: NO_SUCH_API_KEY}\n"
    )
    eu = gpt.replace("gpt:", "eu:").replace("clearance", 'base_url: "https://eu.api.openai.com/v1", clearance')
    catalogue.write_text(catalogue.read_text().replace("models:\n", gpt + eu.removeprefix("models:\n")))
    (data,) = desk.run("render", "cup", "-m", "gpt", "--json").lines
    assert (data["body"]["model"], data["tokens"]["exact"], data["tokens"]["window"]) == ("gpt-4o-mini", True, 128_000)
    for model in ("gpt", "eu"):
        assert desk.run("render", "cup", "-m", model).code == 0
        for form in ("openai", "curl", "python"):
            assert desk.run("export", form, "cup", "-m", model).code == 0
    asked = desk.run(*ASK, "-m", "gpt", "--explain")
    assert "gpt has no stored answer yet" in asked.err
    assert asked.code == 1
    assert "NO_SUCH_API_KEY" in asked.out + asked.err
    listed = desk.run("models", "list").out
    assert "NO_SUCH_API_KEY" in listed


def test_thinking_is_in_the_json_and_beside_the_answer(desk: Desk) -> None:
    from tests.loopback import delta, events

    thought = {"choices": [{"index": 0, "delta": {"reasoning_content": "Let me see."}}]}
    usage = {"prompt_tokens": 9, "completion_tokens": 20, "completion_tokens_details": {"reasoning_tokens": 17}}
    desk.open.default = events(thought, delta("Uruguay", finish="stop"), {"choices": [], "usage": usage}, "[DONE]")
    for cached in (False, True):
        (line,) = desk.run(*ASK, "-m", "open", "--json", "--reasoning-effort", "low").lines
        assert (line["text"], line["thinking"], line["cached"]) == ("Uruguay", "Let me see.", cached)
        assert (line["usage"]["written"], line["usage"]["thinking"]) == (20, 17)
    assert desk.open.count == 1
    assert desk.open.requests[0].json["reasoning_effort"] == "low"
    shown = desk.run(*ASK, "-m", "open", "--reasoning-effort", "high").out  # another effort is another request
    assert "17 of them thinking" in shown
    assert "Let me see." not in shown
    assert desk.open.count == 2


def test_an_answer_that_failed_at_its_end_is_asked_anew(desk: Desk) -> None:
    for word in ("abort", "moonset"):
        desk.open.plan(stream("Uru", finish=word), stream("Uruguay"))
        first, second = (desk.run(*ASK, "-m", "open", "--json", "--set", f"question={word}?") for _ in range(2))
        assert first.lines[0]["cached"] is False
        assert (second.lines[0]["text"], second.lines[0]["cached"]) == ("Uruguay", False)
        assert (first.code, word in first.out) == ({"abort": 1, "moonset": 0}[word], True)


def test_render_as_json_has_messages_spans_and_tokens(desk: Desk) -> None:
    (data,) = desk.run("render", "cup", "-m", "ours", "--json", "--set", "question=Wer?").lines
    assert list(data) == ["model", "messages", "spans", "raw", "body", "tokens"]
    assert data["messages"][-1] == {"role": "user", "content": "Wer?"}
    for number, message in enumerate(data["messages"]):
        spans = [s for s in data["spans"] if s["message"] == number]
        assert "".join(message["content"][s["start"] : s["end"]] for s in spans) == message["content"]
    assert {s["section"] for s in data["spans"]} >= {"instructions", "context", "examples", "input"}
    assert data["raw"] is None
    assert data["body"]["model"] == "loop-1"
    assert data["tokens"]["window"] == 2_000
    assert data["tokens"]["fits"]
    assert sum(data["tokens"]["by_section"].values()) == data["tokens"]["prompt"]


def test_render_of_what_does_not_fit_shows_it_and_fails(desk: Desk) -> None:
    done = desk.run("render", "cup", "-m", "ours", "--set", f"question={'why ' * 3_000}")
    assert done.code == 1
    assert "why why" in done.out
    assert "does not fit ours" in done.err


def test_models_are_listed_with_what_they_are_and_why_they_are_not_ready(desk: Desk) -> None:
    catalogue = desk.workspace.root / "promptlab.yaml"
    extra = "models:\n  gone: {backend: llama, path: no/such.gguf}\n  keyless: {backend: openai, model: gpt-4o, "
    catalogue.write_text(catalogue.read_text().replace("models:\n", extra + "api_key_env: NO_SUCH_API_KEY}\n"))
    done = desk.run("models", "list")
    assert done.code == 0
    shown = done.out.splitlines()
    assert [line.split()[:3] for line in shown if "clearance" in line] == [
        ["not", "ready", "gone"],
        ["not", "ready", "keyless"],
        ["not", "tried", "open"],
        ["not", "tried", "ours"],
    ]
    assert any("NO_SUCH_API_KEY" in line for line in shown)
    assert "ours  (openai, 2,000 tokens, clearance confidential)" in done.out
    rows = desk.run("models", "list", "--json").lines
    assert [(row["name"], row["ready"], row["clearance"]) for row in rows] == [
        ("gone", False, "confidential"),
        ("keyless", False, "public"),
        ("open", True, "public"),
        ("ours", True, "confidential"),
    ]
    assert all(row["reason"] for row in rows if not row["ready"])
    assert [row["works"] for row in rows] == [False, False, None, None]


def test_check_asks_an_api_one_question_and_the_list_shows_the_result(desk: Desk) -> None:
    desk.open.plan(status(401))
    done = desk.run("models", "check", "open")
    assert done.code == 1
    assert "401: the key was refused" in done.out
    assert "401: the key was refused" in desk.run("models", "list").out
    done = desk.run("models", "check", "open")
    assert (done.code, "answered in" in done.out) == (0, True)
    assert desk.open.count == 2
    (row,) = [row for row in desk.run("models", "list", "--json").lines if row["name"] == "open"]
    assert (row["works"], row["last"]["ok"]) == (True, True)
    data = desk.run("models", "check", "open", "--json").lines[0]
    assert (data["ok"], data["text"]) == (True, "Brazil")
    assert "test of open" in desk.run("runs", "list").out


def test_a_model_is_added_and_removed_with_the_lines_that_change(desk: Desk) -> None:
    file = desk.workspace.root / "promptlab.yaml"
    before = file.read_text()
    words = ("models", "add", "gpt", "--model", "gpt-4o-mini", "--key-env", "OPENAI_API_KEY", "--price-in", "0.5")
    dry = desk.run(*words, "--dry-run")
    assert (dry.code, file.read_text()) == (0, before)
    done = desk.run(*words)
    assert (done.code, done.out) == (0, dry.out)
    added = [line[1:] for line in done.out.splitlines() if line.startswith("+")]
    assert (added[0], added[-1]) == ("  gpt:", "    price_in: 0.5")
    assert [line for line in file.read_text().splitlines() if line not in added] == before.splitlines()
    assert desk.run(*words).code == 1
    assert desk.run("models", "remove", "gpt").code == 0
    assert file.read_text() == before


def test_a_model_that_a_suite_names_is_removed_only_by_force(desk: Desk) -> None:
    root = desk.workspace.root
    (root / "fixtures/suites").mkdir(parents=True)
    template = "cup.yaml"
    (root / "templates" / template).write_text("inputs: {q: {}}\n")
    (root / "fixtures/suites/s.yaml").write_text(
        "template: cup\nmodels: [ours]\nscorers: [{judge: {model: open}}]\n"
        "cases: [{id: a, inputs: {q: x}, expected: y}]\n"
    )
    before = (root / "promptlab.yaml").read_text()
    for name, how in (("ours", "asks it"), ("open", "judges with it")):
        done = desk.run("models", "remove", name)
        assert (done.code, f"fixtures/suites/s.yaml: {how}" in done.err) == (1, True)
        assert (root / "promptlab.yaml").read_text() == before
    assert desk.run("models", "remove", "ours", "--force").code == 0
    assert "ours" not in Workspace.load(root).models


def test_what_a_server_offers_is_listed(desk: Desk) -> None:
    done = desk.run("models", "offered", "--base-url", desk.open.url)
    assert (done.code, done.out) == (0, "loop-1\n")
    done = desk.run("models", "offered", "--base-url", desk.open.url, "--key-env", "sk-abcdefghijklmnopqrstuv")
    assert done.code == 1
    assert "sk-abcdefghijklmnopqrstuv" not in done.err + done.out


def test_the_price_of_an_answer_is_printed(desk: Desk) -> None:
    file = desk.workspace.root / "promptlab.yaml"
    priced = f'  priced: {{backend: openai, model: m, base_url: "{desk.open.url}", price_in: 1000, price_out: 0}}'
    file.write_text(file.read_text().replace("models:\n", f"models:\n{priced}\n"))
    assert desk.run("models", "check", "priced").code == 0
    run = desk.run("runs", "list", "--json").lines[0]
    assert "$0.0120" in desk.run("runs", "show", run["id"]).out
    assert desk.run("runs", "show", run["id"], "--json").lines[0]["cost"] == pytest.approx(0.012)


def test_prepare_without_embedded_models_does_nothing(desk: Desk) -> None:
    done = desk.run("models", "prepare")
    assert (done.code, done.out) == (0, "")


def test_the_schema_is_json_and_accepts_the_usual_template(desk: Desk) -> None:
    import jsonschema
    from ruamel.yaml import YAML

    schema = json.loads(desk.run("schema").out)
    jsonschema.validate(YAML(typ="safe").load(TEMPLATE), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"instuctions": "x"}, schema)


def test_runs_are_listed_and_shown(desk: Desk) -> None:
    assert desk.run("runs", "list").out == ""
    desk.run(*ASK)
    desk.open.default = status(400, message="no")
    desk.run("compare", "typed", "--set", "question=Was it Brazil?", "-m", "open")
    typed, cup = desk.run("runs", "list").out.splitlines()
    assert re.fullmatch(r"[0-9a-f]{8}  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d  compare cup  open, ours  2 of 2", cup)
    assert typed.endswith("compare typed  open  1 of 1, 1 failed")
    for words, titles in [
        (("--text", "ARGENTINA"), ["compare cup"]),
        (("--text", "was it"), ["compare typed"]),
        (("--template", "templates/typed.yaml"), ["compare typed"]),
        (("-m", "ours"), ["compare cup"]),
        (("--limit", "1"), ["compare typed"]),
        (("--text", "nothing like it"), []),
    ]:
        assert [line["title"] for line in desk.run("runs", "list", "--json", *words).lines] == titles
    shown = desk.run("runs", "show", cup[:8])
    assert (shown.code, "Brazil" in shown.out, "Argentina" in shown.out) == (0, True, True)
    lines = desk.run("runs", "show", cup[:8], "--json").lines
    assert [list(line) for line in lines] == [[*report.FIELDS, "request"]] * 2
    assert lines[0]["request"]["messages"] == desk.open.requests[0].json["messages"]


def test_what_was_refused_is_shown_without_a_request(desk: Desk) -> None:
    desk.run("compare", "private", "--set", "question=?", "-m", "open")
    (run,) = desk.run("runs", "list", "--json").lines
    (line,) = desk.run("runs", "show", run["id"], "--json").lines
    assert (line["error"]["kind"], line["request"], line["request_id"]) == ("GateRefused", None, None)


# The terminal


def read_all(terminal: int) -> bytes:
    """What a process writes to a pseudo-terminal until it ends."""
    seen = b""
    with contextlib.suppress(OSError):  # how Linux says that the other side has closed
        while select.select([terminal], [], [], 60)[0] and (data := os.read(terminal, 65_536)):
            seen += data
    return seen


@pytest.mark.parametrize("on_terminal", [True, False])
def test_a_progress_bar_is_shown_on_a_terminal_only(desk: Desk, on_terminal: bool) -> None:
    desk.open.default = stream("Brazil", latency=0.3)
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    process = desk.spawn(
        *ASK, stdout=subprocess.PIPE, stderr=theirs if on_terminal else subprocess.PIPE, stdin=theirs, env=env
    )
    os.close(theirs)
    out, err = process.communicate(timeout=120)
    shown = read_all(ours) if on_terminal else b""
    os.close(ours)
    assert process.returncode == 0
    assert "Brazil" in out
    assert "Argentina" in out
    if on_terminal:
        assert b"/2" in shown
        assert b"Brazil" not in shown
    else:
        assert err == ""


def wait_until(server: LoopbackServer, process: subprocess.Popen[str], count: int = 1) -> None:
    for _ in range(600):
        if server.count >= count:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            break
    raise AssertionError(f"it never asked: {process.communicate()}")


@pytest.mark.parametrize("as_json", [True, False])
def test_ctrl_c_stops_and_prints_what_it_has(desk: Desk, as_json: bool) -> None:
    desk.ours.default = hang_midway("Argen")
    words = [*ASK, "--repeat", "2", *(["--json"] if as_json else [])]
    process = desk.spawn(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(desk.ours, process)
    wait_until(desk.ours, process, 2)
    assert process.stdout
    assert process.stderr
    # The answers of `open` come at once, those of `ours` hang.
    seen = [process.stdout.readline() for _ in range(2 if as_json else 5)]
    process.send_signal(signal.SIGINT)
    out = "".join([*seen, process.stdout.read()])
    assert (process.stderr.read(), process.wait(60)) == ("", 130)
    process.stdout.close()
    process.stderr.close()
    if as_json:
        lines = [json.loads(line) for line in out.splitlines()]
        assert [(line["model"], line["text"], line["finish_reason"]) for line in lines[:2]] == [
            ("open", "Brazil", "stop"),
            ("open", "Brazil", "stop"),
        ]
        assert [line["finish_reason"] for line in lines[2:]] == ["stopped", "stopped"]
        assert all("Argen".startswith(line["text"]) for line in lines[2:])
    else:
        assert out.count("finish: stopped") == 2
    (run,) = desk.run("runs", "list", "--json").lines
    assert (run["done"], run["total"], run["failed"]) == (4, 4, 0)


def test_a_reader_who_leaves_ends_the_command_without_a_traceback(desk: Desk) -> None:
    desk.open.default = stream("Brazil " * 20_000)
    process = desk.spawn(*ASK, "--json", "-m", "open", "--repeat", "8", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.read(1) == "{"
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 1


# Click takes ASCII for a mistake of the environment, and writes UTF-8.
@pytest.mark.parametrize(("said", "encoding"), [("ascii", "utf-8"), ("latin-1", "latin-1"), ("utf-8", "utf-8")])
def test_no_encoding_of_the_terminal_makes_a_command_fail(desk: Desk, said: str, encoding: str) -> None:
    env = os.environ | {"PYTHONIOENCODING": said}
    words = ("render", "cup", "-m", "open", "--set", "question=é 😀")
    process = desk.spawn(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, encoding=encoding)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert ("é 😀" if encoding == "utf-8" else "é \\U0001f600") in out


def test_keys_are_nowhere_in_what_is_printed_and_kept(
    make_workspace: Callable[..., Workspace], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-test-0123456789abcdef"
    monkeypatch.setenv("LOOP_API_KEY", key)

    def quotes(received: Received) -> Any:
        return status(401, message=f"wrong key: {received.headers['authorization']}")

    desk.open.default = quotes
    make_workspace(
        f'models:\n  open: {{backend: openai, model: loop-1, base_url: "{desk.open.url}", api_key_env: LOOP_API_KEY}}\n'
    )
    printed = "".join(
        done.out + done.err
        for words in (
            ASK,
            (*ASK, "--json", "--explain"),
            ("models", "list", "--json"),
            ("runs", "list"),
            ("render", "cup", "-m", "open", "--json"),
        )
        for done in [desk.run(*words)]
    )
    assert desk.open.requests[0].headers["authorization"] == f"Bearer {key}"
    assert key not in printed
    assert all(key.encode() not in p.read_bytes() for p in desk.workspace.root.rglob("*") if p.is_file())


# Help and its page


def commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, (*words, name))


@pytest.mark.parametrize(
    ("words", "command"), list(commands(cli.cli)), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_and_option_says_what_it_does(desk: Desk, words: tuple[str, ...], command: click.Command) -> None:
    for option in ("--help", "-h"):
        done = desk.run(*words, option)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("Usage: ")
    assert command.help
    assert not (command.get_short_help_str(60) or "...").endswith("..."), "its first sentence is too long for a list"
    assert [p.name for p in command.params if isinstance(p, click.Option) and not p.help] == []


def test_the_page_of_the_command_line_is_what_the_help_says() -> None:
    assert cli_docs.PAGE.read_text(encoding="utf-8") == cli_docs.page(), "run: python tools/cli_docs.py"


def test_every_command_has_its_heading_on_the_page() -> None:
    headings = re.findall(r"^## `promptlab (.+)`$", cli_docs.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    leaves = [" ".join(words) for words, command in commands(cli.cli) if not isinstance(command, click.Group)]
    assert sorted(headings) == sorted(leaves)


def test_the_version_is_printed(desk: Desk) -> None:
    done = desk.run("--version")
    assert (done.code, done.out) == (0, "promptlab, version 0.1.0\n")

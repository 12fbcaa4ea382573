"""`promptlab templates`: its lines, its statuses, and its JSON."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promptlab._util.git import blob_id
from promptlab.cli import _main as cli
from promptlab.models._catalogue import Catalogue
from promptlab.models._scripted import ScriptedBackend
from promptlab.runs import _plans as plans
from promptlab.runs import _runner as runner
from promptlab.runs._store import Store
from promptlab.runs._trial import Given
from promptlab.templates import _load as templates
from promptlab.types import Result
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.repositories import CUP, Repository, edited, isolate, start

NEW = edited()


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Done]


@pytest.fixture
def repo(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Repository:
    isolate(monkeypatch, tmp_path / "home")
    monkeypatch.chdir(workspace.root)
    return start(workspace)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def ask(*words: str, typed: str = "") -> Done:
        monkeypatch.setattr(sys, "argv", ["promptlab", "templates", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        code = 0
        try:
            cli.main()
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else 0
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return ask


def test_the_list_has_a_line_for_each_template(repo: Repository, run: Run) -> None:
    repo.put("templates/broken.yaml", "descriptio: x\n")
    done = run("list")
    assert done.code == 0
    broken, cup = done.out.splitlines()
    assert cup.startswith(f"{CUP}  2")
    assert cup.endswith("  Ada  Answer a question from an article")
    assert broken.startswith("templates/broken.yaml  (new)")
    assert "unknown key" in done.out
    first, second = run("list", "--json").json
    assert list(first) == ["path", "name", "description", "problem", "label", "state", "last", "context", "pool"]
    assert (second["state"], second["last"]["subject"], first["last"]) == ("saved", "First", None)


def test_one_field_is_changed_and_committed(repo: Repository, run: Run) -> None:
    done = run("save", "cup", "-m", "Warmer", "--set", "params.temperature=0.7", "--set", "description=Answer: #1")
    assert done.code == 0, done.err
    assert done.out.startswith(f"{CUP} saved as ")
    wanted = edited(old="temperature: 0,", new="temperature: 0.7,")
    wanted = wanted.replace("description: Answer a question from an article", 'description: "Answer: #1"')
    assert repo.text() == wanted
    assert repo.commits() == ["Warmer", "First"]
    again = run("save", "cup", "-m", "Warmer", "--set", "params.temperature=0.7", "--json").json[0]
    assert (again["committed"], repo.commits()) == (False, ["Warmer", "First"])


def test_a_new_text_comes_from_a_file_or_standard_input(repo: Repository, run: Run) -> None:
    assert run("save", "cup", "-m", "Typed", "--from", "-", typed=NEW).code == 0
    assert repo.text() == NEW
    repo.put("x.txt", TEMPLATE)
    saved = run("save", "templates/neu ä.yaml", "-m", "Filed", "--from", "x.txt", "--json").json[0]
    assert (saved["path"], saved["text"], saved["blob"], saved["problems"]) == (
        "templates/neu ä.yaml",
        TEMPLATE,
        blob_id(TEMPLATE),
        [],
    )
    repo.put("t.txt", "Answer\nbriefly.\n")
    assert run("save", "made", "-m", "Made", "--set", "user=Hello", "--set-file", "instructions=t.txt").code == 0
    assert repo.text("templates/made.yaml") == "instructions: |\n  Answer\n  briefly.\nuser: |-\n  Hello\n"


def test_what_an_editor_left_in_the_file_is_committed(repo: Repository, run: Run) -> None:
    repo.put(CUP, NEW)
    assert run("save", "cup", "-m", "From the editor").code == 0
    assert repo.status() == []


def test_a_text_made_from_an_older_version_never_overwrites(repo: Repository, run: Run) -> None:
    run("save", "cup", "-m", "Theirs", "--set", "params.max_tokens=99")
    mine = edited(old="Answer a question from an article", new="Mine")
    done = run("save", "cup", "-m", "Mine", "--from", "-", "--opened", "HEAD~1", typed=mine)
    assert done.code == 1
    assert "was changed by another user" in done.err
    assert "description: Mine" in done.out
    assert "max_tokens: 99" in done.out
    assert "max_tokens: 99" in repo.text()
    (found,) = run("save", "cup", "-m", "Mine", "--from", "-", "--opened", "HEAD~1", "--json", typed=mine).json
    assert (found["conflict"]["clean"], found["conflict"]["ours"]) == (True, mine)


def test_what_is_no_template_is_not_saved_and_a_weak_one_is_with_a_warning(repo: Repository, run: Run) -> None:
    done = run("save", "cup", "-m", "x", "--from", "-", typed="instructions: '{{ who }}'\n")
    assert (done.code, repo.commits()) == (1, ["First"])
    assert "which no input declares" in done.err
    done = run("save", "cup", "-m", "x", "--set", 'context=["none.md"]')
    assert (done.code, repo.commits()) == (0, ["x", "First"])
    assert f"{CUP}:8: context.0: " in done.err


def test_history_lists_versions_with_their_names_and_runs(repo: Repository, run: Run) -> None:
    template = templates.load(repo.workspace, "cup")
    catalogue = Catalogue(repo.workspace, {}, extra={"a": ScriptedBackend("a", lambda _: "Argentina")})
    store = Store(repo.workspace.state / "runs.sqlite")
    trials = plans.plan_comparison(repo.workspace, template, Given.typed({"question": "Who?"}), ["a"])
    asked = runner.start_run(trials, catalogue=catalogue, store=store)
    (result,) = [event.step for event in asked if isinstance(event.step, Result)]
    assert result.ok
    store.close()
    run("save", "cup", "-m", "Second\n\nBody", "--from", "-", typed=NEW)
    run("tag", "cup", "HEAD", "production")
    second, first = run("history", "cup").out.splitlines()
    assert second.endswith("  Ada  (production)  Second")
    assert first.endswith("  Ada  First  [1 run]")
    second, first = run("history", "cup", "--json").json
    assert (second["message"], second["tags"], second["runs"]) == ("Second\n\nBody", ["production"], [])
    assert (first["runs"], first["blob"]) == ([result.run_id], blob_id(TEMPLATE))
    assert "never saved" in run("history", "none").out


def test_differences_are_shown_word_by_word(repo: Repository, run: Run) -> None:
    repo.put(CUP, edited(new="full name only"))
    assert "Reply with the {+full +}name only." in run("diff", "cup").out
    run("save", "cup", "-m", "Second")
    assert "{+" not in run("diff", "cup").out
    assert "Reply with the [-full -]name only." in run("diff", "cup", "HEAD", "HEAD~1").out
    prompt = run("diff", "cup", "HEAD~1", "--prompt").out
    assert "── system" in prompt
    assert "{+full +}" in prompt
    assert "description" not in prompt
    (found,) = run("diff", "cup", "HEAD~1", "--prompt", "--json").json
    assert found["changed"]
    assert {"kind": "added", "text": "full "} in found["prompt"]["messages"][0]["changes"]
    (found,) = run("diff", "cup", "--json").json
    assert (found["changed"], [piece["kind"] for piece in found["text"]]) == (False, ["same"])


def test_an_old_version_is_shown_and_restored(repo: Repository, run: Run) -> None:
    run("save", "cup", "-m", "Second", "--from", "-", typed=NEW)
    assert run("show", "cup").out == NEW
    assert run("show", "cup", "--at", "HEAD~1").out == TEMPLATE
    (shown,) = run("show", "cup", "--at", "HEAD~1", "--json").json
    assert (shown["blob"], shown["version"]["message"]) == (blob_id(TEMPLATE), "First")
    done = run("restore", "cup", "HEAD~1")
    assert (done.code, repo.text()) == (0, TEMPLATE)
    assert len(repo.commits()) == 3
    assert run("restore", "cup", "HEAD~1", "--json").json[0]["committed"]


def test_check_fails_when_one_does(repo: Repository, run: Run) -> None:
    assert run("check").out == f"{CUP}: ok\n"
    repo.put("templates/b.yaml", "inputs: [q]\n")
    done = run("check")
    assert done.code == 1
    assert "templates/b.yaml:1: inputs.q: the input `q` has no sample" in done.out
    assert run("check", "cup").code == 0
    bad, good = run("check", "--json").json
    assert (bad["ok"], good["ok"], bad["problems"][0]["field"]) == (False, True, "inputs.q")


def test_a_variant_is_tried_merged_and_dropped(repo: Repository, run: Run) -> None:
    assert run("try", "save", "cup", "warm", "-m", "Warmer", "--set", "params.temperature=1").code == 0
    assert run("try", "save", "cup", "warm", "-m", "Longer", "--set", "params.max_tokens=99", "--json").code == 0
    assert repo.text() == TEMPLATE
    assert run("try", "list", "cup").out.endswith("Ada  Longer\n")
    assert "{+1+}" in run("diff", "cup", "HEAD", "try/cup/warm").out
    assert run("try", "merge", "cup", "warm", "--json").json[0]["committed"]
    assert "{temperature: 1, max_tokens: 99}" in repo.text()
    assert run("try", "drop", "cup", "warm").code == 0
    assert run("try", "list", "cup", "--json").json == []


def test_a_workspace_becomes_a_repository(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run
) -> None:
    isolate(monkeypatch, tmp_path / "home")
    monkeypatch.chdir(workspace.root)
    done = run("save", "cup", "-m", "x")
    assert done.code == 1
    assert "promptlab templates init" in done.err
    assert run("init").code == 0
    done = run("save", "cup", "-m", "x")
    assert "git config --global user.name" in done.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["show", "cp"], 1, "did you mean"),
        (["show", "cup", "--at", "none"], 1, "has no version"),
        (["save", "cup"], 2, "--message"),
        (["save", "none", "-m", "x"], 1, "there is no such file"),
        (["save", "cup", "-m", "x", "--set", "user"], 2, "field=value"),
        (["save", "cup", "-m", "x", "--set", "usr=x"], 1, "did you mean `user`"),
        (["save", "cup", "-m", "x", "--set", "user=x", "--from", "-"], 2, "only one of them"),
        (["save", "cup", "-m", "x", "--from", "none.txt"], 1, "cannot be read"),
        (["restore", "cup", "none"], 1, "has no version"),
        (["try", "merge", "cup", "none"], 1, "has no variant"),
        (["try", "save", "cup", "a", "-m", "x"], 2, "--from"),
        (["diff", "../x.yaml"], 1, "leads out"),
    ],
)
def test_a_wrong_word_is_an_error_that_helps(
    repo: Repository, run: Run, words: list[str], code: int, message: str
) -> None:
    done = run(*words)
    assert (done.code, message in done.err) == (code, True), done.err
    assert repo.commits() == ["First"]

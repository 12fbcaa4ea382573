"""`promptlab documents` and `promptlab examples`: what they print, and what they leave on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from promptlab.cli._main import cli
from promptlab.errors import PromptlabError, WorkspaceError
from promptlab.examples import _pool as examples
from promptlab.workspace._workspace import Workspace
from tests.conftest import House

CUP = "fixtures/documents/cup.md"
POOL = "fixtures/examples/cup.jsonl"
Run = Callable[..., Result]


@pytest.fixture
def run(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(workspace.root)

    def run(*words: str, status: int = 0, stdin: bytes | None = None) -> Result:
        done = CliRunner().invoke(cli, words, input=stdin)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == status, done.output
        return done

    return run


def rows(done: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


# Documents


def test_documents_are_listed_with_their_labels(run: Run) -> None:
    (row,) = rows(run("documents", "list", "--json"))
    assert row == {"path": CUP, "label": "public", "bytes": 56}
    assert run("documents", "list").stdout.split() == ["public", "56", CUP]


def test_a_document_is_shown_as_a_model_gets_it(run: Run) -> None:
    assert run("documents", "show", CUP).stdout == "Argentina beat France in the final. Qatar was the host.\n"
    with pytest.raises(PromptlabError, match=r"did you mean `fixtures/documents/cup\.md`"):
        run("documents", "show", "fixtures/documents/cups.md")


def test_a_file_is_added_confidential_and_labelled_later(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.html").write_text("<h1>Notes</h1><p>Hello</p>")
    (row,) = rows(run("documents", "add", str(tmp_path / "notes.html"), "--json"))
    path = "documents/uploads/notes.html"
    assert (row["path"], row["label"]) == (path, "confidential")
    assert run("documents", "show", path).stdout == "# Notes\n\nHello\n"
    with pytest.raises(WorkspaceError, match="needs a reason"):
        run("documents", "label", path, "internal")
    assert run("documents", "label", path, "internal", "--reason", "sent round").stdout == f"{path} is internal\n"
    assert rows(run("documents", "list", "--json"))[0]["label"] == "internal"


def test_what_a_text_leaves_out_is_said_beside_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>seen</p><p hidden>no</p><img src='x'>")
    note, picture = "1 hidden text is left out", "1 picture is left out"
    (row,) = rows(run("documents", "add", str(tmp_path / "page.html"), "--json"))
    assert row["notes"] == [note, picture]
    for _ in range(2):  # converted, and from the store
        done = run("documents", "show", "documents/uploads/page.html")
        assert done.stdout == "seen\n"
        assert done.stderr.splitlines() == [f"note: {note}", f"note: {picture}"]
    done = run("documents", "show", "documents/uploads/page.html", "--json")
    assert rows(done)[0]["notes"] == [note, picture]
    assert done.stderr == ""


def test_a_paste_comes_from_standard_input(run: Run) -> None:
    done = run("documents", "add", "-", "--name", "paste.md", "--label", "public", stdin="Köln".encode())
    assert done.stdout == "added documents/uploads/paste.md: public, 4 characters\n"
    run("documents", "add", "-", status=2, stdin=b"x")


def test_a_changed_document_of_a_run_is_said_and_can_be_read_as_it_was(
    run: Run, house: House, workspace: Workspace
) -> None:
    house.model("m")
    started = house.start(house.trials("m"))
    started.wait()
    assert run("documents", "changed", started.id[:8]).stdout == "no document of this run has changed\n"
    (workspace.root / CUP).write_text("new")
    (row,) = rows(run("documents", "changed", started.id[:8], "--json"))
    assert (row["path"], row["reason"], row["kept"]) == (CUP, "the file has changed since", True)
    assert run("documents", "show", CUP, "--sha256", str(row["then"])).stdout.startswith("Argentina beat France")


def test_passages_are_shown_with_their_scores_and_with_what_does_not_fit(run: Run, workspace: Workspace) -> None:
    (workspace.root / CUP).write_text("# Final\n\nArgentina won.\n\n# Host\n\nQatar was the host.\n")
    (row,) = rows(run("documents", "passages", CUP, "Who was the host?", "--json"))
    assert (row["taken"], row["headings"], row["text"]) == (True, ["Host"], "# Host\n\nQatar was the host.\n")
    text = run("documents", "passages", CUP, "Argentina Qatar", "--max-characters", "30").stdout
    assert "DOES NOT FIT" in text
    assert text.endswith("1 of 2 passages, 28 characters\n") or text.endswith("1 of 2 passages, 25 characters\n")
    (row,) = rows(run("documents", "passages", CUP, "--lines", "5-7", "--json"))
    assert row["text"] == "# Host\n\nQatar was the host.\n"
    assert "Argentina won." in run("documents", "passages", CUP, "--heading", "final").stdout


@pytest.mark.parametrize("words", [[], ["question", "--lines", "1-2"], ["--lines", "x"], ["--lines", "1-x"]])
def test_a_wrong_choice_of_passages_is_a_wrong_command_line(run: Run, words: list[str]) -> None:
    run("documents", "passages", CUP, *words, status=2)


# Examples


def test_examples_are_listed_and_searched(run: Run) -> None:
    assert [row["id"] for row in rows(run("examples", "list", POOL, "--json"))] == ["host", "second"]
    assert run("examples", "search", POOL, "QATAR").stdout == "host  Who hosted it?  →  Qatar\n"
    assert run("examples", "search", POOL, "xyzzy", status=1).stdout == ""


def test_an_example_is_added_and_taken_out(run: Run, workspace: Workspace) -> None:
    before = (workspace.root / POOL).read_bytes()
    words = ["--id", "third", "--input", "question=Who came third?", "--output", "Croatia", "--tag", "t"]
    (row,) = rows(run("examples", "add", POOL, *words, "--json"))
    assert row == {
        "id": "third",
        "inputs": {"question": "Who came third?"},
        "output": "Croatia",
        "tags": ["t"],
        "label": "public",
    }
    assert run("examples", "delete", POOL, "third").stdout == "1 deleted\n"
    assert (workspace.root / POOL).read_bytes() == before
    run("examples", "add", POOL, "--output", "x", status=2)
    run("examples", "add", POOL, "--output", "x", "--input", "question", status=2)


def test_an_answer_corrected_is_added(run: Run, house: House, workspace: Workspace) -> None:
    house.model("m", ("Wrong",))
    started = house.start(house.trials("m", repeats=2))
    started.wait()
    run("examples", "add", POOL, "--result", f"{started.id[:8]}:2", "--output", "Argentina")
    added = examples.load_pool(workspace, POOL)[-1]
    assert (added.inputs, added.output) == ({"question": "Who won?"}, "Argentina")
    for wrong in (started.id, f"{started.id}:3", f"{started.id}:0", f"{started.id}:x"):
        with pytest.raises(PromptlabError, match="there is no answer"):
            run("examples", "add", POOL, "--result", wrong, "--output", "x")


def test_what_is_there_twice_is_taken_out(run: Run, workspace: Workspace) -> None:
    with (workspace.root / POOL).open("a") as file:
        for id, output in (("copy", "qatar"), ("other", "Russia")):
            file.write(json.dumps({"id": id, "inputs": {"question": "who hosted it? "}, "output": output}) + "\n")
    found = rows(run("examples", "dedupe", POOL, "--dry-run", "--json"))
    assert found == [{"removed": ["copy"], "contradictions": [["host", "copy", "other"]], "dry_run": True}]
    assert "1 deleted: copy" in run("examples", "dedupe", POOL).stdout
    assert [e.id for e in examples.load_pool(workspace, POOL)] == ["host", "second", "other"]


def test_a_choice_of_shots_is_shown_with_its_reasons(run: Run) -> None:
    words = ["-k", "1", "--select", "similar", "--input", "question=who hosted it?"]
    (row,) = rows(run("examples", "choose", POOL, *words, "--json"))
    assert (row["id"], row["reason"]) == ("second", "similar to the input")
    assert run("examples", "choose", POOL, *words).stdout.endswith(
        "1 of 1 examples; left out as the item itself: host\n"
    )

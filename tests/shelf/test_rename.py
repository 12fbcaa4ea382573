"""A rename follows through, keeps the label, and is all or nothing."""

from __future__ import annotations

import contextlib
import errno
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab import shelf, versions
from promptlab._util import files as atomic
from promptlab.errors import ShelfError
from promptlab.runs import Store
from promptlab.shelf import _rename as renaming
from promptlab.shelf._kinds import Kind
from promptlab.types import Label
from promptlab.ui.state.drafts import Drafts
from promptlab.workspace import Labels
from promptlab.workspace._workspace import Workspace
from tests import repositories
from tests.conftest import House

DOCUMENT, POOL, TEMPLATE = "fixtures/documents/cup.md", "fixtures/examples/cup.jsonl", "templates/cup.yaml"
KINDS: dict[Kind, str] = {"document": DOCUMENT, "pool": POOL, "template": TEMPLATE}
TRIED = repositories.edited(old="description: Answer", new="description: Tried to answer")
LABELS: dict[str, tuple[str, Label]] = {
    # promptlab.yaml below `models: {}`, with @ for the path, and the label that the file has by it
    "no label": ("", "public"),
    "a line for the file": ('labels:\n  "@": confidential  # why\n', "confidential"),
    "a line without quotes": ("labels:\n  @: internal\n", "internal"),
    "a line in braces": ('labels: {"@": confidential, "x/**": internal}\n', "confidential"),
    "a pattern for its folder": ('labels:\n  "fixtures/**": internal\n  "templates/**": internal\n', "internal"),
    "a pattern for its name": ('labels:\n  "*/cup.*": confidential\n  "**/cup.*": confidential\n', "confidential"),
    "two patterns": ('labels:\n  "**/cup*": internal\n  "@": confidential\n', "confidential"),
}


def replaced(catalogue: str, path: str) -> str:
    return f"# mine\nmodels: {{}}\n{catalogue.replace('@', path)}"


@pytest.mark.parametrize("action", ["rename", "move", "copy", "delete and restore", "rename back"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", LABELS)
def test_no_file_of_any_kind_loses_its_label(
    labels: str, kind: Kind, action: str, make_workspace: Callable[..., Workspace]
) -> None:
    path, (catalogue, label) = KINDS[kind], LABELS[labels]
    workspace = make_workspace(replaced(catalogue, path))
    assert workspace.label_of(path) == label
    content = (workspace.root / path).read_bytes()
    if action == "copy":
        new = shelf.copy_file(workspace, kind, path, "other").new
    elif action == "delete and restore":
        shelf.restore_file(workspace, shelf.delete_file(workspace, kind, path).id)
        new = path
    else:
        name = "other" if action != "move" else "deep/er/other"
        new = shelf.rename_file(workspace, shelf.plan_rename(workspace, kind, path, name)).new
        if action == "rename back":
            workspace = Workspace.load(workspace.root)
            new = shelf.rename_file(workspace, shelf.plan_rename(workspace, kind, new, Path(path).stem)).new
            assert new == path
    now = Workspace.load(workspace.root)
    assert now.label_of(new) == label
    text = (workspace.root / "promptlab.yaml").read_text()
    assert text.startswith("# mine\n")
    assert "# why" in text or "# why" not in catalogue
    if action == "copy":
        assert (workspace.root / path).read_bytes() == content
        assert now.label_of(path) == label
    if kind != "template" or action in ("copy", "delete and restore"):
        assert (workspace.root / new).read_bytes() == content


def test_an_upload_keeps_the_label_that_was_lowered_and_one_that_was_not(
    make_workspace: Callable[..., Workspace],
) -> None:
    files = {"documents/uploads/a.md": "A", "documents/uploads/b.md": "B"}
    workspace = make_workspace('models: {}\nlabels:\n  "documents/uploads/a.md": public\n', files)
    for path, name, label in (
        ("documents/uploads/a.md", "c", "public"),
        ("documents/uploads/b.md", "documents/b.md", "confidential"),
    ):
        new = shelf.rename_file(workspace, shelf.plan_rename(workspace, "document", path, name)).new
        workspace = Workspace.load(workspace.root)
        assert workspace.label_of(new) == label


def test_a_rename_is_followed_by_all_that_names_the_file(
    make_workspace: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories.isolate(monkeypatch, tmp_path / "home")
    suite = (
        "template: cup\nmodels: [m]\nscorers: [contains]\ncases:\n- {id: a, inputs: {question: Who?}, expected: x}\n"
    )
    repo = repositories.start(make_workspace(files={"fixtures/suites/cup.yaml": suite}))
    workspace = repo.workspace
    versions.save_variant(workspace, TEMPLATE, "short", TRIED, "Shorter")
    versions.tag_version(workspace, TEMPLATE, "HEAD", "production")
    drafts = Drafts(workspace.state / "drafts")
    drafts.edit(TEMPLATE, repo.text(), {"params.temperature": 0.7})
    with contextlib.closing(Store.of(workspace)) as store:
        house = House(workspace, store)
        house.model("m")
        house.ask(house.trials("m"))
        names: tuple[tuple[Kind, str, str], ...] = (
            ("template", TEMPLATE, "football"),
            ("document", DOCUMENT, "final"),
            ("pool", POOL, "shots"),
        )
        for kind, path, name in names:
            plan = shelf.plan_rename(workspace, kind, path, name)
            done = shelf.rename_file(workspace, plan, store=store)
            assert (bool(done.commit), done.problem) == (True, "")
            assert shelf.users_of(workspace, path) == []
        new = "templates/football.yaml"
        assert repo.text("fixtures/suites/cup.yaml") == suite.replace("template: cup", "template: football")
        assert "fixtures/documents/final.md" in repo.text(new)
        assert "pool: fixtures/examples/shots.jsonl" in repo.text(new)
        (run,) = store.runs(template=new)
        (result,) = store.results(run.id)
        assert result.request
        places = {place.path for source in result.request.prompt.sources for place in source.places or ()}
        assert places == {new, "fixtures/documents/final.md", "fixtures/examples/shots.jsonl"}
        assert Labels(workspace).look().gone(result.request.prompt) == []
        assert not store.runs(template=TEMPLATE)
    draft = drafts.load(new)
    assert draft.changes == {"params.temperature": 0.7}
    assert draft.base == repo.text(new)
    assert not drafts.load(TEMPLATE).edited
    assert [version.tags for version in versions.template_history(workspace, new)][-1] == ("production",)
    (variant,) = versions.list_variants(workspace, new)
    assert versions.list_variants(workspace, TEMPLATE) == []
    assert versions.variant_text(workspace, new, "short") == TRIED
    merged = versions.merge_variant(workspace, new, variant.name)
    assert "Tried to answer" in merged.text
    assert "fixtures/documents/final.md" in merged.text
    assert repo.status() == []


def test_other_changes_in_the_repository_stay_out_of_the_commit(
    make_workspace: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories.isolate(monkeypatch, tmp_path / "home")
    repo = repositories.start(make_workspace(files={"notes.txt": "a\n"}))
    repo.put(TEMPLATE, repo.text() + "# mine, not saved\n")
    repo.put("notes.txt", "b\n")
    done = shelf.rename_file(repo.workspace, shelf.plan_rename(repo.workspace, "document", DOCUMENT, "final"))
    assert done.commit
    changed = repo.git("show", "--name-only", "--no-renames", "--format=", "HEAD").splitlines()
    assert sorted(changed) == [DOCUMENT, "fixtures/documents/final.md"]
    assert {line[3:] for line in repo.status()} == {TEMPLATE, "notes.txt"}
    assert "# mine, not saved" not in repo.git("show", f"HEAD:{TEMPLATE}")


def test_recordings_name_the_file_anew_and_keep_their_seals(make_workspace: Callable[..., Workspace]) -> None:
    from promptlab.suites._recording_line import has_seal, sealed

    item = {
        "case": "a",
        "messages": [{"role": "user", "pieces": [["context", DOCUMENT, "x"], ["input", DOCUMENT, "y"]]}],
        "sources": [["context", DOCUMENT, "public", "", [[DOCUMENT, ""]]], ["layout", TEMPLATE, "public", ""]],
        "template": TEMPLATE,
    }
    line = sealed(json.dumps(item, ensure_ascii=False).encode()).decode()
    workspace = make_workspace(files={"fixtures/recordings/r.jsonl": '{"text": "t", "sha256": "0"}\n' + line})
    shelf.rename_file(workspace, shelf.plan_rename(workspace, "document", DOCUMENT, "final"))
    first, second = (workspace.root / "fixtures/recordings/r.jsonl").read_bytes().splitlines(keepends=True)
    assert first == b'{"text": "t", "sha256": "0"}\n'
    assert has_seal(second)
    now = json.loads(second)
    assert now["sources"][0][1] == now["sources"][0][4][0][0] == "fixtures/documents/final.md"
    assert [piece[1] for piece in now["messages"][0]["pieces"]] == ["fixtures/documents/final.md", DOCUMENT]


REFUSED = {
    "a taken name": ("document", DOCUMENT, "taken", "exists already"),
    "a taken name in other letters": ("document", DOCUMENT, "TAKEN", "exists already"),
    "a taken template": ("template", TEMPLATE, "taken.yaml", "exists already"),
    "its own name": ("document", DOCUMENT, "cup", "its name already"),
    "no name": ("pool", POOL, " ", "give it a name"),
    "another ending": ("document", DOCUMENT, "x.pdf", "the ending stays"),
    "out of the folder": ("document", DOCUMENT, "../../x", "cannot be the name"),
    "hidden": ("document", DOCUMENT, ".x", "cannot be the name"),
    "a pattern": ("document", DOCUMENT, "x*", "cannot be the name"),
    "a line break": ("document", DOCUMENT, "a\nb", "cannot be the name"),
    "a long name": ("document", DOCUMENT, "x" * 400, "cannot be the name"),
    "no such file": ("document", "fixtures/documents/none.md", "x", "there is no document"),
    "a file of another kind": ("template", "promptlab.yaml", "x", "there is no template"),
    "a way out": ("document", "fixtures/documents/../../promptlab.yaml", "x", "there is no document"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_name_that_cannot_be_is_refused_and_nothing_changes(
    case: str, make_workspace: Callable[..., Workspace]
) -> None:
    kind, path, name, words = REFUSED[case]
    taken = {"fixtures/documents/taken.md": "t", "templates/taken.yml": "user: x\n"}
    workspace = make_workspace(files=taken)
    before = snapshot(workspace.root)
    with pytest.raises(ShelfError, match=words):
        shelf.plan_rename(workspace, kind, path, name)  # type: ignore[arg-type]  # one of the kinds
    assert snapshot(workspace.root) == before


def snapshot(root: Path) -> dict[str, bytes]:
    inside = [file for file in root.rglob("*") if file.is_file() and not {".git", ".gitignore", "lock"} & {*file.parts}]
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in inside}


def test_a_full_disk_leaves_all_as_it_was(
    make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(replaced('labels:\n  "@": confidential\n', DOCUMENT))
    before = snapshot(workspace.root)
    plan = shelf.plan_rename(workspace, "document", DOCUMENT, "final")
    write = atomic.write_atomically
    for fails in range(3):
        written: list[Path] = []

        def limited(path: Path, data: bytes, fails: int = fails, written: list[Path] = written) -> None:
            written.append(path)
            if len(written) == fails + 1:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(path, data)

        monkeypatch.setattr(renaming, "write_atomically", limited)
        with pytest.raises(ShelfError, match="nothing was changed"):
            shelf.rename_file(workspace, plan)
        assert snapshot(workspace.root) == before


CHILD = """
import os, signal, sys
from pathlib import Path
from promptlab import shelf
from promptlab.workspace import Workspace
step, stop = 0, int(sys.argv[2])
def killed(event, args):
    global step
    if event in ("os.rename", "os.remove", "os.link"):
        step += 1
        if step == stop:
            os.kill(os.getpid(), signal.SIGKILL)
workspace = Workspace.load(Path(sys.argv[1]))
plan = shelf.plan_rename(workspace, "document", "fixtures/documents/cup.md", "final")
sys.addaudithook(killed)
shelf.rename_file(workspace, plan)
"""


def test_a_killed_rename_is_finished_or_has_not_begun_when_the_workspace_is_opened(
    make_workspace: Callable[..., Workspace],
) -> None:
    outcomes = set()
    for stop in range(1, 40):
        workspace = make_workspace(replaced('labels:\n  "@": confidential\n', DOCUMENT), folder=f"work-{stop}")
        Drafts(workspace.state / "drafts").edit(
            TEMPLATE, (workspace.root / TEMPLATE).read_text(), {"context": [DOCUMENT, "x.md"]}
        )
        done = subprocess.run([sys.executable, "-c", CHILD, str(workspace.root), str(stop)], check=False, timeout=60)
        old, new = workspace.root / DOCUMENT, workspace.root / "fixtures/documents/final.md"
        # Also in between, the file is confidential under every name that it has.
        between = Workspace.load(workspace.root)
        for path in (old, new):
            assert not path.exists() or between.label_of(between.relative(path)) == "confidential"
        shelf.finish_renames(between)
        now = Workspace.load(workspace.root)
        assert old.exists() != new.exists()
        name = DOCUMENT if old.exists() else "fixtures/documents/final.md"
        assert now.label_of(name) == "confidential"
        assert f"context: [{name}]" in (workspace.root / TEMPLATE).read_text()
        assert Drafts(workspace.state / "drafts").load(TEMPLATE).changes["context"] == [name, "x.md"]
        assert not list((workspace.state / "moves").glob("*.json"))
        outcomes.add((done.returncode == -signal.SIGKILL, old.exists()))
        if done.returncode == 0:
            break
    assert (True, False) in outcomes
    assert (False, False) in outcomes


def test_a_note_of_a_stranger_moves_nothing(workspace: Workspace) -> None:
    (workspace.state / "moves").mkdir(parents=True)
    for number, (old, new) in enumerate(
        (("promptlab.yaml", "x.yaml"), (DOCUMENT, "../x.md"), (DOCUMENT, "templates/x.md"), (DOCUMENT, 7))
    ):
        note = {"kind": "document", "old": old, "new": new, "commits": []}
        (workspace.state / f"moves/{number}.json").write_text(json.dumps(note))
    before = {path: data for path, data in snapshot(workspace.root).items() if "moves" not in path}
    assert shelf.finish_renames(workspace) == []
    assert {path: data for path, data in snapshot(workspace.root).items() if "moves" not in path} == before

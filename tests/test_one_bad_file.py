"""One bad file stops nothing else: it is named, and what is beside it is listed, shown and checked as ever."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from promptlab._yaml._read import parse_yaml
from promptlab.cli._main import cli
from promptlab.errors import InputError, ShelfError
from promptlab.suites._file import is_case_file
from promptlab.templates._index import TemplateIndex
from promptlab.ui.state.drafts import Drafts
from promptlab.workspace._workspace import Workspace
from tests import repositories

TEMPLATE = "inputs: {question: {sample: a}}\ninstructions: Hi\n"
SUITE = "template: good\nmodels: [x]\ncases:\n  - {id: a, inputs: {question: b}}\n"

BAD: dict[str, Callable[[Path], object]] = {
    "merges itself": lambda path: path.write_text("x: &x {<<: *x}\ninstructions: a\n"),
    "holds itself": lambda path: path.write_text("instructions: &x [*x]\n"),
    "merge of a text": lambda path: path.write_text("<<: word\n"),
    "grows without end": lambda path: path.write_text(
        "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1},' * 9}]\n" for i in range(1, 12))
    ),
    "60,000 keys": lambda path: path.write_text("".join(f"k{n}: v\n" for n in range(60_000))),
    "deep lists": lambda path: path.write_text("[" * 60_000),
    "deep maps": lambda path: path.write_text("{a: " * 9_000 + "}" * 9_000),
    "deep blocks": lambda path: path.write_text("- " * 60_000 + "x"),
    "half a file": lambda path: path.write_text("instructions: [\n"),
    "another version": lambda path: path.write_text("%YAML 1.3\n---\na: b\n"),
    "an object": lambda path: path.write_text("a: !!python/object/apply:os.system [ls]\n"),
    "comments": lambda path: path.write_text("#\n" * 1_000_000),
    "a NUL": lambda path: path.write_bytes(b"instructions: a\0b\n"),
    "no text": lambda path: path.write_bytes(random.Random(1).randbytes(5_000)),
    "too large": lambda path: path.write_bytes(b"#" * 5_000_000),
    "a list": lambda path: path.write_text("5\n"),
    "nothing": lambda path: path.write_text(""),
}


@pytest.fixture
def home(make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    files = {"templates/good.yaml": TEMPLATE, "fixtures/suites/good.yaml": SUITE}
    workspace = make_workspace("models: {}\n", files)
    monkeypatch.chdir(workspace.root)
    return workspace


PLACES: dict[tuple[str, ...], tuple[str, str]] = {
    ("templates", "list"): ("templates", "templates/good.yaml"),
    ("templates", "check"): ("templates", "templates/good.yaml: ok"),
    ("suite", "list"): ("fixtures/suites", "fixtures/suites/good.yaml  x"),
    ("suite", "replay"): ("fixtures/suites", "good.jsonl"),  # its recording is missing, which is said, too
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("words", PLACES, ids=" ".join)
def test_the_command_line_goes_on_and_names_it(
    home: Workspace, words: tuple[str, ...], bad: Callable[[Path], object]
) -> None:
    folder, good = PLACES[words]
    bad(home.root / folder / "bad.yaml")
    began = time.monotonic()
    done = CliRunner().invoke(cli, words)
    shown = done.output + str(done.exception or "")
    assert good in shown
    # A file of a list, beside suites, is a file of cases.
    assert "bad.yaml" in shown or (folder.endswith("suites") and is_case_file(home.root / folder / "bad.yaml"))
    assert isinstance(done.exception, SystemExit | InputError | None)
    assert time.monotonic() - began < 10  # each takes well below a second; it was minutes


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_pools_recordings_and_drafts_say_what_is_wrong_in_words(home: Workspace, bad: Callable[[Path], object]) -> None:
    for path in ("fixtures/examples/bad.yaml", "fixtures/recordings/good.jsonl", ".promptlab/drafts/bad-1.json"):
        (home.root / path).parent.mkdir(parents=True, exist_ok=True)
        bad(home.root / path)
    Drafts(home.state / "drafts").write("templates/good.yaml", TEMPLATE + "# more\n", TEMPLATE)
    assert list(Drafts(home.state / "drafts").edited()) == ["templates/good.yaml"]
    for words in (("examples", "list", "fixtures/examples/bad.yaml"), ("suite", "replay", "good")):
        done = CliRunner().invoke(cli, words)
        assert isinstance(done.exception, SystemExit | InputError | None), done.exception
    assert [entry.path for entry in TemplateIndex(home).entries() if not entry.problem] == [
        path for path in ("templates/cup.yaml", "templates/good.yaml") if (home.root / path).exists()
    ]


@pytest.mark.parametrize("name", ["m\x1b[31mred.yaml", "m\u202elmay.yaml", "m\nforged.yaml: ok.yaml", "m\x9b2J.yaml"])
@pytest.mark.parametrize("words", PLACES, ids=" ".join)
def test_names_steer_no_terminal(home: Workspace, words: tuple[str, ...], name: str) -> None:
    folder, _ = PLACES[words]
    (home.root / folder / name).write_text("a: [\n")
    done = CliRunner().invoke(cli, words)
    from promptlab.cli import _terminal as terminal

    shown = terminal.printable(done.output + str(done.exception or ""))  # as `main` prints what is raised
    assert not set(shown) & set("\x1b\x9b\u202e")
    assert not any(line.startswith("forged") for line in shown.splitlines())
    assert "m" in shown


OUTSIDE = (
    "promptlab.yaml",
    "fixtures/suites/good.yaml",
    "other/x.yaml",
    "templates/../promptlab.yaml",
    "templates/l.yaml",
)


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_is_no_template_is_not_saved_as_one(
    home: Workspace, path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from promptlab.versions import _save as shelf

    repositories.isolate(monkeypatch, tmp_path)
    repositories.start(home)
    (home.root / "templates/l.yaml").symlink_to("../promptlab.yaml")
    before = (home.root / "promptlab.yaml").read_bytes()
    done = CliRunner().invoke(cli, ["templates", "save", path, "-m", "x", "--set", "instructions=bad"])
    assert done.exit_code != 0
    with pytest.raises(ShelfError):
        shelf.save_template(home, path, TEMPLATE, "a message", base=None)
    with pytest.raises(ShelfError):
        shelf.write_template(home, path, TEMPLATE, base=None)
    assert (home.root / "promptlab.yaml").read_bytes() == before
    assert not (home.root / "other").exists()


def test_long_lists_are_read() -> None:
    data = parse_yaml("".join(f"- {{id: c{n}}}\n" for n in range(3_000)), shown="a.yaml", error=InputError).data
    assert len(data) == 3_000
    assert data[2_999] == {"id": "c2999"}

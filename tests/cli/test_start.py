"""`promptlab init`: what it prints, and what it does the second time. `promptlab app` is tested in a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab import cli
from promptlab.workspace import Workspace

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def running(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["promptlab", *words])
        try:
            cli.main()
        except SystemExit as exc:
            return int(exc.code or 0), "".join(capsys.readouterr())
        return 0, "".join(capsys.readouterr())

    return running


def test_init_says_what_it_made_and_makes_nothing_twice(run: Run, tmp_path: Path) -> None:
    code, out = run("init")
    assert code == 0
    assert all(f"  {path}" in out for path in ("promptlab.yaml", "templates/hello.yaml"))
    before = (tmp_path / "promptlab.yaml").read_bytes()
    code, out = run("init")
    assert (code, "is a workspace already" in out) == (0, True)
    assert (tmp_path / "promptlab.yaml").read_bytes() == before


def test_init_takes_a_folder_and_the_sample(run: Run, tmp_path: Path) -> None:
    (tmp_path / "new ü/templates").mkdir(parents=True)
    (tmp_path / "new ü/templates/world-cup.yaml").write_text("user: mine\n")
    code, out = run("init", "new ü", "--sample")
    assert code == 0
    assert "  fixtures/documents/world-cup-2022.md" in out
    assert "templates/world-cup.yaml was there already" in out
    assert (tmp_path / "new ü/templates/world-cup.yaml").read_text() == "user: mine\n"
    assert Workspace.load(tmp_path / "new ü").root == tmp_path / "new ü"


def test_init_inside_a_workspace_makes_one_only_where_it_is_told_to(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert run("init")[0] == 0
    assert not (tmp_path / "sub/promptlab.yaml").exists()
    assert run("init", ".")[0] == 0
    assert (tmp_path / "sub/promptlab.yaml").is_file()


@pytest.mark.parametrize("text", ["models: {a: [\n", "modells: {}\n"])
def test_init_names_the_error_of_a_promptlab_yaml_and_leaves_it(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "promptlab.yaml").write_text(text)
    code, out = run("init", "--sample")
    assert (code, "promptlab.yaml" in out) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["promptlab.yaml"]
    assert (tmp_path / "promptlab.yaml").read_text() == text

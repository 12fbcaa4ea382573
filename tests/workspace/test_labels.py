"""Labelling a file changes one place of promptlab.yaml and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptlab.errors import WorkspaceError
from promptlab.workspace import _ledger as ledger
from promptlab.workspace._labels import set_label, unmatched_patterns
from promptlab.workspace._workspace import Workspace


def workspace(root: Path, text: str) -> Workspace:
    (root / "promptlab.yaml").write_bytes(text.encode())
    (root / "docs").mkdir()
    (root / "docs/a.md").write_text("x")
    return Workspace.load(root)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'labels:\n  "docs/a.md": internal\n'),
        ("# nothing yet", '# nothing yet\nlabels:\n  "docs/a.md": internal\n'),
        ("models: {}  # none\n", 'models: {}  # none\nlabels:\n  "docs/a.md": internal\n'),
        ("labels:  # later\nmodels: {}\n", 'labels:  # later\n  "docs/a.md": internal\nmodels: {}\n'),
        ("labels: {}\n", 'labels: {"docs/a.md": internal}\n'),
        ("labels: {x: public}  # c\n", 'labels: {x: public, "docs/a.md": internal}  # c\n'),
        (
            "labels:\n    'x/**':   public   # c\n# end\nmodels: {}\n",
            "labels:\n    'x/**':   public   # c\n    \"docs/a.md\": internal\n# end\nmodels: {}\n",
        ),
        (
            "labels:\r\n  x: public\r\nmodels: {}\r\n",
            'labels:\r\n  x: public\r\n  "docs/a.md": internal\r\nmodels: {}\r\n',
        ),
        ("labels:\n  x: public", 'labels:\n  x: public\n  "docs/a.md": internal'),
        (
            "labels:\n  docs/a.md: 'public'  # why\n  y: public\n",
            "labels:\n  docs/a.md: 'internal'  # why\n  y: public\n",
        ),
        ("labels: {docs/a.md: confidential}\n", "labels: {docs/a.md: internal}\n"),
        ("{models: {}}", '{models: {}, "labels": {"docs/a.md": "internal"}}'),
        ("models: {}\r\n# end\r\n", 'models: {}\r\nlabels:\r\n  "docs/a.md": internal\r\n# end\r\n'),
        ("\ufefflabels:\n  x: public\n", '\ufefflabels:\n  x: public\n  "docs/a.md": internal\n'),
        ("labels:\n  docs/a.md: internal\n", "labels:\n  docs/a.md: internal\n"),
    ],
)
def test_only_the_label_changes(tmp_path: Path, before: str, after: str) -> None:
    changed = set_label(workspace(tmp_path, before), "docs/a.md", "internal", reason="it is out")
    assert (tmp_path / "promptlab.yaml").read_bytes().decode() == after
    assert changed.label_of("docs/a.md") == "internal"


@pytest.mark.parametrize(
    ("text", "path", "label", "words"),
    [
        ("labels: {'docs/**': confidential}", "docs/a.md", "public", "stays confidential, by the pattern `docs/**`"),
        ("models: &m {}\nlabels: *m\n", "docs/a.md", "public", "by hand"),
        ("labels: {x: &l public, docs/a.md: *l}", "docs/a.md", "internal", "by hand"),
        ("", "docs/none.md", "public", "there is no file `docs/none.md`"),
        ("", "../x", "public", "leads out"),
        ("", "docs/a.md", "secret", "there is no label `secret`"),
        ("", "docs/b?.md", "public", "would be a pattern"),
    ],
)
def test_what_cannot_be_labelled_is_refused_and_nothing_is_written(
    tmp_path: Path, text: str, path: str, label: str, words: str
) -> None:
    here = workspace(tmp_path, text)
    (tmp_path / "docs/b?.md").write_text("x")
    with pytest.raises(WorkspaceError) as caught:
        set_label(here, path, label, reason="so be it")  # type: ignore[arg-type]  # one is no label, on purpose
    assert words in str(caught.value)
    assert (tmp_path / "promptlab.yaml").read_bytes().decode() == text


def test_the_link_to_the_file_of_the_workspace_stays_a_link(tmp_path: Path) -> None:
    here = workspace(tmp_path, "models: {}\n")
    (tmp_path / "promptlab.yaml").rename(tmp_path / "real.yaml")
    (tmp_path / "promptlab.yaml").symlink_to("real.yaml")
    (tmp_path / "real.yaml").chmod(0o640)
    set_label(here, "docs/a.md", "internal")
    assert (tmp_path / "promptlab.yaml").is_symlink()
    assert (tmp_path / "real.yaml").stat().st_mode & 0o777 == 0o640
    assert "docs/a.md" in (tmp_path / "real.yaml").read_text()


def test_lowering_takes_a_reason_and_is_a_line_of_the_ledger(tmp_path: Path) -> None:
    here = workspace(tmp_path, "labels: {docs/a.md: confidential}\n")
    for reason in ("", "  "):
        with pytest.raises(WorkspaceError, match="needs a reason"):
            set_label(here, "docs/a.md", "internal", reason=reason)
    assert here.label_of("docs/a.md") == "confidential"
    set_label(here, "docs/a.md", "internal", reason="the merger is public")
    set_label(Workspace.load(tmp_path), "docs/a.md", "confidential")  # raising takes none
    lines = (tmp_path / ".promptlab" / ledger.FILE).read_text("utf-8").splitlines()
    (lowered,) = (json.loads(line) for line in lines if "the merger is public" in line)
    assert "docs/a.md" in lowered.values()


def test_a_pattern_about_no_file_is_said(tmp_path: Path) -> None:
    here = workspace(
        tmp_path, "labels: {docs/*: public, '*.md': public, privat/**: confidential, docs: public, b.md: public}\n"
    )
    assert unmatched_patterns(here) == ["privat/**", "b.md"]
    (tmp_path / "privat").mkdir()
    (tmp_path / "privat/x").write_text("x")
    assert unmatched_patterns(here) == ["b.md"]

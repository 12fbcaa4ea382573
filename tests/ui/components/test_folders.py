"""Lists with folders: what is folded, found and paged."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from promptlab.ui.components.folders import PAGE, Row, page_of, rows_of
from promptlab.workspace._workspace import Workspace
from tests.places import PACKAGE
from tests.ui.conftest import Desk, said

PATHS = ["t/a.yaml", "t/b.yaml", "t/old/c.yaml", "t/old/deep/d.yaml"]


def shown(rows: list[Row]) -> list[str]:
    return [row.path or f"{row.folder} ({row.count}{', folded' if row.folded else ''})" for row in rows]


@pytest.mark.parametrize(
    ("paths", "folded", "lines"),
    [
        (PATHS[:2], set(), ["t/a.yaml", "t/b.yaml"]),
        (PATHS, set(), ["t/a.yaml", "t/b.yaml", "t/old (1)", "t/old/c.yaml", "t/old/deep (1)", "t/old/deep/d.yaml"]),
        (PATHS, {"t/old"}, ["t/a.yaml", "t/b.yaml", "t/old (1, folded)", "t/old/deep (1)", "t/old/deep/d.yaml"]),
        (PATHS[2:3], set(), ["t/old (1)", "t/old/c.yaml"]),
        ([], set(), []),
    ],
)
def test_the_lines_of_a_list(paths: list[str], folded: set[str], lines: list[str]) -> None:
    assert shown(rows_of(paths, folded=folded, home="t")) == lines


def test_a_page_has_a_bounded_number_of_files_each_below_its_folder() -> None:
    paths = [f"t/{folder}/{number:03}.yaml" for folder in "ab" for number in range(500)]
    rows = rows_of(paths, folded=(), home="t")
    seen: list[str] = []
    for at in range(0, 1000, PAGE):
        page = page_of(rows, at)
        assert page[0].folder
        assert len(page) <= PAGE + 2
        seen += [row.path for row in page if row.path]
    assert seen == paths


def test_folders_fold_and_a_search_opens_them(
    desk: Callable[..., Desk], make_workspace: Callable[..., Workspace]
) -> None:
    files = {f"templates/old/{name}.yaml": "user: hi\n" for name in ("one", "two")}
    here = desk(make_workspace(files=files), alpha=["ok"])
    tab = here.open("templates")
    here.until(lambda: here.session.templates() is not None, "the list")
    tab.run()
    fold = next(button for button in tab.button if str(button.key).startswith("fold-templates-"))
    assert "templates/old" in fold.label
    assert "old/two" in said(tab)
    fold.click().run()
    assert not tab.exception
    assert "old/two" not in said(tab)
    tab.text_input(key="templates-text").set_value("two").run()
    assert "old/two" in said(tab)


def test_no_menu_draws_the_page_when_it_opens() -> None:
    """A popover with `on_change` is drawn anew while somebody clicks in it, and the click is lost."""
    texts = {file: file.read_text(encoding="utf-8") for file in (PACKAGE / "ui").rglob("*.py")}
    menus = {
        file.name: call
        for file, text in texts.items()
        for call in re.findall(r"st\.popover\(.*?\)(?:,|:)\n", text, re.S)
    }
    assert menus
    assert [name for name, call in menus.items() if "on_change" in call] == []
    # What an expander holds may be drawn when it opens: until then there is nothing in it to click on.
    for file, text in texts.items():
        for name in re.findall(r"(\w+) = st\.expander\((?:[^()]|\([^()]*\))*on_change=\"rerun\"", text):
            assert f"{name}.open" in text, f"{file.name}: `{name}` is not drawn only when it is open"

"""The same template edited in the browser and in an editor: whoever comes first, nothing is overwritten unseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.repositories import CUP, Repository, edited, isolate, start
from tests.ui.conftest import Desk
from tests.ui.templates.test_save import all_said, keys, press

Desks = Callable[..., Desk]
THEIRS = edited(TEMPLATE, "Answer the question from the article.", "Answer at once.")
FIELD = "text-instructions-cup"


@pytest.fixture
def here(desk: Desks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    isolate(monkeypatch, tmp_path / "home")
    return desk()


@pytest.fixture
def repo(here: Desk, workspace: Workspace) -> Repository:  # noqa: ARG001 (isolates git)
    return start(workspace)


def typed(tab: AppTest, text: str) -> AppTest:
    return tab.text_area(key=FIELD).set_value(text).run()


def test_a_file_written_before_the_first_change_is_not_overwritten_unseen(here: Desk, repo: Repository) -> None:
    tab = here.open("templates", template=CUP)
    repo.put(CUP, THEIRS)
    # The page still shows what was there; the change is made to that.
    tab = typed(tab, "Mine.\n")
    assert "changed here and on disk" in all_said(tab)
    tab = press(press(tab, "save-to-git"), "saving-mine")
    assert repo.text() == edited(TEMPLATE, "Answer the question from the article.", "Mine.")
    assert repo.git("show", f"HEAD~1:{CUP}") + "\n" == THEIRS


def test_a_file_written_after_the_first_change_is_not_overwritten_unseen(here: Desk, repo: Repository) -> None:
    tab = typed(here.open("templates", template=CUP), "Mine.\n")
    repo.put(CUP, THEIRS)
    tab = typed(tab, "Mine, again.\n")
    assert "changed here and on disk" in all_said(tab)
    assert "saving-theirs" in keys(press(tab, "save-to-git"))
    assert repo.text() == THEIRS


def test_what_makes_no_template_stays_in_the_form_when_the_rest_is_saved(here: Desk, repo: Repository) -> None:
    tab = typed(here.open("templates", template=CUP), "Half a {{ tag\n")
    tab = tab.text_input(key="description-cup").set_value("Mine").run()
    press(press(tab, "save-to-git"), "saving-commit")
    assert repo.text() == edited(TEMPLATE, "Answer a question from an article", "Mine")
    assert here.open("templates", template=CUP).text_area(key=FIELD).value == "Half a {{ tag\n"


def test_what_another_tab_typed_meanwhile_stays_a_draft(here: Desk, repo: Repository) -> None:
    tab = press(typed(here.open("templates", template=CUP), "Mine.\n"), "save-to-git")
    other = here.open("templates", template=CUP)
    other.text_area(key="text-output_format-cup").set_value("One word.\n").run()
    # The dialog of the first tab still shows, and saves, what was there when it was opened.
    press(tab, "saving-commit")
    assert repo.text() == edited(TEMPLATE, "Answer the question from the article.", "Mine.")
    assert here.session.drafts.load(CUP).changes == {"output_format": "One word.\n"}

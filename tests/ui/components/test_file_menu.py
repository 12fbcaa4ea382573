"""The menu of a file: rename shows what changes, everything can be undone, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from promptlab import shelf
from promptlab.workspace._labels import set_label
from tests.shelf.test_rename import KINDS
from tests.ui.conftest import Desk
from tests.ui.dialogs import all_said, dialog

Desks = Callable[..., Desk]
PAGES = {"template": "templates", "document": "documents", "pool": "examples"}


def opened(here: Desk, kind: str) -> AppTest:
    return here.open(PAGES[kind], **{kind: KINDS[kind]})  # type: ignore[index]  # one of the kinds


@pytest.mark.parametrize("kind", PAGES)
def test_a_file_is_renamed_after_its_changes_were_seen_and_back_again(kind: str, desk: Desks) -> None:
    here = desk(alpha=["ok"])
    root, old = here.session.workspace.root, KINDS[kind]  # type: ignore[index]  # one of the kinds
    set_label(here.session.workspace, old, "internal")
    new = old.replace("cup", "final")
    tab = opened(here, kind)
    tab.button(key="file-rename").click().run()
    tab.text_input(key="file-name").set_value("final")
    tab.button(key="file-rename-now").click().run()
    assert (root / old).exists(), "the changes are shown first"
    assert new in dialog(tab)
    assert "promptlab.yaml" in dialog(tab)
    tab.button(key="file-rename-now").click().run()
    assert not tab.exception
    assert not (root / old).exists()
    assert tab.query_params[kind] in (new, [new])
    assert here.session.workspace.label_of(new) == "internal"
    assert f"{new} now" in all_said(tab)
    tab.button(key="file-undo").click().run()
    assert not tab.exception
    assert (root / old).exists()
    assert not (root / new).exists()
    assert here.session.workspace.label_of(old) == "internal"


@pytest.mark.parametrize("kind", PAGES)
def test_a_file_is_deleted_after_its_users_were_named_and_comes_back(kind: str, desk: Desks) -> None:
    here = desk(alpha=["ok"])
    full = here.session.workspace.root / KINDS[kind]  # type: ignore[index]  # one of the kinds
    content = full.read_bytes()
    tab = opened(here, kind)
    tab.button(key="file-delete").click().run()
    assert ("templates/cup.yaml" in dialog(tab)) == (kind != "template")
    tab.button(key="file-delete-now").click().run()
    assert not tab.exception
    assert not full.exists()
    assert "was deleted" in all_said(tab)
    tab.button(key="file-undo").click().run()
    assert full.read_bytes() == content
    tab.button(key="file-delete").click().run()
    tab.button(key="file-delete-now").click().run()
    here.until(lambda: here.session.templates() is not None, "the list")
    tab = here.open(PAGES[kind])
    (deleted,) = shelf.deleted_files(here.session.workspace)
    tab.button(key=f"restore-{deleted.id}").click().run()
    assert not tab.exception
    assert full.read_bytes() == content


def test_a_duplicate_is_shown_with_the_draft_and_its_label(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    path = KINDS["template"]
    set_label(here.session.workspace, path, "confidential")
    here.session.drafts.edit(path, (here.session.workspace.root / path).read_text(), {"instructions": "Be brief.\n"})
    tab = opened(here, "template")
    tab.button(key="file-duplicate").click().run()
    assert not tab.exception
    copy = "templates/cup-2.yaml"
    assert here.session.workspace.label_of(copy) == "confidential"
    assert here.session.drafts.load(copy).changes == {"instructions": "Be brief.\n"}
    tab.button(key="file-undo").click().run()
    assert not (here.session.workspace.root / copy).exists()


def test_a_taken_name_is_said_in_the_dialog(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = opened(here, "document")
    (here.session.workspace.root / "fixtures/documents/taken.md").write_text("x")
    tab.button(key="file-rename").click().run()
    tab.text_input(key="file-name").set_value("taken").run()
    assert "exists already" in dialog(tab)
    tab.button(key="file-cancel").click().run()
    assert dialog(tab) == ""

"""The search on every page, and the table of keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from promptlab.shelf._search import KINDS
from promptlab.ui.components import search, shortcuts
from tests.places import PACKAGE
from tests.ui.conftest import ROUTES, Desk
from tests.ui.dialogs import all_said, dialog


@pytest.mark.parametrize("page", sorted(file.stem for file in ROUTES.glob("*.py")))
def test_every_page_has_the_search_and_the_keys(page: str, desk: Callable[..., Desk]) -> None:
    tab = desk(alpha=["ok"]).open(page)
    tab.button(key="search").click().run()
    assert not tab.exception
    tab.text_input(key="search-words").set_value("cup").run()
    assert "fixtures/documents/cup.md" in dialog(tab)
    assert next(button.label for button in tab.button if str(button.key).startswith("hit-open-")) == "cup"


def test_the_keys_are_those_that_the_buttons_have(desk: Callable[..., Desk]) -> None:
    tab = desk(alpha=["ok"]).open("models")
    tab.button(key="keys").click().run()
    for key in shortcuts.TABLE:
        assert key.does in all_said(tab)
    written = {
        file.name
        for file in (PACKAGE / "ui").rglob("*.py")
        if 'shortcut="' in file.read_text(encoding="utf-8") and file.name != "shortcuts.py"
    }
    assert written == set(), "a button has keys that are not in the table"


def test_every_kind_of_hit_has_a_page() -> None:
    assert set(search.TARGETS) == set(search.HEADS) == set(KINDS)
    assert {page for page, _ in search.TARGETS.values()} <= {file.stem for file in ROUTES.glob("*.py")}

"""The page that Streamlit starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from promptlab.ui.components import frame, links
from promptlab.ui.state.session import Session
from promptlab.ui.templates import list as templates_list
from promptlab.ui.templates import page as templates_page
from tests.ui.conftest import Desk
from tests.ui.dialogs import all_said


def test_the_first_tab_of_a_process_finds_its_pages_as_every_other_does(monkeypatch: pytest.MonkeyPatch) -> None:
    main = Path(links.__file__).parents[1] / "main.py"
    assert main.exists()
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    PagesManager(str(main))
    assert PagesManager.uses_pages_directory is False


def test_the_place_is_kept_before_the_page_is_drawn(desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    """A press on a button stops the run that still draws the page: what comes after the page is not reached then, and
    the next run would take the dialog that was just opened for one of another page, and close it."""
    kept: list[tuple[object, ...]] = []
    draw = templates_list.draw

    def watched(here: Session) -> None:
        kept.append(st.session_state.get(frame._PLACE, ()))
        draw(here)

    monkeypatch.setattr(templates_list, "draw", watched)
    tab = desk(alpha=["Argentina"]).open("templates")
    tab.button(key="new-template").click().run()
    assert "Standard layout" in all_said(tab)
    assert [set(map(str, places)) for places in kept] == [{str((templates_page.__name__, {}))}] * 2

"""The page that Streamlit starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager

from promptlab.ui import links


def test_the_first_tab_of_a_process_finds_its_pages_as_every_other_does(monkeypatch: pytest.MonkeyPatch) -> None:
    main = Path(links.__file__).with_name("main.py")
    assert main.exists()
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    PagesManager(str(main))
    assert PagesManager.uses_pages_directory is False

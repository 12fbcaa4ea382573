"""What a page says with the dialog that is open on it; AppTest keeps that beside the page's main part."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.ui.conftest import _said, said


def dialog(tab: AppTest) -> str:
    """The open dialog's text; nothing where none is open."""
    return "\n".join(filter(None, map(_said, tab._tree.children[2]))) if 2 in tab._tree.children else ""


def all_said(tab: AppTest) -> str:
    """The page and the dialog, words parted by single spaces."""
    assert not tab.exception
    return " ".join(f"{said(tab)}\n{dialog(tab)}".split())

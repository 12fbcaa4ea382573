"""The Templates page: the list, the form with its live preview, and new templates."""

from __future__ import annotations

from collections.abc import Callable

from tests.ui.conftest import Desk, said

CUP = "templates/cup.yaml"
Desks = Callable[..., Desk]


def test_the_list_says_what_each_is_for_and_finds_by_words(desk: Desks) -> None:
    tab = desk(alpha=["ok"]).open("templates")
    assert not tab.exception
    assert "Answer a question from an article" in said(tab)
    tab.text_input(key="templates-text").set_value("nothing like it").run()
    assert "No template matches" in said(tab)


def test_what_is_typed_is_in_the_preview_and_on_the_workbench(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    form = here.open("templates", template=CUP)
    assert not form.exception
    form.text_area(key="text-instructions-cup").set_value("Be brief.").run()
    assert not form.exception
    assert "Be brief." in said(form).split("Preview")[1]
    assert here.open().text_area(key="text-instructions-cup").value == "Be brief."
    assert here.session.drafts.load(CUP).changes == {"instructions": "Be brief."}

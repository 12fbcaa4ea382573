"""Suites made and edited in the page, without a browser: cases, scorers, thresholds, and Undo."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from promptlab.suites import suite_settings
from tests.suites.making import PATH, SUITE
from tests.ui.conftest import Desk, bodies
from tests.ui.dialogs import all_said, dialog
from tests.ui.suites.test_page import HOSTILE, asked, press, suite_desk

Desks = Callable[..., Desk]


def text_of(here: Desk, path: str = PATH) -> str:
    return (here.session.workspace.root / path).read_text()


def key_of(tab: AppTest, kind: str, end: str) -> str:
    return next(str(widget.key) for widget in getattr(tab, kind) if str(widget.key).endswith(end))


def field(tab: AppTest, start: str) -> str:
    """The key of the field of the open dialog that begins so."""
    every = [*tab.text_input, *tab.text_area]
    return next(str(widget.key) for widget in every if str(widget.key).startswith(start))


def area(tab: AppTest, start: str, text: str) -> AppTest:
    tab.text_area(key=field(tab, start)).set_value(text).run()
    assert not tab.exception
    return tab


def written(tab: AppTest, end: str = "-write") -> AppTest:
    return press(tab, key_of(tab, "button", end))


def test_a_suite_without_cases_is_made_and_undone(desk: Desks) -> None:
    here = desk(good=["Argentina"])
    tab = press(here.open("suites"), "suite-new")
    tab.text_input(key="make-suite-name").set_value("a b").run()
    assert "cannot be the name of a suite" in all_said(tab)
    tab.text_input(key="make-suite-name").set_value("facts").run()
    tab.selectbox(key="make-suite-scorer-add").set_value("numeric").run()
    tab.text_input(key="make-suite-scorer-0-absolute").set_value("half").run()
    assert "'absolute' is a number" in all_said(tab).replace("`", "'")
    assert not any(str(button.key).endswith("-write") for button in tab.button)
    tab.text_input(key="make-suite-scorer-0-absolute").set_value("0.5").run()
    tab.selectbox(key="make-suite-threshold-add").set_value("at least 90 %").run()
    assert not (here.session.workspace.root / PATH).exists(), "shown before it is written"
    written(tab)
    settings = suite_settings(here.session.workspace, PATH)
    assert settings.scorers == (("numeric", {"absolute": 0.5}),)
    assert settings.thresholds == ({"require": "at least 90 %"},)
    assert "There is no case yet" in all_said(tab)
    press(tab, "suite-undo-do")
    assert not (here.session.workspace.root / PATH).exists()
    assert "There is no suite yet" in all_said(tab)


def test_a_case_is_added_edited_and_retired_with_its_change_shown_first(desk: Desks) -> None:
    here = suite_desk(desk)
    asked(here, "record")
    tab = press(here.open("suites", suite=PATH, view="cases"), "case-add")
    tab.text_input(key=field(tab, "case-id")).set_value("third").run()
    area(tab, "case-input-question", "Who came third?")
    assert "this cannot be written" in dialog(tab), "the suite's scorer needs to know what is expected"
    area(tab, "case-expected-A text", "Croatia")
    assert text_of(here) == SUITE
    written(tab)
    assert text_of(here).startswith(SUITE)
    assert "third" in text_of(here)
    press(tab, "suite-undo-do")
    assert text_of(here) == SUITE

    edit = next(str(button.key) for button in tab.button if str(button.key).startswith("case-edit-"))
    press(tab, edit)
    area(tab, "case-expected-A text", "Argentina, of course")
    written(tab)
    assert text_of(here) == SUITE.replace("expected: Argentina", 'expected: "Argentina, of course"')
    press(tab, "suite-undo-do")

    retire = [str(button.key) for button in tab.button if str(button.key).startswith("case-retire-")]
    press(tab, retire[1])
    assert "2 recorded answers of the case would leave" in dialog(tab)
    written(tab)
    assert "id: host" not in text_of(here)
    press(tab, "suite-undo-do")
    assert text_of(here) == SUITE


def test_a_file_that_changed_on_disk_is_noticed(desk: Desks) -> None:
    here = suite_desk(desk)
    tab = here.open("suites", suite=PATH, view="cases")
    press(tab, next(str(button.key) for button in tab.button if str(button.key).startswith("case-edit-")))
    area(tab, "case-expected-A text", "Brazil")
    edited = SUITE.replace("Facts of the final", "Edited in an editor")
    (here.session.workspace.root / PATH).write_text(edited)
    written(tab)
    assert "Nothing was written" in dialog(tab)
    assert "was changed on disk since you began" in dialog(tab)
    assert text_of(here) == edited
    written(tab)
    assert text_of(here) == edited.replace("expected: Argentina", "expected: Brazil")


def test_thresholds_and_scorers_are_changed_as_minimal_edits(desk: Desks) -> None:
    here = suite_desk(desk)
    tab = here.open("suites", suite=PATH, view="settings")
    assert "Nothing is changed yet." in all_said(tab)
    require = key_of(tab, "text_input", "-require")
    tab.text_input(key=require).set_value("most of them").run()
    assert "is no threshold" in all_said(tab)
    tab.text_input(key=require).set_value("at least 60 %").run()
    written(tab)
    assert text_of(here) == SUITE.replace("at least 50 %", "at least 60 %")
    press(tab, key_of(tab, "button", "-scorer-0-remove"))
    assert "No scorer yet" in all_said(tab)
    press(tab, "suite-undo-do")
    assert text_of(here) == SUITE
    assert "Nothing is changed yet." in all_said(tab), "the fields begin anew"


def test_an_option_that_does_not_fit_stands_at_its_scorer(desk: Desks) -> None:
    here = suite_desk(desk)
    tab = here.open("suites", suite=PATH, view="settings")
    tab.text_input(key=key_of(tab, "text_input", "-scorer-0-at_least")).set_value("3").run()
    assert "a number above 0 and at most 1" in all_said(tab)
    tab.text_input(key=key_of(tab, "text_input", "-scorer-0-at_least")).set_value("").run()
    tab.selectbox(key=key_of(tab, "selectbox", "-scorer-add")).set_value("json_fields").run()
    assert "could not be read like this" in all_said(tab), "no case expects an object"
    assert text_of(here) == SUITE


def test_what_a_case_says_stays_text(desk: Desks) -> None:
    text = SUITE.replace("{question: Who won the cup?}", f"{{question: '{HOSTILE}'}}")
    here = suite_desk(desk, text=text)
    for view in ("cases", "settings"):
        tab = here.open("suites", suite=PATH, view=view)
        assert not tab.exception
        assert not any("<script" in body or "<img" in body for body in bodies(tab))

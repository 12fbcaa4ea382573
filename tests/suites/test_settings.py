"""The settings of a suite in a form: what is written for a new suite, and that an old file keeps all that stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from promptlab.errors import SuiteError
from promptlab.suites._change import write_change
from promptlab.suites._file import load_suite
from promptlab.suites._settings import (
    SuiteSettings,
    plan_new_suite,
    plan_settings,
    suite_settings,
    threshold_problem,
    uploaded_cases,
)
from tests.suites.making import PATH, SUITE, SuiteHouse, suites

__all__ = ["suites"]

FULL = """\
# Who, where and how many.
description: "Facts"   # of the final
template: cup
models: [good, bad]
scorers:
  - contains   # anywhere
  - {numeric: {absolute: 0.50}}  # half a goal
# What must be reached.
thresholds:
  - at least 50 %
  - {require: "at least 1 of 3", model: good}
cases:
  - {id: goals, inputs: {question: How many goals fell?}, expected: "172"}
"""
CSV = b"id,question,expected\nwinner,Who won the cup?,Argentina\nhost,Where was the cup?,Qatar\n"


def test_settings_that_stay_change_nothing(suites: SuiteHouse) -> None:
    for text in (FULL, SUITE):
        suites.write(text)
        assert plan_settings(suites.workspace, PATH, suite_settings(suites.workspace, PATH)).empty


CHANGED: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "a scorer is added": (
        {"scorers": (("contains", {}), ("numeric", {"absolute": 0.5}), ("exact", {"normalised": False}))},
        ("# half a goal\n", "# half a goal\n  -\n    exact: {normalised: false}\n"),
    ),
    "an option is changed": (
        {"scorers": (("contains", {}), ("numeric", {"absolute": 2}))},
        ("absolute: 0.50", "absolute: 2"),
    ),
    "a scorer goes": (
        {"scorers": (("contains", {}),)},
        ("  - {numeric: {absolute: 0.50}}  # half a goal\n", ""),
    ),
    "a threshold is changed": (
        {"thresholds": ({"require": "at least 60 %"}, {"require": "at least 1 of 3", "model": "good"})},
        ("- at least 50 %", "- at least 60 %"),
    ),
    "a model is added": ({"models": ("good", "bad", "other")}, ("[good, bad]", "[good, bad, other]")),
    "the description": ({"description": "Facts of the cup"}, ('"Facts"', '"Facts of the cup"')),
    "repeats": ({"repeats": 3}, ("models: [good, bad]\n", "models: [good, bad]\nrepeats: 3\n")),
}


@pytest.mark.parametrize("what", CHANGED)
def test_only_what_differs_is_written(suites: SuiteHouse, what: str) -> None:
    given, (old, new) = CHANGED[what]
    suites.write(FULL)
    settings = replace(suite_settings(suites.workspace, PATH), **given)
    change = plan_settings(suites.workspace, PATH, settings)
    assert change.files[0].new == FULL.replace(old, new, 1)
    write_change(suites.workspace, change)
    assert suite_settings(suites.workspace, PATH) == settings


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a scorer that there is not": ({"scorers": (("contain", {}),)}, "scorers.0"),
    "an option that is wrong": ({"scorers": (("numeric", {"absolute": -1}),)}, "scorers.0"),
    "a threshold that is none": ({"thresholds": ({"require": "most of them"},)}, "thresholds.0"),
    "a threshold about no model": ({"thresholds": ({"require": "at least 5 %", "model": "x"},)}, "thresholds.0.model"),
    "no model": ({"models": ()}, "models"),
    "a scorer that cannot read what is expected": ({"scorers": (("json_fields", {}),)}, "cases.0.expected"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_names_its_field(suites: SuiteHouse, what: str) -> None:
    given, field = WRONG[what]
    suites.write(FULL)
    with pytest.raises(SuiteError) as refused:
        plan_settings(suites.workspace, PATH, replace(suite_settings(suites.workspace, PATH), **given))
    assert refused.value.field == field


def test_a_new_suite_with_an_upload_is_read_back(suites: SuiteHouse) -> None:
    settings = SuiteSettings(
        "templates/cup.yaml",
        ("good",),
        "Facts: all of them",
        (("contains", {}), ("regex", {"pattern": "A|Q"})),
        ({"require": "at least 50 %"}, {"require": "at least 1 of 2", "model": "good"}),
    )
    change, cases = plan_new_suite(suites.workspace, "cup-facts", settings, upload=("all.csv", CSV))
    assert [case.id for case in cases] == ["winner", "host"]
    assert list(suites.workspace.root.glob("fixtures/suites/cup-facts*")) == []
    write_change(suites.workspace, change)
    path = "fixtures/suites/cup-facts.yaml"
    assert suite_settings(suites.workspace, path) == settings
    assert (suites.workspace.root / "fixtures/suites/cup-facts.cases.csv").read_bytes() == CSV
    assert load_suite(suites.workspace, "cup-facts").description == "Facts: all of them"
    with pytest.raises(SuiteError, match="already"):
        plan_new_suite(suites.workspace, "cup-facts", settings)
    write_change(suites.workspace, change.undone)
    assert list(suites.workspace.root.glob("fixtures/suites/cup-facts*")) == []


@pytest.mark.parametrize("name", ["", "a b", "../a", "a/b", ".a", "a.yaml", "ä b"])
def test_a_name_that_is_none_is_refused(suites: SuiteHouse, name: str) -> None:
    with pytest.raises(SuiteError) as refused:
        plan_new_suite(suites.workspace, name, SuiteSettings("cup", ("good",)))
    assert refused.value.field == "name"


def test_an_upload_is_looked_at_before_a_suite_is_made(suites: SuiteHouse) -> None:
    assert [case.expected for case in uploaded_cases(suites.workspace, "cup", ("a.csv", CSV))] == ["Argentina", "Qatar"]
    with pytest.raises(SuiteError, match="no column `id`"):
        uploaded_cases(suites.workspace, "cup", ("a.csv", b"question\nWho?\n"))


@pytest.mark.parametrize(
    ("sentence", "right"), [("at least 90 %", True), ("at least 3 of 2", False), ("", False), ("90", False)]
)
def test_the_sentence_of_a_threshold_is_checked(sentence: str, right: bool) -> None:
    assert (threshold_problem({"require": sentence}) == "") is right

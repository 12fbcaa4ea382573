"""The options of scorers as data for a form, and what is said of a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.errors import InputError
from promptlab.scorers import option_problems, scorer_names, scorer_options, scorer_spec, scorer_summary
from promptlab.scorers._registry import options_of


@pytest.mark.parametrize("name", scorer_names())
def test_every_scorer_has_a_sentence_and_every_option_a_kind(name: str) -> None:
    assert scorer_summary(name).endswith(".")
    options = scorer_options(name)
    assert [option.name for option in options] == options_of(name)
    for option in options:
        assert (option.kind == "choice") is bool(option.choices)
    # What is left at its default is no problem, as in a suite file.
    needed = {option.name: "checks:right" for option in options if option.required}
    assert option_problems(name, needed) == {}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("numeric", {"absolute": -1}, "absolute"),
    ("numeric", {"take": "lst"}, "take"),
    ("numeric", {"at_least": 3}, "at_least"),
    ("multiple_choice", {"choices": 99}, "choices"),
    ("one_of", {"among": ["a"]}, "among"),
    ("regex", {"pattern": "("}, "pattern"),
    ("contains", {"extract": "("}, "extract"),
    ("json_schema", {"schema": {"type": 3}}, "schema"),
    ("json_fields", {"fields": []}, "fields"),
    ("judge", {}, "model"),
    ("python", {}, "function"),
    ("numeric", {"locale": "xx"}, ""),
]


@pytest.mark.parametrize(("name", "options", "field"), WRONG)
def test_a_wrong_option_is_named(name: str, options: dict[str, Any], field: str) -> None:
    assert list(option_problems(name, options)) == [field]


def test_the_form_refuses_what_a_suite_file_refuses() -> None:
    for name, options, _ in WRONG[:3]:
        with pytest.raises(InputError):
            scorer_spec({name: options})

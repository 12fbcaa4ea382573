"""The tree of errors: what the docstring draws is what there is."""

from __future__ import annotations

import inspect

import pytest

from promptlab import errors
from promptlab.errors import BackendError, InputError, PromptlabError, RateLimited, nearest

CLASSES = {name: cls for name, cls in vars(errors).items() if inspect.isclass(cls) and issubclass(cls, PromptlabError)}


def drawn() -> dict[str, str]:
    """Class -> parent, as the module's docstring draws them ("" above the root)."""
    found: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        stem = line.lstrip("│├└─ ")
        if not stem or (line[0] not in "│├└" and not line.startswith("PromptlabError")):
            continue
        depth, name = (len(line) - len(stem)) // 4, stem.split()[0]
        del path[depth:]
        found[name] = path[-1] if path else ""
        path.append(name)
    return found


def test_the_docstring_draws_every_class_under_its_parent_and_no_other() -> None:
    real = {name: "" if cls is PromptlabError else cls.__bases__[0].__name__ for name, cls in CLASSES.items()}
    assert drawn() == real
    assert len(real) > 15


@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)
def test_every_class_says_what_it_means(cls: type[PromptlabError]) -> None:
    assert cls.__dict__.get("__doc__"), f"{cls.__name__} has no docstring of its own"
    assert [base for base in cls.__bases__ if base is not OSError] == [cls.__bases__[0]]


@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)
def test_message_and_hint_are_kept_apart_and_shown_together(cls: type[PromptlabError]) -> None:
    error = cls("could not do it", hint="try this")
    assert (error.message, error.hint, str(error)) == ("could not do it", "try this", "could not do it\n  try this")
    assert str(cls("alone")) == "alone"


def test_only_errors_of_the_other_side_are_worth_another_try() -> None:
    retryable = {name for name, cls in CLASSES.items() if cls.retryable}
    assert retryable == {"RateLimited", "ServerFailed", "ConnectionFailed"}
    assert all(issubclass(CLASSES[name], BackendError) for name in retryable)


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ({}, "wrong"),
        ({"file": "a.yaml"}, "a.yaml: wrong"),
        ({"file": "a.yaml", "line": 3}, "a.yaml:3: wrong"),
        ({"file": "a.yaml", "line": 3, "field": "models.x"}, "a.yaml:3: models.x: wrong"),
        ({"field": "models.x"}, "models.x: wrong"),
        ({"line": 3, "field": "x"}, "x: wrong"),
    ],
)
def test_input_errors_name_file_line_and_field(place: dict[str, object], shown: str) -> None:
    error = InputError("wrong", **place)  # type: ignore[arg-type]  # a table of keyword arguments
    assert str(error) == shown
    assert error.what == "wrong"


def test_a_rate_limit_keeps_the_pause_it_was_told() -> None:
    error = RateLimited("slow down", status=429, retry_after=2.5)
    assert (error.status, error.retry_after) == (429, 2.5)


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("contxt", ["context", "examples"], "did you mean `context`?"),
        ("zebra", ["context", "examples"], "known: context, examples"),
        ("zebra", [], "there are none"),
        ("", ["a"], "known: a"),
    ],
)
def test_the_nearest_word_is_offered_or_all_of_them(name: str, known: list[str], hint: str) -> None:
    assert nearest(name, known) == hint


@pytest.mark.parametrize("name", CLASSES)
def test_a_stored_name_is_read_as_its_class(name: str) -> None:
    assert errors.kind_of(name) is CLASSES[name]


def test_a_name_that_nothing_has_any_more_is_some_error() -> None:
    assert errors.kind_of("KindOfLongAgo") is PromptlabError

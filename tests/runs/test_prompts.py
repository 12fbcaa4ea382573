"""Prompts of trials: rendered once for all that share one, and never carried over to a trial that asks another."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from promptlab.errors import TemplateError
from promptlab.runs import _prompts as prompts
from promptlab.runs._prompts import PromptCache, prompt_of
from promptlab.runs._runner import request_of
from promptlab.runs._trial import Trial
from promptlab.templates import _load as templates
from promptlab.types import Document, Place, Prompt

TEMPLATE = "inputs: {q: {type: object}}\ninstructions: 'Answer.'\nuser: '{{ q }}'\n"


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a prompt was rendered, by what was asked."""
    counts: Counter[str] = Counter()
    real = prompts.render

    def counted(template: Any, inputs: Any, **rest: Any) -> Prompt:
        counts[repr(inputs)] += 1
        return real(template, inputs, **rest)

    monkeypatch.setattr(prompts, "render", counted)
    return counts


def trial(value: Any = "a", text: str = TEMPLATE, **more: Any) -> Trial:
    return Trial(templates.parse(text, path="t.yaml"), {"q": {"n": value}}, "m", **more)


def test_trials_of_one_prompt_share_it(renders: Counter[str]) -> None:
    kept = PromptCache()
    one = kept.rendered(trial())
    other = kept.rendered(replace(trial(), model="other", repeat=3))
    assert one.prompt is other.prompt
    assert request_of(one).messages == request_of(other).messages == prompt_of(trial()).messages
    assert renders.total() == 2  # the one above, and the one that is compared with


@pytest.mark.parametrize("values", [(1, True), (1, 1.0), ("1", 1), ([1, 2], [2, 1])])
def test_values_that_are_equal_but_not_the_same_have_prompts_of_their_own(values: tuple[Any, Any]) -> None:
    kept = PromptCache()
    first, second = (kept.of(trial(value)).messages[-1].content for value in values)
    assert first != second


def test_what_text_came_from_is_part_of_a_prompt() -> None:
    kept = PromptCache()
    one = kept.of(trial(places={"q": (Place("a.csv", "1"),)}))
    other = kept.of(trial(places={"q": (Place("b.csv", "1"),)}))
    assert one.messages == other.messages
    assert [s.places for s in one.sources] != [s.places for s in other.sources]


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"q": {"n": "b"}}},
        {"template": templates.parse(TEMPLATE + "output_format: 'One word.'\n", path="t.yaml")},
        {"documents": (Document("d.md", "text", "internal"),)},
        {"without": ("instructions",)},
        {"label": "confidential"},
        {"places": {"q": (Place("a.csv"),)}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_copy_that_asks_something_else_does_not_keep_the_prompt(change: dict[str, Any]) -> None:
    changed = replace(PromptCache().rendered(trial()), **change)
    assert changed.prompt is None
    assert prompt_of(changed) == prompt_of(replace(trial(), **change))


def test_a_copy_with_another_model_or_parameters_keeps_the_prompt() -> None:
    one = PromptCache().rendered(trial())
    copy = replace(one, model="n", repeat=2, case="c", params=one.params.with_(max_tokens=9))
    assert copy.prompt is one.prompt


def test_what_cannot_be_rendered_is_an_error_when_it_is_asked() -> None:
    broken = trial(text="inputs: {q: {type: object}}\nuser: '{{ q.n.x.y }}'\n")
    kept = PromptCache().rendered(broken)
    assert kept.prompt is None
    with pytest.raises(TemplateError):
        request_of(kept)


def test_only_the_last_prompts_are_kept(renders: Counter[str]) -> None:
    kept = PromptCache(2)
    for value in ("a", "b", "c", "c", "a"):
        kept.of(trial(value))
    assert renders == {repr({"q": {"n": value}}): times for value, times in {"a": 2, "b": 1, "c": 1}.items()}

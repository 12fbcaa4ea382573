"""What an answer cost: known only where its tokens and the price of its model are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from promptlab.models import Catalogue
from promptlab.runs import cost_of, cost_of_all, cost_text, cost_words, result_as_json, result_as_text
from promptlab.types import Completion, Message, Prompt, Request, Result, Timings, Usage
from promptlab.workspace import Workspace

CATALOGUE = """\
models:
  gpt: {backend: openai, model: m, price_in: 2.5, price_out: 10}
  free: {backend: openai, model: m, price_in: 0, price_out: 0}
  unknown: {backend: openai, model: m}
  half: {backend: openai, model: m, price_in: 2.5}
  cached: {backend: openai, model: m, price_in: 2.5, price_cached: 0.5, price_out: 10}
  listed: {backend: openai, model: gpt-4o-mini}
  local: {backend: llama, path: a.gguf}
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    (tmp_path / "promptlab.yaml").write_text(CATALOGUE)
    return Catalogue(Workspace.find(tmp_path))


USED = Usage(1_000, 200, 50)


def result(model: str, usage: Usage = USED, **rest: Any) -> Result:
    request = Request(model, Prompt((Message("user", "Who won?"),)))
    done = Completion("Argentina", "stop", usage, Timings(0.0, 0.5, 1.0), "f")
    return Result("id", "run", model, request, "key", completion=done, **rest)


@pytest.mark.parametrize(
    ("answer", "dollars"),
    [
        (result("gpt"), 0.0035),
        (result("free"), 0.0),
        (result("half"), None),
        (result("cached"), 0.0031),
        (result("listed"), 0.000195),
        (result("local"), None),
        (result("gpt", Usage(1_000, 200, 50, thinking=40)), 0.0035),
        (result("unknown"), None),
        (result("left-the-catalogue"), None),
        (result("gpt", Usage()), None),
        (result("gpt", cached=True), 0.0),
    ],
)
def test_the_price_of_an_answer(catalogue: Catalogue, answer: Result, dollars: float | None) -> None:
    assert cost_of(answer, catalogue) == (None if dollars is None else pytest.approx(dollars))


def test_a_sum_says_how_many_prices_are_not_known(catalogue: Catalogue) -> None:
    assert cost_of_all([result("gpt"), result("gpt"), result("unknown")], catalogue) == (pytest.approx(0.007), 1)
    assert cost_of_all([result("unknown")], catalogue) == (None, 1)


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (None, "unknown"),
        (0, "$0"),
        (0.0142, "$0.0142"),
        (0.00009, "< $0.0001"),
        (0.0001, "$0.0001"),
        (0.99, "$0.9900"),
        (12.345, "$12.35"),
        (1234.5, "$1,234.50"),
    ],
)
def test_a_price_in_plain_figures(dollars: float | None, text: str) -> None:
    assert cost_text(dollars) == text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (result("gpt"), "$0.0035"),
        (result("listed"), "$0.0002 (list price of 2026-10-12)"),
        (result("unknown"), "cost unknown"),
        (result("half"), "cost unknown"),
        (result("gpt", Usage()), "cost unknown"),
        (result("left-the-catalogue"), "cost unknown"),
        (result("local"), ""),
        (result("gpt", cached=True), ""),
    ],
)
def test_a_cost_in_words_is_never_a_guess_and_local_models_have_none(
    catalogue: Catalogue, answer: Result, words: str
) -> None:
    assert cost_words(answer, catalogue) == words
    assert (words in result_as_text(answer, catalogue).splitlines()[0]) if words else "$" not in result_as_text(answer)


@pytest.mark.parametrize(
    ("answer", "cost", "source"),
    [
        (result("gpt"), 0.0035, "price in promptlab.yaml"),
        (result("listed"), 0.000195, "list price of 2026-10-12"),
        (result("unknown"), None, None),
        (result("local"), None, None),
        (result("left-the-catalogue"), None, None),
    ],
)
def test_the_json_has_the_cost_and_where_its_price_comes_from(
    catalogue: Catalogue, answer: Result, cost: float | None, source: str | None
) -> None:
    data = result_as_json(answer, catalogue)
    assert (data["cost"], data["price"]) == (None if cost is None else pytest.approx(cost), source)

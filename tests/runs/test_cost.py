"""What an answer cost: known only where its tokens and the price of its model are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from promptlab.models import Catalogue
from promptlab.runs import cost_of, cost_of_all
from promptlab.types import Completion, Message, Prompt, Request, Result, Timings, Usage
from promptlab.workspace import Workspace

CATALOGUE = """\
models:
  gpt: {backend: openai, model: m, price_in: 2.5, price_out: 10}
  free: {backend: openai, model: m, price_in: 0, price_out: 0}
  unknown: {backend: openai, model: m}
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

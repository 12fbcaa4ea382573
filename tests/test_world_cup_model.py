"""The demonstration, on the real models: what the article does to the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from promptlab.models._catalogue import Catalogue
from promptlab.runs import _plans as plans
from promptlab.runs import _runner as runner
from promptlab.runs._store import Store
from promptlab.runs._trial import Given
from promptlab.templates import _load as templates
from promptlab.types import Result, Section
from promptlab.workspace._workspace import Workspace
from tests.places import ROOT

pytestmark = pytest.mark.model

WORKSPACE = Workspace.load(ROOT)
TEMPLATE = templates.load(WORKSPACE, "world-cup")
DEMO = "Who won the 2022 World Cup in football?"


@pytest.fixture(scope="module")
def catalogue() -> Iterator[Catalogue]:
    found = Catalogue(WORKSPACE, numerics="portable")  # whatever the processor, the same text
    yield found
    found.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "runs.sqlite")
    yield found
    found.close()


def ask(catalogue: Catalogue, store: Store, model: str, question: str, without: tuple[Section, ...] = ()) -> Result:
    trials = plans.plan_comparison(WORKSPACE, TEMPLATE, Given.typed({"question": question}), [model], without=without)
    [result] = runner.start_run(trials, catalogue=catalogue, store=store).wait()
    assert result.ok, result.error
    assert not result.cached
    return result


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (DEMO, "Argentina"),
        ("Which country hosted the 2022 World Cup?", "Qatar"),
        ("Who won the Golden Boot at the 2022 World Cup?", "Kylian Mbappé"),
    ],
)
def test_gemma_finds_it_in_the_article(catalogue: Catalogue, store: Store, question: str, answer: str) -> None:
    assert ask(catalogue, store, "gemma-3-270m", question).text == answer


@pytest.mark.parametrize("without", [("context",), ("context", "examples")], ids="+".join)
def test_gemma_does_not_know_the_winner_without_the_article(
    catalogue: Catalogue, store: Store, without: tuple[Section, ...]
) -> None:
    text = ask(catalogue, store, "gemma-3-270m", DEMO, without).text
    assert text
    assert "Argentina" not in text


def test_smollm2_answers_in_words_whatever_is_left_out(catalogue: Catalogue, store: Store) -> None:
    for without in ((), ("context",), ("context", "examples", "instructions", "output_format")):
        assert ask(catalogue, store, "smollm2-135m", DEMO, without).text.strip()

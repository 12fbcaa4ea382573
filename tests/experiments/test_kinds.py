"""Every kind, asked of a model of known ability."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlab.errors import ExperimentError
from promptlab.experiments import Effect, kind_named, kind_names, sentence
from tests.experiments.bench import able, asked, experiment, workspace


def by_name(effects: tuple[Effect, ...]) -> dict[str, Effect]:
    return {effect.contrast.name: effect for effect in effects}


def test_ablate_finds_the_section_that_counts(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    model = able(lambda there: 0.9 if there["context"] else 0.1)
    outcome = asked(space, experiment("ablate", options={"primary": "context"}), model)
    effects = by_name(outcome.effects)
    assert effects["context"].verdict == "helps"
    assert effects["context"].difference == pytest.approx(0.8, abs=0.2)
    assert effects["instructions"].difference == 0
    assert effects["context"].interval.low > 0.5
    assert len(model.history) == 5 * 40
    words = sentence(outcome.effects)
    assert words.startswith("The article adds ")
    assert "for m (95 % interval " in words
    assert "40 cases" in words


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=10)
    model = able(lambda _: 1.0)
    asked(space, experiment("ablate"), model)
    asked_first = len(model.history)
    asked(space, experiment("ablate"), model)
    assert len(model.history) == asked_first == 50


def test_shots_draws_and_prefixes(tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=6)
    model = able(lambda there: 1.0 if there["examples"] else 0.0)
    outcome = asked(space, experiment("shots", options={"most": 4, "draws": 2}), model)
    assert [arm.levels["k"] for arm in outcome.design.arms] == [0, 1, 2, 4, 1, 2, 4]
    assert {name: effect.difference for name, effect in by_name(outcome.effects).items()} == {
        "k=1": 1.0,
        "k=2": 1.0,
        "k=4": 1.0,
    }
    shots: dict[int, set[tuple[str, ...]]] = {}
    for request in model.history:
        texts = [m.content for m in request.prompt.messages if m.role == "assistant"]
        shots.setdefault(len(texts), set()).add(tuple(texts))
    assert {k: len(choices) for k, choices in shots.items()} == {0: 1, 1: 2, 2: 2, 4: 2}
    assert {texts[:1] for texts in shots[4]} == shots[1]  # a larger k of a draw begins with the smaller one


def test_a_planted_fact_is_in_the_document_only(tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=8)
    model = able(lambda _: 1.0)
    outcome = asked(space, experiment("book", options={"decoys": ["docs/other.md"], "places": 2}), model)
    names = [arm.name for arm in outcome.design.arms]
    assert names == ["closed book", "open book", "decoy", "place 1 of 2", "place 2 of 2", "planted"]
    texts = [request.prompt.messages[0].content for request in model.history]
    assert sum("Number 3 is word-3." not in text and "Number 3 is word-" in text for text in texts) == 1
    assert (tmp_path / "docs/page.md").read_text().count("word-3.") == 1


OPTIONS = {
    "shots": {"most": 2, "draws": 1},
    "order": {"orders": 3},
    "params": {"temperature": [0, 1]},
    "grid": {"kinds": {"ablate": {"sections": ["context"]}, "params": {"temperature": [0, 1]}}},
}


@pytest.mark.parametrize("name", kind_names())
def test_every_kind_can_be_asked(tmp_path: Path, name: str) -> None:
    space = workspace(tmp_path, cases=4)
    models = (able(lambda _: 1.0, "m"), able(lambda _: 0.0, "n"))
    outcome = asked(space, experiment(name, ("m", "n"), options=OPTIONS.get(name, {})), *models)
    assert len(outcome.seen.every) == outcome.planned.trials
    assert {effect.model for effect in outcome.effects} in ({"m", "n"}, set())
    assert all(one.score is not None for one in outcome.seen.every if one.arm != "planted")


@pytest.mark.parametrize("name", kind_names())
def test_an_unknown_option_is_refused(name: str) -> None:
    with pytest.raises(ExperimentError, match="has no option `nonsense`"):
        kind_named(name).checked({"nonsense": 1})

"""Every kind, asked of a model of known ability."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from promptlab.errors import BackendError, ExperimentError
from promptlab.experiments import Effect, Outcome, flipped, kind_named, kind_names, sentence
from promptlab.models import ScriptedBackend
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
    compared = {model for contrast in outcome.design.contrasts for model in contrast.compared(("m", "n"))}
    assert {effect.model for effect in outcome.effects} == compared
    assert compared == ({"n"} if name in ("models", "finetune") else {"m", "n"})
    assert all(one.score is not None for one in outcome.seen.every if one.arm != "planted")


@pytest.mark.parametrize("name", kind_names())
def test_an_unknown_option_is_refused(name: str) -> None:
    with pytest.raises(ExperimentError, match="has no option `nonsense`"):
        kind_named(name).checked({"nonsense": 1})


def models_outcome(tmp_path: Path, rates: dict[str, float], cases: int = 60, **options: object) -> Outcome:
    space = workspace(tmp_path, cases)
    backends = [able(lambda _, rate=rate: rate, name) for name, rate in rates.items()]  # type: ignore[misc]
    return asked(space, experiment("models", tuple(rates), options=options), *backends)


def test_models_are_compared_in_pairs_on_the_same_cases(tmp_path: Path) -> None:
    outcome = models_outcome(tmp_path, {"small": 0.2, "large": 0.7, "twin": 0.2})
    effects = by_name(outcome.effects)
    large = effects["large against small"]
    assert (large.model, large.verdict, large.cases) == ("large", "helps", 60)
    right = {
        model: sum(one.score or 0 for one in outcome.seen.every if one.model == model) for model in ("small", "large")
    }
    assert large.difference == pytest.approx((right["large"] - right["small"]) / 60)
    assert len(large.better) == right["large"] - right["small"]
    assert effects["twin against small"].difference == 0
    row = next(iter(flipped(outcome, "large against small", "large")))
    assert (row["before"].model, row["after"].model, row["after"].score) == ("small", "large", 1)
    words = sentence(outcome.effects)
    assert "large is " in words
    assert " points better than small (95 % interval " in words
    assert "twin and small cannot be told apart yet (0, " in words


def test_the_model_that_others_are_compared_with_can_be_named(tmp_path: Path) -> None:
    outcome = models_outcome(tmp_path, {"small": 0.2, "large": 0.7}, base="large")
    (effect,) = outcome.effects
    assert (effect.model, effect.verdict, effect.contrast.primary) == ("small", "hurts", True)
    assert " points worse than large" in sentence(outcome.effects)
    with pytest.raises(ExperimentError, match="`larg` is not asked"):
        models_outcome(tmp_path, {"small": 0.2, "large": 0.7}, base="larg")


def test_a_model_that_was_not_judged_is_not_counted_as_wrong(tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=10)
    broken = ScriptedBackend("n", lambda _: (_ for _ in ()).throw(BackendError("it is down")))
    outcome = asked(space, experiment("models", ("m", "n"), options={"chance": 0.5}), able(lambda _: 1.0), broken)
    effects = {(e.contrast.name, e.model): e for e in outcome.effects}
    assert effects["n against m", "n"].cases == effects["against chance", "n"].cases == 0
    assert sum(effects["n against m", "n"].left_out.values()) == 10
    words = sentence(outcome.effects)
    assert "nothing can be said of n and m" in words.lower()
    assert "beside guessing (50 %): no case was judged" in words


@pytest.mark.parametrize(
    ("rate", "chance", "verdict", "words"),
    [
        (0.7, 0.25, "helps", "better than guessing (25 %)"),
        (0.02, 0.5, "hurts", "worse than guessing (50 %)"),
        (0.3, 0.25, "cannot tell yet", "which cannot be told from guessing (25 %) yet"),
    ],
)
def test_models_beside_chance(tmp_path: Path, rate: float, chance: float, verdict: str, words: str) -> None:
    outcome = models_outcome(tmp_path, {"m": rate, "n": rate}, chance=chance)
    effects = [e for e in outcome.effects if e.contrast.chance is not None]
    assert [(e.model, e.verdict) for e in effects] == [("m", verdict), ("n", verdict)]
    of = sum(one.score or 0 for one in outcome.seen.every if one.model == "m")
    assert effects[0].comparison.p == pytest.approx(_mid_binomial(int(of), 60, chance), abs=1e-9)
    assert words in sentence(outcome.effects)
    assert flipped(outcome, "against chance", "m") == []


def _mid_binomial(hits: int, of: int, rate: float) -> float:
    """Twice the smaller tail of the binomial distribution, in which what was seen counts half."""
    weights = [math.comb(of, k) * rate**k * (1 - rate) ** (of - k) for k in range(of + 1)]
    return 2 * min(sum(weights[:hits]), sum(weights[hits + 1 :])) + weights[hits]

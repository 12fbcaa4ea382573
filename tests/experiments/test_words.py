"""The sentences, read aloud: every contrast of every kind, with every verdict."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from promptlab import stats
from promptlab.experiments import Contrast, Design, Effect, kind_names, plan_experiment, sentence
from promptlab.experiments._effects import Verdict
from tests.experiments.bench import experiment, workspace

FIRST = {
    "ablate": "The instructions add",
    "shots": "Going from 0 to 1 example adds",
    "order": "Order 1 instead of the template's own adds",
    "examples": "The example e0 adds",
    "book": "The document adds",
    "layout": "The layout “documents in the last user turn” adds",
    "format": "A JSON schema adds",
    "wording": "The wording “upper case” adds",
    "models": "n is 50 points better than m",
    "params": "Top p 1 instead of 0.5 adds",
    "grid": "The article adds",
    "finetune": "o is 50 points better than m",
}
"""How the sentence of a kind's first contrast begins when it helps."""
OPTIONS: dict[str, dict[str, object]] = {
    "ablate": {"mode": "drop", "instead": {"instructions": "Say it."}},
    "book": {"decoys": ["docs/other.md"], "places": 2},
    "examples": {"method": "shapley", "orders": 2},
    "models": {"chance": 0.25},
    "params": {"top_p": [0.5, 1.0]},
    "grid": {"kinds": {"ablate": {"sections": ["context", "examples"]}, "params": {"temperature": [0, 1]}}},
}
SCORES: dict[Verdict, tuple[int, int, int]] = {
    "helps": (0, 30, 60),
    "hurts": (30, 0, 60),
    "equivalent": (100, 100, 200),
    "cannot tell yet": (5, 8, 20),
}
"""How many cases are right before and after, of how many."""


@pytest.fixture(scope="module")
def designs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Design]:
    space = workspace(tmp_path_factory.mktemp("w"), cases=8)
    return {
        name: plan_experiment(space, experiment(name, ("m", "n", "o"), options=OPTIONS.get(name, {}))).design
        for name in kind_names()
    }


def effect(contrast: Contrast, verdict: Verdict) -> Effect:
    before, after, of = SCORES[verdict]
    scores = [[[float(number < right)] for number in range(of)] for right in (before, after)]
    found = stats.compare_graded(*scores, mid=True)
    if contrast.chance is not None:
        rate = {"helps": 0.9, "hurts": 0.0, "equivalent": 0.25, "cannot tell yet": 0.3}[verdict]
        found = stats.compare_with_rate([float(n < rate * of) for n in range(of)], contrast.chance, mid=True)
    model = contrast.compared(("m", "n", "o"))[0]
    return Effect(contrast, model, found, found.p, verdict, 0.05, 0.95, {}, (), ())


@pytest.mark.parametrize("name", kind_names())
def test_the_first_contrast_of_every_kind_begins_so(designs: dict[str, Design], name: str) -> None:
    assert set(FIRST) == set(kind_names())
    assert sentence([effect(designs[name].contrasts[0], "helps")]).startswith(FIRST[name])
    last = {contrast.what for contrast in designs["params"].contrasts}
    assert "temperature 1 instead of 0 and top p 1 instead of 0.5" in last


@pytest.mark.parametrize("verdict", SCORES)
@pytest.mark.parametrize("name", kind_names())
def test_every_contrast_and_verdict_is_plain_english(designs: dict[str, Design], name: str, verdict: Verdict) -> None:
    for contrast in designs[name].contrasts:
        words = sentence([effect(contrast, verdict)])
        assert words.endswith(").") or contrast.chance is not None
        assert words[0].isupper() or words.startswith(("m ", "n ", "o "))
        assert not re.search(r"None|nan|_|  |\b1 points|\b1 cases|points points|[()]{2}", words), words
        assert re.search(r"9\d % interval −?\d+(\.\d)? to −?\d+(\.\d)?", words), words
        assert "interval −" not in words or verdict not in ("helps", "hurts"), words
        assert ("cannot be told" in words) == (verdict == "cannot tell yet")
        subject = words.split(" for m ")[0]
        many = re.match(r"(Whether )?[Tt]he (other )?(instructions|examples)\b", words) or " and top p" in words
        verbs = {"helps": "add", "hurts": "cost", "equivalent": "make", "cannot tell yet": "help"}
        if contrast.models is None and contrast.chance is None:
            assert re.search(rf"\b{verbs[verdict]}{'' if many else 's'}\b", subject), words
            assert ", 1 case" not in words
        elif contrast.models:
            apart = {
                "helps": "better",
                "hurts": "worse",
                "equivalent": "do not differ",
                "cannot tell yet": "told apart",
            }
            assert apart[verdict] in words
        else:
            told = {"helps": "better than", "hurts": "worse than", "equivalent": "within 5 points of"}
            assert f"{told.get(verdict, 'cannot be told from')} guessing (25 %)" in words


def test_one_point_and_one_case_are_singular() -> None:
    contrast = Contrast("x", ("a",), ("b",), "the document")
    found = replace(effect(contrast, "helps").comparison, difference=0.01)
    words = sentence([replace(effect(contrast, "helps"), comparison=found)])
    assert "adds 1 point for m" in words
    assert "0.9 points" not in words


def test_what_was_found_comes_first_and_each_model_has_its_sentence() -> None:
    parts = [Contrast(what, ("a",), ("b",), f"the {what}") for what in ("first", "second", "third")]
    verdicts: list[Verdict] = ["cannot tell yet", "equivalent", "hurts"]
    effects = [effect(contrast, verdict) for contrast, verdict in zip(parts, verdicts, strict=True)]
    words = sentence([*effects, *(replace(one, model="other") for one in effects)])
    assert words.index("the second") > words.index("The third")
    assert words.index("whether the first helps") > words.index("the second")
    assert words.count(" for m ") == words.count(" for other ") == 1


def test_nothing_judged_is_said_and_not_counted() -> None:
    empty = stats.compare_graded([], [], mid=True)
    contrast = Contrast("x", ("a",), ("b",), "the document")
    words = sentence([replace(effect(contrast, "helps"), comparison=empty, verdict="cannot tell yet")])
    assert words == "Nothing can be said of the document for m: no case was judged on both sides."


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["cannot tell yet"], ["Whether a helps cannot be told yet for m ("]),
        (["cannot tell yet"] * 2, ["Nothing can be told yet of the 2 comparisons for m; the largest: a (+15, 95 %"]),
        (["helps", "cannot tell yet"], ["A adds 50", "; whether b helps cannot be told yet ("]),
        (["cannot tell yet"] * 6, ["Nothing can be told yet of the 6 comparisons for m; the largest: a (+15, 95 %"]),
        (["helps"] * 5, ["A adds 50 points for m", "c adds 50 points", "; 2 more have results in the table."]),
        (["helps"] * 4 + ["cannot tell yet"], ["; 1 more has a result in the table; whether e helps cannot be told"]),
        (["helps"] + ["cannot tell yet"] * 4, ["A adds 50", "; of the other 4 comparisons nothing can be told yet."]),
    ],
)
def test_of_many_comparisons_none_is_lost(verdicts: list[Verdict], words: list[str]) -> None:
    names = "abcdef"[: len(verdicts)]
    effects = [
        effect(Contrast(name, ("after",), ("before",), name), verdict)
        for name, verdict in zip(names, verdicts, strict=True)
    ]
    effects = [replace(one, model="m") for one in effects]
    assert all(part in sentence(effects) for part in words), sentence(effects)


@pytest.mark.parametrize("count", [1, 5])
def test_what_was_not_judged_is_not_said_to_be_open(count: int) -> None:
    none = stats.compare_graded([], [])
    contrasts = [Contrast(f"c{number}", ("after",), ("before",), f"part {number}") for number in range(count)]
    effects = [Effect(one, "m", none, 1.0, "cannot tell yet", 0.05, 0.95, {}, (), ()) for one in contrasts]
    assert sentence(effects).startswith("Nothing can be said of ")
    assert "no case was judged on both sides" in sentence(effects)
    assert "yet" not in sentence(effects)

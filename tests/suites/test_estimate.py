"""What asking takes, worked out beforehand: the limits that it names are enough, and not far more than that."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from promptlab.models._catalogue import Catalogue
from promptlab.suites import _case_file as case_files
from promptlab.suites import _judge as judging
from promptlab.suites._ask import Asking
from promptlab.suites._estimate import Estimate, ModelEstimate, dollars, estimate_suite
from promptlab.suites._find_causes import CauseFinder
from promptlab.suites._items import AskOptions
from promptlab.types import Request
from tests.suites.making import SUITE, SuiteHouse, suites

__all__ = ["suites"]

JUDGE = "{judge: {model: judge, question: Does it name the right country?}}"
TWICE = """\
inputs:
  criterion: {type: string, sample: c}
  question: {type: string, sample: q}
  expected: {type: string, sample: e}
  answer: {type: string, sample: a}
user: "{{ criterion }} {{ question }} {{ expected }} {{ answer }} or {{ answer }}"
params: {max_tokens: 20}
"""
LONGEST = "word " * 16
"""An answer of as many words as a template's `max_tokens` allows; a scripted model has a word for a token."""


def estimate(suites: SuiteHouse, verb: Any = "record", *, causes: int = 0, **options: Any) -> Estimate:
    return estimate_suite(
        *(suites.workspace, suites.suite),
        verb=verb,
        options=AskOptions(**options),
        catalogue=suites.house.catalogue,
        store=suites.house.store,
        log=suites.log,
        causes=causes,
    )


def calls(found: Estimate) -> dict[tuple[str, str], int]:
    return {(one.model, one.role): one.calls for one in found.models}


def priced(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """A dollar for a thousand tokens of these models."""

    def of(_catalogue: Catalogue, model: str, prompt: int, new: int) -> float | None:
        return (prompt + new) / 1000 if model in names else None

    monkeypatch.setattr("promptlab.suites._budget.price", of)
    monkeypatch.setattr("promptlab.suites._estimate.price", of)


SUITES: dict[str, tuple[str, dict[tuple[str, str], int]]] = {
    "no judge": (SUITE, {("good", "answer"): 3, ("bad", "answer"): 3}),
    "a judge": (
        SUITE.replace("[contains]", f"[{JUDGE}]"),
        # The third case has a scorer of its own.
        {("good", "answer"): 3, ("bad", "answer"): 3, ("judge", "judge"): 4},
    ),
    "two judges": (
        SUITE.replace("[contains]", f"[{JUDGE}, {{judge: {{model: second, question: Polite?}}}}]"),
        {("good", "answer"): 3, ("bad", "answer"): 3, ("judge", "judge"): 4, ("second", "judge"): 4},
    ),
    "a judge that is asked too": (
        SUITE.replace("[contains]", "[{judge: {model: good}}]").replace(", scorers: [numeric]", ""),
        {("good", "answer"): 3, ("bad", "answer"): 3, ("good", "judge"): 6},
    ),
    "a judge who reads the answer twice": (
        SUITE.replace("[contains]", "[{judge: {model: judge, template: twice}}]"),
        {("good", "answer"): 3, ("bad", "answer"): 3, ("judge", "judge"): 4},
    ),
    "repeats and variants": (
        SUITE.replace("[contains]", f"[{JUDGE}]") + "repeats: 2\nvariants: {a: {}, b: {without: [instructions]}}\n",
        {("good", "answer"): 12, ("bad", "answer"): 12, ("judge", "judge"): 16},
    ),
}


def longest(suites: SuiteHouse) -> None:
    """Every model answers as long as it may, and each judge as long as its template allows."""

    def reply(request: Request) -> str:
        if request.params.max_tokens == 16:
            return f"{LONGEST.rstrip()}"
        filling = "very " * (request.params.max_tokens - 8)
        return json.dumps({"reason": f"{filling}short", "pass": True})

    for name in ("good", "bad", "judge", "second"):
        suites.house.model(name, reply)
    (suites.workspace.root / "templates/twice.yaml").write_text(TWICE)


@pytest.mark.parametrize("name", SUITES)
@pytest.mark.parametrize("limit", ["tokens", "cost"])
def test_the_limit_that_a_dry_run_names_is_enough_and_is_not_passed(
    suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch, name: str, limit: str
) -> None:
    text, expected = SUITES[name]
    suites.write(text)
    longest(suites)
    priced(monkeypatch, "good", "bad", "judge", "second")
    found = estimate(suites)
    assert calls(found) == expected
    assert not any(suites.house.models[model].history for model in suites.house.models)
    assert found.max_tokens is not None
    assert found.max_cost is not None
    given = {"max_tokens": found.max_tokens} if limit == "tokens" else {"max_cost": found.max_cost}
    asking = suites.asking("rerun", **given)
    every = list(asking)
    assert (len(every), asking.out_of) == (asking.total, "")
    made = {model: len(backend.history) for model, backend in suites.house.models.items()}
    assert sum(made.values()) <= sum(expected.values())  # an identical judgement is asked once
    assert asking.spent.tokens <= found.max_tokens
    assert asking.spent.cost <= found.max_cost
    assert asking.spent.tokens > 0.25 * found.max_tokens  # and it is no wild guess


def test_half_of_the_named_limit_is_not_enough(suites: SuiteHouse) -> None:
    suites.write(SUITES["a judge"][0])
    longest(suites)
    found = estimate(suites)
    assert found.max_tokens
    asking = suites.asking("rerun", max_tokens=found.max_tokens // 2)
    assert len(list(asking)) < asking.total
    assert asking.out_of
    assert asking.spent.tokens <= found.max_tokens // 2


def test_what_judges_took_counts_when_a_run_is_taken_up(suites: SuiteHouse) -> None:
    suites.write(SUITES["a judge"][0])
    longest(suites)
    found = estimate(suites)
    assert found.max_tokens
    first = suites.asking("rerun", max_tokens=found.max_tokens // 2)
    list(first)
    again = suites.asking("rerun", max_tokens=found.max_tokens // 2)
    assert again.run.id == first.run.id
    # An answer that two judges got from the store counts for each of them then: never less than was spent.
    assert again.spent.tokens >= first.spent.tokens


def test_estimated_tokens_get_an_allowance_in_the_limit_and_say_so(suites: SuiteHouse) -> None:
    entry = '{backend: openai, model: unknown-1, base_url: "http://127.0.0.1:9/v1", price_in: 1, price_out: 2}'
    (suites.workspace.root / "promptlab.yaml").write_text(f"models: {{good: {entry}}}\n")
    suites.write(SUITE.replace("[good, bad]", "[good]"))
    workspace = type(suites.workspace).load(suites.workspace.root)
    catalogue = Catalogue(workspace)
    found = estimate_suite(
        *(workspace, suites.suite),
        verb="record",
        options=AskOptions(),
        catalogue=catalogue,
        store=suites.house.store,
        log=suites.log,
    )
    (one,) = found.models
    assert (one.exact, one.new) == (False, 48)
    assert found.max_tokens is not None
    assert found.max_tokens >= 1.5 * one.prompt + one.new
    assert found.max_cost is not None
    assert found.max_cost >= (1.5 * one.prompt + 2 * one.new) / 1_000_000
    first, total = found.lines()
    assert "about" in first
    assert "estimated" in total


def test_finding_causes_is_part_of_the_estimate_and_of_the_limits(suites: SuiteHouse) -> None:
    suites.record()
    for name in ("good", "bad"):
        suites.house.model(name, LONGEST)
    template = suites.workspace.root / "templates/cup.yaml"
    template.write_text(template.read_text().replace("instructions: |\n  ", "instructions: |\n  Please. ", 1))
    suites.write(SUITE + "params: {temperature: 1}\n")
    without, found = estimate(suites, "rerun"), estimate(suites, "rerun", causes=4)
    assert {key: n for key, n in calls(found).items() if key not in calls(without)} == {("good, bad", "cause"): 4}
    assert without.max_tokens
    assert found.max_tokens
    assert found.max_tokens > without.max_tokens

    def explained(limit: int) -> tuple[Asking, int]:
        before = sum(len(backend.history) for backend in suites.house.models.values())
        asking = suites.asking("rerun", max_tokens=limit, resume=False)
        finder = CauseFinder(asking, 4)
        list(map(finder.explained, asking))
        asked = sum(len(backend.history) for backend in suites.house.models.values()) - before
        return asking, asked

    asking, asked = explained(found.max_tokens)
    assert asked > 6
    assert asking.spent.tokens <= found.max_tokens
    less, fewer = explained(without.max_tokens)
    assert less.spent.tokens <= without.max_tokens
    assert fewer <= asked


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        (0, "$0.0000"),
        (1.61896, "$1.6190"),
        (1.6189, "$1.6189"),
        (0.00012301, "$0.00013"),
        (0.00001, "$0.000010"),
        (0.1 + 0.2, "$0.3000"),
        (1234.56781, "$1,234.5679"),
    ],
)
def test_a_price_is_rounded_up_and_never_to_nothing(cost: float, shown: str) -> None:
    assert dollars(cost) == shown


def one(**more: Any) -> ModelEstimate:
    given: dict[str, Any] = {"model": "m", "role": "answer", "calls": 2, "prompt": 10, "new": 4, "exact": True}
    given |= {"cost": None, "minutes": None, "refused": 0, "limit_tokens": 14}
    return ModelEstimate(**(given | more))


def test_without_the_tokens_of_one_model_no_limit_is_named() -> None:
    found = Estimate((one(), one(model="n", problem="it has no key")))
    assert (found.max_tokens, found.max_cost) == (None, None)
    assert "no upper limit" in found.lines()[-1]


def test_a_price_that_is_not_known_is_named() -> None:
    found = Estimate((one(cost=0.5, limit_cost=0.5), one(model="n")))
    assert found.max_cost == 0.5
    assert found.lines()[-1].endswith("without the price of n, which is not known")


def test_the_case_file_and_each_template_are_read_once(suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many cases there are: 30,000 of them must start within seconds."""
    lines = [{"id": f"c{n}", "inputs": {"question": f"Who won n{n}"}, "expected": "Argentina"} for n in range(60)]
    (suites.workspace.root / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    scorers = "scorers: [{judge: {model: judge, template: twice}}]"
    suites.write(f"template: cup\nmodels: [good, bad]\n{scorers}\ncases: [{{file: cases.jsonl}}]\n")
    longest(suites)
    read: Counter[str] = Counter()

    def counted(module: Any, name: str) -> None:
        real = getattr(module, name)

        def counting(*args: Any, **more: Any) -> Any:
            read[name] += 1
            return real(*args, **more)

        monkeypatch.setattr(module, name, counting)

    counted(case_files, "_rows")
    counted(judging, "template_of")
    suite = suites.suite  # its templates are parsed here
    read.clear()
    found = estimate_suite(
        *(suites.workspace, suite),
        verb="record",
        options=AskOptions(),
        catalogue=suites.house.catalogue,
        store=suites.house.store,
        log=suites.log,
    )
    assert found.calls == 240
    assert read == {"_rows": 1, "template_of": 1}
    read.clear()
    assert len(list(suites.asking("rerun"))) == 120
    assert read == {"_rows": 1, "template_of": 1}

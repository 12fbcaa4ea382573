"""Repeats, luck, early ends and Shapley values, each of a model whose ability is known."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from promptlab.experiments import Outcome, html_report, luck_lines, luck_rows, repeat_rows, report_data, report_lines
from promptlab.models import ScriptedBackend
from promptlab.types import Request, sha256
from tests.experiments.bench import able, asked, experiment, workspace


def number_of(request: Request) -> int:
    return int("".join(ch for ch in request.prompt.messages[-1].content.rsplit("What is", 1)[-1] if ch.isdigit()))


def every_second(name: str = "m") -> ScriptedBackend:
    """A model whose answers to a case are right every second time, and always right where the number is even."""
    counts = itertools.count()

    def reply(request: Request) -> str:
        number, turn = number_of(request), next(counts)
        return f"word-{number}" if number % 2 == 0 or turn % 2 else "nothing"

    return ScriptedBackend(name, reply)


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    space = workspace(tmp_path_factory.mktemp("w"), cases=10)
    return asked(space, experiment("params", repeats=4, options={"temperature": [0.5, 1.0]}), every_second())


def test_repeats_are_answers_to_a_case_and_not_cases(repeated: Outcome) -> None:
    assert len(repeated.seen.every) == 10 * 2 * 4
    assert [effect.cases for effect in repeated.effects] == [10]
    rows = {(row["arm"], row["measure"]): row for row in repeat_rows(repeated)}
    passes = {
        case: [bool(one.passed) for one in repeated.seen.by_cell[case, "temperature 0.5", "m"]]
        for case in repeated.seen.cases
    }
    one, every = (rows["temperature 0.5", f"pass@{k}"] for k in (1, 4))
    assert one["value"] == pytest.approx(sum(map(sum, passes.values())) / 40)
    assert every["value"] == pytest.approx(sum(map(any, passes.values())) / 10)
    assert one["cases"] == 10
    assert one["low"] < one["value"] < one["high"]
    same = rows["temperature 0.5", "same answer twice"]
    pairs = [a == b for case in passes.values() for a, b in itertools.combinations(case, 2)]
    assert same["value"] == pytest.approx(sum(pairs) / len(pairs))


def test_repeats_are_in_every_report(repeated: Outcome) -> None:
    for text in ("\n".join(report_lines(repeated)), html_report(repeated)):
        assert "pass@4" in text
        assert "same answer twice" in text
    assert len(report_data(repeated)["repeats"]) == 2 * 5


def test_a_single_answer_says_nothing_of_repeats(tmp_path: Path) -> None:
    outcome = asked(workspace(tmp_path, 4), experiment("ablate"), able(lambda _: 1.0))
    assert (repeat_rows(outcome), luck_rows(outcome)) == ([], [])


def test_a_case_that_is_not_judged_is_left_out_of_the_repeats(tmp_path: Path) -> None:
    counts = itertools.count()

    def reply(request: Request) -> str:
        if number_of(request) == 3 and next(counts) == 1:
            raise ValueError("broken")
        return "word-0"

    outcome = asked(
        workspace(tmp_path, 4), experiment("params", repeats=3, options={"temperature": [0.5, 1.0]}), _guarded(reply)
    )
    left = [(row["cases"], row["left_out"]) for row in repeat_rows(outcome) if row["measure"] == "pass@1"]
    assert sorted(left) == [(3, 1), (4, 0)]


def _guarded(reply: object) -> ScriptedBackend:
    from promptlab.errors import BackendError

    def guarded(request: Request) -> str:
        try:
            return str(reply(request))  # type: ignore[operator]  # a function
        except ValueError as exc:
            raise BackendError("it broke") from exc

    return ScriptedBackend("m", guarded)


def test_luck_among_draws_is_told_from_chance(tmp_path: Path) -> None:
    def reply(request: Request) -> str:
        """One example makes all the difference."""
        lucky = any(m.content == "out5" for m in request.prompt.messages)
        return f"word-{number_of(request)}" if lucky else "nothing"

    space = workspace(tmp_path, 20)
    options = {"ks": [0, 3], "draws": 6}
    outcome = asked(space, experiment("shots", options=options), ScriptedBackend("m", reply))
    (row,) = luck_rows(outcome)
    means = [row["worst_seen"], row["best_seen"]]
    assert means == [0.0, 1.0]
    assert (row["arms"], row["group"]) == (6, "k = 3")
    assert row["between"] > 0.4
    assert "6 draws score from 0 % (" in luck_lines(outcome)[0]
    assert luck_lines(outcome)[0] in "\n".join(report_lines(outcome))


def test_orders_that_differ_by_chance_alone_say_so(tmp_path: Path) -> None:
    def reply(request: Request) -> str:
        text = "\n".join(m.content for m in request.prompt.messages)
        return f"word-{number_of(request)}" if int(sha256(text)[:4], 16) % 2 else "nothing"

    outcome = asked(workspace(tmp_path, 40), experiment("order", options={"orders": 6}), ScriptedBackend("m", reply))
    (row,) = luck_rows(outcome)
    assert row["best_seen"] - row["worst_seen"] > 0.05
    assert row["best_expected"] - row["worst_expected"] < 0.7 * (row["best_seen"] - row["worst_seen"])


def test_shapley_over_all_orders_is_the_exact_value(tmp_path: Path) -> None:
    def reply(request: Request) -> str:
        """Right with e0, or with e1 and e2 together."""
        there = {m.content for m in request.prompt.messages}
        right = "out0" in there or {"out1", "out2"} <= there
        return f"word-{number_of(request)}" if right else "nothing"

    options = {"method": "shapley", "k": 3, "orders": 6}
    outcome = asked(workspace(tmp_path, 6), experiment("examples", options=options), ScriptedBackend("m", reply))
    found = {effect.contrast.name: effect.difference for effect in outcome.effects}
    # By the efficiency axiom they add up to the score with all examples.
    assert found == pytest.approx({"e0": 2 / 3, "e1": 1 / 6, "e2": 1 / 6})
    assert all(effect.comparison.stretch == 1 for effect in outcome.effects)
    assert "all of 6 orders" in " ".join(outcome.notes)


def test_it_stops_when_the_rest_cannot_make_it_clear(tmp_path: Path) -> None:
    def reply(request: Request) -> str:
        """The document brings as many answers as it costs."""
        number = number_of(request)
        there = any(span.section == "context" for span in request.prompt.spans)
        return f"word-{number}" if number % 4 > 1 or there == bool(number % 2) else "nothing"

    space = workspace(tmp_path, 60)
    model = ScriptedBackend("m", reply)
    outcome = asked(space, experiment("ablate", looks=4, options={"sections": ["context"]}), model)
    (effect,) = outcome.effects
    assert (effect.verdict, effect.hopeless, outcome.incomplete) == ("cannot tell yet", True, False)
    assert effect.cases < 60
    assert "the rest was not likely to make anything clearer" in outcome.stopped
    assert len(model.history) == 2 * effect.cases

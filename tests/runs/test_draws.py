"""When a stored answer may stand for a new one, and the numbers of draws."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.lab import Lab
from promptlab.runs._draws import draws_of, is_answer_reusable
from promptlab.types import Params
from promptlab.workspace._workspace import Workspace
from tests.conftest import House

RULE = [
    ({"temperature": 0.0}, True),
    ({"temperature": 0}, True),
    ({"temperature": 0.0, "seed": 3}, True),
    ({"temperature": 0.01}, False),
    ({"temperature": 0.7}, False),
    ({"temperature": 1.0, "top_k": 1}, False),
    ({"temperature": 1.0, "seed": 3}, True),
    ({"temperature": 1.0, "seed": 0}, True),
]


@pytest.mark.parametrize(("params", "reusable"), RULE)
def test_every_road_reuses_an_answer_only_where_a_new_one_would_be_the_same(
    house: House, params: dict[str, Any], reusable: bool
) -> None:
    """The function, the runner, the Lab with its explanation; the workbench and the command line call those."""
    assert is_answer_reusable(Params(**params)) is reusable
    assert draws_of(Params(**params), 5) == (1 if reusable else 5)
    answers = iter(range(100))
    model = house.model("a", lambda _: str(next(answers)))
    asked = Params(**params)
    texts = [house.ask(house.trials("a", params=asked))[0] for _ in range(3)]
    assert [r.cached for r in texts] == ([False, True, True] if reusable else [False] * 3)
    assert [r.text for r in texts] == (["0"] * 3 if reusable else ["0", "1", "2"])
    assert [request.repeat for request in model.history] == ([0] if reusable else [0, 1, 2])
    assert all(bool(r.answered_at) == r.cached for r in texts)
    assert ("asked again" in _explained(house, asked)) is not reusable


def _explained(house: House, params: Params) -> str:
    from promptlab import runs

    (trial,) = house.trials("a", params=params)
    fingerprint = house.catalogue.backend("a").fingerprint
    return runs.explain(house.store, runs.request_of(trial), fingerprint).sentence


def test_draws_of_a_run_are_numbered_after_those_of_all_earlier_ones(house: House) -> None:
    model = house.model("a", lambda request: str(request.repeat), max_parallel=4)
    hot = Params(temperature=1.0)
    for start in (0, 5, 10):
        results = house.ask(house.trials("a", params=hot, repeats=5))
        assert [r.text for r in results] == [str(start + n) for n in range(5)], "in order, whichever thread came first"
    assert len({r.request_id for run in house.store.runs() for r in house.store.results(run.id)}) == 15
    other = house.ask(house.trials("a", params=Params(temperature=0.9)))
    assert other[0].request is not None
    assert other[0].request.repeat == 0, "another temperature is another question"
    assert len(model.history) == 16


def test_many_draws_are_found_and_a_gap_is_no_danger(house: House) -> None:
    house.model("a", lambda request: str(request.repeat), max_parallel=8)
    hot = Params(temperature=1.0)
    house.ask(house.trials("a", params=hot, repeats=40))
    (again,) = house.ask(house.trials("a", params=hot))
    assert again.text == "40"


def test_the_same_trial_twice_in_a_run_is_two_draws(house: House) -> None:
    house.model("a", lambda request: str(request.repeat))
    results = house.ask(house.trials("a", "a", params=Params(temperature=1.0)))
    assert sorted(r.text for r in results) == ["0", "1"]


def test_a_failed_draw_keeps_its_number(house: House) -> None:
    from promptlab.errors import ServerFailed

    house.model("a", [ServerFailed("down"), "up"])
    hot = house.trials("a", params=Params(temperature=1.0))
    failed, done = house.ask(hot)[0], house.ask(hot)[0]
    assert (failed.error != "", done.text) == (True, "up")
    assert failed.request is not None
    assert done.request is not None
    assert (failed.request.repeat, done.request.repeat) == (0, 1)


def test_a_planned_repeat_is_asked_under_its_own_number(house: House) -> None:
    from promptlab.runs import start_run

    model = house.model("a", lambda request: str(request.repeat))
    trials = house.trials("a", params=Params(temperature=1.0), repeats=2)
    for _ in range(2):
        start_run(trials, catalogue=house.catalogue, store=house.store, fresh=True, planned_repeats=True).wait()
    assert sorted(request.repeat for request in model.history) == [0, 0, 1, 1]


def test_the_lab_asks_again_at_a_temperature(workspace: Workspace) -> None:
    from promptlab.models._catalogue import Catalogue
    from promptlab.models._scripted import ScriptedBackend

    model = ScriptedBackend("a", lambda request: str(request.repeat))
    with Lab(workspace, catalogue=Catalogue(workspace, {}, extra={"a": model})) as lab:
        hot = {"temperature": 1}
        first = lab.compare("cup", {"question": "Who?"}, params=hot, repeats=2)
        second = lab.compare("cup", {"question": "Who?"}, params=hot, repeats=2)
        assert sorted(r.text for r in [*first, *second]) == ["0", "1", "2", "3"], "also where both run at once"
        assert not any(r.cached for r in second)

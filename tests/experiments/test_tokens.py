"""What an experiment makes the real model read, beside the least."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.experiments_tokens import MODEL, measured, workspace
from promptlab import suites
from promptlab.experiments import Experiment, distinct_tokens, plan_data, plan_experiment, plan_lines, what_it_takes
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import SuiteLog


def test_a_beginning_that_is_shared_counts_once() -> None:
    assert distinct_tokens([[1, 2, 3], [1, 2, 4], [1, 2, 3], [5]]) == 5
    assert distinct_tokens([]) == 0


@pytest.mark.model
@pytest.mark.parametrize("kind", ["ablate", "shots"])
def test_at_most_a_tenth_more_than_the_least_is_read(tmp_path: Path, kind: str) -> None:
    row = measured(workspace(tmp_path, 4), kind)
    assert row["answers"] > 10
    assert row["least"] <= row["read"] <= 1.1 * row["least"]
    assert row["least"] < row["prompt tokens"] / 3, "without sharing, much more would be read"


@pytest.mark.model
def test_the_minutes_of_a_plan_are_those_of_what_is_read_once(tmp_path: Path) -> None:
    space = workspace(tmp_path, 4)
    measured(space, "shots")  # now its speed here is known
    planned = plan_experiment(space, Experiment("", "ablate", "light", "cases.jsonl", (MODEL,), {}, ("contains",)))
    catalogue, store, log = Catalogue(space), Store.of(space), SuiteLog.of(space)
    try:
        takes = what_it_takes(planned, catalogue, store, log)
        (one,) = takes.estimate.models
        read = takes.read[MODEL]
        assert read < one.prompt / 3
        assert one.minutes == suites.local_minutes(catalogue, store, MODEL, read, one.new)
        assert one.minutes is not None
        assert f"{MODEL}: {read:,} tokens to read, each shared beginning once" in list(plan_lines(planned, takes))
        assert plan_data(planned, takes)["models"][0]["read"] == read
    finally:
        store.close()
        log.close()
        catalogue.close()

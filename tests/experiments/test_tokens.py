"""What an experiment makes the real model read, beside the least."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.experiments_tokens import measured, workspace
from promptlab.experiments import distinct_tokens


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

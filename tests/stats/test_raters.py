"""Krippendorff's alpha beside the numbers of the `krippendorff` library 0.9.0 and of the literature."""

from __future__ import annotations

import pytest

from promptlab.stats import alpha, equal_pairs

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011): four observers, twelve units, missing values.
OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
UNITS = [[label for label in unit if label != "."] for unit in zip(*(row.split() for row in OBSERVERS), strict=True)]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (UNITS, 0.743421),
        ([["a", "a"], ["b", "b"]], 1.0),
        ([["a", "b"], ["b", "a"], ["a", "a"], ["b", "b"]], 0.125),
        ([["a", "b", "c"], ["a", "a"], ["c", "c", "b"]], 0.166667),
        ([["a", "b"], ["b", "a"]], -0.5),
    ],
)
def test_alpha_is_that_of_the_field(items: list[list[str]], expected: float) -> None:
    assert alpha(items) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("items", [[], [["a"]], [["a", "a"], ["a", "a"]], [[], ["b"]]])
def test_alpha_is_undefined_without_two_labels_or_without_a_difference(items: list[list[str]]) -> None:
    assert alpha(items) is None


def test_equal_pairs_counts_pairs_of_raters() -> None:
    assert equal_pairs(["a", "a", "b", "a"]) == (3, 6)
    assert equal_pairs(["a"]) == (0, 0)

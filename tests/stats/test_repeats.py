"""pass@k and the agreement of repeats, against every choice there is and against statsmodels."""

from __future__ import annotations

import random
import warnings
from itertools import combinations

import pytest

from promptlab import stats


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_pass_at_k_is_the_share_of_all_choices(k: int) -> None:
    rng = random.Random(k)
    cases = [[rng.random() < 0.3 for _ in range(6)] for _ in range(25)]
    found = stats.pass_at(k, [(sum(case), len(case)) for case in cases])
    shares = [sum(map(any, combinations(case, k))) / len(list(combinations(case, k))) for case in cases]
    assert found is not None
    assert found.value == pytest.approx(sum(shares) / 25)
    assert found.interval.low < found.value < found.interval.high


def test_repeats_are_not_cases() -> None:
    one = stats.pass_at(1, [(1, 1), (0, 1)] * 10)
    many = stats.pass_at(1, [(50, 50), (0, 50)] * 10)
    assert one is not None
    assert many is not None
    assert many.interval == one.interval


@pytest.mark.parametrize("cases", [[(1, 2)], [(4, 3)]])
def test_too_few_answers_are_refused(cases: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="pass@3"):
        stats.pass_at(3, cases)


def test_kappa_is_that_of_statsmodels() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")
    rng = random.Random(4)
    for _ in range(30):
        cases = [[rng.choice("aab" if rng.random() < 0.7 else "bcc") for _ in range(4)] for _ in range(12)]
        counts = [[case.count(mark) for mark in "abc"] for case in cases]
        assert stats.fleiss_kappa(cases) == pytest.approx(inter_rater.fleiss_kappa(counts))


def test_what_says_nothing_has_no_value() -> None:
    assert stats.pass_at(2, []) is None
    assert stats.same_answer([["a"]]) is None
    assert stats.fleiss_kappa([["a"]]) is None
    assert stats.fleiss_kappa([[True, True]] * 5) is None


def test_the_same_answer_twice() -> None:
    found = stats.same_answer([["a", "a", "b"], ["c", "c", "c"], ["d", "e", "f"], ["alone"]])
    assert found is not None
    assert found.value == pytest.approx((1 / 3 + 1 + 0) / 3)

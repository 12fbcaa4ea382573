"""Several tests at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab import stats


def test_holm_gives_the_textbook_values() -> None:
    ps = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert stats.holm(ps) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(stats.holm(ps)) == list(ps)


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
def test_holm_never_makes_a_p_smaller(ps: dict[str, float]) -> None:
    assert all(ps[name] <= p <= 1 for name, p in stats.holm(ps).items())


@pytest.mark.parametrize("worse", range(12))
def test_the_interval_at_the_adjusted_level_excludes_zero_exactly_if_the_adjusted_p_is_small(worse: int) -> None:
    found = stats.compare_binary([(True, False)] * worse + [(True, True)] * (20 - worse))
    for others in ([0.5, 0.9], [1e-6, 1e-5], [0.01, 0.2, 0.3, 0.4]):
        adjusted = stats.holm({"this": found.p, **{str(n): p for n, p in enumerate(others)}})["this"]
        level = stats.adjusted_confidence(found.p, adjusted, confidence=0.95)
        interval = found.at(level).interval
        assert (adjusted < 0.05) is (interval.low > 0 or interval.high < 0)

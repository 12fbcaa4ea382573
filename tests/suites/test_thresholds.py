"""Thresholds: what a sentence asks for, and whether items meet it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from promptlab.suites import _thresholds as thresholds
from promptlab.suites._thresholds import Outcome, check_threshold, compare_with_recorded, parse_threshold


def outcomes(passed: int, of: int, *, model: str = "m", tags: tuple[str, ...] = ()) -> list[Outcome]:
    return [Outcome(f"c{n}", "", model, tags, n < passed, float(n < passed)) for n in range(of)]


def against(pairs: list[tuple[float, float | None]], *, repeats: int = 1) -> list[Outcome]:
    """Recorded and new scores."""
    return [
        Outcome(f"c{n}", "", "m", (), None if new is None else new == 1, new, old == 1, old)
        for n, (old, new) in enumerate(pairs)
        for _ in range(repeats)
    ]


@pytest.mark.parametrize(
    ("text", "passed", "of", "met"),
    [
        ("at least 38 of 40", 38, 40, True),
        ("at least 38 of 40", 37, 40, False),
        ("at least 38 of 40", 38, 39, False),
        ("at least 38 of 40", 41, 41, False),
        ("at least 90 %", 9, 10, True),
        ("at least 90%", 8, 10, False),
        ("at least 100 %", 10, 10, True),
        ("at least 0 %", 0, 10, True),
        ("at  least 33.3 %", 1, 3, True),
        # The interval of 38 of 40 is 83.1 to 99.4 %, at 90 % it begins at 85.1 %.
        ("at least 83 % at 95 %", 38, 40, True),
        ("at least 84 % at 95 %", 38, 40, None),
        ("at least 99 % at 95 %", 38, 40, None),
        ("at least 99.5 % at 95 %", 38, 40, False),
        ("at least 84 % at 90 %", 38, 40, True),
    ],
)
def test_a_sentence_is_met_or_not_or_cannot_be_told(text: str, passed: int, of: int, met: bool | None) -> None:
    assert check_threshold(parse_threshold(text), outcomes(passed, of)).met is met


def test_a_rate_that_is_exactly_the_share_meets_it() -> None:
    """1.1 % of 1,000 is 11, whatever becomes of 1.1 / 100 as a binary number."""
    for tenths in range(1, 1_001, 5):
        every = outcomes(tenths, 1_000)
        assert check_threshold(parse_threshold(f"at least {tenths / 10:g} %"), every).met, tenths
        fewer = [*every[1:], replace(every[0], passed=False)]
        assert not check_threshold(parse_threshold(f"at least {tenths / 10:g} %"), fewer).met, tenths


@pytest.mark.parametrize(
    "text",
    [
        "at least 41 of 40",
        "at least 0 of 40",
        "at least 101 %",
        "at least 90 % at 40 %",
        "at least 90 % at 100 %",
        "not worse",
        "not worse by more than 5 points",
        "as good as recorded",
        "as good as recorded at 95 %",
        "as good as recorded within 2 points",
        "as good as recorded within 0 points at 95 %",
        "as good as recorded within 200 points at 95 %",
        "at most 3 of 40",
        "90 %",
        "",
        "at least -3 of 40",
    ],
)
def test_what_is_no_threshold_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_threshold(text)


def test_the_refusal_shows_what_can_be_said() -> None:
    with pytest.raises(ValueError, match="at least 38 of 40; at least 90 %"):
        parse_threshold("nearly all")


def test_items_of_another_variant_model_or_tag_do_not_count() -> None:
    good, bad = outcomes(3, 3, model="a", tags=("final",)), outcomes(0, 3, model="b")
    assert check_threshold(parse_threshold("at least 3 of 3", model="a"), [*good, *bad]).met
    assert check_threshold(parse_threshold("at least 3 of 3", tag="final"), [*good, *bad]).met
    assert not check_threshold(parse_threshold("at least 50 %", model="b"), [*good, *bad]).met
    none = check_threshold(parse_threshold("at least 50 %", tag="quarter"), good)
    assert (none.met, none.said) == (False, "no item is of tag quarter")


def test_an_item_without_an_answer_never_passes_and_one_without_a_scorer_is_in_no_rate() -> None:
    every = outcomes(9, 9)
    silent = Outcome("x", "", "m", (), None, None)
    assert not check_threshold(parse_threshold("at least 95 %"), [*every, silent]).met
    assert check_threshold(parse_threshold("at least 95 %"), [*every, replace(silent, unscored=True)]).met
    assert check_threshold(parse_threshold("at least 9 of 9"), [*every, replace(silent, unscored=True)]).met


def test_cannot_tell_says_how_many_cases_more_would_settle_it() -> None:
    found = check_threshold(parse_threshold("at least 85 % at 95 %"), outcomes(37, 40))
    assert found.met is None
    assert found.more is not None
    # With so many of the same rate, four suites in five meet it.
    rng, met, cases = random.Random(1), 0, 40 + found.more
    for _ in range(300):
        passed = sum(rng.random() < 37 / 40 for _ in range(cases))
        met += bool(check_threshold(parse_threshold("at least 85 % at 95 %"), outcomes(passed, cases)).met)
    assert 0.74 < met / 300 < 0.87


def test_repeats_do_not_make_an_interval_narrower() -> None:
    once, often = outcomes(38, 40), [one for one in outcomes(38, 40) for _ in range(10)]
    said = check_threshold(parse_threshold("at least 84 % at 95 %"), often).said
    single = check_threshold(parse_threshold("at least 84 % at 95 %"), once).said
    assert single.startswith("38 of 40 passed, 95.0 % (83.1 to 99.4 % at 95 %)")
    assert said.startswith("380 of 400 passed, 95.0 % (83.1 to 99.4 % at 95 %)")


NOT_WORSE = "not worse by more than 5 points at 95 %"


@pytest.mark.parametrize(
    ("pairs", "met"),
    [
        ([(1.0, 1.0)] * 200, True),
        ([(1.0, 1.0)] * 10, None),
        ([(1.0, 1.0)] * 100 + [(1.0, 0.0)] * 30, False),
        ([(1.0, 1.0)] * 95 + [(1.0, 0.0)] * 5, None),
        ([(0.0, 1.0)] * 30 + [(1.0, 1.0)] * 30, True),
        ([(0.8, 0.8)] * 200, True),
        ([(0.8, 0.5)] * 200, False),
    ],
)
def test_not_worse_holds_once_the_interval_clears_the_margin(
    pairs: list[tuple[float, float | None]], met: bool | None
) -> None:
    assert check_threshold(parse_threshold(NOT_WORSE), against(pairs)).met is met


def test_what_has_no_answer_keeps_not_worse_from_being_told_but_not_from_failing() -> None:
    found = check_threshold(parse_threshold(NOT_WORSE), against([*[(1.0, 1.0)] * 200, (1.0, None)]))
    assert found.met is None
    assert found.said.endswith("1 not judged or without an answer")
    assert (
        check_threshold(parse_threshold(NOT_WORSE), against([*[(1.0, 0.0)] * 50, *[(1.0, 1.0)] * 50, (1.0, None)])).met
        is False
    )


def test_nothing_recorded_cannot_be_compared() -> None:
    assert check_threshold(parse_threshold(NOT_WORSE), outcomes(5, 5)).met is None


def test_a_case_is_one_observation_however_often_it_is_answered() -> None:
    pairs: list[tuple[float, float | None]] = [(1.0, 1.0)] * 20 + [(1.0, 0.0)] * 8
    single, repeated = compare_with_recorded(against(pairs)), compare_with_recorded(against(pairs, repeats=3))
    assert single is not None
    assert repeated is not None
    assert (single.cases, repeated.cases) == (28, 28)
    assert (single.p, single.interval) == (repeated.p, repeated.interval)
    assert single.p == 2 * 0.5**8  # McNemar: eight changes in one direction
    graded = compare_with_recorded(against([(0.5, 0.75)] * 28))
    assert graded is not None
    assert graded.method != single.method


def test_what_has_only_one_side_is_in_no_comparison() -> None:
    found = compare_with_recorded([*against([(1.0, 0.0)] * 5), *outcomes(3, 5)])
    assert found is not None
    assert found.cases == 5
    assert compare_with_recorded(outcomes(3, 5)) is None


def test_every_form_that_is_offered_can_be_read() -> None:
    for form in thresholds.FORMS:
        assert parse_threshold(form).text == form


def some(passed: int, failed: int, not_judged: int, unanswered: int = 0) -> list[Outcome]:
    """So many items of each kind, each with a case of its own."""
    kinds = [(True, 1.0, False)] * passed + [(False, 0.0, False)] * failed
    kinds += [(None, None, True)] * not_judged + [(None, None, False)] * unanswered
    return [
        Outcome(f"c{n}", "", "m", (), value, score, not_judged=unjudged)
        for n, (value, score, unjudged) in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    ("text", "counts", "met"),
    [
        ("at least 38 of 40", (38, 0, 2), True),
        ("at least 38 of 40", (37, 0, 3), None),
        ("at least 38 of 40", (37, 2, 0, 1), None),
        ("at least 38 of 40", (36, 3, 1), False),
        ("at least 38 of 40", (36, 1, 2), False),  # of 39 items
        ("at least 90 %", (9, 0, 1), True),
        ("at least 90 %", (9, 1, 0), True),
        ("at least 90 %", (9, 1, 1), None),  # 9 of 10 judged, and perhaps only 9 of 11
        ("at least 90 %", (8, 1, 1), None),
        ("at least 90 %", (8, 2, 1), False),
        ("at least 90 %", (0, 0, 5), None),
        ("at least 85 % at 95 %", (100, 0, 1), True),
        ("at least 85 % at 95 %", (40, 0, 20), None),
        ("at least 85 % at 95 %", (10, 90, 1), False),
        ("at least 85 % at 95 %", (0, 0, 5), None),
    ],
)
def test_what_is_not_judged_never_helps_and_never_decides(text: str, counts: tuple[int, ...], met: bool | None) -> None:
    found = check_threshold(parse_threshold(text), some(*counts))
    assert found.met is met
    if counts[2:] != (0,) and sum(counts) != 39:
        assert "not judged or without an answer" in found.said


def test_a_margin_is_not_met_or_missed_as_long_as_unjudged_items_could_change_it() -> None:
    lost = against([(1.0, 0.0)] * 30)
    assert check_threshold(parse_threshold(NOT_WORSE), lost).met is False
    unjudged = [replace(one, case=f"more-{one.case}", passed=None, score=None) for one in against([(0.0, 1.0)] * 300)]
    assert check_threshold(parse_threshold(NOT_WORSE), [*lost, *unjudged]).met is None


AS_GOOD = "as good as recorded within 5 points at 95 %"


@pytest.mark.parametrize(
    ("pairs", "met"),
    [
        ([(1.0, 1.0)] * 200, True),
        ([(1.0, 1.0)] * 71, None),  # so few cases may miss that one in twenty breaks
        ([(1.0, 1.0)] * 72, True),
        ([(1.0, 1.0)] * 196 + [(1.0, 0.0)] * 2 + [(0.0, 1.0)] * 2, True),
        ([(1.0, 0.0)] * 60 + [(1.0, 1.0)] * 40, False),
        ([(0.0, 1.0)] * 60 + [(1.0, 1.0)] * 40, False),  # much better is not "as good as" either
        ([(0.5, 0.51)] * 400, True),
        ([(0.5, 0.6)] * 400, False),
    ],
)
def test_as_good_holds_once_the_whole_interval_is_within_the_margin(
    pairs: list[tuple[float, float | None]], met: bool | None
) -> None:
    found = check_threshold(parse_threshold(AS_GOOD), against(pairs))
    assert found.met is met
    assert (found.more is not None) is (met is None)


def test_as_good_says_how_many_cases_would_tell() -> None:
    found = check_threshold(parse_threshold(AS_GOOD), against([(1.0, 1.0)] * 10))
    assert found.more == 62
    assert check_threshold(parse_threshold(AS_GOOD), against([(1.0, 1.0)] * 72)).met
    missing = check_threshold(parse_threshold(AS_GOOD), against([*[(1.0, 1.0)] * 200, (1.0, None)]))
    assert missing.met is None


# p, interval and thresholds do not contradict each other


@pytest.mark.parametrize("worse", range(13))
@pytest.mark.parametrize("level", [80, 90, 95, 99])
def test_not_worse_is_not_met_exactly_if_the_difference_is_more_than_chance(worse: int, level: int) -> None:
    """Five of 20 worse: "cannot be told from chance" stood beside a threshold that was not met."""
    every = against([(1.0, 0.0)] * worse + [(1.0, 1.0)] * (20 - worse))
    found = compare_with_recorded(every, confidence=level / 100)
    assert found is not None
    check = check_threshold(parse_threshold(f"not worse at {level} %"), every)
    assert (check.met is False) is found.settled is (found.p < 1 - level / 100)
    assert found.settled is (found.interval.high < 0)


def test_two_models_on_eight_cases_of_which_one_got_better_do_not_meet_a_margin_of_one_point() -> None:
    every = [
        Outcome(f"c{case}", "", model, (), True, 1.0, *((False, 0.0) if (case, model) == (0, "a") else (True, 1.0)))
        for case in range(8)
        for model in ("a", "b")
    ]
    found = check_threshold(parse_threshold("not worse by more than 1 points at 95 %"), every)
    assert found.met is None
    assert found.more is not None
    assert found.more > 50

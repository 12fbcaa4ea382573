"""A judge corrected by people: marks and ratings count, columns and their differences, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from promptlab import stats
from promptlab.errors import InputError
from promptlab.runs import Rating
from promptlab.suites import Mark, add_mark, answer_id
from promptlab.types import Request
from promptlab.votes import correct_judge, correction_data, correction_lines, sample_to_mark
from tests.suites.making import SuiteHouse, suites
from tests.votes.making import Votes

__all__ = ["suites"]
CASES = 40
SUITE = "template: cup\nmodels: [one, two]\nscorers: [{judge: {model: judge}}]\ncases:\n" + "".join(
    f"  - {{id: c{n:02}, inputs: {{question: 'Number {n:02}?'}}, expected: x}}\n" for n in range(CASES)
)


def number(request: Request) -> int:
    return int(request.messages[-1].content.rpartition("Number ")[2][:2])


def strict(request: Request) -> str:
    """A judge that is too friendly: it passes what is right, and every third answer that is wrong."""
    said = request.messages[-1].content.rpartition("The answer to judge:\n")[2]
    return json.dumps({"reason": "so", "pass": "right" in said or int(said.rpartition(" ")[2]) % 3 == 0})


def says(share: int) -> object:
    return lambda request: f"{'right' if number(request) % 10 < share else 'wrong'} {number(request)}"


@pytest.fixture
def booth(suites: SuiteHouse) -> Iterator[Votes]:
    suites.house.model("one", says(5))  # type: ignore[arg-type]
    suites.house.model("two", says(8))  # type: ignore[arg-type]
    suites.house.model("judge", strict)
    suites.write(SUITE)
    suites.rerun()
    made = Votes(suites.house)
    yield made
    made.log.close()


def mark(booth: Votes, cases: range, *, rate: bool = False) -> None:
    """People mark these cases of both models, as they are."""
    (run,) = booth.log.runs("fixtures/suites/facts.yaml")
    for row in booth.log.every_row(run):
        if int(row.key.case[1:]) not in cases:
            continue
        text = booth.house.store.results_with([row.result])[row.result].text
        good = text.startswith("right")
        if rate:
            booth.house.store.ratings.rate(Rating(row.result, "good" if good else "bad"))
        else:
            place = row.key.case, row.key.variant, row.key.model
            add_mark(booth.house.workspace, run.suite, Mark(*place, answer_id(text), good))


@pytest.mark.parametrize("rate", [False, True], ids=["marks", "ratings"])
def test_the_corrected_rate_is_that_of_the_field_s_formula(booth: Votes, rate: bool) -> None:
    mark(booth, range(20), rate=rate)
    (found,) = correct_judge(booth.sources, "facts")
    assert [(column.name, len(column.cases), column.marked) for column in found.columns] == [
        ("one", CASES, 20),
        ("two", CASES, 20),
    ]
    for column, truth in zip(found.columns, (0.5, 0.8), strict=True):
        corrected = column.corrected
        assert corrected
        assert corrected.judge > truth  # the judge is too friendly
        marked = [case for case in column.cases.values() if case.people is not None]
        rest = [case.judge for case in column.cases.values() if case.people is None]
        weight = corrected.weight
        assert 0 < weight <= 1
        errors = [case.people - weight * case.judge for case in marked if case.people is not None]
        assert corrected.estimate == pytest.approx(sum(errors) / len(errors) + weight * sum(rest) / len(rest))
        assert corrected.interval.low <= truth <= corrected.interval.high
    (difference,) = found.differences
    assert difference.corrected
    assert (difference.after, difference.before) == ("two", "one")
    assert difference.corrected.interval.low <= 0.3 <= difference.corrected.interval.high
    assert correction_data(found)["columns"][0]["estimate"] == found.columns[0].corrected.estimate  # type: ignore[union-attr]


def test_marks_that_were_chosen_are_seen_and_contradictions_left_out(booth: Votes) -> None:
    (run,) = booth.log.runs("fixtures/suites/facts.yaml")
    failing = [row for row in booth.log.every_row(run) if row.key.model == "one" and not row.passed]
    for row in failing:
        booth.house.store.ratings.rate(Rating(row.result, "bad"))
    (found,) = correct_judge(booth.sources, "facts")
    assert any("random part" in note for note in found.notes)
    mark(booth, range(CASES))
    for row in failing[:2]:
        booth.house.store.ratings.rate(Rating(row.result, "good"))
    (found,) = correct_judge(booth.sources, "facts")
    assert found.columns[0].marked == CASES - 2
    assert any("2 answers" in note for note in found.notes)


def test_without_enough_marks_there_is_no_corrected_rate(booth: Votes) -> None:
    (found,) = correct_judge(booth.sources, "facts")
    assert [column.corrected for column in found.columns] == [None, None]
    assert all(column.missing for column in found.columns)
    assert sum("not corrected" in line for line in correction_lines(found)) == 3


def test_cases_to_mark_are_whole_and_unmarked(booth: Votes) -> None:
    mark(booth, range(10))
    drawn = sample_to_mark(booth.sources, "facts", 8, seed=3)
    assert drawn == sample_to_mark(booth.sources, "facts", 8, seed=3)
    cases = [item.partition("[")[0] for item in drawn]
    assert len(set(cases)) == 4
    assert not {int(case[1:]) for case in cases} & set(range(10))


def test_a_suite_without_a_judge_is_refused(suites: SuiteHouse) -> None:
    suites.write()
    suites.rerun()
    booth = Votes(suites.house)
    with pytest.raises(InputError, match="no judge"):
        correct_judge(booth.sources, "facts")
    with pytest.raises(InputError, match="there is no suite"):
        correct_judge(booth.sources, "fact")
    booth.log.close()


def test_all_good_marks_are_no_certainty() -> None:
    judge = {str(n): 1.0 for n in range(200)}
    found = stats.corrected(judge, {str(n): 1.0 for n in range(10)})
    assert (found.estimate, found.weight) == (1.0, 0.0)
    assert found.interval == stats.clustered([(1, 1)] * 10)

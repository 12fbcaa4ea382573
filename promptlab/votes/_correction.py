"""A judge's scores of a suite run, corrected by the marks of people on some of the answers.

Marks are those of the suite (`fixtures/marks`) and the ratings good and bad of the run history. A case is one
observation: its score and its mark are the means of its answers.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import fmean

from promptlab import stats, suites
from promptlab.errors import InputError
from promptlab.runs import Rating
from promptlab.stats import Corrected
from promptlab.suites import ItemRow, Mark, SuiteRun
from promptlab.types import Result, Score
from promptlab.votes._answers import Sources, newest_asking
from promptlab.votes._results import JUDGE

FEWEST = 2
SHUFFLES = 2_000
DOUBTFUL = 0.01
"""Below this p-value the marked cases do not look like a random part of all."""


@dataclass(frozen=True)
class JudgedCase:
    """A case in one column: the mean of the judge's scores, and of the marks of people, None if nothing is marked."""

    judge: float
    people: float | None


@dataclass(frozen=True)
class Column:
    """A variant and a model with the corrected pass rate, or with `missing`, which says why there is none."""

    name: str
    cases: Mapping[str, JudgedCase]
    corrected: Corrected | None
    missing: str = ""

    @property
    def marked(self) -> int:
        return sum(case.people is not None for case in self.cases.values())


@dataclass(frozen=True)
class Difference:
    """The corrected difference of two columns, `after` minus `before`, on the cases that both have."""

    after: str
    before: str
    corrected: Corrected | None
    missing: str = ""


@dataclass(frozen=True)
class JudgeCorrection:
    """What one judge of a suite run says, corrected by people."""

    suite: str
    judge: str
    columns: tuple[Column, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Gathered:
    """Scores and marks by judge, column and case."""

    scores: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    marks: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    unlike: int = 0
    """Answers that are marked good in one place and bad in the other."""


def correct_judge(sources: Sources, name: str) -> list[JudgeCorrection]:
    """The corrections for each judge of the last answers of the suite or experiment `name`, or of a suite run.

    Raises `InputError` if there are no answers, or no judge scored them.
    """
    runs, path = newest_asking(sources, name)
    gathered = _gathered(sources, runs, path)
    if not gathered.scores:
        raise InputError(f"no judge scored the answers of {path}", hint="add a `judge` to the scorers of the suite")
    return [_of_judge(path, judge, columns, gathered) for judge, columns in gathered.scores.items()]


def sample_to_mark(sources: Sources, name: str, count: int, *, seed: int = 0) -> list[str]:
    """The ids of `count` items that a judge scored and nobody has marked, drawn by chance: these are to be marked.

    One repeat of a case is enough, and the columns get equally many.
    """
    runs, path = newest_asking(sources, name)
    marked = suites.load_marks(sources.workspace, path)
    every: dict[str, str] = {}
    for row, result in _answered(sources, runs):
        if _judges(row) and _mark_of(row, result, marked) is None and row.key.repeat == 0:
            every[row.key.id] = row.key.case
    cases = sorted(set(every.values()))
    random.Random(seed).shuffle(cases)
    # Whole cases, so that differences between columns can be corrected, too.
    ordered = [item for case in cases for item, own in every.items() if own == case]
    return ordered[:count]


def _answered(sources: Sources, runs: Iterable[SuiteRun]) -> Iterable[tuple[ItemRow, Result]]:
    for run in runs:
        rows = list(sources.log.every_row(run))
        results = sources.store.results_with(row.result for row in rows if row.result)
        yield from ((row, results[row.result]) for row in rows if row.result in results)


def _judges(row: ItemRow) -> dict[str, float]:
    """The values of the judges of an item, by name; one that gave no verdict is left out."""
    scores: list[Score] = [suites.score_of(judged) for judged in row.details.judged]
    several = len({score.spec for score in scores}) > 1
    return {f"{JUDGE} {score.spec}" if several else JUDGE: score.value for score in scores if score.value is not None}


def _gathered(sources: Sources, runs: Sequence[SuiteRun], path: str) -> _Gathered:
    marked = suites.load_marks(sources.workspace, path)
    answered = list(_answered(sources, runs))
    ratings = sources.store.ratings.of(result.id for _, result in answered)
    gathered = _Gathered()
    for row, result in answered:
        values = _judges(row)
        column = " · ".join(part for part in (row.key.variant, row.key.model) if part)
        for judge, value in values.items():
            gathered.scores.setdefault(judge, {}).setdefault(column, {}).setdefault(row.key.case, []).append(value)
        given = {_mark_of(row, result, marked), _opinion(ratings.get(result.id))} - {None}
        if len(given) > 1:
            gathered.unlike += 1
        elif given and values:
            (good,) = given
            gathered.marks.setdefault(column, {}).setdefault(row.key.case, []).append(float(bool(good)))
    return gathered


def _mark_of(row: ItemRow, result: Result, marked: Mapping[tuple[str, str, str, str], Mark]) -> bool | None:
    key = row.key
    mark = marked.get((key.case, key.variant, key.model, suites.answer_id(result.text)))
    return None if mark is None else mark.good


def _opinion(rating: Rating | None) -> bool | None:
    return None if rating is None or not rating.verdict else rating.verdict == "good"


def _of_judge(
    path: str, judge: str, scores: Mapping[str, Mapping[str, Sequence[float]]], gathered: _Gathered
) -> JudgeCorrection:
    columns = []
    for name, by_case in scores.items():
        marks = gathered.marks.get(name, {})
        cases = {
            case: JudgedCase(fmean(values), fmean(marks[case]) if case in marks else None)
            for case, values in by_case.items()
        }
        columns.append(_column(name, cases))
    differences = [_difference(before, after) for before, after in combinations(columns, 2)]
    notes = []
    if gathered.unlike:
        notes.append(f"{gathered.unlike} answers are marked good in one place and bad in the other; they are left out")
    notes += [
        f"{column.name}: the marked cases do not look like a random part of all (the judge scores them otherwise), so "
        "the corrected rate may be wrong; `promptlab judge sample` draws cases to mark"
        for column in columns
        if column.corrected and _looks_chosen(column)
    ]
    return JudgeCorrection(path, judge, tuple(columns), tuple(differences), tuple(notes))


def _column(name: str, cases: Mapping[str, JudgedCase]) -> Column:
    people = {case: judged.people for case, judged in cases.items() if judged.people is not None}
    if len(people) < FEWEST:
        return Column(name, cases, None, f"people marked {len(people)} of {len(cases)} cases; {FEWEST} are needed")
    return Column(name, cases, stats.corrected({case: judged.judge for case, judged in cases.items()}, people))


def _difference(before: Column, after: Column) -> Difference:
    both = [case for case in before.cases if case in after.cases]
    judge = {case: after.cases[case].judge - before.cases[case].judge for case in both}
    people = {}
    for case in both:
        old, new = before.cases[case].people, after.cases[case].people
        if old is not None and new is not None:
            people[case] = new - old
    if len(people) < FEWEST:
        missing = f"people marked both answers of {len(people)} cases; {FEWEST} are needed"
        return Difference(after.name, before.name, None, missing)
    return Difference(after.name, before.name, stats.corrected(judge, people, low=-1.0, high=1.0))


def _looks_chosen(column: Column) -> bool:
    """True if the judge's scores of the marked cases differ from those of the others by more than chance."""
    values = [case.judge for case in column.cases.values()]
    marked = [case.judge for case in column.cases.values() if case.people is not None]
    if len(marked) == len(values):
        return False
    mean = fmean(values)
    distance = abs(fmean(marked) - mean)
    chance = random.Random(len(values))
    as_far = sum(abs(fmean(chance.sample(values, len(marked))) - mean) >= distance - 1e-12 for _ in range(SHUFFLES))
    return (as_far + 1) / (SHUFFLES + 1) < DOUBTFUL

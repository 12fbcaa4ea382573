"""One item of a suite run in detail: its prompts, answers and scores, and the answers of judges.

A row of the log has only the outcome. Prompts and answers are in the recording and in the run history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from promptlab import scorers, stats
from promptlab.errors import PromptlabError, SuiteError
from promptlab.runs import Store
from promptlab.suites import _annotations as marks
from promptlab.suites._annotations import Mark
from promptlab.suites._items import TrialMaker, recorded_of, suite_items
from promptlab.suites._judge_reply import NAME, Judged, replies_by_spec, score_of
from promptlab.suites._log import SuiteLog
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._recording import Recording
from promptlab.suites._replay import replay_item
from promptlab.suites._scores import CLOSE
from promptlab.suites._suite import ItemKey, Suite
from promptlab.suites._suite_run import ItemRow, SuiteRun
from promptlab.types import Request, Result, Score, ScorerSpec
from promptlab.workspace import Workspace


@dataclass(frozen=True)
class ItemDetail:
    """An item as recorded, the request that was sent (in a replay: that would be sent today), and the outcome.

    `answer` is None if there is no new answer; then `scores` are today's scores of the recorded answer. `nearest` is
    the recorded item that is most like this one, if nothing is recorded of this one.
    """

    row: ItemRow
    stored: RecordedItem | None
    request: Request | None
    answer: str | None
    scores: tuple[Score, ...]
    error: str = ""
    hint: str = ""
    nearest: RecordedItem | None = None


def item_detail(
    workspace: Workspace,
    suite: Suite,
    log: SuiteLog,
    store: Store,
    run: SuiteRun,
    row: ItemRow,
    recorded: Recording | None,
) -> ItemDetail:
    """The item of `row` in detail. Raises what reading the recording raises."""
    if run.verb == "replay":
        return _replayed(workspace, suite, row, recorded)
    stored = recorded_of(suite, row.key, recorded)
    result = result_of(log, store, run, row)
    if result is None or result.completion is None:
        error = result.error if result else row.details.error
        request, hint = (result.request, result.hint) if result else (None, "")
        return ItemDetail(row, stored, request, None, (), error or "there is no answer", hint)
    judged = map(score_of, row.details.judged)
    return ItemDetail(row, stored, result.request, result.text, (*result.scores, *judged))


def _replayed(workspace: Workspace, suite: Suite, row: ItemRow, recorded: Recording | None) -> ItemDetail:
    stored = recorded.find(row.key) if recorded else None
    if recorded is None:
        return ItemDetail(row, None, None, None, (), "nothing is recorded")
    try:
        (item,) = suite_items(workspace, suite, wanted=[row.key.id])
        replayed = replay_item(TrialMaker(workspace, suite), item, recorded)
    except (SuiteError, ValueError):
        return ItemDetail(row, stored, None, None, (), "it is no longer in the suite")
    except PromptlabError as exc:
        return ItemDetail(row, stored, None, None, (), exc.message, exc.hint)
    error = replayed.said if replayed.status in ("broken", "missing") else ""
    return ItemDetail(row, replayed.stored, replayed.request, None, replayed.scores, error, nearest=replayed.nearest)


def result_of(log: SuiteLog, store: Store, run: SuiteRun, row: ItemRow) -> Result | None:
    """The result of a row, from the run history; None if the item was not asked, or the result is gone."""
    for chunk in log.chunks(run):
        if chunk.store_run == row.store_run and row.key in chunk.keys:
            place = chunk.keys.index(row.key)
            return next(iter(store.results(chunk.store_run, among=range(place, place + 1))), None)
    return None


def judges_of(suite: Suite) -> list[ScorerSpec]:
    """The judges of the suite. The own scorers of cases are not looked at."""
    return [spec for spec in suite.scorers if spec.name == NAME]


def judge_agreement(
    suite: Suite,
    judge: ScorerSpec,
    log: SuiteLog,
    store: Store,
    run: SuiteRun,
    given: Iterable[Mark],
    find: Callable[[ItemKey], RecordedItem | None],
) -> stats.Agreement:
    """How far a judge of the suite agrees with the marks of people, on the answers that it judged and that have a mark.
    These are answers of the run and recorded ones; `find` gives the recorded item of a key."""
    passing = scorers.pass_mark(judge) - CLOSE
    pairs = []
    for mark in given:
        value = _of_run(suite, judge, log, store, run, mark)
        if value is None:
            value = _of_recording(suite, judge, mark, find)
        if value is not None:
            pairs.append((value >= passing, mark.good, mark.case))
    return marks.agreement(pairs)


def _of_run(suite: Suite, judge: ScorerSpec, log: SuiteLog, store: Store, run: SuiteRun, mark: Mark) -> float | None:
    """The score that the judge gave the marked answer in the run; None if it gave none."""
    for row in log.rows(run, case=mark.case, limit=1_000):
        key = row.key
        if (key.case, key.variant, key.model) == mark.place[:3] and row.details.judged:
            result = result_of(log, store, run, row)
            value = _value(suite, judge, row.details.judged)
            if result and marks.answer_id(result.text) == mark.answer and value is not None:
                return value
    return None


def _of_recording(
    suite: Suite, judge: ScorerSpec, mark: Mark, find: Callable[[ItemKey], RecordedItem | None]
) -> float | None:
    for repeat in range(suite.repeats):
        stored = find(ItemKey(*mark.place[:3], repeat))
        if stored and stored.judged and marks.answer_id(stored.completion.text) == mark.answer:
            return _value(suite, judge, stored.judged)
    return None


def _value(suite: Suite, judge: ScorerSpec, judged: Sequence[Judged]) -> float | None:
    """The value that one judge of the suite gave; None if it gave none."""
    judges = judges_of(suite)
    reply = replies_by_spec(judges, judged)[judges.index(judge)]
    return score_of(reply).value if reply else None

"""The baseline of a suite: its recording, written anew from new answers.

    record     every item is asked again; an item that failed keeps its recorded answer
    accept     answers of the last rerun become the recorded ones, for all items or for some
    adopt      results of the run history become cases and recorded answers

A recording is always written whole, in the order of the suite, from the old one and the new answers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from promptlab._util.git import blob_id
from promptlab.errors import SuiteError
from promptlab.runs import Store
from promptlab.suites import _lock as suite_lock
from promptlab.suites._items import suite_items
from promptlab.suites._judge_reply import Judged
from promptlab.suites._log import SuiteLog
from promptlab.suites._recorded_item import RecordedItem, check_labels, stored_from
from promptlab.suites._recording import Recording, write
from promptlab.suites._scores import failed, why_not_judged
from promptlab.suites._suite import Item, ItemKey, Suite
from promptlab.suites._suite_run import SuiteRun
from promptlab.types import Result
from promptlab.workspace import Labels, Workspace

PAGE = 100
"""Answers that are read from the history together."""
PAGES = 8
"""Pages that are kept in memory: the answers to neighbours are in several parts if a run was interrupted."""


@dataclass(frozen=True, slots=True)
class BaselineChange:
    """What accepting an answer would change: the recorded item, None if there is none yet, and the new one.

    `failed` are the scorers that the new answer does not pass, each with its reason; `not_judged` is why it is neither
    passed nor failed.
    """

    key: ItemKey
    old: RecordedItem | None
    new: RecordedItem
    failed: tuple[str, ...] = ()
    not_judged: str = ""


class RunAnswers:
    """The answers of a suite run, read from the run history a page at a time, so that memory stays flat."""

    def __init__(self, store: Store, log: SuiteLog, run: SuiteRun) -> None:
        self._store = store
        self._places: dict[ItemKey, list[tuple[str, int]]] = {}
        for chunk in log.chunks(run):
            for position, key in enumerate(chunk.keys):
                self._places.setdefault(key, []).append((chunk.store_run, position))
        self._page = lru_cache(maxsize=PAGES)(self._read)
        self._fingerprints: dict[str, str] = {}
        # The answers of judges are in the log. A suite without a judge has none.
        self._judged = {row.key: row.details.judged for row in log.every_row(run) if row.details.judged}

    def judged(self, key: ItemKey) -> tuple[Judged, ...]:
        """What the judges answered about the item."""
        return self._judged.get(key, ())

    def get(self, key: ItemKey) -> Result | None:
        """The newest whole answer to the item; None if it has none."""
        for run_id, position in reversed(self._places.get(key, ())):
            result = self._page(run_id, position // PAGE).get(key.id)
            if result and result.completion and result.completion.finish_reason != "stopped" and result.request:
                return result
        return None

    def fingerprint(self, result: Result) -> str:
        """The fingerprint of the model that gave the answer; that of the model today may be another one."""
        fingerprint = self._fingerprints.get(result.request_id)
        return self._store.fingerprint(result.request_id) if fingerprint is None else fingerprint

    def _read(self, run_id: str, page: int) -> dict[str, Result]:
        among = range(page * PAGE, (page + 1) * PAGE)
        results = {result.case: result for result in self._store.results(run_id, among=among)}
        if len(self._fingerprints) > PAGES * PAGE:
            self._fingerprints.clear()
        self._fingerprints |= self._store.fingerprints([result.request_id for result in results.values()])
        return results


def write_recording(
    workspace: Workspace,
    suite: Suite,
    answers: RunAnswers,
    *,
    only: Collection[ItemKey] | None = None,
    order: Iterable[Item] | None = None,
) -> int:
    """Write the suite's recording with new `answers`, of all items or those in `only`; returns how many were taken.

    Items without a new answer keep the old one; items that are no longer in the suite are removed. `order` are all
    items of the suite as they were asked; if it is None, the cases are read as they are now.

    Raises `GateRefused` if the file has a lower label than the text it would hold; then nothing is written.
    """
    taken = 0
    labels = Labels(workspace)

    def lines() -> Iterator[RecordedItem]:
        nonlocal taken
        with _recorded(workspace, suite) as recorded:
            for item in suite_items(workspace, suite) if order is None else order:
                new = None
                if only is None or item.key in only:
                    new = _new(suite, item, answers)
                if new:
                    taken += 1
                stored = new or recorded(item.key)
                if stored:
                    check_labels(labels, suite.recording, stored)
                    yield stored

    with suite_lock.hold_suite(workspace, suite.path, "accept"):
        write(workspace.resolve(suite.recording), lines())
    return taken


def baseline_changes(
    workspace: Workspace, suite: Suite, answers: RunAnswers, *, wanted: Collection[str] = ()
) -> Iterator[BaselineChange]:
    """What accepting would change: items without a recorded answer, and items with another prompt, answer or score.

    `wanted` are ids of items or cases; if it is empty, all items are looked at.
    """
    with _recorded(workspace, suite) as recorded:
        for item in suite_items(workspace, suite, wanted=wanted):
            old, new = recorded(item.key), _new(suite, item, answers)
            if new and (old is None or _matters(old, new)):
                specs = suite.specs_of(item.case)
                reasons = tuple(failed(new.scores, specs)), why_not_judged(new.scores, specs)
                yield BaselineChange(item.key, old, new, *reasons)


def _matters(old: RecordedItem, new: RecordedItem) -> bool:
    def facts(one: RecordedItem) -> tuple[object, ...]:
        # Without the specs of the scores, which recordings of earlier releases do not have.
        scores = [(score.scorer, score.value, score.answer, score.reason) for score in one.scores]
        return (one.request_key, one.completion.text, one.completion.finish_reason, scores)

    return facts(old) != facts(new)


def _new(suite: Suite, item: Item, answers: RunAnswers) -> RecordedItem | None:
    result = answers.get(item.key)
    if result is None:
        return None
    template = item.variant.template or suite.template
    return stored_from(
        suite,
        item,
        result,
        answers.fingerprint(result),
        blob_id(template.source),
        answers.judged(item.key),
    )


@contextmanager
def _recorded(workspace: Workspace, suite: Suite) -> Iterator[Callable[[ItemKey], RecordedItem | None]]:
    """A function that finds the recorded item of a key. The recording is read only as far as it is needed."""
    path = workspace.resolve(suite.recording)
    if not path.is_file():
        yield lambda _key: None
        return
    with Recording(path, shown=suite.recording) as recording:
        yield recording.find


def last_answered_run(log: SuiteLog, suite: Suite, verb: str) -> SuiteRun:
    """The newest run of `verb` that has an answer. Raises `SuiteError` if there is none."""
    for run in log.runs(suite.path):
        if run.verb == verb and run.done:
            return run
    raise SuiteError(f"there is no {verb} of this suite", file=suite.path, hint=f"run `promptlab suite {verb}` first")

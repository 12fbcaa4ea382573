"""The baseline of a suite: writing its recording from new answers, and taking some of them over.

    record     every item asked anew; what failed keeps what was recorded before
    accept     answers of the last rerun become the recorded ones, for all items or for some
    adopt      results of the run history become cases and recorded answers

A recording is always written whole, in the order of the suite, from the old one and the new answers side by side.
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
from promptlab.suites._log import SuiteLog
from promptlab.suites._recorded_item import Judged, RecordedItem, check_labels, stored_from
from promptlab.suites._recording import Recording, write
from promptlab.suites._suite import Item, ItemKey, Suite
from promptlab.suites._suite_run import SuiteRun
from promptlab.types import Result
from promptlab.workspace import Labels, Workspace

PAGE = 100
"""Answers read from the history at once."""
PAGES = 8
"""Pages of them that are held: as many parts as an interrupted run is likely to have side by side."""


@dataclass(frozen=True, slots=True)
class BaselineChange:
    """What accepting an answer would change: the recorded one (None: there is none yet) and the new one."""

    key: ItemKey
    old: RecordedItem | None
    new: RecordedItem


class RunAnswers:
    """The answers of a suite run, read from the run history a page at a time.

    It holds a few pages: a run that was interrupted has the answers to neighbours in several chunks.
    """

    def __init__(self, store: Store, log: SuiteLog, run: SuiteRun) -> None:
        self._store = store
        self._places: dict[ItemKey, list[tuple[str, int]]] = {}
        for chunk in log.chunks(run):
            for position, key in enumerate(chunk.keys):
                self._places.setdefault(key, []).append((chunk.store_run, position))
        self._page = lru_cache(maxsize=PAGES)(self._read)
        self._fingerprints: dict[str, str] = {}
        # What judges said stands in the log; suites without a judge have none to hold.
        self._judged = {row.key: row.details.judged for row in log.every_row(run) if row.details.judged}

    def judged(self, key: ItemKey) -> tuple[Judged, ...]:
        """What judges said of the item's answer."""
        return self._judged.get(key, ())

    def get(self, key: ItemKey) -> Result | None:
        """The newest whole answer to the item; None where it has none."""
        for run_id, position in reversed(self._places.get(key, ())):
            found = self._page(run_id, position // PAGE).get(key.id)
            if found and found.completion and found.completion.finish_reason != "stopped" and found.request:
                return found
        return None

    def fingerprint(self, result: Result) -> str:
        """That of the model that gave the answer, which may be another one by now."""
        found = self._fingerprints.get(result.request_id)
        return self._store.fingerprint(result.request_id) if found is None else found

    def _read(self, run_id: str, page: int) -> dict[str, Result]:
        among = range(page * PAGE, (page + 1) * PAGE)
        found = {result.case: result for result in self._store.results(run_id, among=among)}
        if len(self._fingerprints) > PAGES * PAGE:
            self._fingerprints.clear()
        self._fingerprints |= self._store.fingerprints([result.request_id for result in found.values()])
        return found


def write_recording(
    workspace: Workspace,
    suite: Suite,
    answers: RunAnswers,
    *,
    only: Collection[ItemKey] | None = None,
    order: Iterable[Item] | None = None,
) -> int:
    """Write the suite's recording with `answers` in the places of the old ones, those of `only` or all; how many were
    taken. Items of the suite without a new answer keep the old; what is no longer in the suite goes. `order` are all
    items of the suite as they were asked; without it the cases are read as they are now.

    Raises `GateRefused` where the file is labelled lower than what it would hold; then nothing is written.
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
                found = new or recorded(item.key)
                if found:
                    check_labels(labels, suite.recording, found)
                    yield found

    with suite_lock.hold_suite(workspace, suite.path, "accept"):
        write(workspace.resolve(suite.recording), lines())
    return taken


def baseline_changes(
    workspace: Workspace, suite: Suite, answers: RunAnswers, *, wanted: Collection[str] = ()
) -> Iterator[BaselineChange]:
    """What accepting would change, of the items that `wanted` names by item or case, or of all: answers that are new,
    or were given to another prompt, or whose text is another."""
    with _recorded(workspace, suite) as recorded:
        for item in suite_items(workspace, suite, wanted=wanted):
            old, new = recorded(item.key), _new(suite, item, answers)
            if new and (old is None or _matters(old, new)):
                yield BaselineChange(item.key, old, new)


def _matters(old: RecordedItem, new: RecordedItem) -> bool:
    return (old.request_key, old.completion.text, old.scores) != (new.request_key, new.completion.text, new.scores)


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
    """What finds the recorded answer to an item; the file is read where something is looked for, and as far."""
    path = workspace.resolve(suite.recording)
    if not path.is_file():
        yield lambda _key: None
        return
    with Recording(path, shown=suite.recording) as recording:
        yield recording.find


def last_answered_run(log: SuiteLog, suite: Suite, verb: str) -> SuiteRun:
    """The newest run of the verb that has an answer. Raises `SuiteError` where there is none."""
    for run in log.runs(suite.path):
        if run.verb == verb and run.done:
            return run
    raise SuiteError(f"there is no {verb} of this suite", file=suite.path, hint=f"`promptlab suite {verb}` makes one")

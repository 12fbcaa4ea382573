"""A replay that is written to the suite log, with a row for each item, like a record or a rerun.

A replay asks no model, so it is not resumed: one that was stopped starts from the beginning again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from promptlab._util.git import blob_id
from promptlab.suites._items import suite_items
from promptlab.suites._log import SuiteLog
from promptlab.suites._recording import Recording
from promptlab.suites._replay import Replayed, replay_suite
from promptlab.suites._report_item import report_item_of_replay
from promptlab.suites._scores import passed
from promptlab.suites._suite import Suite
from promptlab.suites._suite_run import Details, ItemRow, Verb
from promptlab.types import mean_score
from promptlab.workspace import Labels, Workspace

TOGETHER = 200
"""Rows that are written together."""


class Replaying:
    """A suite that is being replayed. Iterate it for the items; each is in the log before the caller gets it.

    Raises `InputError` if there is no recording, and `SuiteError` for a wrong case.
    """

    verb: Verb = "replay"

    def __init__(self, workspace: Workspace, suite: Suite, *, log: SuiteLog) -> None:
        self.workspace, self.suite, self._log = workspace, suite, log
        Recording(workspace.resolve(suite.recording), shown=suite.recording).close()
        self._halt = threading.Event()
        self.total = sum(1 for _ in suite_items(workspace, suite))
        self.run = log.begin(suite.path, self.verb, self.total, {"suite": blob_id(suite.source)})

    resumed = 0
    out_of = ""

    @property
    def halted(self) -> bool:
        """True if it was stopped."""
        return self._halt.is_set()

    def stop(self) -> None:
        """End soon."""
        self._halt.set()

    pause = stop

    def __iter__(self) -> Iterator[Replayed]:
        whole = False
        batch: list[tuple[int, Replayed]] = []
        try:
            for number, one in enumerate(replay_suite(self.workspace, self.suite)):
                if self.halted:
                    return
                batch.append((number, one))
                if len(batch) == TOGETHER:
                    yield from self._written(batch)
                    batch = []
            yield from self._written(batch)
            whole = True
        finally:
            self._log.end(self.run, "finished" if whole else "stopped")

    def _written(self, batch: list[tuple[int, Replayed]]) -> Iterator[Replayed]:
        labels = Labels(self.workspace)
        self._log.add(self.run, [_row(number, one, labels) for number, one in batch])
        yield from (one for _, one in batch)


def _row(position: int, one: Replayed, labels: Labels) -> ItemRow:
    entry = report_item_of_replay(one, labels)
    rescored = one.status == "same" and entry.outcome in ("failed", "changed")
    judged = one.stored is not None and one.request is not None
    return ItemRow(
        position,
        one.key,
        "rescored" if rescored else entry.verdict,
        passed(one.scores, one.specs) if judged else None,
        mean_score(one.scores) if judged and not one.not_judged else None,
        passed(one.stored.scores, one.specs) if one.stored else None,
        mean_score(one.stored.scores) if one.stored else None,
        details=Details(
            said=entry.said,
            tags=one.tags,
            error=one.error,
            sections=one.sections() if one.status == "drifted" else (),
            unscored=one.unscored,
            not_judged=one.not_judged,
            cut=bool(one.cut) and not one.not_judged,
        ),
    )


__all__ = ["Replaying"]

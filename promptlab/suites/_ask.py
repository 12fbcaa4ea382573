"""Asking the models what a suite asks: `record` and `rerun`, all of it through the runner.

A suite is asked in chunks, so that memory stays flat however long it is. Each chunk is written to the suite log before
it goes to the runner, and the runner records every answer as it ends. After a pause, a limit or a kill -9 the run can
be resumed: only items that have no answer yet are asked.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from promptlab import runs as runner
from promptlab._util.git import blob_id
from promptlab.errors import PromptlabError
from promptlab.models import Catalogue
from promptlab.runs import MadeFor, Store, Trial
from promptlab.suites import _lock as suite_lock
from promptlab.suites._baseline import RunAnswers, write_recording
from promptlab.suites._budget import Reserve, Spent, Tally, bound_of_request, check_prices, most_for_item, spent_at_most
from promptlab.suites._items import AskOptions, TrialMaker, chosen, recorded_of, trial_of
from promptlab.suites._log import SuiteLog
from promptlab.suites._outcome import Answered, Ended, Judges, failed_result, row_of
from promptlab.suites._planned import Planned
from promptlab.suites._recorded_item import RecordedItem, check_label
from promptlab.suites._recorder import RecorderOfRun
from promptlab.suites._recording import Recording
from promptlab.suites._suite import Item, ItemKey, Suite
from promptlab.suites._suite_run import SuiteRun, Verb
from promptlab.types import LABELS, Completion, Request, Result
from promptlab.workspace import Workspace

CHUNK = 1_000
"""Items that go to the runner together: enough that models seldom wait for the last of them, few enough to hold."""
TOGETHER = 64
"""At most so many answers are judged and written to the log together."""
SOON = 0.25
"""Seconds after which the answers that have ended are judged and written, even if they are few."""


@dataclass
class _Chunk:
    """A chunk, sorted: items that have an answer or an error already, and items to ask with their trials."""

    ended: list[Ended] = field(default_factory=list)
    to_ask: list[tuple[int, Item, RecordedItem | None]] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)


class Asking:
    """A suite that is being asked. Iterate it for the items that have ended.

    `stop` ends it soon and breaks off running answers; `pause` lets running answers end. The suite is locked
    (`suites/_lock.py`) until the iteration has ended. If an earlier run can be resumed, `run` is that one, and
    `resumed` says how many items it had answered. `finished_before` are the runs that had finished when this one was
    wanted: a run that finished later, while this one waited for the lock, is resumed too, and so not paid for twice.
    """

    def __init__(
        self,
        workspace: Workspace,
        suite: Suite,
        *,
        verb: Verb,
        options: AskOptions,
        catalogue: Catalogue,
        store: Store,
        log: SuiteLog,
        resume: bool = True,
        finished_before: Collection[str] | None = None,
    ) -> None:
        self.workspace, self.suite, self.verb, self.options = workspace, suite, verb, options
        self.catalogue, self.store, self._log = catalogue.with_numerics(suite.numerics), store, log
        self.fill = TrialMaker(workspace, suite)
        self.out_of: str = ""
        self._tally = Tally(self.catalogue)
        self._reserve = Reserve(options, Spent())
        self._judges = Judges(self.fill, self.catalogue, store, self._tally)
        self._halt = threading.Event()
        self._cancel = threading.Event()
        self._current: runner.Run | None = None
        self._left: list[tuple[int, Item]] = []
        self._recorder: RecorderOfRun | None = None
        self._owned = suite_lock.take_suite(workspace, suite.path, verb)
        try:
            self._prepare(resume, finished_before)
        except BaseException:
            self._owned.release()
            raise

    def _prepare(self, resume: bool, finished_before: Collection[str] | None) -> None:
        """Find what can go wrong now, and not after half of the suite was paid for."""
        workspace, suite, options, catalogue = self.workspace, self.suite, self.options, self.catalogue
        self._recording = workspace.resolve(suite.recording)
        if self._recording.is_file():
            with Recording(self._recording, shown=suite.recording) as recorded:
                recorded.keys()  # reads every line; a broken one is an error
        for model in options.models or suite.models:
            catalogue.entry(model)  # an unknown model is an error
        every = chosen(workspace, suite, verb=self.verb, options=replace(options, limit=None), log=self._log)
        self._planned = Planned(suite, islice(every, options.limit))
        self._cut = options.limit is not None and next(every, None) is not None
        self.total = len(self._planned)
        if options.max_cost is not None:
            check_prices(catalogue, self._models(), suite.path)
        if self.verb == "record":
            self._check_labels()
        self.run, self._had = self._begin(resume, finished_before)

    def _models(self) -> Iterator[str]:
        """The models of the items and of their judges, some more than once. A judge without one is left out."""
        for _, item in self._planned:
            yield item.key.model
            for spec in self.fill.judge_specs(item.case):
                if (judge := spec.values.get("model")) in self.catalogue.names():
                    yield str(judge)

    def _check_labels(self) -> None:
        """Raise `GateRefused` if the recording has a lower label than an answer it would hold. Items that the gate
        refuses to send will have no answer, and are left out."""
        own = self.fill.label_of(self.suite.recording)
        if own == LABELS[-1]:
            return
        for _, item in self._planned:
            if item.key.repeat:
                continue
            try:
                label = self.fill.label(item)
                clearance = self.catalogue.clearance(item.key.model)
            except PromptlabError:
                continue  # becomes the error of this item when it is asked
            if LABELS.index(label) <= LABELS.index(clearance):
                check_label(own, self.suite.recording, item.key, label)

    def _begin(self, resume: bool, finished_before: Collection[str] | None) -> tuple[SuiteRun, dict[ItemKey, str]]:
        """The run to go on with, or a new one, and the items that it has answers to (see `_answered`)."""
        mine = self._identity()
        runs = self._log.runs(self.suite.path, verb=self.verb, limit=1_000) if resume else []
        last = next((run for run in runs if run.identity == mine), None)
        # A run that finished while this one waited for the lock is resumed: nothing of it is asked and paid for again.
        old = finished_before is None or (last is not None and last.id in finished_before)
        if last is None or (last.state == "finished" and old):
            limit = {"limit": self.options.limit} if self._cut else {}
            return self._log.begin(self.suite.path, self.verb, self.total, {**mine, **limit}), {}
        return self._log.take_up(last, self.total), self._answered(last)

    def _identity(self) -> dict[str, Any]:
        return {**self.options.identity(), "suite": blob_id(self.suite.source)}

    def _answered(self, run: SuiteRun) -> dict[ItemKey, str]:
        """The items that an earlier part of `run` has an answer to, each with the run of the history that holds it.
        Their tokens and prices count as spent. A row in the log is not needed: the process may have been killed."""
        answered: dict[ItemKey, str] = {}
        for chunk in self._log.chunks(run):
            for key, result in _results_by_key(self.store, chunk.store_run, chunk.keys):
                if result.completion is not None and result.completion.finish_reason != "stopped":
                    answered[key] = chunk.store_run
                    self._tally.add(key.model, result.completion)
        self._count_judges(run)
        return answered

    def _count_judges(self, run: SuiteRun) -> None:
        """Count what judges have answered in an earlier part of `run`."""
        if not self._reserve.limited:
            return
        for row in self._log.every_row(run):
            for judged in row.details.judged:
                stored = self.store.find(judged.key)
                if stored is not None and stored.created >= run.created:
                    self._tally.add(judged.model, stored.completion)

    @property
    def spent(self) -> Spent:
        """What the run has used so far."""
        return self._tally.spent

    def take_more(self, requests: Sequence[Request]) -> bool:
        """Set aside what more requests than those of the suite can take. False if that would pass a limit."""
        if not self._reserve.limited:
            return True
        most = (spent_at_most(self.catalogue, bound_of_request(self.catalogue, request)) for request in requests)
        return self._reserve.take_more(sum(most, Spent()))

    def count(self, model: str, done: Completion) -> None:
        """Count what one more answer of `model` took."""
        self._tally.add(model, done)

    @property
    def resumed(self) -> int:
        """How many items have their answer from an earlier part of the run."""
        return len(self._had)

    # Ending early

    def pause(self) -> None:
        """Start nothing more; running answers go on to their end."""
        self._halt.set()
        if self._current:
            self._current.drain()

    def stop(self) -> None:
        """End soon: running answers are broken off, and asked again when the run is resumed."""
        self._halt.set()
        self._cancel.set()
        if self._current:
            self._current.cancel()
        self._judges.cancel()

    @property
    def halted(self) -> bool:
        """True if it was paused or stopped."""
        return self._halt.is_set()

    @property
    def partial(self) -> bool:
        """True if only a part of the suite is asked, or it was stopped: thresholds are about the whole suite."""
        chosen = self.options
        some_models = chosen.models is not None and not set(chosen.models) >= set(self.suite.models)
        return bool(chosen.only or chosen.only_failed or chosen.limit or self.halted or self.out_of or some_models)

    # Asking

    def __iter__(self) -> Iterator[Answered]:
        """Every item as it ends. It is in the log before the caller gets it."""
        source = iter(self._planned)
        recorded = self._recorded()
        if self.verb == "record" and not self._in_part:
            # Of a part of the suite, `write_recording` puts the answers into the old recording at the end.
            self._recorder = RecorderOfRun(self.workspace, self.suite, self._planned)
        whole = listened = False
        try:
            while not self.halted and (chunk := self._next_chunk(source)):
                yield from self._ask(chunk, recorded)
            whole = not self.halted and not self.out_of
            listened = True
        finally:
            if recorded:
                recorded.close()
            if not listened and self._recorder:
                self._recorder.discard()
            if not whole:  # the caller left, or something failed: what was not asked can be asked when it is resumed
                self.pause()
            self._log.end(self.run, "finished" if whole else "stopped")
            self._owned.release()

    def _recorded(self) -> Recording | None:
        return Recording(self._recording, shown=self.suite.recording) if self._recording.is_file() else None

    def _next_chunk(self, source: Iterator[tuple[int, Item]]) -> list[tuple[int, Item]]:
        if self.out_of:
            return []
        left, self._left = self._left, []
        return [*left, *islice(source, CHUNK - len(left))]

    def _ask(self, items: Sequence[tuple[int, Item]], recorded: Recording | None) -> Iterator[Answered]:
        chunk = self._sorted(items, recorded)
        yield from self._judged(chunk.ended)
        if not chunk.trials:
            return
        run_id = uuid.uuid4().hex
        self._log.chunk(self.run, run_id, [item.key for _, item, _ in chunk.to_ask])
        suite = self.suite
        title = f"suite {self.verb} {suite.name}" if suite.made_as == "suite" else f"{suite.made_as} {suite.name}"
        self._current = run = runner.start_run(
            chunk.trials,
            catalogue=self.catalogue,
            store=self.store,
            title=title,
            fresh=True,
            planned_repeats=True,
            run_id=run_id,
            made_for=MadeFor(suite.made_as, suite.path, suite.batch or self.run.id),
        )
        if self.halted:  # `pause` or `stop` was called while the run was being started
            run.cancel() if self._cancel.is_set() else run.drain()
        batch: list[Ended] = []
        last = time.monotonic()
        for event in run:
            if isinstance(event.step, Result):
                position, item, stored = chunk.to_ask[event.index]
                batch.append(Ended(position, item, stored, event.step, run_id, event.fingerprint))
            if len(batch) >= TOGETHER or (batch and time.monotonic() - last > SOON):
                yield from self._judged(batch)
                batch, last = [], time.monotonic()
        self._current = None
        yield from self._judged(batch)

    def _sorted(self, items: Sequence[tuple[int, Item]], recorded: Recording | None) -> _Chunk:
        """What to do with each of `items`. Items beyond a limit are kept for the next chunk, or end the run."""
        chunk = _Chunk()
        earlier = self._earlier(items)
        self._reserve = reserve = Reserve(self.options, self.spent)
        for place, (position, item) in enumerate(items):
            stored = recorded_of(self.suite, item.key, recorded)
            try:
                trial = trial_of(self.fill, item, stored, self.options.prompts)
                if item.key in earlier and is_answer_to(earlier[item.key], trial):
                    chunk.ended.append(Ended(position, item, stored, self.fill.rescored(item, earlier[item.key])))
                    continue
                self._had.pop(item.key, None)  # it was asked something else than would be asked now
                if self.out_of:
                    continue
                if reserve.limited and not reserve.take(most_for_item(self.fill, self.catalogue, item, trial)):
                    if chunk.trials:
                        # More was set aside than they will take. Once they have ended, the rest may fit.
                        self._left = list(items[place:])
                        break
                    self.out_of = reserve.out_of
                    continue
            except PromptlabError as exc:
                chunk.ended.append(Ended(position, item, stored, failed_result(item, exc)))
                continue
            chunk.to_ask.append((position, item, stored))
            chunk.trials.append(trial)
        return chunk

    def _earlier(self, items: Sequence[tuple[int, Item]]) -> dict[ItemKey, Result]:
        """The answers that an earlier part of the run has to `items`."""
        wanted = {item.key: self._had[item.key] for _, item in items if item.key in self._had}
        results: dict[ItemKey, Result] = {}
        for store_run in dict.fromkeys(wanted.values()):
            keys = [key for key, its_run in wanted.items() if its_run == store_run]
            results |= dict(_results_by_key(self.store, store_run, keys))
        return results

    def _judged(self, batch: Sequence[Ended]) -> Iterator[Answered]:
        """The items of `batch` with their verdicts, once these are in the log. An item whose answer was broken off is
        left out: it is asked when the run is resumed."""
        whole = [ended for ended in batch if not ended.broken_off]
        answered = self._judges.answered(whole, self._had)
        for ended in whole:
            if ended.result.completion and ended.item.key not in self._had:
                self._tally.add(ended.item.key.model, ended.result.completion)
        if whole:
            run_ids = [ended.run_id or ended.result.run_id for ended in whole]
            self._log.add(self.run, [row_of(each, run_id) for each, run_id in zip(answered, run_ids, strict=True)])
        if self._recorder:
            for each in answered:
                self._recorder.add(each)
        yield from answered

    # The recording

    @property
    def _in_part(self) -> bool:
        """True if only some items of the suite are asked."""
        options = self.options
        return bool(options.only or options.only_failed or options.limit or options.models is not None)

    def write_recording(self) -> int:
        """Write the recording of a `record` that has ended; returns how many answers were taken.

        Raises `GateRefused` if the file has a lower label than an answer, and `OSError`; then nothing is written.
        """
        taken = self._recorder.finish() if self._recorder else None
        self._recorder = None
        if taken is not None:
            return taken
        order = None if self._in_part else (item for _, item in self._planned)
        return write_recording(self.workspace, self.suite, RunAnswers(self.store, self._log, self.run), order=order)


def is_answer_to(result: Result, trial: Trial) -> bool:
    """True if an earlier result answers the request that `trial` would send now."""
    return result.request is not None and result.request.body() == runner.request_of(trial).body()


def _results_by_key(store: Store, run_id: str, keys: Sequence[ItemKey]) -> Iterator[tuple[ItemKey, Result]]:
    by_id = {key.id: key for key in keys}
    for result in store.results(run_id):
        if result.case in by_id:
            yield by_id[result.case], result

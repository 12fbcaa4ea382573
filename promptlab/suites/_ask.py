"""Asking the models what a suite asks: `record` and `rerun`, all of it through the runner.

A suite is asked in chunks, so that memory stays flat however long it is. Each chunk is written into the suite log
before it goes to the runner, and the runner records every answer as it ends: whoever starts again after a pause, a
limit or a kill -9 asks only what has no answer yet.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from promptlab import runs as runner
from promptlab import scorers
from promptlab._util.git import blob_id
from promptlab.errors import InputError, PromptlabError
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import _judge as judging
from promptlab.suites import _lock as suite_lock
from promptlab.suites import _verdict as verdicts
from promptlab.suites._baseline import Answers, write_recording
from promptlab.suites._choice import Options, chosen, recorded_of, trial_of
from promptlab.suites._items import Fill
from promptlab.suites._limits import Reserve, Spent, price
from promptlab.suites._log import Details, Row, SuiteLog, SuiteRun, Verb
from promptlab.suites._planned import Planned
from promptlab.suites._recorded_item import check_label, stored_from
from promptlab.suites._recorder import Recorder
from promptlab.suites._recording import Judged, Recording, Stored
from promptlab.suites._suite import Item, Key, Suite
from promptlab.types import LABELS, Completion, Request, Result, Score, Trial
from promptlab.workspace import Workspace

CHUNK = 1_000
"""Items that go to the runner together: enough that models seldom wait for the last of them, few enough to hold."""
TOGETHER = 64
"""Answers that are judged and written to the log together, at most."""
T = TypeVar("T")
SOON = 0.25
"""Seconds after which those that have ended are given on, however few."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An item that has ended: the answer, what was recorded of it, and the verdict."""

    position: int
    item: Item
    result: Result
    stored: Stored | None
    verdict: verdicts.Verdict
    fingerprint: str
    judged: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ended:
    """An item with the result it ended in. `run_id` is the run of the history, "" where an earlier part has it;
    `fingerprint` that of the backend that was asked."""

    position: int
    item: Item
    stored: Stored | None
    result: Result
    run_id: str = ""
    fingerprint: str = ""

    @property
    def broken_off(self) -> bool:
        """True if its answer was stopped on the way."""
        return self.result.completion is not None and self.result.completion.finish_reason == "stopped"


@dataclass(frozen=True, slots=True)
class _Judges:
    """What the judges of an item said; `silent` are those that gave no verdict, each with why."""

    judged: tuple[Judged, ...] = ()
    scores: tuple[Score, ...] = ()
    silent: tuple[str, ...] = ()


class Asking:
    """A suite being asked. Iterate it for what has ended; `stop` ends it soon, `pause` lets what runs go to its end.

    The suite is held (`suite_lock`) until the iteration has ended. A run can be taken up again: `run` is then the one
    it goes on with, `resumed` says how far that had got. So can a finished one that is not in `finished_before`, the
    runs that had finished when this one was wished for.
    """

    def __init__(
        self,
        workspace: Workspace,
        suite: Suite,
        *,
        verb: Verb,
        options: Options,
        catalogue: Catalogue,
        store: Store,
        log: SuiteLog,
        resume: bool = True,
        finished_before: Collection[str] | None = None,
    ) -> None:
        self.workspace, self.suite, self.verb, self.options = workspace, suite, verb, options
        self.catalogue, self.store, self._log = catalogue.with_numerics(suite.numerics), store, log
        self.fill = Fill(workspace, suite)
        self._halt = threading.Event()
        self._cancel = threading.Event()
        self._current: runner.Run | None = None
        self._judging: runner.Run | None = None
        self._left: list[tuple[int, Item]] = []
        self.spent = Spent()
        self.out_of: str = ""
        self._recorder: Recorder | None = None
        self._blobs: dict[str, str] = {}
        self._owned = suite_lock.take(workspace, suite.path, verb)
        try:
            self._ready(resume, finished_before)
        except BaseException:
            self._owned.release()
            raise

    def _ready(self, resume: bool, finished_before: Collection[str] | None) -> None:
        workspace, suite, options, catalogue = self.workspace, self.suite, self.options, self.catalogue
        self._recording = workspace.resolve(suite.recording)
        if self._recording.is_file():
            with Recording(self._recording, shown=suite.recording) as recorded:
                recorded.keys()  # a broken line is an error now, and not after half of the suite was paid for
        for model in options.models or suite.models:
            catalogue.entry(model)  # an unknown model is an error now, and not a thousand later
        asked = chosen(workspace, suite, verb=self.verb, options=options, log=self._log)
        self._planned = Planned(suite, asked)
        self.total = len(self._planned)
        if self.verb == "record":
            self._check_labels()
        self.run, self._had = self._begin(resume, finished_before)

    def _check_labels(self) -> None:
        """Raise `GateRefused` where the recording is labelled lower than what it would hold: now, and not after
        everything was paid for. What the gate refuses anyway will not be in it."""
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
                continue  # an error of its item, when its turn comes
            if LABELS.index(label) <= LABELS.index(clearance):
                check_label(own, self.suite.recording, item.key, label)

    def _begin(self, resume: bool, finished_before: Collection[str] | None) -> tuple[SuiteRun, dict[Key, str]]:
        mine = self._identity()
        runs = self._log.runs(self.suite.path, verb=self.verb) if resume else []
        last = next((run for run in runs if dict(run.options) == mine), None)
        # Of a run that ended while this one waited for the suite, nothing is asked and paid for again.
        old = finished_before is None or (last is not None and last.id in finished_before)
        if last is None or (last.state == "finished" and old):
            return self._log.begin(self.suite.path, self.verb, self.total, mine), {}
        return self._log.take_up(last, self.total), self._answered(last)

    def _identity(self) -> dict[str, Any]:
        return {**self.options.identity(), "suite": blob_id(self.suite.source)}

    def _answered(self, run: SuiteRun) -> dict[Key, str]:
        """The items that an earlier part of `run` has an answer to, whether or not they got a row, each with the run
        of the history that holds it; what they took counts as spent."""
        found: dict[Key, str] = {}
        for chunk in self._log.chunks(run):
            for key, result in _with_keys(self.store, chunk.store_run, chunk.keys):
                if result.completion is not None and result.completion.finish_reason != "stopped":
                    found[key] = chunk.store_run
                    self._spend(key.model, result.completion)
        return found

    def _spend(self, model: str, done: Completion) -> None:
        prompt, written = done.usage.prompt or 0, done.usage.written or 0
        cost = price(self.catalogue.entry(model), prompt, written)
        self.spent = Spent(self.spent.tokens + prompt + written, self.spent.cost + cost)

    @property
    def resumed(self) -> int:
        """Items that had their answer from an earlier part of the run."""
        return len(self._had)

    # Ending early

    def pause(self) -> None:
        """Begin nothing more; what is running ends as it would."""
        self._halt.set()
        if self._current:
            self._current.drain()

    def stop(self) -> None:
        """End soon: running answers are broken off, and asked again when the run is taken up."""
        self._halt.set()
        self._cancel.set()
        for run in (self._current, self._judging):
            if run:
                run.cancel()

    @property
    def halted(self) -> bool:
        return self._halt.is_set()

    @property
    def partial(self) -> bool:
        """True if only a part of the suite is asked, or was asked before it was stopped: thresholds are about all of
        it."""
        chosen = self.options
        some_models = chosen.models is not None and not set(chosen.models) >= set(self.suite.models)
        return bool(chosen.only or chosen.only_failed or chosen.limit or self.halted or self.out_of or some_models)

    # The work

    def __iter__(self) -> Iterator[Answered]:
        """Everything that ends, as it ends; it is in the log before it is given."""
        source = iter(self._planned)
        recorded = self._recorded()
        self._recorder = self._new_recorder()
        whole = listened = False
        try:
            while not self.halted and (chunk := self._next_chunk(source)):
                yield from self._ask(chunk, recorded)
            whole = not self.halted and not self.out_of
            listened = True
        finally:
            if recorded:
                recorded.close()
            if not listened:
                self._discard()
            if not whole:  # nobody listens any more, or something broke: what was not asked stays to be asked
                self.pause()
            self._log.end(self.run, "finished" if whole else "stopped")
            self._owned.release()

    # The recording

    @property
    def _in_part(self) -> bool:
        """True if not every item of the suite is asked."""
        options = self.options
        return bool(options.only or options.only_failed or options.limit or options.models is not None)

    def _new_recorder(self) -> Recorder | None:
        """What writes the recording as answers come; None if only a part of the suite is asked, whose answers take
        their places in the old one at the end."""
        if self.verb != "record" or self._in_part:
            return None
        return self._guarded(lambda: Recorder(self.workspace, self.suite, self._planned))

    def _guarded(self, do: Callable[[], T]) -> T | None:
        """What `do` gives. Where the recording cannot be written, asking goes on: its answers are in the history, and
        `write_recording` reads them from there, or says what is wrong."""
        try:
            return do()
        except (OSError, PromptlabError):
            self._discard()
            return None

    def _discard(self) -> None:
        if self._recorder:
            self._recorder.discard()
            self._recorder = None

    def _record(self, ended: Answered) -> None:
        if self._recorder is None:
            return
        result, recorder, new = ended.result, self._recorder, None
        if result.completion and result.request:
            template = ended.item.variant.template or self.suite.template
            if template.path not in self._blobs:
                self._blobs[template.path] = blob_id(template.source)
            own = replace(result, scores=result.scores[: len(result.scores) - len(ended.judged)])
            blob = self._blobs[template.path]
            new = stored_from(self.suite, ended.item, own, ended.fingerprint, blob, ended.judged)
        self._guarded(lambda: recorder.add(ended.item.key, new))

    def write_recording(self) -> int:
        """Put the answers of a record in their places, when it has ended; how many there are.

        Raises `GateRefused` where the file is labelled lower than what it would hold, and `OSError`; then nothing is
        written.
        """
        recorder = self._recorder
        if recorder is None or not self._guarded(recorder.finish):
            self._discard()
            order = None if self._in_part else (item for _, item in self._planned)
            return write_recording(self.workspace, self.suite, Answers(self.store, self._log, self.run), order=order)
        self._recorder = None
        return recorder.taken

    def _recorded(self) -> Recording | None:
        return Recording(self._recording, shown=self.suite.recording) if self._recording.is_file() else None

    def _next_chunk(self, source: Iterator[tuple[int, Item]]) -> list[tuple[int, Item]]:
        if self.out_of:
            return []
        left, self._left = self._left, []
        return [*left, *islice(source, CHUNK - len(left))]

    def _ask(self, chunk: Sequence[tuple[int, Item]], recorded: Recording | None) -> Iterator[Answered]:
        had: list[_Ended] = []
        ready: list[tuple[int, Item, Stored | None]] = []
        failed: list[_Ended] = []
        trials: list[Trial] = []
        earlier = self._earlier(chunk)
        reserve = Reserve(self.options, self.spent)
        for place, (position, item) in enumerate(chunk):
            stored = recorded_of(self.suite, item.key, recorded)
            try:
                trial = trial_of(self.fill, item, stored, self.options.prompts)
                if item.key in earlier and _is_of(earlier[item.key], trial):
                    had.append(_Ended(position, item, stored, earlier[item.key]))
                    continue
                self._had.pop(item.key, None)  # what it was asked is not what would be asked now
                if self.out_of:
                    continue
                if reserve.limited and not reserve.take(self._at_most(item, trial)):
                    if trials:  # what these take at most is set aside; what they took is known when they have ended
                        self._left = list(chunk[place:])
                        break
                    self.out_of = reserve.out_of
                    continue
            except PromptlabError as exc:
                failed.append(_Ended(position, item, stored, _no_answer(item, exc)))
                continue
            ready.append((position, item, stored))
            trials.append(trial)
        yield from self._written([*had, *failed])
        if not trials:
            return
        run_id = uuid.uuid4().hex
        self._log.chunk(self.run, run_id, [item.key for _, item, _ in ready])
        title = f"suite {self.verb} {self.suite.name}"
        self._current = run = runner.start(
            trials, catalogue=self.catalogue, store=self.store, title=title, fresh=True, run_id=run_id
        )
        if self.halted:  # somebody asked for it while the chunk was made
            run.cancel() if self._cancel.is_set() else run.drain()
        batch: list[_Ended] = []
        last = time.monotonic()
        for event in run:
            if isinstance(event.step, Result):
                position, item, stored = ready[event.index]
                batch.append(_Ended(position, item, stored, event.step, run_id, event.fingerprint))
            if len(batch) >= TOGETHER or (batch and time.monotonic() - last > SOON):
                yield from self._written(batch)
                batch, last = [], time.monotonic()
        self._current = None
        yield from self._written(batch)

    def _earlier(self, chunk: Sequence[tuple[int, Item]]) -> dict[Key, Result]:
        """The answers that an earlier part of the run has to items of the chunk."""
        wanted = {item.key: self._had[item.key] for _, item in chunk if item.key in self._had}
        found: dict[Key, Result] = {}
        for store_run in dict.fromkeys(wanted.values()):
            keys = [key for key, its in wanted.items() if its == store_run]
            found |= dict(_with_keys(self.store, store_run, keys))
        return found

    def _at_most(self, item: Item, trial: Trial) -> Spent:
        """What an item takes at most: its answer, and what judges read and say of it."""
        request = runner.request_of(trial)
        answer = request.params.max_tokens
        most = self._budget(trial.model, request, 0)
        for judge in self.fill.judges(item, request.prompt, ""):
            its = self._budget(judge.model, runner.request_of(judge), answer)
            most = Spent(most.tokens + its.tokens, most.cost + its.cost)
        return most

    def _budget(self, model: str, request: Request, more: int) -> Spent:
        """What a request takes at most, with `more` tokens in its prompt."""
        budget = self.catalogue.backend(model).as_sent(request).budget
        cost = price(self.catalogue.entry(model), budget.prompt + more, budget.room)
        return Spent(budget.prompt + more + budget.room, cost)

    def _written(self, batch: Sequence[_Ended]) -> Iterator[Answered]:
        """Verdicts of what ended, in the log before they are given on."""
        answered: list[Answered] = []
        # A broken-off answer is none: the item is asked when the run is taken up.
        batch = [
            one for one in batch if not (one.result.completion and one.result.completion.finish_reason == "stopped")
        ]
        judged = self._judge([(one.item, one.result) for one in batch])
        for ended in batch:
            answered.append(self._verdict(ended, judged.get(ended.item.key, _Judges())))
            if ended.result.completion and ended.item.key not in self._had:
                self._spend(ended.item.key.model, ended.result.completion)
        if batch:
            self._log.add(
                self.run, [_row(one, e.run_id or e.result.run_id) for one, e in zip(answered, batch, strict=True)]
            )
        for one in answered:
            self._record(one)
        yield from answered

    def _judge(self, ended: Sequence[tuple[Item, Result]]) -> dict[Key, _Judges]:
        """Ask the judges of what ended. One that gives no verdict gives no score, says why, and its item cannot be
        told."""
        asked = [
            (item, trial)
            for item, result in ended
            if result.completion and result.request
            for trial in self.fill.judges(item, result.request.prompt, result.completion.text)
        ]
        if not asked:
            return {}
        title = f"suite judge {self.suite.name}"
        run = runner.start([trial for _, trial in asked], catalogue=self.catalogue, store=self.store, title=title)
        self._judging = run
        if self._cancel.is_set():
            run.cancel()
        results = run.wait()
        self._judging = None
        found: dict[Key, _Judges] = {}
        for (item, trial), result in zip(asked, results, strict=True):
            so_far = found.get(item.key, _Judges())
            if result.completion is None:
                found[item.key] = replace(so_far, silent=(*so_far.silent, f"{trial.model}: {result.error}"))
                continue
            if not result.cached:
                self._spend(trial.model, result.completion)
            try:
                score = judging.read(result.completion.text)
            except InputError:
                found[item.key] = replace(so_far, silent=(*so_far.silent, f"{trial.model}: its answer is no verdict"))
                continue
            fingerprint = self._fingerprint(trial.model)
            one = Judged(judging.NAME, trial.model, fingerprint, result.request_id, result.completion.text)
            found[item.key] = replace(so_far, judged=(*so_far.judged, one), scores=(*so_far.scores, score))
        return found

    def _verdict(self, ended: _Ended, judges: _Judges) -> Answered:
        item, stored = ended.item, ended.stored
        result = replace(ended.result, scores=(*ended.result.scores, *judges.scores))
        specs = self.suite.specs_of(item.case)
        today: tuple[Score, ...] = ()
        if stored is not None:
            asking = tuple(s for s in stored.scores if s.scorer in scorers.MODEL_SCORERS)
            own = self.fill.scorers(item.case, item.variant)
            today = (*runner.score(own, stored.completion.text, item.case.expected), *asking)
        fingerprint = ""
        if result.completion:
            # An earlier part of the run may have asked the model as it was then.
            earlier = item.key in self._had
            fingerprint = self.store.fingerprint(result.request_id) if earlier else ended.fingerprint
        verdict = verdicts.judge(stored, result, fingerprint, specs, today)
        if judges.silent:
            silent = "; ".join(f"no verdict of the judge {why}" for why in judges.silent)
            verdict = replace(verdict, said="; ".join(filter(None, (verdict.said, silent))))
        return Answered(ended.position, item, result, stored, verdict, fingerprint, judges.judged)

    def _fingerprint(self, model: str) -> str:
        return self.catalogue.backend(model).fingerprint


def _is_of(result: Result, trial: Trial) -> bool:
    """Whether an earlier answer is one to what would be asked now."""
    return result.request is not None and result.request.body() == runner.request_of(trial).body()


def _with_keys(store: Store, run_id: str, keys: Sequence[Key]) -> Iterator[tuple[Key, Result]]:
    by_id = {key.id: key for key in keys}
    for result in store.results(run_id):
        if result.case in by_id:
            yield by_id[result.case], result


def _row(one: Answered, run_id: str) -> Row:
    verdict = one.verdict
    return Row(
        one.position,
        one.item.key,
        verdict.kind,
        verdict.passed,
        verdict.score,
        verdict.was_passed,
        verdict.was_score,
        one.result.id,
        run_id,
        Details(
            said=verdict.said,
            causes=verdict.causes,
            tags=one.item.case.tags,
            error=one.result.error,
            unscored=verdict.unscored,
            judged=one.judged,
        ),
    )


def _no_answer(item: Item, exc: PromptlabError) -> Result:
    return Result(
        id=uuid.uuid4().hex,
        run_id="",
        model=item.key.model,
        request=None,
        request_id="",
        error=exc.message,
        error_kind=type(exc).__name__,
        hint=exc.hint,
        case=item.key.id,
        created=runner.now(),
    )

"""The runner: the only code that asks a backend for a completion.

Each trial is rendered, passes the gate, is looked up in the store, checked against the context window, asked, scored
and recorded. Every trial ends in exactly one `Result`, and a failing trial does not affect others. A run goes on even
if its events are not read, and what it has recorded outlives the process.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import traceback
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from promptlab import models, workspace
from promptlab.errors import PromptlabError, StoreError
from promptlab.models import Backend, Catalogue, ProbesMachine
from promptlab.runs._draws import DrawNumbers, is_answer_reusable
from promptlab.runs._gate import Gate, labelled
from promptlab.runs._prompts import prompt_of
from promptlab.runs._provenance import origin
from promptlab.runs._run_info import MadeFor, RunInfo
from promptlab.runs._score import score_answer
from promptlab.runs._trial import Trial
from promptlab.runs._window import check_window
from promptlab.types import Completion, Delta, Origin, Phase, Request, Result, Score, Scorer, Source, Thought, highest

if TYPE_CHECKING:  # a replay loads no database
    from promptlab.runs._store import Store, Stored

log = logging.getLogger(__name__)
NOTHING_ELSE = MadeFor()

KEEP_TRIES = 2.0
"""Seconds between two writes of the models' last results during a run."""


@dataclass(frozen=True)
class Event:
    """A step of trial number `index` of the run. Its last event is a `Result`, with the `fingerprint` of the
    backend."""

    index: int
    step: Phase | Thought | Delta | Result
    fingerprint: str = ""


@dataclass(frozen=True)
class _Ended:
    index: int
    result: Result
    fingerprint: str


def utc_now() -> str:
    """The time now, as the history keeps it: UTC, ISO 8601, with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def request_of(trial: Trial) -> Request:
    """The request of a trial: with the prompt that the planner rendered, or the stored request that the trial has.

    The sources of a stored request include the file that it was stored in. Raises `TemplateError` if the prompt cannot
    be rendered.
    """
    if trial.request is not None:
        recalled = trial.request
        kept = tuple(
            Source("layout", place.path, highest([recalled.label, trial.label]), places=(place,))
            for place in recalled.kept_in
        )
        prompt = replace(recalled.request.prompt, sources=(*recalled.request.prompt.sources, *kept))
        return replace(recalled.request, prompt=prompt, model=trial.model, repeat=trial.repeat)
    prompt = prompt_of(trial)
    return Request(trial.model, prompt, trial.params, trial.template.schema, trial.repeat)


class Run:
    """A run that is being asked. Iterate it for its events; `cancel` stops it and keeps what has arrived."""

    def __init__(
        self,
        trials: Sequence[Trial],
        *,
        catalogue: Catalogue,
        store: Store,
        title: str,
        fresh: bool,
        planned_repeats: bool,
        scorers: Sequence[Scorer],
        made_by: Origin,
        run_id: str,
        made_for: MadeFor,
    ) -> None:
        self.id = run_id or uuid.uuid4().hex
        self.trials = tuple(trials)
        self.created = utc_now()
        self.store_error: StoreError | None = None
        self._catalogue, self._store, self._fresh, self._scorers = catalogue, store, fresh, tuple(scorers)
        self._draws = None if planned_repeats else DrawNumbers(store)
        self._gate = Gate(catalogue)
        self._cancel = threading.Event()
        self._drain = threading.Event()
        self._results: dict[int, Result] = {}
        self._states: dict[str, tuple[str, ...]] = {}
        self._tries: dict[str, models.Try] = {}
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[_Ended] = queue.SimpleQueue()
        store.begin(RunInfo(self.id, self.created, title, made_by.template, len(trials), made_by, made_for=made_for))
        self._start()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    def cancel(self) -> None:
        """Stop every running answer and start no more. Trials that have not started end as stopped, too."""
        self._cancel.set()

    def drain(self) -> None:
        """Start no more trials; running ones go on to their end. Trials that have not started end as stopped."""
        self._drain.set()

    def __iter__(self) -> Iterator[Event]:
        """Events until every trial has its `Result`. Only one caller gets them. Raises `StoreError` at the end if
        results could not be recorded."""
        while (event := self._events.get()) is not None:
            yield event
        self._events.put(None)  # a second iteration ends at once
        if self.store_error:
            raise self.store_error

    def wait(self) -> list[Result]:
        """Wait for the end; returns the results in the order of the trials. Raises `StoreError` as iterating does."""
        for _ in self:
            pass
        return self.results

    @property
    def results(self) -> list[Result]:
        """The results so far, in the order of the trials."""
        return [result for _, result in sorted(self._results.copy().items())]

    # A worker thread asks trials of one model. A single recorder thread writes results, many in one transaction.

    def _start(self) -> None:
        waiting: dict[str, deque[int]] = {}
        for index, trial in enumerate(self.trials):
            waiting.setdefault(trial.model, deque()).append(index)
        threading.Thread(target=self._record, name=f"record-{self.id[:8]}", daemon=True).start()
        for model, indices in waiting.items():
            threading.Thread(target=self._open, args=(model, indices), name=f"open-{model}", daemon=True).start()

    def _open(self, model: str, indices: deque[int]) -> None:
        """Get the model's backend, then ask with as many threads as it can use."""
        backend: Backend | PromptlabError
        workers = 1
        try:
            # Before the backend is made: should the entry change meanwhile, a try of the old one is not the new one's.
            self._states[model] = self._catalogue.state_of(model)
            backend = self._catalogue.backend(model)
            if isinstance(backend, ProbesMachine):  # before the fingerprint is read, because it names what was found
                backend.ready(partial(self._say, tuple(indices)))
            workers = min(backend.max_parallel, len(indices))
        except PromptlabError as exc:
            backend = exc
        except BaseException as exc:
            backend = _unexpected(exc)
        try:
            for n in range(1, workers):
                threading.Thread(target=self._work, args=(backend, indices), name=f"{model}-{n}", daemon=True).start()
        except RuntimeError:
            log.warning("%s: no more threads to be had, going on with fewer", model)
        self._work(backend, indices)

    def _say(self, indices: Sequence[int], text: str) -> None:
        """Send the trials that wait for a model an event that says how its loading goes."""
        for index in indices:
            self._events.put(Event(index, Phase("loading", detail=text)))

    def _work(self, backend: Backend | PromptlabError, indices: deque[int]) -> None:
        while True:
            try:
                index = indices.popleft()
            except IndexError:
                return
            self._ended.put(self._try(index, backend))

    def _try(self, index: int, backend: Backend | PromptlabError) -> _Ended:
        """Ask one trial. Never raises: an error becomes the trial's result."""
        trial = self.trials[index]
        result = self._not_asked(trial)
        fingerprint = ""
        heard: list[str] = []
        if self.cancelled or self._drain.is_set():  # before rendering, so that a thousand waiting trials end at once
            return _Ended(index, replace(result, completion=_not_begun(), created=utc_now()), fingerprint)
        try:
            asked = request_of(trial)
            look = self._gate.look(trial.model)
            request = self._gate.with_label_of_model(labelled(trial, asked, look))
            result = replace(result, request=request)
            self._gate.check(request, look)
            if isinstance(backend, PromptlabError):
                raise backend
            models.check_schema(request.schema)
            fingerprint = backend.fingerprint
            request = self._draws.numbered(request, fingerprint) if self._draws else request
            result = replace(result, request=request, request_id=request.key(fingerprint))
            stored = self._stored(request, result.request_id)
            if stored:
                done = models.with_schema_verdict(stored.completion, request.schema)
                result = replace(result, completion=done, cached=True, answered_at=stored.created)
            else:
                check_window(request, backend)
                done = self._ask(index, backend, request, heard)
                result = replace(result, completion=models.with_schema_verdict(done, request.schema))
        except PromptlabError as exc:
            self._note(trial.model, exc)
            result = _failed(result, exc, heard)
        except BaseException as exc:  # also one that would end the thread: the trial still needs its result
            result = _failed(result, _unexpected(exc), heard)
        if result.completion and result.completion.finish_reason != "stopped":
            result = replace(result, scores=self._scores(trial, result.completion, result.request))
        return _Ended(index, replace(result, created=utc_now()), fingerprint)

    def _not_asked(self, trial: Trial) -> Result:
        return Result(
            id=uuid.uuid4().hex,
            run_id=self.id,
            model=trial.model,
            request=None,
            request_id="",
            case=trial.case,
            without=trial.without,
            cell=trial.cell,
            expected=trial.expected,
        )

    def _stored(self, request: Request, key: str) -> Stored | None:
        """The answer of the history that stands for this one, if one may."""
        may = not self._fresh and (self._draws is None or is_answer_reusable(request.params))
        return self._store.find(key) if may else None

    def _scores(self, trial: Trial, done: Completion, request: Request | None) -> tuple[Score, ...]:
        judges = (*(self._scorers if trial.expected is not None else ()), *trial.scorers)
        return score_answer(judges, done, trial.expected, request=request, judge_cut=trial.judge_cut)

    def _ask(self, index: int, backend: Backend, request: Request, heard: list[str]) -> Completion:
        workspace.CHECK_BEFORE_RETRY.set(
            lambda: self._gate.check(request, self._gate.look(request.model))
        )  # a worker's own: each of its trials sets it anew
        for step in backend.complete(request, self._cancel):
            if isinstance(step, Completion):
                self._note(request.model, step)
                return step
            if isinstance(step, Delta):
                heard.append(step.text)
            self._events.put(Event(index, step))
        raise RuntimeError(f"backend of {request.model} ended without a completion")

    def _note(self, model: str, outcome: Completion | PromptlabError) -> None:
        """Remember what `outcome` says about the model, if it was really asked."""
        if (made := models.try_of(outcome, utc_now())) is not None:
            self._tries[model] = made

    def _keep_tries(self) -> None:
        """Keep the last result of each model that was asked: an ordinary run is a try, too."""
        for model in list(self._tries):
            self._catalogue.note_try(model, self._tries.pop(model), self._states[model])

    def _record(self) -> None:
        left, kept = len(self.trials), 0.0
        while left:
            batch = [self._ended.get()]
            while not self._ended.empty():
                batch.append(self._ended.get())
            left -= len(batch)
            if not self._recorded(batch) and len(batch) > 1:
                for ended in batch:  # one by one, so that only the result that cannot be written is lost
                    self._recorded([ended])
            if not left or time.monotonic() > kept + KEEP_TRIES:
                self._keep_tries()
                kept = time.monotonic()
            for ended in batch:
                self._results[ended.index] = ended.result
                self._events.put(Event(ended.index, ended.result, ended.fingerprint))
        self._events.put(None)

    def _recorded(self, batch: Sequence[_Ended]) -> bool:
        try:
            self._store.add((e.index, e.result, e.fingerprint) for e in batch)
        except StoreError as exc:
            failure = exc
        except Exception as exc:
            failure = StoreError(f"results could not be recorded: {exc!r}")
        else:
            return True
        if len(batch) == 1:
            log.error("%s", failure)
            self.store_error = failure
        return False


def _not_begun() -> Completion:
    return Completion(text="", finish_reason="stopped", details={"note": "stopped before it began"})


def _unexpected(exc: BaseException) -> PromptlabError:
    """An error that is a bug in promptlab: it is logged with its traceback, and its hint says so."""
    log.error("unexpected error\n%s", "".join(traceback.format_exception(exc)))
    return PromptlabError(f"unexpected {type(exc).__name__}: {exc}", hint="this is a fault in promptlab; see the log")


def _failed(result: Result, exc: PromptlabError, heard: list[str]) -> Result:
    return replace(
        result,
        completion=None,
        error=exc.message,
        error_kind=type(exc).__name__,
        hint=exc.hint,
        partial="".join(heard),
    )


def start_run(
    trials: Sequence[Trial],
    *,
    catalogue: Catalogue,
    store: Store,
    title: str = "",
    fresh: bool = False,
    planned_repeats: bool = False,
    scorers: Sequence[Scorer] = (),
    run_id: str = "",
    made_for: MadeFor = NOTHING_ELSE,
) -> Run:
    """Start asking `trials`, which may have different templates. Returns at once.

    An answer in the store is used again only where a new one would be the same (`is_answer_reusable`), and never with
    `fresh`. Other answers are new draws: each gets a number that no earlier one had. With `planned_repeats` the numbers
    of the trials count instead, as in suites, where a repeat is asked again under its own number. `scorers` score the
    trials that have an `expected` answer. `run_id` is the id for the run, if the caller needs to know it beforehand;
    `made_for` is what it is asked for. Raises `StoreError` if the run cannot be recorded.
    """
    if not trials:
        raise ValueError("a run needs at least one trial")
    made_by = origin(catalogue.workspace.root, trials[0].template)
    return Run(
        trials,
        catalogue=catalogue,
        store=store,
        title=title,
        fresh=fresh,
        planned_repeats=planned_repeats,
        scorers=scorers,
        made_by=made_by,
        run_id=run_id,
        made_for=made_for,
    )

"""What came of an item that was asked: the result, the answers of judges, and the verdict on it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from promptlab import runs
from promptlab.errors import PromptlabError
from promptlab.models import Catalogue
from promptlab.runs import MadeFor, Store, Trial
from promptlab.suites import _verdict as verdicts
from promptlab.suites._budget import Tally
from promptlab.suites._items import TrialMaker
from promptlab.suites._judge_reply import NAME, Judged, judge_scores
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._suite import Item, ItemKey
from promptlab.suites._suite_run import Details, ItemRow
from promptlab.types import Completion, Result, ScorerSpec


@dataclass(frozen=True, slots=True)
class Answered:
    """An item that has ended: its result, the item as it was recorded, and the verdict on the two."""

    position: int
    item: Item
    result: Result
    stored: RecordedItem | None
    verdict: verdicts.Verdict
    fingerprint: str
    judged: tuple[Judged, ...] = ()

    @property
    def cut(self) -> bool:
        """True if its answer was cut off, and judged in spite of that."""
        done = self.result.completion
        return done is not None and done.finish_reason == "length" and self.verdict.passed is not None


@dataclass(frozen=True, slots=True)
class Ended:
    """An item with its result, before the verdict.

    `run_id` is the run of the history that holds the result, "" if an earlier part of the suite run asked it.
    `fingerprint` is that of the backend that was asked.
    """

    position: int
    item: Item
    stored: RecordedItem | None
    result: Result
    run_id: str = ""
    fingerprint: str = ""

    @property
    def broken_off(self) -> bool:
        """True if its answer was stopped before its end."""
        return self.result.completion is not None and self.result.completion.finish_reason == "stopped"


class Judges:
    """Asks the judges of a suite, and makes the verdicts. What the judges' answers took is added to `tally`."""

    def __init__(self, fill: TrialMaker, catalogue: Catalogue, store: Store, tally: Tally) -> None:
        self._fill, self._catalogue, self._store, self._tally = fill, catalogue, store, tally
        self._run: runs.Run | None = None
        self._batch = uuid.uuid4().hex
        self._cancelled = False

    def cancel(self) -> None:
        """Stop the judges that are answering, and ask no more of them."""
        self._cancelled = True
        if self._run:
            self._run.cancel()

    def answered(self, batch: Sequence[Ended], earlier: Collection[ItemKey]) -> list[Answered]:
        """The items of `batch` with their verdicts. Those in `earlier` were asked by an earlier part of the run."""
        replies = self._ask([(ended.item, ended.result) for ended in batch])
        return [
            self._verdict(ended, tuple(replies.get(ended.item.key, ())), asked_earlier=ended.item.key in earlier)
            for ended in batch
        ]

    def _ask(self, answers: Sequence[tuple[Item, Result]]) -> dict[ItemKey, list[Judged]]:
        """Ask the judges about `answers`, but for those that nobody can judge. A judge that gives no answer, or one off
        format, has a reply that says so."""
        asked = [
            (item, spec, trial)
            for item, result in answers
            if result.completion and result.request and not self._unjudgeable(result.completion)
            for spec, trial in zip(
                self._fill.judge_specs(item.case),
                self._fill.judges(item, result.request.prompt, result.completion.text),
                strict=True,
            )
        ]
        if not asked:
            return {}
        title = f"suite judge {self._fill.suite.name}"
        trials = [trial for _, _, trial in asked]
        made_for = MadeFor("judge", self._fill.suite.path, self._batch)
        # A judge that was asked about this answer before is not asked and paid for again, at any temperature.
        run = runs.start_run(
            trials, catalogue=self._catalogue, store=self._store, title=title, planned_repeats=True, made_for=made_for
        )
        self._run = run
        if self._cancelled:  # `cancel` was called while the run was being started
            run.cancel()
        results = run.wait()
        self._run = None
        replies: dict[ItemKey, list[Judged]] = {}
        for (item, spec, trial), result in zip(asked, results, strict=True):
            replies.setdefault(item.key, []).append(self._reply(spec, trial, result))
        return replies

    def _unjudgeable(self, done: Completion) -> bool:
        return bool(runs.why_not_judgeable(done, None, judge_cut=self._fill.suite.judge_cut_answers))

    def _reply(self, spec: ScorerSpec, trial: Trial, result: Result) -> Judged:
        """The reply of a judge."""
        if result.completion is None:
            return Judged(NAME, trial.model, "", "", "", spec.id, error=result.error)
        if not result.cached:
            self._tally.add(trial.model, result.completion)
        fingerprint, done = self._catalogue.backend(trial.model).fingerprint, result.completion
        return Judged(NAME, trial.model, fingerprint, result.request_id, done.text, spec.id, done.finish_reason)

    def _verdict(self, ended: Ended, judged: tuple[Judged, ...], *, asked_earlier: bool) -> Answered:
        if ended.result.completion and asked_earlier:
            # The model may be another one by now than the one that an earlier part of the run asked.
            ended = replace(ended, fingerprint=self._store.fingerprint(ended.result.request_id))
        return with_verdict(self._fill, ended, judged)


def with_verdict(fill: TrialMaker, ended: Ended, judged: tuple[Judged, ...]) -> Answered:
    """An item that has ended, with the verdict on it. `judged` are the replies of its judges."""
    item, stored, result, suite = ended.item, ended.stored, ended.result, fill.suite
    specs = suite.specs_of(item.case)
    if result.completion and result.request:
        cut = suite.judge_cut_answers
        of_judges = judge_scores(specs, judged, result.completion, result.request, judge_cut=cut)
        result = replace(result, scores=(*result.scores, *of_judges))
    today = fill.scores_of_recorded(item, stored) if stored is not None else ()
    fingerprint = ended.fingerprint if result.completion else ""
    verdict = verdicts.judge(stored, result, fingerprint, specs, today)
    return Answered(ended.position, item, result, stored, verdict, fingerprint, judged)


def row_of(answered: Answered, run_id: str) -> ItemRow:
    """The row of an item for the suite log. `run_id` is the run of the history that holds its result."""
    verdict = answered.verdict
    return ItemRow(
        answered.position,
        answered.item.key,
        verdict.kind,
        verdict.passed,
        verdict.score,
        verdict.was_passed,
        verdict.was_score,
        answered.result.id,
        run_id,
        Details(
            said=verdict.said,
            causes=verdict.causes,
            tags=answered.item.case.tags,
            error=answered.result.error,
            unscored=verdict.unscored,
            judged=answered.judged,
            not_judged=verdict.not_judged,
            cut=answered.cut,
        ),
    )


def failed_result(item: Item, error: PromptlabError) -> Result:
    """The result of an item that could not be asked because of `error`."""
    return Result(
        id=uuid.uuid4().hex,
        run_id="",
        model=item.key.model,
        request=None,
        request_id="",
        error=error.message,
        error_kind=type(error).__name__,
        hint=error.hint,
        case=item.key.id,
        created=runs.utc_now(),
    )

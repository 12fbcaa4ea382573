"""What came of an item that was asked: the result, the answers of judges, and the verdict on it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from promptlab import runs, scorers
from promptlab.errors import InputError, PromptlabError
from promptlab.models import Catalogue
from promptlab.runs import Store, Trial
from promptlab.suites import _judge as judging
from promptlab.suites import _verdict as verdicts
from promptlab.suites._budget import Tally
from promptlab.suites._items import TrialMaker
from promptlab.suites._recorded_item import Judged, RecordedItem
from promptlab.suites._suite import Item, ItemKey
from promptlab.suites._suite_run import Details, ItemRow
from promptlab.types import Result, Score


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


@dataclass(frozen=True, slots=True)
class _Judgement:
    """What the judges of an item answered. `silent` has the model and the reason of each that gave no verdict."""

    judged: tuple[Judged, ...] = ()
    scores: tuple[Score, ...] = ()
    silent: tuple[str, ...] = ()


class Judges:
    """Asks the judges of a suite, and makes the verdicts. What the judges' answers took is added to `tally`."""

    def __init__(self, fill: TrialMaker, catalogue: Catalogue, store: Store, tally: Tally) -> None:
        self._fill, self._catalogue, self._store, self._tally = fill, catalogue, store, tally
        self._run: runs.Run | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """Stop the judges that are answering, and ask no more of them."""
        self._cancelled = True
        if self._run:
            self._run.cancel()

    def answered(self, batch: Sequence[Ended], earlier: Collection[ItemKey]) -> list[Answered]:
        """The items of `batch` with their verdicts. Those in `earlier` were asked by an earlier part of the run."""
        judgements = self._ask([(ended.item, ended.result) for ended in batch])
        return [
            self._verdict(ended, judgements.get(ended.item.key, _Judgement()), asked_earlier=ended.item.key in earlier)
            for ended in batch
        ]

    def _ask(self, answers: Sequence[tuple[Item, Result]]) -> dict[ItemKey, _Judgement]:
        """Ask the judges about `answers`. If one gives no verdict, the item has no score and cannot be judged."""
        asked = [
            (item, trial)
            for item, result in answers
            if result.completion and result.request
            for trial in self._fill.judges(item, result.request.prompt, result.completion.text)
        ]
        if not asked:
            return {}
        title = f"suite judge {self._fill.suite.name}"
        run = runs.start_run([trial for _, trial in asked], catalogue=self._catalogue, store=self._store, title=title)
        self._run = run
        if self._cancelled:  # `cancel` was called while the run was being started
            run.cancel()
        results = run.wait()
        self._run = None
        judgements: dict[ItemKey, _Judgement] = {}
        for (item, trial), result in zip(asked, results, strict=True):
            judgements[item.key] = self._with_answer(judgements.get(item.key, _Judgement()), trial, result)
        return judgements

    def _with_answer(self, so_far: _Judgement, trial: Trial, result: Result) -> _Judgement:
        """`so_far` with the answer of one more judge."""
        if result.completion is None:
            return replace(so_far, silent=(*so_far.silent, f"{trial.model}: {result.error}"))
        if not result.cached:
            self._tally.add(trial.model, result.completion)
        try:
            score = judging.read(result.completion.text)
        except InputError:
            return replace(so_far, silent=(*so_far.silent, f"{trial.model}: its answer is no verdict"))
        fingerprint = self._catalogue.backend(trial.model).fingerprint
        judged = Judged(judging.NAME, trial.model, fingerprint, result.request_id, result.completion.text)
        return replace(so_far, judged=(*so_far.judged, judged), scores=(*so_far.scores, score))

    def _verdict(self, ended: Ended, judgement: _Judgement, *, asked_earlier: bool) -> Answered:
        item, stored = ended.item, ended.stored
        result = replace(ended.result, scores=(*ended.result.scores, *judgement.scores))
        today: tuple[Score, ...] = ()
        if stored is not None:
            # Scorers that ask a model are not asked again about the recorded answer: their recorded scores count.
            asking = tuple(score for score in stored.scores if score.scorer in scorers.MODEL_SCORERS)
            own = self._fill.scorers(item.case, item.variant)
            today = (*runs.score_answer(own, stored.completion.text, item.case.expected), *asking)
        fingerprint = ""
        if result.completion:
            # The model may be another one by now than the one that an earlier part of the run asked.
            fingerprint = self._store.fingerprint(result.request_id) if asked_earlier else ended.fingerprint
        verdict = verdicts.judge(stored, result, fingerprint, self._fill.suite.specs_of(item.case), today)
        if judgement.silent:
            silent = "; ".join(f"no verdict of the judge {reason}" for reason in judgement.silent)
            verdict = replace(verdict, said="; ".join(filter(None, (verdict.said, silent))))
        return Answered(ended.position, item, result, stored, verdict, fingerprint, judgement.judged)


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

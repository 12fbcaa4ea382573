"""Finds the cause of another answer if several things changed: asks again with one of them put back at a time.

Each change is put back alone, and the others stay. If that brings the recorded answer back, it was the cause. The
recorded model often cannot be asked any more, because its file was replaced: it is the cause if everything else was put
back and did not help.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from promptlab import runs, scorers
from promptlab.models import Catalogue
from promptlab.runs import MadeFor, Store, Trial
from promptlab.suites._cause import Cause, CauseKind
from promptlab.suites._items import TrialMaker, recalled
from promptlab.suites._outcome import Answered
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._scores import CLOSE
from promptlab.suites._suite import Suite
from promptlab.types import Completion, Request, Result, mean_score


class Asker(Protocol):
    """What a `CauseFinder` asks with; an `Asking` is answered."""

    suite: Suite
    catalogue: Catalogue
    store: Store
    fill: TrialMaker

    def take_more(self, requests: Sequence[Request]) -> bool:
        """Set aside what `requests` can take at most. False if that would pass a limit."""
        ...

    def count(self, model: str, done: Completion) -> None:
        """Count the tokens and the price of one more answer of `model`."""
        ...


class CauseFinder:
    """Finds causes with at most `calls` calls of models, within the limits of the run. After that it leaves uncertain
    causes as they are."""

    def __init__(self, asker: Asker, calls: int) -> None:
        self._asker, self.left = asker, calls
        self._batch = uuid.uuid4().hex

    def explained(self, answered: Answered) -> Answered:
        """`answered` with causes that are certain, as far as asking could make them so."""
        stored, new = answered.stored, answered.result
        uncertain = [cause for cause in answered.verdict.causes if not cause.certain]
        if stored is None or new.request is None or new.completion is None or not uncertain:
            return answered
        tries = self._tries(stored, new.request, [cause.kind for cause in uncertain])
        if not tries or len(tries) > self.left:
            return answered
        requests = [request for _, request in tries]
        if not self._asker.take_more(requests):
            return answered
        self.left -= len(tries)
        results = self._asked(answered, stored, requests)
        for result in results:
            if result.completion is not None:
                self._asker.count(result.model, result.completion)
        if any(result.completion is None for result in results):
            return answered  # a refused or failed call tried nothing, so no cause can be ruled out
        back = {
            kind
            for (kind, _), result in zip(tries, results, strict=True)
            if self._is_back(stored, result, drawn=kind == "sampling")
        }
        return replace(
            answered, verdict=replace(answered.verdict, causes=_settled(answered.verdict.causes, back, tries))
        )

    def _tries(self, stored: RecordedItem, new: Request, kinds: Sequence[CauseKind]) -> list[tuple[CauseKind, Request]]:
        """For each cause that can be put back, the new request with only that as it was recorded."""
        tries: list[tuple[CauseKind, Request]] = []
        for kind in kinds:
            if kind == "prompt":
                tries.append((kind, replace(new, prompt=stored.request.prompt)))
            elif kind == "parameters":
                tries.append((kind, replace(new, params=stored.request.params)))
            elif kind == "schema":
                tries.append((kind, replace(new, schema=stored.request.schema)))
            elif kind == "sampling":
                tries.append((kind, new))
            elif kind == "model" and self._is_there(stored):
                tries.append((kind, replace(new, model=stored.request.model)))
        return tries

    def _is_there(self, stored: RecordedItem) -> bool:
        """True if the recorded model can still be asked, with the same fingerprint."""
        catalogue = self._asker.catalogue
        model = stored.request.model
        return model in catalogue.names() and catalogue.backend(model).fingerprint == stored.backend

    def _asked(self, answered: Answered, stored: RecordedItem, requests: Sequence[Request]) -> list[Result]:
        template = answered.item.variant.template or self._asker.suite.template
        trials = [
            Trial(
                template=template,
                inputs={},
                model=request.model,
                # Another repeat, because the same answered would give the stored answer again.
                repeat=request.repeat + (1_000 if request == answered.result.request else 0),
                case=answered.item.key.id,
                expected=answered.item.case.expected,
                scorers=self._asker.fill.scorers(answered.item.case, answered.item.variant),
                judge_cut=self._asker.suite.judge_cut_answers,
                # Each request may contain the recorded prompt, so all get the label of the recorded item.
                request=recalled(self._asker.suite, replace(stored, request=request)),
                label=answered.item.case.label,
            )
            for request in requests
        ]
        title = f"suite causes {self._asker.suite.name} {answered.item.key.id}"
        asker = self._asker
        run = runs.start_run(
            trials,
            catalogue=asker.catalogue,
            store=asker.store,
            title=title,
            fresh=True,
            planned_repeats=True,
            made_for=MadeFor("causes", asker.suite.path, self._batch),
        )
        return run.wait()

    def _is_back(self, stored: RecordedItem, result: Result, *, drawn: bool) -> bool:
        """True if the result has the recorded answer: the same text, or the same score if answers are sampled."""
        if result.completion is None:
            return False
        if result.completion.text == stored.completion.text:
            return True
        was = mean_score([score for score in stored.scores if score.scorer not in scorers.MODEL_SCORERS])
        now = mean_score(result.scores)
        chance = drawn or (result.request is not None and result.request.params.temperature > 0)
        return chance and was is not None and now is not None and abs(was - now) <= CLOSE


def _settled(
    found: Sequence[Cause], back: set[CauseKind], tries: Sequence[tuple[CauseKind, Request]]
) -> tuple[Cause, ...]:
    """The causes after asking. If sampling alone brought the recorded answer back, it explains everything."""
    certain = tuple(cause for cause in found if cause.certain)
    if "sampling" in back:
        return (*certain, Cause("sampling", "asked again, the same request gives answers of both kinds"))
    if back:
        return (*certain, *(replace(cause, certain=True) for cause in found if cause.kind in back))
    tried = {kind for kind, _ in tries}
    left = [cause for cause in found if not cause.certain and cause.kind not in tried]
    if len(left) == 1:
        return (*certain, replace(left[0], certain=True))
    return tuple(found)

"""Why an item changed, where the facts leave a choice: asked again with one thing put back at a time.

Several things differ from the recording, and the answer with them. Each of them is put back alone, the others stay new.
What brings the recorded answer back was it. The model that was recorded may be gone, its file replaced: it is what
remains when everything that can be put back has been, and did not help.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from promptlab import runs, scorers
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites._cause import Cause, CauseKind
from promptlab.suites._items import TrialMaker, recalled
from promptlab.suites._outcome import Answered
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._suite import Suite
from promptlab.suites._verdict import CLOSE, mean
from promptlab.types import Request, Result, Trial


class Asker(Protocol):
    """Where to ask, and about which suite; an `Asking` is one."""

    suite: Suite
    catalogue: Catalogue
    store: Store
    fill: TrialMaker


class CauseFinder:
    """Finds causes in at most `calls` calls, then leaves what is uncertain as it is."""

    def __init__(self, asker: Asker, calls: int) -> None:
        self._asker, self.left = asker, calls

    def explained(self, one: Answered) -> Answered:
        """`one` with causes that are certain, as far as asking could make them so."""
        stored, new = one.stored, one.result
        uncertain = [cause for cause in one.verdict.causes if not cause.certain]
        if stored is None or new.request is None or new.completion is None or not uncertain:
            return one
        tries = self._tries(stored, new.request, [cause.kind for cause in uncertain])
        if not tries or len(tries) > self.left:
            return one
        self.left -= len(tries)
        results = self._asked(one, stored, [request for _, request in tries])
        if any(result.completion is None for result in results):
            return one  # one that was refused or failed was not tried, and then nothing is ruled out
        back = {
            kind
            for (kind, _), result in zip(tries, results, strict=True)
            if self._is_back(stored, result, drawn=kind == "sampling")
        }
        return replace(one, verdict=replace(one.verdict, causes=_settled(one.verdict.causes, back, tries)))

    def _tries(self, stored: RecordedItem, new: Request, kinds: Sequence[CauseKind]) -> list[tuple[CauseKind, Request]]:
        """For each cause that can be put back, the request with only that as it was."""
        found: list[tuple[CauseKind, Request]] = []
        for kind in kinds:
            if kind == "prompt":
                found.append((kind, replace(new, prompt=stored.request.prompt)))
            elif kind == "parameters":
                found.append((kind, replace(new, params=stored.request.params)))
            elif kind == "schema":
                found.append((kind, replace(new, schema=stored.request.schema)))
            elif kind == "sampling":
                found.append((kind, new))
            elif kind == "model" and self._is_there(stored):
                found.append((kind, replace(new, model=stored.request.model)))
        return found

    def _is_there(self, stored: RecordedItem) -> bool:
        """Whether the recorded model can be asked as it was."""
        catalogue = self._asker.catalogue
        model = stored.request.model
        return model in catalogue.names() and catalogue.backend(model).fingerprint == stored.backend

    def _asked(self, one: Answered, stored: RecordedItem, requests: Sequence[Request]) -> list[Result]:
        template = one.item.variant.template or self._asker.suite.template
        trials = [
            Trial(
                template=template,
                inputs={},
                model=request.model,
                # A repeat of its own: a second sample must not be the first one again.
                repeat=request.repeat + (1_000 if request == one.result.request else 0),
                case=one.item.key.id,
                expected=one.item.case.expected,
                scorers=self._asker.fill.scorers(one.item.case, one.item.variant),
                # Any of them may hold the recorded prompt, so all are as private as what is recorded of the item.
                request=recalled(self._asker.suite, replace(stored, request=request)),
                label=one.item.case.label,
            )
            for request in requests
        ]
        title = f"suite causes {self._asker.suite.name} {one.item.key.id}"
        asker = self._asker
        return runs.start_run(trials, catalogue=asker.catalogue, store=asker.store, title=title, fresh=True).wait()

    def _is_back(self, stored: RecordedItem, result: Result, *, drawn: bool) -> bool:
        """Whether an answer is what was recorded: by its text, or, where it is drawn by chance, by its scores."""
        if result.completion is None:
            return False
        if result.completion.text == stored.completion.text:
            return True
        was = mean([score for score in stored.scores if score.scorer not in scorers.ASKING])
        now = mean(result.scores)
        chance = drawn or (result.request is not None and result.request.params.temperature > 0)
        return chance and was is not None and now is not None and abs(was - now) <= CLOSE


def _settled(
    found: Sequence[Cause], back: set[CauseKind], tries: Sequence[tuple[CauseKind, Request]]
) -> tuple[Cause, ...]:
    """The causes after asking: chance alone explains most, then whatever brought the recorded answer back."""
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

"""An item as a recording keeps it, and the check that the recording's file is private enough to hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from promptlab.errors import GateRefused
from promptlab.runs import Trial
from promptlab.scorers import MODEL_SCORERS
from promptlab.suites._judge_reply import Judged, judge_scores
from promptlab.suites._suite import Item, ItemKey, Suite
from promptlab.types import LABELS, Completion, Label, Request, Result, Score, Section, Source, highest
from promptlab.workspace import Labels, Look


@dataclass(frozen=True, slots=True)
class RecordedItem:
    """An item of a suite as it was recorded.

    `backend` is the fingerprint that the request's key was made with, `blob` the git id of the template's text.
    `completion` has no timings: the same answers must give the same file.
    """

    key: ItemKey
    request: Request
    request_key: str
    backend: str
    completion: Completion
    scores: tuple[Score, ...] = ()
    judged: tuple[Judged, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    expected: Any = None
    tags: tuple[str, ...] = ()
    label: Label = "public"
    without: tuple[Section, ...] = ()
    template: str = ""
    blob: str = ""


def stored_from(
    suite: Suite, item: Item, result: Result, fingerprint: str, blob: str, judged: tuple[Judged, ...] = ()
) -> RecordedItem:
    """The item to record for `result`, which must have an answer. The scores of judges are worked out from their
    replies."""
    if result.request is None or result.completion is None:
        raise ValueError("only an answer can be recorded")
    done, specs = result.completion, suite.specs_of(item.case)
    own = (score for score in result.scores if score.scorer not in MODEL_SCORERS)
    of_judges = judge_scores(specs, judged, done, result.request, judge_cut=suite.judge_cut_answers)
    return RecordedItem(
        key=item.key,
        request=replace(result.request, repeat=item.key.repeat),
        request_key=result.request_id,
        backend=fingerprint,
        completion=Completion(done.text, done.finish_reason, done.usage, fingerprint=done.fingerprint),
        scores=(*own, *of_judges),
        judged=judged,
        inputs=item.case.inputs,
        expected=item.case.expected,
        tags=item.case.tags,
        label=item.case.label,
        without=result.without,
        template=(item.variant.template or suite.template).path,
        blob=blob,
    )


def check_labels(labels: Labels, recording: str, stored: RecordedItem) -> None:
    """Raise `GateRefused` if the file `recording` has a lower label than the text it would hold."""
    check_label(labels.of_path(recording), recording, stored.key, label_of_stored(labels, stored))


def label_of_stored(labels: Labels | Look, stored: RecordedItem, *, among: Iterable[Source] | None = None) -> Label:
    """The strictest label of all text of a recorded item, as recorded or as it is now. `among` are the sources to look
    up now, if the others are known already."""
    prompt = stored.request.prompt
    if among is not None:
        prompt = replace(prompt, sources=tuple(among))
    return labels.of_prompt(prompt, stored.label)


def check_label(own: Label, recording: str, key: ItemKey, label: Label) -> None:
    """As `check_labels`, for an item that will have `label` once it is asked."""
    if LABELS.index(label) > LABELS.index(own):
        raise GateRefused(
            f"{key.id} is {label}, and the recording {recording} is {own}",
            hint=f'add to `labels` in promptlab.yaml: "{recording}": {label}',
        )


def label_of_trial(label_of: Callable[[str], Label], trial: Trial) -> Label:
    """The strictest label of all that goes into the prompt of a trial."""
    template = trial.template
    materials = [*(document.label for document in trial.documents), *(shot.label for shot in trial.shots)]
    return highest([trial.label, template.label, label_of(template.path), *materials])

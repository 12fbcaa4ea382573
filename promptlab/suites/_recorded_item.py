"""What a recording keeps of an answer, and whether its file is private enough to hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from promptlab.errors import GateRefused
from promptlab.suites import _judge as judging
from promptlab.suites._recording import Judged, Stored
from promptlab.suites._suite import Item, Key, Suite
from promptlab.types import LABELS, Completion, Label, Result, Source, Trial, highest
from promptlab.workspace import Labels, Look


def stored_from(
    suite: Suite, item: Item, result: Result, fingerprint: str, blob: str, judged: tuple[Judged, ...] = ()
) -> Stored:
    """What the recording keeps of an answer. The result must have one."""
    if result.request is None or result.completion is None:
        raise ValueError("only an answer can be recorded")
    done = result.completion
    return Stored(
        key=item.key,
        request=replace(result.request, repeat=item.key.repeat),
        request_key=result.request_id,
        backend=fingerprint,
        completion=Completion(done.text, done.finish_reason, done.usage, fingerprint=done.fingerprint),
        scores=(*result.scores, *(judging.read(one.text) for one in judged)),
        judged=judged,
        inputs=item.case.inputs,
        expected=item.case.expected,
        tags=item.case.tags,
        label=item.case.label,
        without=result.without,
        template=(item.variant.template or suite.template).path,
        blob=blob,
    )


def check_labels(labels: Labels, recording: str, stored: Stored) -> None:
    """Raise `GateRefused` where the file `recording` is labelled lower than what it would hold."""
    check_label(labels.of_path(recording), recording, stored.key, label_of_stored(labels, stored))


def label_of_stored(labels: Labels | Look, stored: Stored, *, among: Iterable[Source] | None = None) -> Label:
    """The strictest label of anything in what is recorded of an item, now or then; `among` are the sources whose label
    of now is not known yet."""
    prompt = stored.request.prompt
    if among is not None:
        prompt = replace(prompt, sources=tuple(among))
    return labels.of_prompt(prompt, stored.label)


def check_label(own: Label, recording: str, key: Key, label: Label) -> None:
    """The same for an item that is not asked yet, whose label will be `label`."""
    if LABELS.index(label) > LABELS.index(own):
        raise GateRefused(
            f"{key.id} is {label}, and the recording {recording} is {own}",
            hint=f'add to `labels` in promptlab.yaml: "{recording}": {label}',
        )


def label_of_trial(label_of: Callable[[str], Label], trial: Trial) -> Label:
    """The strictest label of anything that the prompt of a trial is made of."""
    template = trial.template
    materials = [*(document.label for document in trial.documents), *(shot.label for shot in trial.shots)]
    return highest([trial.label, template.label, label_of(template.path), *materials])

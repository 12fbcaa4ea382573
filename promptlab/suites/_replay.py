"""Replay: each item is rendered again and compared with its recording, and the recorded answer is scored again.

It asks no model, opens no connection, and needs no API key and no GPU. An item that is not recorded is a miss: it is
never asked.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from promptlab import runs
from promptlab.errors import PromptlabError
from promptlab.runs import AskedRequest, TextChange, Trial, changed_sections, describe_changes, prompt_changes
from promptlab.suites import _judge as judging
from promptlab.suites._items import TrialMaker, suite_items
from promptlab.suites._judge_reply import replies_by_spec
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._recording import Recording
from promptlab.suites._scores import moved_scores, why_not_judged
from promptlab.suites._suite import Item, ItemKey, Suite
from promptlab.types import Label, Request, Score, ScorerSpec, Section
from promptlab.workspace import Workspace

MOST_COMPARED = 500
"""A recording of more cases than this is not searched for the case with the most similar id, which takes long."""

Status = Literal["same", "drifted", "missing", "unexpected", "broken"]
"""`drifted`: the request of today is not the recorded one; `missing`: nothing is recorded; `unexpected`: it is
recorded, but no longer in the suite; `broken`: it cannot be rendered today."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """An item, replayed. `said` is the difference in words; `scores` are today's scores of the recorded answer.

    If nothing is recorded, `stored` is None and `nearest` is the recorded item that is most like this one. If it cannot
    be rendered, `request` is None and `error` is the kind of the error. `label` and `specs` (the scorers) are those of
    the case; an item that is no longer in the suite has none.
    """

    key: ItemKey
    status: Status
    said: str
    stored: RecordedItem | None
    request: Request | None
    scores: tuple[Score, ...] = ()
    tags: tuple[str, ...] = ()
    nearest: RecordedItem | None = None
    label: Label = "public"
    error: str = ""
    specs: tuple[ScorerSpec, ...] = ()

    @property
    def unscored(self) -> bool:
        """True if there is an answer, but no scorer for it."""
        return self.stored is not None and self.request is not None and not self.specs and not self.not_judged

    @property
    def rescored(self) -> bool:
        """True if today's scores of the recorded answer differ from the recorded scores."""
        return self.stored is not None and bool(moved_scores(self.stored.scores, self.scores))

    @property
    def not_judged(self) -> str:
        """Why the recorded answer is not judged; "" if it is, or if it has no scorer."""
        if self.stored is None or self.request is None:
            return ""
        why = runs.why_not_judgeable(self.stored.completion, self.stored.request, judge_cut=True)
        return why or why_not_judged(self.scores, self.specs)

    @property
    def cut(self) -> str:
        """That the recorded answer was cut off; "" if it was not."""
        return runs.cut_off(self.stored.completion, self.stored.request) if self.stored else ""

    def changes(self) -> list[TextChange]:
        """The changes from the recorded prompt, or from the nearest, to the prompt of today."""
        before = self.stored or self.nearest
        return prompt_changes(before.request, self.request) if before and self.request else []

    def sections(self) -> tuple[Section, ...]:
        """The sections in which the two prompts differ; `layout` only if no other section differs."""
        before = self.stored or self.nearest
        return changed_sections(before.request, self.request) if before and self.request else ()


def replay_suite(workspace: Workspace, suite: Suite, *, only: Collection[str] = ()) -> Iterator[Replayed]:
    """Replay `suite`, an item at a time, in its order. `only` are ids of items or cases; if it is empty, all are
    replayed.

    Raises `InputError` if there is no recording or a line of it is broken, and `SuiteError` for a wrong case.
    """
    filler = TrialMaker(workspace, suite)
    with Recording(workspace.resolve(suite.recording), shown=suite.recording) as recording:
        for item in suite_items(workspace, suite, wanted=only):
            yield replay_item(filler, item, recording)
        if not only:
            for stored in recording.rest():
                yield replay_left_item(suite, stored)


def replay_left_item(suite: Suite, stored: RecordedItem) -> Replayed:
    """A recorded item that is no longer in the suite. It says what can be done about it."""
    case = shlex.quote(stored.key.case)
    said = (
        f"recorded, and no longer in the suite; `promptlab suite rename {suite.name} {case} NEW` keeps it under the "
        f"new id of its case, `promptlab suite prune {suite.name}` removes it"
    )
    return Replayed(stored.key, "unexpected", said, stored, None)


def replay_item(filler: TrialMaker, item: Item, recording: Recording) -> Replayed:
    """Replay one item of a suite."""
    case = item.case
    replayed = _replayed(filler, item, recording)
    return replace(replayed, tags=case.tags, label=case.label, specs=filler.suite.specs_of(case))


def _replayed(filler: TrialMaker, item: Item, recording: Recording) -> Replayed:
    stored = recording.find(item.key)
    try:
        trial = filler.trial(item)
        request = runs.request_of(trial)
    except PromptlabError as exc:
        return Replayed(item.key, "broken", exc.message, stored, None, error=type(exc).__name__)
    if stored is None:
        nearest = _nearest(item.key, recording)
        said = "nothing is recorded"
        if nearest:
            said += (
                f"; the nearest is {nearest.key.id}, from which it differs in: {_difference(nearest, request, trial)}"
            )
        return Replayed(item.key, "missing", said, None, request, nearest=nearest)
    scores, changed = filler.scores_of_recorded(item, stored), _change_of_judges(filler, item, stored)
    if changed:  # the recorded replies are about other questions
        scores = tuple(score for score in scores if score.scorer != judging.NAME)
    if changed and request.key(stored.backend) == stored.request_key:
        return Replayed(item.key, "drifted", changed, stored, request, scores)
    if request.key(stored.backend) == stored.request_key:
        return Replayed(item.key, "same", "", stored, request, scores)
    return Replayed(item.key, "drifted", _difference(stored, request, trial), stored, request, scores)


def _change_of_judges(filler: TrialMaker, item: Item, stored: RecordedItem) -> str:
    """What the judges would be asked today that they were not asked when it was recorded; "" if nothing."""
    if runs.why_not_judgeable(stored.completion, None, judge_cut=filler.suite.judge_cut_answers):
        return ""  # no judge is asked about it
    asked = filler.judges(item, stored.request.prompt, stored.completion.text)
    if len(asked) != len(stored.judged):
        return f"{len(stored.judged)} judges are recorded, and the suite has {len(asked)}"
    replies = replies_by_spec(filler.judge_specs(item.case), stored.judged)
    for trial, reply in zip(asked, replies, strict=True):
        # A judge that gave no answer may not have been sent anything, so its request has no key.
        same = reply is not None and reply.model == trial.model
        if not same or (reply and reply.key and runs.request_of(trial).key(reply.fingerprint) != reply.key):
            return "the request to the judge is not the recorded one"
    return ""


def _difference(stored: RecordedItem, request: Request, trial: Trial) -> str:
    return describe_changes([AskedRequest(stored.request, stored.without)], [AskedRequest(request, trial.without)])


def _nearest(key: ItemKey, recording: Recording) -> RecordedItem | None:
    """The recorded item that is most like `key`: of the same case, or else of the case with the most similar id."""
    known = recording.by_case()
    candidates = known.get(key.case, [])
    if not candidates and len(known) <= MOST_COMPARED:
        close = difflib.get_close_matches(key.case, sorted(known), n=1, cutoff=0.0)
        candidates = [other for case in close for other in known[case]]

    def alike(other: ItemKey) -> tuple[bool, bool, bool]:
        return (other.variant == key.variant, other.model == key.model, other.repeat == key.repeat)

    best = max(sorted(candidates), key=alike, default=None)
    return None if best is None else recording.look(best)

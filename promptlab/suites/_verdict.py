"""The verdict on an item: its new answer compared with the recorded one.

The new answer is the same text, as good, better or worse, or the verdict is "cannot tell". The causes of a difference
are in `suites/_cause.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from promptlab import runs
from promptlab.suites._cause import Cause, Facts, causes
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._scores import CLOSE, passed, why_not_judged
from promptlab.types import Completion, Result, Score, ScorerSpec, mean_score

Kind = Literal["same", "as good", "better", "worse", "cannot tell"]
KINDS: tuple[Kind, ...] = ("worse", "cannot tell", "better", "as good", "same")
"""Every verdict, the most urgent first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on an item, its causes, and a sentence that says it. `was_passed` and `was_score` are those of the
    recorded answer."""

    kind: Kind
    causes: tuple[Cause, ...]
    said: str
    passed: bool | None
    score: float | None
    was_passed: bool | None
    was_score: float | None
    unscored: bool = False
    """True if it has an answer, but no scorer."""
    not_judged: str = ""
    """Why the new answer is not judged: neither passed nor failed. "" if it is judged, or if there is no answer."""


def judge(
    stored: RecordedItem | None,
    new: Result | None,
    fingerprint: str,
    specs: Sequence[ScorerSpec],
    today: Sequence[Score] | None = None,
) -> Verdict:
    """Compare `new`, the result of the backend with `fingerprint`, with the recorded item.

    `today` are the scores that today's scorers give the recorded answer. With them, a change of a scorer is not taken
    for a change of the answer. If it is None, the recorded scores are used.
    """
    recorded = (stored.scores if stored else ()) if today is None else today
    was_passed = passed(recorded, specs)
    was_score = mean_score(recorded) if was_passed is not None else None
    unrecorded = "" if stored else "; nothing is recorded"
    if new is None or new.completion is None or new.request is None:
        said = f"no answer: {new.error}" if new and new.error else "no answer"
        return Verdict("cannot tell", (), f"{said}{unrecorded}", None, None, was_passed, was_score)
    if reason := not_judged(new, new.completion, specs):
        said = f"not judged: {reason}{unrecorded}"
        return Verdict("cannot tell", (), said, None, None, was_passed, was_score, not_judged=reason)
    now_passed, now_score = passed(new.scores, specs), mean_score(new.scores)
    note = f"; {cut}" if (cut := runs.cut_off(new.completion, new.request)) else ""
    if stored is None:
        said = f"nothing is recorded{note}"
        return Verdict("cannot tell", (), said, now_passed, now_score, None, None, not specs)
    found = causes(stored, Facts(new.request, fingerprint, new.completion), today)
    kind, said = _kind(stored, new.completion, (was_passed, was_score), (now_passed, now_score), bool(specs))
    reasons = tuple(cause for cause in found if cause.kind == "scorer" or kind != "same")
    if kind == "same" and not any(cause.kind == "scorer" for cause in reasons):
        reasons = ()
    return Verdict(kind, reasons, f"{said}{note}", now_passed, now_score, was_passed, was_score, not specs)


def not_judged(new: Result, done: Completion, specs: Sequence[ScorerSpec]) -> str:
    """Why the answer `done` of `new` is not judged; "" if it is, or if nobody was to judge it."""
    # Without a scorer, an answer that was cut off can still be compared with the recorded one.
    return runs.why_not_judgeable(done, new.request, judge_cut=True) or why_not_judged(new.scores, specs)


def _kind(
    stored: RecordedItem,
    new: Completion,
    was: tuple[bool | None, float | None],
    now: tuple[bool | None, float | None],
    scored: bool,
) -> tuple[Kind, str]:
    same_text = stored.completion.text == new.text
    if was[1] is None or now[1] is None:
        if same_text:
            return "same", "the same answer"
        more = "the recorded one is not judged" if scored else "no scorer to say more"
        return "cannot tell", f"another answer, and {more}"
    moved = now[1] - was[1]
    if was[0] != now[0] and was[0] is not None and now[0] is not None:
        return ("better", "passes now") if now[0] else ("worse", "passed, and does not any more")
    if abs(moved) > CLOSE:
        return ("better" if moved > 0 else "worse"), f"score {was[1]:.2f} → {now[1]:.2f}"
    return ("same", "the same answer") if same_text else ("as good", "another answer with the same scores")

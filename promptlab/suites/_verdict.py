"""The verdict on an item: its new answer compared with the recorded one.

The new answer is the same text, as good, better or worse, or the verdict is "cannot tell". The causes of a difference
are in `suites/_cause.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from promptlab import scorers
from promptlab.suites._cause import Cause, Facts, causes
from promptlab.suites._recorded_item import RecordedItem
from promptlab.types import Completion, Result, Score, ScorerSpec

Kind = Literal["same", "as good", "better", "worse", "cannot tell"]
KINDS: tuple[Kind, ...] = ("worse", "cannot tell", "better", "as good", "same")
"""Every verdict, the most urgent first."""

CLOSE = 1e-9
"""Scores nearer to each other than this are the same."""


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


def passed(scores: Sequence[Score], specs: Sequence[ScorerSpec]) -> bool | None:
    """True if the answer passes every scorer; None if there is no scorer, or a judge gave no score."""
    if not specs:
        return None
    by_name: dict[str, list[float]] = {}
    for score in scores:
        by_name.setdefault(score.scorer, []).append(score.value)
    if any(spec.name not in by_name for spec in specs):
        return None
    return all(min(by_name[spec.name]) >= scorers.pass_mark(spec) - CLOSE for spec in specs)


def mean(scores: Sequence[Score]) -> float | None:
    """The mean of an item's scores; None if it has none."""
    return fmean(score.value for score in scores) if scores else None


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
    if stored is None:
        done = new is not None and new.completion is not None
        now = passed(new.scores, specs) if new and done else None
        score = mean(new.scores) if new else None
        return Verdict("cannot tell", (), "nothing is recorded", now, score, None, None, bool(done and not specs))
    recorded = stored.scores if today is None else today
    was_passed, was_score = passed(recorded, specs), mean(recorded)
    if new is None or new.completion is None or new.request is None:
        said = f"no answer: {new.error}" if new and new.error else "no answer"
        return Verdict("cannot tell", (), said, None, None, was_passed, was_score)
    if new.completion.finish_reason == "stopped":
        return Verdict("cannot tell", (), "stopped before its end", None, None, was_passed, was_score)
    found = causes(stored, Facts(new.request, fingerprint, new.completion), today)
    now_passed, now_score = passed(new.scores, specs), mean(new.scores)
    if now_passed is None and specs:
        return Verdict("cannot tell", (), "not every scorer gave a score", None, None, was_passed, was_score)
    kind, said = _kind(stored, new.completion, (was_passed, was_score), (now_passed, now_score))
    reasons = tuple(cause for cause in found if cause.kind == "scorer" or kind != "same")
    if kind == "same" and not any(cause.kind == "scorer" for cause in reasons):
        reasons = ()
    return Verdict(kind, reasons, said, now_passed, now_score, was_passed, was_score, not specs)


def _kind(
    stored: RecordedItem, new: Completion, was: tuple[bool | None, float | None], now: tuple[bool | None, float | None]
) -> tuple[Kind, str]:
    same_text = stored.completion.text == new.text
    if was[1] is None or now[1] is None:
        return (
            ("same", "the same answer") if same_text else ("cannot tell", "another answer, and no scorer to say more")
        )
    moved = now[1] - was[1]
    if was[0] != now[0] and was[0] is not None and now[0] is not None:
        return ("better", "passes now") if now[0] else ("worse", "passed, and does not any more")
    if abs(moved) > CLOSE:
        return ("better" if moved > 0 else "worse"), f"score {was[1]:.2f} → {now[1]:.2f}"
    return ("same", "the same answer") if same_text else ("as good", "another answer with the same scores")

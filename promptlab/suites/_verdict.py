"""What became of an item: its new answer against the recorded one, and why they differ where the facts say so.

A verdict is about the answer: the same text, another one that is as good, a better, a worse, or none that can be
told. Causes are facts laid side by side: what of the request, the model or the scorers is not as it was. With one fact
there is nothing to choose; with several, `suites/_find_causes.py` asks again with one of them changed at a time.
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
    """What became of an item, why, and the sentence that says it."""

    kind: Kind
    causes: tuple[Cause, ...]
    said: str
    passed: bool | None
    score: float | None
    was_passed: bool | None
    was_score: float | None
    unscored: bool = False
    """It has an answer, and no scorer that could say how good it is."""


def passed(scores: Sequence[Score], specs: Sequence[ScorerSpec]) -> bool | None:
    """Whether every scorer is content with an answer; None without scorers, or where one has no score: a judge that
    gave none."""
    if not specs:
        return None
    by_name: dict[str, list[float]] = {}
    for score in scores:
        by_name.setdefault(score.scorer, []).append(score.value)
    if any(spec.name not in by_name for spec in specs):
        return None
    return all(min(by_name[spec.name]) >= scorers.pass_mark(spec) - CLOSE for spec in specs)


def mean(scores: Sequence[Score]) -> float | None:
    """The mean of an item's scores, None without any."""
    return fmean(score.value for score in scores) if scores else None


def judge(
    stored: RecordedItem | None,
    new: Result | None,
    fingerprint: str,
    specs: Sequence[ScorerSpec],
    today: Sequence[Score] | None = None,
) -> Verdict:
    """The verdict on `new`, asked of the model `fingerprint`, against what is recorded.

    `today` are the scores that today's scorers give the recorded answer: a scorer that changed is told from an answer
    that did; None leaves that open.
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

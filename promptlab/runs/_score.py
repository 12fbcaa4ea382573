"""The scores of an answer: right, wrong, or not judged, with a reason.

Missing is never right, and an error is never wrong. If a scorer fails, if the server's filter held the answer back or
if the answer was cut off, nobody knows whether it is right: its score has no value.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

from promptlab._util.text import clipped
from promptlab.errors import InputError, PromptlabError
from promptlab.scorers import ReadyScorer
from promptlab.types import Completion, Request, Score, Scorer

log = logging.getLogger(__name__)

LONGEST_REASON = 500


def score_answer(
    scorers: Sequence[Scorer],
    answer: Completion | str,
    expected: Any,
    *,
    request: Request | None = None,
    judge_cut: bool = False,
) -> tuple[Score, ...]:
    """The score of each of `scorers` for `answer` to `request`. A text is an answer that is whole.

    A scorer that fails does not affect the others. An answer that was held back by a filter is not judged, and one that
    was cut off only if what is missing cannot change the score, or if `judge_cut`.
    """
    done = Completion(answer) if isinstance(answer, str) else answer
    unjudgeable = why_not_judgeable(done, request, judge_cut=True)
    if unjudgeable:
        return tuple(_not_judged(scorer, done.text, unjudgeable) for scorer in scorers)
    cut = cut_off(done, request)
    scores = [_score(scorer, done.text, expected) for scorer in scorers]
    if not cut:
        return tuple(scores)
    return tuple(
        _of_cut(scorer, score, done.text, expected, cut, judge_cut=judge_cut)
        for scorer, score in zip(scorers, scores, strict=True)
    )


def why_not_judgeable(done: Completion, request: Request | None, *, judge_cut: bool) -> str:
    """Why no verdict on an answer as a whole is possible; "" if one is."""
    if done.finish_reason == "content_filter":
        return "the server's content filter held the answer back" + (" in part" if done.text else "")
    if done.finish_reason == "stopped":
        return "the answer was stopped before its end"
    return "" if judge_cut else cut_off(done, request)


def cut_off(done: Completion, request: Request | None = None) -> str:
    """That the answer was cut off, and after how many tokens; "" if it was not."""
    if done.finish_reason != "length":
        return ""
    tokens = done.usage.written or (request.params.max_tokens if request else None)
    return f"cut off at {tokens:,} token{'s' * (tokens != 1)} (max_tokens)" if tokens else "cut off (max_tokens)"


def _of_cut(scorer: Scorer, score: Score, answer: str, expected: Any, cut: str, *, judge_cut: bool) -> Score:
    """The score of an answer that was cut off."""
    if score.value is None:
        return score
    stays = score.value >= 1 and isinstance(scorer, ReadyScorer) and scorer.pass_stays(answer, expected)
    if stays or judge_cut:
        return replace(score, reason=f"{score.reason}; {cut}")
    would = "would not pass" if score.value < 1 else "would pass"
    return replace(score, value=None, reason=f"{cut}; as far as it goes it {would}: {score.reason}")


def _score(scorer: Scorer, answer: str, expected: Any) -> Score:
    try:
        return _checked(scorer(answer, expected))
    except BaseException as exc:  # also `SystemExit`, which would end the thread: the trial needs its result
        if isinstance(exc, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            raise  # Ctrl-C
        if not isinstance(exc, PromptlabError):  # our own errors need no traceback, and may cite labelled text
            log.exception("a scorer failed")
        return _not_judged(scorer, answer, _reason(exc))


def _reason(exc: BaseException) -> str:
    if isinstance(exc, InputError):
        return clipped(exc.message, LONGEST_REASON)
    if isinstance(exc, PromptlabError):
        return clipped(f"the scorer failed: {exc.message}", LONGEST_REASON)
    text = str(exc)
    return clipped(f"the scorer failed: {type(exc).__name__}" + (f": {text}" if text else ""), LONGEST_REASON)


def _checked(score: Any) -> Score:
    """`score`, if it is one with a value from 0 to 1, or without a value."""
    if not isinstance(score, Score):
        raise InputError(f"the scorer returned {clipped(repr(score), 80)}, which is no score")
    value: Any = score.value
    if value is None:
        return score if score.reason else replace(score, reason="the scorer gave no reason")
    number = float(value) if isinstance(value, Real) else math.nan
    if not 0 <= number <= 1:
        raise InputError(f"the scorer gave the value {clipped(repr(value), 80)}, which is no number from 0 to 1")
    return replace(score, value=number)


def _not_judged(scorer: Scorer, answer: str, reason: str) -> Score:
    if isinstance(scorer, ReadyScorer):
        return Score(scorer.spec.name, None, answer, reason, scorer.spec.id)
    name = getattr(scorer, "__qualname__", type(scorer).__name__).partition(".")[0]
    return Score(name, None, answer, reason)


__all__ = ["cut_off", "score_answer", "why_not_judgeable"]

"""What a judge answered about an answer, and the score in it. A reply off format is no verdict."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from promptlab import runs
from promptlab._util.text import clipped
from promptlab.errors import NotJudged
from promptlab.scorers import parse_json_answer
from promptlab.types import Completion, FinishReason, Request, Score, ScorerSpec

NAME = "judge"

SHOWN = 200
"""Characters of a reply that is no verdict, in the reason."""
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer of a judge (a model that scores) to the question about an answer. `key` is that of its request.

    `spec` is the `ScorerSpec.id` of the judge, "" in recordings of earlier releases. `error` says why there is no
    answer.
    """

    scorer: str
    model: str
    fingerprint: str
    key: str
    text: str
    spec: str = ""
    finish_reason: FinishReason = "stop"
    error: str = ""

    def as_data(self) -> dict[str, Any]:
        """The reply as JSON data, without what is as usual."""
        usual = {field.name: field.default for field in fields(Judged)}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def read(text: str) -> Score:
    """The score in a judge's reply. Raises `NotJudged` if the reply has none."""
    shown = f": {clipped(text, SHOWN)!r}"
    try:
        reply = parse_json_answer(text)
    except ValueError as exc:
        raise NotJudged(f"the judge did not answer with JSON{shown}") from exc
    if not isinstance(reply, Mapping):
        raise NotJudged(f"the judge did not answer with a JSON object{shown}")
    if reply.get("error"):
        raise NotJudged(f"the judge reports an error{shown}")
    value = _value(reply)
    if value is None:
        raise NotJudged(f"the judge's answer has neither `pass`, true or false, nor a `score` from 0 to 1{shown}")
    if _contradicts_itself(reply) or _says_twice(text):
        raise NotJudged(f"the judge contradicts itself{shown}")
    return Score(NAME, value, text, clipped(str(reply.get("reason", "")), _LONGEST_REASON))


def _value(reply: Mapping[str, Any]) -> float | None:
    """The value in a reply; None if `pass` is no boolean, or `score` no number from 0 to 1."""
    score = reply.get("score")
    if "score" in reply:
        number = isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score)
        if not number or not 0 <= score <= 1:  # type: ignore[operator]  # it is a number
            return None
    if "pass" not in reply:
        return None if score is None else float(score)
    return float(reply["pass"]) if isinstance(reply["pass"], bool) else None


def _contradicts_itself(reply: Mapping[str, Any]) -> bool:
    if "pass" not in reply or "score" not in reply:
        return False
    return bool(reply["score"] < 0.5 if reply["pass"] else reply["score"] > 0.5)


def _says_twice(text: str) -> bool:
    """True if a reply says `pass` or `score` more than once, with different values: in one object or in several."""
    said: dict[str, set[str]] = {}
    for name, value in _VERDICT.findall(_THINKING.sub("", text)):
        said.setdefault(name, set()).add(value)
    return any(len(values) > 1 for values in said.values())


_VERDICT = re.compile(r'(?<!\\)"(pass|score)"\s*:\s*([^\s,}\]]+)')
_THINKING = re.compile(r"<think>.*?</think>", re.DOTALL)


def score_of(judged: Judged) -> Score:
    """The score in the answer of a judge: not judged if there is no answer, or if the answer is no verdict."""
    why = f"the judge gave no answer: {judged.error}" if judged.error else ""
    if not why:
        done = Completion(judged.text, judged.finish_reason)
        why = runs.why_not_judgeable(done, None, judge_cut=False)
        why = f"the judge's own answer is no verdict: {why}" if why else ""
    if not why:
        try:
            score = read(judged.text)
        except NotJudged as exc:
            why = exc.message
        else:
            return Score(score.scorer, score.value, score.answer, score.reason, judged.spec)
    return Score(NAME, None, judged.text, why, judged.spec)


def judge_scores(
    specs: Sequence[ScorerSpec], judged: Sequence[Judged], done: Completion, request: Request, *, judge_cut: bool
) -> tuple[Score, ...]:
    """The scores of the judges among `specs` for the answer `done`, by their replies."""
    mine = [spec for spec in specs if spec.name == NAME]
    why = runs.why_not_judgeable(done, request, judge_cut=judge_cut)
    if why:
        return tuple(Score(NAME, None, done.text, why, spec.id) for spec in mine)
    pairs = zip(mine, replies_by_spec(mine, judged), strict=True)
    return tuple(
        Score(NAME, score.value, score.answer, score.reason, spec.id)
        for spec, reply in pairs
        if reply is not None and (score := score_of(reply))
    )


def replies_by_spec(specs: Sequence[ScorerSpec], judged: Sequence[Judged]) -> list[Judged | None]:
    """The reply of each of the judges `specs`, None if it has none. Replies of earlier releases, which do not know
    their judge, are taken in order."""
    unnamed = [reply for reply in judged if not reply.spec]
    by_id = {reply.spec: reply for reply in judged if reply.spec}
    return [by_id.get(spec.id) or (unnamed.pop(0) if unnamed else None) for spec in specs]


__all__ = ["NAME", "Judged", "judge_scores", "read", "replies_by_spec", "score_of"]

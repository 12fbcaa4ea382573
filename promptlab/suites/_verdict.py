"""What became of an item: its new answer against the recorded one, and why they differ where the facts say so.

A verdict is about the answer: the same text, another one that is as good, a better, a worse, or none that can be
told. Causes are facts laid side by side: what of the request, the model or the scorers is not as it was. With one fact
there is nothing to choose; with several, `suites/_find_causes.py` asks again with one of them changed at a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from promptlab import scorers
from promptlab.runs import RequestChanges, changed_sections, request_changes
from promptlab.suites._recording import Stored
from promptlab.types import Completion, Request, Result, Score, ScorerSpec, Section

Kind = Literal["same", "as good", "better", "worse", "cannot tell"]
KINDS: tuple[Kind, ...] = ("worse", "cannot tell", "better", "as good", "same")
"""Every verdict, the most urgent first."""

CauseKind = Literal["prompt", "model", "parameters", "schema", "scorer", "sampling"]
CLOSE = 1e-9
"""Scores nearer to each other than this are the same."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is not as it was. `certain` false: it is one of several, and which of them it was is not known."""

    kind: CauseKind
    detail: str = ""
    sections: tuple[Section, ...] = ()
    certain: bool = True

    def __str__(self) -> str:
        said = f"{self.kind}: {self.detail}" if self.detail else self.kind
        return said if self.certain else f"perhaps {said}"


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


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an answer besides its text: what was asked, of what, and with how much chance."""

    request: Request
    fingerprint: str
    completion: Completion


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
    stored: Stored | None,
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
    stored: Stored, new: Completion, was: tuple[bool | None, float | None], now: tuple[bool | None, float | None]
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


def causes(stored: Stored, now: Facts, today: Sequence[Score] | None = None) -> tuple[Cause, ...]:
    """Everything that is not as it was recorded. Several are each uncertain; none at all is sampling noise, where the
    model chooses by chance or its server does not promise the same text twice."""
    found: list[Cause] = []
    if today is not None and [(s.scorer, s.value) for s in today] != [(s.scorer, s.value) for s in stored.scores]:
        moved = [
            f"{new.scorer} {_value(stored.scores, new.scorer)} → {new.value:g}"
            for new in today
            if _value(stored.scores, new.scorer) != f"{new.value:g}"
        ]
        now_named = {new.scorer for new in today}
        moved += [f"{old.scorer} {old.value:g} → none" for old in stored.scores if old.scorer not in now_named]
        found.append(Cause("scorer", f"the recorded answer scores otherwise today: {', '.join(moved)}"))
    asked: list[Cause] = []
    changed = request_changes(stored.request, now.request)
    if changed.prompt:
        sections = changed_sections(stored.request, now.request) or ("layout",)
        asked.append(Cause("prompt", ", ".join(s.replace("_", " ") for s in sections), sections))
    if changed.model:
        asked.append(Cause("model", f"{stored.request.model} → {now.request.model}"))
    elif stored.backend != now.fingerprint:
        asked.append(Cause("model", fingerprint_change(stored.backend, now.fingerprint)))
    elif stored.completion.fingerprint != now.completion.fingerprint:
        asked.append(Cause("model", f"{stored.completion.fingerprint} → {now.completion.fingerprint}"))
    if changed.params:
        asked.append(Cause("parameters", params_in_words(changed)))
    if changed.schema:
        asked.append(Cause("schema", "the JSON schema"))
    chance = min(stored.request.params.temperature, now.request.params.temperature) > 0
    if asked and chance and stored.completion.text != now.completion.text:
        asked.append(Cause("sampling", "both answers are drawn by chance"))
    if len(asked) > 1:
        asked = [Cause(c.kind, c.detail, c.sections, certain=False) for c in asked]
    if not asked and stored.completion.text != now.completion.text:
        asked.append(Cause("sampling", _chance(now.request)))
    return (*found, *asked)


def params_in_words(changed: RequestChanges) -> str:
    """How the sampling parameters differ, in words; "" where they do not."""

    def said(value: Any) -> Any:
        return "default" if value is None else value

    return ", ".join(f"{one.name.replace('_', ' ')} {said(one.before)} → {said(one.after)}" for one in changed.params)


def fingerprint_change(before: str, after: str) -> str:
    """How two fingerprints of backends differ: only the parts that do."""
    if len(before.split()) == len(after.split()):
        pairs = zip(before.split(), after.split(), strict=True)
        return ", ".join(f"{_short(a)} → {_short(b)}" for a, b in pairs if a != b)
    old, new = _parts(before), _parts(after)
    if not old.keys() & new.keys():
        return f"{before} → {after}"
    return ", ".join(
        f"{_short(old.get(key, 'not said'))} → {_short(new.get(key, 'not said'))}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    )


def _parts(fingerprint: str) -> dict[str, str]:
    """The words of a fingerprint by what they are about, `n_ctx=8192` by `n_ctx`; none where a word does not say."""
    words = [re.split("[=:]", word, maxsplit=1) for word in fingerprint.split()]
    if any(len(word) == 1 for word in words):
        return {}
    return dict(zip((word[0] for word in words), fingerprint.split(), strict=True))


def _short(part: str) -> str:
    return part if len(part) <= 40 else f"{part[:20]}…{part[-6:]}"


def _value(scores: Sequence[Score], name: str) -> str:
    return next((f"{s.value:g}" for s in scores if s.scorer == name), "none")


def _chance(request: Request) -> str:
    if request.params.temperature > 0:
        return f"nothing changed, and the answer is drawn by chance at temperature {request.params.temperature:g}"
    return "nothing changed; the server does not give the same text twice"

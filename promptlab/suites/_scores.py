"""The scores of an answer and the scorers of its suite, brought together.

A scorer is named by its whole spec: two judges, or two `contains` with other options, are two scorers. Recordings of
earlier releases have only names; their scores are taken in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promptlab import scorers
from promptlab._util.text import clipped
from promptlab.types import Score, ScorerSpec

CLOSE = 1e-9
"""Scores nearer to each other than this are the same."""
_LONGEST_NAME = 120


def by_spec(scores: Sequence[Score], specs: Sequence[ScorerSpec]) -> list[Score | None]:
    """The score of each of `specs`; None if it gave none."""
    by_id = {score.spec: score for score in reversed(scores) if score.spec}
    unnamed = [score for score in scores if not score.spec]
    found: list[Score | None] = []
    for spec in specs:
        score = by_id.get(spec.id) or next((one for one in unnamed if one.scorer == spec.name), None)
        if score is not None and not score.spec:
            unnamed.remove(score)
        found.append(score)
    return found


def passed(scores: Sequence[Score], specs: Sequence[ScorerSpec]) -> bool | None:
    """True if the answer passes every scorer; None if there is no scorer, or one gave no score or could not judge."""
    found = by_spec(scores, specs)
    values = [score.value for score in found if score is not None and score.value is not None]
    if not specs or len(values) < len(specs):
        return None
    return all(value >= scorers.pass_mark(spec) - CLOSE for value, spec in zip(values, specs, strict=True))


def failed(scores: Sequence[Score], specs: Sequence[ScorerSpec]) -> list[str]:
    """The scorers that the answer does not pass, each with its reason."""
    names = _names([(spec.name, spec.id) for spec in specs])
    return [
        f"{name}: {score.reason}"
        for score, spec, name in zip(by_spec(scores, specs), specs, names, strict=True)
        if score is not None and score.value is not None and score.value < scorers.pass_mark(spec) - CLOSE
    ]


def why_not_judged(scores: Sequence[Score], specs: Sequence[ScorerSpec]) -> str:
    """Why an answer with these scores is not judged; "" if it is, or if it has no scorer."""
    reasons: dict[str, list[str]] = {}
    names = _names([(spec.name, spec.id) for spec in specs])
    for score, name in zip(by_spec(scores, specs), names, strict=True):
        if score is None or score.value is None:
            reasons.setdefault("it gave no score" if score is None else score.reason, []).append(name)
    return "; ".join(f"{', '.join(dict.fromkeys(named))}: {reason}" for reason, named in reasons.items())


@dataclass(frozen=True, slots=True)
class Moved:
    """A score that is not what it was; None if there was or is none."""

    name: str
    before: Score | None
    after: Score | None

    def __str__(self) -> str:
        before, after = ("none" if one is None else one.shown for one in (self.before, self.after))
        return f"{self.name} {before} → {after}"


def moved_scores(before: Sequence[Score], after: Sequence[Score]) -> list[Moved]:
    """The scores that differ between two scorings of one answer."""
    left = list(before)
    moved = []
    for score in after:
        old = next((one for one in left if _same_scorer(one, score)), None)
        if old is not None:
            left.remove(old)
        if old is None or old.value != score.value:
            moved.append(Moved(score.scorer, old, score))
    return [*moved, *(Moved(old.scorer, old, None) for old in left)]


def _same_scorer(one: Score, other: Score) -> bool:
    return one.spec == other.spec if one.spec and other.spec else one.scorer == other.scorer


def score_names(scores: Sequence[Score]) -> list[str]:
    """The name of each scorer; with its options if another one has the same name."""
    return _names([(score.scorer, score.spec) for score in scores])


def _names(scorers: Sequence[tuple[str, str]]) -> list[str]:
    """Names of scorers, from their names and the ids of their specs."""
    ids: dict[str, set[str]] = {}
    for name, id in scorers:
        ids.setdefault(name, set()).add(id)
    return [clipped(id, _LONGEST_NAME) if len(ids[name]) > 1 and id else name for name, id in scorers]

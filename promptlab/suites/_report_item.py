"""An item of a suite as reports show it: its outcome, both answers, the changes of the prompt, and the causes.

Text with a label above public is masked, unless the person asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from promptlab._util.text import clipped
from promptlab.runs import TextChange, cut_off, prompt_changes, text_changes
from promptlab.suites._recorded_item import RecordedItem, label_of_stored
from promptlab.suites._replay import Replayed
from promptlab.suites._scores import passed, score_names
from promptlab.suites._suite import ItemKey
from promptlab.types import Label, Score, canonical_json, highest, sha256
from promptlab.workspace import Labels

if TYPE_CHECKING:  # a replay loads no database
    from promptlab.suites._baseline import BaselineChange
    from promptlab.suites._outcome import Answered

Outcome = Literal["passed", "failed", "not judged", "error", "changed"]
"""`failed`: worse than recorded, or nothing is recorded and it does not pass; `not judged`: there is an answer, and no
scorer could tell; `changed`: in a replay, the prompt or the scores are not the recorded ones; `error`: there is no
answer, or in a replay no recorded one."""

FAILING: tuple[Outcome, ...] = ("failed", "not judged", "error", "changed")
UNJUDGED: tuple[Outcome, ...] = ("not judged", "error")
"""Neither right nor wrong."""
KEPT_WORDS = 12
"""Unchanged words that are shown on each side of a change."""
MAX_SHOWN = 4_000
"""The most characters of an answer or a change that a report shows."""


@dataclass(frozen=True, slots=True)
class ReportItem:
    """An item as reports show it. `prompt` has the changes from the recorded prompt to the new one. If it failed,
    `error` is the kind of the error, and `said` its message, which may cite the prompt."""

    key: ItemKey
    outcome: Outcome
    verdict: str
    said: str
    causes: tuple[str, ...] = ()
    answer: str | None = None
    was: str | None = None
    scores: tuple[Score, ...] = ()
    was_scores: tuple[Score, ...] = ()
    prompt: tuple[TextChange, ...] = ()
    label: Label = "public"
    seconds: float | None = None
    error: str = ""
    not_judged: str = ""
    """Why the answer is not judged. It may cite the answer or what is expected."""
    cut: str = ""
    """That the answer was cut off, if it was judged in spite of that."""
    secret_ids: tuple[str, ...] = ()
    """Ids of cases, its own and that of the nearest item, that have words of its text in them."""

    def masked(self) -> ReportItem:
        """The item without any text if its label is above public. Counts, verdicts and score values remain."""
        if self.label == "public":
            return self

        def hidden(text: str | None) -> str | None:
            return None if text is None else f"[{self.label}: {len(text):,} characters]"

        def hide(scores: Sequence[Score]) -> tuple[Score, ...]:
            return tuple(
                Score(s.scorer, s.value, hidden(s.answer) or "", hidden(s.reason) or "", _unsaid_spec(s))
                for s in scores
            )

        def unsaid(text: str) -> str:
            for id in self.secret_ids:
                text = text.replace(id, masked_id(id))
            return text

        cited = self.error or ("not judged" if self.not_judged else "")
        changes = tuple(TextChange(c.kind, hidden(c.text) or "", c.section) for c in self.prompt if c.kind != "same")
        return replace(
            self,
            key=self.key._replace(case=unsaid(self.key.case)),
            said=f"{cited}: {hidden(self.said)}" if cited else unsaid(self.said),
            not_judged=(hidden(self.not_judged) or "") if self.not_judged else "",
            answer=hidden(self.answer),
            was=hidden(self.was),
            scores=hide(self.scores),
            was_scores=hide(self.was_scores),
            prompt=changes,
        )


def report_item_of_replay(one: Replayed, now: Labels) -> ReportItem:
    """An item of a replay. An answer that was recorded as wrong, and still is, does not fail: a replay shows changes,
    thresholds measure quality."""
    outcome: Outcome = "passed"
    said, verdict = one.said, str(one.status)
    was = passed(one.stored.scores, one.specs) if one.stored else None
    if one.status in ("missing", "broken"):
        outcome = "error"
    elif one.status != "same":
        outcome = "changed"
    elif one.not_judged:
        outcome, said, verdict = "not judged", f"not judged: {one.not_judged}", "cannot tell"
    elif was and passed(one.scores, one.specs) is False:
        outcome, said = "failed", "the recorded answer does not pass today's scorers any more"
    elif one.rescored:
        outcome, said = "changed", "today's scorers give the recorded answer another score"
    elif was is False:
        said = "recorded as wrong"
    cut = one.cut if outcome != "not judged" else ""
    if cut:
        said = f"{said}; {cut}" if said else cut
    stored = one.stored
    look = now.look()
    labels = [one.label, *(label_of_stored(look, found) for found in (stored, one.nearest) if found)]
    if one.request:
        labels.append(look.of_prompt(one.request.prompt))
    return ReportItem(
        key=one.key,
        outcome=outcome,
        verdict=verdict,
        said=said,
        answer=stored.completion.text if stored else None,
        scores=one.scores,
        was_scores=stored.scores if stored else (),
        prompt=tuple(one.changes()) if one.status in ("drifted", "missing") else (),
        label=highest(labels),
        error=one.error,
        not_judged=one.not_judged if outcome == "not judged" else "",
        cut=cut,
        secret_ids=_telling(stored, one.nearest),
    )


def report_item_of_answer(one: Answered, now: Labels) -> ReportItem:
    """An item that was asked."""
    verdict, result, stored = one.verdict, one.result, one.stored
    outcome: Outcome = "passed"
    if result.completion is None:
        outcome = "error"
    elif verdict.not_judged:
        outcome = "not judged"
    elif verdict.kind == "worse" or (verdict.was_passed is None and verdict.passed is False):
        outcome = "failed"
    changes: tuple[TextChange, ...] = ()
    if stored and result.request and any(cause.kind == "prompt" for cause in verdict.causes):
        changes = tuple(prompt_changes(stored.request, result.request))
    case = one.item.case
    look = now.look()
    labels = [case.label, *map(look.of_copy, case.places), *([label_of_stored(look, stored)] if stored else [])]
    if result.request:
        labels.append(look.of_prompt(result.request.prompt))
    return ReportItem(
        key=one.item.key,
        outcome=outcome,
        verdict=verdict.kind,
        said=verdict.said,
        causes=tuple(map(str, verdict.causes)),
        answer=result.completion.text if result.completion else None,
        was=stored.completion.text if stored else None,
        scores=result.scores,
        was_scores=stored.scores if stored else (),
        prompt=changes,
        label=highest(labels),
        error=result.error_kind if result.completion is None else "",
        not_judged=verdict.not_judged,
        cut=cut_off(result.completion, result.request) if one.cut and result.completion else "",
        seconds=result.completion.timings.total if result.completion and not result.cached else None,
        secret_ids=(case.id,) if _tells(case.id, case.inputs, case.expected) else (),
    )


def report_item_of_change(change: BaselineChange, now: Labels) -> ReportItem:
    """What accepting an answer would change."""
    old, new = change.old, change.new
    drifted = old is not None and old.request.messages != new.request.messages
    return ReportItem(
        key=change.key,
        outcome="changed",
        verdict="new" if old is None else "accepts",
        said="",
        answer=new.completion.text,
        was=old.completion.text if old else None,
        scores=new.scores,
        was_scores=old.scores if old else (),
        prompt=tuple(prompt_changes(old.request, new.request)) if old and drifted else (),
        label=highest([label_of_stored(now, one) for one in (new, old) if one]),
        secret_ids=_telling(new),
    )


def _telling(*found: RecordedItem | None) -> tuple[str, ...]:
    return tuple(one.key.case for one in found if one and _tells(one.key.case, one.inputs, one.expected))


def _tells(id: str, inputs: Any, expected: Any) -> bool:
    """True if the id of a case has words of its text in it, as ids have that are made from the question."""
    text = f"{canonical_json(inputs)} {canonical_json(expected)}".lower()
    return any(word in text for word in re.findall(r"[^\W_]{3,}", id.lower()))


def _unsaid_spec(score: Score) -> str:
    """The spec of a score without its options, which may cite the case."""
    return score.spec.partition(" ")[0]


def masked_id(id: str) -> str:
    """What is shown instead of the id of a case whose text is masked."""
    return f"case-{sha256(id)[:8]}"


def item_data(entry: ReportItem) -> dict[str, Any]:
    """An item as plain data."""
    return {
        "id": entry.key.id,
        "case": entry.key.case,
        "variant": entry.key.variant,
        "model": entry.key.model,
        "repeat": entry.key.repeat,
        "outcome": entry.outcome,
        "verdict": entry.verdict,
        "said": entry.said,
        "not_judged": entry.not_judged or None,
        "cut": entry.cut or None,
        "causes": list(entry.causes),
        "answer": entry.answer,
        "recorded_answer": entry.was,
        "scores": [
            {"scorer": s.scorer, "spec": s.spec, "value": s.value, "answer": s.answer, "reason": s.reason}
            for s in entry.scores
        ],
        "label": entry.label,
        "seconds": entry.seconds,
    }


def item_as_text(entry: ReportItem) -> str:
    """Everything about an item as plain text: what differs in the prompt, both answers, the scores."""
    lines = [f"{entry.key.id}: {entry.verdict}" + (f", {entry.said}" if entry.said else "")]
    lines += [f"cause: {cause}" for cause in entry.causes]
    if entry.prompt:
        lines += ["prompt:", *(f"  {line}" for line in changes_text(entry.prompt))]
    if entry.was is not None and entry.answer is not None and entry.was != entry.answer:
        lines += ["answer:", *(f"  {line}" for line in changes_text(text_changes(entry.was, entry.answer)))]
    elif entry.answer is not None:
        lines += ["answer:", *(f"  {line}" for line in clipped(entry.answer, MAX_SHOWN).split("\n"))]
    names = score_names(entry.scores)
    lines += [f"{s.mark} {name} {s.shown}: {s.reason}" for s, name in zip(entry.scores, names, strict=True)]
    return "\n".join(lines)


def changes_text(changes: Sequence[TextChange]) -> list[str]:
    """Changes as lines: `-` for removed and `+` for new text, each with its section, and a few unchanged words."""
    lines: list[str] = []
    for change in changes:
        if change.kind == "same":
            words = change.text.split()
            shown = words if len(words) <= 2 * KEPT_WORDS else [*words[:KEPT_WORDS], "…", *words[-KEPT_WORDS:]]
            lines.append(f"  {' '.join(shown)}")
        else:
            sign = "-" if change.kind == "gone" else "+"
            lines += [
                f"{sign} [{change.section}] {line}" for line in clipped(change.text, MAX_SHOWN).splitlines() or [""]
            ]
    return lines

"""The summary of a suite: how many items pass, how certain that is, and the comparison with the recorded answers.

found = summarise(suite, outcomes)
found.sentence     # "37 of 40 pass (pass rate 92.5 %, 95 % interval 79.6 to 98.4 %); 1 better and 4 …"
found.exit_status  # 0 everything required is met, 1 something is not, 3 something cannot be told yet
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from promptlab import runs, stats
from promptlab.stats import Comparison, Interval
from promptlab.suites import _comparison_words as words
from promptlab.suites import _thresholds as thresholds
from promptlab.suites._items import TrialMaker, suite_items
from promptlab.suites._recording import Recording
from promptlab.suites._replay import Replayed
from promptlab.suites._scores import passed
from promptlab.suites._suite import Suite
from promptlab.suites._thresholds import Check, Outcome
from promptlab.suites._trained import trained_cases
from promptlab.types import mean_score
from promptlab.workspace import Workspace

if TYPE_CHECKING:  # a replay loads no database
    from promptlab.suites._outcome import Answered

EXIT_MET, EXIT_NOT_MET, EXIT_CANNOT_TELL = 0, 1, 3
"""Exit statuses of the commands; 2 is a wrong command line."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The pass rate of a variant and a model: `passed` of `of` judged items, with the interval of the rate."""

    variant: str
    model: str
    passed: int
    of: int
    unanswered: int
    interval: Interval
    not_judged: int = 0

    @property
    def name(self) -> str:
        return " · ".join(part for part in (self.variant, self.model) if part)


@dataclass(frozen=True)
class Summary:
    """The outcomes of a suite, taken together.

    `items` are those with a scorer or without an answer; `unscored` is the number of the others. Of the items,
    `unanswered` have no answer and `not_judged` have one that no scorer could judge: neither counts in a rate. `cut`
    were judged although they were cut off at max_tokens, and `trained` are those whose model was trained on the case.
    `comparison` is None if nothing is recorded to compare with, or if nothing new was asked (`replayed`). `partial`
    means that only a part of the suite was asked, so that its thresholds are not checked. Of `suites` that were asked
    together, `adjusted_p` is the Holm-adjusted p-value, and the comparison is at the confidence that goes with it.
    """

    suite: str
    items: int
    passed: int
    unanswered: int
    interval: Interval
    cells: tuple[Cell, ...]
    comparison: Comparison | None
    checks: tuple[Check, ...]
    adjusted_p: float | None = None
    unscored: int = 0
    replayed: bool = False
    partial: bool = False
    not_judged: int = 0
    cut: int = 0
    suites: int = 1
    trained: int = 0

    @property
    def judged(self) -> int:
        """The items that passed or failed."""
        return self.items - self.unanswered - self.not_judged

    @property
    def exit_status(self) -> int:
        """0, 1 or 3, by the thresholds. If an item has no answer or is not judged, it is never 0: 3 if the thresholds
        are met, 1 without thresholds."""
        if any(check.met is False for check in self.checks):
            return EXIT_NOT_MET
        if any(check.met is None for check in self.checks):
            return EXIT_CANNOT_TELL
        if self.items > self.judged:
            return EXIT_CANNOT_TELL if self.checks else EXIT_NOT_MET
        return EXIT_MET

    @property
    def sentence(self) -> str:
        """The summary in one sentence."""
        said = self._counts
        found = self.comparison
        if found is None:
            return f"{said}." if self.replayed or not self.judged else f"{said}; nothing is recorded to compare with."
        said += f"; {found.better} better and {found.worse} worse than recorded"
        if not found.better and not found.worse:
            said += f": no difference seen in {found.cases} cases"
        else:
            said += f": {words.difference(found, adjusted_p=self.adjusted_p, suites=self.suites)}"
        return f"{said}{words.conclusion(found, within=self._kept_margins(), suites=self.suites)}."

    @property
    def _counts(self) -> str:
        """How many items passed, of those that were judged, and what came of the others."""
        counts = [f"{self.passed} of {self.judged} pass ({self._rate})"] if self.judged else []
        for number, what in (
            (self.cut, "judged though cut off at max_tokens"),
            (self.trained, "asked of a model that was trained on them"),
            (self.unscored, "have no scorer"),
            (self.not_judged, "not judged"),
            (self.unanswered, "have no answer"),
        ):
            counts += [f"{number} {what}"] if number else []
        return ", ".join(counts)

    @property
    def _rate(self) -> str:
        return words.rate_in_words(self.passed, self.judged, self.interval)

    def _kept_margins(self) -> list[str]:
        """The margins within which the suite is as good as recorded, by its thresholds."""
        return [
            f"{100 * check.threshold.margin:g} points (at {100 * (check.threshold.confidence or 0):g} %)"
            for check in self.checks
            if check.threshold.kind == "as good" and check.met and not check.threshold.about
        ]


def outcome_of_answer(one: Answered) -> Outcome:
    """The outcome of an item that was asked."""
    key, verdict = one.item.key, one.verdict
    return Outcome(
        key.case,
        key.variant,
        key.model,
        one.item.case.tags,
        verdict.passed if one.result.completion or not one.result.error else None,
        verdict.score,
        verdict.was_passed,
        verdict.was_score,
        unscored=verdict.unscored,
        not_judged=bool(verdict.not_judged),
        cut=one.cut,
    )


def outcome_of_replay(one: Replayed) -> Outcome:
    """The outcome of a replayed item: its recorded answer, scored by today's scorers."""
    key = one.key
    ok = None if one.not_judged else passed(one.scores, one.specs)
    score = None if one.not_judged else mean_score(one.scores)
    cut = bool(one.cut) and ok is not None
    return Outcome(
        *(key.case, key.variant, key.model, one.tags, ok, score),
        unscored=one.unscored,
        not_judged=bool(one.not_judged),
        cut=cut,
    )


def summarise_outcomes(
    suite: Suite,
    outcomes: Iterable[Outcome],
    *,
    workspace: Workspace | None = None,
    replayed: bool = False,
    partial: bool = False,
) -> Summary:
    """The summary of `outcomes`. With the `workspace` it says how many were asked of a model that was trained on them.

    A replay has no new answers, so thresholds that compare are left out. Of a part of the suite, all are left out.
    """
    every = list(outcomes)
    found = [outcome for outcome in every if not outcome.unscored]
    models = {outcome.model for outcome in found}
    trained = trained_cases(workspace, suite, models) if workspace else frozenset()
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in found:
        groups.setdefault((outcome.variant, outcome.model), []).append(outcome)
    return Summary(
        suite=suite.name,
        items=len(found),
        passed=sum(bool(o.passed) for o in found),
        unanswered=sum(o.passed is None and not o.not_judged for o in found),
        interval=_interval(found),
        cells=tuple(_cell(variant, model, group) for (variant, model), group in groups.items()),
        comparison=thresholds.compare_with_recorded(found),
        checks=tuple(
            thresholds.check_threshold(threshold, found)
            for threshold in suite.thresholds
            if not partial and not (replayed and threshold.compares)
        ),
        unscored=len(every) - len(found),
        replayed=replayed,
        partial=partial and bool(suite.thresholds),
        not_judged=sum(o.passed is None and o.not_judged for o in found),
        cut=sum(o.passed is not None and o.cut for o in found),
        trained=sum((o.case, o.model) in trained for o in found),
    )


def recorded_outcomes(workspace: Workspace, suite: Suite) -> Iterator[Outcome]:
    """The outcomes of the recorded answers, by today's scorers. An item that is not recorded has no answer."""
    fill = TrialMaker(workspace, suite)
    with Recording(workspace.resolve(suite.recording), shown=suite.recording) as recording:
        for item in suite_items(workspace, suite):
            key, stored, specs = item.key, recording.find(item.key), suite.specs_of(item.case)
            scores = fill.scores_of_recorded(item, stored) if stored else ()
            held_back = stored and runs.why_not_judgeable(stored.completion, stored.request, judge_cut=True)
            ok = passed(scores, specs)
            yield Outcome(
                *(key.case, key.variant, key.model, item.case.tags, ok, mean_score(scores) if ok is not None else None),
                unscored=stored is not None and not specs and not held_back,
                not_judged=stored is not None and ok is None and bool(specs or held_back),
            )


def _cell(variant: str, model: str, group: Sequence[Outcome]) -> Cell:
    judged = [o for o in group if o.passed is not None]
    not_judged = sum(o.passed is None and o.not_judged for o in group)
    unanswered = len(group) - len(judged) - not_judged
    passed = sum(bool(o.passed) for o in judged)
    return Cell(variant, model, passed, len(judged), unanswered, _interval(group), not_judged)


def _interval(outcomes: Sequence[Outcome]) -> Interval:
    """The interval of the pass rate of the judged answers. Answers to the same case are not independent, so it is
    clustered by case."""
    cases: dict[str, list[bool]] = {}
    for outcome in (o for o in outcomes if o.passed is not None):
        cases.setdefault(outcome.case, []).append(bool(outcome.passed))
    return stats.clustered([(sum(passes), len(passes)) for passes in cases.values()])


def holm_adjusted(summaries: Sequence[Summary]) -> list[Summary]:
    """The summaries with Holm-adjusted p-values, because several suites are tested at once, and intervals to match."""
    ps: Mapping[str, float] = {str(n): s.comparison.p for n, s in enumerate(summaries) if s.comparison}
    adjusted = stats.holm(ps)
    return [_adjusted(s, adjusted.get(str(n)), len(ps)) for n, s in enumerate(summaries)]


def _adjusted(summary: Summary, p: float | None, suites: int) -> Summary:
    if p is None or summary.comparison is None or suites < 2:
        return summary
    level = stats.adjusted_confidence(summary.comparison.p, p, confidence=stats.CONFIDENCE)
    return replace(summary, comparison=summary.comparison.at(level), adjusted_p=p, suites=suites)


def _comparison_data(summary: Summary) -> dict[str, Any] | None:
    comparison = summary.comparison
    if comparison is None:
        return None
    return {
        "cases": comparison.cases,
        "better": comparison.better,
        "worse": comparison.worse,
        "difference": comparison.difference,
        "interval": [comparison.interval.low, comparison.interval.high],
        "confidence": comparison.confidence,
        "p": comparison.p,
        "adjusted_p": summary.adjusted_p,
        "method": comparison.method,
        "smallest_effect": comparison.smallest,
        "more_cases": comparison.more,
    }


def summary_data(summary: Summary) -> dict[str, Any]:
    """A summary as plain data."""
    return {
        "suite": summary.suite,
        "sentence": summary.sentence,
        "items": summary.items,
        "judged": summary.judged,
        "passed": summary.passed,
        "not_judged": summary.not_judged,
        "unanswered": summary.unanswered,
        "cut": summary.cut,
        "unscored": summary.unscored,
        "interval": [summary.interval.low, summary.interval.high],
        "cells": [
            {
                "variant": cell.variant,
                "model": cell.model,
                "passed": cell.passed,
                "of": cell.of,
                "not_judged": cell.not_judged,
                "unanswered": cell.unanswered,
                "interval": [cell.interval.low, cell.interval.high],
            }
            for cell in summary.cells
        ],
        "comparison": _comparison_data(summary),
        "thresholds": [
            {
                "require": c.threshold.text,
                "about": c.threshold.about,
                "met": c.met,
                "said": c.said,
                "more_cases": c.more,
            }
            for c in summary.checks
        ],
        "exit_status": summary.exit_status,
    }


def threshold_line(check: Check) -> str:
    """A threshold and its result, in one line."""
    about = f" ({check.threshold.about})" if check.threshold.about else ""
    more = f"; about {check.more:,} cases more would settle it" if check.more else ""
    return f"{check.threshold.text}{about}: {check.said}{more}"


def summary_as_text(summary: Summary) -> str:
    """The summary as lines for a terminal."""
    lines = [summary.sentence]
    width = max((len(cell.name) for cell in summary.cells), default=0)
    for cell in summary.cells:
        low, high = 100 * cell.interval.low, 100 * cell.interval.high
        lines.append(f"  {cell.name:<{width}}  {cell.passed:>5} of {cell.of:<5} {low:5.1f} to {high:5.1f} %")
    lines += [f"{threshold_sign(check.met)} {threshold_line(check)}" for check in summary.checks]
    if summary.partial:
        lines.append("thresholds are not checked: they are about the whole suite, and only a part of it was asked")
    return "\n".join(lines)


def threshold_sign(met: bool | None) -> str:
    """A sign for met, not met, and cannot tell."""
    return {True: "✓", False: "✗", None: "?"}[met]

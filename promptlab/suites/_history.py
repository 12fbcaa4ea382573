"""The history of a suite: the pass rate of each of its runs, with its interval, and what the run took.

    points = suite_history(workspace, suite, log=log, store=store, catalogue=catalogue)
    points[0].passed, points[0].judged, points[0].interval      # 37, 40, Interval(0.801, 0.974)
    print(history_as_text(points))

    run       date              verb   pass      rate (95 %)            cases  tokens  cost     asked with
    5f0c91ab  2026-11-28 15:40  rerun  37 of 40  92.5 % (80.1 to 97.4)  40     41,230  $0.0142  gpt; 9d92085
    1c44e0d2  2026-11-27 09:12  rerun  3 of 12   25.0 % (8.9 to 53.2)   12     12,010  $0.0041  gpt; a part: first 12

Runs of other cases cannot be compared as they stand, so each says how many of its cases the newest run has too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from promptlab import stats
from promptlab.errors import PromptlabError
from promptlab.models import Catalogue, price
from promptlab.runs import Store
from promptlab.stats import Interval
from promptlab.suites._estimate import dollars
from promptlab.suites._log import SuiteLog
from promptlab.suites._suite import Suite
from promptlab.suites._suite_run import State, SuiteRun, Verb

GONE = "unexpected"
"""The verdict on a recorded item that is no longer in the suite: it is no part of the pass rate."""


@dataclass(frozen=True, slots=True)
class CellRate:
    """The pass rate of one variant and model in a run: `passed` of `judged` items."""

    variant: str
    model: str
    passed: int
    judged: int
    interval: Interval


@dataclass(frozen=True)
class HistoryPoint:
    """A run of a suite. `passed` of `judged` items pass; `not_judged` have no answer or no score, and are no part of
    the rate.

    `interval` is that of the rate, clustered by case. `part` says why only a part of the suite was asked, "" if all of
    it was. `cases` is the number of cases, `shared` how many of them the newest run has too. `revision` is the git
    revision that was asked, with `-dirty` if files were changed; "" if it is not known. `tokens` and `cost` (US
    dollars, by today's prices) are those of the answers, without judges. `seconds` are from the start to the last
    answer, pauses included. None if it is not known.
    """

    run: str
    created: str
    verb: Verb
    state: State
    models: tuple[str, ...]
    passed: int
    judged: int
    not_judged: int
    interval: Interval
    cells: tuple[CellRate, ...]
    cases: int
    shared: int
    part: str = ""
    revision: str = ""
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None

    @property
    def rate(self) -> float | None:
        """The pass rate from 0 to 1; None if nothing was judged."""
        return self.passed / self.judged if self.judged else None

    def as_data(self) -> dict[str, Any]:
        """The point as JSON data."""
        names = ("run", "created", "verb", "state", "passed", "judged", "not_judged", "rate", "cases", "shared")
        more = ("part", "revision", "tokens", "cost", "seconds")
        data = {name: getattr(self, name) for name in (*names, *more)}
        cells = [
            {
                "variant": cell.variant,
                "model": cell.model,
                "passed": cell.passed,
                "judged": cell.judged,
                "interval": _pair(cell.interval),
            }
            for cell in self.cells
        ]
        return {**data, "models": list(self.models), "interval": _pair(self.interval), "cells": cells}


def _pair(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def suite_history(
    suite: Suite,
    *,
    log: SuiteLog,
    store: Store,
    catalogue: Catalogue | None = None,
    verb: Verb | None = None,
    limit: int = 50,
) -> list[HistoryPoint]:
    """The newest runs of a suite that judged or tried anything, newest first; with `verb` only those. Prices are those
    of `catalogue`."""
    runs = [run for run in log.runs(suite.path, verb=verb, limit=limit) if run.done]
    newest = frozenset(case for case, _, _ in _groups(log, runs[0])) if runs else frozenset()
    return [_point(suite, run, newest, log, store, catalogue) for run in runs]


def _point(
    suite: Suite, run: SuiteRun, newest: frozenset[str], log: SuiteLog, store: Store, catalogue: Catalogue | None
) -> HistoryPoint:
    groups = _groups(log, run)
    every = groups.values()
    judged, passed = sum(one.judged for one in every), sum(one.passed for one in every)
    cases = frozenset(case for case, _, _ in groups)
    models = tuple(dict.fromkeys(model for _, _, model in groups))
    taken = _taken(log, store, run, catalogue)
    return HistoryPoint(
        run=run.id,
        created=run.created,
        verb=run.verb,
        state=run.state,
        models=models,
        passed=passed,
        judged=judged,
        not_judged=sum(one.items - one.judged for one in every),
        interval=_interval(groups),
        cells=tuple(_cell(groups, *place) for place in dict.fromkeys((variant, model) for _, variant, model in groups)),
        cases=len(cases),
        shared=len(cases & newest),
        part=_part(suite, run),
        revision=taken.revision,
        tokens=taken.tokens,
        cost=taken.cost,
        seconds=taken.seconds,
    )


@dataclass(frozen=True, slots=True)
class _Passes:
    """The items of a case for a variant and model: how many passed, were judged, and are there."""

    passed: int
    judged: int
    items: int


_Place = tuple[str, str, str]
"""Case, variant and model."""


def _groups(log: SuiteLog, run: SuiteRun) -> dict[_Place, _Passes]:
    return {(case, variant, model): _Passes(*numbers) for case, variant, model, *numbers in log.passes(run, but=GONE)}


def column_rates(log: SuiteLog, run: SuiteRun) -> dict[tuple[str, str], CellRate]:
    """The pass rate of each variant and model of a run."""
    groups = _groups(log, run)
    places = dict.fromkeys((variant, model) for _, variant, model in groups)
    return {place: _cell(groups, *place) for place in places}


def _cell(groups: Mapping[_Place, _Passes], variant: str, model: str) -> CellRate:
    mine = {place: one for place, one in groups.items() if place[1:] == (variant, model)}
    passed, judged = sum(one.passed for one in mine.values()), sum(one.judged for one in mine.values())
    return CellRate(variant, model, passed, judged, _interval(mine))


def _interval(groups: Mapping[_Place, _Passes]) -> Interval:
    """The interval of the pass rate, clustered by case: answers to the same case are not independent."""
    by_case: dict[str, tuple[int, int]] = {}
    for (case, _, _), one in groups.items():
        passed, judged = by_case.get(case, (0, 0))
        by_case[case] = (passed + one.passed, judged + one.judged)
    return stats.clustered([pair for pair in by_case.values() if pair[1]])


def _part(suite: Suite, run: SuiteRun) -> str:
    """Why the run is about a part of the suite; "" if it is about all of it."""
    options, limit = run.options, run.options.get("limit")
    reasons = ["named items only"] if options.get("only") else []
    reasons += ["failed items only"] if options.get("only_failed") else []
    models = options.get("models")
    reasons += ["not all models"] if models is not None and not set(models) >= set(suite.models) else []
    reasons += [f"first {limit}"] if limit is not None and run.total <= limit else []
    reasons += [f"ended at {run.done} of {run.total}"] if run.done < run.total else []
    return ", ".join(reasons)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What the answers of a run took, and the git revision they were asked at."""

    revision: str = ""
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None


def _taken(log: SuiteLog, store: Store, run: SuiteRun, catalogue: Catalogue | None) -> _Taken:
    asked = [chunk.store_run for chunk in log.chunks(run)]
    if not asked:
        return _Taken()
    used = store.taken(asked)
    try:
        origin = store.run(asked[-1]).origin
        revision = origin.git_revision[:7] + ("-dirty" if origin.git_dirty and origin.git_revision else "")
    except PromptlabError:  # that part of the run history was removed
        revision = ""
    if not used:
        return _Taken(revision)
    last = max(one.last for one in used)
    costs = [_price(catalogue, one.model, one.prompt, one.new, one.reused) for one in used] if catalogue else []
    known = [cost for cost in costs if cost is not None]
    return _Taken(
        revision,
        sum(one.prompt + one.new for one in used),
        sum(known) if known else None,
        (datetime.fromisoformat(last) - datetime.fromisoformat(run.created)).total_seconds(),
    )


def _price(catalogue: Catalogue, model: str, prompt: int, new: int, cached: int) -> float | None:
    try:
        return price(catalogue, model, prompt, new, cached)
    except PromptlabError:  # the model is no longer in promptlab.yaml
        return None


HEADINGS = ("run", "date", "verb", "pass", "rate (95 %)", "cases", "tokens", "cost", "asked with")


def history_as_text(points: Sequence[HistoryPoint]) -> str:
    """The history as lines for a terminal, with a first line of headings."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    rows += [_row(point) for point in points]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _row(point: HistoryPoint) -> tuple[str, ...]:
    rate = "-" if point.rate is None else f"{100 * point.rate:.1f} % ({_percent(point.interval)})"
    others = f" ({point.shared} of the newest run's)" if point.shared < point.cases else ""
    parts = [", ".join(point.models), point.revision, f"a part: {point.part}" if point.part else ""]
    return (
        point.run[:8],
        point.created[:16].replace("T", " "),
        point.verb,
        f"{point.passed} of {point.judged}" + (f", {point.not_judged} not judged" if point.not_judged else ""),
        rate,
        f"{point.cases}{others}",
        "-" if point.tokens is None else f"{point.tokens:,}",
        "-" if point.cost is None else dollars(point.cost),
        "; ".join(part for part in parts if part),
    )


def _percent(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"

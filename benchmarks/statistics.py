"""How often the statistics of suites are right: simulated suites whose truth is known (needs numpy and scipy).

    python -m benchmarks.statistics                # the whole grid: about 15 minutes on two cores
    python -m benchmarks.statistics --fast         # a part of it: half a minute
    python -m benchmarks.statistics --ways         # other methods beside ours, in some cells
    python -m benchmarks.statistics --cells        # every cell in a line of its own

Each cell has 4,000 suites. Columns: `covers` is how often the 95 % interval has the true difference (at least 93 % is
wanted in every cell); `met` is how often "not worse by more than M points at 95 %" is met although the truth is exactly
M points worse (at most 3 % is wanted; 2.5 % is what it says); `width` is the mean length of the interval in points;
`few` is the share of suites that get no interval because they have too few cases. "before" is the percentile bootstrap
that promptlab had, with 500 suites a cell.
"""

from __future__ import annotations

import argparse
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks import interval_methods as methods
from benchmarks.populations import ALIKE, KINDS, Alike, Kind, changes, rates
from benchmarks.statistics_power import Power, powers
from promptlab import stats

CASES = (6, 8, 10, 15, 20, 30, 50, 100, 200)
TRUTHS = (0.0, -0.01, -0.05, -0.10)
RATES = (0.5, 0.8, 0.9, 0.95, 0.99)
SUITES, SUITES_BEFORE, MEASURED = 4_000, 500, 20
"""Suites of a cell, for ours and for the method before; `MEASURED` of them go through the package itself."""


@dataclass(frozen=True)
class Place:
    """A cell of the grid. `what` is the kind of scores, or "pass rate", whose truth is then the rate."""

    what: str
    cases: int
    answers: int
    alike: Alike
    truth: float


@dataclass(frozen=True)
class Found:
    """What was found in a cell. `met` is None where the truth is not at a margin."""

    place: Place
    way: str
    covers: float
    met: float | None
    width: float | None
    few: float


def grid(fast: bool, kinds: Sequence[str] = (*KINDS, "pass rate")) -> Iterator[Place]:
    """All cells of these kinds; of the fast part, those where the method before is most often wrong and some others."""
    sizes = (6, 8, 20, 50) if fast else CASES
    some: list[tuple[int, Alike]] = [(1, "independent"), (2, "between")]
    every = [(1, "independent"), *((answers, alike) for answers in (2, 5) for alike in ALIKE)]
    for cases in sizes:
        for answers, alike in some if fast else every:
            for kind in kinds:
                truths = RATES if kind == "pass rate" else TRUTHS
                for truth in truths[::2] if fast else truths:
                    yield Place(kind, cases, answers, alike, truth)


def measured(place: Place, suites: int = SUITES, before: int = SUITES_BEFORE) -> list[Found]:
    """Simulate a cell with our method and with the one before."""
    rng = np.random.default_rng(zlib.crc32(repr(place).encode()))
    if place.what == "pass rate":
        return _measured_rate(place, rng, suites)
    drawn = _changes(place, rng, suites)
    low, high = methods.interval_before(drawn[:before])
    no_interval = float(np.mean((low == -1) & (high == 1)))
    old = _found(place, "before", (low > place.truth, high < place.truth), float(np.mean(high - low)), no_interval)
    verdicts = methods.ours(drawn, place.truth, -1.0)
    found = [
        stats.compare_graded([[max(0.0, -c)] for c in row], [[max(0.0, c)] for c in row]) for row in drawn[:MEASURED]
    ]
    for number, one in enumerate(found):
        # The simulation is in numpy: it must say what the package says.
        assert (one.interval.low > place.truth, one.interval.high < place.truth) == (
            bool(verdicts[0][number]),
            bool(verdicts[1][number]),
        ), (place, number)
        assert one.settled == (one.interval.low > 0 or one.interval.high < 0), (place, number)
    width = float(np.mean([one.interval.high - one.interval.low for one in found]))
    return [old, _found(place, "ours", verdicts, width, 0.0)]


def _changes(place: Place, rng: np.random.Generator, suites: int) -> methods.Numbers:
    kind: Kind = place.what  # type: ignore[assignment]  # the caller has seen to "pass rate"
    return np.round(changes(rng, kind, place.truth, suites, place.cases, place.answers, place.alike), 9)


def _measured_rate(place: Place, rng: np.random.Generator, suites: int) -> list[Found]:
    shares = rates(rng, place.truth, suites, place.cases, place.answers, place.alike)
    verdicts = methods.ours(shares, place.truth, 0.0)
    counts = np.rint(shares[:MEASURED] * place.answers).astype(int)
    found = [stats.clustered([(int(count), place.answers) for count in row]) for row in counts]
    for number, one in enumerate(found):
        assert (one.low > place.truth, one.high < place.truth) == (
            bool(verdicts[0][number]),
            bool(verdicts[1][number]),
        ), (place, number)
    old = _found(place, "before", methods.rate_before(shares, place.answers, place.truth), None, 0.0)
    return [old, _found(place, "ours", verdicts, float(np.mean([one.high - one.low for one in found])), 0.0)]


def _found(place: Place, way: str, verdicts: methods.Verdicts, width: float | None, few: float) -> Found:
    above, below = verdicts
    at_margin = place.truth != 0
    return Found(
        place, way, 1 - float(np.mean(above | below)), float(np.mean(above)) if at_margin else None, width, few
    )


def other_ways(fast: bool) -> list[Found]:
    """Every method in some cells, one answer a case."""
    found = []
    for cases in (8, 20) if fast else (8, 20, 50, 100):
        for kind in KINDS:
            for truth in (0.0, -0.05):
                place = Place(kind, cases, 1, "independent", truth)
                rng = np.random.default_rng(zlib.crc32(repr(place).encode()))
                drawn = _changes(place, rng, 1_000)
                found += [_found(place, name, way(drawn, truth, -1.0), None, 0.0) for name, way in methods.WAYS.items()]
    return found


def summary_lines(found: Sequence[Found]) -> Iterator[str]:
    """A line for each kind, number of cases and way: the worst of the cells, and the mean width."""
    yield f"{'':10} {'cases':>5} {'way':15} {'covers at least':>15} {'met at most':>12} {'width':>6} {'few':>5}  cells"
    groups: dict[tuple[str, int, str], list[Found]] = {}
    for one in found:
        groups.setdefault((one.place.what, one.place.cases, one.way), []).append(one)
    for (what, cases, way), group in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1])):
        yield _line(f"{what:10} {cases:5} {way:15}", group)
    for way in dict.fromkeys(one.way for one in found):
        yield _line(f"{'all':10} {'':5} {way:15}", [one for one in found if one.way == way])


def _line(head: str, group: Sequence[Found]) -> str:
    met = [one.met for one in group if one.met is not None]
    widths = [one.width for one in group if one.width is not None]
    worst = f"{100 * max(met):10.1f} %" if met else f"{'-':>12}"
    width = f"{100 * sum(widths) / len(widths):6.1f}" if widths else f"{'-':>6}"
    few = sum(one.few for one in group) / len(group)
    return f"{head} {100 * min(one.covers for one in group):13.1f} % {worst} {width} {100 * few:4.0f}%  {len(group)}"


def cell_line(one: Found) -> str:
    """A cell in a line."""
    place = one.place
    head = f"{place.what:10} {place.cases:5} cases, {place.answers} {place.alike:11} truth {100 * place.truth:+5.0f}"
    return _line(f"{head} {one.way:15}", [one])


def power_line(one: Power) -> str:
    """How often a difference is found that is said to be found in 80 % of suites."""
    before = "-" if one.before is None else f"{100 * one.before:5.1f} %"
    head = f"{one.what:44} {one.cases:5} cases  {100 * one.difference:5.1f} points"
    return f"{head}  before {before}  ours {100 * one.ours:5.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", "--quick", action="store_true", help="A part of the grid, with fewer suites.")
    parser.add_argument("--kind", choices=[*KINDS, "pass rate"], help="Only this kind of scores.")
    parser.add_argument("--ways", action="store_true", help="Other methods beside ours, in some cells.")
    parser.add_argument("--cells", action="store_true", help="A line for every cell.")
    parser.add_argument("--json", action="store_true", help="One JSON object.")
    options = parser.parse_args()
    places = list(grid(options.fast, [options.kind] if options.kind else [*KINDS, "pass rate"]))
    if options.ways:
        found = other_ways(options.fast)
    else:
        workers = os.cpu_count() or 1
        with ProcessPoolExecutor(workers) as pool:
            sizes = [(1_000, 300)] * len(places) if options.fast else [(SUITES, SUITES_BEFORE)] * len(places)
            parts = pool.map(measured, places, *zip(*sizes, strict=True), chunksize=4)
            found = []
            for part in parts:
                found += part
                if options.cells:
                    print(*map(cell_line, part), sep="\n", flush=True)
    power = [] if options.ways else powers(options.fast)
    if options.json:
        print(json.dumps({"cells": [asdict(one) for one in found], "power": [asdict(one) for one in power]}))
        return
    for line in [*summary_lines(found), *map(power_line, power)]:
        print(line)


if __name__ == "__main__":
    main()

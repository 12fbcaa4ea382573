"""How often the interval of a corrected judge holds the true pass rate, and how long it is, beside ppi-python.

    python -m benchmarks.judge_correction                # the whole grid: some minutes
    python -m benchmarks.judge_correction --fast         # a part of it: half a minute

Each cell has simulated suites of 300 unmarked cases and some marked ones. `judge` is how often the judge passes good
answers and bad ones. `holds` is how often the 95 % interval has the true rate (at least 93 % is wanted), `width` its
mean length in points, `marks alone` that of the marks without a judge. "normal" is the interval of PPI++ as the paper
has it, which `ppi_mean_ci` of ppi-python computes; it is here if that library is installed, which is not needed else.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from promptlab import stats
from promptlab.stats import _prediction_powered as module

JUDGES = ((0.95, 0.05), (0.8, 0.3), (0.5, 0.5), (0.2, 0.9))
RATES = (0.5, 0.8, 0.95)
MARKED = (10, 30, 100)
OTHERS = 300
SUITES, SUITES_FAST = 200, 40
DRAWS = 1_000
"""Fewer than the package draws: an end of an interval moves by less than a point."""


@dataclass(frozen=True)
class Cell:
    rate: float
    judge: tuple[float, float]
    marked: int


@dataclass(frozen=True)
class Found:
    """What was found in a cell; `normal` is the share and width of ppi-python, None without it."""

    holds: float
    width: float
    alone: float
    normal: tuple[float, float] | None


def simulated(cell: Cell, suites: int) -> Found:
    """Simulate a cell."""
    chance = random.Random(repr(cell))
    ours: list[stats.Corrected] = []
    normal: list[tuple[float, float]] = []
    library = _library()
    for _ in range(suites):
        truth = [float(chance.random() < cell.rate) for _ in range(cell.marked + OTHERS)]
        judge = [float(chance.random() < cell.judge[0 if good else 1]) for good in truth]
        people = {str(number): truth[number] for number in range(cell.marked)}
        ours.append(stats.corrected({str(number): value for number, value in enumerate(judge)}, people))
        if library:
            normal.append(_normal(library, truth, judge, cell.marked))
    held = fmean(one.interval.low <= cell.rate <= one.interval.high for one in ours)
    width = fmean(one.interval.high - one.interval.low for one in ours)
    alone = fmean(one.marks_interval.high - one.marks_interval.low for one in ours)
    theirs = None
    if normal:
        theirs = fmean(low <= cell.rate <= high for low, high in normal), fmean(high - low for low, high in normal)
    return Found(held, width, alone, theirs)


def _library() -> Any:
    try:
        import ppi_py
    except ImportError:
        return None
    return ppi_py


def _normal(library: Any, truth: list[float], judge: list[float], marked: int) -> tuple[float, float]:
    import numpy as np

    arrays = (np.array(part) for part in (truth[:marked], judge[:marked], judge[marked:]))
    low, high = library.ppi_mean_ci(*arrays, alpha=0.05)
    return float(low[0]), float(high[0])


def lines(*, fast: bool) -> Iterator[str]:
    """The table, as lines of Markdown."""
    yield "| rate | judge | marked | holds | width | marks alone | normal holds | normal width |"
    yield "|---|---|---|---|---|---|---|---|"
    for rate in RATES[1:2] if fast else RATES:
        for judge in JUDGES:
            for marked in MARKED:
                found = simulated(Cell(rate, judge, marked), SUITES_FAST if fast else SUITES)
                normal = ("–", "–") if found.normal is None else (_percent(found.normal[0]), _points(found.normal[1]))
                shown = (f"{rate:.0%}", f"{judge[0]:.0%} / {judge[1]:.0%}", str(marked), _percent(found.holds))
                yield f"| {' | '.join((*shown, _points(found.width), _points(found.alone), *normal))} |"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(width: float) -> str:
    return f"{100 * width:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="How often the interval of a corrected judge is right.")
    parser.add_argument("--fast", action="store_true", help="a part of the grid, with few suites")
    options = parser.parse_args()
    module.DRAWS = DRAWS
    for line in lines(fast=options.fast):
        print(line, flush=True)


if __name__ == "__main__":
    main()

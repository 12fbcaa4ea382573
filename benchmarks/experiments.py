"""How often the answers of experiments are right, by simulation: `python -m benchmarks.experiments [--write]`.

Models of known ability (`benchmarks/abilities.py`) answer cases that are easy, mixed or hard. Every kind is planned by
its real planner, and run at once, screened, with early stops, and with both. Counted are how often the interval of an
effect has the truth in it, and how often "helps" is said of what does not help. `--write` puts the tables into
docs/experiments/simulation.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from benchmarks import machine
from benchmarks.abilities import ABILITIES, DIFFICULTIES, Luck, Score
from benchmarks.simulated import CASES, EFFECTS, FLOWS, Cell, Chosen, Count, selection, simulate

REPORT = Path(__file__).parents[1] / "docs/experiments/simulation.md"
ABOUT = """\
# How often experiments are right

Written by `python -m benchmarks.experiments --times {times} --write`. Models of known ability answer made-up cases;
what they answer is drawn, and the truth is known. Every kind is planned by its own planner.

- **Covers**: how often the 95 % interval of an effect has the truth in it. The truth is the effect in all cases that
  there could be, of which those asked are a sample, and on the arms that were asked; for Shapley values it is over all
  orders.
- **False “helps”**: how often “helps” is said of what does nothing or harm.
- Cases are easy (chances of a right answer from Beta(4, 1)), mixed (Beta(½, ½)) and hard (Beta(1, 4)), in equal parts.
- One arm has an effect of 0, 5 or 20 points, or parts of it; the other arms have none.
- **Found**: how often “helps” is said of what helps; at 0 points, of the score of easy cases beside guessing.
- *Screened*: a quarter of the cases chooses what is confirmed on the rest. *Early stops*: up to four looks.

Each cell has {times} experiments with several effects each, which share their cases. By chance alone one cell may be
off by 1 to 2 points with 300 experiments, and by 2 to 4 with 75; the table of all kinds together may be off by a few
tenths of a point.

The intervals are those of the mid-p test (`promptlab/stats/_mean.py`), and with early stops those of the stagewise
ordering with boundaries after Lan & DeMets (`promptlab/stats/_sequential.py`). Where they cover more than 97 %:

- *Shared luck*: both sides give the same answer unless the effect decides. With no effect nothing changes, and an
  interval of any length has 0 in it; with an effect changes are rare, and one that was not seen may be whole.
- Means over several answers, of repeats or of several arms on one side, change in small steps, while a case that was
  not seen is reckoned with as if it could change more.
- 20 cases, and 45 fresh ones after screening, are few: a case that was not seen may be extreme.
- Shapley values: their intervals allow for the orders that were not asked, which are hard to estimate from eight.

"""


def _counted(job: tuple[Cell, int]) -> tuple[Cell, Count]:
    return job[0], simulate(*job)


def kinds() -> list[Cell]:
    return [Cell(a, flow, n, effect) for n in CASES for a in ABILITIES for flow in FLOWS for effect in EFFECTS]


def conditions() -> list[Cell]:
    """How hard the cases are, how answers are scored, and whose luck it is, for one kind."""
    ways: tuple[tuple[Score, Luck], ...] = (("right or wrong", "own"), ("right or wrong", "shared"), ("graded", "own"))
    return [
        Cell("ablate", "at once", n, effect, difficulty, score, luck)
        for n in CASES
        for difficulty in DIFFICULTIES
        for score, luck in ways
        for effect in EFFECTS
    ]


def read(kept: Path | None, times: int) -> dict[Cell, Count]:
    """The counts in the file `kept`, of cells with so many experiments."""
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept and kept.exists() else []
    return {Cell(**row["cell"]): Count(**row["count"]) for row in rows if row["times"] == times}


def counted(cells: Sequence[Cell], times: int, processes: int, kept: Path | None) -> dict[Cell, Count]:
    """The counts of `cells`. What stands in the file `kept` is not simulated again, and what is new is added to it."""
    counts = read(kept, times)
    jobs = [(cell, times) for cell in cells if cell not in counts]
    with ProcessPoolExecutor(processes) as pool:
        for cell, count in pool.map(_counted, jobs):
            counts[cell] = count
            if kept:
                with kept.open("a") as file:
                    file.write(json.dumps({"cell": asdict(cell), "times": times, "count": asdict(count)}) + "\n")
    return {cell: counts[cell] for cell in cells}


def pooled(counts: Mapping[Cell, Count], chosen: Callable[[Cell], bool]) -> Count:
    """The sum of the counts of the chosen cells."""
    found = [count for cell, count in counts.items() if chosen(cell)]
    return Count(**{name: sum(getattr(count, name) for count in found) for name in asdict(Count())})


def report(counts: Mapping[Cell, Count], chosen: Sequence[Chosen], times: int, where: str) -> str:
    """The tables as Markdown."""
    main = {cell: count for cell, count in counts.items() if not cell.difficulty}
    rest = {cell: count for cell, count in counts.items() if cell.difficulty}
    lines = [ABOUT.format(times=times) + "## All kinds together", "", *_together(main), ""]
    lines += ["## Every kind", "", "Covers for effects of 0, 5 and 20 points, and false “helps”, in %."]
    missing = len([cell for cell in kinds() if cell not in main])
    lines += [f"{missing} cells were not simulated: –." if missing else "", ""]
    lines += [*_every(main), "", "## Hard and easy cases, scores, luck (`ablate`, at once)", "", *_conditions(rest), ""]
    if chosen:
        lines += ["## The best of twenty", "", "Twenty wordings that all do nothing, 60 cases.", ""]
        lines += ["| the best is | mean error of its estimate, in points |", "|---|---|"]
        lines += [f"| {c.way} | {100 * c.error:+.1f} (± {100 * 1.96 * c.deviation:.1f}) |" for c in chosen]
    return "\n".join([*lines, "", f"Measured on: {where}.", ""])


def _together(counts: Mapping[Cell, Count]) -> Iterator[str]:
    yield "| | cases | effect | covers | lowest and highest kind | false “helps” | found | cases asked |"
    yield "|---|---|---|---|---|---|---|---|"
    for flow in FLOWS:
        for cases in CASES:
            for effect in EFFECTS:
                own = {c: n for c, n in counts.items() if (c.flow, c.cases, c.effect) == (flow, cases, effect)}
                found = pooled(own, lambda _: True)
                if not found.intervals:
                    continue
                ends = sorted(count.coverage for count in own.values())
                yield (
                    f"| {flow} | {cases} | {100 * effect:.0f} points | {found.coverage:.1%} | {ends[0]:.1%} to "
                    f"{ends[-1]:.1%} | {found.false:.2%} | {_found(found)} | {found.asked / found.experiments:.0f} |"
                )


def _found(count: Count) -> str:
    return f"{count.found / count.effects:.0%}" if count.effects else "–"


def _every(counts: Mapping[Cell, Count]) -> Iterator[str]:
    yield "| kind | | " + " | ".join(f"{cases} cases | false" for cases in CASES) + " |"
    yield "|---|---|" + "---|---|" * len(CASES)
    for ability in dict.fromkeys(cell.ability for cell in counts):
        for flow in FLOWS:
            cells = []
            for cases in CASES:
                found = [counts.get(Cell(ability, flow, cases, effect)) for effect in EFFECTS]
                own = [count for count in found if count is not None]
                cells.append(" · ".join("–" if count is None else f"{100 * count.coverage:.1f}" for count in found))
                nothing = sum(count.nothing for count in own)
                cells.append(f"{100 * sum(count.false_helps for count in own) / nothing:.1f}" if nothing else "–")
            yield f"| {ability} | {flow} | {' | '.join(cells)} |"


def _conditions(counts: Mapping[Cell, Count]) -> Iterator[str]:
    yield "| cases are | scores are | luck | " + " | ".join(f"{cases} cases | false" for cases in CASES) + " |"
    yield "|---|---|---|" + "---|---|" * len(CASES)
    for difficulty, score, luck in dict.fromkeys((c.difficulty, c.score, c.luck) for c in counts):
        cells = []
        for cases in CASES:
            own = [
                n
                for c, n in counts.items()
                if (c.difficulty, c.score, c.luck, c.cases) == (difficulty, score, luck, cases)
            ]
            cells.append(" · ".join(f"{100 * count.coverage:.1f}" for count in own))
            cells.append(f"{100 * sum(n.false_helps for n in own) / sum(n.nothing for n in own):.1f}")
        yield f"| {difficulty} | {score} | {luck} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=300, help="simulated experiments in each cell")
    parser.add_argument("--only", default="", help="only abilities that begin so")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kept", type=Path, help="a file of counts, so that an interrupted simulation can go on")
    parser.add_argument("--kept-only", action="store_true", help="report what stands in that file")
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.name}")
    given = parser.parse_args()
    cells = [cell for cell in [*kinds(), *conditions()] if cell.ability.startswith(given.only)]
    wanted = [cell for cell in cells if cell in read(given.kept, given.times)] if given.kept_only else cells
    counts = counted(wanted, given.times, given.processes, given.kept)
    text = report(counts, [] if given.only else selection(given.times), given.times, machine.described())
    if given.write:
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()

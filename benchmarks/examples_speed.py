"""100,000 examples: how long loading, searching and each way of choosing shots takes.

python -m benchmarks.examples_speed               # a pool of 100,000 made examples, 25 words a question
python -m benchmarks.examples_speed --quick --json

Each figure is the middle of several calls after the first, each with another question; the first call of a kind,
which works out what is kept of the pool, is shown beside it. Words are drawn as often as words of a language are
(the n-th commonest with weight 1/n of 20,000), so that the commonest stand in nearly every text.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine
from promptlab.examples import _pool as examples
from promptlab.examples._choice import ShotChoice
from promptlab.workspace._workspace import Workspace

VOCABULARY = [f"w{number}" for number in range(20_000)]
WEIGHTS = list(itertools.accumulate(1 / (number + 1) for number in range(len(VOCABULARY))))


def pool_text(size: int) -> str:
    """A JSONL pool of `size` examples, the same each time."""
    drawn = random.Random(4)
    rows = []
    for number in range(size):
        question = " ".join(drawn.choices(VOCABULARY, cum_weights=WEIGHTS, k=25))
        row = {"id": f"e{number}", "inputs": {"question": question}, "output": f"class {number % 7}"}
        rows.append(json.dumps(row))
    return "\n".join(rows) + "\n"


def measure(size: int, times: int) -> dict[str, dict[str, float]]:
    """Seconds for each operation: the `first` call, and the middle and the slowest of those after it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "promptlab.yaml").write_text("models: {}\n")
        (root / "pool.jsonl").write_text(pool_text(size))
        workspace = Workspace.load(root)
        ways: dict[str, Callable[[int], Any]] = {"load": lambda _: examples.load_pool(workspace, "pool.jsonl")}
        pool = ()

        def question(number: int) -> dict[str, str]:
            return {"question": pool[number * 37 % size].inputs["question"]}

        ways["search"] = lambda number: examples.search_pool(pool, f"w{number + 900} w")
        for select in ("first", "random", "balanced", "similar", "diverse"):
            ways[select] = lambda number, select=select: examples.choose_shots(
                pool, ShotChoice("pool.jsonl", 8, select, order="similar_last"), question(number)
            )
        found: dict[str, dict[str, float]] = {}
        for name, way in ways.items():
            spent = []
            for number in range(times + 1):
                start = time.perf_counter()
                got = way(number)
                spent.append(time.perf_counter() - start)
                if name == "load":
                    pool = got
            found[name] = {"first": spent[0], "middle": statistics.median(spent[1:]), "slowest": max(spent[1:])}
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1,000 examples")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    size = 1_000 if options.quick else 100_000
    found = measure(size, 3 if options.quick else 9)
    if options.json:
        sys.stdout.write(json.dumps({"machine": machine.facts(), "examples": size, "seconds": found}) + "\n")
        return
    sys.stdout.write(f"{machine.described()}\n{size:,} examples, seconds\n")
    for name, row in found.items():
        sys.stdout.write(f"{name:<10}" + "".join(f"  {key} {value:.3f}" for key, value in row.items()) + "\n")


if __name__ == "__main__":
    main()

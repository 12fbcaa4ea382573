"""What it costs to import promptlab, and to ask it for help, in a new process each time.

    python -m benchmarks.imports
    python -m benchmarks.imports --quick --json

`import promptlab` is measured inside the process, from before the import to after it. The others are whole processes;
an empty one, beside them, says how much of that is Python itself. The ways take turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from benchmarks import machine

TIMED = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"
IMPORTS = {
    "import promptlab": "import promptlab",
    "promptlab.open": "import promptlab; promptlab.open",
    "promptlab.ScriptedBackend": "import promptlab; promptlab.ScriptedBackend",
}
PROCESSES = {
    "python -c pass": ["-c", "pass"],
    "promptlab --help": ["-m", "promptlab.cli", "--help"],
    "promptlab compare --help": ["-m", "promptlab.cli", "compare", "--help"],
}


def inside(program: str) -> float:
    """Seconds that `program` takes, measured by a new interpreter itself."""
    words = [sys.executable, "-c", TIMED.format(program)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def whole(words: list[str]) -> float:
    """Seconds that a process takes from its start to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], capture_output=True, check=True)
    return time.perf_counter() - start


def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, `rounds` times each."""
    ways: dict[str, Callable[[], float]] = {name: partial(inside, program) for name, program in IMPORTS.items()}
    ways |= {name: partial(whole, words) for name, words in PROCESSES.items()}
    for way in ways.values():
        way()  # writes the compiled modules
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true", dest="as_json")
    args = parser.parse_args()
    found = measure(2 if args.quick else args.rounds)
    if args.as_json:
        print(json.dumps({"machine": machine.facts(), "seconds": found}))
        return
    print(machine.described())
    for name, values in found.items():
        low, middle, high = (1000 * f(values) for f in (min, statistics.median, max))
        print(f"{name:28} {middle:7.1f} ms   ({low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()

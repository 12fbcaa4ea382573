"""What the ledger costs: the whole road to a loopback server with it and without it, taking turns.

    python -m benchmarks.ledger              # two minutes
    python -m benchmarks.ledger --quick --json

Both ways render, gate, look up, ask over HTTP with streaming and record every answer; one of them also writes a line
of the ledger before each request leaves, which includes looking at the labels once more and the key of the request.
The scan is off in both. The goal is less than 2 % of the road. `line_us` is one line alone, and `held_up_us` what a
line takes where other processes write into the same ledger.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.loopback import loopback
from benchmarks.overhead import ANSWER, MODEL, ROOT, Leg, Spread, questions
from promptlab.models._backend import Backend
from promptlab.models._catalogue import Catalogue
from promptlab.runs import _runner as runner
from promptlab.runs._store import Store
from promptlab.workspace import _ledger_read as ledger_read
from promptlab.workspace._ledger import Ledger, SentRequest
from promptlab.workspace._workspace import OpenAIModel, ScanPolicy, Workspace

GOAL = 0.02
OFF = ScanPolicy(keys="off", personal="off")
LINE = SentRequest(
    "api.openai.com", "gpt", "gpt-4o-mini", "templates/world-cup.yaml", "public", "public", "9" * 64, 1, 10324
)


class Unwatched(Catalogue):
    """A catalogue whose models leave no line in a ledger: there is none but here."""

    def _openai(self, name: str, entry: OpenAIModel) -> Backend:
        from promptlab.models._openai._backend import OpenAIBackend

        return OpenAIBackend(name, entry, "")


@dataclass(frozen=True)
class Figures:
    """`cost` is processor time of a request with the ledger over that without, less one, round by round; `slower` the
    same of requests a second. `lines` were in the ledger and `served` at the server, warming up included."""

    requests: int
    rounds: int
    in_flight: int
    with_ms: float
    without_ms: float
    cost: Spread
    slower: Spread
    line_us: Spread
    held_up_us: Spread
    lines: int
    served: int
    answers: int


def measure(*, requests: int, rounds: int, in_flight: int, latency: float) -> Figures:
    """Both ways, one after the other, the first one in turns, after one round to warm up."""
    with loopback(ANSWER, latency) as (url, served), tempfile.TemporaryDirectory() as folder:
        entry = OpenAIModel(backend="openai", model="loop-1", base_url=url, max_parallel=in_flight, window=128_000)
        places = [Path(folder) / name for name in ("with", "without")]
        answers = 0
        watched: list[Leg] = []
        bare: list[Leg] = []
        roads = []
        for place, kind in zip(places, (Catalogue, Unwatched), strict=True):
            workspace = _Inside(root=ROOT, models={MODEL: entry}, labels={}, scan=OFF, folder=place)
            roads.append((workspace, kind(workspace), Store(place / "runs.sqlite")))

        def once(which: int, mark: str, number: int) -> Leg:
            workspace, catalogue, store = roads[which]
            trials = questions(workspace, number, mark)

            def work() -> list[str]:
                run = runner.start_run(trials, catalogue=catalogue, store=store, title="benchmark")
                return [result.text for result in run.wait() if not result.cached]

            return Leg.timed(number, work)

        for which in (0, 1):
            answers += once(which, "w", min(requests, 4 * in_flight)).texts.count(ANSWER)
        before = served()
        for n in range(rounds):
            legs = {which: once(which, f"{n}.", requests) for which in ((0, 1) if n % 2 else (1, 0))}
            watched.append(legs[0])
            bare.append(legs[1])
            answers += sum(leg.texts.count(ANSWER) for leg in legs.values())
        made = served() - before
        for _, catalogue, store in roads:
            catalogue.close()
            store.close()
        lines = ledger_read.verify_ledger(places[0])
        assert lines.problem is None
        alone, held_up = lines_alone(places[0]), lines_held_up(places[0])
    return Figures(
        requests=requests,
        rounds=rounds,
        in_flight=in_flight,
        with_ms=round(statistics.median(leg.cpu_ms for leg in watched), 3),
        without_ms=round(statistics.median(leg.cpu_ms for leg in bare), 3),
        cost=Spread.of([a.cpu_ms / b.cpu_ms - 1 for a, b in zip(watched, bare, strict=True)]),
        slower=Spread.of([b.per_second / a.per_second - 1 for a, b in zip(watched, bare, strict=True)]),
        line_us=alone,
        held_up_us=held_up,
        lines=lines.counts.get("sent", 0),
        served=made,
        answers=answers,
    )


@dataclass(frozen=True)
class _Inside(Workspace):
    """This repository as a workspace, with a state folder of its own."""

    folder: Path = Path()

    @property
    def state(self) -> Path:
        return self.folder


def lines_alone(folder: Path, *, number: int = 400, rounds: int = 7) -> Spread:
    """Microseconds a line."""
    ledger = Ledger(folder)
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(number):
            ledger.sent(LINE)
        found.append((time.perf_counter() - started) / number * 1e6)
    ledger.close()
    return Spread.of(found)


def _write(folder: str, until: float) -> None:
    ledger = Ledger(Path(folder))
    while time.time() < until:
        ledger.sent(LINE)
        time.sleep(0.001)


def lines_held_up(folder: Path, *, others: int = 2) -> Spread:
    """Microseconds a line while `others` processes write a line every millisecond, each."""
    spawn = multiprocessing.get_context("spawn")
    busy = [spawn.Process(target=_write, args=(str(folder), time.time() + 3)) for _ in range(others)]
    for one in busy:
        one.start()
    time.sleep(1.5)
    found = lines_alone(folder)
    for one in busy:
        one.join()
    assert ledger_read.verify_ledger(folder).problem is None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--quick", action="store_true", help="few of everything: tries the road, measures nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if options.quick:
        options.requests, options.rounds = min(options.requests, 40), 1
    f = measure(requests=options.requests, rounds=options.rounds, in_flight=options.in_flight, latency=options.latency)
    if options.json:
        found: dict[str, Any] = {"machine": machine.facts(), "ledger": asdict(f)}
        json.dump(found, sys.stdout)
        print()
        return
    print(machine.described())
    print(f"\n{f.requests:,} requests, {f.in_flight} in flight, {f.rounds} rounds in turns; median (lowest to highest)")
    print(f"  processor time of a request {f.with_ms:.3f} ms with the ledger, {f.without_ms:.3f} ms without")
    print(
        f"  that is {f.cost.median:+.1%} ({f.cost.lowest:+.1%} to {f.cost.highest:+.1%})    goal: less than {GOAL:.0%}"
    )
    print(f"  a request takes {f.slower.median:+.1%} ({f.slower.lowest:+.1%} to {f.slower.highest:+.1%})")
    print(f"  one line alone {f.line_us.median:.0f} us; beside two other writers {f.held_up_us.median:.0f} us")
    print(f"  lines {f.lines:,}; served {f.served:,} from both; right answers {f.answers:,}")


if __name__ == "__main__":
    main()

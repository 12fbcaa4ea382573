"""What a suite costs: replaying stored prompts, and asking cases end to end.

    python -m benchmarks.suite                            # both parts, some minutes
    python -m benchmarks.suite --part replay              # seconds and memory of a replay, as the suite grows
    python -m benchmarks.suite --part ask --promptfoo PATH/node_modules/.bin/promptfoo
    python -m benchmarks.suite --quick --json

Everything is a process of its own, timed from its start to its end, reading its files and writing its results. They
take turns, round by round.

**replay**: `promptlab suite replay` on recordings of different lengths. Each item is a question about the article,
with two worked examples; the memory is the most that the process ever held.

**ask**: the cases of one file, about the article, 64 in flight, to a loopback server in a process of its own that waits
50 ms and answers in one word. promptlab renders, asks, scores, keeps every answer in its history and writes the
recording (`suite record`), or sends the recorded prompts again and judges the answers against the recorded ones (`suite
rerun`). promptfoo, where there is one, is given the same messages, cases and check, without its cache, and writes its
history and a JSON file. The bare client is a `ThreadPoolExecutor` with one `openai.OpenAI` that asks the same
messages, streamed as promptlab asks them or whole as promptfoo does, looks for what is expected, and writes a JSON line
an answer.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.loopback import loopback

ROOT = Path(__file__).parent.parent
ANSWER = "Argentina"
MODEL = "loopback"
SUITE = "fixtures/suites/cup.yaml"
CASES = "fixtures/suites/cup.jsonl"
PROMPTLAB = [sys.executable, "-m", "promptlab.cli"]
MESSAGES = "messages.json"
PARAMS = {"temperature": 0, "max_tokens": 32, "stop": ["\n"]}


@dataclass(frozen=True)
class Timed:
    """A process that ended: seconds of wall clock and of processor time, and the most memory it held, in MB."""

    seconds: float
    cpu: float
    memory: float
    output: str


_SPAWN = """
import json, os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[2:], stdout=2)
_, status, used = os.wait4(process.pid, 0)
seconds = time.perf_counter() - started
with open(sys.argv[1], "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], file)
"""
"""Starts a process and waits for it. Linux counts what a process was split off from among the memory it held, so that
must be small."""


def timed(words: Sequence[str], folder: Path, env: Mapping[str, str] = {}, *, fine: Sequence[int] = (0,)) -> Timed:
    """Run `words` in `folder`. Raises `RuntimeError` with what it said where it ends otherwise than in `fine`."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    figures = folder / "figures.json"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _SPAWN, str(figures), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    said = done.stderr.decode("utf-8", "replace")
    status, seconds, cpu, memory = json.loads(figures.read_text())
    if status not in fine:
        raise RuntimeError(f"{' '.join(words)} ended with {status}: {said[-2000:]}")
    return Timed(seconds, cpu, memory, said)


def workspace(folder: Path, cases: int, url: str = "http://127.0.0.1:9/v1") -> Path:
    """A workspace in `folder` whose suite asks `cases` different questions about the article."""
    for name in (
        "templates/world-cup.yaml",
        "fixtures/documents/world-cup-2022.md",
        "fixtures/examples/world-cup.jsonl",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    entry = {"backend": "openai", "model": "loop-1", "base_url": url, "window": 128_000}
    (folder / "promptlab.yaml").write_text(json.dumps({"models": {MODEL: entry}}), encoding="utf-8")
    (folder / SUITE).parent.mkdir(parents=True)
    (folder / SUITE).write_text(
        f"template: world-cup\nmodels: [{MODEL}]\nscorers: [contains]\ncases: [{{file: {CASES}}}]\n", encoding="utf-8"
    )
    with (folder / CASES).open("w", encoding="utf-8") as file:
        for n in range(cases):
            inputs = {"question": f"Question {n}: who won the 2022 World Cup in football?"}
            file.write(json.dumps({"id": f"q{n:06}", "inputs": inputs, "expected": ANSWER}) + "\n")
    return folder


# Part one: replay


@dataclass(frozen=True)
class ReplayFigures:
    """`promptlab suite replay` of so many items: the recording's MB, median seconds, all of them, MB of memory."""

    items: int
    recording_mb: float
    seconds: float
    values: tuple[float, ...]
    memory_mb: float
    same: int


def record(folder: Path) -> None:
    """Write the suite's recording, as if the model had always said the same, and nobody is asked."""
    from promptlab.runs import _runner as runner
    from promptlab.suites import _file as suite_file
    from promptlab.suites._items import TrialMaker, suite_items
    from promptlab.suites._recorded_item import RecordedItem
    from promptlab.suites._recording import write
    from promptlab.types import Completion, Usage
    from promptlab.workspace._workspace import Workspace

    house = Workspace.load(folder)
    suite = suite_file.load_suite(house, SUITE)
    fill = TrialMaker(house, suite)

    def lines() -> Iterator[RecordedItem]:
        for item in suite_items(house, suite):
            trial = fill.trial(item)
            request = runner.request_of(trial)
            done = Completion(ANSWER, "stop", Usage(read=2600, written=2))
            scores = runner.score_answer(trial.scorers, ANSWER, trial.expected)
            yield RecordedItem(
                item.key,
                request,
                request.key("none"),
                "none",
                done,
                scores,
                inputs=trial.inputs,
                expected=trial.expected,
            )

    write(house.resolve(suite.recording), lines())


def measure_replay(sizes: Sequence[int], rounds: int) -> list[ReplayFigures]:
    """Replays of suites of these `sizes`, the sizes in turns."""
    with tempfile.TemporaryDirectory() as name:
        folders = {size: workspace(Path(name) / str(size), size) for size in sizes}
        for folder in folders.values():
            record(folder)
        found: dict[int, list[Timed]] = {size: [] for size in sizes}
        for _ in range(rounds):
            for size, folder in folders.items():
                found[size].append(timed([*PROMPTLAB, "suite", "replay", "cup"], folder))
        return [
            ReplayFigures(
                items=size,
                recording_mb=(folder / "fixtures/recordings/cup.jsonl").stat().st_size / 1e6,
                seconds=statistics.median(one.seconds for one in found[size]),
                values=tuple(round(one.seconds, 2) for one in found[size]),
                memory_mb=max(one.memory for one in found[size]),
                same=_passed(found[size][0].output),
            )
            for size, folder in folders.items()
        ]


def _passed(said: str) -> int:
    """The items that promptlab says pass."""
    for line in said.splitlines():
        head, colon, rest = line.partition("cup: ")
        if colon and not head:
            return int(rest.split()[0])
    return 0


# Part two: asking


@dataclass(frozen=True)
class Way:
    """One way to ask all cases: median cases a second with all of them, processor time a case, what it got right."""

    name: str
    per_second: float
    values: tuple[float, ...]
    cpu_ms: float
    memory_mb: float
    right: int


@dataclass(frozen=True)
class AskFigures:
    """All ways, and promptlab's rate over others', round by round: the median, lowest and highest ratio."""

    cases: int
    rounds: int
    in_flight: int
    latency_ms: float
    ways: tuple[Way, ...]
    ratios: Mapping[str, tuple[float, float, float]]
    served: int


def messages(folder: Path) -> list[dict[str, str]]:
    """The messages of every case, with `{{question}}` where its question stands, as other programs want them."""
    from promptlab.runs import _plans as plans
    from promptlab.runs import _runner as runner
    from promptlab.runs._trial import Given
    from promptlab.templates import _load as templates
    from promptlab.workspace._workspace import Workspace

    house = Workspace.load(folder)
    mark = "{{question}}"
    template = templates.load(house, "world-cup")
    (trial,) = plans.plan_comparison(house, template, Given.typed({"question": mark}), [MODEL], expected=None)
    found = [{"role": m.role, "content": m.content} for m in runner.request_of(trial).messages]
    assert [m["content"] for m in found].count(mark) == 1
    return found


def promptfoo_config(folder: Path, url: str, in_flight: int) -> Path:
    """The same cases for promptfoo."""
    (folder / MESSAGES).write_text(json.dumps(messages(folder)), encoding="utf-8")
    with (folder / "promptfoo.jsonl").open("w", encoding="utf-8") as file:
        for line in (folder / CASES).read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            check = [{"type": "icontains", "value": case["expected"]}]
            file.write(json.dumps({"vars": case["inputs"], "assert": check}) + "\n")
    config = {
        "description": "cup",
        "prompts": [f"file://{MESSAGES}"],
        "providers": [{"id": "openai:chat:loop-1", "config": {"apiBaseUrl": url, "apiKey": "none", **PARAMS}}],
        "tests": "file://promptfoo.jsonl",
        "evaluateOptions": {"maxConcurrency": in_flight},
    }
    path = folder / "promptfooconfig.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def bare(url: str, in_flight: int, *, streamed: bool) -> int:
    """The bare client, in its own process and in the workspace's folder; how many answers were right."""
    import openai

    client = openai.OpenAI(api_key="none", base_url=url, max_retries=0)
    before = json.loads(Path(MESSAGES).read_text(encoding="utf-8"))

    def ask(case: dict[str, Any]) -> dict[str, Any]:
        question = case["inputs"]["question"]
        asked = [{**m, "content": question if m["content"] == "{{question}}" else m["content"]} for m in before]
        body: Any = {"model": "loop-1", "messages": asked, **PARAMS}
        if streamed:
            text = ""
            for chunk in client.chat.completions.create(**body, stream=True, stream_options={"include_usage": True}):
                if chunk.choices and chunk.choices[0].delta.content:
                    text += chunk.choices[0].delta.content
        else:
            text = client.chat.completions.create(**body).choices[0].message.content or ""
        return {"id": case["id"], "text": text, "pass": case["expected"].casefold() in text.casefold()}

    right = 0
    asked = [json.loads(line) for line in Path(CASES).read_text(encoding="utf-8").splitlines()]
    with ThreadPoolExecutor(in_flight) as pool, Path("bare.jsonl").open("w", encoding="utf-8") as out:
        for answer in pool.map(ask, asked):
            right += answer["pass"]
            out.write(json.dumps(answer) + "\n")
    return right


def measure_ask(*, cases: int, rounds: int, in_flight: int, latency: float, promptfoo: str | None) -> AskFigures:
    """Every way, `rounds` times, one after the other, after a short one each that fills the system's file cache."""
    with loopback(ANSWER, latency) as (url, served), tempfile.TemporaryDirectory() as name:
        folder, small = workspace(Path(name) / "all", cases, url), workspace(Path(name) / "few", 8, url)
        ways: dict[str, Callable[[Path], tuple[Timed, int]]] = {
            "promptlab record": lambda at: _ours(at, "record"),
            "promptlab rerun": lambda at: _ours(at, "rerun"),
            "bare client, streamed": lambda at: _bare(at, url, in_flight, "--streamed"),
            "bare client, whole answers": lambda at: _bare(at, url, in_flight),
        }
        if promptfoo:
            ways["promptfoo"] = lambda at: _promptfoo(at, promptfoo)
        for at in (small, folder):
            promptfoo_config(at, url, in_flight)
        for way in ways.values():
            way(small)
        before = served()
        found: dict[str, list[tuple[Timed, int]]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                found[name].append(way(folder))
        made = served() - before
    rates = {name: [cases / one.seconds for one, _ in ended] for name, ended in found.items()}
    return AskFigures(
        cases=cases,
        rounds=rounds,
        in_flight=in_flight,
        latency_ms=latency * 1000,
        ways=tuple(
            Way(
                name=name,
                per_second=statistics.median(rates[name]),
                values=tuple(round(rate, 1) for rate in rates[name]),
                cpu_ms=statistics.median(one.cpu for one, _ in ended) / cases * 1000,
                memory_mb=max(one.memory for one, _ in ended),
                right=sum(right for _, right in ended),
            )
            for name, ended in found.items()
        ),
        ratios={
            f"{ours} / {other}": _spread([a / b for a, b in zip(rates[ours], rates[other], strict=True)])
            for ours in rates
            for other in rates
            if ours.startswith("promptlab") and not other.startswith("promptlab")
        },
        served=made,
    )


def _ours(folder: Path, verb: str) -> tuple[Timed, int]:
    done = timed([*PROMPTLAB, "suite", verb, "cup", "--fresh"], folder)
    return done, _passed(done.output)


def _bare(folder: Path, url: str, in_flight: int, *streamed: str) -> tuple[Timed, int]:
    words = [sys.executable, "-m", "benchmarks.suite", "--bare", url, "--in-flight", str(in_flight), *streamed]
    done = timed(words, folder)
    return done, int(done.output)


def _promptfoo(folder: Path, program: str) -> tuple[Timed, int]:
    env = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1", "CI": "1"}
    env |= {"PROMPTFOO_CONFIG_DIR": str(folder / "promptfoo"), "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1"}
    # Its log files: with them it sometimes ends in an error of its logger when everything is done.
    env |= {"PROMPTFOO_DISABLE_DEBUG_LOG": "1", "PROMPTFOO_DISABLE_ERROR_LOG": "1"}
    words = [program, "eval", "-c", "promptfooconfig.json", "--no-cache", "--no-table", "--no-progress-bar"]
    # 100: a check failed, which the count of right answers shows.
    done = timed([*words, "-o", "promptfoo.json"], folder, env, fine=(0, 100))
    data = json.loads((folder / "promptfoo.json").read_text(encoding="utf-8"))
    return done, int(data["results"]["stats"]["successes"])


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    return (round(statistics.median(values), 2), round(min(values), 2), round(max(values), 2))


# Showing


def show_replay(found: Sequence[ReplayFigures]) -> None:
    print("\nreplay of items about the article; goal: 10,000 in less than 10 s, memory flat")
    for f in found:
        print(
            f"  {f.items:>7,} items, {f.recording_mb:5.1f} MB: {f.seconds:6.2f} s {f.values}, {f.memory_mb:.0f} MB held"
        )


def show_ask(f: AskFigures) -> None:
    print(
        f"\n{f.cases:,} cases, {f.in_flight} in flight, {f.latency_ms:.0f} ms, {f.rounds} rounds in turns, end to end"
    )
    for way in f.ways:
        rate = f"{way.per_second:6.1f} cases/s {way.values}"
        print(f"  {way.name:<28} {rate}, {way.cpu_ms:.1f} ms of processor time each, {way.memory_mb:.0f} MB")
    for name, (median, lowest, highest) in f.ratios.items():
        print(f"  {name:<48} {median:.2f} ({lowest:.2f} to {highest:.2f})")
    print(f"  right {', '.join(str(way.right) for way in f.ways)}; served {f.served:,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["replay", "ask", "all"], default="all")
    parser.add_argument("--items", type=int, nargs="+", default=[1_000, 10_000, 40_000], help="sizes to replay")
    parser.add_argument("--cases", type=int, default=1_500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--promptfoo", default=shutil.which("promptfoo"), help="its program; [the one on the path]")
    parser.add_argument("--quick", action="store_true", help="few of everything: tries the road, measures nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--bare", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--streamed", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        print(bare(options.bare, options.in_flight, streamed=options.streamed))
        return
    if options.quick:
        options.items, options.cases, options.rounds = [20, 40], min(options.cases, 12), 1
    load = os.getloadavg()[0]
    found: dict[str, Any] = {"machine": machine.facts(), "load": load, "replay": [], "ask": None}
    if not options.json:
        print(f"{machine.described()}; load {load:.1f}")
    if options.part in ("replay", "all"):
        replays = measure_replay(options.items, options.rounds)
        found["replay"] = [asdict(one) for one in replays]
        if not options.json:
            show_replay(replays)
    if options.part in ("ask", "all"):
        asked = measure_ask(
            cases=options.cases,
            rounds=options.rounds,
            in_flight=options.in_flight,
            latency=options.latency,
            promptfoo=options.promptfoo,
        )
        found["ask"] = asdict(asked)
        if not options.json:
            show_ask(asked)
    if options.json:
        json.dump(found, sys.stdout)
        print()


if __name__ == "__main__":
    main()

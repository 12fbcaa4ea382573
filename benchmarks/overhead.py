"""What promptlab costs on top of the call it makes, measured beside that call in the same process.

    python -m benchmarks.overhead              # both parts, a few minutes
    python -m benchmarks.overhead --part api   # requests a second against a loopback server
    python -m benchmarks.overhead --part local # time to the first token of the embedded models
    python -m benchmarks.overhead --quick --json

**api**: questions about one article, 64 in flight, to a server in a process of its own that waits 50 ms
before it answers. One way is promptlab's whole road: render, gate, cache look-up, the openai backend with
streaming, and every answer recorded in a file. The other is a bare `ThreadPoolExecutor` with one
synchronous `openai.OpenAI` client that streams the same bodies and joins the text. A third way asks
promptlab's backend alone, without the road, so that one sees what the road costs. They take turns.

**local**: from `runner.start` to the first `Delta`, against the bare llama-cpp-python calls that read the
same tokens and choose the first one with the same settings. They take turns as well, after both have
been loaded.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.loopback import loopback
from promptlab.models._backend import Backend
from promptlab.models._catalogue import Catalogue
from promptlab.runs import _plans as plans
from promptlab.runs import _runner as runner
from promptlab.runs._store import Store
from promptlab.runs._trial import Given, Trial
from promptlab.templates import _load as templates
from promptlab.types import SWITCHABLE, Completion, Delta, Request, Section
from promptlab.workspace._workspace import OpenAIModel, Workspace

ROOT = Path(__file__).parent.parent
TEMPLATE = "templates/world-cup.yaml"
LOCAL_MODELS = ("gemma-3-270m", "smollm2-135m")
LOCAL_PROMPTS: tuple[tuple[Section, ...], ...] = ((), ("context",))
ANSWER = "Argentina"
MODEL = "loopback"


@dataclass(frozen=True)
class Spread:
    """Several measurements of one thing: their median, lowest and highest."""

    median: float
    lowest: float
    highest: float
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values), tuple(round(v, 4) for v in values))


# Part one: requests a second


@dataclass(frozen=True)
class ApiFigures:
    """`*_per_second` are requests a second; `ratio` is promptlab's over the bare client's, round by round.

    The counts are of all rounds, warming up left out: answers each way got right, answers read back from
    the store, and requests the server saw. `cpu_ms` is processor time of this process for one request,
    waiting left out: promptlab, its backend alone, the bare client.
    """

    requests: int
    rounds: int
    in_flight: int
    latency_ms: float
    prompt_characters: int
    promptlab_per_second: Spread
    backend_per_second: Spread
    bare_per_second: Spread
    ratio: Spread
    cpu_ms: tuple[float, float, float]
    promptlab_answers: int
    backend_answers: int
    bare_answers: int
    recorded: int
    served: int


def questions(workspace: Workspace, number: int, mark: str) -> list[Trial]:
    """`number` different questions about the article; `mark` sets one round apart from another."""
    template = templates.load(workspace, TEMPLATE)
    trials = []
    for n in range(number):
        inputs = {"question": f"Question {mark}{n}: who won the 2022 World Cup in football?"}
        trials += plans.plan_comparison(workspace, template, Given.typed(inputs), [MODEL], expected=None)
    return trials


@dataclass(frozen=True)
class Leg:
    """One way, once: requests a second, milliseconds of processor time a request, and texts."""

    per_second: float
    cpu_ms: float
    texts: list[str]

    @classmethod
    def timed(cls, number: int, work: Callable[[], list[str]]) -> Leg:
        wall, cpu = time.perf_counter(), time.process_time()
        texts = work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return cls(number / wall, cpu / number * 1000, texts)


def through_backend(backend: Backend, requests: Sequence[Request], in_flight: int) -> list[str]:
    """Texts of the answers, asked of the backend without the road around it."""
    cancel = threading.Event()

    def ask(request: Request) -> str:
        return "".join(step.text for step in backend.complete(request, cancel) if isinstance(step, Completion))

    with ThreadPoolExecutor(in_flight) as pool:
        return list(pool.map(ask, requests))


def through_bare_client(client: Any, bodies: Sequence[dict[str, Any]], in_flight: int) -> list[str]:
    """Texts of the answers, asked as anybody would who has the openai library and no promptlab."""

    def ask(body: dict[str, Any]) -> str:
        text = ""
        for chunk in client.chat.completions.create(**body):
            if chunk.choices and chunk.choices[0].delta.content:
                text += chunk.choices[0].delta.content
        return text

    with ThreadPoolExecutor(in_flight) as pool:
        return list(pool.map(ask, bodies))


def measure_api(*, requests: int, rounds: int, in_flight: int, latency: float) -> ApiFigures:
    """Each way, one after the other, `rounds` times, after one round each to warm up."""
    import openai

    with loopback(ANSWER, latency) as (url, served), tempfile.TemporaryDirectory() as folder:
        entry = OpenAIModel(backend="openai", model="loop-1", base_url=url, max_parallel=in_flight, window=128_000)
        workspace = Workspace(root=ROOT, models={MODEL: entry}, labels={"fixtures/private/**": "confidential"})
        catalogue, store = Catalogue(workspace), Store(Path(folder) / "runs.sqlite")
        client = openai.OpenAI(api_key="none", base_url=url, max_retries=0)
        backend = catalogue.backend(MODEL)

        def once(mark: str, number: int) -> tuple[Leg, Leg, Leg, int]:
            trials = questions(workspace, number, mark)
            asked = [runner.request_of(t) for t in trials]
            bodies = [dict(backend.as_sent(request).body or {}) for request in asked]
            run_ids = []

            def whole_road() -> list[str]:
                run = runner.start_run(trials, catalogue=catalogue, store=store, title="benchmark")
                run_ids.append(run.id)
                return [result.text for result in run.wait() if not result.cached]

            ours = Leg.timed(number, whole_road)
            alone = Leg.timed(number, lambda: through_backend(backend, asked, in_flight))
            theirs = Leg.timed(number, lambda: through_bare_client(client, bodies, in_flight))
            return ours, alone, theirs, sum(r.text == ANSWER for r in store.results(run_ids[0]))

        once("w", min(requests, 4 * in_flight))
        before = served()
        figures = [once(f"{n}.", requests) for n in range(rounds)]
        made = served() - before
        characters = sum(len(m.content) for m in runner.request_of(questions(workspace, 1, "")[0]).messages)
        client.close()
        catalogue.close()
        store.close()
    ours, alone, theirs, recorded = zip(*figures, strict=True)
    return ApiFigures(
        requests=requests,
        rounds=rounds,
        in_flight=in_flight,
        latency_ms=latency * 1000,
        prompt_characters=characters,
        promptlab_per_second=Spread.of([leg.per_second for leg in ours]),
        backend_per_second=Spread.of([leg.per_second for leg in alone]),
        bare_per_second=Spread.of([leg.per_second for leg in theirs]),
        ratio=Spread.of([a.per_second / b.per_second for a, b in zip(ours, theirs, strict=True)]),
        cpu_ms=(_cpu(ours), _cpu(alone), _cpu(theirs)),
        promptlab_answers=_right(ours),
        backend_answers=_right(alone),
        bare_answers=_right(theirs),
        recorded=sum(recorded),
        served=made,
    )


def _cpu(legs: Sequence[Leg]) -> float:
    return round(statistics.median(leg.cpu_ms for leg in legs), 3)


def _right(legs: Sequence[Leg]) -> int:
    return sum(leg.texts.count(ANSWER) for leg in legs)


# Part two: time to the first token of a local model


@dataclass(frozen=True)
class LocalFigures:
    """Seconds to the first token of one model and prompt, each way; `longer_ms` is the difference, pair by pair.

    `outside_ms` is the part of promptlab's time that is not the engine's reading and choosing: rendering, the gate,
    git, the queue, handing over. It does not depend on how busy the cores are with the model.
    """

    model: str
    prompt: str
    tokens: int
    repeats: int
    promptlab_s: Spread
    bare_s: Spread
    longer_ms: Spread
    outside_ms: Spread


def first_delta(trial: Trial, catalogue: Catalogue, store: Store) -> tuple[float, float]:
    """Seconds from `runner.start` to the first text, and how many of them were not the engine's.

    The answer is then stopped. Raises the run's error, if any.
    """
    started = time.perf_counter()
    run = runner.start_run([trial], catalogue=catalogue, store=store, title="benchmark", fresh=True)
    found: float | None = None
    for event in run:
        if isinstance(event.step, Delta) and found is None:
            found = time.perf_counter() - started
            run.cancel()
    (result,) = run.results
    if result.completion is None or found is None:
        raise RuntimeError(result.error or f"{trial.model} said nothing")
    return found, found - (result.completion.timings.first_token or 0.0)


def first_token(llama: Any, tokens: Sequence[int]) -> float:
    """Seconds that the binding's own loop takes to read `tokens` from nothing and choose the next one."""
    started = time.perf_counter()
    llama.reset()
    next(llama.generate(tokens, temp=0.0))
    return time.perf_counter() - started


def measure_local(model: str, *, without: Sequence[Section], repeats: int) -> LocalFigures:
    """Both ways in turns, `repeats` times, after one time each to load and warm up."""
    from promptlab.models._llama._backend import LlamaBackend, usable_cores
    from promptlab.models._llama._tokenize import encode, split_controls

    workspace = Workspace.load(ROOT)
    # From nothing read, as the bare call does: nothing comes from disk, and what is in memory is forgotten each time.
    entry = workspace.models[model].model_copy(update={"keep_prefixes": "never"})
    workspace = replace(workspace, models={**workspace.models, model: entry})
    template = templates.load(workspace, TEMPLATE)
    (trial,) = plans.plan_comparison(
        workspace, template, Given.typed(templates.sample_inputs(template)), [model], without=without
    )
    with tempfile.TemporaryDirectory() as folder:
        catalogue, store = Catalogue(workspace), Store(Path(folder) / "runs.sqlite")
        backend = catalogue.backend(model)
        assert isinstance(backend, LlamaBackend)
        request: Request = runner.request_of(trial)
        laid_out = backend.chat_template.lay_out(request.messages)
        tokens = list(encode(backend.vocab, split_controls(backend.vocab, laid_out)).tokens)
        # After the backend, which sets how llama.cpp's threads wait when it imports the library.
        import llama_cpp

        cores = usable_cores()
        llama = llama_cpp.Llama(
            str(backend.path),
            n_ctx=backend.window or 0,
            n_threads=cores,
            n_threads_batch=cores,
            flash_attn=False,
            verbose=False,
        )

        def ours() -> tuple[float, float]:
            backend.forget_prefixes()
            return first_delta(trial, catalogue, store)

        ours()
        first_token(llama, tokens)
        pairs = [(ours(), first_token(llama, tokens)) for _ in range(repeats)]
        llama.close()
        catalogue.close()
        store.close()
    return LocalFigures(
        model=model,
        prompt=f"without {', '.join(without)}" if without else "whole",
        tokens=len(tokens),
        repeats=repeats,
        promptlab_s=Spread.of([ours for (ours, _), _ in pairs]),
        bare_s=Spread.of([theirs for _, theirs in pairs]),
        longer_ms=Spread.of([(ours - theirs) * 1000 for (ours, _), theirs in pairs]),
        outside_ms=Spread.of([outside * 1000 for (_, outside), _ in pairs]),
    )


# Showing


def _range(spread: Spread, form: str) -> str:
    return f"{spread.median:{form}} ({spread.lowest:{form}} to {spread.highest:{form}})"


def show_api(f: ApiFigures) -> None:
    print(f"\n{f.requests:,} requests, {f.in_flight} in flight, {f.latency_ms:.0f} ms latency, prompts of")
    print(f"{f.prompt_characters:,} characters, {f.rounds} rounds in turns; median (lowest to highest)")
    legs = (f.promptlab_per_second, f.backend_per_second, f.bare_per_second)
    for name, spread, cpu in zip(("promptlab", "its backend", "bare client"), legs, f.cpu_ms, strict=True):
        print(f"  {name:<16} {_range(spread, '.0f')} requests/s, {cpu:.2f} ms of processor time each")
    print(f"  promptlab / bare {_range(f.ratio, '.2f')}    goal: at least 0.85")
    right = f"{f.promptlab_answers:,}, {f.backend_answers:,} and {f.bare_answers:,}"
    print(f"  right answers {right}; recorded {f.recorded:,}; served {f.served:,}")


def show_local(f: LocalFigures) -> None:
    print(f"\nfirst token of {f.model}, {f.prompt} prompt of {f.tokens:,} tokens, {f.repeats} times in turns")
    print(f"  promptlab   {_range(f.promptlab_s, '.3f')} s")
    print(f"  bare call   {_range(f.bare_s, '.3f')} s")
    print(f"  longer by   {_range(f.longer_ms, '.0f')} ms    goal: less than 100")
    print(f"  of which outside the engine {_range(f.outside_ms, '.0f')} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["api", "local", "all"], default="all")
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--repeats", type=int, default=7, help="of each local measurement")
    parser.add_argument("--model", action="append", help="a local model; may be repeated")
    parser.add_argument("--without", choices=SWITCHABLE, help="a section; [the whole prompt, and one without context]")
    parser.add_argument("--quick", action="store_true", help="few of everything: tries the road, measures nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if options.quick:
        options.requests, options.rounds, options.repeats = min(options.requests, 40), 1, 1
    found: dict[str, Any] = {"machine": machine.facts(), "api": None, "local": []}
    if not options.json:
        print(machine.described())
    if options.part in ("api", "all"):
        api = measure_api(
            requests=options.requests, rounds=options.rounds, in_flight=options.in_flight, latency=options.latency
        )
        found["api"] = asdict(api)
        if not options.json:
            show_api(api)
    if options.part in ("local", "all"):
        for model in options.model or LOCAL_MODELS:
            for without in [(options.without,)] if options.without else LOCAL_PROMPTS:
                local = measure_local(model, without=without, repeats=options.repeats)
                found["local"].append(asdict(local))
                if not options.json:
                    show_local(local)
    if options.json:
        json.dump(found, sys.stdout)
        print()


if __name__ == "__main__":
    main()

"""Whether a local model keeps giving the right texts: thousands of requests, stopped, killed, pushed out of memory.

    python -m benchmarks.soak                          # 2,000 requests of 4 clients to SmolLM2, some minutes
    python -m benchmarks.soak --requests 300 --model gemma-3-270m --throughput 8
    python -m benchmarks.soak --requests 300 --model gemma-3-270m --sentences 44   # longer than its sliding window
    python -m benchmarks.soak --quick --json

The texts to expect come first: every different request is asked of a model that keeps nothing. Then clients ask them in
random order at once, with little memory for states, so that prefixes are pushed out; some answers are stopped after a
random number of steps, some iterators just dropped, and with `--kills` the models' process is killed now and then. An
answer that ends must have the expected text, or begin like it where it was stopped; one that fails must say that the
process was killed. Resident memory is looked at along the way. In throughput mode texts may differ by rounding, so
there everybody asks for a word to be said again, which no rounding changes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import machine
from benchmarks.prefix import opened
from promptlab.errors import EngineFailed
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._host import Engines
from promptlab.models._llama._workers import WORKERS
from promptlab.models._resident_memory import resident_memory
from promptlab.types import Completion, Delta, Message, Params, Prompt, Request

SENTENCES = 12
LATEST = 60.0
"""Seconds after which an answer counts as stuck."""


@dataclass(frozen=True)
class SoakFigures:
    """`ended` counts how requests ended: whole, stopped, dropped, killed. `wrong` are whole or partial texts that are
    not the expected one, `stuck` requests without an end, `memory_mb` that of the models' process after parts of the
    requests."""

    model: str
    requests: int
    different: int
    clients: int
    throughput: int
    kills: int
    ended: dict[str, int]
    wrong: list[str]
    stuck: int
    seconds: float
    memory_mb: dict[int, float]


def different(model: str, sentences: int) -> list[Request]:
    """Requests that share beginnings of different lengths, the longest of so many `sentences`."""
    stories = [
        " ".join(f"{who} went to {place} on day {n} and paid {n * 7 % 11} coins." for n in range(sentences))
        for who, place in (("Ann", "the sea"), ("Ann", "the hill"), ("Bob", "the sea"))
    ]
    asked = ("Who paid?", "Where to?", "How many coins on day 3?", "Tell it again.")
    found = []
    for story in ("", *stories, *(one[: len(one) // 2] for one in stories)):
        for question in asked:
            messages = (*((Message("system", story),) if story else ()), Message("user", question))
            both = (Params(max_tokens=6), Params(max_tokens=10, temperature=0.8, seed=len(found)))
            found += [Request(model, Prompt(messages), params) for params in both]
    return found


def sure(model: str) -> list[Request]:
    """Words to say again, after examples of that: so sure that the rounding of throughput mode does not change them."""
    before = ("apple", "window", "clock", "paper", "stone", "music", "coffee", "island", "summer")
    asked = ("ship", "river", "horse", "letter", "moon", "winter", "bridge", "garden")
    found = []
    for count in (3, 5, 7, 9):
        shots = [Message(role, word) for word in before[:count] for role in ("user", "assistant")]
        for word in asked:
            prompt = Prompt((*shots, Message("user", word)))
            found.append(Request(model, prompt, Params(max_tokens=6, stop=("\n",))))
    return found


class Soak:
    """Clients that ask `backend`, and what came of it."""

    def __init__(self, backend: LlamaBackend, expected: dict[int, str], requests: list[Request], *, kills: int) -> None:
        self._backend, self._expected, self._requests = backend, expected, requests
        self._lock = threading.Lock()
        self.ended: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._left = 0
        self._kill_at: set[int] = set()
        self._kills = kills
        self.memory_mb: dict[int, float] = {}

    def run(self, count: int, clients: int, seed: int) -> int:
        """Ask `count` requests; how many never ended."""
        chance = random.Random(seed)
        self._left = count
        self._kill_at = set(chance.sample(range(1, count), self._kills))
        rows = {max(1, count * part // 5) for part in range(6)}
        threads = [
            threading.Thread(target=self._client, args=(random.Random(chance.random()), count, rows), daemon=True)
            for _ in range(clients)
        ]
        for thread in threads:
            thread.start()
        stuck = 0
        for thread in threads:
            thread.join(LATEST * count)
            stuck += thread.is_alive()
        return stuck

    def _client(self, chance: random.Random, count: int, rows: set[int]) -> None:
        while True:
            with self._lock:
                if not self._left:
                    return
                self._left -= 1
                number = count - self._left
            if number in self._kill_at:
                # Later, or it would always be the moment after an answer, when nobody is being answered.
                threading.Timer(chance.random() / 2, _kill).start()
            self._ask(chance, chance.randrange(len(self._requests)))
            if number in rows and WORKERS.pid:
                self.memory_mb[number] = round((resident_memory(pid=WORKERS.pid) or 0) / 1e6, 1)

    def _ask(self, chance: random.Random, which: int) -> None:
        cancel, stop_after = threading.Event(), chance.choice([None, None, None, chance.randrange(1, 12)])
        drop = chance.random() < 0.3
        heard, done = "", None
        steps = self._backend.complete(self._requests[which], cancel)
        try:
            for at, step in enumerate(steps):
                if isinstance(step, Delta):
                    heard += step.text
                elif isinstance(step, Completion):
                    done = step
                if at == stop_after and drop:
                    break
                if at == stop_after:
                    cancel.set()
        except EngineFailed as exc:
            self._note("killed" if "SIGKILL" in exc.message else "failed", which, heard, whole=False)
            return
        finally:
            close = getattr(steps, "close", None)
            if close:
                close()
        if done is None:
            self._note("dropped", which, heard, whole=False)
        else:
            self._note("whole" if done.finish_reason != "stopped" else "stopped", which, done.text, done is not None)

    def _note(self, how: str, which: int, text: str, whole: bool) -> None:
        wanted = self._expected[which]
        whole = whole and how == "whole"
        right = text == wanted if whole else wanted.startswith(text)
        with self._lock:
            self.ended[how] += 1
            if how == "failed":
                self.wrong.append(f"request {which} failed")
            elif not right:
                self.wrong.append(f"request {which}, {how}: {text!r} is not {wanted!r}")


def _kill() -> None:
    if WORKERS.pid:
        os.kill(WORKERS.pid, signal.SIGKILL)


def measure(
    name: str,
    *,
    requests: int,
    clients: int,
    throughput: int,
    kills: int,
    sentences: int = SENTENCES,
    among: int | None = None,
    seed: int = 0,
) -> SoakFigures:
    """The whole of it; `among` the first so many of the different requests."""
    asked = (sure(name) if throughput else different(name, sentences))[:among]
    expected: dict[int, str] = {}
    with opened(name, host=Engines(), prefix_memory=0) as fresh:
        for at, one in enumerate(asked):
            fresh.forget_prefixes()
            *_, done = fresh.complete(one, threading.Event())
            assert isinstance(done, Completion)
            expected[at] = done.text
    with opened(name, prefix_memory=12, throughput=throughput) as backend:
        soak = Soak(backend, expected, asked, kills=kills)
        started = time.perf_counter()
        stuck = soak.run(requests, clients, seed)
        seconds = time.perf_counter() - started
    return SoakFigures(
        model=name,
        requests=requests,
        different=len(asked),
        clients=clients,
        throughput=throughput,
        kills=kills,
        ended=dict(soak.ended),
        wrong=soak.wrong,
        stuck=stuck,
        seconds=round(seconds, 1),
        memory_mb=dict(sorted(soak.memory_mb.items())),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--throughput", type=int, default=0, help="answers written together; 0 is the exact mode")
    parser.add_argument("--sentences", type=int, default=SENTENCES, help="of the longest beginnings, 14 tokens each")
    parser.add_argument("--kills", type=int, default=3, help="times the models' process is killed")
    parser.add_argument("--quick", action="store_true", help="40 requests, among 12 different ones")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    found = measure(
        options.model,
        requests=40 if options.quick else options.requests,
        among=12 if options.quick else None,
        clients=options.clients,
        throughput=options.throughput,
        kills=min(options.kills, 1) if options.quick else options.kills,
        sentences=options.sentences,
    )
    if options.json:
        facts: dict[str, Any] = {"machine": machine.facts(), "load": round(os.getloadavg()[0], 2)}
        print(json.dumps(facts | asdict(found)))
    else:
        print(f"{machine.described()}\n{found}")
    sys.exit(1 if found.wrong or found.stuck else 0)


if __name__ == "__main__":
    main()

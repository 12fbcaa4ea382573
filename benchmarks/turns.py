"""Two local models asked at once on one machine: is it quicker in turns, or sharing the cores?

    python -m benchmarks.turns [--quick] [--json]

Both embedded models get the same text to read and write the same number of tokens, with the bare
llama-cpp-python loop, so that nothing of promptlab is measured. Three ways, one after the other, several
rounds: in turns with all cores each; at once with half the cores each; at once with all cores each.
What counts for a person who waits is when both answers are there, and when the first one is.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import machine
from benchmarks.overhead import LOCAL_MODELS, ROOT, Spread
from promptlab.documents import _read as documents
from promptlab.models._catalogue import Catalogue
from promptlab.workspace._workspace import Workspace

ARTICLE = "fixtures/documents/world-cup-2022.md"


@dataclass(frozen=True)
class Way:
    """One way. `first_s` and `both_s` are seconds from the asking until one, and until both answers are there.

    `tokens` are those read and written by each model in each round.
    """

    way: str
    tokens: Mapping[str, int]
    first_s: Spread
    both_s: Spread


class Model:
    """A model of the catalogue, opened with the bare binding; `tokens` is what it reads."""

    def __init__(self, name: str, catalogue: Catalogue, characters: int) -> None:
        backend: Any = catalogue.backend(name)
        text = documents.read_document(catalogue.workspace, ARTICLE).text[:characters]
        import llama_cpp

        self.name, self._library = name, llama_cpp
        self._llama = llama_cpp.Llama(str(backend.path), n_ctx=4096, flash_attn=False, verbose=False)
        self.tokens: list[int] = self._llama.tokenize(text.encode())

    def answer(self, threads: int, write: int) -> int:
        """Read the text from nothing with `threads` threads, write `write` tokens; how many tokens that were."""
        self._library.llama_set_n_threads(self._llama.ctx, threads, threads)
        self._llama.reset()
        written = 0
        for _ in self._llama.generate(self.tokens, temp=0.0):
            written += 1
            if written == write:
                break
        return len(self.tokens) + written

    def close(self) -> None:
        self._llama.close()


def in_turns(models: list[Model], threads: int, write: int, ended: Callable[[Model, int], None]) -> None:
    for model in models:
        ended(model, model.answer(threads, write))


def at_once(models: list[Model], threads: int, write: int, ended: Callable[[Model, int], None]) -> None:
    # Decoding lets go of the interpreter lock, so Python threads are enough.
    asked = [threading.Thread(target=lambda m=model: ended(m, m.answer(threads, write))) for model in models]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()


def measure(*, rounds: int, characters: int, write: int) -> list[Way]:
    """Every way, `rounds` times, after each model has answered once to warm up."""
    from promptlab.models._llama._backend import usable_cores
    from promptlab.models._llama._library import library

    library()  # sets how llama.cpp's threads wait, as it is in use
    cores = usable_cores()
    half = max(1, cores // 2)
    ways: list[tuple[str, Callable[..., None], int]] = [
        (f"in turns, {cores} threads", in_turns, cores),
        (f"at once, {half} threads each", at_once, half),
        (f"at once, {cores} threads each", at_once, cores),
    ]
    catalogue = Catalogue(Workspace.load(ROOT))
    models = [Model(name, catalogue, characters) for name in LOCAL_MODELS]
    for model in models:
        model.answer(cores, 1)
    times: dict[str, list[list[float]]] = {name: [] for name, _, _ in ways}
    tokens: dict[str, dict[str, int]] = {}
    for _ in range(rounds):
        for name, ask, threads in ways:
            ends: list[float] = []
            done: dict[str, int] = {}

            def ended(model: Model, count: int, ends: list[float] = ends, done: dict[str, int] = done) -> None:
                ends.append(time.perf_counter())
                done[model.name] = count

            started = time.perf_counter()
            ask(models, threads, write, ended)
            times[name].append(sorted(end - started for end in ends))
            tokens[name] = {model.name: done[model.name] for model in models}
    for model in models:
        model.close()
    catalogue.close()
    return [
        Way(name, tokens[name], Spread.of([t[0] for t in times[name]]), Spread.of([t[-1] for t in times[name]]))
        for name, _, _ in ways
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--characters", type=int, default=2400, help="of the article to read")
    parser.add_argument("--write", type=int, default=24, help="tokens each model writes")
    parser.add_argument("--quick", action="store_true", help="once, and little")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.characters, options.write = 1, 120, 2
    ways = measure(rounds=options.rounds, characters=options.characters, write=options.write)
    if options.json:
        json.dump(
            {"machine": machine.facts(), "answers": len(LOCAL_MODELS), "ways": [asdict(w) for w in ways]}, sys.stdout
        )
        print()
        return
    print(machine.described())
    print(f"\nboth models, tokens {dict(ways[0].tokens)}, {options.rounds} rounds; median seconds (lowest to highest)")
    for way in ways:
        shown = [f"{s.median:.2f} ({s.lowest:.2f} to {s.highest:.2f})" for s in (way.first_s, way.both_s)]
        print(f"  {way.way:<26} first answer {shown[0]}, both {shown[1]}")


if __name__ == "__main__":
    main()

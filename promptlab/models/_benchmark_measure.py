"""The measurements of a benchmark: speed beside plain llama-cpp-python, repeatability, and several answers at once.

measurement = Measurement(backend, plain, USUAL_BENCHMARK, print, missing=[])
measurement.speed("").promptlab.reading       # tokens a second
measurement.repeatability().differing         # (): every text was the same
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from promptlab.errors import EngineFailed
from promptlab.models._backend import Backend
from promptlab.models._benchmark_figures import (
    Concurrency,
    Missing,
    Rate,
    Repeatability,
    Speed,
    rate_of,
    rate_of_times,
    repeatability_of,
    speed_of,
)
from promptlab.models._benchmark_prompts import BenchmarkSize, ask_for_list
from promptlab.types import Completion, Message, Prompt, Request

if TYPE_CHECKING:
    from promptlab.models._llama._backend import LlamaBackend
    from promptlab.models._llama._reference import Reference

Say = Callable[[str], None]
"""Is told what is being done."""


def answer(backend: Backend, request: Request) -> Completion:
    """The completion of `request`."""
    *_, last = backend.complete(request, threading.Event())
    assert isinstance(last, Completion)
    return last


def measure_concurrency(backend: Backend, requests: Sequence[Request], exact: Sequence[str]) -> Concurrency:
    """Ask `requests` one by one and then all at once. `exact` are their texts in the exact mode."""
    started = time.perf_counter()
    alone = [answer(backend, request) for request in requests]
    between = time.perf_counter()
    with ThreadPoolExecutor(len(requests)) as pool:
        at_once = list(pool.map(lambda request: answer(backend, request), requests))
    ended = time.perf_counter()

    def rate(answers: Sequence[Completion], seconds: float) -> float:
        return sum(done.usage.written or 0 for done in answers) / seconds

    return Concurrency(
        prompts=len(requests),
        one_by_one=rate(alone, between - started),
        at_once=rate(at_once, ended - between),
        differing=sum(done.text != text for done, text in zip(at_once, exact, strict=True)),
    )


@dataclass(frozen=True)
class Measurement:
    """A loaded model, plain llama-cpp-python beside it (None if that could not be started), and how much to ask."""

    backend: LlamaBackend
    plain: Reference | None
    size: BenchmarkSize
    say: Say
    missing: list[Missing]

    def speed(self, without_plain: str) -> Speed:
        """Tokens a second of promptlab and of plain llama-cpp-python, in turns. `without_plain` says why there is no
        plain one."""
        from promptlab.models._llama._reference import tokens_of

        backend, plain, size = self.backend, self.plain, self.size
        ours: list[Rate] = []
        theirs: list[Rate] = []
        read = written = 0
        for number in range(size.rounds):
            self.say(f"prefill and decoding, round {number + 1} of {size.rounds}")
            request = ask_for_list(backend.name, size, random.SystemRandom().getrandbits(32))
            backend.forget_prefixes()  # else the beginning of the chat template would come from the prefix cache
            done = answer(backend, request)
            ours.append(rate_of(done))
            read, written = done.usage.read or 0, done.usage.written or 0
            if plain is None:
                continue
            try:
                # Over as many tokens as promptlab wrote: a stop string may have ended its answer.
                times = plain.write(tokens_of(backend, request), size.write).seconds[: written or 1]
                theirs.append(rate_of_times(read, times))
            except EngineFailed as exc:
                plain, theirs, without_plain = None, [], exc.message
        return speed_of(read, written, ours, theirs, without_plain)

    def repeatability(self) -> Repeatability:
        """Ask one request several times, with and without the prefix cache, and plain llama-cpp-python once.

        Raises:
            EngineFailed: it was not answered, or only with empty texts, which shows nothing.
        """
        from promptlab.models._llama._reference import texts_of, tokens_of

        backend, plain, size = self.backend, self.plain, self.size
        request = ask_for_list(backend.name, size, 1)
        tokens = tokens_of(backend, request)
        self.say(f"the same request several times, with {len(tokens):,} tokens of prompt")
        answers = self._answers(request)
        if not any(done.text for done in answers.values()):
            raise EngineFailed("it wrote no text each time, which shows nothing")
        if plain is None:
            return repeatability_of(answers, read=len(tokens))
        try:
            own, cut = (plain.write(tokens, size.write, our_cuts=ours).tokens for ours in (False, True))
        except EngineFailed as exc:
            self.missing.append(Missing("whether plain llama-cpp-python writes the same", exc.message))
            return repeatability_of(answers, read=len(tokens))
        grown, in_our_cuts = (texts_of(backend, request.params, written) for written in (own, cut))
        return repeatability_of(answers, grown, in_our_cuts[-1], read=len(tokens))

    def _answers(self, request: Request) -> dict[str, Completion]:
        """The answers by the way of asking. `promptlab models check --json` prints these names."""
        backend = self.backend
        # It differs from the request in the middle, so that the prefix cache has a part of the request afterwards.
        text = request.messages[0].content
        half = Request(backend.name, Prompt((Message("user", text[: len(text) // 2]),)), request.params)
        answers: dict[str, Completion] = {}
        backend.forget_prefixes()
        answers["cold"] = answer(backend, request)
        answers["asked again at once"] = answer(backend, request)
        answer(backend, half)
        answers["after another prompt"] = answer(backend, request)
        backend.forget_prefixes()
        answers["forgotten again"] = answer(backend, request)
        return answers


__all__ = ["Measurement", "Say", "answer", "measure_concurrency"]

"""Trying a local model on this machine: memory, speed beside plain llama-cpp-python, and the same answer every time.

    report = check(catalogue, "smollm2-135m")
    report.speed.reading_ratios       # (1.03, 1.02, 1.04): promptlab reads a little quicker here
    report.sameness.differing         # (): every text was the same

What is asked is made up here, so nothing of the workspace is read, and nothing that it keeps read of earlier prompts is
used or lost: the model is opened a second time without them. What the figures are, and how they read in plain
lines, is in model_figures.py.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab.backends import Backend
from promptlab.errors import ModelNotReady
from promptlab.model_figures import (
    Facts,
    Rate,
    Report,
    Sameness,
    Speed,
    Together,
    rate_of,
    rate_of_times,
    sameness_of,
    speed_of,
)
from promptlab.models import Catalogue
from promptlab.types import Completion, Message, Params, Prompt, Request
from promptlab.workspace import LlamaModel, OpenAIModel, Workspace

if TYPE_CHECKING:
    from promptlab.backends.llama import LlamaBackend
    from promptlab.backends.llama_plain import Plain

WORDS = ("amber", "birch", "cedar", "delta", "grove", "iris", "kelp", "maple", "ochre", "pearl", "river", "stone")
AT_ONCE = 16
"""Prompts asked together of a model that writes several answers at once."""

Say = Callable[[str], None]
"""Told what is being done."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is asked: `rows` of made text in a prompt (nine tokens each, about), tokens to write, and rounds."""

    rows: int = 40
    write: int = 64
    rounds: int = 3


QUICK = Size(rows=6, write=12, rounds=1)


# What is asked


def made_text(rows: int, number: int) -> str:
    """`rows` lines of words and figures; another text for another `number`."""
    chance = random.Random(number)
    lines = [f"{chance.choice(WORDS)} {chance.choice(WORDS)} {chance.randrange(10, 1000)}" for _ in range(rows)]
    return "\n".join(lines)


def ask_for_list(model: str, size: Size, number: int) -> Request:
    """A request to write a made list again: models go on with that for as long as they may."""
    text = f"Write this list again from its first line, and leave nothing out:\n\n{made_text(size.rows, number)}"
    return Request(model, Prompt((Message("user", text),)), Params(max_tokens=size.write))


def short_ones(model: str, size: Size, count: int = AT_ONCE) -> list[Request]:
    """`count` different short requests."""
    texts = [f"Write a story about {made_text(1, number)}." for number in range(count)]
    return [Request(model, Prompt((Message("user", text),)), Params(max_tokens=size.write)) for text in texts]


def answer(backend: Backend, request: Request) -> Completion:
    """The whole answer."""
    *_, last = backend.complete(request, threading.Event())
    assert isinstance(last, Completion)
    return last


# What is measured


def resident(proc: Path = Path("/proc"), pid: int | None = None) -> int | None:
    """Bytes of memory that this process and its child processes hold; None where the system does not say."""
    mine = os.getpid() if pid is None else pid
    parents: dict[int, int] = {}
    held: dict[int, int] = {}
    for status in proc.glob("[0-9]*/status"):
        try:
            found = dict(
                line.split(":", 1) for line in status.read_text("utf-8", "replace").splitlines() if ":" in line
            )
        except OSError:  # it has ended meanwhile
            continue
        number = int(status.parent.name)
        parents[number] = int(found.get("PPid", "0"))
        held[number] = int(found.get("VmRSS", "0").split()[0]) * 1024
    if mine not in held:
        return None
    family, before = {mine}, 0
    while len(family) > before:
        before = len(family)
        family |= {number for number, parent in parents.items() if parent in family}
    return sum(held[number] for number in family)


def together(backend: Backend, requests: Sequence[Request], exact: Sequence[str]) -> Together:
    """Ask `requests` one by one and all at once; `exact` are their texts in the exact mode."""
    started = time.perf_counter()
    alone = [answer(backend, request) for request in requests]
    between = time.perf_counter()
    with ThreadPoolExecutor(len(requests)) as pool:
        at_once = list(pool.map(lambda request: answer(backend, request), requests))
    ended = time.perf_counter()

    def rate(answers: Sequence[Completion], seconds: float) -> float:
        return sum(done.usage.written or 0 for done in answers) / seconds

    return Together(
        prompts=len(requests),
        one_by_one=rate(alone, between - started),
        at_once=rate(at_once, ended - between),
        differing=sum(done.text != text for done, text in zip(at_once, exact, strict=True)),
    )


# The whole


def check(catalogue: Catalogue, name: str, *, size: Size = Size(), say: Say = lambda _text: None) -> Report:
    """Load the model `name` and try it.

    Raises:
        ModelNotFound: there is no such model.
        ModelNotReady: it is no local model, or its file is not there.
        EngineFailed: it does not load, or does not answer.
    """
    entry = catalogue.entry(name)
    if not isinstance(entry, LlamaModel):
        what = f"{entry.model} behind an API" if isinstance(entry, OpenAIModel) else "no file of this machine"
        raise ModelNotReady(
            f"{name} is {what}, and only local models are checked",
            hint=f"ask it: promptlab compare TEMPLATE -m {name}",
        )
    # In the exact mode first; the mode that writes several answers at once is held against it.
    exact: dict[str, Any] = {"throughput": 0} if entry.throughput else {}
    with opened(catalogue.workspace, name, entry, **exact) as backend:
        facts = _facts(backend, name, say)
        with _plain(backend, entry) as (plain, why):
            speed = _speed(backend, plain, size, say, why)
            sameness = _sameness(backend, plain, size, say)
        if not exact:
            return Report(facts, speed, sameness)
        requests = short_ones(name, size)
        say(f"asking {len(requests)} short prompts in the exact mode")
        texts = [answer(backend, request).text for request in requests]
    with opened(catalogue.workspace, name, entry) as several:
        say("the same one after the other and all at once")
        answer(several, ask_for_list(name, QUICK, 0))  # loads it
        return Report(facts, speed, sameness, together(several, requests, texts))


@contextmanager
def opened(workspace: Workspace, name: str, entry: LlamaModel, **changes: Any) -> Iterator[LlamaBackend]:
    """The local model as `entry` has it, but for `changes`: beside the catalogue's own, without what that has read."""
    from promptlab.backends.llama import LlamaBackend

    changed = entry.model_copy(update={"keep_prefixes": "never", **changes})
    own = Catalogue(Workspace(workspace.root, {name: changed}, {}))
    try:
        backend = own.backend(name)
        assert isinstance(backend, LlamaBackend)
        yield backend
    finally:
        own.close()


@contextmanager
def _plain(backend: LlamaBackend, entry: LlamaModel) -> Iterator[tuple[Plain | None, str]]:
    from promptlab.backends.llama_plain import Plain, opening_of

    if entry.lora:
        yield None, "the model has a LoRA, which plain llama-cpp-python is not given here"
        return
    with Plain(opening_of(backend)) as plain:
        yield plain, ""


def _facts(backend: LlamaBackend, name: str, say: Say) -> Facts:
    from promptlab.backends.llama_plain import opening_of

    say(f"loading {backend.path.name}")
    backend.forget_prefixes()  # which waits for models that are being let go just now
    before = resident()
    answer(backend, ask_for_list(name, QUICK, 0))
    after = resident()
    return Facts(
        name=name,
        file=str(backend.path),
        file_bytes=backend.path.stat().st_size,
        window=backend.window,
        chat_template=backend.chat_template.origin,
        device=backend.gpu,
        threads=opening_of(backend).n_threads,
        memory_bytes=None if before is None or after is None else after - before,
    )


def _speed(backend: LlamaBackend, plain: Plain | None, size: Size, say: Say, why: str) -> Speed:
    from promptlab.backends.llama_plain import tokens_of

    ours: list[Rate] = []
    theirs: list[Rate] = []
    read = written = 0
    for turn in range(size.rounds):
        say(f"reading and writing, round {turn + 1} of {size.rounds}")
        request = ask_for_list(backend.name, size, random.SystemRandom().getrandbits(32))
        backend.forget_prefixes()  # or the chat template's own beginning would be found read
        done = answer(backend, request)
        ours.append(rate_of(done))
        read, written = done.usage.read or 0, done.usage.written or 0
        if plain is not None:
            # Over as many tokens as promptlab wrote, should a stop string have ended its answer.
            times = plain.write(tokens_of(backend, request), size.write).seconds[: written or 1]
            theirs.append(rate_of_times(read, times))
    return speed_of(read, written, ours, theirs, why)


def _sameness(backend: LlamaBackend, plain: Plain | None, size: Size, say: Say) -> Sameness:
    from promptlab.backends.llama_plain import texts_of, tokens_of

    say("asking the same again and again")
    request = ask_for_list(backend.name, size, 1)
    # Parts from the request in its middle, so that some of it is found read.
    text = request.messages[0].content
    other = Request(backend.name, Prompt((Message("user", text[: len(text) // 2]),)), request.params)
    answers: dict[str, Completion] = {}
    backend.forget_prefixes()
    answers["cold"] = answer(backend, request)
    answers["asked again at once"] = answer(backend, request)
    answer(backend, other)
    answers["after another prompt"] = answer(backend, request)
    backend.forget_prefixes()
    answers["forgotten again"] = answer(backend, request)
    if plain is None:
        return sameness_of(answers)
    tokens = tokens_of(backend, request)
    own, cut = (plain.write(tokens, size.write, our_cuts=ours).tokens for ours in (False, True))
    grown, in_our_cuts = (texts_of(backend, request.params, written) for written in (own, cut))
    return sameness_of(answers, grown, in_our_cuts[-1])

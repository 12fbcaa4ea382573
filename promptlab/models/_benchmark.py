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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from promptlab.errors import EngineFailed, ModelNotReady, PromptlabError, RequestRejected
from promptlab.models._backend import Backend
from promptlab.models._benchmark_prompts import QUICK, USUAL, Size, ask_for_list, fitted, rows_beyond, short_ones
from promptlab.models._benchmark_report import (
    Facts,
    Missing,
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
from promptlab.models._catalogue import Catalogue
from promptlab.types import Completion, Message, Prompt, Request
from promptlab.workspace import LlamaModel, OpenAIModel, Workspace

if TYPE_CHECKING:
    from promptlab.models._llama._backend import LlamaBackend
    from promptlab.models._llama._reference import Reference

Say = Callable[[str], None]
"""Told what is being done."""
MEMORY = "how much memory it took"
Figure = TypeVar("Figure")

# What is measured


def answer(backend: Backend, request: Request) -> Completion:
    """The whole answer."""
    *_, last = backend.complete(request, threading.Event())
    assert isinstance(last, Completion)
    return last


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


def check(catalogue: Catalogue, name: str, *, size: Size = USUAL, say: Say = lambda _text: None) -> Report:
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
    changes: dict[str, Any] = {"throughput": 0} if entry.throughput else {}
    missing: list[Missing] = []
    changes |= _template(catalogue, name, entry, missing)
    with opened(catalogue.workspace, name, entry, **changes) as backend:
        asked = _size(backend, size, missing)
        facts = _facts(backend, name, say, asked, missing)
        with _plain(backend, entry) as (plain, why):
            trial = _Trial(backend, plain, asked, say, missing)
            speed = _tried("how fast it is", lambda: trial.speed(why), missing)
            sameness = _tried("whether the same request gets the same text", trial.sameness, missing)
            behind = _behind_window(trial, missing)
        texts = _exact(backend, name, asked, say, missing) if entry.throughput else None
    several = None
    if texts:
        with opened(catalogue.workspace, name, entry, **{**changes, "throughput": entry.throughput}) as backend:
            several = _tried("many at once", lambda: _together(backend, name, asked, texts, say), missing)
    return Report(facts, speed, sameness, several, behind, tuple(missing))


def _tried(what: str, figure: Callable[[], Figure], missing: list[Missing]) -> Figure | None:
    """A figure; where it cannot be had, why is noted and the others are tried all the same."""
    try:
        return figure()
    except PromptlabError as exc:
        missing.append(Missing(what, exc.message))
        return None


def _template(catalogue: Catalogue, name: str, entry: LlamaModel, missing: list[Missing]) -> dict[str, Any]:
    """What to open the model with so that it can be asked: a plain transcript where its own template cannot be used."""
    from promptlab.models._llama._chat_template import PLAIN_TRANSCRIPT

    with opened(catalogue.workspace, name, entry) as backend:
        try:
            backend.as_sent(ask_for_list(name, Size(rows=1, write=1), 0))
        except (ModelNotReady, RequestRejected) as exc:
            missing.append(Missing("its own chat template", f"{exc.message}; tried with a plain transcript"))
            return {"chat_template": PLAIN_TRANSCRIPT}
    return {}


def _size(backend: LlamaBackend, size: Size, missing: list[Missing]) -> Size:
    asked = fitted(backend, size)
    if asked != size:
        missing.append(
            Missing("the usual length", f"its window has {backend.window:,} tokens; asked with shorter text")
        )
    return asked


def _exact(backend: LlamaBackend, name: str, size: Size, say: Say, missing: list[Missing]) -> list[str] | None:
    requests = short_ones(name, size)
    say(f"asking {len(requests)} short prompts in the exact mode")
    return _tried("many at once", lambda: [answer(backend, request).text for request in requests], missing)


def _together(backend: LlamaBackend, name: str, size: Size, texts: Sequence[str], say: Say) -> Together:
    say("the same one after the other and all at once")
    answer(backend, ask_for_list(name, fitted(backend, QUICK), 0))  # loads it
    return together(backend, short_ones(name, size), texts)


def _behind_window(trial: _Trial, missing: list[Missing]) -> Sameness | None:
    """The same request again, behind a text longer than a sliding window; None for a model that has none."""
    window = trial.backend.sliding_window
    if not window:
        return None
    what = f"the same behind a text longer than its sliding window of {window:,} tokens"
    rows = rows_beyond(trial.backend, window, trial.size)
    if rows is None:
        missing.append(Missing(what, f"its window has {trial.backend.window:,} tokens, too few for such a text"))
        return None
    longer = replace(trial, size=replace(trial.size, rows=rows))
    return _tried(what, longer.sameness, missing)


@contextmanager
def opened(workspace: Workspace, name: str, entry: LlamaModel, **changes: Any) -> Iterator[LlamaBackend]:
    """The local model as `entry` has it, but for `changes`: beside the catalogue's own, without what that has read."""
    from promptlab.models._llama._backend import LlamaBackend

    changed = entry.model_copy(update={"keep_prefixes": "never", **changes})
    own = Catalogue(Workspace(workspace.root, {name: changed}, {}))
    try:
        backend = own.backend(name)
        assert isinstance(backend, LlamaBackend)
        yield backend
    finally:
        own.close()


@contextmanager
def _plain(backend: LlamaBackend, entry: LlamaModel) -> Iterator[tuple[Reference | None, str]]:
    from promptlab.models._llama._reference import Reference, opening_of

    why, plain = "", None
    if entry.lora:
        why = "the model has a LoRA, which plain llama-cpp-python is not given here"
    else:
        try:
            plain = Reference(opening_of(backend))
        except EngineFailed as exc:
            why = exc.message
    if plain is None:
        yield None, why
        return
    with plain:
        yield plain, ""


def _facts(backend: LlamaBackend, name: str, say: Say, size: Size, missing: list[Missing]) -> Facts:
    from promptlab.models._llama._reference import opening_of

    say(f"loading {backend.path.name}")
    backend.forget_prefixes()  # which waits for models that are being let go just now
    before = resident()
    answer(backend, ask_for_list(name, replace(QUICK, rows=min(QUICK.rows, size.rows), write=1), 0))
    after = resident()
    if before is None or after is None:
        missing.append(Missing(MEMORY, "this system does not say what a process holds"))
    return Facts(
        name=name,
        file=str(backend.path),
        file_bytes=backend.file_bytes,
        window=backend.window,
        chat_template=_origin(backend),
        device=backend.gpu,
        threads=opening_of(backend).n_threads,
        memory_bytes=None if before is None or after is None else after - before,
        expected_bytes=backend.size,
    )


def _origin(backend: LlamaBackend) -> str:
    from promptlab.models._llama._chat_template import PLAIN_TRANSCRIPT

    template = backend.chat_template
    in_place = template.source == PLAIN_TRANSCRIPT and backend.entry.chat_template is not None
    return "a plain transcript in place of its own" if in_place else template.origin


@dataclass(frozen=True)
class _Trial:
    """A loaded model, plain llama-cpp-python beside it where it could be had, and how much is asked."""

    backend: LlamaBackend
    plain: Reference | None
    size: Size
    say: Say
    missing: list[Missing]

    def speed(self, why: str) -> Speed:
        from promptlab.models._llama._reference import tokens_of

        backend, plain, size = self.backend, self.plain, self.size
        ours: list[Rate] = []
        theirs: list[Rate] = []
        read = written = 0
        for turn in range(size.rounds):
            self.say(f"reading and writing, round {turn + 1} of {size.rounds}")
            request = ask_for_list(backend.name, size, random.SystemRandom().getrandbits(32))
            backend.forget_prefixes()  # or the chat template's own beginning would be found read
            done = answer(backend, request)
            ours.append(rate_of(done))
            read, written = done.usage.read or 0, done.usage.written or 0
            if plain is None:
                continue
            try:
                # Over as many tokens as promptlab wrote, should a stop string have ended its answer.
                times = plain.write(tokens_of(backend, request), size.write).seconds[: written or 1]
                theirs.append(rate_of_times(read, times))
            except EngineFailed as exc:
                plain, theirs, why = None, [], exc.message
        return speed_of(read, written, ours, theirs, why)

    def sameness(self) -> Sameness:
        """One request asked again and again.

        Raises:
            EngineFailed: it was not answered, or with no text, which shows nothing.
        """
        from promptlab.models._llama._reference import texts_of, tokens_of

        backend, plain, size = self.backend, self.plain, self.size
        request = ask_for_list(backend.name, size, 1)
        tokens = tokens_of(backend, request)
        self.say(f"asking the same again and again, behind {len(tokens):,} tokens")
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
        if not any(done.text for done in answers.values()):
            raise EngineFailed("it wrote no text each time, which shows nothing")
        if plain is None:
            return sameness_of(answers, read=len(tokens))
        try:
            own, cut = (plain.write(tokens, size.write, our_cuts=ours).tokens for ours in (False, True))
        except EngineFailed as exc:
            self.missing.append(Missing("whether plain llama-cpp-python writes the same", exc.message))
            return sameness_of(answers, read=len(tokens))
        grown, in_our_cuts = (texts_of(backend, request.params, written) for written in (own, cut))
        return sameness_of(answers, grown, in_our_cuts[-1], read=len(tokens))

"""What reading every text once saves, beside plain llama-cpp-python in the same run.

    python -m benchmarks.prefix                  # everything, on both embedded models: half an hour
    python -m benchmarks.prefix --part questions --model gemma-3-270m
    python -m benchmarks.prefix --quick --json   # the first rows with fewer questions, on one model

**questions**: 48 questions on each of four beginnings (two articles, with and without instructions), so interleaved
that no two neighbours begin alike. Asked one after the other, and all at once so that the lane orders them. Beside it
`llama_cpp.Llama`, which remembers the last prompt only: in the same order, where it reads every prompt from its
first token (a sample is asked and the time of all is computed from it), and in its best order, one beginning after
the other. The second article is the first one with its lines backwards.

**first**: time to the first text for a question about an article never read, for other questions about the same
article, and for one after a restart, with the model loaded and the article on disk.

**cost**: what writing takes beyond `llama_decode` and the sampler, as a share of writing.

**memory**: resident memory of the models' own process over 2,000 short requests.

**together**: the questions again in throughput mode, 16 written together, beside the exact mode and `Llama` in its best
order, as it is by default and with flash attention, which throughput mode uses; they take turns. And 16 different short
prompts, one at a time and all at once.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.overhead import LOCAL_MODELS, ROOT, Spread
from promptlab._yaml import _read as yamlfile
from promptlab.documents import _read as documents
from promptlab.errors import InputError
from promptlab.examples import _pool as examples
from promptlab.models._catalogue import Catalogue
from promptlab.models._llama._backend import LlamaBackend, usable_cores
from promptlab.models._llama._exact_engine import ExactEngine
from promptlab.models._llama._host import Engines
from promptlab.models._llama._ipc import Pipe, StepTaken
from promptlab.models._llama._sampling import Sampler
from promptlab.models._llama._tokenize import encode, split_controls
from promptlab.models._llama._workers import WORKERS
from promptlab.types import Completion, Delta, Message, Params, Prompt, Request, Source, Span
from promptlab.workspace._workspace import LlamaModel, Workspace

ARTICLE = "fixtures/documents/world-cup-2022.md"
POOL = "fixtures/examples/world-cup.jsonl"
FACTS = "fixtures/facts/world-cup-2022.yaml"
INSTRUCTIONS = "Answer the question from the article.\n\nReply with the name only.\n\n"
WINDOW = 4096
THINGS = (
    *(
        "a ship",
        "two brothers",
        "the moon",
        "a lost key",
        "an old river",
        "seven bakers",
        "a blue door",
        "the last train",
    ),
    *(
        "a clock",
        "winter",
        "a small town",
        "the king's horse",
        "a letter",
        "three wolves",
        "an island",
        "a red balloon",
    ),
)
STOP = ("\n",)
"""An answer is a line, as `templates/world-cup.yaml` has it."""


# What is asked


def questions(workspace: Workspace) -> list[str]:
    """48 different questions: those of the pool, then the points of teams."""
    facts = yamlfile.read_yaml(workspace.root / FACTS, shown=FACTS, error=InputError).data
    asked = [one.inputs["question"] for one in examples.load_pool(workspace, POOL)]
    teams = [team for group in facts["groups"].values() for team in group]
    return [*asked, *(f"How many points did {team} win in its group?" for team in teams)][:48]


@dataclass(frozen=True)
class Beginning:
    """What stands before the question: instructions, or none, and an article called `source`."""

    instructions: str
    article: str
    source: str

    def ask(self, model: str, question: str, params: Params) -> Request:
        """The request for `question`, with its spans: they say where the question begins."""
        start, text = len(self.instructions), f"{self.instructions}{self.article}"
        spans = [Span(0, start, len(text), "context", self.source), Span(1, 0, len(question), "input", "question")]
        if start:
            spans.insert(0, Span(0, 0, start, "instructions"))
        messages = (Message("system", text), Message("user", question))
        return Request(model, Prompt(messages, tuple(spans), (Source("context", self.source),)), params)


def article_of(backend: LlamaBackend, workspace: Workspace, tokens: int) -> str:
    """The lines of the article that make at most `tokens` tokens."""
    kept: list[str] = []
    left = tokens
    for line in documents.read_document(workspace, ARTICLE).text.splitlines(keepends=True):
        left -= backend.vocab.count(line.encode())
        if left < 0:
            break
        kept.append(line)
    return "".join(kept)


BEGINNINGS = 4


def beginnings(article: str) -> list[Beginning]:
    other = "".join(reversed(article.splitlines(keepends=True)))
    both = ((article, "article"), (other, "backwards"))
    return [Beginning(head, text, source) for head in (INSTRUCTIONS, "") for text, source in both]


def interleaved(backend: LlamaBackend, *, count: int, article: int, max_tokens: int) -> list[Request]:
    """`count` questions on each beginning, no two neighbours on the same."""
    workspace = Workspace.load(ROOT)
    begins = beginnings(article_of(backend, workspace, article))
    params = Params(max_tokens=max_tokens, stop=STOP)
    return [begin.ask(backend.name, one, params) for one in questions(workspace)[:count] for begin in begins]


@dataclass(frozen=True)
class LaidOut:
    """A prompt as `llama_cpp.Llama` takes it, which puts a first token of its own before it, and as tokens."""

    text: str
    tokens: tuple[int, ...]

    @classmethod
    def of(cls, backend: LlamaBackend, request: Request) -> LaidOut:
        vocab = backend.vocab
        encoded = encode(vocab, split_controls(vocab, backend.chat_template.lay_out(request.messages)))
        fragments = encoded.fragments[vocab.adds_bos :]
        return cls("".join(one.text for one in fragments), encoded.tokens)


def distinct(prompts: Sequence[tuple[int, ...]]) -> int:
    """Tokens that reading all prompts takes at least: those of the tree they make."""
    count, before = 0, ()
    for prompt in sorted(prompts):
        same = next((i for i, (a, b) in enumerate(zip(before, prompt, strict=False)) if a != b), None)
        count += len(prompt) - (min(len(before), len(prompt)) if same is None else same)
        before = prompt
    return count


# Both ways of asking


@contextmanager
def opened(
    name: str, folder: Path | None = None, *, host: Engines | None = None, **options: Any
) -> Iterator[LlamaBackend]:
    """The model `name` of this repository, unread; `folder` keeps its prefixes on disk, `host` has it here."""
    workspace = Workspace.load(ROOT)
    entry = workspace.models[name]
    assert isinstance(entry, LlamaModel)
    entry = entry.model_copy(update={"n_ctx": WINDOW, **options})
    catalogue = Catalogue(workspace)
    found = catalogue.backend(name)
    assert isinstance(found, LlamaBackend)
    backend = LlamaBackend(name, found.path, entry, found.sha256, prefixes=folder, host=host or WORKERS)
    try:
        yield backend
    finally:
        backend.close()
        catalogue.close()


@dataclass(frozen=True)
class Asked:
    """An answer, and the seconds until its first text and until its end."""

    done: Completion
    first_s: float
    total_s: float


def ask(backend: LlamaBackend, request: Request, run: threading.Event | None = None) -> Asked:
    """Those of one `run` are stopped together, and share their turn in the lane."""
    started, first, done = time.perf_counter(), None, None
    for step in backend.complete(request, run or threading.Event()):
        if isinstance(step, Delta) and first is None:
            first = time.perf_counter() - started
        elif isinstance(step, Completion):
            done = step
    assert done is not None
    total = time.perf_counter() - started
    return Asked(done, total if first is None else first, total)


def warmed(backend: LlamaBackend) -> None:
    """Load the model, with a text that nothing else begins with."""
    ask(backend, Beginning("", "", "none").ask(backend.name, "?", Params(max_tokens=1)))


class Plain:
    """`llama_cpp.Llama` as its documentation uses it, from text to text, with the same threads and window."""

    def __init__(self, backend: LlamaBackend, *, flash: bool = False) -> None:
        import llama_cpp

        cores = usable_cores()
        self._llama: Any = llama_cpp.Llama(
            str(backend.path),
            n_ctx=WINDOW,
            n_threads=cores,
            n_threads_batch=cores,
            flash_attn=flash,
            verbose=False,
        )
        self._stop = [*STOP, *backend.chat_template.stops]

    def ask(self, prompt: LaidOut, max_tokens: int) -> str:
        done = self._llama.create_completion(
            prompt.text, max_tokens=max_tokens, temperature=0.0, stop=self._stop, seed=0
        )
        assert done["usage"]["prompt_tokens"] == len(prompt.tokens)
        return str(done["choices"][0]["text"])

    def close(self) -> None:
        self._llama.close()


# 48 questions on four beginnings


@dataclass(frozen=True)
class QuestionFigures:
    """Of `requests` requests: tokens, seconds by the clock (`*_s`) and of processor time (`*_cpu_s`). What plain
    llama-cpp-python takes in the same order is computed from `sampled` of them. `speedup_same_order` is for one after
    the other; `speedup_best_order` compares all at once with plain llama-cpp-python in its best order, and is None, as
    all of that is, where only the first rows were wanted. `started_from` counts where prompts were read on from."""

    model: str
    requests: int
    article_tokens: int
    max_tokens: int
    prompt_tokens: int
    distinct_prefix_tokens: int
    tokens_read: int
    tokens_read_at_once: int | None
    read_per_distinct: float
    read_per_distinct_at_once: float | None
    one_by_one_s: float
    one_by_one_cpu_s: float
    at_once_s: float | None
    sampled: int
    plain_same_order_s: float
    plain_same_order_cpu_s: float
    plain_best_order_s: float | None
    speedup_same_order: float
    speedup_same_order_cpu: float
    speedup_best_order: float | None
    same_text_as_plain: float | None
    started_from: dict[str, int]


Took = tuple[float, float]
"""Seconds by the clock, and of processor time."""


class Watch:
    """Seconds since it was made: by the clock, and of processor time, that of the models' own process included."""

    def __init__(self) -> None:
        self._clock, self._cpu = time.perf_counter(), _processor_seconds()

    def read(self) -> Took:
        return time.perf_counter() - self._clock, _processor_seconds() - self._cpu


def _processor_seconds() -> float:
    """Of this process and the worker; Linux only."""
    found = time.process_time()
    if WORKERS.pid:
        fields = Path(f"/proc/{WORKERS.pid}/stat").read_text().rpartition(")")[2].split()
        found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def measure_questions(
    name: str, *, count: int, article: int, max_tokens: int, sample: int, best: bool
) -> QuestionFigures:
    """`count` questions on each beginning; `best` for the rows that are not in the quick run too."""
    with opened(name) as backend:
        requests = interleaved(backend, count=count, article=article, max_tokens=max_tokens)
        prompts = [LaidOut.of(backend, one) for one in requests]
        warmed(backend)
        plain = Plain(backend)
        try:
            plain.ask(prompts[-1], 1)
            answers, ours, theirs = _in_turns(backend, plain, requests, prompts, max_tokens, sample)
            backend.close()  # or the next would find what this one has read
            at_once_done, at_once = _at_once(name, requests) if best else ([], 0.0)
            watch = Watch()
            order = sorted(range(len(prompts)), key=lambda at: (at % BEGINNINGS, at)) if best else []
            texts = {at: plain.ask(prompts[at], max_tokens) for at in order}
            theirs_best, _ = watch.read()
        finally:
            plain.close()
    assert [one.text for one in at_once_done] in ([], [one.text for one in answers])
    least, read = distinct([one.tokens for one in prompts]), sum(one.usage.read or 0 for one in answers)
    read_at_once = sum(one.usage.read or 0 for one in at_once_done)
    lead = backend.chat_template.lead
    same = [answers[at].text == text.removeprefix(lead).rstrip() for at, text in texts.items()]
    return QuestionFigures(
        model=name,
        requests=len(requests),
        article_tokens=article,
        max_tokens=max_tokens,
        prompt_tokens=sum(len(one.tokens) for one in prompts),
        distinct_prefix_tokens=least,
        tokens_read=read,
        tokens_read_at_once=read_at_once if best else None,
        read_per_distinct=round(read / least, 3),
        read_per_distinct_at_once=round(read_at_once / least, 3) if best else None,
        one_by_one_s=round(ours[0], 2),
        one_by_one_cpu_s=round(ours[1], 2),
        at_once_s=round(at_once, 2) if best else None,
        sampled=sample,
        plain_same_order_s=round(theirs[0], 2),
        plain_same_order_cpu_s=round(theirs[1], 2),
        plain_best_order_s=round(theirs_best, 2) if best else None,
        speedup_same_order=round(theirs[0] / ours[0], 2),
        speedup_same_order_cpu=round(theirs[1] / ours[1], 2),
        speedup_best_order=round(theirs_best / at_once, 2) if best else None,
        same_text_as_plain=round(sum(same) / len(same), 3) if same else None,
        started_from=dict(Counter(str(one.details["prefix"]) for one in answers)),
    )


def _in_turns(
    backend: LlamaBackend,
    plain: Plain,
    requests: Sequence[Request],
    prompts: Sequence[LaidOut],
    max_tokens: int,
    sample: int,
) -> tuple[list[Completion], Took, Took]:
    """Every request to promptlab, and between them `sample` to plain llama-cpp-python, so that what else the machine
    does slows both; the answers, what they took, and what plain llama-cpp-python would take for as many."""
    turns = {
        len(prompts) * k // sample: len(prompts) * k // sample // BEGINNINGS * BEGINNINGS + k % BEGINNINGS
        for k in range(sample)
    }
    answers: list[Completion] = []
    ours, theirs = [0.0, 0.0], [0.0, 0.0]
    for at, request in enumerate(requests):
        if at in turns:
            watch = Watch()
            plain.ask(prompts[turns[at]], max_tokens)
            theirs = [before + now / sample * len(prompts) for before, now in zip(theirs, watch.read(), strict=True)]
        watch = Watch()
        answers.append(ask(backend, request).done)
        ours = [before + now for before, now in zip(ours, watch.read(), strict=True)]
    return answers, (ours[0], ours[1]), (theirs[0], theirs[1])


def _at_once(name: str, requests: Sequence[Request], **options: Any) -> tuple[list[Completion], float]:
    """As many at a time as a run asks; the answers, and the seconds until the last."""
    with opened(name, **options) as backend, ThreadPoolExecutor(backend.max_parallel) as pool:
        warmed(backend)
        assert not backend.prefixes_held().state_bytes
        watch, run = Watch(), threading.Event()
        done = [one.done for one in pool.map(lambda one: ask(backend, one, run), requests)]
        return done, watch.read()[0]


# Written together


@dataclass(frozen=True)
class TogetherFigures:
    """The same requests one after the other in the order of the tree and `throughput` of them written together, beside
    plain llama-cpp-python in its best order, without and with flash attention: seconds by the clock over rounds in
    which all take their turn, how many times faster in the middle one of the rounds, and the share of texts that are
    the exact mode's. Then `short` different short prompts, one at a time and all at once: tokens written a second."""

    model: str
    requests: int
    throughput: int
    distinct_prefix_tokens: int
    tokens_read: int
    read_per_distinct: float
    exact_s: Spread
    together_s: Spread
    plain_best_order_s: Spread
    plain_flash_best_order_s: Spread
    exact_speedup_best_order: Spread
    together_speedup_best_order: Spread
    together_speedup_flash_best_order: Spread
    same_text: float
    short: int
    one_at_a_time_tokens_s: float
    at_once_tokens_s: float
    short_speedup: float
    short_same_text: float


def measure_together(
    name: str, *, count: int, article: int, max_tokens: int, rounds: int, throughput: int = 16, short: int = 16
) -> TogetherFigures:
    """`count` questions on each beginning, exact and together; then the short prompts."""
    with opened(name) as backend:
        requests = interleaved(backend, count=count, article=article, max_tokens=max_tokens)
        prompts = [LaidOut.of(backend, one) for one in requests]
    took: dict[str, list[float]] = {"exact": [], "together": [], "plain": [], "flash": []}
    exact: list[Completion] = []
    for turn in range(rounds):
        for way in sorted(took, reverse=turn % 2 == 1):
            if way in ("plain", "flash"):
                took[way].append(_plain_best_order(name, prompts, max_tokens, flash=way == "flash"))
            elif way == "exact":
                before = exact
                exact, seconds = _at_once(name, requests)
                took[way].append(seconds)
                assert [one.text for one in before] in ([], [one.text for one in exact])
            else:
                many, seconds = _at_once(name, requests, throughput=throughput)
                took[way].append(seconds)

    def faster(way: str, other: str) -> Spread:
        return Spread.of([b / a for a, b in zip(took[way], took[other], strict=True)])

    asked = [
        Beginning("", "", "none").ask(name, f"Tell a story about {what}.", Params(max_tokens=64))
        for what in THINGS[:short]
    ]
    with opened(name) as backend:
        warmed(backend)
        watch = Watch()
        alone = [ask(backend, one).done for one in asked]
        alone_s, _ = watch.read()
    crowd, crowd_s = _at_once(name, asked, throughput=throughput)
    least, read = distinct([one.tokens for one in prompts]), sum(one.usage.read or 0 for one in many)
    rates = [sum(one.usage.written or 0 for one in done) / took for done, took in ((alone, alone_s), (crowd, crowd_s))]
    return TogetherFigures(
        model=name,
        requests=len(requests),
        throughput=throughput,
        distinct_prefix_tokens=least,
        tokens_read=read,
        read_per_distinct=round(read / least, 3),
        exact_s=Spread.of(took["exact"]),
        together_s=Spread.of(took["together"]),
        plain_best_order_s=Spread.of(took["plain"]),
        plain_flash_best_order_s=Spread.of(took["flash"]),
        exact_speedup_best_order=faster("exact", "plain"),
        together_speedup_best_order=faster("together", "plain"),
        together_speedup_flash_best_order=faster("together", "flash"),
        same_text=_same(exact, many),
        short=len(asked),
        one_at_a_time_tokens_s=round(rates[0], 1),
        at_once_tokens_s=round(rates[1], 1),
        short_speedup=round(rates[1] / rates[0], 2),
        short_same_text=_same(alone, crowd),
    )


def _plain_best_order(name: str, prompts: Sequence[LaidOut], max_tokens: int, *, flash: bool) -> float:
    """Seconds that plain llama-cpp-python takes for all, one beginning after the other."""
    with opened(name) as backend:
        plain = Plain(backend, flash=flash)
    try:
        plain.ask(prompts[-1], 1)
        watch = Watch()
        for at in sorted(range(len(prompts)), key=lambda at: (at % BEGINNINGS, at)):
            plain.ask(prompts[at], max_tokens)
        return watch.read()[0]
    finally:
        plain.close()


def _same(one: Sequence[Completion], other: Sequence[Completion]) -> float:
    """The share of equal texts."""
    return round(sum(a.text == b.text for a, b in zip(one, other, strict=True)) / len(one), 3)


# The first text


@dataclass(frozen=True)
class FirstFigures:
    """Seconds until the first text of a prompt of `tokens` tokens, and shares of the cold ones."""

    model: str
    tokens: int
    cold_s: Spread
    warm_s: Spread
    restarted_s: Spread
    warm_share: float
    restarted_share: float


def measure_first(name: str, *, article: int, repeats: int) -> FirstFigures:
    """Cold, edited and asked again, and after a restart, taking turns."""
    workspace = Workspace.load(ROOT)
    asked = questions(workspace)
    cold: list[Asked] = []
    warm: list[Asked] = []
    restarted: list[Asked] = []
    params = Params(max_tokens=4, stop=STOP)
    for turn in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            with opened(name, Path(folder)) as backend:
                begin = beginnings(article_of(backend, workspace, article))[0]
                tokens = len(LaidOut.of(backend, begin.ask(name, asked[turn], params)).tokens)
                warmed(backend)
                cold.append(ask(backend, begin.ask(name, asked[turn], params)))
                warm += [ask(backend, begin.ask(name, one, params)) for one in asked[turn + 1 : turn + 4]]
            with opened(name, Path(folder)) as backend:
                warmed(backend)
                restarted.append(ask(backend, begin.ask(name, asked[turn + 4], params)))
                assert restarted[-1].done.details["prefix"] == "disk"
    spreads = [Spread.of([one.first_s for one in way]) for way in (cold, warm, restarted)]
    shares = [round(spread.median / spreads[0].median, 4) for spread in spreads[1:]]
    return FirstFigures(name, tokens, *spreads, *shares)


# What writing costs


@dataclass(frozen=True)
class CostFigures:
    """Microseconds for each of `tokens` written ones: decoding, sampling, everything else in the engine, and handing a
    piece of text to the process that asked; and the share of the last two."""

    model: str
    tokens: int
    decode_us: float
    sample_us: float
    own_us: float
    pipe_us: float
    own_share: float


class _Timed:
    """The library, with the times at which each decode began and ended."""

    def __init__(self, lib: Any) -> None:
        self._lib = lib
        self.calls: list[tuple[float, float]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lib, name)

    def llama_decode(self, context: Any, batch: Any) -> Any:
        started = time.perf_counter()
        try:
            return self._lib.llama_decode(context, batch)
        finally:
            self.calls.append((started, time.perf_counter()))


def measure_cost(name: str, *, tokens: int) -> CostFigures:
    """Write at least `tokens` tokens and add up what each part took."""
    sampled: list[tuple[float, float]] = []
    sample = Sampler.sample

    def timed(self: Sampler, context: Any, index: int = -1) -> int:
        started = time.perf_counter()
        try:
            return sample(self, context, index)
        finally:
            sampled.append((started, time.perf_counter()))

    written, decoding, sampling, whole = 0, 0.0, 0.0, 0.0
    host = Engines()
    with opened(name, host=host) as backend:
        warmed(backend)
        (engine,) = host._loaded.values()
        assert isinstance(engine, ExactEngine)
        engine._lib = lib = _Timed(engine._lib)
        Sampler.sample = timed  # type: ignore[method-assign]  # put back below
        try:
            for number in range(tokens):
                sampled.clear()
                lib.calls.clear()
                text = f"Write a long story about {number} horses, a river and a small town."
                ask(backend, Beginning("", "", "none").ask(name, text, Params(max_tokens=128, temperature=1.0)))
                begun, ended = sampled[0][0], sampled[-1][1]
                decodes = [end - start for start, end in lib.calls if begun <= start and end <= ended]
                written, whole = written + len(decodes), whole + ended - begun
                decoding, sampling = decoding + sum(decodes), sampling + sum(end - at for at, end in sampled)
                if written >= tokens:
                    break
        finally:
            Sampler.sample = sample  # type: ignore[method-assign]
    own = whole - decoding - sampling
    each = [round(seconds / written * 1e6, 1) for seconds in (decoding, sampling, own)]
    pipe = _pipe_seconds()
    share = (own + pipe * written) / (whole + pipe * written)
    return CostFigures(name, written, *each, pipe_us=round(pipe * 1e6, 1), own_share=round(share, 4))


def _pipe_seconds(count: int = 5_000) -> float:
    """Seconds that sending a piece of text through a pipe and taking it out takes, both in this process."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as here, os.fdopen(write, "wb") as there:
        pipe = Pipe(here, there)
        started = time.perf_counter()
        for number in range(count):
            pipe.send(StepTaken(number, Delta(" Argentina")))
            pipe.receive()
        return (time.perf_counter() - started) / count


# Memory


@dataclass(frozen=True)
class MemoryFigures:
    """Resident megabytes: of the asking process, Python and vocabulary included, and of the models' own process
    `beyond` the model's file and its keys and values after so many requests, Python included. `states` are prefixes
    held, which have a limit of their own and are part of `beyond`."""

    model: str
    requests: int
    asking_mb: float
    model_mb: float
    kv_mb: float
    states_mb: float
    beyond_mb: dict[int, float]


def measure_memory(name: str, *, requests: int) -> MemoryFigures:
    """With a worker that nothing was asked before, and this script in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_memory, name, requests).result()


def _memory(name: str, requests: int) -> MemoryFigures:
    beyond: dict[int, float] = {}
    rows = {max(1, requests * part // 8) for part in range(1, 9)}
    with opened(name) as backend:
        warmed(backend)
        state = WORKERS.state(backend._settings)
        assert state
        assert WORKERS.pid
        weights_and_kv = state.size - state.state_bytes
        for number in range(1, requests + 1):
            text = f"Say the number {number} and the one after it."
            ask(backend, Beginning("", "", "none").ask(name, text, Params(max_tokens=4)))
            if number in rows:
                whole, of_model = _resident(WORKERS.pid, backend.path)
                kv = weights_and_kv - backend.path.stat().st_size
                beyond[number] = round((whole - of_model - kv) / 1e6, 1)
        states = backend.prefixes_held().state_bytes
        _, of_model = _resident(WORKERS.pid, backend.path)
        asking, _ = _resident(os.getpid(), None)
    return MemoryFigures(
        *(name, requests), *(round(size / 1e6, 1) for size in (asking, of_model, kv, states)), beyond_mb=beyond
    )


def _resident(pid: int, file: Path | None) -> tuple[int, int]:
    """Resident bytes of a process, and those of them that are `file`; Linux only."""
    whole = of_file = 0
    inside = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = file is not None and line.endswith(str(file.resolve()))
        elif line.startswith("Rss:"):
            size = int(line.split()[1]) * 1024
            whole, of_file = whole + size, of_file + (size if inside else 0)
    return whole, of_file


# Showing


def show_questions(f: QuestionFigures) -> None:
    print(
        f"\n{f.model}: {f.requests} requests, articles of {f.article_tokens:,} tokens, at most {f.max_tokens} written"
    )
    print(
        f"  tokens in prompts {f.prompt_tokens:,}, distinct {f.distinct_prefix_tokens:,}, started from {f.started_from}"
    )
    print(f"  read one by one   {f.tokens_read:,}, {f.read_per_distinct:.2f} of distinct    goal: at most 1.25")
    print(f"  one by one        {f.one_by_one_s:.1f} s ({f.one_by_one_cpu_s:.1f} s of processor time)")
    print(
        f"  Llama, same order {f.plain_same_order_s:.1f} s ({f.plain_same_order_cpu_s:.1f} s), from {f.sampled} of them"
    )
    print(f"  faster            {f.speedup_same_order:.1f} times ({f.speedup_same_order_cpu:.1f})    goal: at least 8")
    if f.speedup_best_order is not None:
        print(f"  read at once      {f.tokens_read_at_once:,}, {f.read_per_distinct_at_once:.2f} of distinct")
        print(f"  at once           {f.at_once_s:.1f} s")
        print(f"  Llama, best order {f.plain_best_order_s:.1f} s, {f.same_text_as_plain:.0%} of texts the same")
        print(f"  faster            {f.speedup_best_order:.2f} times    goal: not slower")


def show_first(f: FirstFigures) -> None:
    print(f"\n{f.model}: first text of a prompt of {f.tokens:,} tokens; median (lowest to highest)")
    for way, spread in (("cold", f.cold_s), ("another question", f.warm_s), ("after a restart", f.restarted_s)):
        print(f"  {way:<17} {spread.median:.3f} s ({spread.lowest:.3f} to {spread.highest:.3f})")
    print(f"  of cold           {f.warm_share:.3f} and {f.restarted_share:.3f}    goals: at most 0.03 and 0.04")


def show_together(f: TogetherFigures) -> None:
    print(f"\n{f.model}: {f.requests} requests, {f.throughput} written together")
    print(f"  read              {f.tokens_read:,}, {f.read_per_distinct:.2f} of distinct    goal: at most 1.05")
    for way, spread in (
        ("together", f.together_s),
        ("exact", f.exact_s),
        ("Llama, best order", f.plain_best_order_s),
        ("… flash attention", f.plain_flash_best_order_s),
    ):
        print(f"  {way:<17} {spread.median:.1f} s ({spread.lowest:.1f} to {spread.highest:.1f})")
    for way, spread, goal in (
        ("exact", f.exact_speedup_best_order, "goal: not slower"),
        ("together", f.together_speedup_best_order, "goal: at least 1.2"),
        ("… flash attention", f.together_speedup_flash_best_order, ""),
    ):
        print(
            f"  faster, {way:<17} {spread.median:.2f} ({spread.lowest:.2f} to {spread.highest:.2f})    {goal}".rstrip()
        )
    print(f"  {f.same_text:.0%} of texts together are the exact mode's")
    print(f"  {f.short} short prompts  {f.at_once_tokens_s:.1f} tokens/s, one at a time {f.one_at_a_time_tokens_s:.1f}")
    print(f"  faster            {f.short_speedup:.2f} times, {f.short_same_text:.0%} of texts the same")


def show_cost(f: CostFigures) -> None:
    print(f"\n{f.model}: {f.tokens:,} tokens written, microseconds for each")
    print(f"  decode {f.decode_us:,.0f}, sampler {f.sample_us:,.0f}, the rest {f.own_us:,.0f}, pipe {f.pipe_us:,.0f}")
    print(f"  share of the rest {f.own_share:.1%}    goal: at most 5 %")


def show_memory(f: MemoryFigures) -> None:
    print(f"\n{f.model}: {f.requests:,} requests, MB: asking process {f.asking_mb:.0f}, model {f.model_mb:.0f},")
    print(f"  keys and values {f.kv_mb:.0f}, states held {f.states_mb:.0f}")
    print(
        "  the models' process beyond model, keys and values: "
        + ", ".join(f"{n:,}: {mb:.0f}" for n, mb in f.beyond_mb.items())
        + "    goal: at most 200"
    )


SHOW: dict[str, Any] = {
    "questions": show_questions,
    "together": show_together,
    "first": show_first,
    "cost": show_cost,
    "memory": show_memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=[*SHOW], help="may be repeated; [all]")
    parser.add_argument("--model", action="append", help="a local model; may be repeated [both embedded ones]")
    parser.add_argument("--questions", type=int, help="on each beginning [48, in a quick run 14]")
    parser.add_argument("--article", type=int, help="tokens [2100, in a quick run 1000]")
    parser.add_argument("--repeats", type=int, default=5, help="of `first`")
    parser.add_argument("--rounds", type=int, default=3, help="of `together`")
    parser.add_argument("--requests", type=int, default=2_000, help="of `memory`")
    parser.add_argument("--quick", action="store_true", help="the first rows on gemma-3-270m, with fewer questions")
    parser.add_argument("--json", action="store_true", help="one JSON object, on one line")
    options = parser.parse_args()
    load = round(os.getloadavg()[0], 2)
    found: dict[str, Any] = {"machine": machine.facts(), "load": load}
    if not options.json:
        print(f"{machine.described()}, load {load}")
    options.questions = options.questions or (14 if options.quick else 48)
    options.article = options.article or (1_000 if options.quick else 2_100)
    if options.quick:
        name = (options.model or LOCAL_MODELS)[0]
        quick = measure_questions(
            name, count=options.questions, article=options.article, max_tokens=4, sample=2, best=False
        )
        found |= asdict(quick)
        if not options.json:
            show_questions(quick)
    for part in [] if options.quick else options.part or [*SHOW]:
        for name in options.model or LOCAL_MODELS:
            one = _measure(part, name, options)
            found.setdefault(part, []).append(asdict(one))
            if not options.json:
                SHOW[part](one)
                sys.stdout.flush()
    if options.json:
        json.dump(found, sys.stdout)
        print()


def _measure(part: str, name: str, options: argparse.Namespace) -> Any:
    if part == "questions":
        return measure_questions(
            name, count=options.questions, article=options.article, max_tokens=24, sample=8, best=True
        )
    if part == "together":
        return measure_together(
            name, count=options.questions, article=options.article, max_tokens=24, rounds=options.rounds
        )
    if part == "first":
        return measure_first(name, article=options.article, repeats=options.repeats)
    if part == "cost":
        return measure_cost(name, tokens=1_000)
    return measure_memory(name, requests=options.requests)


if __name__ == "__main__":
    main()

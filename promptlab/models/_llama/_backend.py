"""Local models: GGUF files answered on this machine by llama.cpp.

    LlamaBackend("smollm2-135m", Path(".../SmolLM2-135M-Instruct.Q4_1.gguf"), entry, sha256="b179c9...")

`promptlab/models/_llama/__init__.py` lists the modules that do the work.
"""

from __future__ import annotations

import json
import os
import threading
from array import array
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from promptlab.errors import EngineFailed, IllegalInstruction, ModelNotReady, WindowExceeded
from promptlab.models import _thinking as thinking
from promptlab.models._as_sent import AsSent, Budget, Held
from promptlab.models._backend import Step
from promptlab.models._file_parts import Contents
from promptlab.models._files import PACKAGES
from promptlab.models._llama import _chat_template as templates
from promptlab.models._llama import _tokenize as prompts
from promptlab.models._llama._answer_tokens import AnswerTokens, answer_tokens
from promptlab.models._llama._batched_engine import BatchedEngine
from promptlab.models._llama._cpu_choice import CPU_CHOICES, CpuChoices, Outcome, Trial
from promptlab.models._llama._cpu_variants import NOT_PORTABLE, PORTABLE_HINT, Cpu, Numerics, candidates
from promptlab.models._llama._exact_engine import ExactEngine
from promptlab.models._llama._generation import Task
from promptlab.models._llama._grammar import Grammar, grammar_of
from promptlab.models._llama._host import Host
from promptlab.models._llama._identity import Adapter, identity_of, library_build, processor_of
from promptlab.models._llama._job import Job, RequestJob
from promptlab.models._llama._library import has_gpu
from promptlab.models._llama._load import NO_GPU
from promptlab.models._llama._plan_client import PlanRequest
from promptlab.models._llama._prompt_encoder import PromptEncoder
from promptlab.models._llama._read_ahead import read_in_gaps
from promptlab.models._llama._scheduler import SCHEDULER
from promptlab.models._llama._settings import Settings
from promptlab.models._llama._unsupported import refuse_other_kinds
from promptlab.models._llama._vocabulary import Vocab
from promptlab.models._llama._workers import WORKERS
from promptlab.models._measured import LoadedMemory
from promptlab.models._structured_output import NOT_HELD, ONLY_NAMED
from promptlab.types import Completion, Phase, Request, Usage
from promptlab.workspace import LlamaModel

IN_FLIGHT = 64
"""How many requests may be in flight. They wait in the scheduler, which orders them so that the prefix cache helps
most; with more requests to choose from, the order is better."""
BATCHED_IN_FLIGHT = 512
"""The same with continuous batching. Its prefix cache is smaller, so the order of the requests matters more."""

EMBEDDED = frozenset(package.sha256 for package in PACKAGES.values())
"""SHA-256 of the model files in packages. Their vocabularies are known to open without a crash."""
FORGET_SECONDS = 1.0
"""How long to wait until the prefix cache is cleared; after that it is cleared in the background."""


@dataclass(frozen=True)
class Lora:
    """A LoRA file and the SHA-256 of its bytes."""

    path: Path
    sha256: str


class LlamaBackend:
    """A local model.

    `sha256` is the hash of the model file, or of all `parts` of a split model. `lora` are adapters that are applied
    when the model is loaded. `contents` tells if one of these files has changed since. `prefixes` is the folder of the
    prefix cache; None for no files. All loaded models together take at most `memory` bytes; None for no limit. `host`
    loads the models and answers, by default in a worker process.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        entry: LlamaModel,
        sha256: str,
        *,
        parts: Sequence[Path] = (),
        lora: Sequence[Lora] = (),
        numerics: Numerics = "fast",
        contents: Contents | None = None,
        prefixes: Path | None = None,
        memory: int | None = None,
        host: Host = WORKERS,
        tried: CpuChoices = CPU_CHOICES,
    ) -> None:
        self.name, self.path, self.entry, self.sha256 = name, path, entry, sha256
        self._prefixes, self._memory, self._host = prefixes, memory, host
        self.max_parallel = BATCHED_IN_FLIGHT if entry.throughput else IN_FLIGHT
        self._parts, self._lora, self._contents = tuple(parts), tuple(lora), contents
        self._tried, self._not_portable = tried, False
        self.numerics: Numerics = entry.numerics or numerics
        if self.numerics == "portable" and not candidates("portable"):
            if entry.numerics:
                raise ModelNotReady(f"{name} asks for `numerics: portable`: {NOT_PORTABLE}", hint=PORTABLE_HINT)
            self.numerics, self._not_portable = "fast", True
        self._encoder = PromptEncoder(name, path, entry, sha256, open_vocab=self._open_vocab)

    @property
    def cpu(self) -> Cpu:
        """The CPU code that is expected to answer; `ready` makes sure."""
        return self._tried.expected(self._trial)

    @property
    def outcome(self) -> Outcome | None:
        """The outcome of trying the model on this processor; None if it was not tried yet."""
        return self._tried.known(self._trial)

    @cached_property
    def _trial(self) -> Trial:
        entry = self.entry
        return Trial(
            *(self.path.name, self.sha256, self.numerics, entry.n_gpu_layers, entry.flash),
            settings=lambda: self._settings_but_cpu,
        )

    def ready(self, say: Callable[[str], None] = lambda _text: None, *, again: bool = False) -> Cpu:
        """The CPU code that answers. The model is tried on this processor if that was not done before; with `again`, a
        model that failed is tried once more.

        Raises:
            EngineFailed: the model does not load.
            ModelNotReady: no CPU code of this build works for it on this processor.
        """
        outcome = self.outcome
        if again and outcome and outcome.cpu is None:
            self._tried.forget(self._trial)
        return self._tried.choose(self._trial, say) if outcome is None or outcome.cpu is None else outcome.cpu

    @property
    def fingerprint(self) -> str:
        """One line with everything that can change an answer. No weights are loaded to compute it."""
        return self._fingerprint(self.cpu)

    def _fingerprint(self, cpu: Cpu) -> str:
        return identity_of(
            self.entry,
            weights=self.sha256,
            template=self.entry.chat_template or (templates.PLAIN_TRANSCRIPT if self._encoder.is_base else ""),
            adapters=[Adapter(lora.sha256) for lora in self._lora],
            threads=usable_cores(),
            build=library_build(cpu.variant),
            processor=processor_of(cpu, os.environ),
        )

    @property
    def vocab(self) -> Vocab:
        """The vocabulary of the model, opened on first use."""
        return self._encoder.vocab

    @property
    def chat_template(self) -> templates.ChatTemplate:
        """The chat template of the model. Raises `ModelNotReady` if there is none."""
        return self._encoder.chat_template

    @property
    def window(self) -> int | None:
        """The context window in tokens."""
        return self._encoder.window

    def as_sent(self, request: Request) -> AsSent:
        """The exact string that the model reads, in pieces, with token counts by section; see `PromptEncoder`."""
        return self._encoder.as_sent(request)

    def answer_tokens(self, request: Request, answer: str) -> AnswerTokens:
        """The tokens of `request` as they are sent, and those of `answer` as the model should write it.

        Raises:
            WindowExceeded: both together do not fit into the context window.
            RequestRejected: the chat template refuses the request.
        """
        found = answer_tokens(self.vocab, self.chat_template, self._encoder.fragments(request), answer)
        if len(found.prompt) + len(found.answer) > (self.window or 0):
            raise too_long(self.name, self.as_sent(request).budget)
        return found

    def _open_vocab(self) -> Vocab:
        refuse_other_kinds(self.path)
        if self.sha256 not in EMBEDDED:  # a damaged file could end this process, so a child process opens it first
            self._tried.opens(self.path, self.sha256)
        return Vocab(self.path)

    def _check_unchanged(self) -> None:
        """Refuse to answer if a model file has changed: the fingerprint was computed from the old bytes."""
        changed = self._contents.changed() if self._contents else None
        if changed:
            raise EngineFailed(
                f"the file {changed.name} of {self.name} changed on disk, so the answer would come from another model",
                hint="ask again: the new file is then loaded",
            )

    @property
    def _settings(self) -> Settings:
        return self._settings_with(self.cpu)

    def _settings_with(self, cpu: Cpu) -> Settings:
        return replace(self._settings_but_cpu, identity=self._fingerprint(cpu), cpu=cpu)

    @cached_property
    def _settings_but_cpu(self) -> Settings:
        return Settings(
            path=self.path,
            identity="",
            window=self.window or self.entry.n_ctx,
            n_threads=self.entry.n_threads or usable_cores(),
            n_gpu_layers=self.entry.n_gpu_layers,
            flash_attn=self.entry.flash,
            lora=tuple(lora.path for lora in self._lora),
            parts=self._parts,
            prefix_bytes=self.entry.prefix_memory * 1_000_000,
            prefix_folder=None if self._keep_prefixes == "never" else self._prefixes,
            throughput=self.entry.throughput,
            resident_bytes=self._memory,
        )

    @property
    def _keep_prefixes(self) -> str:
        # With continuous batching the answers share KV cells, so the state of one prompt alone cannot be saved.
        return "never" if self.entry.throughput else self.entry.keep_prefixes

    def close(self) -> None:
        """Unload the model."""
        if "_settings_but_cpu" in self.__dict__:
            settings = self._settings
            SCHEDULER.do(lambda: self._host.unload(settings))

    @property
    def loaded(self) -> bool:
        """True if the weights are in memory."""
        return "_settings_but_cpu" in self.__dict__ and self._host.state(self._settings) is not None

    @property
    def size(self) -> int | None:
        """Bytes of memory that the loaded model takes; None if it is not loaded."""
        state = self._host.state(self._settings)
        return state.size if state else None

    @property
    def memory(self) -> LoadedMemory | None:
        """The memory that the loaded model really takes; None if it is not loaded."""
        state = self._host.state(self._settings)
        return state.memory if state else None

    @property
    def plan_request(self) -> PlanRequest:
        """What to ask llama.cpp for the memory that this model will take, with the context that its engine opens."""
        settings = self._settings
        engine = BatchedEngine if settings.throughput else ExactEngine
        shape = engine.shape_of(settings)
        return PlanRequest(
            path=settings.path,
            cells=shape.cells,
            sequences=shape.sequences,
            flash_attn=settings.flash_attn,
            gpu_layers=settings.n_gpu_layers,
            extra_buffers=settings.cpu.extra_buffers,
            variant=settings.cpu.variant,
            parts=settings.parts,
            lora=settings.lora,
        )

    @property
    def file_bytes(self) -> int:
        """Bytes on disk, of all parts if the model is split."""
        return self._settings_but_cpu.file_bytes

    @property
    def sliding_window(self) -> int:
        """The attention window of layers with sliding-window attention, from the file; 0 if it has no such layers."""
        value = self.vocab.meta(f"{self.vocab.meta('general.architecture')}.attention.sliding_window")
        return int(value) if value and value.isdigit() else 0

    @property
    def gpu(self) -> str:
        """A sentence about the use of a GPU. Before the model is loaded, it only says if one could be used."""
        state = self._host.state(self._settings)
        if state:
            return state.gpu
        if not has_gpu():
            return NO_GPU
        return "a GPU can be used; loading the model will show it" if self.entry.n_gpu_layers else "not requested"

    def prefixes_held(self) -> Held:
        """The size of the prefix cache, in memory and on disk. Loads nothing."""
        shelf = self._settings.shelf()
        sizes = [size for _, size in shelf.files()] if shelf else []
        state = self._host.state(self._settings)
        states = (state.states, state.state_bytes) if state else (0, 0)
        return Held(*states, len(sizes), sum(sizes))

    def forget_prefixes(self) -> None:
        """Clear the prefix cache, in memory and on disk: at once, or after the answer that is being written."""
        settings, done = self._settings, threading.Event()

        def forget() -> None:
            self._host.forget(settings)
            done.set()

        SCHEDULER.do(forget)
        done.wait(FORGET_SECONDS)

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        """Answer `request`; see the protocol in promptlab/models/_backend.py.

        Raises:
            WindowExceeded: prompt and answer do not fit into the context window.
            RequestRejected: the chat template or the grammar refuses the request.
            EngineFailed: loading or decoding failed, or a model file changed meanwhile.
        """
        self._check_unchanged()
        fragments, encoded = self._encoded(request)
        params, template = request.params, self.chat_template
        grammar = grammar_of(request.schema) if request.schema else None
        cpu = yield from self._try_once()
        task = Task(
            settings=self._settings_with(cpu),
            tokens=array("i", encoded.tokens),
            params=params,
            seed=request.repeat if params.seed is None else params.seed,
            grammar=grammar.text if grammar else None,
            stops=(*params.stop, *self.entry.stop, *template.stops),
            lead=template.lead,
            think=None if request.schema else _think(fragments),
            mark=prompts.mark(request.prompt, encoded),
            keep=self._may_keep(request),
        )
        job = RequestJob(
            self.name, task, cancel, self._host, lambda done: self._finished(done, request, task, job, grammar)
        )
        try:
            for step in SCHEDULER.ask(job):
                if isinstance(step, Completion):
                    self._check_unchanged()
                yield step
        except IllegalInstruction:
            self._tried.died(self._trial, cpu, "killed by SIGILL")
            raise

    def _encoded(self, request: Request) -> tuple[list[templates.Fragment], prompts.Encoded]:
        encoder = self._encoder
        fragments = encoder.fragments(request)
        encoded = None if encoder.is_far_too_long(fragments) else encoder.encode(request, fragments)
        if encoded is None or len(encoded.tokens) + request.params.max_tokens > (self.window or 0):
            raise too_long(self.name, self.as_sent(request).budget)
        return fragments, encoded

    def tokens_of(self, request: Request) -> Sequence[int]:
        """The tokens of the prompt as it would be sent. Raises `WindowExceeded` for one that would not be sent."""
        return self._encoded(request)[1].tokens

    def _may_keep(self, request: Request) -> bool:
        """True if text of the request may be written to disk."""
        return self.entry.keep_prefixes == "always" or _is_public(request)

    def why_not_ahead(self, request: Request) -> str:
        """Why `request` must not be read ahead, as a clause; "" if it may be."""
        if self.entry.throughput:
            return "it decodes several answers together, which share one context"
        if not self._may_keep(request):
            return "the prompt is not public, and only text that may be kept is read before it is asked"
        return ""

    def read_ahead(
        self, request: Request, cancel: threading.Event, *, varies: Collection[str] = ()
    ) -> Iterator[Phase | Completion]:
        """Read what of `request` stays the same whatever its inputs are; see `ReadsAhead` in _backend.py. Nothing is
        read of a request that `why_not_ahead` refuses.

        Raises:
            WindowExceeded: prompt and answer do not fit into the context window.
            RequestRejected: the chat template refuses the request.
            EngineFailed: loading or decoding failed, or a model file changed meanwhile.
        """
        self._check_unchanged()
        _, encoded = self._encoded(request)
        mark = prompts.mark(request.prompt, encoded)
        count = prompts.ahead(prompts.stable(request.prompt, encoded, varies), mark, len(encoded.tokens))
        if not count or self.why_not_ahead(request):
            yield Completion("", "stop", Usage(0, 0, 0))
            return
        cpu = self.ready()
        task = Task(
            settings=self._settings_with(cpu),
            tokens=array("i", encoded.tokens),
            params=request.params,
            seed=0,
            mark=mark,
            keep=True,
            ahead=count,
        )
        yield from read_in_gaps(self.name, task, cancel, self._host)

    def _try_once(self) -> Generator[Step, None, Cpu]:
        """Try the model on this processor if that was not done before, and yield a step that says so."""
        outcome = self.outcome
        if outcome is None:
            yield Phase("loading", detail=f"trying {self.path.name} on this processor, once")
        return self.ready()

    def _finished(
        self, done: Completion, request: Request, task: Task, job: Job, grammar: Grammar | None
    ) -> Completion:
        """The completion of the host, with the warnings and details that only the backend knows."""
        warnings = []
        if not has_gpu() and "n_gpu_layers" in self.entry.model_fields_set and self.entry.n_gpu_layers:
            warnings.append(NO_GPU)
        if self._not_portable:
            warnings.append(f"the text may differ on another processor: {NOT_PORTABLE}")
        if request.params.reasoning_effort is not None:
            warnings.append("`reasoning_effort` was not used: local models take none")
        if spent := thinking.explain_empty_answer(done.text, done.thinking, done.usage, done.finish_reason):
            warnings.append(spent)
        if task.grammar and done.finish_reason == "stop" and not _is_json(done.text):
            warnings.append("the JSON is cut off: it contains a stop string")
        details = {
            **done.details,
            "device": self.gpu,
            "chat_template": self.chat_template.origin,
            "seed": task.seed,
            "n_threads": task.settings.n_threads,
            "cpu": str(task.settings.cpu),
            "numerics": self.numerics,
            **({"throughput": self.entry.throughput} if self.entry.throughput else {}),
            **({NOT_HELD: list(grammar.wider)} if grammar and grammar.wider else {}),
            **({ONLY_NAMED: list(grammar.only_named)} if grammar and grammar.only_named else {}),
            **({"warnings": warnings} if warnings else {}),
        }
        return replace(
            done,
            fingerprint=f"{self.path.name} sha256:{self.sha256[:12]}",
            timings=replace(done.timings, waited=job.waited),
            details=details,
        )


def too_long(name: str, budget: Budget) -> WindowExceeded:
    """The error for a prompt that does not fit, with the tokens of each section."""
    about = "" if budget.exact else "about "
    sections = ", ".join(f"{section} {count:,}" for section, count in budget.by_section.items() if count)
    return WindowExceeded(
        f"{name}: the prompt has {about}{budget.prompt:,} tokens ({sections}) and {budget.room:,} are asked for; "
        f"its window has {budget.window:,}",
        hint="leave out a section or shots, ask for fewer max_tokens, or raise `n_ctx` if the model allows it",
    )


def _think(fragments: Sequence[templates.Fragment]) -> str:
    """The tag that ends the thinking which the chat template opens at the end of a prompt; "" for none. What the last
    message says does not count."""
    own = [f.text for f in takewhile(lambda f: f.message < 0, reversed(fragments))]
    return thinking.thinking_opened_by("".join(reversed(own)))


def _is_public(request: Request) -> bool:
    """True if every part of the request is labelled public."""
    prompt = request.prompt
    return all(part.label == "public" for parts in (prompt.spans, prompt.sources) for part in parts)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def usable_cores() -> int:
    """The number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


__all__ = ["LlamaBackend", "Lora", "too_long"]

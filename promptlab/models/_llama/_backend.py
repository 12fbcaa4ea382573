"""Local models: GGUF files answered on this machine by llama.cpp.

    LlamaBackend("smollm2-135m", Path(".../SmolLM2-135M-Instruct.Q4_1.gguf"), entry, sha256="b179c9...")

This file puts behind the backend protocol what has a file each:

    here                                              in a process of its own (llama_worker.py)
    llama_identity.py  what the model is, in a line   llama_host.py      the loaded models
    llama_template.py  messages to a string           llama_kinds.py     what is refused, llama_room.py for its size
    llama_prompt.py    that to tokens                 llama_loading.py   loading one
    llama_grammar.py   a schema to a grammar          llama_engine.py    one at a time, llama_prefix.py its memory
    llama_tried.py     the CPU code that answers      llama_together.py  many at once, in llama_cells.py
    llama_lane.py      whose turn it is               llama_answer.py    writing: llama_sampling.py, llama_text.py
    llama_job.py       one who waits                  llama_rules.py     the tokens that a grammar allows
    llama_workers.py   those processes, from here: llama_child.py
"""

from __future__ import annotations

import json
import os
import threading
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from cachetools import LRUCache

from promptlab.errors import EngineFailed, IllegalInstruction, ModelNotReady, WindowExceeded
from promptlab.models import _thinking as thinking
from promptlab.models._backend import Step
from promptlab.models._file_parts import Contents
from promptlab.models._files import PACKAGES
from promptlab.models._llama import _chat_template as templates
from promptlab.models._llama import _tokenize as prompts
from promptlab.models._llama._cpu_choice import TRIED, Outcome, Trial, Tried
from promptlab.models._llama._cpu_variants import NOT_PORTABLE, PORTABLE_HINT, Cpu, Numerics, candidates
from promptlab.models._llama._generation import Task
from promptlab.models._llama._grammar import Grammar, grammar_of
from promptlab.models._llama._host import Host
from promptlab.models._llama._identity import Adapter, identity_of, library_build, processor_of
from promptlab.models._llama._job import Job
from promptlab.models._llama._library import Vocab, has_gpu
from promptlab.models._llama._load import NO_GPU, Settings
from promptlab.models._llama._question import Question
from promptlab.models._llama._scheduler import LANE
from promptlab.models._llama._unsupported import refuse_other_kinds
from promptlab.models._llama._workers import WORKERS
from promptlab.models._structured_output import NOT_HELD, ONLY_NAMED
from promptlab.types import AsSent, Budget, Completion, Held, Message, Phase, Request
from promptlab.workspace import LlamaModel

IN_LANE = 64
"""Requests worth having in flight: they wait in the lane, which takes them in the order in which least is read."""
TOGETHER_IN_LANE = 512
"""The same where answers are written together: what is kept read is less there, so more of it must come in order."""
PREPARED = 8
"""Prompts whose tokens are remembered: the runner counts a prompt and then asks it."""

EMBEDDED = frozenset(package.sha256 for package in PACKAGES.values())
"""Files whose vocabularies are known to open."""
FORGET_SECONDS = 1.0
"""How long forgetting is waited for; it goes on behind an answer that takes longer."""


@dataclass(frozen=True)
class Lora:
    """A LoRA file and the SHA-256 of its bytes."""

    path: Path
    sha256: str


class LlamaBackend:
    """A local model. `sha256` is that of the model file, or of all parts of a split one, which are `parts`; `lora` are
    adapters applied when it is loaded; `contents` knows whether any of these files has changed since. `prefixes` is the
    folder where prompts are kept read, None for none. All loaded models take `memory` bytes at most together, None for
    no limit. `host` has them loaded; otherwise a process of its own."""

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
        tried: Tried = TRIED,
    ) -> None:
        self.name, self.path, self.entry, self.sha256 = name, path, entry, sha256
        self._prefixes, self._memory, self._host = prefixes, memory, host
        self.max_parallel = TOGETHER_IN_LANE if entry.throughput else IN_LANE
        self._parts, self._lora, self._contents = tuple(parts), tuple(lora), contents
        self._tried, self._not_portable = tried, False
        self.numerics: Numerics = entry.numerics or numerics
        if self.numerics == "portable" and not candidates("portable"):
            if entry.numerics:
                raise ModelNotReady(f"{name} asks for `numerics: portable`: {NOT_PORTABLE}", hint=PORTABLE_HINT)
            self.numerics, self._not_portable = "fast", True
        self._opening, self._remembering = threading.Lock(), threading.Lock()
        self._prepared: LRUCache[tuple[Message, ...], prompts.Encoded] = LRUCache(PREPARED)

    @property
    def cpu(self) -> Cpu:
        """The CPU code that answers, as far as is known; `ready` makes it known for sure."""
        return self._tried.expected(self._trial)

    @property
    def outcome(self) -> Outcome | None:
        """How the model did when it was tried on this processor; None if it was not tried yet."""
        return self._tried.known(self._trial)

    @cached_property
    def _trial(self) -> Trial:
        entry = self.entry
        return Trial(
            *(self.path.name, self.sha256, self.numerics, entry.n_gpu_layers, entry.flash),
            settings=lambda: self._settings_but_cpu,
        )

    def ready(self, say: Callable[[str], None] = lambda _text: None, *, again: bool = False) -> Cpu:
        """Try the model on this processor, unless that was done before; the CPU code that answers. With `again` a
        model that could not run is tried once more.

        Raises:
            EngineFailed: it does not load.
            ModelNotReady: none of the code that this build has for it lives here.
        """
        outcome = self.outcome
        if again and outcome and outcome.cpu is None:
            self._tried.forget(self._trial)
        return self._tried.choose(self._trial, say) if outcome is None or outcome.cpu is None else outcome.cpu

    @property
    def fingerprint(self) -> str:
        """Whatever can change an answer, as one line; no weights are loaded to know it."""
        return self._fingerprint(self.cpu)

    def _fingerprint(self, cpu: Cpu) -> str:
        return identity_of(
            self.entry,
            weights=self.sha256,
            template=self.entry.chat_template or (templates.PLAIN_TRANSCRIPT if self._is_base else ""),
            adapters=[Adapter(lora.sha256) for lora in self._lora],
            threads=usable_cores(),
            build=library_build(cpu.variant),
            processor=processor_of(cpu, os.environ),
        )

    @cached_property
    def window(self) -> int | None:
        """Tokens of context: `n_ctx` of the catalogue, at most what the model was trained with."""
        trained = self.vocab.trained_window
        return min(self.entry.n_ctx, trained) if trained else self.entry.n_ctx

    @cached_property
    def chat_template(self) -> templates.ChatTemplate:
        """The catalogue's chat template, the plain transcript of a known base model, or the file's own.

        Raises:
            ModelNotReady: there is none.
        """
        vocab = self.vocab
        bos, eos = (vocab.piece(t).decode("utf-8", "replace") if t >= 0 else "" for t in (vocab.bos, vocab.eos))
        if self.entry.chat_template is not None:
            source, origin = self.entry.chat_template, "from the catalogue"
        elif self._is_base:
            source, origin = templates.PLAIN_TRANSCRIPT, "plain transcript (base model)"
        elif vocab.chat_template is not None:
            source, origin = vocab.chat_template, "from the model file"
        else:
            raise ModelNotReady(
                f"{self.name} has no chat template: {self.path.name} brings none, as base models do",
                hint="set `chat_template` (Jinja) and `stop` of the model in promptlab.yaml; see docs/models.md",
            )
        return templates.ChatTemplate(source, origin=origin, model=self.name, bos=bos, eos=eos)

    @property
    def vocab(self) -> Vocab:
        """The model's vocabulary, opened on first use."""
        with self._opening:
            return self._vocab

    @cached_property
    def _vocab(self) -> Vocab:
        refuse_other_kinds(self.path)
        if self.sha256 not in EMBEDDED:
            self._tried.opens(self.path, self.sha256)
        return Vocab(self.path)

    def _unchanged(self) -> None:
        """Refuse to answer in the name of files that are no longer there: the identity is that of their bytes."""
        changed = self._contents.changed() if self._contents else None
        if changed:
            raise EngineFailed(
                f"the file {changed.name} of {self.name} changed on disk, so the answer would not be that of the model "
                "it was asked of",
                hint="ask again: what is there now is loaded anew",
            )

    @property
    def _is_base(self) -> bool:
        return self.entry.chat_template is None and self.sha256 in templates.BASE_MODELS

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
            prefix_folder=None if self._keeps == "never" else self._prefixes,
            throughput=self.entry.throughput,
            resident_bytes=self._memory,
        )

    @property
    def _keeps(self) -> str:
        # Written together, answers share cells, and no state of one of them alone is taken.
        return "never" if self.entry.throughput else self.entry.keep_prefixes

    def close(self) -> None:
        """Let go of the loaded model."""
        if "_settings_but_cpu" in self.__dict__:
            settings = self._settings
            LANE.do(lambda: self._host.drop(settings))

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return "_settings_but_cpu" in self.__dict__ and self._host.standing(self._settings) is not None

    @property
    def size(self) -> int | None:
        """Bytes of memory it takes while it is loaded; None while it is not."""
        standing = self._host.standing(self._settings)
        return standing.size if standing else None

    @property
    def file_bytes(self) -> int:
        """Bytes on disk, of all parts of a split model."""
        return self._settings_but_cpu.file_bytes

    @property
    def sliding_window(self) -> int:
        """Tokens that some of its layers see, as its file says; 0 where all see everything."""
        value = self.vocab.meta(f"{self.vocab.meta('general.architecture')}.attention.sliding_window")
        return int(value) if value and value.isdigit() else 0

    @property
    def gpu(self) -> str:
        """In words, whether a GPU helps; before loading only whether it could."""
        standing = self._host.standing(self._settings)
        if standing:
            return standing.gpu
        if not has_gpu():
            return NO_GPU
        return "a GPU can be used; loading the model will show it" if self.entry.n_gpu_layers else "not asked for"

    def prefixes_held(self) -> Held:
        """What is kept read of earlier prompts; loads nothing."""
        shelf = self._settings.shelf()
        sizes = [size for _, size in shelf.files()] if shelf else []
        standing = self._host.standing(self._settings)
        states = (standing.states, standing.state_bytes) if standing else (0, 0)
        return Held(*states, len(sizes), sum(sizes))

    def forget_prefixes(self) -> None:
        """Let go of it, in memory and on disk: at once, or when the answer that is being given has ended."""
        settings, done = self._settings, threading.Event()

        def forget() -> None:
            self._host.forget(settings)
            done.set()

        LANE.do(forget)
        done.wait(FORGET_SECONDS)

    def as_sent(self, request: Request) -> AsSent:
        """The exact string the model reads, in pieces, and its tokens by section.

        Raises:
            ModelNotReady: no library, or no chat template.
            RequestRejected: the chat template cannot take these messages, or their text is no text.
        """
        fragments = self._fragments(request)
        room = request.params.max_tokens
        if self._hopeless(fragments):
            return prompts.estimate(self.vocab, request.prompt, fragments, window=self.window, room=room)
        return prompts.as_sent(request.prompt, self._encoded(request, fragments), window=self.window, room=room)

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        """Answer `request`; see the protocol in promptlab/models/_backend.py.

        Raises:
            WindowExceeded: prompt and answer do not fit.
            RequestRejected: the chat template or the grammar refuses the request.
            EngineFailed: loading or decoding failed, or the model's files changed meanwhile.
        """
        self._unchanged()
        fragments = self._fragments(request)
        room = request.params.max_tokens
        if self._hopeless(fragments):
            raise too_long(self.name, self.as_sent(request).budget)
        encoded = self._encoded(request, fragments)
        if len(encoded.tokens) + room > (self.window or 0):
            raise too_long(self.name, self.as_sent(request).budget)
        params, template = request.params, self.chat_template
        grammar = grammar_of(request.schema) if request.schema else None
        cpu = yield from self._tried_now()
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
            keep=self.entry.keep_prefixes == "always" or _is_public(request),
        )
        job = Question(
            self.name, task, cancel, self._host, lambda done: self._finished(done, request, task, job, grammar)
        )
        try:
            for step in LANE.ask(job):
                if isinstance(step, Completion):
                    self._unchanged()
                yield step
        except IllegalInstruction:
            self._tried.died(self._trial, cpu, "killed by SIGILL")
            raise

    def _tried_now(self) -> Generator[Step, None, Cpu]:
        """Try the model if that was not done before; steps say so meanwhile."""
        outcome = self.outcome
        if outcome is None:
            yield Phase("loading", detail=f"trying {self.path.name} on this processor, once")
        return self.ready()

    def _fragments(self, request: Request) -> list[templates.Fragment]:
        return prompts.split_controls(self.vocab, self.chat_template.lay_out(request.messages))

    def _hopeless(self, fragments: Sequence[templates.Fragment]) -> bool:
        """Whether the text cannot fit however well it packs, so that ten megabytes are not tokenised."""
        return sum(len(f.text) for f in fragments) > (self.window or 0) * self.vocab.longest

    def _encoded(self, request: Request, fragments: Sequence[templates.Fragment]) -> prompts.Encoded:
        with self._remembering:
            found = self._prepared.get(request.messages)
        if found is None:
            found = prompts.encode(self.vocab, fragments)
            with self._remembering:
                self._prepared[request.messages] = found
        return found

    def _finished(
        self, done: Completion, request: Request, task: Task, job: Job, grammar: Grammar | None
    ) -> Completion:
        """The answer as it came from the host, with what is known here."""
        warnings = []
        if not has_gpu() and "n_gpu_layers" in self.entry.model_fields_set and self.entry.n_gpu_layers:
            warnings.append(NO_GPU)
        if self._not_portable:
            warnings.append(f"the text may be another one on another processor: {NOT_PORTABLE}")
        if request.params.reasoning_effort is not None:
            warnings.append("`reasoning_effort` was not used: local models take none")
        if spent := thinking.explain_empty_answer(done.text, done.thinking, done.usage, done.finish_reason):
            warnings.append(spent)
        if task.grammar and done.finish_reason == "stop" and not _is_json(done.text):
            warnings.append("the JSON is cut off: it met a stop string")
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
    """The refusal of a prompt, with the tokens of each section."""
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
    """Whether nothing in the request has a label."""
    prompt = request.prompt
    return all(one.label == "public" for part in (prompt.spans, prompt.sources) for one in part)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


__all__ = ["LlamaBackend", "Lora", "too_long"]

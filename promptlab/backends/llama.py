"""Local models: GGUF files answered in this process by llama.cpp.

    LlamaBackend("smollm2-135m", Path(".../SmolLM2-135M-Instruct.Q4_1.gguf"), entry, sha256="b179c9...")

The work is split: llama_template.py makes a string of messages and llama_prompt.py tokens of that,
llama_lane.py gives requests their turn on the one thread that may touch loaded models, llama_engine.py
reads and writes, llama_sampling.py chooses tokens, llama_text.py shows them, and llama_grammar.py turns a
schema into a grammar. This file puts them behind the backend protocol.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path

from promptlab.backends import Step
from promptlab.backends import llama_prompt as prompts
from promptlab.backends import llama_template as templates
from promptlab.backends.llama_engine import ENGINES, NO_GPU, Settings, Stopped
from promptlab.backends.llama_grammar import grammar_of
from promptlab.backends.llama_lane import LANE, Job
from promptlab.backends.llama_native import Vocab, has_gpu, library
from promptlab.backends.llama_sampling import Sampler
from promptlab.backends.llama_text import AnswerText
from promptlab.backends.llama_tree import PIECE
from promptlab.errors import ModelNotReady, WindowExceeded
from promptlab.types import AsSent, Budget, Completion, Held, Message, Request
from promptlab.workspace import LlamaModel

PREPARED = 8
"""Prompts whose tokens are remembered: the runner counts a prompt and then asks it."""

FORGET_SECONDS = 1.0
"""How long forgetting is waited for; it goes on behind an answer that takes longer."""

CUT = {"length": "the answer reached max_tokens", "stop": "it met a stop string"}


@dataclass(frozen=True)
class Lora:
    """A LoRA file and the SHA-256 of its bytes."""

    path: Path
    sha256: str


class LlamaBackend:
    """A local model. `sha256` is that of the model file; `lora` are adapters applied when it is loaded; `prefixes` is
    the folder where prompts are kept read, None for none."""

    max_parallel = 64
    """They wait in the lane, which takes them in the order in which least is read."""

    def __init__(
        self,
        name: str,
        path: Path,
        entry: LlamaModel,
        sha256: str,
        *,
        lora: Sequence[Lora] = (),
        prefixes: Path | None = None,
    ) -> None:
        self.name, self.path, self.entry, self.sha256 = name, path, entry, sha256
        self._prefixes = prefixes
        self._lora = tuple(lora)
        self._opening, self._remembering = threading.Lock(), threading.Lock()
        self._prepared: OrderedDict[tuple[Message, ...], prompts.Encoded] = OrderedDict()

    @cached_property
    def fingerprint(self) -> str:
        """Whatever can change an answer, as one line; no weights are loaded to know it."""
        template = self.entry.chat_template or (templates.PLAIN_TRANSCRIPT if self._is_base else "of the file")
        stops = "\0".join(self.entry.stop)
        parts = {
            "template": hashlib.sha256(f"{template}\0{stops}".encode("utf-8", "surrogatepass")).hexdigest()[:16],
            "n_ctx": self.entry.n_ctx,
            "flash_attn": self.entry.flash_attn,
            "n_gpu_layers": self.entry.n_gpu_layers,
            "n_threads": self.entry.n_threads or "auto",
            "llama_cpp": _version(),
            "lora": "+".join(lora.sha256 for lora in self._lora) or "none",
            "reading": PIECE,
        }
        return f"llama:{self.sha256} " + " ".join(f"{key}={value}" for key, value in parts.items())

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
        return Vocab(self.path)

    @property
    def _is_base(self) -> bool:
        return self.entry.chat_template is None and self.sha256 in templates.BASE_MODELS

    @cached_property
    def _settings(self) -> Settings:
        return Settings(
            path=self.path,
            identity=self.fingerprint,
            window=self.window or self.entry.n_ctx,
            n_threads=self.entry.n_threads or usable_cores(),
            n_gpu_layers=self.entry.n_gpu_layers,
            flash_attn=self.entry.flash_attn,
            lora=tuple(lora.path for lora in self._lora),
            prefix_bytes=self.entry.prefix_memory * 1_000_000,
            prefix_folder=None if self.entry.keep_prefixes == "never" else self._prefixes,
        )

    def close(self) -> None:
        """Let go of the loaded model."""
        if "_settings" in self.__dict__:
            settings = self._settings
            LANE.do(lambda: ENGINES.drop(settings))

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return "_settings" in self.__dict__ and ENGINES.holds(self._settings)

    @property
    def gpu(self) -> str:
        """In words, whether a GPU helps."""
        return ENGINES.gpu(self._settings)

    def prefixes_held(self) -> Held:
        """What is kept read of earlier prompts; loads nothing."""
        shelf = self._settings.shelf()
        sizes = [size for _, size in shelf.files()] if shelf else []
        return Held(*ENGINES.held(self._settings), len(sizes), sum(sizes))

    def forget_prefixes(self) -> None:
        """Let go of it, in memory and on disk: at once, or when the answer that is being given has ended."""
        settings, done = self._settings, threading.Event()

        def forget() -> None:
            ENGINES.forget(settings)
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
        """Answer `request`; see the protocol in promptlab/backends/__init__.py.

        Raises:
            WindowExceeded: prompt and answer do not fit.
            RequestRejected: the chat template or the grammar refuses the request.
            EngineFailed: loading or decoding failed.
        """
        fragments = self._fragments(request)
        room = request.params.max_tokens
        if self._hopeless(fragments):
            raise too_long(self.name, self.as_sent(request).budget)
        encoded = self._encoded(request, fragments)
        if len(encoded.tokens) + room > (self.window or 0):
            raise too_long(self.name, self.as_sent(request).budget)
        grammar = grammar_of(request.schema) if request.schema else None
        settings = self._settings
        job = Job(
            self.name,
            lambda job: self._work(job, request, encoded, grammar),
            cancel,
            text=array("i", encoded.tokens).tobytes(),
            near=lambda text: ENGINES.near(settings, text),
        )
        yield from LANE.ask(job)

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
                while len(self._prepared) > PREPARED:
                    self._prepared.popitem(last=False)
        return found

    def _work(self, job: Job, request: Request, encoded: prompts.Encoded, grammar: str | None) -> Completion:
        """On the lane's thread: load if need be, answer, and say what happened."""
        if not self.loaded:
            job.loading(f"loading {self.path.name}")
        try:
            engine = ENGINES.get(self._settings, stopping=lambda: job.stopping)
        except Stopped:
            return job.unbegun()
        finally:
            job.loading(None)
        job.begin()
        params, template, vocab = request.params, self.chat_template, self.vocab
        seed = request.repeat if params.seed is None else params.seed
        sampler = Sampler(params, seed=seed, vocab=engine.vocab, grammar=grammar)
        try:
            done = engine.answer(
                encoded.tokens,
                job=job,
                sampler=sampler,
                piece=vocab.text_piece,
                is_end=vocab.is_end,
                max_tokens=params.max_tokens,
                text=AnswerText((*params.stop, *self.entry.stop, *template.stops), template.lead),
                mark=prompts.mark(request.prompt, encoded),
                keep=self.entry.keep_prefixes == "always" or _is_public(request),
            )
        finally:
            sampler.close()
        warnings = []
        if not has_gpu() and "n_gpu_layers" in self.entry.model_fields_set and self.entry.n_gpu_layers:
            warnings.append(NO_GPU)
        if grammar and done.finish_reason in CUT and not _is_json(done.text):
            warnings.append(f"the JSON is cut off: {CUT[done.finish_reason]}")
        details = {
            **done.details,
            "device": str(engine.gpu) if has_gpu() else NO_GPU,
            "chat_template": template.origin,
            "seed": seed,
            "n_threads": self._settings.n_threads,
            "system": system_info(),
            **({"warnings": warnings} if warnings else {}),
        }
        return replace(done, fingerprint=f"{self.path.name} sha256:{self.sha256[:12]}", details=details)


def too_long(name: str, budget: Budget) -> WindowExceeded:
    """The refusal of a prompt, with the tokens of each section."""
    about = "" if budget.exact else "about "
    sections = ", ".join(f"{section} {count:,}" for section, count in budget.by_section.items() if count)
    return WindowExceeded(
        f"{name}: the prompt has {about}{budget.prompt:,} tokens ({sections}) and {budget.room:,} are asked for; "
        f"its window has {budget.window:,}",
        hint="leave out a section or shots, ask for fewer max_tokens, or raise `n_ctx` if the model allows it",
    )


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


def system_info() -> str:
    """What llama.cpp says of the processor features it uses."""
    return str(library().llama_print_system_info().decode("utf-8", "replace")).strip()


def _version() -> str:
    try:
        return metadata.version("llama-cpp-python")
    except metadata.PackageNotFoundError:
        return "missing"


__all__ = ["LlamaBackend", "Lora", "too_long"]

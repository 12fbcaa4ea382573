"""Which CPU code answers for a model on this processor: the best that was tried here and lived.

    TRIED.known(trial)      # what an earlier try found; None before the first one
    TRIED.choose(trial)     # tries what has not been tried yet, in a process of its own (llama_trial.py)

A build can hold code that kills its process on some processors: with gcc 12, llama.cpp's AMX code does. So nothing
answers before it was tried. A death is tried again without the extra buffers, which is where such code lives, and then
with the next variant. What was found is remembered for this processor, this build and this model, in `tried.json` of
the cache folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from promptlab._util import subprocesses
from promptlab.errors import EngineFailed, ModelNotReady
from promptlab.models._files import cache_folder
from promptlab.models._llama import _cpu_variants as cpu_variants
from promptlab.models._llama._cpu_variants import Cpu, Numerics
from promptlab.models._llama._library import CPU_VARIABLE
from promptlab.models._llama._settings import Settings

COMMAND = subprocesses.command("promptlab.models._llama._cpu_trial")
SECONDS = 600
"""A try that takes longer has hung; loading a large model from a slow disk does not take that long."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A model to try. `file` is its name, `sha256` that of its bytes; `settings`, for when it is really tried, how to
    load it."""

    file: str
    sha256: str
    numerics: Numerics
    n_gpu_layers: int
    flash_attn: bool | None
    settings: Callable[[], Settings] = field(compare=False)

    @property
    def key(self) -> str:
        """A name for model, build and processor."""
        own = [self.sha256, self.numerics, self.n_gpu_layers, self.flash_attn]
        parts = [build(), cpu_variants.processor(), *own]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The CPU code that lived, None if none did; and in words how each one before it failed."""

    cpu: Cpu | None
    failed: tuple[str, ...] = ()


class CpuChoices:
    """What was tried on this machine, kept in `file`. Safe to share between threads."""

    def __init__(self, file: Path, command: tuple[str, ...] = COMMAND) -> None:
        self._file, self._command = file, command
        self._lock = threading.Lock()
        self._seen: dict[Trial, Outcome] = {}

    def known(self, trial: Trial) -> Outcome | None:
        """What an earlier try found; None if this model was not tried on this processor with this build."""
        if trial not in self._seen:
            told = self._read().get(trial.key)
            if told is None:
                return None
            self._seen[trial] = Outcome(Cpu(**told["cpu"]) if told["cpu"] else None, tuple(told["failed"]))
        return self._seen[trial]

    def expected(self, trial: Trial) -> Cpu:
        """The CPU code that answers as far as is known, or else the one to be tried first."""
        known = self.known(trial)
        if known and known.cpu:
            return known.cpu
        return next(self._ways(trial), Cpu(cpu_variants.built()[0]))

    def choose(self, trial: Trial, say: Callable[[str], None] = lambda _text: None) -> Cpu:
        """The CPU code that answers; it is tried now if that was not done before.

        Raises:
            EngineFailed: the model cannot be loaded at all.
            ModelNotReady: no code that this build has for it lives on this processor.
        """
        with self._lock:
            known = self.known(trial)
            if known is None:
                say(f"trying {trial.file} on this processor, once")
                known = self._try(trial, ())
        if known.cpu is None:
            raise cannot_run(trial, known)
        return known.cpu

    def opens(self, path: Path, sha256: str) -> None:
        """Make sure that the vocabulary of a file can be opened in this process; it is opened in another one first,
        once for each file and build.

        Raises:
            EngineFailed: llama.cpp cannot read it, or ends its process over it.
        """
        key = hashlib.sha256(json.dumps(["vocabulary", build(), sha256]).encode()).hexdigest()[:32]
        with self._lock:
            told = self._read().get(key)
            if told is None:
                why = self._run((*self._command, "--vocabulary", str(path)), b"", "")
                told = {"model": path.name, "why": why}
                self._write({**self._read(), key: told})
        if told["why"]:
            raise EngineFailed(
                f"{path.name} is damaged: llama.cpp's process ends over its vocabulary ({told['why']})",
                hint="get the file again, from where its SHA-256 is given",
            )

    def died(self, trial: Trial, cpu: Cpu, how: str) -> None:
        """Take back that `cpu` lives: it died of an instruction that the processor does not have."""
        with self._lock:
            known = self.known(trial)
            if known and known.cpu == cpu:
                self._try(trial, (*known.failed, f"{cpu}: {how}"))

    def forget(self, trial: Trial) -> None:
        """Have the model tried again."""
        with self._lock:
            self._seen.pop(trial, None)
            self._write({key: told for key, told in self._read().items() if key != trial.key})

    def _ways(self, trial: Trial) -> Iterator[Cpu]:
        for name in cpu_variants.candidates(trial.numerics):
            yield Cpu(name)
            yield Cpu(name, extra_buffers=False)

    def _try(self, trial: Trial, failed: tuple[str, ...]) -> Outcome:
        """Try one way after the other, but for those that `failed` before, and remember the first that lives."""
        dead = {line.split(":")[0] for line in failed}
        lived: Cpu | None = None
        settings = trial.settings()
        for cpu in self._ways(trial):
            if str(cpu) in dead:
                continue
            loading = replace(settings, cpu=cpu, prefix_folder=None)
            why = self._run(self._command, pickle.dumps(loading), cpu.variant)
            if not why:
                lived = cpu
                break
            failed = (*failed, f"{cpu}: {why}")
        outcome = self._seen[trial] = Outcome(lived, failed)
        told = {
            "model": trial.file,
            "processor": cpu_variants.processor(),
            "cpu": asdict(lived) if lived else None,
            "failed": failed,
        }
        self._write({**self._read(), trial.key: told})
        return outcome

    def _run(self, command: Sequence[str], given: bytes, variant: str) -> str:
        """Try something in a process with the CPU code `variant`; why it failed, or empty."""
        env = {**subprocesses.environment(), CPU_VARIABLE: variant}
        try:
            done = subprocess.run(command, input=given, capture_output=True, env=env, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return f"no end within {SECONDS} seconds"
        except OSError as exc:
            raise EngineFailed(f"the process that tries local models cannot be started: {exc}") from exc
        if done.returncode < 0:
            return f"killed by {signal_name(-done.returncode)}"
        try:
            result = json.loads(done.stdout)
        except ValueError:
            last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            return f"exit status {done.returncode}{': ' + last[0] if last else ''}"
        if "failed" in result:
            raise EngineFailed(result["failed"], hint=result["hint"])
        return str(result["why"])

    def _read(self) -> dict[str, Any]:
        try:
            told = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def _write(self, told: dict[str, Any]) -> None:
        """Without a writable cache folder it is tried again next time."""
        half = self._file.with_suffix(f".{os.getpid()}.half")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            half.write_text(json.dumps(told, indent=1), "utf-8")
            half.replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                half.unlink(missing_ok=True)


@cache
def build() -> str:
    """A name for the installed libraries of llama.cpp: another one after they were built again."""
    folder = cpu_variants.folder()
    files = sorted(folder.glob("*")) if folder else []
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    return hashlib.sha256(repr(stats).encode()).hexdigest()[:16]


def cannot_run(trial: Trial, outcome: Outcome) -> ModelNotReady:
    """The error of a model for which no code lives."""
    how = "; ".join(outcome.failed) or f"the build has no code for numerics `{trial.numerics}` that it can run"
    return ModelNotReady(
        f"{trial.file} cannot run here: llama.cpp's code fails on this processor ({how})",
        hint="build llama.cpp for this machine: promptlab models build; then try again: promptlab models prepare",
    )


def signal_name(number: int) -> str:
    """`SIGILL` for 4."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has none
        return f"signal {number}"


CPU_CHOICES = CpuChoices(cache_folder(os.environ) / "tried.json")
"""What was tried on this machine."""

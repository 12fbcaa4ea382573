"""Chooses the CPU code for a model on this processor: the fastest variant that passed a trial.

    CPU_CHOICES.known(trial)      # the outcome of an earlier trial; None if there was none
    CPU_CHOICES.choose(trial)     # runs the trial if needed, in a process of its own (_cpu_trial.py)

A build can contain code that crashes on some processors: llama.cpp's AMX code does if built with gcc 12. So each model
gets a trial before its first answer. After a crash the trial is repeated without the extra buffers, which the AMX code
needs, and then with the next variant. The outcome is stored for this processor, build and model in `tried.json` in the
cache folder.
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
"""A trial that takes longer hangs. Loading a large model from a slow disk takes less."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A model to try: the name of its file and its SHA-256. `settings` is called if the trial may run; no lock of
    `CpuChoices` is held then."""

    file: str
    sha256: str
    numerics: Numerics
    n_gpu_layers: int
    flash_attn: bool | None
    settings: Callable[[], Settings] = field(compare=False)

    @property
    def key(self) -> str:
        """Identifies model, build and processor."""
        model = [self.sha256, self.numerics, self.n_gpu_layers, self.flash_attn]
        parts = [build(), cpu_variants.processor(), *model]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The CPU code that passed the trial, None if none did, and how each one before it failed."""

    cpu: Cpu | None
    failed: tuple[str, ...] = ()


class CpuChoices:
    """The outcomes of all trials on this machine, stored in `file`. May be shared between threads."""

    def __init__(self, file: Path, command: tuple[str, ...] = COMMAND) -> None:
        self._file, self._command = file, command
        self._lock = threading.Lock()
        self._seen: dict[Trial, Outcome] = {}

    def known(self, trial: Trial) -> Outcome | None:
        """The outcome of an earlier trial; None if this model was not tried on this processor with this build."""
        if trial not in self._seen:
            entry = self._read().get(trial.key)
            if entry is None:
                return None
            self._seen[trial] = Outcome(Cpu(**entry["cpu"]) if entry["cpu"] else None, tuple(entry["failed"]))
        return self._seen[trial]

    def expected(self, trial: Trial) -> Cpu:
        """The CPU code that passed an earlier trial, otherwise the one to be tried first."""
        known = self.known(trial)
        if known and known.cpu:
            return known.cpu
        return next(self._candidates(trial), Cpu(cpu_variants.built()[0]))

    def choose(self, trial: Trial, say: Callable[[str], None] = lambda _text: None) -> Cpu:
        """The CPU code that answers. The trial runs now if there was none before.

        Raises:
            EngineFailed: the model cannot be loaded at all.
            ModelNotReady: no CPU code of this build works for it on this processor.
        """
        known = self.known(trial)
        if known is None:
            settings = trial.settings()  # before the lock is held: it opens the vocabulary, which takes the lock, too
            with self._lock:
                known = self.known(trial)
                if known is None:
                    say(f"trying {trial.file} on this processor, once")
                    known = self._try(trial, settings, ())
        if known.cpu is None:
            raise cannot_run(trial, known)
        return known.cpu

    def opens(self, path: Path, sha256: str) -> None:
        """Make sure that the vocabulary of a file can be opened in this process. It is opened in a child process first,
        once for each file and build.

        Raises:
            EngineFailed: llama.cpp cannot read the file, or crashes on it.
        """
        key = hashlib.sha256(json.dumps(["vocabulary", build(), sha256]).encode()).hexdigest()[:32]
        with self._lock:
            entry = self._read().get(key)
            if entry is None:
                why = self._run((*self._command, "--vocabulary", str(path)), b"", "")
                entry = {"model": path.name, "why": why}
                self._write({**self._read(), key: entry})
        if entry["why"]:
            raise EngineFailed(
                f"{path.name} is damaged: llama.cpp crashes on its vocabulary ({entry['why']})",
                hint="download the file again and compare its SHA-256",
            )

    def died(self, trial: Trial, cpu: Cpu, how: str) -> None:
        """Record that `cpu` crashed after it had passed its trial, and try the next variant."""
        settings = trial.settings()
        with self._lock:
            known = self.known(trial)
            if known and known.cpu == cpu:
                self._try(trial, settings, (*known.failed, f"{cpu}: {how}"))

    def forget(self, trial: Trial) -> None:
        """Forget the outcome, so that the model is tried again."""
        with self._lock:
            self._seen.pop(trial, None)
            self._write({key: entry for key, entry in self._read().items() if key != trial.key})

    def _candidates(self, trial: Trial) -> Iterator[Cpu]:
        for name in cpu_variants.candidates(trial.numerics):
            yield Cpu(name)
            yield Cpu(name, extra_buffers=False)

    def _try(self, trial: Trial, settings: Settings, failed: tuple[str, ...]) -> Outcome:
        """Try one candidate after the other, without those that `failed` before, and store the first that works."""
        failed_before = {line.split(":")[0] for line in failed}
        working: Cpu | None = None
        for cpu in self._candidates(trial):
            if str(cpu) in failed_before:
                continue
            loading = replace(settings, cpu=cpu, prefix_folder=None)
            why = self._run(self._command, pickle.dumps(loading), cpu.variant)
            if not why:
                working = cpu
                break
            failed = (*failed, f"{cpu}: {why}")
        outcome = self._seen[trial] = Outcome(working, failed)
        entry = {
            "model": trial.file,
            "processor": cpu_variants.processor(),
            "cpu": asdict(working) if working else None,
            "failed": failed,
        }
        self._write({**self._read(), trial.key: entry})
        return outcome

    def _run(self, command: Sequence[str], stdin: bytes, variant: str) -> str:
        """Run a trial in a process with the CPU code `variant`; why it failed, or ""."""
        env = {**subprocesses.environment(), CPU_VARIABLE: variant}
        try:
            done = subprocess.run(command, input=stdin, capture_output=True, env=env, timeout=SECONDS, check=False)
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
            entries = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}

    def _write(self, entries: dict[str, Any]) -> None:
        """Store the outcomes. If the cache folder cannot be written, the next process runs the trial again."""
        half = self._file.with_suffix(f".{os.getpid()}.half")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            half.write_text(json.dumps(entries, indent=1), "utf-8")
            half.replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                half.unlink(missing_ok=True)


@cache
def build() -> str:
    """Identifies the installed libraries of llama.cpp. It changes if they are rebuilt."""
    folder = cpu_variants.folder()
    files = sorted(folder.glob("*")) if folder else []
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    return hashlib.sha256(repr(stats).encode()).hexdigest()[:16]


def cannot_run(trial: Trial, outcome: Outcome) -> ModelNotReady:
    """The error for a model for which no CPU code passed the trial."""
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
"""The outcomes of all trials on this machine."""

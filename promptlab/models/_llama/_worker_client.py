"""The worker process, from outside: started when something is asked, watched, and started again after it died.

One request at a time goes to it, or several where the model writes them together; the lane (llama_lane.py) decides
which. Whoever was being answered when the process ends gets an error that says so; the next request finds a new one.
"""

from __future__ import annotations

import atexit
import itertools
import queue
import signal
import subprocess
import threading
from array import array
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from promptlab import errors
from promptlab._util import subprocesses
from promptlab.errors import EngineFailed, IllegalInstruction, PromptlabError
from promptlab.models._llama._cpu_choice import signal_name
from promptlab.models._llama._generation import PendingRequest
from promptlab.models._llama._host import ModelState
from promptlab.models._llama._ipc import (
    Ask,
    Begun,
    Ended,
    Failed,
    Forget,
    Loading,
    ModelStates,
    Pipe,
    QueryStates,
    StepTaken,
    Stop,
    Unload,
)
from promptlab.models._llama._library import CPU_VARIABLE
from promptlab.models._llama._prefix_tree import common
from promptlab.models._llama._settings import Settings
from promptlab.types import Phase

COMMAND = subprocesses.command("promptlab.models._llama._worker")
LAST_LINES = 40
UNREAD = 256
"""Tokens of prompts that the worker has still to read when another request is given to it; until then requests wait in
the lane, where a nearer one may come."""
POLL_SECONDS = 0.05
"""How often it is looked whether somebody stopped an answer of which nothing is heard."""


class WorkerClient:
    """The local models in a process of their own; see `Host` in llama_host.py. `serve`, `forget` and `drop` are for the
    lane's thread. A process holds one variant of llama.cpp's CPU code; a request for another one starts it anew."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._variant = ""
        self._process: _Process | None = None
        self._numbers = itertools.count(1)
        self._begun: tuple[Settings, bytes] | None = None
        atexit.register(self.close)

    @property
    def pid(self) -> int | None:
        """The process that is running; None where there is none."""
        process = self._process
        return process.pid if process and process.alive else None

    @property
    def size(self) -> int:
        """Bytes that its models take."""
        process = self._process
        return sum(one.size for one in process.models.values()) if process and process.alive else 0

    def serve(self, first: PendingRequest, more: Callable[[], PendingRequest | None]) -> None:
        open_: dict[int, PendingRequest] = {}
        told: set[int] = set()
        unread: dict[int, int] = {}
        together = first.task.settings.throughput
        process = self._running(first.task.settings.cpu.variant)
        try:
            unread.update(self._ask(process, first, open_))
            while open_:
                for number, waiting in open_.items():
                    if waiting.stopping and number not in told:
                        told.add(number)
                        process.pipe.send(Stop(number))
                message = process.next(POLL_SECONDS)
                if message is not None:
                    _deliver(message, open_)
                    if isinstance(message, StepTaken) and isinstance(message.step, Phase):
                        unread[message.number] = message.step.total - message.step.done
                while (
                    len(open_) < together and sum(unread[number] for number in open_) < UNREAD and (another := more())
                ):
                    unread.update(self._ask(process, another, open_))
            self._begun = None
        except (EOFError, OSError):
            self._failed(open_, process.end(first.task.settings))
        except BaseException as exc:  # a fault of ours: nobody may wait for ever, and what comes next is not theirs
            process.close()
            self._failed(open_, exc)

    def _failed(self, open_: Mapping[int, PendingRequest], error: BaseException) -> None:
        """Tell everybody who is being answered."""
        self._begun = None
        for waiting in open_.values():
            waiting.fail(error)

    def _ask(self, process: _Process, waiting: PendingRequest, open_: dict[int, PendingRequest]) -> dict[int, int]:
        """Give a request to the worker; its number, and the tokens that it will have to read beyond those of the
        request before it."""
        number = next(self._numbers)
        before, text = self._begun, array("i", waiting.task.tokens)
        self._begun = waiting.task.settings, text.tobytes()
        open_[number] = waiting
        process.pipe.send(Ask(number, waiting.task))
        shared = common(before[1], self._begun[1]) // text.itemsize if before else 0
        return {number: len(text) - shared}

    def _look(self, process: _Process) -> None:
        """Wait until the worker has nothing left to do, and know how its models stand."""
        number = next(self._numbers)
        process.pipe.send(QueryStates(number))
        while True:
            message = process.next(None)
            if isinstance(message, ModelStates) and message.number == number:
                return

    def state(self, settings: Settings) -> ModelState | None:
        process, begun = self._process, self._begun
        found = process.models.get(settings) if process and process.alive else None
        # While answers are written together, the worker has gone further than it last said.
        return replace(found, live=begun[1]) if found and begun and begun[0] == settings else found

    def forget(self, settings: Settings) -> None:
        if not self._send(Forget(settings)):
            shelf = settings.shelf()
            if shelf:
                shelf.clear()

    def unload(self, settings: Settings) -> None:
        if self.state(settings):
            self._send(Unload(settings))

    def _send(self, message: Forget | Unload) -> bool:
        """Have something done by a worker that runs; whether there is one."""
        process = self._process
        if process is None or not process.alive:
            return False
        try:
            process.pipe.send(message)
            self._query_states(process)
        except (EOFError, OSError):
            process.end(message.settings)
            return False
        return True

    def _running(self, variant: str) -> _Process:
        process = self._process
        if process is None or not process.alive or variant != self._variant:
            if process:
                process.close()
            process, self._variant = _Process(self._command, variant), variant
            self._process = process
        return process

    def close(self) -> None:
        """End the process; a later request starts another."""
        process, self._process = self._process, None
        if process:
            process.close()


def _deliver(message: Any, open_: dict[int, PendingRequest]) -> None:
    """Hand a message to whom it is for; one that ends an answer closes it."""
    if isinstance(message, ModelStates):
        return
    waiting = open_[message.number]
    if isinstance(message, StepTaken):
        waiting.emit(message.step)
    elif isinstance(message, Loading):
        waiting.loading(message.what)
    elif isinstance(message, Begun):
        waiting.begin()
    else:
        del open_[message.number]
        if isinstance(message, Ended):
            waiting.end(message.done)
        else:
            waiting.fail(_error(message))


def _error(failed: Failed) -> BaseException:
    kind = kind_of(failed.kind)
    if kind is not PromptlabError or failed.kind == PromptlabError.__name__:
        return kind(failed.message, hint=failed.hint)
    return RuntimeError(f"in the process of the local models:\n{failed.message}")


class _Process:
    """One worker. A thread hears what it says, another keeps the last lines it printed."""

    def __init__(self, command: tuple[str, ...], variant: str) -> None:
        try:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**subprocesses.environment(), CPU_VARIABLE: variant},
            )
        except OSError as exc:
            raise EngineFailed(f"the process of the local models cannot be started: {exc}") from exc
        assert self._popen.stdin, "a pipe was asked for"
        assert self._popen.stdout, "a pipe was asked for"
        self.pipe = Pipe(self._popen.stdout, self._popen.stdin)
        self.models: Mapping[Settings, ModelState] = {}
        self.alive = True
        self._heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._reading = threading.Thread(target=self._read, name="local-models-errors", daemon=True)
        self._reading.start()
        threading.Thread(target=self._hear, name="local-models", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def _hear(self) -> None:
        try:
            while True:
                message = self.pipe.receive()
                if isinstance(message, ModelStates):
                    self.models = message.models
                self._heard.put(message)
        except Exception:  # the end, or the rest of a message that a dying process had begun
            self.alive = False
            self.pipe.close()
            self._heard.put(None)

    def _read(self) -> None:
        assert self._popen.stderr, "a pipe was asked for"
        with self._popen.stderr as lines:
            for line in lines:
                self._lines.append(line.decode("utf-8", "replace").rstrip())

    def next(self, seconds: float | None) -> Any:
        """The next message; None where `seconds` pass without one. Raises `EOFError` when the process has ended."""
        try:
            message = self._heard.get(timeout=seconds)
        except queue.Empty:
            return None
        if message is None:
            self._heard.put(None)
            raise EOFError
        return message

    def end(self, settings: Settings) -> EngineFailed:
        """Clear up after a process that has died, and say so in words."""
        self.close()
        self._reading.join(1)
        code = self._popen.returncode
        how = f"killed by {signal_name(-code)}" if code < 0 else f"exit status {code}"
        said = [line for line in self._lines if "ASSERT" in line or "rror" in line] or list(self._lines)
        hint = "the next request starts it again"
        if code == -signal.SIGKILL:
            hint += "; if memory ran out, set a smaller `n_ctx` or `prefix_memory` of this model in promptlab.yaml"
        if code == -signal.SIGILL:
            how += f": the CPU code `{settings.cpu}` has an instruction that this processor does not know"
            hint = "it was built for another processor: ask again, and the next best code is tried"
        message = f"the process of the local models ended while {settings.path.name} was answering ({how})"
        kind = IllegalInstruction if code == -signal.SIGILL else EngineFailed
        return kind(f"{message}: {said[-1]}" if said else message, hint=hint)

    def close(self) -> None:
        self.alive = False
        self.models = {}
        self.pipe.hang_up()
        try:
            self._popen.wait(2)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

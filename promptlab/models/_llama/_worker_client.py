"""The client of a worker process: starts it, sends requests, and starts it again after a crash.

The scheduler (_scheduler.py) decides which request is next: one at a time, or several if the model decodes answers
together. If the process ends, the requests that were being answered get an error, and the next request starts a new
process.
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

from promptlab._util import subprocesses
from promptlab.errors import EngineFailed, IllegalInstruction, PromptlabError, kind_of
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
"""The worker gets another request if fewer tokens than this are left to prefill. Until then requests stay in the
scheduler, which may find one with a longer cached prefix."""
POLL_SECONDS = 0.05
"""How often to check if a request was stopped while no message comes."""


class WorkerClient:
    """The local models in a worker process; see `Host` in _host.py. `serve`, `forget` and `unload` belong to the
    scheduler's thread. A process has one variant of the CPU code; a request for another variant restarts it."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._variant = ""
        self._process: _Process | None = None
        self._numbers = itertools.count(1)
        self._begun: tuple[Settings, bytes] | None = None
        atexit.register(self.close)

    @property
    def pid(self) -> int | None:
        """The id of the running process; None if there is none."""
        process = self._process
        return process.pid if process and process.alive else None

    @property
    def size(self) -> int:
        """Bytes of memory that its models take."""
        process = self._process
        return sum(model.size for model in process.models.values()) if process and process.alive else 0

    def serve(self, first: PendingRequest, more: Callable[[], PendingRequest | None]) -> None:
        open_: dict[int, PendingRequest] = {}
        stopped: set[int] = set()
        unread: dict[int, int] = {}
        together = first.task.settings.throughput
        process = self._running(first.task.settings.cpu.variant)
        try:
            unread.update(self._ask(process, first, open_))
            while open_:
                for number, waiting in open_.items():
                    if waiting.stopping and number not in stopped:
                        stopped.add(number)
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
        except BaseException as exc:  # a bug: every caller must get an end, and the next one no late messages
            process.close()
            self._failed(open_, exc)

    def _failed(self, open_: Mapping[int, PendingRequest], error: BaseException) -> None:
        """Pass the error to all requests that are being answered."""
        self._begun = None
        for waiting in open_.values():
            waiting.fail(error)

    def _ask(self, process: _Process, waiting: PendingRequest, open_: dict[int, PendingRequest]) -> dict[int, int]:
        """Send a request to the worker. The result is its number, with the tokens that it does not share with the
        request before it."""
        number = next(self._numbers)
        before, text = self._begun, array("i", waiting.task.tokens)
        self._begun = waiting.task.settings, text.tobytes()
        open_[number] = waiting
        process.pipe.send(Ask(number, waiting.task))
        shared = common(before[1], self._begun[1]) // text.itemsize if before else 0
        return {number: len(text) - shared}

    def _query_states(self, process: _Process) -> None:
        """Wait until the worker has done everything, and get the states of its models."""
        number = next(self._numbers)
        process.pipe.send(QueryStates(number))
        while True:
            message = process.next(None)
            if isinstance(message, ModelStates) and message.number == number:
                return

    def state(self, settings: Settings) -> ModelState | None:
        process, begun = self._process, self._begun
        state = process.models.get(settings) if process and process.alive else None
        # During a batch the worker is ahead of the last state that it sent.
        return replace(state, live=begun[1]) if state and begun and begun[0] == settings else state

    def forget(self, settings: Settings) -> None:
        if not self._send(Forget(settings)):
            shelf = settings.shelf()
            if shelf:
                shelf.clear()

    def unload(self, settings: Settings) -> None:
        if self.state(settings):
            self._send(Unload(settings))

    def _send(self, message: Forget | Unload) -> bool:
        """Send a message if the worker runs, and wait until it is done. True if it was done."""
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
    """Pass a message to the request that it belongs to. A request whose answer has ended is removed from `open_`."""
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
    """A worker process. One thread receives its messages; another keeps the last lines of its standard error."""

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
        except Exception:  # the end of the stream, or an incomplete message of a dying process
            self.alive = False
            self.pipe.close()
            self._heard.put(None)

    def _read(self) -> None:
        assert self._popen.stderr, "a pipe was asked for"
        with self._popen.stderr as lines:
            for line in lines:
                self._lines.append(line.decode("utf-8", "replace").rstrip())

    def next(self, seconds: float | None) -> Any:
        """The next message; None if none comes within `seconds`. Raises `EOFError` if the process has ended."""
        try:
            message = self._heard.get(timeout=seconds)
        except queue.Empty:
            return None
        if message is None:
            self._heard.put(None)
            raise EOFError
        return message

    def end(self, settings: Settings) -> EngineFailed:
        """Clean up after a process that has died; the error for the requests that it was answering."""
        self.close()
        self._reading.join(1)
        code = self._popen.returncode
        how = f"killed by {signal_name(-code)}" if code < 0 else f"exit status {code}"
        errors_ = [line for line in self._lines if "ASSERT" in line or "rror" in line] or list(self._lines)
        hint = "the next request restarts it"
        if code == -signal.SIGKILL:
            hint += "; if memory ran out, set a smaller `n_ctx` or `prefix_memory` of this model in promptlab.yaml"
        if code == -signal.SIGILL:
            how += f": the CPU code `{settings.cpu}` uses an instruction that this processor does not have"
            hint = "it was built for another processor: ask again, then the next best CPU code is tried"
        message = f"the process of the local models ended while {settings.path.name} was answering ({how})"
        kind = IllegalInstruction if code == -signal.SIGILL else EngineFailed
        return kind(f"{message}: {errors_[-1]}" if errors_ else message, hint=hint)

    def close(self) -> None:
        self.alive = False
        self.models = {}
        self.pipe.hang_up()
        try:
            self._popen.wait(2)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

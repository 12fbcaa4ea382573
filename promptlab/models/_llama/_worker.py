"""The process that holds the loaded local models: `python -m promptlab.models._llama._worker`.

_worker_client.py starts it. It takes requests on standard input, answers on standard output, and ends when the client
is gone. If native code crashes, only this process ends: the client reports it, and the next request starts another
process. All prints go to standard error; after a crash the client shows the last lines of it.
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import sys
import threading
import traceback

from promptlab.errors import PromptlabError
from promptlab.models._llama._generation import Task
from promptlab.models._llama._host import Engines
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
from promptlab.types import Completion, Delta, Phase, Thought

NICE = 5
"""How far the process stands back for others, such as the page that shows its answers. It computes on all cores, and
the page would otherwise not be drawn for seconds. On a machine that does nothing else it is as fast as without."""


class _Pending:
    """A request of the client, as the engine sees it."""

    def __init__(self, ask: Ask, worker: Worker) -> None:
        self.number = ask.number
        self.task: Task = ask.task
        self.abort_flag = ctypes.create_string_buffer(2)
        self.ended = False
        self._pipe, self._worker = worker.pipe, worker

    @property
    def stopping(self) -> bool:
        return bool(self.abort_flag.value)

    def stop(self) -> None:
        self.abort_flag.value = b"x"

    def emit(self, step: Phase | Thought | Delta) -> None:
        self._pipe.send(StepTaken(self.number, step))

    def loading(self, what: str | None) -> None:
        self._pipe.send(Loading(self.number, what))
        if what is None:
            self._worker.send_states()

    def begin(self) -> None:
        self._pipe.send(Begun(self.number))

    def end(self, done: Completion | None) -> None:
        self._over()
        self._pipe.send(Ended(self.number, done))

    def fail(self, error: BaseException) -> None:
        self._over()
        if isinstance(error, PromptlabError):
            self._pipe.send(Failed(self.number, type(error).__name__, error.message, error.hint))
        else:
            self._pipe.send(Failed(self.number, "", "".join(traceback.format_exception(error))))

    def _over(self) -> None:
        # The client gets the states of the models before the end of the answer, so that it need not ask for them.
        self.ended = True
        self._worker.send_states()


class Worker:
    """Receives messages on one thread and works on another, so that a stop arrives while the model computes."""

    def __init__(self, pipe: Pipe, engines: Engines | None = None) -> None:
        self.pipe = pipe
        self._engines = engines or Engines()
        self._inbox: queue.SimpleQueue[_Pending | Forget | Unload | QueryStates | None] = queue.SimpleQueue()
        self._open: dict[int, _Pending] = {}

    def listen(self) -> None:
        """Receive messages until the client is gone."""
        try:
            while True:
                message = self.pipe.receive()
                if isinstance(message, Ask):
                    pending = self._open[message.number] = _Pending(message, self)
                    self._inbox.put(pending)
                elif isinstance(message, Stop):
                    request = self._open.get(message.number)
                    if request:
                        request.stop()
                else:
                    self._inbox.put(message)
        except (EOFError, OSError):
            self._inbox.put(None)

    def work(self) -> None:
        """Do one message after the other until the client is gone."""
        while (message := self._inbox.get()) is not None:
            if isinstance(message, _Pending):
                self._serve(message)
            elif isinstance(message, Forget):
                self._engines.forget(message.settings)
            elif isinstance(message, Unload):
                self._engines.unload(message.settings)
            else:
                self.send_states(message.number)

    def _serve(self, first: _Pending) -> None:
        requests = [first]

        def more() -> _Pending | None:
            try:
                message = self._inbox.get_nowait()
            except queue.Empty:
                return None
            if isinstance(message, _Pending):
                requests.append(message)
                return message
            self._inbox.put(message)  # done after the answers of this batch
            return None

        try:
            self._engines.serve(first, more)
        except Exception as exc:
            for request in requests:
                if not request.ended:
                    request.fail(exc)
        for request in requests:
            self._open.pop(request.number, None)

    def send_states(self, number: int = 0) -> None:
        """Send the states of all loaded models."""
        models = {settings: self._engines.state(settings) for settings in self._engines.loaded()}
        self.pipe.send(ModelStates(number, {settings: state for settings, state in models.items() if state}))


def main() -> None:
    """Serve standard input until it ends."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the client; if it ends, so does this process
    write = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # prints must not mix with the answers on standard output
    pipe = Pipe(sys.stdin.buffer, write)
    worker = Worker(pipe)

    def listen() -> None:
        try:
            worker.listen()
        finally:
            os._exit(0)  # the client is gone, and native code on the other thread would go on

    threading.Thread(target=listen, name="listen", daemon=True).start()
    worker.work()


if __name__ == "__main__":
    main()

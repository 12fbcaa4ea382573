"""The process that holds the loaded local models: `python -m promptlab.models._llama._worker`.

It is started by `models/_llama/_worker_client.py`, takes requests from standard input and answers on standard output, and ends when the
other side is gone. Native code that fails an assertion ends this process; whoever asked is told, and the next request
starts another one. What anything prints goes to standard error, whose last lines the other side shows then.
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


class _Told:
    """A request from the other side, as the engine sees it."""

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
            self._worker.tell()

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
        # How the models stand is known there before the end is, so that nobody has to ask and wait for it.
        self.ended = True
        self._worker.tell()


class Worker:
    """Takes messages on a thread of its own, so that a stop arrives while the model is at work."""

    def __init__(self, pipe: Pipe, engines: Engines | None = None) -> None:
        self.pipe = pipe
        self._engines = engines or Engines()
        self._inbox: queue.SimpleQueue[_Told | Forget | Unload | QueryStates | None] = queue.SimpleQueue()
        self._open: dict[int, _Told] = {}

    def listen(self) -> None:
        """Take messages until the other side is gone."""
        try:
            while True:
                message = self.pipe.receive()
                if isinstance(message, Ask):
                    told = self._open[message.number] = _Told(message, self)
                    self._inbox.put(told)
                elif isinstance(message, Stop):
                    told_before = self._open.get(message.number)
                    if told_before:
                        told_before.stop()
                else:
                    self._inbox.put(message)
        except (EOFError, OSError):
            self._inbox.put(None)

    def work(self) -> None:
        """Do what is asked, one thing after the other, until the other side is gone."""
        while (message := self._inbox.get()) is not None:
            if isinstance(message, _Told):
                self._serve(message)
            elif isinstance(message, Forget):
                self._engines.forget(message.settings)
            elif isinstance(message, Unload):
                self._engines.unload(message.settings)
            else:
                self.tell(message.number)

    def _serve(self, first: _Told) -> None:
        taken = [first]

        def more() -> _Told | None:
            try:
                message = self._inbox.get_nowait()
            except queue.Empty:
                return None
            if isinstance(message, _Told):
                taken.append(message)
                return message
            self._inbox.put(message)  # it waits for the answers that are being written
            return None

        try:
            self._engines.serve(first, more)
        except Exception as exc:
            for told in taken:
                if not told.ended:
                    told.fail(exc)
        for told in taken:
            self._open.pop(told.number, None)

    def tell(self, number: int = 0) -> None:
        """Say how the models stand."""
        models = {settings: self._engines.state(settings) for settings in self._engines.loaded()}
        self.pipe.send(ModelStates(number, {key: one for key, one in models.items() if one}))


def main() -> None:
    """Serve standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks; when that ends, so does this
    write = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed must not be taken for an answer
    pipe = Pipe(sys.stdin.buffer, write)
    worker = Worker(pipe)

    def listen() -> None:
        try:
            worker.listen()
        finally:
            os._exit(0)  # nobody is left to answer, and native code would not notice

    threading.Thread(target=listen, name="listen", daemon=True).start()
    worker.work()


if __name__ == "__main__":
    main()

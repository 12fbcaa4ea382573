"""Work on what strangers wrote, in a process of its own with bounded time and memory, which stays for the next piece.

    worker = Worker("promptlab._util.bounded_regex", memory=None)
    worker.ask({"pattern": "^(a+)+$", …}, seconds=1)      # the answer; None where the process ended over it

The other side is a module whose `main` calls `serve(answer)`. Questions and answers are JSON, a line each. Time is
processor time, so a busy machine changes nothing. Ctrl-C is heard while an answer is awaited.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from promptlab._util import subprocesses as processes
from promptlab.errors import PromptlabError


class Worker:
    """The process that runs `module`. It is started by the first question, and again after it ended over one."""

    def __init__(self, module: str, *, memory: int | None = None) -> None:
        self._module, self._memory = module, memory
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        atexit.register(self.close)

    def ask(self, question: dict[str, Any], *, seconds: float) -> dict[str, Any] | None:
        """What the module answers; None where it took more than `seconds` or too much memory."""
        asked = {"seconds": seconds, "memory": self._memory, "question": question}
        with self._lock:
            answer = self._line((json.dumps(asked) + "\n").encode("ascii"), seconds)
        found: dict[str, Any] | None = json.loads(answer) if answer.endswith(b"\n") else None
        return found

    def _line(self, asked: bytes, seconds: float) -> bytes:
        process = self._running()
        assert process.stdin, "a pipe was asked for"
        assert process.stdout, "a pipe was asked for"
        # Where a process cannot bound itself, it is ended from here.
        watch = None if hasattr(signal, "setitimer") else threading.Timer(seconds, process.kill)
        answer = b""
        try:
            if watch:
                watch.start()
            with contextlib.suppress(OSError):
                process.stdin.write(asked)
                process.stdin.flush()
                answer = process.stdout.readline()
        finally:
            if watch:
                watch.cancel()
            if not answer.endswith(b"\n"):  # it ended, or Ctrl-C came between question and answer
                self.close()
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            try:
                self._process = subprocess.Popen(
                    processes.command(self._module),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=processes.environment(),
                )
            except OSError as exc:
                raise PromptlabError(f"the process {self._module} cannot be started: {exc}") from exc
            self._owner = os.getpid()
        return self._process

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The process's own side: answer each question that comes in, until no more come."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the one who asks
    bounded = hasattr(signal, "setitimer")
    if bounded:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        _limit(asked["memory"])
        if bounded:
            signal.setitimer(signal.ITIMER_PROF, asked["seconds"])
        said = json.dumps(answer(asked["question"]))
        if bounded:
            signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write((said + "\n").encode("ascii"))
        sys.stdout.buffer.flush()


def _limit(memory: int | None) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


__all__ = ["Worker", "serve"]

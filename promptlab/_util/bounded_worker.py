"""A child process with bounded time and memory, for work on text that may be hostile. It stays for the next question.

    worker = Worker("promptlab._util.bounded_regex", memory=None)
    worker.ask({"pattern": "^(a+)+$", ...}, seconds=1)    # the answer; None if the process hit a limit

The child runs a module that calls `serve(answer)`. Questions and answers are JSON, one per line. The limit is
processor time, so a busy machine makes no difference. Ctrl-C works while the caller waits for an answer.
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

from promptlab._util import subprocesses
from promptlab.errors import PromptlabError


class Worker:
    """A child process that runs `module`. The first question starts it; if a question ends it, the next restarts it."""

    def __init__(self, module: str, *, memory: int | None = None) -> None:
        self._module, self._memory = module, memory
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        atexit.register(self.close)

    def ask(self, question: dict[str, Any], *, seconds: float) -> dict[str, Any] | None:
        """The module's answer; None if it took more than `seconds` or too much memory."""
        envelope = {"seconds": seconds, "memory": self._memory, "question": question}
        with self._lock:
            line = self._exchange((json.dumps(envelope) + "\n").encode("ascii"), seconds)
        answer: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        return answer

    def _exchange(self, question: bytes, seconds: float) -> bytes:
        """Write a line to the process and read one; the line has no newline at its end if the process died."""
        process = self._running()
        assert process.stdin, "opened as a pipe"
        assert process.stdout, "opened as a pipe"
        # Without setitimer (Windows) the child cannot limit itself, so this process ends it.
        watch = None if hasattr(signal, "setitimer") else threading.Timer(seconds, process.kill)
        answer = b""
        try:
            if watch:
                watch.start()
            with contextlib.suppress(OSError):
                process.stdin.write(question)
                process.stdin.flush()
                answer = process.stdout.readline()
        finally:
            if watch:
                watch.cancel()
            # The child died, or Ctrl-C came between question and answer: a late answer must not meet the next question.
            if not answer.endswith(b"\n"):
                self.close()
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        # After a fork the pipes belong to the parent, so the fork starts a process of its own.
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            try:
                self._process = subprocess.Popen(
                    subprocesses.command(self._module),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=subprocesses.environment(),
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
    """The loop of the child process: answer each question on standard input until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends this process
    bounded = hasattr(signal, "setitimer")
    if bounded:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for line in sys.stdin.buffer:
        envelope = json.loads(line)
        _limit(envelope["memory"])
        if bounded:  # past the limit SIGPROF ends the process, also in the middle of C code
            signal.setitimer(signal.ITIMER_PROF, envelope["seconds"])
        text = json.dumps(answer(envelope["question"]))
        if bounded:
            signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write((text + "\n").encode("ascii"))
        sys.stdout.buffer.flush()


def _limit(memory: int | None) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


__all__ = ["Worker", "serve"]

r"""Regular expressions of files, on texts of models: each runs in a process of its own with bounded time.

    search(r"(\d+) goals", "It had 172 goals.")      # Found("172 goals", "172")
    search("^(a+)+$", "a" * 40 + "b")                # raises TooSlow after SECONDS

Some expressions take for ever on some texts, and Python hears no Ctrl-C while one runs. The engines are the usual
ones, Python's `re` and `regress` for ECMA 262, so what is found is what they find. The process stays for the next one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any, Literal

from promptlab import processes
from promptlab.errors import InputError, PromptlabError
from promptlab.words import clipped

SECONDS = 1.0
"""Processor time for one expression on one text."""
How = Literal["search", "fullmatch", "last"]


class TooSlow(InputError):
    """A regular expression that did not come to an end on a text."""


@dataclass(frozen=True, slots=True)
class Found:
    """A match: all of it, and its first group; None where it has none, or the group had no part in it."""

    text: str
    group: str | None


def search(pattern: str, text: str, *, flags: int = 0, how: How = "search") -> Found | None:
    """What `re` finds: the first match, one of the whole text, or the last of several. Raises `TooSlow`."""
    said = _child.ask({"engine": "re", "pattern": pattern, "text": text, "flags": int(flags), "how": how}, pattern)
    return None if said is None else Found(*said)


def is_found(pattern: str, text: str, flags: str) -> bool:
    """Whether `regress` finds the expression of ECMA 262 in `text`. Raises `TooSlow`."""
    return bool(_child.ask({"engine": "ecma", "pattern": pattern, "text": text, "flags": flags}, pattern))


def is_ecma(pattern: str, flags: str) -> bool:
    """Whether `regress` can read the expression. Raises `TooSlow`."""
    return bool(_child.ask({"engine": "ecma", "pattern": pattern, "text": None, "flags": flags}, pattern))


class _Child:
    """The process. It ends by itself over what takes too long, and is started again by the next call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(self, asked: dict[str, Any], pattern: str) -> Any:
        with self._lock:
            answer = self._line((json.dumps({**asked, "seconds": SECONDS}) + "\n").encode("ascii"))
        if not answer:
            raise TooSlow(
                f"the regular expression {clipped(repr(pattern), 100)} comes to no end on a text of "
                f"{len(asked['text'] or ''):,} characters; it was stopped after {SECONDS:g} s",
                hint="write it without repetition inside repetition, such as `a+` for `(a+)+`",
            )
        return json.loads(answer)

    def _line(self, asked: bytes) -> bytes:
        """The line answered; empty where the process ended over it."""
        process = self._running()
        assert process.stdin, "a pipe was asked for"
        assert process.stdout, "a pipe was asked for"
        # Where a process cannot bound itself, it is ended from here.
        watch = None if hasattr(signal, "setitimer") else threading.Timer(SECONDS, process.kill)
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
        return answer if answer.endswith(b"\n") else b""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            try:
                self._process = subprocess.Popen(
                    processes.command("promptlab.patterns"),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=processes.environment(),
                )
            except OSError as exc:
                raise PromptlabError(f"the process of regular expressions cannot be started: {exc}") from exc
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


_child = _Child()
atexit.register(_child.close)


def main() -> None:
    """The process's own program: a question a line comes in, its answer goes out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the one who asks
    bounded = hasattr(signal, "setitimer")
    if bounded:
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if bounded:
            signal.setitimer(signal.ITIMER_VIRTUAL, asked["seconds"])
        answer = _answer(asked)
        if bounded:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        sys.stdout.buffer.write((json.dumps(answer) + "\n").encode("ascii"))
        sys.stdout.buffer.flush()


def _answer(asked: dict[str, Any]) -> Any:
    if asked["engine"] == "ecma":
        import regress

        try:
            ecma = regress.Regex(asked["pattern"], asked["flags"])
        except regress.RegressError:
            return False
        return asked["text"] is None or ecma.find(asked["text"]) is not None
    expression = re.compile(asked["pattern"], asked["flags"])
    if asked["how"] == "last":
        found = None
        for found in expression.finditer(asked["text"]):  # noqa: B007  # the last one stays
            pass
    else:
        found = getattr(expression, asked["how"])(asked["text"])
    return found and [found[0], found[1] if expression.groups else None]


if __name__ == "__main__":
    main()

"""The messages between promptlab and a worker process: pickled, each after its length, over the pipes of the child.

    parent -> worker   Ask, Stop, Forget, Unload, QueryStates
    worker -> parent   StepTaken, Loading, Begun, Ended, Failed, ModelStates

Only these two processes have the ends of the pipes, so no pickle from another source is ever read.
"""

from __future__ import annotations

import contextlib
import pickle
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from promptlab.models._llama._generation import Task
from promptlab.models._llama._host import ModelState
from promptlab.models._llama._settings import Settings
from promptlab.types import Completion, Delta, Phase, Thought


@dataclass(frozen=True, slots=True)
class Ask:
    """Answer `task`. All messages about it have the same `number`."""

    number: int
    task: Task


@dataclass(frozen=True, slots=True)
class Stop:
    number: int


@dataclass(frozen=True, slots=True)
class Forget:
    settings: Settings


@dataclass(frozen=True, slots=True)
class Unload:
    settings: Settings


@dataclass(frozen=True, slots=True)
class QueryStates:
    """Report the states of the models, after everything before this message is done."""

    number: int


@dataclass(frozen=True, slots=True)
class StepTaken:
    number: int
    step: Phase | Thought | Delta


@dataclass(frozen=True, slots=True)
class Loading:
    number: int
    what: str | None


@dataclass(frozen=True, slots=True)
class Begun:
    number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """`done` is None if the request was stopped before it began."""

    number: int
    done: Completion | None


@dataclass(frozen=True, slots=True)
class Failed:
    """`kind` is the class name of a promptlab error; "" for a bug, with its traceback as the message."""

    number: int
    kind: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ModelStates:
    """The states of all loaded models. `number` is that of the `QueryStates` that it answers; 0 if not asked for."""

    number: int
    models: Mapping[Settings, ModelState]


_LENGTH = struct.Struct("<I")


class Pipe:
    """One side of the connection: a stream to read from and one to write to. Several threads may send."""

    def __init__(self, read: IO[bytes], write: IO[bytes]) -> None:
        self._read, self._write = read, write
        self._writing = threading.Lock()

    def send(self, message: object) -> None:
        """Send a message. Raises `OSError` if the other side has closed the pipe, or this side has hung up."""
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        with self._writing:
            try:
                self._write.write(_LENGTH.pack(len(data)) + data)
                self._write.flush()
            except ValueError as exc:  # another thread has hung up meanwhile, which Python says in this way
                raise BrokenPipeError("the pipe is closed") from exc

    def receive(self) -> Any:
        """The next message; raises `EOFError` at the end."""
        head = self._whole(_LENGTH.size)
        return pickle.loads(self._whole(_LENGTH.unpack(head)[0]))

    def _whole(self, size: int) -> bytes:
        data = self._read.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def hang_up(self) -> None:
        """Close the stream for writing, which tells the other side that this is the end."""
        with contextlib.suppress(OSError):
            self._write.close()

    def close(self) -> None:
        """Close the stream for reading. No thread may be reading from it."""
        self._read.close()

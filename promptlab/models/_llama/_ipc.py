"""Messages between promptlab and its worker: pickled, each after its length, over a pipe of the process's own child.

    parent -> worker   Ask, Stop, Forget, Drop, Look
    worker -> parent   Said (a step), Loading, Begun, Ended, Failed, Stands

Nothing but the two ends of such a pipe ever writes to it; pickles from anywhere else are not read.
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
    """Answer `task`; whatever comes of it carries `number`."""

    number: int
    task: Task


@dataclass(frozen=True, slots=True)
class Stop:
    number: int


@dataclass(frozen=True, slots=True)
class Forget:
    settings: Settings


@dataclass(frozen=True, slots=True)
class Drop:
    settings: Settings


@dataclass(frozen=True, slots=True)
class Look:
    """Say how the models stand when everything before this is done."""

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
    """`done` is None where it was stopped before it began."""

    number: int
    done: Completion | None


@dataclass(frozen=True, slots=True)
class Failed:
    """`kind` is the name of one of our errors, or empty for a fault of ours, whose traceback is the message."""

    number: int
    kind: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ModelStates:
    """How the loaded models stand; one that is not in it is not loaded. `number` is that of the `Look` it answers."""

    number: int
    models: Mapping[Settings, ModelState]


_LENGTH = struct.Struct("<I")


class Pipe:
    """Two ends, one to read and one to write; writing is safe from several threads."""

    def __init__(self, read: IO[bytes], write: IO[bytes]) -> None:
        self._read, self._write = read, write
        self._writing = threading.Lock()

    def send(self, message: object) -> None:
        """Raises `OSError` where nobody reads any more."""
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        with self._writing:
            self._write.write(_LENGTH.pack(len(data)) + data)
            self._write.flush()

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
        """Close the end that is written to, which the other side takes for the end."""
        with contextlib.suppress(OSError):
            self._write.close()

    def close(self) -> None:
        """Close the end that is read from, once nobody reads it any more."""
        self._read.close()

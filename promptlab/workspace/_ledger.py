"""The ledger: what text left this machine, to whom, and why that was allowed. Lines are only ever added.

    .promptlab/ledger.jsonl, of mode 600; one line:
    {"kind": "sent", "at": "2026-11-28T15:40:02.113526+00:00", "host": "api.openai.com", "model": "gpt", "asked":
     "gpt-4o-mini", "template": "templates/world-cup.yaml", "label": "public", "clearance": "public", "request":
     "9f…", "attempt": 1, "bytes": 10324, "masked": 0, "via": "", "before": "3c…", "hash": "51…"}

`hash` is the SHA-256 of the line's text up to it; `before` is the hash of the line before, so a line that is changed,
taken out or put in does not fit (`ledger_read.verify`). A line is written before the first byte leaves, one for each
try; where it cannot be written nothing is sent. A process that dies in writing leaves half a line, whose request never
left: the next writer closes it and says so in a line of kind `torn`, and never writes on from it.

Several processes write one ledger in turns, under a lock of the system that ends with its process. Threads that come
while one is writing wait for it, and the next of them writes the lines of all.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from promptlab._util import state_folder
from promptlab.errors import StoreError, WorkspaceError
from promptlab.types import LABELS, Label

FILE = "ledger.jsonl"
START = "0" * 64
"""What the first line holds as the hash of the one before."""
_TAIL = 65_536
_LOOK_AGAIN = 1.0
"""Seconds after which it is looked up whether the file is still where it was."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request that is about to go out, for the `attempt`th time. `host` gets it, by way of the proxy `via` where
    there is one; `label` is the highest of its text, `clearance` what the model may see, `request` its key in the
    history; `masked` parts of the text were replaced."""

    host: str
    model: str
    asked: str
    template: str
    label: Label
    clearance: Label
    request: str
    attempt: int
    bytes: int
    masked: int = 0
    via: str = ""


class _Entry:
    """A line to be written, and what became of it. `turn` is free when that is known, or when its thread is the one to
    write."""

    __slots__ = ("failed", "kind", "turn", "what", "written")

    def __init__(self, kind: str, what: Mapping[str, Any]) -> None:
        self.kind, self.what = kind, what
        self.written = False
        self.failed: OSError | None = None
        self.turn = threading.Lock()

    @property
    def settled(self) -> bool:
        return self.written or self.failed is not None


class Ledger:
    """The ledger in the state folder `state`. Safe to share between threads, and beside other processes."""

    def __init__(self, state: Path) -> None:
        self.path = state / FILE
        self._lock = threading.Lock()
        self._fd, self._pid = -1, 0
        self._size, self._before = -1, START
        self._looked = 0.0
        self._queue = threading.Lock()
        self._waiting: deque[_Entry] = deque()
        self._writer: _Entry | None = None

    def sent(self, what: SentRequest) -> None:
        """Write down a request that is about to go out. Raises `StoreError`; nothing may be sent then."""
        # By hand: `asdict` takes longer than all the rest.
        line = {
            "host": what.host,
            "model": what.model,
            "asked": what.asked,
            "template": what.template,
            "label": what.label,
            "clearance": what.clearance,
            "request": what.request,
            "attempt": what.attempt,
            "bytes": what.bytes,
            "masked": what.masked,
            "via": what.via,
        }
        self._append("sent", line, "nothing was sent")

    def lowered(self, path: str, *, before: Label, after: Label, who: str, reason: str) -> None:
        """Write down that a person lowers the label of `path`. Raises `StoreError`; it may not be lowered then."""
        line = {"path": path, "label": after, "was": before, "who": who, "reason": reason}
        self._append("lowered", line, "the label stays as it is")

    def served(self, host: str, models: str) -> None:
        """Write down that from now on other machines can ask the local `models` at `host`. Raises `StoreError`."""
        self._append("served", {"host": host, "model": models}, "nothing is served")

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        fd, self._fd, self._size = self._fd, -1, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self._close()

    def _append(self, kind: str, what: Mapping[str, Any], otherwise: str) -> None:
        entry = _Entry(kind, what)
        try:
            with self._queue:
                self._waiting.append(entry)
                entry.turn.acquire()
                if self._writer is None:
                    self._writer = entry
                    entry.turn.release()
            # Each waits for itself. One lock for all would be handed through every thread that waits, line by line.
            entry.turn.acquire()
            if not entry.settled:
                self._write_waiting()
        except BaseException:  # Ctrl-C: what it waited for is not written any more, and the next one has its turn
            with self._queue:
                if entry in self._waiting:
                    self._waiting.remove(entry)
                if self._writer is entry:
                    self._hand_over()
            raise
        if entry.failed is not None:
            why = entry.failed.strerror or str(entry.failed)
            raise StoreError(
                f"{otherwise}: the ledger {self.path} cannot be written: {why}",
                hint="every request that leaves is written down first; make the file writable, or make room",
            ) from entry.failed

    def _write_waiting(self) -> None:
        """Write what waits, tell those who wait for it, and leave what has come meanwhile to the first of it."""
        with self._queue:
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            with self._lock:
                self._write_all(batch)
        except OSError as exc:
            for one in batch:
                one.failed = exc
        finally:  # also when Ctrl-C came between: nobody may take a line that is not there for written
            for one in batch:
                if not one.settled:
                    one.failed = OSError("it was interrupted")
            for one in batch:
                one.turn.release()
            with self._queue:
                self._hand_over()

    def _hand_over(self) -> None:
        """The first that waits is the next to write. Called with the queue held."""
        self._writer = self._waiting[0] if self._waiting else None
        if self._writer:
            self._writer.turn.release()

    def _write_all(self, batch: Sequence[_Entry]) -> None:
        with self._alone() as size:
            if size != self._size:  # another process has written, or this is the first line of this one
                size = self._catch_up(size)
            self._write(size, batch)
        for one in batch:
            one.written = True

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """The file open and locked, and its size."""
        while True:
            if self._pid != os.getpid():  # the lock of a file that a parent process opened would be the parent's, too
                self._fd, self._pid, self._size = -1, os.getpid(), -1
            if self._fd < 0:
                state_folder.make_room(self.path.parent)
                flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                self._fd = os.open(self.path, flags, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            held = os.fstat(self._fd)
            if self._in_its_place(held):
                break
            self._close()  # that ends the lock, too
        try:
            yield held.st_size
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _in_its_place(self, held: os.stat_result) -> bool:
        """Whether the open file is still the ledger: it may have been removed, or moved elsewhere."""
        now = time.monotonic()
        if held.st_nlink and now - self._looked < _LOOK_AGAIN:
            return True
        try:
            there = self.path.lstat()
        except FileNotFoundError:
            return False
        self._looked = now
        return (there.st_ino, there.st_dev) == (held.st_ino, held.st_dev)

    def _catch_up(self, size: int) -> int:
        """Find the hash of the last line; one that is torn is closed first, and said. The size then."""
        os.fchmod(self._fd, 0o600)
        self._size, self._before = size, START
        if not size:
            return 0
        last, whole = self._last_line(size)
        found = parse_entry(last) if whole else None
        self._before = found["hash"] if found else digest(last)
        if whole:
            return size
        # At one go with the end of the torn line, so that this cannot be torn off it.
        self._write(size, [_Entry("torn", {"bytes": len(last)})], ending=b"\n")
        return self._size

    def _last_line(self, size: int) -> tuple[bytes, bool]:
        """The last line without its end, and whether it has one."""
        want = _TAIL
        while True:
            tail = os.pread(self._fd, min(want, size), max(0, size - want))
            whole = tail.endswith(b"\n")
            last = (tail[:-1] if whole else tail).rpartition(b"\n")
            if last[1] or want >= size:
                return last[2], whole
            want *= 8

    def _write(self, size: int, batch: Sequence[_Entry], *, ending: bytes = b"") -> None:
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        before, lines = self._before, [ending]
        for one in batch:
            text = json.dumps({"kind": one.kind, "at": at, **one.what, "before": before})[:-1].encode()
            before = digest(text)
            lines.append(b'%b, "hash": "%b"}\n' % (text, before.encode()))
        data = b"".join(lines)
        self._put(size, data)
        self._size, self._before = size + len(data), before

    def _put(self, size: int, data: bytes) -> None:
        """All of `data` at the end, or nothing of it."""
        self._size = -1  # whatever goes wrong now, the next one looks
        done = os.write(self._fd, data)
        if done < len(data):
            os.ftruncate(self._fd, size)
            raise OSError("there is no room for a whole line")


def digest(text: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(text).hexdigest()


_HOLDS: Mapping[str, Mapping[str, type]] = {
    "sent": dict.fromkeys(("host", "model", "asked", "template", "label", "clearance", "request", "via"), str)
    | dict.fromkeys(("attempt", "bytes", "masked"), int),
    "lowered": dict.fromkeys(("path", "label", "was", "who", "reason"), str),
    "served": dict.fromkeys(("host", "model"), str),
    "torn": {"bytes": int},
}


def parse_entry(line: bytes) -> dict[str, Any] | None:
    """The entry that `line` is, None where it is none or its own hash does not fit."""
    text, mark, rest = line.rpartition(b', "hash": "')
    try:
        found = json.loads(line)
        fits = bool(mark) and rest == digest(text).encode() + b'"}'
    except (ValueError, RecursionError):
        return None
    if not (fits and isinstance(found, dict)):
        return None
    holds = {"at": str, "before": str, "hash": str, **_HOLDS.get(str(found.get("kind")), {"kind": type(None)})}
    return found if all(isinstance(found.get(name), kind) for name, kind in holds.items()) else None


def is_lower(before: Label, after: Label) -> bool:
    """Whether going from `before` to `after` lets more models see a text."""
    return LABELS.index(after) < LABELS.index(before)


def record_lowered_label(state: Path, path: str, *, before: Label, after: Label, reason: str, hint: str) -> None:
    """Write down that whoever sits here lowers the label of `path`, for a `reason`, which there must be.

    Raises:
        WorkspaceError: there is none; `hint` says where to give it.
        StoreError: it cannot be written down.
    """
    reason = " ".join(reason.split())
    if not reason:
        message = f"`{path}` stays {before}: lowering a label needs a reason, which the ledger keeps"
        raise WorkspaceError(message, hint=hint)
    ledger = Ledger(state)
    ledger.lowered(path, before=before, after=after, who=user_name(), reason=reason)
    ledger.close()


def user_name() -> str:
    """Who sits at this machine, as the system knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"

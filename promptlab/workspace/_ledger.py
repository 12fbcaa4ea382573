"""The ledger: which text left this machine, to which host, and why that was allowed. It is append-only.

    .promptlab/ledger.jsonl, with mode 600; one line:
    {"kind": "sent", "at": "2026-11-28T15:40:02.113526+00:00", "host": "api.openai.com", "model": "gpt", "asked":
     "gpt-4o-mini", "template": "templates/world-cup.yaml", "label": "public", "clearance": "public", "request":
     "9f…", "attempt": 1, "bytes": 10324, "masked": 0, "via": "", "before": "3c…", "hash": "51…"}

`hash` is the SHA-256 of the text of the line up to that key. `before` is the hash of the previous line. So a line that
was changed, removed or inserted is noticed (`verify_ledger`). Each attempt writes its line before the first byte is
sent. If the line cannot be written, nothing is sent. A process that dies while it writes leaves half a line; its
request was never sent. The next writer ends that line and adds a line of kind `torn`.

Several processes can write to one ledger: each takes a lock (`flock`) that the system releases when the process ends.
Threads that arrive during a write wait for it; then the first of them writes the lines of all of them in one write.
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
"""The value of `before` in the first line."""
_TAIL = 65_536
_LOOK_AGAIN = 1.0
"""Seconds between checks that the open file is still the one at its path."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request that is about to be sent.

    `host` receives it, through the proxy `via` if there is one. `asked` is the model name that the host knows. `label`
    is the highest label in its text and `clearance` that of the model. `request` is its key in the history, `attempt`
    counts from 1, and `masked` is the number of places that the scan replaced.
    """

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
    """A line to write, and the outcome. `turn` is released when the outcome is known, or when its own thread is the
    next to write."""

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
    """The ledger in the state folder `state`. Safe to use from several threads and processes."""

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
        """Record a request that is about to be sent. Raises `StoreError`; then it must not be sent."""
        # Spelled out, because `dataclasses.asdict` would take longer than everything else here.
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
        """Record that a person lowers the label of `path`. Raises `StoreError`; then it must not be lowered."""
        line = {"path": path, "label": after, "was": before, "who": who, "reason": reason}
        self._append("lowered", line, "the label stays as it is")

    def served(self, host: str, models: str) -> None:
        """Record that other machines can now use the local `models` at `host`. Raises `StoreError`."""
        self._append("served", {"host": host, "model": models}, "nothing is served")

    def close(self) -> None:
        """Close the file. Writing another line opens it again."""
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
            # Each entry has a lock of its own. One shared lock would wake every waiting thread in turn, line by line.
            entry.turn.acquire()
            if not entry.settled:
                self._write_waiting()
        except BaseException:  # Ctrl-C: remove the line if it was not written yet, and let the next thread write
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
                hint="every request is recorded before it is sent; make the file writable, or free disk space",
            ) from entry.failed

    def _write_waiting(self) -> None:
        """Write all waiting lines and wake their threads. Lines that arrive meanwhile are left to the first of them."""
        with self._queue:
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            with self._lock:
                self._write_all(batch)
        except OSError as exc:
            for entry in batch:
                entry.failed = exc
        finally:  # also after Ctrl-C: a line that is not in the file must not count as written
            for entry in batch:
                if not entry.settled:
                    entry.failed = OSError("it was interrupted")
            for entry in batch:
                entry.turn.release()
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
        for entry in batch:
            entry.written = True

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """Open and lock the file. Gives its size."""
        while True:
            if self._pid != os.getpid():  # after a fork: a lock on the parent's descriptor would be shared with it
                self._fd, self._pid, self._size = -1, os.getpid(), -1
            if self._fd < 0:
                state_folder.make_room(self.path.parent)
                flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                self._fd = os.open(self.path, flags, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            held = os.fstat(self._fd)
            if self._in_its_place(held):
                break
            self._close()  # this releases the lock too
        try:
            yield held.st_size
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _in_its_place(self, held: os.stat_result) -> bool:
        """True if the open file is still the ledger. It may have been deleted or moved."""
        now = time.monotonic()
        if held.st_nlink and now - self._looked < _LOOK_AGAIN:
            return True
        try:
            at_path = self.path.lstat()
        except FileNotFoundError:
            return False
        self._looked = now
        return (at_path.st_ino, at_path.st_dev) == (held.st_ino, held.st_dev)

    def _catch_up(self, size: int) -> int:
        """Read the hash of the last line. If that line is torn, end it and record that. Returns the new size."""
        os.fchmod(self._fd, 0o600)
        self._size, self._before = size, START
        if not size:
            return 0
        last, whole = self._last_line(size)
        entry = parse_entry(last) if whole else None
        self._before = entry["hash"] if entry else digest(last)
        if whole:
            return size
        # The newline and this entry are one write, so that no crash can separate them.
        self._write(size, [_Entry("torn", {"bytes": len(last)})], ending=b"\n")
        return self._size

    def _last_line(self, size: int) -> tuple[bytes, bool]:
        """The last line without its newline, and True if it has one."""
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
        for entry in batch:
            text = json.dumps({"kind": entry.kind, "at": at, **entry.what, "before": before})[:-1].encode()
            before = digest(text)
            lines.append(b'%b, "hash": "%b"}\n' % (text, before.encode()))
        data = b"".join(lines)
        self._put(size, data)
        self._size, self._before = size + len(data), before

    def _put(self, size: int, data: bytes) -> None:
        """Append all of `data`, or nothing."""
        self._size = -1  # if this fails, the next write reads the end of the file again
        done = os.write(self._fd, data)
        if done < len(data):
            os.ftruncate(self._fd, size)
            raise OSError("no space left for a whole line")


def digest(text: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(text).hexdigest()


_TYPES: Mapping[str, Mapping[str, type]] = {
    "sent": dict.fromkeys(("host", "model", "asked", "template", "label", "clearance", "request", "via"), str)
    | dict.fromkeys(("attempt", "bytes", "masked"), int),
    "lowered": dict.fromkeys(("path", "label", "was", "who", "reason"), str),
    "served": dict.fromkeys(("host", "model"), str),
    "torn": {"bytes": int},
}


def parse_entry(line: bytes) -> dict[str, Any] | None:
    """The entry in `line`. None if it is not a ledger entry, or if its hash does not match."""
    text, mark, rest = line.rpartition(b', "hash": "')
    try:
        entry = json.loads(line)
        fits = bool(mark) and rest == digest(text).encode() + b'"}'
    except (ValueError, RecursionError):
        return None
    if not (fits and isinstance(entry, dict)):
        return None
    types = {"at": str, "before": str, "hash": str, **_TYPES.get(str(entry.get("kind")), {"kind": type(None)})}
    return entry if all(isinstance(entry.get(name), kind) for name, kind in types.items()) else None


def is_lower(before: Label, after: Label) -> bool:
    """True if `after` is a lower label than `before`, so that more models may see the text."""
    return LABELS.index(after) < LABELS.index(before)


def record_lowered_label(state: Path, path: str, *, before: Label, after: Label, reason: str, hint: str) -> None:
    """Record in the ledger that the user lowers the label of `path`, with the `reason`.

    Raises:
        WorkspaceError: the reason is empty. `hint` tells where to give it.
        StoreError: the ledger cannot be written.
    """
    reason = " ".join(reason.split())
    if not reason:
        message = f"`{path}` stays {before}: lowering a label needs a reason, which the ledger keeps"
        raise WorkspaceError(message, hint=hint)
    ledger = Ledger(state)
    ledger.lowered(path, before=before, after=after, who=user_name(), reason=reason)
    ledger.close()


def user_name() -> str:
    """The login name of the user of this machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"

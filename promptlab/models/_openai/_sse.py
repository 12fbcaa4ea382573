"""From bytes to server-sent events, as in the WHATWG's HTML standard.

    event: error
    data: {"message": "overloaded"}
                                        <- a blank line ends the event
    : a comment, which keeps a connection open

Lines end with CRLF, LF or CR, and the network may cut the bytes anywhere. `EventReader` follows the standard exactly; a
test compares it with other readers. `read_events` accepts more: an answer that is one piece of JSON is one event, and
the last event may lack its blank line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from promptlab.errors import BadReply
from promptlab.models._openai._endpoint import Endpoint

LONGEST_EVENT = 4_000_000
"""Bytes. A line without an end must not fill the memory."""
DONE = b"[DONE]"
BOM = b"\xef\xbb\xbf"
_FIELDS = (b"", b"data", b"event", b"id", b"retry")


class Event(NamedTuple):
    """One event. `name` is empty if the server gave none."""

    name: bytes
    data: bytes


class EventReader:
    """Takes bytes as they come, and returns the events that are complete."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._start = True
        self._cr = False
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes of the event that is not complete yet."""
        return self._size

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes."""
        if self._start:
            chunk = b"".join((*self._rest, chunk))
            if len(chunk) < len(BOM) and BOM.startswith(chunk):
                self._rest = [chunk]
                return []
            self._start, self._rest, chunk = False, [], chunk.removeprefix(BOM)
        if not chunk:
            return []
        if self._cr and chunk.startswith(b"\n"):  # the other half of a CRLF
            chunk = chunk[1:]
        self._cr = False
        if b"\r" in chunk:
            self._cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._size += len(chunk)
        self._rest.append(chunk)
        if b"\n" not in chunk:
            return []
        *lines, rest = b"".join(self._rest).split(b"\n")
        self._rest = [rest] if rest else []
        events = [event for line in lines if (event := self._line(line)) is not None]
        self._size = len(rest) + sum(map(len, self._data))
        return events

    def half(self) -> Event | None:
        """The event that was not complete when the stream ended, if any."""
        if rest := b"".join(self._rest):
            self._line(rest)
        return self._line(b"")

    def _line(self, line: bytes) -> Event | None:
        if not line:
            event = Event(self._name, b"\n".join(self._data)) if self._data else None
            self._data, self._name = [], b""
            return event
        key, _, value = line.partition(b":")
        if key == b"data":
            self._data.append(value.removeprefix(b" "))
        elif key == b"event":
            self._name = value.removeprefix(b" ")
        return None


def read_events(chunks: Iterable[bytes], endpoint: Endpoint) -> Iterator[Event]:
    """The events of a reply, in order. A reply that is one piece of JSON is one event.

    Raises `BadReply` if the reply is neither, is empty, or has an event without an end.
    """
    rest, start = iter(chunks), b""
    for chunk in rest:
        start = (start + chunk).removeprefix(BOM).lstrip()
        if start[:1] in (b"{", b"[", b'"'):
            yield Event(b"", _whole(start, rest, endpoint))
            yield Event(b"", DONE)  # one piece of JSON is complete
            return
        if b"\n" in start or b"\r" in start:
            break
        if len(start) > LONGEST_EVENT:
            raise _too_long(endpoint)
    if not start:
        hint = "its own log may say why; some servers end like this when the prompt does not fit their window"
        raise BadReply(endpoint.message("the reply is empty"), hint=hint)
    _check_field(start.replace(b"\r", b"\n").partition(b"\n")[0], endpoint)
    reader = EventReader()
    for chunk in chain((start,), rest):
        yield from reader.feed(chunk)
        if reader.size > LONGEST_EVENT:
            raise _too_long(endpoint)
    # A last event without its blank line: some servers close right after it.
    if (last := reader.half()) and _is_whole(last.data):
        yield last


def check_packing(encoding: str, endpoint: Endpoint) -> None:
    """Raise `BadReply` for a compression that cannot be undone piece by piece. The request asked for none."""
    if not {name.strip().lower() for name in encoding.split(",")} <= {"gzip", "deflate", "identity"}:
        raise BadReply(
            endpoint.message(f"the reply is compressed as `{endpoint.quote(encoding)}`, though none was asked for"),
            hint="a proxy on the way may do that; it can send text/event-stream as it is",
        )


def _whole(start: bytes, chunks: Iterator[bytes], endpoint: Endpoint) -> bytes:
    parts, size = [start], len(start)
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size > LONGEST_EVENT:
            raise BadReply(endpoint.message(f"the reply is longer than {LONGEST_EVENT // 1_000_000} MB"))
    return b"".join(parts)


def _too_long(endpoint: Endpoint) -> BadReply:
    return BadReply(endpoint.message(f"one event of the answer is longer than {LONGEST_EVENT // 1_000_000} MB"))


def _is_whole(data: bytes) -> bool:
    if data.startswith(DONE):
        return True
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _check_field(line: bytes, endpoint: Endpoint) -> None:
    """Raise `BadReply` if the first line of a reply is not that of an event stream."""
    if line.partition(b":")[0] in _FIELDS:
        return
    if line[:20].lower().startswith((b"<!doctype", b"<html")):
        raise BadReply(endpoint.message("it answered with a web page; is `base_url` right?"))
    raise BadReply(
        endpoint.message(f"the reply is neither an event stream nor JSON: {endpoint.quote(readable(line[:80]))}")
    )


def readable(data: bytes) -> str:
    """Bytes as text for a message, with a replacement character for what cannot be printed."""
    return "".join(c if c.isprintable() else "�" for c in data.decode("utf-8", "replace"))

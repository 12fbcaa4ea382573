"""Network calls that end when they are told to: reading, writing and connecting look up every `SLICE` seconds.

    with Watch(cancel, time.monotonic() + 300):      # ends when `cancel` is set, or after 300 seconds
        response = pool.handle_request(request)      # a pool with `network_backend=StoppableNetwork()`

A thread that waits for a server's bytes cannot be woken from outside. So it never waits long. A request costs nothing
extra for that: no thread and no lock.
"""

from __future__ import annotations

import select
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

import httpcore2

SLICE = 0.2
"""The longest time, in seconds, until a stop is noticed while nothing arrives."""
WRITE_PIECE = 16_384
"""Bytes written at a time."""

_current = threading.local()


class Stopped(Exception):
    """`cancel` was set during a network call."""


class TimeOver(Exception):
    """The total time of the request is over."""


class Watch:
    """Ends the network calls within `with watch:` when `cancel` is set or `deadline` has passed.

    `deadline` is a time of `time.monotonic()`. A watch belongs to its thread: put one around each call that may block.
    """

    __slots__ = ("cancel", "deadline")

    def __init__(self, cancel: threading.Event, deadline: float) -> None:
        self.cancel = cancel
        self.deadline = deadline

    def __enter__(self) -> Watch:
        _current.watch = self
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        _current.watch = None

    def check(self) -> None:
        """Raise `Stopped` or `TimeOver` if it is time to end."""
        if self.cancel.is_set():
            raise Stopped
        if time.monotonic() >= self.deadline:
            raise TimeOver

    def slice(self, end: float) -> float:
        """Seconds to wait now, in a call that may last until `end`. Raises what `check` raises."""
        self.check()
        return max(min(SLICE, min(end, self.deadline) - time.monotonic()), 0.001)


def _watch() -> Watch | None:
    return getattr(_current, "watch", None)


def _end(timeout: float | None) -> float:
    return float("inf") if timeout is None else time.monotonic() + timeout


class _Stream(httpcore2.NetworkStream):
    """A socket (or TLS) stream that asks the watch while it waits."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        watch = _watch()
        if watch is None:
            return self._inner.read(max_bytes, timeout)
        end = _end(timeout)
        while True:
            piece = watch.slice(end)
            try:
                return self._inner.read(max_bytes, piece)
            except httpcore2.ReadTimeout:
                if time.monotonic() >= end:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        watch = _watch()
        if watch is None or not buffer:
            self._inner.write(buffer, timeout)
            return
        view = memoryview(buffer)
        # In pieces, each when the socket has room. A write that timed out in the middle could not be continued:
        # httpcore does not say how many bytes were sent.
        for start in range(0, len(view), WRITE_PIECE):
            self._wait_for_room(watch, _end(timeout))
            self._inner.write(view[start : start + WRITE_PIECE], timeout)  # type: ignore[arg-type]  # any buffer works

    def _wait_for_room(self, watch: Watch, end: float) -> None:
        sock = self._inner.get_extra_info("socket")
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        while not poll.poll(int(watch.slice(end) * 1000) + 1):
            if time.monotonic() >= end:
                raise httpcore2.WriteTimeout("the server takes no more of the request")

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(_in_thread(lambda: self._inner.start_tls(ssl_context, server_hostname, timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class StoppableNetwork(httpcore2.NetworkBackend):
    """Makes the connections of one pool, which has one connection at a time."""

    def __init__(self) -> None:
        self._inner = httpcore2.SyncBackend()
        self._last: _Stream | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        connection = _in_thread(lambda: self._inner.connect_tcp(host, port, timeout, local_address, socket_options))
        self._last = _Stream(connection)
        return self._last

    def drop(self) -> None:
        """Close the last connection: httpcore leaves it open if the SOCKS proxy refused."""
        if self._last is not None:
            self._last.close()
            self._last = None

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def _in_thread(make: Callable[[], httpcore2.NetworkStream]) -> httpcore2.NetworkStream:
    """Run `make` in a thread of its own, and wait for it in slices.

    Name lookup, connecting and the TLS handshake cannot be cut in slices. They happen once for a connection, not once
    for a request, so a thread costs little here. If the wait is given up, the thread ends by its own timeout and closes
    its connection.
    """
    watch = _watch()
    if watch is None:
        return make()
    lock, done = threading.Lock(), threading.Event()
    streams: list[httpcore2.NetworkStream] = []
    failed: list[BaseException] = []
    given_up = False

    def work() -> None:
        try:
            stream = make()
        except BaseException as exc:  # the waiting thread raises it
            failed.append(exc)
        else:
            with lock:
                streams.append(stream)
                if given_up:
                    stream.close()
        done.set()

    threading.Thread(target=work, name="promptlab-connect", daemon=True).start()
    try:
        while not done.wait(watch.slice(float("inf"))):
            pass
    except BaseException:
        with lock:
            given_up = True
            for stream in streams:
                stream.close()
        raise
    if failed:
        raise failed[0]
    return streams[0]


__all__ = ["StoppableNetwork", "Stopped", "TimeOver", "Watch"]

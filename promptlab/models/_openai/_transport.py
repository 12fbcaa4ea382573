"""The HTTP client under the openai library: what it sends, and how a blocked call is ended.

Three things the stock client cannot do are done here, in one transport:

- **Stop.** A thread that waits for a server's bytes cannot be woken from outside. So it never waits
  long: reading, writing and connecting look up every `SLICE` seconds whether to stop or whether the
  total time is over (`Watch`). A request costs nothing extra for that, no thread and no lock.
- **Say no more than needed.** Only the headers in `SENT_HEADERS` leave, so neither the library's
  headers about this machine nor what `OPENAI_CUSTOM_HEADERS` holds are sent. The key, and the query
  of `base_url`, are put on here and nowhere else: no request object, exception or log above holds them.
- **Stay on the way.** Redirects are not followed, since the prompt would go to a host nobody named.
  Proxies of the environment are used, except for this machine itself: loopback is always direct.
"""

from __future__ import annotations

import logging
import select
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import SplitResult
from weakref import WeakKeyDictionary

import httpcore2
import httpx2

from promptlab.models._openai import _proxy as openai_proxy

SLICE = 0.2
"""Longest time, in seconds, that a stop goes unnoticed while nothing arrives."""

SENT_HEADERS = frozenset({"host", "accept", "content-type", "content-length", "transfer-encoding", "user-agent"})
WRITE_PIECE = 16_384
KEPT = 30.0
"""Seconds that an idle connection is kept open."""

_current = threading.local()

# Its debug log prints the headers of replies, in which a careless server may echo the key.
logging.getLogger("httpcore2").setLevel(logging.INFO)


class Stopped(Exception):
    """`cancel` was set while the thread was inside the network."""


class TimeOver(Exception):
    """The total time of the request is over."""


class Watch:
    """Ends what the network does within `with watch:` when `cancel` is set or `deadline` has passed.

    `deadline` is a time of `time.monotonic()`. It binds to the thread, so use one around each call that may block.
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
        """Raise `Stopped` or `TimeOver` when it is time."""
        if self.cancel.is_set():
            raise Stopped
        if time.monotonic() >= self.deadline:
            raise TimeOver

    def slice(self, end: float) -> float:
        """Seconds to wait now, when the call itself may last until `end`; raises as `check` does."""
        self.check()
        return max(min(SLICE, min(end, self.deadline) - time.monotonic()), 0.001)


def _watch() -> Watch | None:
    return getattr(_current, "watch", None)


def _end(timeout: float | None) -> float:
    return float("inf") if timeout is None else time.monotonic() + timeout


class _Stream(httpcore2.NetworkStream):
    """A socket (or TLS) stream that looks up while it waits."""

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
        # In pieces, each after the socket says it has room: a write that timed out half-way could not be
        # taken up again, because how much of it had gone is not told.
        for start in range(0, len(view), WRITE_PIECE):
            self._wait_for_room(watch, _end(timeout))
            self._inner.write(view[start : start + WRITE_PIECE], timeout)  # type: ignore[arg-type]  # any buffer will do

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
        return _Stream(_apart(lambda: self._inner.start_tls(ssl_context, server_hostname, timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Network(httpcore2.NetworkBackend):
    """Makes the connections of one pool, which has one at a time."""

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
        made = _apart(lambda: self._inner.connect_tcp(host, port, timeout, local_address, socket_options))
        self._last = _Stream(made)
        return self._last

    def drop(self) -> None:
        """Close the connection: httpcore leaves one open whose SOCKS proxy refused."""
        if self._last is not None:
            self._last.close()
            self._last = None

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def _apart(make: Callable[[], httpcore2.NetworkStream]) -> httpcore2.NetworkStream:
    """Run `make` in a thread of its own and wait in slices.

    Looking a name up, connecting and the TLS handshake cannot be cut in slices. They happen once a
    connection, not once a request, so a thread is cheap there. When the wait is given up, the thread
    ends by its own timeout and closes what it made.
    """
    watch = _watch()
    if watch is None:
        return make()
    lock, done = threading.Lock(), threading.Event()
    made: list[httpcore2.NetworkStream] = []
    failed: list[BaseException] = []
    given_up = False

    def work() -> None:
        try:
            stream = make()
        except BaseException as exc:  # handed to the waiting thread as it is
            failed.append(exc)
        else:
            with lock:
                made.append(stream)
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
            for stream in made:
                stream.close()
        raise
    if failed:
        raise failed[0]
    return made[0]


class _Body(httpx2.SyncByteStream):
    def __init__(self, stream: Any, ended: Callable[[], None]) -> None:
        self._stream, self._ended = stream, ended

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except _CORE_ERRORS as exc:
            raise _one_layer_up(exc) from exc

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._ended()


class Transport(httpx2.BaseTransport):
    """HTTP/1.1 to one server. `authorization` is name and value of the header with the key, None for none; `query` is
    added to every address; `proxy` is gone through, None for none."""

    def __init__(
        self,
        base_url: str,
        *,
        authorization: tuple[str, str] | None,
        query: str,
        keep: int,
        proxy: SplitResult | None = None,
    ) -> None:
        self._authorization = authorization
        self._query = f"?{query}".encode() if query else b""
        self._keep = keep
        self._proxy = proxy
        # Reading the system's certificates takes a while, so only where they are needed.
        self._context = httpx2.create_ssl_context() if base_url.startswith("https:") or self._proxy else None
        self._lock = threading.Lock()
        # Every request in flight has a pool of one connection to itself. A pool of all connections looks each idle one
        # over, with a call of the system and under one lock, whenever a request begins or ends: with 64 in flight that
        # took more time than asking did. There is no upper limit of connections: waiting for a free one could not be
        # stopped, and how many requests are in flight is the runner's business. `keep` idle ones stay open.
        self._busy: set[httpcore2.ConnectionPool] = set()
        self._idle: list[tuple[float, httpcore2.ConnectionPool]] = []
        self._networks: WeakKeyDictionary[httpcore2.ConnectionPool, _Network] = WeakKeyDictionary()

    def _new_pool(self) -> httpcore2.ConnectionPool:
        limits: dict[str, Any] = {"max_connections": 1, "max_keepalive_connections": 1, "keepalive_expiry": KEPT}
        network = _Network()
        limits |= {"ssl_context": self._context, "network_backend": network}
        if self._proxy is None:
            return httpcore2.ConnectionPool(**limits)
        pool: httpcore2.ConnectionPool = openai_proxy.pool(self._proxy, **limits)
        self._networks[pool] = network
        return pool

    def _take(self) -> httpcore2.ConnectionPool:
        """The pool that was used last, so that those not needed any more grow old; or a new one."""
        with self._lock:
            pool = self._idle.pop()[1] if self._idle else self._new_pool()
            self._busy.add(pool)
        return pool

    def _give_back(self, pool: httpcore2.ConnectionPool) -> None:
        now = time.monotonic()
        with self._lock:
            if pool not in self._busy:  # a body may be closed twice, or after the transport was
                return
            self._busy.remove(pool)
            self._idle.append((now, pool))
            surplus = max(len(self._idle) - self._keep, sum(now - since > KEPT for since, _ in self._idle))
            old, self._idle = self._idle[:surplus], self._idle[surplus:]
        for _, one in old:
            one.close()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = [(name, value) for name, value in request.headers.raw if name.decode().lower() in SENT_HEADERS]
        # Compressed answers would be held back until a block is full.
        headers.append((b"Accept-Encoding", b"identity"))
        if self._authorization:
            name, value = self._authorization
            headers.append((name.encode(), value.encode()))
        url = request.url
        sent = httpcore2.Request(
            request.method,
            httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path + self._query),
            headers=headers,
            content=request.stream,
            extensions=request.extensions,
        )
        pool = self._take()
        try:
            response = pool.handle_request(sent)
        except BaseException as exc:
            if pool in self._networks:
                self._networks[pool].drop()
            self._give_back(pool)
            if isinstance(exc, _CORE_ERRORS):
                raise _one_layer_up(exc) from exc
            if self._proxy is not None and openai_proxy.is_not_socks(exc):
                raise httpx2.ProxyError("what it says is not SOCKS 5") from exc
            raise
        body = _Body(response.stream, lambda: self._give_back(pool))
        return httpx2.Response(response.status, headers=response.headers, stream=body, extensions=response.extensions)

    def close(self) -> None:
        with self._lock:
            pools = [*self._busy, *(pool for _, pool in self._idle)]
            self._busy.clear()
            self._idle.clear()
        for pool in pools:
            pool.close()


class ProxyRefused(httpx2.ProxyError):
    """The proxy's own answer to a request for a tunnel; `status` is its HTTP status, None if it gave none."""

    def __init__(self, message: str, status: int | None) -> None:
        super().__init__(message)
        self.status = status


# The openai library looks for the exceptions of httpx2, one layer above. Derived classes come first.
_ONE_LAYER_UP: Mapping[type[Exception], type[httpx2.TransportError]] = {
    httpcore2.ConnectTimeout: httpx2.ConnectTimeout,
    httpcore2.ReadTimeout: httpx2.ReadTimeout,
    httpcore2.WriteTimeout: httpx2.WriteTimeout,
    httpcore2.PoolTimeout: httpx2.PoolTimeout,
    httpcore2.TimeoutException: httpx2.TimeoutException,
    httpcore2.ConnectError: httpx2.ConnectError,
    httpcore2.ReadError: httpx2.ReadError,
    httpcore2.WriteError: httpx2.WriteError,
    httpcore2.NetworkError: httpx2.NetworkError,
    httpcore2.LocalProtocolError: httpx2.LocalProtocolError,
    httpcore2.RemoteProtocolError: httpx2.RemoteProtocolError,
    httpcore2.ProtocolError: httpx2.ProtocolError,
    httpcore2.UnsupportedProtocol: httpx2.UnsupportedProtocol,
}
_CORE_ERRORS: tuple[type[Exception], ...] = (*_ONE_LAYER_UP, httpcore2.ProxyError)


def _one_layer_up(exc: Exception) -> Exception:
    """The exception of httpx2 that means the same as `exc` of httpcore2."""
    if isinstance(exc, httpcore2.ProxyError):
        # httpcore2 gives the status of a tunnel that was refused only here: "407 Proxy Authentication Required".
        number = str(exc).partition(" ")[0]
        return ProxyRefused(str(exc), int(number) if number.isdecimal() else None)
    kind = next((above for core, above in _ONE_LAYER_UP.items() if isinstance(exc, core)), httpx2.TransportError)
    return kind(str(exc))

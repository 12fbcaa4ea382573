"""The HTTP client under the openai library: the headers that are sent, the connections, and no redirects.

Three things that the stock client cannot do are done here, in one transport:

- **Stop.** Every call ends within a fifth of a second when the answer is stopped (`_stoppable.py`).
- **Say no more than needed.** Only the headers in `SENT_HEADERS` leave. The library's headers about this machine and
  the content of `OPENAI_CUSTOM_HEADERS` are not sent. The key and the query of `base_url` are added here and nowhere
  else: no request object, exception or log above holds them.
- **Stay at the address.** Redirects are not followed, since the prompt would go to a host that promptlab.yaml does not
  name. Proxies of the environment are used, except for this machine itself: loopback is always direct.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult
from weakref import WeakKeyDictionary

import httpcore2
import httpx2

from promptlab.models._openai import _proxy as proxies
from promptlab.models._openai._stoppable import StoppableNetwork

SENT_HEADERS = frozenset({"host", "accept", "content-type", "content-length", "transfer-encoding", "user-agent"})
KEPT = 30.0
"""Seconds that an idle connection stays open."""

# Its debug log prints the headers of replies, in which a careless server may echo the key.
logging.getLogger("httpcore2").setLevel(logging.INFO)


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
    """HTTP/1.1 to one server. `authorization` is the name and value of the header with the key, if any. `query` is
    added to every address. Requests go through `proxy`, if any."""

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
        # Reading the system's certificates takes a while, so they are read only if needed.
        self._context = httpx2.create_ssl_context() if base_url.startswith("https:") or self._proxy else None
        self._lock = threading.Lock()
        # Every request in flight has its own pool of one connection. One pool for all connections checks every idle
        # one, with a system call and under one lock, whenever a request begins or ends: with 64 in flight that took
        # more time than the requests themselves. The number of connections has no upper limit: waiting for a free one
        # could not be stopped, and the runner limits the requests in flight. `keep` idle connections stay open.
        self._busy: set[httpcore2.ConnectionPool] = set()
        self._idle: list[tuple[float, httpcore2.ConnectionPool]] = []
        self._networks: WeakKeyDictionary[httpcore2.ConnectionPool, StoppableNetwork] = WeakKeyDictionary()

    def _new_pool(self) -> httpcore2.ConnectionPool:
        limits: dict[str, Any] = {"max_connections": 1, "max_keepalive_connections": 1, "keepalive_expiry": KEPT}
        network = StoppableNetwork()
        limits |= {"ssl_context": self._context, "network_backend": network}
        if self._proxy is None:
            return httpcore2.ConnectionPool(**limits)
        pool: httpcore2.ConnectionPool = proxies.pool(self._proxy, **limits)
        self._networks[pool] = network
        return pool

    def _take(self) -> httpcore2.ConnectionPool:
        """The pool that was used last, so that surplus pools become old and are closed; or a new one."""
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
        for _, pool in old:
            pool.close()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = [(name, value) for name, value in request.headers.raw if name.decode().lower() in SENT_HEADERS]
        # A compressed answer would be held back until a block is full.
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
            if self._proxy is not None and proxies.is_not_socks(exc):
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


__all__ = ["ProxyRefused", "Transport"]

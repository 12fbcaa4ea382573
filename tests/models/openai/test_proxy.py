"""Proxies of the environment: gone through, or called by their name when they are dead or refuse."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from promptlab import errors
from promptlab.models._openai._proxy import environment_proxy, shown
from tests.loopback import LoopbackServer, page
from tests.models.asking import Made
from tests.models.openai.test_faults import closed_port

VARIABLES = [
    *("NO_PROXY", "no_proxy", "HTTPS_PROXY", "https_proxy"),
    *("ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"),
]
FAR = "http://api.example.test/v1"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


class Socks:
    """A SOCKS 5 proxy (RFC 1928, passwords as in RFC 1929) that leads every connection to one port of this machine.

    `asked` are the hosts that were asked for; `reply` is what it answers a request with, 0 for success.
    """

    def __init__(self, target: int, *, user: str = "", password: str = "", reply: int = 0) -> None:
        self.target, self.wanted, self.reply = target, (user.encode(), password.encode()), reply
        self.asked: list[tuple[str, int]] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            _, count = client.recv(2)
            methods = client.recv(count)
            chosen = 2 if self.wanted[0] else 0
            if chosen not in methods:
                client.sendall(b"\x05\xff")
                return
            client.sendall(bytes([5, chosen]))
            if chosen == 2:
                _, size = client.recv(2)
                user = client.recv(size)
                password = client.recv(client.recv(1)[0])
                client.sendall(bytes([1, (user, password) != self.wanted]))
                if (user, password) != self.wanted:
                    return
            _, _, _, kind = client.recv(4)
            host = client.recv(client.recv(1)[0]).decode() if kind == 3 else socket.inet_ntoa(client.recv(4))
            self.asked.append((host, int.from_bytes(client.recv(2), "big")))
            client.sendall(bytes([5, self.reply, 0, 1, 0, 0, 0, 0, 0, 0]))
            if self.reply:
                return
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                back.start()
                self._pump(client, server)
                back.join(5)

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def socks(server: LoopbackServer, **more: object) -> Iterator[Socks]:
    proxy = Socks(server.port, **more)  # type: ignore[arg-type]
    yield proxy
    proxy.close()


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("user", ["", "ann:p%40ss@"])
def test_socks_is_gone_through(
    server: LoopbackServer, make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, scheme: str, user: str
) -> None:
    with socks(server, user="ann" if user else "", password="p@ss" if user else "") as proxy:
        monkeypatch.setenv("all_proxy", f"{scheme}://{user}127.0.0.1:{proxy.port}")
        made = make(base_url=FAR, key_over_http=True)
        assert [made.answer().text for _ in range(2)] == ["Argentina", "Argentina"]
        assert proxy.asked == [("api.example.test", 80)]  # the name is looked up there, and once
    assert server.requests[0].path == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("user", "reply", "words"),
    [("", 0, "refuses the request"), ("ann:wrong@", 0, "refuses the request"), ("ann:right@", 5, "Connection refused")],
)
def test_a_socks_proxy_that_refuses_is_called_so(
    server: LoopbackServer,
    make: Callable[..., Made],
    monkeypatch: pytest.MonkeyPatch,
    user: str,
    reply: int,
    words: str,
) -> None:
    with socks(server, user="ann", password="right", reply=reply) as proxy:
        monkeypatch.setenv("all_proxy", f"socks5://{user}127.0.0.1:{proxy.port}")
        made = make(base_url=FAR, key_over_http=True)
        _, error = made.fail()
        assert type(error) is errors.ConnectionFailed
        assert words in error.message
        assert f"socks5://127.0.0.1:{proxy.port}" in error.message
        assert "wrong" not in str(error)
        assert (made.pauses, server.count) == ([], 0)


def test_what_is_no_socks_is_called_so(make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch) -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def greet() -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                connection.recv(10)
                connection.sendall(b"HTTP/1.1 400 No\r\n\r\n")
                connection.recv(10)

    threading.Thread(target=greet, daemon=True).start()
    monkeypatch.setenv("all_proxy", f"socks5://127.0.0.1:{listening.getsockname()[1]}")
    _, error = make(base_url=FAR, key_over_http=True).fail()
    assert type(error) is errors.ConnectionFailed
    assert "socks5://127.0.0.1" in error.message
    listening.close()


@pytest.mark.parametrize("url", [FAR, "https://api.example.test/v1"])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_dead_proxy_is_called_so_without_its_password(
    make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, url: str, scheme: str
) -> None:
    port = closed_port()
    monkeypatch.setenv("all_proxy", f"{scheme}://ann:s3cret@127.0.0.1:{port}")
    _, error = make(base_url=url, key_over_http=True).fail()
    assert type(error) is errors.ConnectionFailed
    assert f"no connection to the proxy {scheme}://127.0.0.1:{port}: Connection refused" in error.message
    assert "HTTPS_PROXY" in error.hint
    assert "s3cret" not in str(error) + repr(error.__cause__)


@pytest.mark.parametrize("url", [FAR, "https://api.example.test/v1"])
@pytest.mark.parametrize("user", ["", "ann:s3cret@"])
def test_a_proxy_that_wants_a_password_says_so(
    server: LoopbackServer, make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, url: str, user: str
) -> None:
    server.default = page("<html>Proxy Authentication Required", 407, proxy_authenticate="Basic")
    monkeypatch.setenv("all_proxy", f"http://{user}127.0.0.1:{server.port}")
    made = make(base_url=url, key_over_http=True)
    _, error = made.fail()
    assert type(error) is errors.ConnectionFailed
    assert f"the proxy http://127.0.0.1:{server.port} refuses the request" in error.message
    assert "407" in error.message
    assert "USER:PASSWORD" in error.hint
    assert "s3cret" not in str(error)
    assert (server.count, made.pauses) == (1, [])


def test_a_tunnel_that_is_not_let_through_is_called_so(
    server: LoopbackServer, make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.default = page("no", 403)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.port}")
    _, error = make(base_url="https://api.example.test/v1").fail()
    assert type(error) is errors.ConnectionFailed
    assert "refuses the request: 403" in error.message
    assert server.requests[0].method == "CONNECT"


def test_a_proxy_nobody_can_find_is_called_so(make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://ann:s3cret@no-such-proxy.invalid:3128")
    _, error = make(base_url=FAR, key_over_http=True).fail()
    assert isinstance(error, errors.ConnectionFailed)
    assert "the proxy http://no-such-proxy.invalid:3128" in error.message


@pytest.mark.parametrize("url", ["socks4://127.0.0.1:1080", "ftp://127.0.0.1:21", "http://", "http://127.0.0.1:99999"])
def test_a_proxy_of_another_kind_is_refused(
    make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("all_proxy", url)
    _, error = make(base_url=FAR, key_over_http=True).fail()
    assert type(error) is errors.ModelNotReady
    assert "proxy" in error.message
    assert "socks5://" in error.hint


def test_socks_without_its_package_says_what_to_install(
    make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1080")
    made = make(base_url=FAR, key_over_http=True)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    _, error = made.fail()
    assert type(error) is errors.ModelNotReady
    assert "promptlab[openai]" in error.hint


def test_a_proxy_is_shown_without_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "ann:s3cret@proxy.example.test:3128")
    found = environment_proxy(FAR)
    assert found is not None
    assert shown(found) == "http://proxy.example.test:3128"

"""`promptlab app` in a stranger's folder: nothing in there is run or obeyed, and only this machine is answered."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptlab.ui.components import theme
from tests.places import ROOT

MODULES = ("streamlit", "queue", "email", "promptlab", "starlette", "click", "sitecustomize", "asgi", "main", "guard")
HOSTILE = """
[server]
address = "0.0.0.0"
enableCORS = false
enableXsrfProtection = false
enableAgentApi = true
enableStaticServing = true
corsAllowedOrigins = ["http://evil.example"]
allowedHosts = ["*"]
fileWatcherType = "poll"
baseUrlPath = "elsewhere"
[theme]
base = "http://127.0.0.1:9/theme.toml"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def status(port: int, path: str, host: str = "", *, method: str = "GET", **headers: str) -> int:
    """The HTTP status of a request written by hand."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port}'}", "Content-Length: 0"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "Upgrade" not in headers:
        lines.append("Connection: close")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(line.makefile("rb").readline().split()[1])


def websocket(port: int, host: str = "", **headers: str) -> int:
    """The status of the websocket's handshake."""
    asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    return status(port, "/_stcore/stream", host, **asked, **key, **headers)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The app in a workspace made to take it over; the folder and the port."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "promptlab.yaml").write_text("models: {}\n")
    (folder / "static").mkdir()
    (folder / "static" / "x.txt").write_text("x")
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'RAN')!r}, 'a').write({name!r})\nraise SystemExit\n")
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "config.toml").write_text(HOSTILE)
    (folder / ".streamlit" / "secrets.toml").write_text('OPENAI_BASE_URL = "http://evil.example"\n')
    (folder / "pages").mkdir()
    port = free_port()
    command = [sys.executable, "-P", "-m", "promptlab.cli", "app", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(600):
            try:
                status(port, "/_stcore/health")
                break
            except OSError:
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        yield folder, port
    finally:
        server.kill()
        server.wait(10)


def test_the_app_starts_there_and_runs_none_of_its_modules(hostile: tuple[Path, int]) -> None:
    folder, port = hostile
    assert status(port, "/") == 200
    assert websocket(port, Origin=f"http://127.0.0.1:{port}") == 101
    assert not (folder / "RAN").exists(), (folder / "RAN").read_text()
    assert f"http://127.0.0.1:{port}" in (folder / "log").read_text()


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("", "http://evil.example"),
        ("", "null"),
        ("", "http://127.0.0.1.evil.example"),
        ("evil.example", ""),
        ("evil.example", "http://evil.example"),
        ("127.0.0.1.evil.example", ""),
        ("user@127.0.0.1", ""),
    ],
)
@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/host-config", "/media/x", "websocket"])
def test_a_foreign_host_or_origin_gets_nothing(hostile: tuple[Path, int], path: str, host: str, origin: str) -> None:
    headers = {"Origin": origin} if origin else {}
    asked = websocket(hostile[1], host, **headers) if path == "websocket" else status(hostile[1], path, host, **headers)
    assert asked == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_is_answered_by_each_of_its_names(hostile: tuple[Path, int], host: str) -> None:
    port = hostile[1]
    assert websocket(port, f"{host}:{port}", Origin=f"http://{host}:{port}") == 101


def test_nothing_else_is_served_than_the_page(hostile: tuple[Path, int]) -> None:
    port = hostile[1]
    assert status(port, "/_stcore/agent/interact", method="POST", Content_Type="application/json") == 403
    assert status(port, "/_stcore/upload_file/a/b", method="PUT") >= 400


def test_every_setting_of_streamlit_is_said_or_known_to_do_no_harm() -> None:
    from streamlit import config

    harmless = {
        *("global.developmentMode", "server.trustedUserHeaders"),  # hidden, and cannot be said on a command line
        *("server.cookieSecret", "server.sslCertFile", "server.sslKeyFile", "server.port", "browser.serverPort"),
        "server.folderWatchBlacklist",
    }
    said = {word[2:].partition("=")[0] for word in [*theme.flags(), *theme.pinned()]}
    deciding = ("enable", "allow", "cors", "xsrf", "address", "watch", "trusted", "secrets.", "host", "static", "path")
    for name in config._config_options_template:
        if name.startswith(("theme.", "logger.")) or any(
            word in name for word in ("Memory", "Compression", "Serializ")
        ):
            continue
        if any(part.lower() in name.lower() for part in deciding):
            assert name in said | harmless, name

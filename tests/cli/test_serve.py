"""`promptlab serve` as a command: what it serves, where it listens, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from promptlab.cli import serve as cli_serve
from promptlab.cli._main import cli
from promptlab.errors import InputError, ModelNotReady, PromptlabError, WorkspaceError
from promptlab.models._catalogue import Catalogue
from promptlab.server._auth import KEY_VARIABLE
from promptlab.workspace._workspace import Workspace

MODELS = """\
models:
  one: {backend: llama, path: one.gguf}
  gpt: {backend: openai, model: gpt-4o-mini, api_key_env: OPENAI_API_KEY}
  two: {backend: llama, path: two.gguf}
"""
Make = Callable[..., Workspace]


def catalogue(make_workspace: Make, models: str = MODELS) -> Catalogue:
    return Catalogue(make_workspace(models), {})


@pytest.mark.parametrize(
    ("names", "served"), [([], ["one", "two"]), (["two"], ["two"]), (["two", "one", "two"], ["two", "one"])]
)
def test_local_models_are_served_or_those_named(make_workspace: Make, names: list[str], served: list[str]) -> None:
    assert cli_serve.chosen(catalogue(make_workspace), names) == served


def test_a_model_behind_an_api_is_not_served(make_workspace: Make) -> None:
    with pytest.raises(click.UsageError, match="gpt is not a local model"):
        cli_serve.chosen(catalogue(make_workspace), ["one", "gpt"])
    with pytest.raises(click.UsageError, match="did you mean `one`"):
        cli_serve.chosen(catalogue(make_workspace), ["onne"])
    with pytest.raises(WorkspaceError, match="no local model to serve"):
        cli_serve.chosen(catalogue(make_workspace, "models:\n  gpt: {backend: openai, model: m}\n"), [])


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::"])
def test_without_a_key_no_other_machine_is_served(host: str) -> None:
    with pytest.raises(InputError, match="can be reached from other machines") as caught:
        cli_serve.listening(host, 0, "")
    assert KEY_VARIABLE in caught.value.hint


def test_with_a_key_any_address_is_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    monkeypatch.setattr(socket, "create_server", lambda address, **_: taken.append(address))
    cli_serve.listening("0.0.0.0", 8017, "secret")
    assert taken == [("0.0.0.0", 8017)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_loopback_address_needs_no_key(host: str) -> None:
    with closing(cli_serve.listening(host, 0, "")) as listener:
        assert listener.getsockname()[0] in ("127.0.0.1", "::1")


def test_a_port_that_is_taken_and_a_host_that_is_none_are_errors() -> None:
    with closing(cli_serve.listening("127.0.0.1", 0, "")) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1 port {port}"):
            cli_serve.listening("127.0.0.1", port, "")
    for host in ("not an address", ""):
        with pytest.raises(InputError, match="not an address"):
            cli_serve.listening(host, 0, "")


def test_a_missing_library_is_named_with_its_extra(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace.root)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    done = CliRunner().invoke(cli, ["serve"])
    assert isinstance(done.exception, ModelNotReady)
    assert done.exception.hint == "pip install 'promptlab[serve]'"


def test_the_command_refuses_with_status_1(make_workspace: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_workspace(MODELS).root)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    done = CliRunner().invoke(cli, ["serve", "--host", "0.0.0.0"])
    assert isinstance(done.exception, PromptlabError)  # which main makes a line and status 1
    assert "--host" in str(done.exception)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_it_says_where_it_is_and_ends_when_told(make_workspace: Make, sent: signal.Signals, status: int) -> None:
    root: Path = make_workspace(MODELS).root
    words = [sys.executable, "-m", "promptlab.cli", "serve", "one", "--port", "0"]
    env = {**os.environ, KEY_VARIABLE: "s3cret"}
    with subprocess.Popen(words, cwd=root, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            first, second = process.stderr.readline(), process.stderr.readline()
            assert first.startswith("one is not ready: ")
            found = re.fullmatch(r"serving one at (http://127\.0\.0\.1:\d+/v1) \(press Ctrl-C to stop\)\n", second)
            assert found, second
            asked = urllib.request.Request(f"{found[1]}/models", headers={"Authorization": "Bearer s3cret"})
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(asked, timeout=60) as response:
                assert [model["id"] for model in json.load(response)["data"]] == ["one"]
            process.send_signal(sent)
            assert process.wait(60) == status
            assert process.stderr.read().strip() == ""
        finally:
            process.kill()

"""`promptlab serve`: an OpenAI-compatible API for the local models, for other tools on this machine."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli import _terminal as terminal
from promptlab.errors import GateRefused, InputError, ModelNotFound, ModelNotReady, WorkspaceError

if TYPE_CHECKING:
    from promptlab.models import Catalogue
    from promptlab.server import ModelServer

GRACE_SECONDS = 3
"""How long Ctrl-C waits for answers to stop; they stop within one second."""


@click.command(short_help="Serve the local models as an OpenAI-compatible API.")
@click.argument("names", metavar="[MODEL...]", nargs=-1)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8017, show_default=True, help="The port; 0 takes any free one."
)
def serve(names: tuple[str, ...], host: str, port: int) -> None:
    """Serve the local models of this workspace, or those named, as an OpenAI-compatible API.

    Other tools then share the prefix cache of earlier prompts. Nothing is written to the run history. Only this
    machine is served, unless PROMPTLAB_SERVE_KEY is set in the environment: then every request must have that key, as
    `Authorization: Bearer KEY`, and --host may be any address.
    """
    from importlib.util import find_spec

    from promptlab.models import Catalogue
    from promptlab.server import KEY_VARIABLE
    from promptlab.workspace import Workspace

    for library in ("starlette", "uvicorn"):
        if find_spec(library) is None:
            raise ModelNotReady(f"`promptlab serve` needs {library}", hint="pip install 'promptlab[serve]'")
    key = os.environ.get(KEY_VARIABLE, "").strip()
    with closing(Catalogue(Workspace.find())) as catalogue:
        served = chosen(catalogue, names)
        if not names and not key:
            served = without_labelled(catalogue, served)
        with closing(listening(host, port, key)) as listener:
            from promptlab.server import ModelServer

            _say_where(catalogue, served, listener)
            _write_down(catalogue, served, listener)
            _run(ModelServer(catalogue, served, key=key), listener)


def chosen(catalogue: Catalogue, names: Sequence[str]) -> list[str]:
    """The local models with these names, each once; without names all of the catalogue."""
    from promptlab.workspace import LlamaModel

    try:
        found = {name: catalogue.entry(name) for name in names or catalogue.names()}
    except ModelNotFound as exc:
        raise click.UsageError(str(exc)) from exc
    local = [name for name, entry in found.items() if isinstance(entry, LlamaModel)]
    if names and len(local) < len(found):
        other = next(name for name in found if name not in local)
        raise click.UsageError(f"{other} is not a local model (`backend: llama`); only those can be served")
    if not local:
        raise WorkspaceError(
            "there is no local model to serve", file="promptlab.yaml", hint="add one with `backend: llama`"
        )
    return local


def without_labelled(catalogue: Catalogue, names: Sequence[str]) -> list[str]:
    """The models among `names` that may be served without a key; the others are named on standard error."""
    from promptlab.server import labelled_models

    left_out = labelled_models(catalogue, names)
    for name, label in left_out.items():
        click.echo(f"{name} is not served without a key: it was trained on text labelled {label}", err=True)
    kept = [name for name in names if name not in left_out]
    if not kept:
        raise GateRefused("no model may be served without a key", hint="set PROMPTLAB_SERVE_KEY to a long secret")
    return kept


def listening(host: str, port: int, key: str) -> socket.socket:
    """A socket that listens; without a `key` only on a loopback address.

    Raises:
        InputError: the address is not of this machine, needs a key, or is used already.
    """
    from promptlab._util.network import is_loopback
    from promptlab.server import KEY_VARIABLE

    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as exc:
        raise InputError(f"{host!r} is not an address: {exc}", field="--host") from exc
    if not key and not is_loopback(str(address[0])):
        raise InputError(
            f"{host} can be reached from other machines, and no key is set",
            field="--host",
            hint=f"set {KEY_VARIABLE} in the environment to a long secret that clients send, or listen on 127.0.0.1",
        )
    try:
        return socket.create_server(address[:2], family=family)
    except OSError as exc:
        raise InputError(
            f"cannot listen on {host} port {port}: {exc.strerror or exc}", field="--port", hint="choose another port"
        ) from exc


def _say_where(catalogue: Catalogue, names: Sequence[str], listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    for status in map(catalogue.status, names):
        if not status.ready:
            click.echo(f"{status.name} is not ready: {terminal.printable(status.reason)}", err=True)
    click.echo(f"serving {', '.join(names)} at http://{shown}:{port}/v1 (press Ctrl-C to stop)", err=True)


def _write_down(catalogue: Catalogue, names: Sequence[str], listener: socket.socket) -> None:
    """Write a line to the ledger if other machines can ask.

    Their requests have no lines: answers use only what they sent, and no files of the workspace.
    """
    from promptlab._util.network import is_loopback
    from promptlab.workspace import Ledger

    host, port = listener.getsockname()[:2]
    if not is_loopback(str(host)):
        ledger = Ledger(catalogue.workspace.state)
        ledger.served(f"{host}:{port}", ", ".join(names))
        ledger.close()


def _run(serving: ModelServer, listener: socket.socket) -> None:
    import uvicorn

    from promptlab.server import uvicorn_config

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: Any) -> None:
            serving.stop()
            super().handle_exit(sig, frame)

    # uvicorn shuts down and then raises the signal again, which would end the process before the models are closed.
    signal.signal(signal.SIGTERM, _terminated)
    Server(uvicorn_config(serving, timeout_graceful_shutdown=GRACE_SECONDS)).run(sockets=[listener])


def _terminated(*_: Any) -> None:
    raise SystemExit(128 + signal.SIGTERM)

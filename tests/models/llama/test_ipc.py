"""The pipe between promptlab and a worker process, at its end."""

from __future__ import annotations

import os

import pytest

from promptlab.models._llama._ipc import Pipe, Stop


def connected() -> tuple[Pipe, Pipe]:
    (to_worker, from_parent), (to_parent, from_worker) = os.pipe(), os.pipe()
    parent = Pipe(os.fdopen(to_parent, "rb"), os.fdopen(from_parent, "wb"))
    return parent, Pipe(os.fdopen(to_worker, "rb"), os.fdopen(from_worker, "wb"))


def test_what_is_sent_arrives() -> None:
    parent, worker = connected()
    parent.send(Stop(3))
    assert worker.receive() == Stop(3)
    parent.hang_up()
    with pytest.raises(EOFError):
        worker.receive()


def test_to_send_after_either_side_has_closed_is_an_error_of_the_system() -> None:
    parent, worker = connected()
    parent.hang_up()
    with pytest.raises(OSError, match="closed"):  # and no ValueError, which nobody expects of a process that ended
        parent.send(Stop(1))
    parent.close()
    with pytest.raises(OSError):  # noqa: PT011  # the words are those of the system
        worker.send(Stop(2))

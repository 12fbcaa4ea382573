"""The pipe between promptlab and a worker process, at its end."""

from __future__ import annotations

import os

import pytest

from promptlab.models._llama._ipc import Pipe, Stop


def connected() -> tuple[Pipe, Pipe]:
    (worker_reads, parent_writes), (parent_reads, worker_writes) = os.pipe(), os.pipe()
    parent = Pipe(os.fdopen(parent_reads, "rb"), os.fdopen(parent_writes, "wb"))
    return parent, Pipe(os.fdopen(worker_reads, "rb"), os.fdopen(worker_writes, "wb"))


def test_what_is_sent_arrives() -> None:
    parent, worker = connected()
    parent.send(Stop(3))
    assert worker.receive() == Stop(3)
    parent.hang_up()
    with pytest.raises(EOFError):
        worker.receive()
    worker.hang_up()
    for side in (parent, worker):
        side.close()


def test_to_send_after_either_side_has_closed_is_an_error_of_the_system() -> None:
    parent, worker = connected()
    parent.hang_up()
    with pytest.raises(OSError, match="closed"):  # and no ValueError, which nobody expects of a process that ended
        parent.send(Stop(1))
    parent.close()
    with pytest.raises(OSError):  # the words are those of the system
        worker.send(Stop(2))
    worker.hang_up()
    worker.close()

"""Reading the beginning of a prompt before it is asked, in the gaps between requests.

The scheduler gives a job that reads ahead the last place, and stops it when anything else is asked: here, or in another
process of this user. What it has read stays in the prefix cache, so it goes on from there in the next gap.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from promptlab.models._llama._answering import ANSWERING
from promptlab.models._llama._generation import Task
from promptlab.models._llama._host import Host
from promptlab.models._llama._job import RequestJob
from promptlab.models._llama._scheduler import SCHEDULER
from promptlab.types import Completion, Phase, Usage

AGAIN_SECONDS = 0.5
"""How long to wait before looking again if another process is answering."""


def read_in_gaps(name: str, task: Task, cancel: threading.Event, host: Host) -> Iterator[Phase | Completion]:
    """Read the first `task.ahead` tokens, in as many goes as it takes. The last step is a `Completion` without text."""
    read = 0
    while not cancel.is_set():
        if ANSWERING.elsewhere():
            cancel.wait(AGAIN_SECONDS)
            continue
        for step in SCHEDULER.ask(RequestJob(name, task, cancel, host, lambda done: done)):
            if isinstance(step, Phase):
                yield step
            elif isinstance(step, Completion):
                read += step.usage.read or 0
                if step.finish_reason != "stopped":
                    reused = max(0, task.ahead - read) if step.usage.prompt else 0
                    yield replace(step, usage=Usage(read, reused, 0))
                    return
    yield Completion("", "stopped", Usage(read, 0, 0))

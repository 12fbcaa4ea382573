"""How to start a module of promptlab in a child process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

NICE = 5
"""How far a child process that computes stands back for others, such as the page that shows its answers. It uses all
cores, and the page would otherwise not be drawn for seconds. On a machine that does nothing else it is as fast."""


def command(module: str) -> tuple[str, ...]:
    """The command line that runs `module`. `-P` keeps Python from importing from the current folder, which may come
    from an untrusted source."""
    return (sys.executable, "-P", "-m", module)


def environment() -> dict[str, str]:
    """The environment of this process, with a PYTHONPATH that makes the child import the same promptlab.

    An empty entry of PYTHONPATH would mean the current folder, so it is left out.
    """
    home = str(Path(__file__).parents[2])
    entries = [str(Path(entry).absolute()) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([home, *entries])}


def stand_back() -> None:
    """Lower the priority of this process by `NICE`. Called by a child process that computes."""
    if hasattr(os, "nice"):
        os.nice(NICE)

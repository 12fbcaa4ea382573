"""Starting a module of promptlab in a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def command(module: str) -> tuple[str, ...]:
    """The words that run `module`. The current folder, which may be a stranger's, has no say in what is imported."""
    return (sys.executable, "-P", "-m", module)


def environment() -> dict[str, str]:
    """This process's, with which the promptlab that runs there is the one that runs here.

    An empty entry of PYTHONPATH would be the current folder, so it is left out.
    """
    home = str(Path(__file__).parents[2])
    given = [str(Path(entry).absolute()) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([home, *given])}

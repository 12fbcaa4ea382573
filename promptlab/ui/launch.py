"""Starts the browser workbench in place of this process: Streamlit on 127.0.0.1, with promptlab's settings.

The workspace may be a stranger's. So Streamlit starts in a folder of promptlab's own and is told where the workspace
is: from the folder it starts in it would take modules (`streamlit.py`, `queue.py`), settings (`.streamlit/config.toml`)
and environment variables (`.streamlit/secrets.toml`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from promptlab import workspace
from promptlab._util import subprocesses as processes
from promptlab.ui.components import theme

FOLDER = "PROMPTLAB_APP_FOLDER"
"""The environment variable in which `promptlab app` tells its server the folder it was started in."""
PAGE = Path(__file__).with_name("asgi.py")


def words(port: int | None = None) -> list[str]:
    """The command line of the server."""
    # As flags, which win over every settings file and environment variable.
    given = [] if port is None else ["--server.port", str(port)]
    return [*processes.command("streamlit"), "run", str(PAGE), *theme.flags(), *theme.pinned(), *given]


def run(port: int | None = None) -> None:
    """Replace this process by the server; it prints its address. Does not return."""
    environment = {**processes.environment(), FOLDER: str(Path.cwd())}
    if workspace.trusts_everything():
        environment[workspace.TRUST_VARIABLE] = "1"
    sys.stdout.flush()
    os.chdir(PAGE.parent)
    os.execve(sys.executable, words(port), environment)

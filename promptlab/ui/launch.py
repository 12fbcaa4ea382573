"""Replaces this process by the browser workbench: Streamlit on 127.0.0.1, with promptlab's settings.

The workspace may come from a stranger. Streamlit takes modules (`streamlit.py`, `queue.py`), settings
(`.streamlit/config.toml`) and environment variables (`.streamlit/secrets.toml`) from the folder that it starts in.
So it starts in a folder of promptlab, and an environment variable says where the workspace is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from promptlab import workspace
from promptlab._util import subprocesses
from promptlab.ui.components import theme

FOLDER = "PROMPTLAB_APP_FOLDER"
"""The environment variable with the folder in which `promptlab app` was started."""
PAGE = Path(__file__).with_name("asgi.py")


def command_line(port: int | None = None) -> list[str]:
    """The command that starts the server."""
    # Flags win over every settings file and environment variable.
    port_flags = [] if port is None else ["--server.port", str(port)]
    return [*subprocesses.command("streamlit"), "run", str(PAGE), *theme.flags(), *theme.pinned(), *port_flags]


def run(port: int | None = None) -> None:
    """Replace this process by the server, which prints its address. Does not return."""
    environment = {**subprocesses.environment(), FOLDER: str(Path.cwd())}
    if workspace.trusts_everything():
        environment[workspace.TRUST_VARIABLE] = "1"
    sys.stdout.flush()
    os.chdir(PAGE.parent)
    os.execve(sys.executable, command_line(port), environment)

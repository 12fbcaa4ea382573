"""Starts the browser workbench in place of this process: Streamlit on 127.0.0.1, with promptlab's settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from promptlab.ui import theme

PAGE = Path(__file__).parent / "main.py"


def run(port: int | None = None) -> None:
    """Replace this process by the server; it prints its address. Does not return."""
    # As flags, because a workspace need not have a .streamlit/config.toml; they also win over one that opens the page.
    words = [sys.executable, "-m", "streamlit", "run", str(PAGE), *theme.flags()]
    if port is not None:
        words += ["--server.port", str(port)]
    sys.stdout.flush()
    os.execv(sys.executable, words)

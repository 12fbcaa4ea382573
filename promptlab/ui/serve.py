"""Starts the browser workbench in place of this process: Streamlit on 127.0.0.1, with promptlab's settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PAGE = Path(__file__).parent / "main.py"


def run(port: int | None = None) -> None:
    """Replace this process by the server; it prints its address. Does not return."""
    words = [sys.executable, "-m", "streamlit", "run", str(PAGE), "--server.address", "127.0.0.1"]
    if port is not None:
        words += ["--server.port", str(port)]
    sys.stdout.flush()
    os.execv(sys.executable, words)

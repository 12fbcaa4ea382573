"""The workbench in the browser.

run(workspace, host="127.0.0.1", port=8501)        # what `promptlab app` does
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.ui.launch import run

__all__ = ["run"]

__getattr__ = lazy(__name__)

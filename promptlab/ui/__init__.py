"""The pages in the browser, made with Streamlit.

from promptlab import ui
ui.run(port=8501)        # replaces this process by the server, as `promptlab app` does; it does not return
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.ui.launch import run

__all__ = ["run"]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)

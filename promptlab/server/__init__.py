"""server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.server._app import Serving
    from promptlab.server._auth import KEY, refused
    from promptlab.server._socket import config

__all__ = [
    "KEY",
    "Serving",
    "config",
    "refused",
]

__getattr__ = lazy(__name__)

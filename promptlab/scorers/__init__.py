"""scorers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.scorers._custom import from_function
    from promptlab.scorers._json import parsed
    from promptlab.scorers._registry import ASKING, BY_NAME, build, contains, passing, spec

__all__ = [
    "ASKING",
    "BY_NAME",
    "build",
    "contains",
    "from_function",
    "parsed",
    "passing",
    "spec",
]

__getattr__ = lazy(__name__)

"""_yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._util.lazy import lazy

if TYPE_CHECKING:
    from promptlab._yaml._edit import change, same
    from promptlab._yaml._positions import CannotSplice
    from promptlab._yaml._read import MAX_BYTES, Plain, YamlFile, parse_yaml, read_text, read_yaml, validation_problem
    from promptlab._yaml._write import entry, inline

__all__ = [
    "MAX_BYTES",
    "CannotSplice",
    "Plain",
    "YamlFile",
    "change",
    "entry",
    "inline",
    "parse_yaml",
    "read_text",
    "read_yaml",
    "same",
    "validation_problem",
]

__getattr__ = lazy(__name__)

"""_yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab._yaml._edit import change
    from promptlab._yaml._positions import CannotSplice
    from promptlab._yaml._read import MAX_BYTES, Plain, YamlFile, parse_yaml, read_text, read_yaml, validation_problem
    from promptlab._yaml._values import TaggedScalar, same
    from promptlab._yaml._write import EXPORT, InRows, Quoted, dump, entry, inline, quoted

__all__ = [
    "EXPORT",
    "MAX_BYTES",
    "CannotSplice",
    "InRows",
    "Plain",
    "Quoted",
    "TaggedScalar",
    "YamlFile",
    "change",
    "dump",
    "entry",
    "inline",
    "parse_yaml",
    "quoted",
    "read_text",
    "read_yaml",
    "same",
    "validation_problem",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)

"""Lazy package faces: an `__init__.py` lists its public names, and a module is loaded when one of its names is used.

`import promptlab` and the child processes then load only what they need, and a type checker sees ordinary imports:

    if TYPE_CHECKING:
        from promptlab.models._catalogue import Catalogue

    __all__ = ["Catalogue"]
    __getattr__ = lazy(__name__)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any


def lazy(package: str) -> Callable[[str], Any]:
    """A `__getattr__` (PEP 562) for `package` that resolves names by the imports under `if TYPE_CHECKING`."""

    @cache
    def homes() -> dict[str, tuple[str, str]]:
        import inspect  # with ast, 10 ms that `import promptlab` alone does not need

        return dict(_imports_for_type_checkers(inspect.getsource(sys.modules[package])))

    def load(name: str) -> Any:
        if name.startswith("_") or name not in homes():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, original = homes()[name]
        value = getattr(import_module(module), original)
        setattr(sys.modules[package], name, value)  # the next use finds it without this function
        return value

    return load


def _imports_for_type_checkers(source: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each name, with the module that defines it and its name there."""
    import ast

    for block in ast.parse(source).body:
        if isinstance(block, ast.If):
            for statement in block.body:
                if isinstance(statement, ast.ImportFrom) and statement.module:
                    for alias in statement.names:
                        yield alias.asname or alias.name, (statement.module, alias.name)

"""What training needs beside promptlab: found out without importing it, and said in words if it is missing."""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec

from promptlab.errors import ModelNotReady

LIBRARIES = ("torch", "transformers", "peft", "gguf")


def missing_libraries() -> tuple[str, ...]:
    """The libraries that training needs and that are not installed."""
    return tuple(name for name in LIBRARIES if find_spec(name) is None)


def require_libraries() -> None:
    """Raise `ModelNotReady` if a library for training is missing. Imports nothing."""
    if missing := missing_libraries():
        raise ModelNotReady(
            f"training needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed",
            hint="make finetune, or pip install 'promptlab[finetune]' after torch (docs/finetune.md: the CPU build)",
        )


def versions() -> dict[str, str]:
    """The versions of the libraries, for the record of a training."""
    return {name: metadata.version(name) for name in LIBRARIES if find_spec(name) is not None}


__all__ = ["missing_libraries", "require_libraries", "versions"]

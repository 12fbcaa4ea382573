"""The optional libraries that models need, one extra of promptlab for each kind of model."""

from __future__ import annotations

from importlib.util import find_spec

from promptlab.errors import ModelNotReady


def require_llama_cpp() -> None:
    """Raise `ModelNotReady` if the library for local models is missing. Imports nothing."""
    _require("llama_cpp", "local models", "local")


def require_openai() -> None:
    """Raise `ModelNotReady` if the library for models behind an API is missing. Imports nothing."""
    _require("openai", "models behind an API", "openai")


def _require(module: str, what: str, extra: str) -> None:
    if find_spec(module) is None:
        raise ModelNotReady(f"{what} need a library that is missing", hint=f"pip install 'promptlab[{extra}]'")


__all__ = ["require_llama_cpp", "require_openai"]

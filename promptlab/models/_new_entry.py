"""Checks of an entry that somebody is writing: what is wrong with it is said before it is in promptlab.yaml."""

from __future__ import annotations

from pathlib import Path

from promptlab.errors import ModelNotReady
from promptlab.models._files import PACKAGES, parts_of
from promptlab.models._gguf import NotGGUF, read_head
from promptlab.models._llama._unsupported import other_kind
from promptlab.models._local_files import known_package
from promptlab.models._openai._config import api_address
from promptlab.workspace import LlamaModel, Workspace


def check_new_entry(workspace: Workspace, name: str) -> None:
    """Check the entry `name` of `workspace`, which need not be written yet. No server is asked, and no model loaded.

    Raises:
        ModelNotReady: its file is missing or no model that writes text, its package is not installed, or its address is
            none.
    """
    entry = workspace.models[name]
    if not isinstance(entry, LlamaModel):
        api_address(name, entry)
    elif entry.path is not None:
        _check_file(workspace.root / Path(entry.path).expanduser(), entry.path)
    elif entry.package is not None:
        parts_of(known_package(entry.package))


def _check_file(full: Path, shown: str) -> None:
    if full.is_dir():
        raise ModelNotReady(f"{shown} is a folder", hint="name the GGUF file in it; of a split model the first part")
    if not full.is_file():
        raise ModelNotReady(f"there is no file {shown}", hint=f"put it at {full}, or correct the path")
    try:
        head = read_head(full)
    except NotGGUF as exc:
        raise ModelNotReady(
            f"{shown} is not a GGUF file: {exc}", hint="llama.cpp runs files that end in .gguf"
        ) from exc
    except OSError as exc:
        raise ModelNotReady(f"{shown} cannot be read: {exc.strerror or exc}") from exc
    if (kind := other_kind(head)) is not None:
        what, hint = kind
        raise ModelNotReady(f"{shown} is {what}, which cannot answer", hint=hint)


def installed_packages() -> tuple[str, ...]:
    """The Python packages with a model that are installed here."""
    found = []
    for name, package in PACKAGES.items():
        try:
            parts_of(package)
        except ModelNotReady:
            continue
        found.append(name)
    return tuple(found)


__all__ = ["check_new_entry", "installed_packages"]

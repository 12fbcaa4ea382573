"""A file of the workspace under another name, in the recordings of suites.

    recordings_with_name(workspace, "documents/plan.md", "documents/plan-2026.md")
    # {"fixtures/recordings/facts.jsonl": b"..."}

The key of a recorded answer does not depend on the names of files, so it is found as before.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from promptlab.runs import renamed_name, renamed_source
from promptlab.suites._recording_line import has_seal, sealed
from promptlab.suites._suite import RECORDINGS
from promptlab.workspace import Workspace


def recordings_with_name(workspace: Workspace, old: str, new: str) -> dict[str, tuple[bytes, bytes]]:
    """The recordings that name `old`: their content, and that with `new`. Broken lines stay as they are."""
    changed = {}
    for file in sorted((workspace.root / RECORDINGS).rglob("*.jsonl")):
        data = file.read_bytes()
        if not _may_name(data, old):
            continue
        renamed = b"".join(_line(line, old, new) for line in io.BytesIO(data))
        if renamed != data:
            changed[workspace.relative(file)] = data, renamed
    return changed


def _may_name(data: bytes, old: str) -> bool:
    return old.encode("utf-8", "surrogatepass") in data or json.dumps(old)[1:-1].encode() in data


def _line(line: bytes, old: str, new: str) -> bytes:
    if not _may_name(line, old):
        return line
    try:
        data = json.loads(line.decode("utf-8", "surrogatepass"))
        seal = has_seal(line)
        renamed = _item(data, old, new)
    except (ValueError, KeyError, TypeError, IndexError):  # a replay says what is wrong with it
        return line
    if renamed == data:
        return line
    if seal:
        del renamed["seal"]
    return sealed(json.dumps(renamed, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _item(data: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    if "sources" not in data:  # a long text
        return dict(data)
    messages = [{**m, "pieces": [_piece(piece, old, new) for piece in m["pieces"]]} for m in data["messages"]]
    sources = [renamed_source(source, old, new) for source in data["sources"]]
    template = new if data["template"] == old else data["template"]
    return {**data, "messages": messages, "sources": sources, "template": template}


def _piece(piece: list[Any], old: str, new: str) -> list[Any]:
    return [piece[0], renamed_name(piece[1], old, new), *piece[2:]] if piece[0] == "context" else piece


__all__ = ["recordings_with_name"]

"""Drafts of the browser that name a file: `.promptlab/drafts/`, one JSON file for each template."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from promptlab._util.files import write_atomically
from promptlab._yaml import CannotSplice
from promptlab.errors import PromptlabError
from promptlab.shelf._references import TextEdit, renamed_text, renamer, with_name
from promptlab.workspace import Workspace


def draft_file(folder: Path, template: str) -> Path:
    """The file of the draft of `template` in the folder of drafts."""
    # Two paths may give the same readable name, but not the same hash.
    name = re.sub(r"[^a-zA-Z0-9]+", "-", PurePosixPath(template).stem)[:40]
    return folder / f"{name}-{hashlib.sha256(template.encode()).hexdigest()[:8]}.json"


def drafts_that_name(workspace: Workspace, path: str) -> list[str]:
    """The templates whose drafts name the file at `path`, or are drafts of it."""
    return [
        str(data["template"])
        for file, data in _drafts(workspace)
        if data["template"] == path or _renamed(data, path, path + "\0", {}) != data
    ]


def rename_in_drafts(workspace: Workspace, old: str, new: str, edits: Mapping[str, TextEdit]) -> int:
    """Call the file `old` `new` in every draft; how many changed. `edits` are the files that change in the same way."""
    count = 0
    for file, data in _drafts(workspace):
        renamed = _renamed(data, old, new, edits)
        if renamed == data:
            continue
        renamed["revision"] = int(data.get("revision", 0)) + 1  # an open tab notices the change
        target = draft_file(file.parent, str(renamed["template"]))
        write_atomically(target, json.dumps(renamed, indent=1).encode("ascii"))
        if target != file:
            file.unlink(missing_ok=True)
        count += 1
    return count


def remove_draft(workspace: Workspace, template: str) -> bytes | None:
    """Remove the draft of `template`; what was in it."""
    file = draft_file(workspace.state / "drafts", template)
    try:
        content = file.read_bytes()
    except OSError:
        return None
    file.unlink(missing_ok=True)
    return content


def _drafts(workspace: Workspace) -> list[tuple[Path, dict[str, Any]]]:
    drafts = []
    for file in sorted((workspace.state / "drafts").glob("*.json")):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            data = json.loads(file.read_bytes())
            if isinstance(data, dict) and isinstance(data.get("template"), str):
                drafts.append((file, data))
    return drafts


def _renamed(data: dict[str, Any], old: str, new: str, edits: Mapping[str, TextEdit]) -> dict[str, Any]:
    rename, now = renamer(old, new), dict(data)
    if data["template"] == old:
        now["template"] = new
    changes = data.get("changes")
    if isinstance(changes, dict):
        now["changes"] = with_name(changes, rename)
        if isinstance(changes.get("examples.pool"), str):
            now["changes"]["examples.pool"] = rename(changes["examples.pool"])
    origins = data.get("origins")
    if isinstance(origins, dict):
        now["origins"] = {name: _origin(origin, old, new) for name, origin in origins.items()}
    for key in ("base", "text"):
        if isinstance(data.get(key), str):
            now[key] = _text(data["template"], data[key], old, new, edits)
    return now


def _origin(origin: Any, old: str, new: str) -> Any:
    places = origin.get("places") if isinstance(origin, dict) else None
    if not isinstance(places, list):
        return origin
    return {**origin, "places": [[new, *p[1:]] if isinstance(p, list) and p[:1] == [old] else p for p in places]}


def _text(template: str, text: str, old: str, new: str, edits: Mapping[str, TextEdit]) -> str:
    """The text of a template in a draft. If it is that of the file, it changes as the file does."""
    edit = edits.get(template)
    if edit is not None and edit.before == text:
        return edit.after
    try:
        return renamed_text("draft.yaml", text, old, new) or text
    except (PromptlabError, CannotSplice, ValueError):  # half a text: it names what it named
        return text


__all__ = ["draft_file", "drafts_that_name", "remove_draft", "rename_in_drafts"]

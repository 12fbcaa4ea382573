"""A file of the workspace under another name, in what a stored result says about its prompt.

renamed_sources('{"spans": [...], "sources": [["context", "documents/a.md", ...]]}', "documents/a.md", "documents/b.md")
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from promptlab.workspace import PASSAGES_MARK


def renamed_name(name: Any, old: str, new: str) -> Any:
    """`name`, with `new` if it is the path `old`, or a choice of passages of that document."""
    if name == old:
        return new
    marked = isinstance(name, str) and name.startswith(f"{old}{PASSAGES_MARK}")
    return f"{new}{name[len(old) :]}" if marked else name


def renamed_source(source: Sequence[Any], old: str, new: str) -> list[Any]:
    """A source as JSON data: its section, name, label and hash, and its places, which old histories do not have."""
    section, name, *rest = source
    if section in ("context", "layout"):
        name = renamed_name(name, old, new)
    if len(rest) > 2 and rest[2] is not None:
        rest[2] = [[new if place[0] == old else place[0], *place[1:]] for place in rest[2]]
    return [section, name, *rest]


def renamed_sources(spans: str, old: str, new: str) -> str:
    """The spans and sources of a stored result, with the file `old` called `new`; the same text if it is not in it."""
    data = json.loads(spans)
    renamed = {
        **data,
        "spans": [[*span[:4], _of_span(span, old, new), *span[5:]] for span in data["spans"]],
        "sources": [renamed_source(source, old, new) for source in data["sources"]],
    }
    return spans if renamed == data else json.dumps(renamed)


def _of_span(span: Sequence[Any], old: str, new: str) -> Any:
    return renamed_name(span[4], old, new) if span[3] == "context" else span[4]


__all__ = ["renamed_name", "renamed_source", "renamed_sources"]

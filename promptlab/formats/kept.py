"""A promptlab template that rode along in a foreign file, taken back while it is still what the file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptlab import templates
from promptlab.errors import TemplateError


@dataclass(frozen=True)
class Kept:
    """The template file's text, or why there is none: `problem` is empty when nothing was kept in the first place."""

    text: str | None = None
    problem: str = ""


def template(entry: Any, messages: str, path: str) -> Kept:
    """The text kept in `entry`, if the messages in the foreign file still have the hash they were exported with."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("template"), str):
        return Kept()
    if entry.get("messages") != messages:
        return Kept(problem="the prompt was changed since promptlab exported it; the kept template is not used")
    try:
        templates.parse(entry["template"], path=path)
    except TemplateError as exc:
        return Kept(problem=f"the template that was kept beside it is broken: {exc.what}")
    return Kept(entry["template"])

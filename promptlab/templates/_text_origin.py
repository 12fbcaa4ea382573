"""Where a stretch of text came from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from promptlab.types import LABELS, Label, Section


class TextOrigin(NamedTuple):
    """The origin of text; the fields are those of a `Span`."""

    section: Section
    source: str = ""
    label: Label = "public"


def strictest_origin(origins: Iterable[TextOrigin]) -> TextOrigin | None:
    """The one origin for text that came from several: the first with the highest label."""
    return max(origins, key=lambda origin: LABELS.index(origin.label), default=None)

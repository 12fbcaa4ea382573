"""Which runs of the history are listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listed:
    """The runs that are listed: of one template, with an answer of one model, with `text` in title, name, answer or
    message, whatever its case, of one version of a template (`blob`, the git id of its text), begun at `since` or
    later and before `until`, of these `kinds` (see `MadeFor`).

    With `pinned` only those that are pinned, or only those that are not. Deleted runs are left out; with `deleted`
    only they are listed. With `together` runs that were asked together are listed as one.
    """

    template: str | None = None
    model: str | None = None
    text: str | None = None
    blob: str | None = None
    since: str | None = None
    until: str | None = None
    kinds: Sequence[str] | None = None
    pinned: bool | None = None
    deleted: bool = False
    together: bool = False

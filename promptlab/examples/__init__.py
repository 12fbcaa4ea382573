"""examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.examples._edit import (
        add,
        add_or_replace,
        dedupe,
        delete,
        edit,
        id_for,
        new_path,
        same_question,
    )
    from promptlab.examples._pool import (
        choose,
        contradicts,
        duplicates,
        load_pool,
        paths,
        read_pool,
        repeats,
        search,
        select,
    )
    from promptlab.examples._select import Selection, facts

__all__ = [
    "Selection",
    "add",
    "add_or_replace",
    "choose",
    "contradicts",
    "dedupe",
    "delete",
    "duplicates",
    "edit",
    "facts",
    "id_for",
    "load_pool",
    "new_path",
    "paths",
    "read_pool",
    "repeats",
    "same_question",
    "search",
    "select",
]

__getattr__ = lazy(__name__)

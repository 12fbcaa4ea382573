"""workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.workspace._current_labels import FRAGMENT, MOST, Labels, Look, places_of
    from promptlab.workspace._gate import AGAIN, check, cleared, label_of
    from promptlab.workspace._labels import check_copy, set_label, unmatched
    from promptlab.workspace._ledger import Ledger, Sent, lowers, write_lowered
    from promptlab.workspace._ledger_read import Destination, destinations, newest, verify
    from promptlab.workspace._row_labels import FROM, as_data, origins
    from promptlab.workspace._scan import Found, Group, NotScanned, apart, find
    from promptlab.workspace._trust import (
        VARIABLE,
        Ask,
        asks,
        check_code,
        everything,
        file,
        forget,
        is_everything,
        missing,
        problem,
        trust,
    )
    from promptlab.workspace._workspace import FILE, UPLOADS, LlamaModel, OpenAIModel, Rule, Scan, Workspace

__all__ = [
    "AGAIN",
    "FILE",
    "FRAGMENT",
    "FROM",
    "MOST",
    "UPLOADS",
    "VARIABLE",
    "Ask",
    "Destination",
    "Found",
    "Group",
    "Labels",
    "Ledger",
    "LlamaModel",
    "Look",
    "NotScanned",
    "OpenAIModel",
    "Rule",
    "Scan",
    "Sent",
    "Workspace",
    "apart",
    "as_data",
    "asks",
    "check",
    "check_code",
    "check_copy",
    "cleared",
    "destinations",
    "everything",
    "file",
    "find",
    "forget",
    "is_everything",
    "label_of",
    "lowers",
    "missing",
    "newest",
    "origins",
    "places_of",
    "problem",
    "set_label",
    "trust",
    "unmatched",
    "verify",
    "write_lowered",
]

__getattr__ = lazy(__name__)

"""Recorded items that are no longer in the suite: their case, variant, model or repeat was removed.

A replay and pytest fail on them, because a test that disappears looks like a test that passes.
"""

from __future__ import annotations

from promptlab.suites import _lock as suite_lock
from promptlab.suites._items import suite_items
from promptlab.suites._recording import Recording, write
from promptlab.suites._suite import ItemKey, Suite
from promptlab.workspace import Workspace


def left_items(workspace: Workspace, suite: Suite) -> list[ItemKey]:
    """The recorded items that are no longer in `suite`, in the order of the recording. Raises `InputError` if there is
    no recording, or a line of it is broken."""
    with Recording(workspace.resolve(suite.recording), shown=suite.recording) as recording:
        recorded = dict.fromkeys(recording.keys())
    for item in suite_items(workspace, suite):
        recorded.pop(item.key, None)
    return list(recorded)


def prune_recording(workspace: Workspace, suite: Suite) -> list[ItemKey]:
    """Remove these items from the recording; returns them. All other lines stay as they are."""
    with suite_lock.hold_suite(workspace, suite.path, "prune"):
        left = left_items(workspace, suite)
        if left:
            gone = set(left)
            path = workspace.resolve(suite.recording)
            with Recording(path, shown=suite.recording) as recording:
                write(path, (stored for stored in recording if stored.key not in gone))
        return left

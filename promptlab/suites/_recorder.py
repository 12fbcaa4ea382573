"""A suite's recording, written in the order of the suite while its answers come.

Answers end in any order within a chunk; one is written as soon as all before it have ended. What has no new answer
keeps the recorded one. The file takes the place of the old recording at the end, whole or not at all.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from contextlib import ExitStack

from promptlab._util.files import file_stamp, writing
from promptlab.suites._recorded_item import check_label, label_of_stored
from promptlab.suites._recording import Recording, Stored, Writer
from promptlab.suites._suite import Item, Key, Suite
from promptlab.types import LABELS, Place
from promptlab.workspace import FILE, Labels, Workspace


class LabelsHeld:
    """Whether a recording may hold what is put into it, and whether that is still so at the end.

    Each source is looked up once. What decides its label are files; their states are remembered, so that one look at
    each of them tells at the end whether any label may have changed.
    """

    def __init__(self, workspace: Workspace, recording: str) -> None:
        self._workspace, self._recording = workspace, recording
        self._labels = Labels(workspace)
        self._states = {FILE: file_stamp(workspace.root / FILE)}
        self._known: set[object] = set()
        self._own = self._labels.of_path(recording)

    def check(self, stored: Stored) -> None:
        """Raise `GateRefused` where the recording is labelled lower than what it would hold."""
        if self._own == LABELS[-1]:
            return
        prompt = stored.request.prompt
        new = [s for s in prompt.sources if (s.section, s.name, s.label, s.places) not in self._known]
        for place in (place for source in new for place in source.places or ()):
            self._remember(place)
        label = label_of_stored(self._labels, stored, among=new)
        check_label(self._own, self._recording, stored.key, label)
        # Inputs are of one case each: remembering them would grow with the suite.
        self._known |= {(s.section, s.name, s.label, s.places) for s in new if s.section != "input"}

    def _remember(self, place: Place) -> None:
        if place.path not in self._states:
            self._states[place.path] = file_stamp(self._workspace.root / place.path)

    def same(self) -> bool:
        """Whether every file that decided is as it was when it was looked at."""
        if any(source[3] is None for source in self._known if isinstance(source, tuple)):
            return False  # of an old recording that did not keep its files
        return all(file_stamp(self._workspace.root / path) == state for path, state in self._states.items())


class Recorder:
    """Takes what ends, and writes the recording. `order` are the items of the whole suite, in its order."""

    def __init__(self, workspace: Workspace, suite: Suite, order: Iterable[tuple[int, Item]]) -> None:
        self._order = (item.key for _, item in order)
        self._next = next(self._order, None)
        self._ended: dict[Key, Stored | None] = {}
        self._open = ExitStack()
        path = workspace.resolve(suite.recording)
        self._labels = LabelsHeld(workspace, suite.recording)
        self._old = Recording(path, shown=suite.recording) if path.is_file() else None
        if self._old:
            self._open.enter_context(self._old)
            weakref.finalize(self, self._old.close)  # nobody has to finish what was asked
        self._writer = Writer(self._open.enter_context(writing(path)))
        self.taken = 0

    def add(self, key: Key, new: Stored | None) -> None:
        """Take an item that has ended, with its answer or without. Raises `GateRefused` and `OSError`."""
        self._ended[key] = new
        while self._next is not None and self._next in self._ended:
            self._write_next()

    def finish(self) -> bool:
        """Write the rest, and put the recording in the place of the old one; what was not asked keeps what it had.
        False, and nothing is changed, where a label may be another one than when it was looked up."""
        while self._next is not None:
            self._write_next()
        if not self._labels.same():
            return False
        self._open.close()
        return True

    def _write_next(self) -> None:
        key = self._next
        assert key is not None, "somebody asked for it"
        new = self._ended.pop(key, None)
        stored = new or (self._old.find(key) if self._old else None)
        if stored:
            self._labels.check(stored)
            self._writer.add(stored)
        self.taken += new is not None
        self._next = next(self._order, None)

    def discard(self) -> None:
        """Leave the recording as it was."""
        gone = _Discarded()
        self._open.__exit__(_Discarded, gone, None)


class _Discarded(Exception):
    """Ends a file that is being written without putting it in its place."""

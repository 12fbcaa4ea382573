"""A suite's recording, written in the order of the suite while its answers come.

Answers end in any order within a chunk; an item is written as soon as all items before it have ended. An item without a
new answer keeps the recorded one. The file replaces the old recording at the end, whole or not at all.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TypeVar

from promptlab._util.files import file_stamp, writing
from promptlab._util.git import blob_id
from promptlab.errors import PromptlabError
from promptlab.suites._outcome import Answered
from promptlab.suites._recorded_item import RecordedItem, check_label, label_of_stored, stored_from
from promptlab.suites._recording import Recording, Writer
from promptlab.suites._suite import Item, ItemKey, Suite
from promptlab.types import LABELS, Place
from promptlab.workspace import FILE, Labels, Workspace

T = TypeVar("T")


class LabelsHeld:
    """Checks that a recording may hold an item, and at the end that this is still so.

    Each source is looked up once. Labels depend on files; the states of these files are remembered, so that one look at
    each of them tells at the end if a label may have changed.
    """

    def __init__(self, workspace: Workspace, recording: str) -> None:
        self._workspace, self._recording = workspace, recording
        self._labels = Labels(workspace)
        self._states = {FILE: file_stamp(workspace.root / FILE)}
        self._known: set[object] = set()
        self._own = self._labels.of_path(recording)

    def check(self, stored: RecordedItem) -> None:
        """Raise `GateRefused` if the recording has a lower label than the text of the item."""
        if self._own == LABELS[-1]:
            return
        prompt = stored.request.prompt
        new = [s for s in prompt.sources if (s.section, s.name, s.label, s.places) not in self._known]
        for place in (place for source in new for place in source.places or ()):
            self._remember(place)
        label = label_of_stored(self._labels, stored, among=new)
        check_label(self._own, self._recording, stored.key, label)
        # Inputs belong to one case each: remembering them would grow with the suite.
        self._known |= {(s.section, s.name, s.label, s.places) for s in new if s.section != "input"}

    def _remember(self, place: Place) -> None:
        if place.path not in self._states:
            self._states[place.path] = file_stamp(self._workspace.root / place.path)

    def same(self) -> bool:
        """True if every file that labels depend on is as it was when it was looked up."""
        if any(source[3] is None for source in self._known if isinstance(source, tuple)):
            return False  # from an old recording, which did not keep the files of its sources
        return all(file_stamp(self._workspace.root / path) == state for path, state in self._states.items())


class Recorder:
    """Takes items as they end, and writes the recording. `order` are all items of the suite, in its order."""

    def __init__(self, workspace: Workspace, suite: Suite, order: Iterable[tuple[int, Item]]) -> None:
        self._order = (item.key for _, item in order)
        self._next = next(self._order, None)
        self._ended: dict[ItemKey, RecordedItem | None] = {}
        self._open = ExitStack()
        path = workspace.resolve(suite.recording)
        self._labels = LabelsHeld(workspace, suite.recording)
        self._old = Recording(path, shown=suite.recording) if path.is_file() else None
        if self._old:
            self._open.enter_context(self._old)
            weakref.finalize(self, self._old.close)  # the caller may never call `finish`
        self._writer = Writer(self._open.enter_context(writing(path)))
        self.taken = 0

    def add(self, key: ItemKey, new: RecordedItem | None) -> None:
        """Take an item that has ended; `new` is None if it has no answer. Raises `GateRefused` and `OSError`."""
        self._ended[key] = new
        while self._next is not None and self._next in self._ended:
            self._write_next(self._next)

    def finish(self) -> bool:
        """Write the remaining items, which keep their recorded answers, and replace the old recording.

        Returns False, and changes nothing, if a label may have changed since it was looked up.
        """
        while self._next is not None:
            self._write_next(self._next)
        if not self._labels.same():
            return False
        self._open.close()
        return True

    def _write_next(self, key: ItemKey) -> None:
        new = self._ended.pop(key, None)
        stored = new or (self._old.find(key) if self._old else None)
        if stored:
            self._labels.check(stored)
            self._writer.add(stored)
        self.taken += new is not None
        self._next = next(self._order, None)

    def discard(self) -> None:
        """Leave the old recording as it is."""
        self._open.__exit__(_Discarded, _Discarded(), None)


class _Discarded(Exception):
    """Ends a file that is being written, so that it does not replace the old one."""


class RecorderOfRun:
    """The recorder of a suite run. If the recording cannot be written, asking goes on: the answers are in the run
    history, and `suites/_baseline.py` writes the recording from there, or says what is wrong."""

    def __init__(self, workspace: Workspace, suite: Suite, order: Iterable[tuple[int, Item]]) -> None:
        self._suite = suite
        self._blobs: dict[str, str] = {}
        self._recorder: Recorder | None = None
        self._recorder = self._tried(lambda: Recorder(workspace, suite, order))

    def add(self, answered: Answered) -> None:
        """Take an item that has ended."""
        if self._recorder is None:
            return
        result, recorder, new = answered.result, self._recorder, None
        if result.completion and result.request:
            blob = self._blob(answered.item)
            new = stored_from(self._suite, answered.item, result, answered.fingerprint, blob, answered.judged)
        self._tried(lambda: recorder.add(answered.item.key, new))

    def finish(self) -> int | None:
        """Replace the old recording; returns how many answers were taken, or None if it could not be written."""
        recorder = self._recorder
        if recorder is None or not self._tried(recorder.finish):
            self.discard()
            return None
        self._recorder = None
        return recorder.taken

    def discard(self) -> None:
        """Leave the old recording as it is."""
        if self._recorder:
            self._recorder.discard()
            self._recorder = None

    def _blob(self, item: Item) -> str:
        template = item.variant.template or self._suite.template
        if template.path not in self._blobs:
            self._blobs[template.path] = blob_id(template.source)
        return self._blobs[template.path]

    def _tried(self, action: Callable[[], T]) -> T | None:
        """The result of `action`; None, and the recorder is gone, if it fails."""
        try:
            return action()
        except (OSError, PromptlabError):
            self.discard()
            return None

"""Renaming a case. It keeps its record: the recorded items, the marks of people, and its place in the history.

    renamed = rename_case(workspace, "facts", "winner", "final-winner", log=log, store=store)
    renamed.suites[0].items            # 4: the recorded items that have the new id now

The case's file, the recordings and the marks are replaced together (`_util/transaction.py`): if the process is killed,
all or none of them have the new id. The history follows. A note (`_rename_note.py`) is there while that goes on; if it
is left behind, every command on the suite says so, and the same rename finishes what is missing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from promptlab._util import transaction
from promptlab.errors import PromptlabError, SuiteError, nearest
from promptlab.runs import Store
from promptlab.suites import _annotations as marking
from promptlab.suites import _case_file as case_files
from promptlab.suites import _file as suite_file
from promptlab.suites import _lock as suite_lock
from promptlab.suites._items import TrialMaker
from promptlab.suites._log import SuiteLog
from promptlab.suites._recording import Recording
from promptlab.suites._recording_line import has_seal, sealed
from promptlab.suites._rename_note import remove_note, write_note
from promptlab.suites._renamed_text import renamed_text
from promptlab.suites._suite import Case, CaseFile, Item, ItemKey, Suite, id_problem
from promptlab.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RenamedIn:
    """What has the new id in one suite: recorded items, marks, and rows of its history."""

    suite: str
    items: int
    marks: int
    rows: int


@dataclass(frozen=True, slots=True)
class Renamed:
    """A case that was renamed, or would be. `file` is the file that was changed, "" if the id was there already.
    `prompt_changes` says that the prompt of the case depends on its id: it leaves out the example with the same id."""

    file: str
    suites: tuple[RenamedIn, ...]
    prompt_changes: bool


def rename_case(
    workspace: Workspace,
    path: str,
    old: str,
    new: str,
    *,
    log: SuiteLog,
    store: Store,
    dry: bool = False,
    wait: bool = False,
    say: Callable[[str], None] | None = None,
) -> Renamed:
    """Call the case `old` of the suite at `path` `new`, wherever it is named; with `dry` only say what that changes.

    If its file has the new id already, the rest is renamed. If other suites read the same file of cases, it is renamed
    in them too. Raises `SuiteError` if the id is taken or cannot be one, and `SuiteBusy`.
    """
    suite = suite_file.read_suite(workspace, path)
    with ExitStack() as held:
        held.enter_context(suite_lock.hold_suite(workspace, suite.path, "rename", wait=wait, say=say))
        suite = suite_file.read_suite(workspace, path)  # as it is now that nobody else changes it
        renaming = _Renaming(workspace, suite, old, new)
        for other in renaming.others:
            held.enter_context(suite_lock.hold_suite(workspace, other.path, "rename", wait=wait, say=say))
        return renaming.carry_out(log, store, dry=dry)


class _Renaming:
    """The plan of a rename, checked."""

    def __init__(self, workspace: Workspace, suite: Suite, old: str, new: str) -> None:
        self._workspace, self._suite, self._old, self._new = workspace, suite, old, new
        problem = id_problem(new) if new else "the new id is empty"
        if problem or old == new:
            raise SuiteError(problem or f"`{new}` is the id already", file=suite.path)
        case, self._edits = self._case()
        self._case_now, self._file = case, case.place.rpartition(":")[0]
        shared = CaseFile(self._file)
        self.others = [other for other in self._every_other() if any(_same(shared, entry) for entry in other.entries)]
        for other in self.others:
            self._check_free(other)

    def _case(self) -> tuple[Case, bool]:
        """The case, and whether its file has the old id still."""
        cases = {case.id: case for case in case_files.read(self._workspace, self._suite)}
        if self._old in cases and self._new in cases:
            place = cases[self._new].place
            raise SuiteError(f"the id `{self._new}` is used in {place} already", file=self._suite.path, field="id")
        if self._old in cases:
            return cases[self._old], True
        if self._new in cases:
            return cases[self._new], False
        raise SuiteError(f"there is no case `{self._old}`", file=self._suite.path, hint=nearest(self._old, list(cases)))

    def _every_other(self) -> Iterator[Suite]:
        for path in suite_file.suite_paths(self._workspace) if self._file != self._suite.path else ():
            if path != self._suite.path:
                with contextlib.suppress(PromptlabError):  # a suite that cannot be read has nothing to rename
                    yield suite_file.read_suite(self._workspace, path)

    def _check_free(self, other: Suite) -> None:
        for case in case_files.read(self._workspace, other) if self._edits else ():
            if case.id == self._new:
                raise SuiteError(f"the id `{self._new}` is used in {case.place} already", file=other.path, field="id")

    def carry_out(self, log: SuiteLog, store: Store, *, dry: bool) -> Renamed:
        files: dict[str, bytes] = {}
        if self._edits:
            files[self._file] = renamed_text(self._workspace, self._file, self._old, self._new)
        done: list[RenamedIn] = []
        for suite in (self._suite, *self.others):
            recording, items = self._recording(suite)
            marks, count = marking.renamed_marks(self._workspace, suite.path, self._old, self._new)
            files |= {path: data for path, data in (recording, marks) if data is not None}
            done.append(RenamedIn(suite.path, items, count, log.count_rows(suite.path, self._old, free=self._new)))
        renamed = Renamed(self._file if self._edits else "", tuple(done), self._prompt_changes())
        if not dry:
            self._write(files, log, store)
        return renamed

    def _write(self, files: dict[str, bytes], log: SuiteLog, store: Store) -> None:
        suites = (self._suite, *self.others)
        for suite in suites:
            write_note(self._workspace, suite.path, suite=self._suite.path, old=self._old, new=self._new)
        transaction.write(self._workspace.root, files)
        for suite in suites:
            log.rename_case(suite.path, self._old, self._new)
            store.rename_cases(log.asked_as(suite.path, self._old, self._new))
        for suite in suites:
            remove_note(self._workspace, suite.path)

    def _recording(self, suite: Suite) -> tuple[tuple[str, bytes | None], int]:
        """The path of the recording with its new content, None if it stays, and how many items it renames."""
        path = self._workspace.resolve(suite.recording)
        if not path.is_file():
            return (suite.recording, None), 0
        with Recording(path, shown=suite.recording) as recording:
            known = set(recording.by_case())  # reads every line; a broken one is an error
        if self._old not in known:
            return (suite.recording, None), 0
        if self._new in known:
            raise SuiteError(
                f"both `{self._old}` and `{self._new}` are recorded",
                file=suite.recording,
                hint=f"`promptlab suite prune {suite.path}` removes what is no longer in the suite",
            )
        with path.open("rb") as file:
            lines = list(file)
        renamed = [self._line(line) for line in lines]
        count = sum(before != after for before, after in zip(lines, renamed, strict=True))
        return (suite.recording, b"".join(renamed)), count

    def _line(self, line: bytes) -> bytes:
        """A line of a recording, with the new id if it is about the case."""
        if self._old.encode("utf-8", "surrogatepass") not in line and b"\\" not in line:
            return line
        data = json.loads(line.decode("utf-8", "surrogatepass")) if line.strip() else {}
        if data.get("case") != self._old:
            return line
        data["case"] = self._new
        for source in data.get("sources", ()):
            for place in source[4] if len(source) > 4 else ():
                if list(place) == [self._file, self._old]:
                    place[1] = self._new
        if has_seal(line):
            del data["seal"]
        return sealed(json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"))

    def _prompt_changes(self) -> bool:
        """True if the case has another prompt under its new id: examples with the id of the case are left out."""
        fill = TrialMaker(self._workspace, self._suite)
        before, after = (replace(self._case_now, id=id) for id in (self._old, self._new))
        for variant in self._suite.variants:
            key = ItemKey("", variant.name, self._suite.models[0])
            try:
                prompts = [fill.trial(Item(key, case, variant)).prompt for case in (before, after)]
            except PromptlabError:
                continue
            if len({None if prompt is None else prompt.messages for prompt in prompts}) > 1:
                return True
        return False


def _same(shared: CaseFile, entry: Case | CaseFile) -> bool:
    return isinstance(entry, CaseFile) and entry.path == shared.path

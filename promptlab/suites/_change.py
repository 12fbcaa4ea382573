"""A change of a suite's files that is planned, shown as a diff, and then written: all of its files or none.

    change = plan_case(workspace, "facts", CaseDraft("host", {"question": "Where?"}, "Qatar"))
    change.files[0].old, change.files[0].new          # the texts, for a diff; nothing is written yet
    write_change(workspace, change)
    write_change(workspace, change.undone)            # as it was

A plan is checked as a suite is when it is read, with the new texts. It is written only if every file is still as it was
when the plan was made; otherwise `ChangedOnDisk` says which file is not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from promptlab._util import transaction
from promptlab._util.rows import BadRow
from promptlab.errors import PromptlabError, SuiteError
from promptlab.suites import _case_file as case_files
from promptlab.suites import _file as suite_file
from promptlab.suites import _lock as suite_lock
from promptlab.suites._suite import Case, CaseFile, Suite
from promptlab.workspace import Workspace


class ChangedOnDisk(SuiteError):
    """A file is no longer as it was when the change was planned. Nothing was written."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file before and after; None where it does not exist."""

    path: str
    before: bytes | None
    after: bytes | None

    @property
    def old(self) -> str:
        return (self.before or b"").decode("utf-8", "surrogatepass")

    @property
    def new(self) -> str:
        return (self.after or b"").decode("utf-8", "surrogatepass")

    @property
    def is_recording(self) -> bool:
        return self.path.startswith("fixtures/recordings/")


@dataclass(frozen=True, slots=True)
class SuiteChange:
    """What would be written: `what` says it in words, `recorded` is how many recorded answers go with a case."""

    suite: str
    what: str
    files: tuple[FileChange, ...]
    recorded: int = 0

    @property
    def empty(self) -> bool:
        """True if no file would change."""
        return all(file.before == file.after for file in self.files)

    @property
    def undone(self) -> SuiteChange:
        """The change that takes this one back."""
        files = tuple(FileChange(file.path, file.after, file.before) for file in self.files)
        return replace(self, what=f"Undo: {self.what}", files=files)


def content_of(workspace: Workspace, path: str) -> bytes | None:
    """The bytes of the file at `path` now; None if there is none."""
    try:
        return workspace.resolve(path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise SuiteError(f"cannot be read: {exc.strerror}", file=path) from exc


def text_of(data: bytes | None, path: str) -> str:
    """The text of a file's content. Raises `SuiteError` if it is not UTF-8."""
    try:
        return (data or b"").decode("utf-8")
    except UnicodeDecodeError as exc:
        raise SuiteError("not UTF-8 text", file=path, hint="save the file as UTF-8") from exc


def write_change(workspace: Workspace, change: SuiteChange) -> None:
    """Write all files of `change`, or none. Raises `ChangedOnDisk`, and `SuiteBusy` while the suite is asked."""
    with suite_lock.hold_suite(workspace, change.suite, "edit"):
        for file in change.files:
            if content_of(workspace, file.path) != file.before:
                what = "the file was changed on disk meanwhile, so nothing was written"
                raise ChangedOnDisk(what, file=file.path, hint="look at the change again, and write it then")
        written = {file.path: file.after for file in change.files if file.after is not None}
        transaction.write(workspace.root, written)
        for file in change.files:
            if file.after is None:
                workspace.resolve(file.path).unlink(missing_ok=True)


def checked(workspace: Workspace, path: str, texts: Mapping[str, str]) -> tuple[Suite, list[Case]]:
    """The suite at `path` with its cases, as it would be read with `texts` in place of the files on disk.

    Other suites that read one of the files are checked too. Raises `SuiteError` as reading a suite does.
    """
    suite, cases = _read(workspace, path, texts)
    for other in suite_file.suite_paths(workspace):
        if other == path or not _reads(workspace, other, texts):
            continue
        try:
            _read(workspace, other, texts)
        except PromptlabError as exc:
            what = f"the suite {other} reads this file too, and could not be read any more: {exc.message}"
            raise SuiteError(what, file=path, hint=exc.hint) from exc
    return suite, cases


def _reads(workspace: Workspace, path: str, texts: Mapping[str, str]) -> bool:
    """True if the suite at `path` can be read, and reads one of the files of `texts`."""
    with contextlib.suppress(PromptlabError):
        suite = suite_file.read_suite(workspace, path)
        shared = any(isinstance(entry, CaseFile) and entry.path in texts for entry in suite.entries)
        if shared:
            for _ in case_files.read(workspace, suite):
                pass
        return shared
    return False


def _read(workspace: Workspace, path: str, texts: Mapping[str, str]) -> tuple[Suite, list[Case]]:
    text = texts[path] if path in texts else text_of(content_of(workspace, path), path)
    suite = suite_file.parse_suite(workspace, text, path=path, texts=texts)
    try:
        cases = list(case_files.read(workspace, suite, texts=texts))
    except BadRow as exc:
        raise SuiteError(exc.message, file=path, line=exc.line, hint=exc.hint) from exc
    return suite, cases


def check_inputs(suite: Suite, cases: Sequence[Case]) -> None:
    """Raise `SuiteError` for an input that a case has and the template does not know, or that a case lacks."""
    declared = suite.template.inputs
    needed = [name for name, spec in declared.items() if spec.default is None]
    for case in cases:
        file, _, line = case.place.rpartition(":")
        unknown = next((name for name in case.inputs if name not in declared), None)
        missing = next((name for name in needed if case.inputs.get(name) is None), None)
        if unknown is None and missing is None:
            continue
        known = f"inputs of the template: {', '.join(declared) or 'none'}"
        what = f"the template has no input `{unknown}`" if unknown else f"the input `{missing}` is missing"
        field = f"inputs.{unknown or missing}"
        raise SuiteError(f"case `{case.id}`: {what}", file=file, line=int(line), field=field, hint=known)


__all__ = [
    "ChangedOnDisk",
    "FileChange",
    "SuiteChange",
    "check_inputs",
    "checked",
    "content_of",
    "text_of",
    "write_change",
]

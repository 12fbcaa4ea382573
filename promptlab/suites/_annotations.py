"""Marks: a person's verdict on an answer, good or bad, in `fixtures/marks/SUITE.jsonl`, one line for each answer.

    {"case": "winner", "variant": "article", "model": "gemma-3-270m", "answer": "5f0c…", "good": true, "by": "Ann"}

A mark belongs to one answer, named by its hash: another answer to the same case has no mark of its own yet. The lines
are sorted, so that the marks of two people merge in git.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from promptlab import stats
from promptlab._util.files import write_atomically
from promptlab.errors import SuiteError
from promptlab.suites import _lock as suite_lock
from promptlab.suites._suite import stem_of
from promptlab.types import sha256
from promptlab.workspace import Workspace

FOLDER = "fixtures/marks"


@dataclass(frozen=True, slots=True)
class Mark:
    """A person's verdict on an answer; `answer` is its SHA-256, `by` the person."""

    case: str
    variant: str
    model: str
    answer: str
    good: bool
    by: str = ""
    note: str = ""

    @property
    def place(self) -> tuple[str, str, str, str]:
        """The answer that it is about: case, variant, model and hash."""
        return (self.case, self.variant, self.model, self.answer)


def path_of_marks(suite_path: str) -> str:
    """The path of the marks of the suite at `suite_path`."""
    return f"{FOLDER}/{stem_of(suite_path)}.jsonl"


def load_marks(workspace: Workspace, suite_path: str) -> dict[tuple[str, str, str, str], Mark]:
    """All marks, by case, variant, model and the answer's hash. Raises `SuiteError` for a line that is no mark."""
    shown = path_of_marks(suite_path)
    full = workspace.resolve(shown)
    if not full.is_file():
        return {}
    marks: dict[tuple[str, str, str, str], Mark] = {}
    for number, line in enumerate(full.read_text(encoding="utf-8", errors="replace").split("\n"), 1):
        if not line.strip():
            continue
        try:
            mark = Mark(**json.loads(line))
            if not isinstance(mark.good, bool):
                raise TypeError("`good` must be true or false")
        except (ValueError, TypeError, RecursionError) as exc:
            raise SuiteError(f"not a mark: {exc}", file=shown, line=number, hint="fix the line, or remove it") from exc
        marks[mark.place] = mark
    return marks


def add_mark(workspace: Workspace, suite_path: str, mark: Mark) -> None:
    """Add a mark. It replaces an earlier mark of the same answer."""
    with suite_lock.hold_suite(workspace, path_of_marks(suite_path), "mark", wait=True):
        marks = load_marks(workspace, suite_path)
        marks[mark.place] = mark
        _write(workspace, suite_path, marks.values())


def remove_mark(workspace: Workspace, suite_path: str, place: tuple[str, str, str, str]) -> None:
    """Remove the mark of an answer."""
    with suite_lock.hold_suite(workspace, path_of_marks(suite_path), "mark", wait=True):
        marks = load_marks(workspace, suite_path)
        if marks.pop(place, None):
            _write(workspace, suite_path, marks.values())


def renamed_marks(workspace: Workspace, suite_path: str, old: str, new: str) -> tuple[tuple[str, bytes | None], int]:
    """The path of the marks with their content when the case `old` is called `new`, None if that stays as it is, and
    how many marks change. Raises `SuiteError` if there are different marks of the same answer under both ids."""
    path = path_of_marks(suite_path)
    marks = load_marks(workspace, suite_path)
    about = [mark for mark in marks.values() if mark.case == old]
    for mark in about:
        moved = replace(mark, case=new)
        other = marks.get(moved.place)
        if other is not None and other.good != mark.good:
            what = f"the same answer is marked differently under `{old}` and `{new}`"
            raise SuiteError(what, file=path, hint="remove one of the two marks")
        del marks[mark.place]
        marks[moved.place] = other or moved
    return (path, _content(marks.values()) if about else None), len(about)


def _write(workspace: Workspace, suite_path: str, marks: Iterable[Mark]) -> None:
    write_atomically(workspace.resolve(path_of_marks(suite_path)), _content(marks))


def _content(marks: Iterable[Mark]) -> bytes:
    lines = [
        json.dumps({name: getattr(mark, name) for name in Mark.__slots__}, ensure_ascii=False)
        for mark in sorted(marks, key=lambda mark: mark.place)
    ]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def answer_id(text: str) -> str:
    """The hash that names an answer in a mark."""
    return sha256(text)


def agreement(judged: Iterable[tuple[bool, bool, str]]) -> stats.Agreement:
    """How far a judge agrees with people, from both verdicts on the same answer and the id of its case."""
    found = list(judged)
    return stats.agreement([(judge, person) for judge, person, _ in found], cases=[case for *_, case in found])

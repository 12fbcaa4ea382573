"""What people said of answers: good or bad, in `fixtures/marks/SUITE.jsonl`, one line an answer.

    {"case": "winner", "variant": "article", "model": "gemma-3-270m", "answer": "5f0c…", "good": true, "by": "Ann"}

A mark is of one answer, named by its hash: another answer to the same case has no mark until somebody looks at it. The
file is ordered, so that two people's marks merge in git.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

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
    """What somebody said of an answer; `answer` is its SHA-256."""

    case: str
    variant: str
    model: str
    answer: str
    good: bool
    by: str = ""
    note: str = ""

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Which answer it is about."""
        return (self.case, self.variant, self.model, self.answer)


def path_of_marks(suite_path: str) -> str:
    """The file of marks of the suite at `suite_path`."""
    return f"{FOLDER}/{stem_of(suite_path)}.jsonl"


def load_marks(workspace: Workspace, suite_path: str) -> dict[tuple[str, str, str, str], Mark]:
    """Every mark by case, variant, model and the answer's hash. Raises `SuiteError` with the line of a broken one."""
    shown = path_of_marks(suite_path)
    full = workspace.resolve(shown)
    if not full.is_file():
        return {}
    found: dict[tuple[str, str, str, str], Mark] = {}
    for number, line in enumerate(full.read_text(encoding="utf-8", errors="replace").split("\n"), 1):
        if not line.strip():
            continue
        try:
            mark = Mark(**json.loads(line))
            if not isinstance(mark.good, bool):
                raise TypeError("`good` is true or false")
        except (ValueError, TypeError, RecursionError) as exc:
            raise SuiteError(
                f"not a mark: {exc}", file=shown, line=number, hint="take the line out, or mend it"
            ) from exc
        found[mark.place] = mark
    return found


def add_mark(workspace: Workspace, suite_path: str, mark: Mark) -> None:
    """Add a mark, in the place of an earlier one of the same answer."""
    with suite_lock.hold_suite(workspace, path_of_marks(suite_path), "mark", wait=True):
        marks = load_marks(workspace, suite_path)
        marks[mark.place] = mark
        _write(workspace, suite_path, marks.values())


def remove_mark(workspace: Workspace, suite_path: str, place: tuple[str, str, str, str]) -> None:
    """Take the mark of an answer away."""
    with suite_lock.hold_suite(workspace, path_of_marks(suite_path), "mark", wait=True):
        marks = load_marks(workspace, suite_path)
        if marks.pop(place, None):
            _write(workspace, suite_path, marks.values())


def _write(workspace: Workspace, suite_path: str, marks: Iterable[Mark]) -> None:
    lines = [
        json.dumps({name: getattr(mark, name) for name in Mark.__slots__}, ensure_ascii=False)
        for mark in sorted(marks, key=lambda mark: mark.place)
    ]
    text = "".join(f"{line}\n" for line in lines)
    write_atomically(workspace.resolve(path_of_marks(suite_path)), text.encode("utf-8", "surrogatepass"))


def answer_id(text: str) -> str:
    """How a mark names an answer."""
    return sha256(text)


def agreement(judged: Iterable[tuple[bool, bool]]) -> stats.Agreement:
    """How far a judge agrees with people: pairs of what the judge and a mark say of the same answer."""
    return stats.agreement(list(judged))

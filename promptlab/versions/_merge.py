"""Bringing two versions of one text together, and saying word by word what sets two texts apart."""

from __future__ import annotations

import difflib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from promptlab._util.git import Git
from promptlab.errors import ShelfError

ChangeKind = Literal["same", "added", "removed"]

_WORD = re.compile(r"\w+|\n|[^\S\n]+|[^\w\s]")
_MOST = 4_000_000
"""Pairs of words compared at most within one changed place; beyond, the place counts as replaced."""


@dataclass(frozen=True, slots=True)
class TextChange:
    """A piece of text that both texts have, or that only the new one (`added`) or the old one (`removed`) has."""

    kind: ChangeKind
    text: str


@dataclass(frozen=True)
class Merged:
    """Two versions brought together. With `conflicts`, the text has git's markers around each of those places."""

    text: str
    conflicts: int

    @property
    def clean(self) -> bool:
        return self.conflicts == 0


def merge_texts(
    base: str,
    ours: str,
    theirs: str,
    *,
    names: tuple[str, str] = ("yours", "on disk"),
    prefer: Literal["ours", "theirs"] | None = None,
) -> Merged:
    """What `ours` and `theirs` both made of `base`, by `git merge-file`.

    Where both changed one place, it is marked, or, with `prefer`, that side's text is taken.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for file, text in zip(files, (ours, base, theirs), strict=True):
            file.write_bytes(text.encode("utf-8"))
        labels = [word for name in (names[0], "as it was", names[1]) for word in ("-L", name)]
        side = [f"--{prefer}"] if prefer else []
        done = Git(Path(folder)).run("merge-file", "-p", *side, *labels, *(file.name for file in files))
    if done.code > 127:
        raise ShelfError(f"the two versions cannot be brought together: {done.err.strip()}")
    return Merged(done.raw.decode("utf-8"), done.code)


def word_changes(old: str, new: str) -> tuple[TextChange, ...]:
    """What turns `old` into `new`, word by word: same and removed pieces make `old`, same and added ones `new`.

    Lines are paired first, so that a long text costs little; within a changed place the words are.
    """
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    found: list[TextChange] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        gone, come = "".join(before[a:b]), "".join(after[c:d])
        if tag == "equal":
            found.append(TextChange("same", gone))
        else:
            found += _words(gone, come)
    return _joined(found)


def _words(old: str, new: str) -> list[TextChange]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    if not before or not after or len(before) * len(after) > _MOST:
        return [TextChange("removed", old), TextChange("added", new)]
    found: list[TextChange] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(TextChange("same", "".join(before[a:b])))
        else:
            found += [TextChange("removed", "".join(before[a:b])), TextChange("added", "".join(after[c:d]))]
    return found


def _joined(changes: list[TextChange]) -> tuple[TextChange, ...]:
    """Neighbours of one kind as one; within a changed place what was taken away comes first, then what came.

    A space between two changed words changed with them: a phrase is easier to read than its words.
    """
    found: list[TextChange] = []
    gone, come = "", ""
    for number, change in enumerate([*changes, TextChange("same", "")]):
        within = (gone or come) and number + 1 < len(changes) and changes[number + 1].kind != "same"
        if change.kind == "removed":
            gone += change.text
        elif change.kind == "added":
            come += change.text
        elif within and change.text.isspace() and "\n" not in change.text:
            gone, come = gone + change.text, come + change.text
        else:
            found += [TextChange("removed", gone)] if gone else []
            found += [TextChange("added", come)] if come else []
            gone, come = "", ""
            if change.text and found and found[-1].kind == "same":
                found[-1] = TextChange("same", found[-1].text + change.text)
            elif change.text:
                found.append(change)
    return tuple(found)

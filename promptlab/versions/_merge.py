"""Merging two versions of a text, and the difference of two texts, word by word."""

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
"""Most pairs of words that are compared within one changed place. A larger place counts as replaced."""


@dataclass(frozen=True, slots=True)
class TextChange:
    """A piece of text: in both texts (`same`), only in the new one (`added`), or only in the old one (`removed`)."""

    kind: ChangeKind
    text: str


@dataclass(frozen=True)
class Merged:
    """The result of a merge. If there are `conflicts`, the text has the conflict markers of git around each place."""

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
    """Merge `ours` and `theirs`, which were both made from `base`, with `git merge-file`.

    A place that both changed gets conflict markers, or, with `prefer`, the text of that side.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for file, text in zip(files, (ours, base, theirs), strict=True):
            file.write_bytes(text.encode("utf-8"))
        labels = [word for name in (names[0], "as it was", names[1]) for word in ("-L", name)]
        side = [f"--{prefer}"] if prefer else []
        done = Git(Path(folder)).run("merge-file", "-p", *side, *labels, *(file.name for file in files))
    if done.code > 127:
        raise ShelfError(f"the two versions cannot be merged: {done.err.strip()}")
    return Merged(done.raw.decode("utf-8"), done.code)


def word_changes(old: str, new: str) -> tuple[TextChange, ...]:
    """The difference of two texts, word by word. The same and removed pieces are `old`; the same and added ones `new`.

    Lines are compared first, so that long texts are fast. Then the words are compared within each changed place.
    """
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    changes: list[TextChange] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        removed, added = "".join(before[a:b]), "".join(after[c:d])
        if tag == "equal":
            changes.append(TextChange("same", removed))
        else:
            changes += _words(removed, added)
    return _joined(changes)


def _words(old: str, new: str) -> list[TextChange]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    if not before or not after or len(before) * len(after) > _MOST:
        return [TextChange("removed", old), TextChange("added", new)]
    changes: list[TextChange] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            changes.append(TextChange("same", "".join(before[a:b])))
        else:
            changes += [TextChange("removed", "".join(before[a:b])), TextChange("added", "".join(after[c:d]))]
    return changes


def _joined(changes: list[TextChange]) -> tuple[TextChange, ...]:
    """Join neighbours of the same kind. In a changed place, removed text comes first, then added text.

    A space between two changed words counts as changed too, because a whole phrase is easier to read than single words.
    """
    joined: list[TextChange] = []
    removed, added = "", ""
    for number, change in enumerate([*changes, TextChange("same", "")]):
        within = (removed or added) and number + 1 < len(changes) and changes[number + 1].kind != "same"
        if change.kind == "removed":
            removed += change.text
        elif change.kind == "added":
            added += change.text
        elif within and change.text.isspace() and "\n" not in change.text:
            removed, added = removed + change.text, added + change.text
        else:
            joined += [TextChange("removed", removed)] if removed else []
            joined += [TextChange("added", added)] if added else []
            removed, added = "", ""
            if change.text and joined and joined[-1].kind == "same":
                joined[-1] = TextChange("same", joined[-1].text + change.text)
            elif change.text:
                joined.append(change)
    return tuple(joined)

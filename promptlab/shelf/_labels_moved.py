"""The label of a file under a new name: the texts of promptlab.yaml that keep it.

    plan = label_texts(workspace, "documents/plan.md", "documents/plan-2026.md", keep_old=False)
    plan.first       # written before the file gets its new name: both names have a line
    plan.last        # written after that

A file never has a lower label under its new name, not for a moment. A line for exactly the old name is renamed; a
pattern that covers the new name too is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from promptlab._yaml import BlockMapping, CannotSplice, QuotedText, edit_yaml, parse_yaml, read_text
from promptlab.errors import ShelfError, WorkspaceError
from promptlab.types import LABELS, Label
from promptlab.workspace import FILE, Workspace


@dataclass(frozen=True, slots=True)
class LabelTexts:
    """promptlab.yaml as it is, before the move and after it; and the file's label then and now."""

    before: str
    first: str
    last: str
    was: Label
    label: Label


def label_texts(workspace: Workspace, old: str, new: str, *, keep_old: bool) -> LabelTexts:
    """What promptlab.yaml must say for `new` to be as private as `old`. With `keep_old` the old file stays.

    Raises `ShelfError` if the file cannot be changed in place.
    """
    before = read_text(workspace.resolve(FILE), shown=FILE, error=WorkspaceError)
    current = Workspace.parse(workspace.root, before)
    # A rename that was interrupted has moved the file already.
    was = current.label_of(old if (workspace.root / old).exists() else new)
    # A line for the old name may lower a label, too: that of an upload.
    exact = current.labels.get(old)
    wanted = _wanted(current, new, was, exact)
    first = _edited(before, "labels", old, new, wanted, rename=False) if wanted else before
    encoding = current.encodings.get(old)
    if encoding is not None:
        first = _edited(first, "encodings", old, new, encoding, rename=False)
    last = first
    if not keep_old and (exact is not None or encoding is not None):
        last = before
        if wanted or exact is not None:
            last = _edited(last, "labels", old, new, wanted, rename=exact is not None)
        if encoding is not None:
            last = _edited(last, "encodings", old, new, encoding, rename=True)
    for text in (first, last):
        label = Workspace.parse(workspace.root, text).label_of(new)
        if LABELS.index(label) < LABELS.index(was):
            raise ShelfError(
                f"`{new}` would be {label}, and `{old}` is {was}", hint=f"add a line for it to {FILE} first"
            )
    return LabelTexts(before, first, last, was, label)


def _wanted(workspace: Workspace, new: str, was: Label, exact: Label | None) -> Label | None:
    """The label that a line for the new name must give; None if it needs no line."""
    there = workspace.label_of(new)
    if new in workspace.labels:
        return was if LABELS.index(there) < LABELS.index(was) else None
    if LABELS.index(there) < LABELS.index(was):
        return was
    return exact if exact is not None and there != exact else None


def _edited(text: str, key: str, old: str, new: str, value: str | None, *, rename: bool) -> str:
    """`text` with an entry for `new` under `key`: in place of that of `old`, or at the end."""
    data = parse_yaml(text, shown=FILE, error=WorkspaceError).data or {}
    entries = data.get(key) or {} if isinstance(data, Mapping) else None
    try:
        if not isinstance(entries, Mapping):
            raise CannotSplice("no mapping")
        kept = {name: entry for name, entry in entries.items() if not (rename and name == old)}
        if value is not None:
            kept = {**kept, new if new in kept else QuotedText(new): value}
        if rename and value is not None and (in_place := _key_renamed(text, key, old, new, value)) is not None:
            return in_place
        after = edit_yaml(text, data, {**data, key: BlockMapping(kept) if kept else {}}, in_place=True)
    except CannotSplice as exc:
        hint = f'write `"{new}": {value}` under `{key}` by hand, and try again'
        raise ShelfError(f"{FILE} is written in a way that cannot be changed in one place", hint=hint) from exc
    return after


def _key_renamed(text: str, key: str, old: str, new: str, value: str) -> str | None:
    """`text` with the key of the entry itself replaced, so that its place and its comment stay; None if it cannot."""
    data = parse_yaml(text, shown=FILE, error=WorkspaceError).data
    wanted = {**data, key: {(new if name == old else name): entry for name, entry in data[key].items()}}
    if wanted[key].get(new) != value:
        return None
    quoted = new.replace("\\", "\\\\").replace('"', '\\"')
    for written, instead in ((f'"{old}"', f'"{quoted}"'), (f"'{old}'", f'"{quoted}"'), (f"{old}:", f'"{quoted}":')):
        for at in _places(text, written):
            after = text[:at] + instead + text[at + len(written) :]
            try:
                if parse_yaml(after, shown=FILE, error=WorkspaceError).data == wanted:
                    return after
            except WorkspaceError:
                continue
    return None


def _places(text: str, written: str) -> list[int]:
    places, at = [], text.find(written)
    while at >= 0:
        places.append(at)
        at = text.find(written, at + 1)
    return places


__all__ = ["LabelTexts", "label_texts"]

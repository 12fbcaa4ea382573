"""Saying what label a file has: one line of promptlab.yaml, and nothing else of it, is changed.

set_label(workspace, "documents/uploads/minutes.docx", "public", reason="it is on our web site since Monday")

Lowering one lets more models see the text, so who did it and why is a line of the ledger.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from promptlab import _yaml
from promptlab._util.files import write_atomically
from promptlab._yaml import BlockMapping, CannotSplice, QuotedText, parse_yaml, read_text
from promptlab.errors import GateRefused, WorkspaceError, nearest
from promptlab.types import LABELS, Label
from promptlab.workspace import _label_paths as label_paths
from promptlab.workspace._ledger import is_lower, record_lowered_label
from promptlab.workspace._workspace import FILE, Workspace

MOST_FILES = 100_000
FILE_LOCK = threading.Lock()
"""Held while promptlab.yaml is read and written back."""


def set_label(workspace: Workspace, path: str, label: Label, *, reason: str = "") -> Workspace:
    """Give the file `path` the label, in promptlab.yaml; the workspace as it is then. A lower one needs a `reason`.

    Comments, order and quoting of the rest stay to the byte. Raises `WorkspaceError` when there is no such file,
    when its name is a pattern, when a stricter pattern covers it too (which one is said; nothing is written then),
    or when promptlab.yaml is written in a way that cannot be changed in one place.
    """
    if label not in LABELS:
        raise WorkspaceError(f"there is no label `{label}`", hint=nearest(label, LABELS))
    full = workspace.resolve(path)
    if not full.exists():
        raise WorkspaceError(f"there is no file `{path}` to label")
    name = workspace.relative(full)
    if set("*?") & set(name):
        raise WorkspaceError(f"`{name}` would be a pattern for more files than this one", hint="rename the file first")
    with FILE_LOCK:
        file = workspace.resolve(FILE)
        before = read_text(file, shown=FILE, error=WorkspaceError)
        after = _edited(before, name, label)
        changed = Workspace.parse(workspace.root, after)
        old = Workspace.parse(workspace.root, before)
        if changed.labels != {**old.labels, name: label} or changed.models != old.models:
            raise _too_clever()
        if (now := changed.label_of(path)) != label:
            pattern = next(p for p, other in changed.labels.items() if other == now and changed.matches(p, path))
            hint = f"change the line `{pattern}: {now}` in {FILE}, which covers other files too"
            raise WorkspaceError(f"`{name}` stays {now}, by the pattern `{pattern}`", file=FILE, hint=hint)
        was = old.label_of(path)
        if is_lower(was, label):
            hint = f'say why: promptlab documents label {name} {label} --reason "it is published"'
            record_lowered_label(workspace.state, name, before=was, after=label, reason=reason, hint=hint)
        if after != before:
            write_atomically(file, after.encode())
    return changed


def check_copy_label(workspace: Workspace, label: Label, target: Path) -> None:
    """Raise `GateRefused` where text labelled `label` would be written to a file of the workspace that is labelled
    lower: the copy would lose its label. What is outside the workspace has none to lose."""
    for name in workspace.names_of(target):
        own = workspace.label_of(name)
        if not Path(name).is_absolute() and LABELS.index(own) < LABELS.index(label):
            hint = f'first add to `labels` in promptlab.yaml: "{name}": {label}'
            raise GateRefused(f"not written: the text is {label}, and `{name}` is {own}", hint=hint)


def unmatched_patterns(workspace: Workspace) -> list[str]:
    """The patterns of `labels` that are about no file there is now: a slip, a file that moved, or one yet to come.

    Folders of git and of promptlab's own are left out. A workspace with more than `MOST_FILES` files is not looked
    through, and then there are none.
    """
    left = set(workspace.labels)
    count = 0
    for folder, folders, files in os.walk(workspace.root):
        folders[:] = [one for one in folders if one not in (".git", workspace.state.name)]
        inside = Path(folder).relative_to(workspace.root)
        for name in (*files, *folders):
            if not left:
                return []
            if (count := count + 1) > MOST_FILES:
                return []
            path = (inside / name).as_posix()
            left -= {pattern for pattern in left if _about(pattern, path)}
    return [pattern for pattern in workspace.labels if pattern in left]


def _about(pattern: str, path: str) -> bool:
    folded = label_paths.fold_name(path)
    return bool(
        label_paths.exact_pattern(pattern).fullmatch(path) or label_paths.gitignore_pattern(pattern).fullmatch(folded)
    )


def _too_clever() -> WorkspaceError:
    hint = "add a line under `labels:` by hand"
    return WorkspaceError("is written in a way that cannot be changed in one place", file=FILE, hint=hint)


def _edited(text: str, name: str, label: Label) -> str:
    """`text` with the label of `name` put in."""
    data = parse_yaml(text, shown=FILE, error=WorkspaceError).data
    old = {} if data is None else data
    labels = old.get("labels") if isinstance(old, dict) else None
    if not isinstance(old, dict) or not isinstance(labels, dict | None):
        raise _too_clever()
    labels = labels or {}
    new = {**old, "labels": BlockMapping({**labels, name if name in labels else QuotedText(name): label})}
    try:
        after = _yaml.edit_yaml(text, old, new, in_place=True)
    except CannotSplice as exc:
        raise _too_clever() from exc
    ends = text.endswith("\n") or not text or data is None
    return after if ends else after.removesuffix("\n").removesuffix("\r")

"""Where a text stands: how it differs from its file, and whether a version holds it.

standing(workspace, "templates/cup.yaml", text, base=text_as_opened).kind        # "changed"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from promptlab._util.git import Git, blob_id, repository
from promptlab.errors import NoRepository
from promptlab.versions._history import git_path
from promptlab.versions._save import is_committed, text_on_disk
from promptlab.workspace import Workspace

StatusKind = Literal["saved", "written", "changed", "new", "apart"]


@dataclass(frozen=True)
class TemplateStatus:
    """How a text stands to its file, which holds `disk` (None: there is none), and to git.

    It is `saved` in the newest version, `written` into the file and in no version, `changed` from what the file
    holds, `new`, or `apart`: the file was changed by somebody else since. `commit` is the newest version of the file.
    """

    kind: StatusKind
    commit: str = ""
    disk: str | None = None
    repository: bool = True


def template_status(workspace: Workspace, path: str, text: str, base: str | None) -> TemplateStatus:
    """Where `text`, made from `base` (None: there was no such file), stands. Asks git once where all is well."""
    now = text_on_disk(workspace, path)
    try:
        git = Git(workspace.root)
        words = ("log", "-1", "--diff-merges=first-parent", "--raw", "--no-abbrev", "--format=%H", "HEAD", "--")
        done = git.run(*words, git_path(workspace, path))
        if done.code:
            git = repository(workspace.root)
    except NoRepository:
        return TemplateStatus(_kind(text, base, now, committed=False), disk=now, repository=False)
    commit, _, changes = done.out.strip().partition("\n") if done.code == 0 else ("", "", "")
    # A filter, such as that of line endings, may let git keep another text than the file has: then git compares.
    as_committed = now is not None and bool(commit)
    as_committed = as_committed and (blob_id(now or "") in changes.split() or is_committed(git, workspace, path))
    return TemplateStatus(_kind(text, base, now, committed=as_committed), commit=commit, disk=now)


def _kind(text: str, base: str | None, now: str | None, *, committed: bool) -> StatusKind:
    if now == text:
        return "saved" if committed else "written"
    if now != base:
        return "apart"
    return "new" if now is None else "changed"


__all__ = ["StatusKind", "TemplateStatus", "template_status"]

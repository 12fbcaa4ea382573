"""The status of a text in the editor: compared with its file, and with the newest version in git.

template_status(workspace, "templates/cup.yaml", text, base=text_as_opened).kind        # "changed"
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
    """The status of a text. `disk` is the text of the file now, None if it does not exist.

    `saved`: the text is committed. `written`: it is in the file, but not committed. `changed`: it differs from the
    file. `new`: there is no file yet. `apart`: the file was changed by another user or program. `commit` is the newest
    version of the file.
    """

    kind: StatusKind
    commit: str = ""
    disk: str | None = None
    repository: bool = True


def template_status(workspace: Workspace, path: str, text: str, base: str | None) -> TemplateStatus:
    """The status of `text`, which was made from `base` (None: there was no file). Usually a single call of git."""
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
    # A git filter, such as that for line endings, may store another text than the file has. Then git compares them.
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

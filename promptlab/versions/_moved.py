"""A file that gets another name, or goes, in git: one commit of what belongs to it, and its variants.

commit_files(workspace, ["templates/a.yaml", "templates/b.yaml"], "Rename a to b")
rename_variants(workspace, "templates/a.yaml", "templates/b.yaml")
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from promptlab._util.git import Git, repository
from promptlab.errors import CommitRefused, ShelfError
from promptlab.versions._branches import BRANCHES, RENAMED_FROM, list_variants
from promptlab.versions._history import git_path, template_ref
from promptlab.versions._save import SAVING, is_committed
from promptlab.workspace import Workspace


def clean_files(workspace: Workspace, paths: Sequence[str]) -> list[str]:
    """Those of `paths` that are the same as their newest version. None if there is no repository."""
    try:
        git = repository(workspace.root)
    except ShelfError:
        return []
    return [path for path in paths if is_committed(git, workspace, path)]


def commit_files(workspace: Workspace, paths: Sequence[str], message: str) -> str:
    """Commit these files as they are now, also those that are gone, and nothing else. Returns the commit; "" if nothing
    changed. Raises `NoRepository`, `NoIdentity` and `CommitRefused`; the files stay as they are then."""
    git = repository(workspace.root)
    git.identity()
    with SAVING:
        inside = [path for path in paths if git.blob("HEAD", path) or (workspace.root / path).exists()]
        if not inside or not _differ(git, workspace, inside):
            return ""
        fresh = [path for path in inside if git.run("ls-files", "--error-unmatch", "--", path).code != 0]
        fresh = [path for path in fresh if (workspace.root / path).exists()]
        if fresh:
            added = git.change("add", "--intent-to-add", "--", *fresh)
            if added.code:
                raise CommitRefused(f"git refuses to add {fresh[0]}: {added.said}", output=added.said)
        done = git.change("commit", "--only", "--file=-", "--", *inside, text=message)
        if done.code:
            for path in fresh:
                git.change("update-index", "--force-remove", "--", path)
            raise CommitRefused(f"the commit was refused:\n{done.said}", hint=_KEPT, output=done.said)
        return git.tip()


_KEPT = "the files are changed, but not committed; mend the problem above and commit them"


def _differ(git: Git, workspace: Workspace, paths: Sequence[str]) -> bool:
    return any((workspace.root / p).exists() != bool(git.blob("HEAD", p)) for p in paths) or (
        git.run("diff", "--quiet", "HEAD", "--", *paths).code != 0
    )


def rename_variants(workspace: Workspace, old: str, new: str) -> tuple[list[str], list[str]]:
    """Give the variants of the template `old` to `new`: the names of those, and of those that could not be moved.

    A branch gets one more commit, in which the file has its new name, and the branch its new one. A variant that is
    checked out stays where it is.
    """
    try:
        git = repository(workspace.root)
        git.identity()
    except ShelfError:
        return [], []
    moved, left = list[str](), list[str]()
    here = git.run("symbolic-ref", "--quiet", "HEAD").out.strip()
    for variant in list_variants(workspace, old):
        before = f"refs/heads/{variant.branch}"
        after = f"{BRANCHES}{template_ref(new)}/{variant.name}"
        if before == here or not variant.blob:
            left.append(variant.name)
            continue
        commit = _renaming_commit(git, variant.commit, git_path(workspace, old), git_path(workspace, new))
        if git.run("update-ref", after, commit, "0" * len(commit)).code:
            left.append(variant.name)
            continue
        git.run("update-ref", "-d", before, variant.commit)
        moved.append(variant.name)
    return moved, left


def _renaming_commit(git: Git, parent: str, old: str, new: str) -> str:
    """A commit on top of `parent` in which the file `old` is called `new`."""
    prefix = git.ask("rev-parse", "--show-prefix")
    mode, _, blob = git.ask("ls-tree", parent, f"./{old}").split("\t")[0].split(" ")
    with tempfile.TemporaryDirectory() as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git.ask("read-tree", parent, env=env)
        git.ask("update-index", "--force-remove", "--", f"{old}", env=env)
        git.ask("update-index", "--add", "--cacheinfo", f"{mode},{blob},{prefix}{new}", env=env)
        tree = git.ask("write-tree", env=env)
    sign = ["-S"] if git.run("config", "--type=bool", "commit.gpgSign").out.strip() == "true" else []
    message = git.ask("log", "-1", "--format=%s", parent) + f"\n\n{RENAMED_FROM}: {old}\n"
    return git.ask("commit-tree", *sign, "-p", parent, "-F", "-", tree, text=message)


__all__ = ["clean_files", "commit_files", "rename_variants"]

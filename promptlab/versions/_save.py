"""Saving templates in git: committing a file, restoring an old version, and naming a version.

    saved = save_template(workspace, "templates/cup.yaml", text, "Ask for the name only", base=text_as_opened)
    saved.commit                                      # "3f2a…", with this file only

Git itself makes the commit, with the hooks, signing and identity of the user. Only the one file is committed. Other
changes in the repository, staged or not, stay as they are. A file that changed on disk since it was opened is never
overwritten: `Conflict` is raised, with both texts and a merge of the two.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from promptlab._util import disk_errors as faults
from promptlab._util.files import write_atomically
from promptlab._util.git import Git, repository
from promptlab._yaml import read_text
from promptlab.errors import CommitRefused, Conflict, ShelfError, TemplateError
from promptlab.versions import _merge as merge
from promptlab.versions._history import Version, find_version, git_path, tag_ref, version_text
from promptlab.workspace import Workspace

ENDINGS = (".yaml", ".yml")
FOLDER = "templates"
SAVING = threading.RLock()
"""One save at a time in this process, so that no other thread writes between reading a file and replacing it."""


@dataclass(frozen=True)
class SavedVersion:
    """The result of a save. `committed` is False if the newest version had this text already.

    `text` is the text of the file now; a hook may have changed it. `said` is one sentence for the user.
    """

    path: str
    text: str
    blob: str
    commit: str
    committed: bool
    said: str


@dataclass(frozen=True)
class RepositoryState:
    """The repository of a workspace. If `repository` is False there is none. `branch` is "" on a detached head.

    `identity` is "" if the user has not told git a name and an address.
    """

    repository: bool
    branch: str = ""
    identity: str = ""


def repository_state(workspace: Workspace) -> RepositoryState:
    """The repository of the workspace, with its branch and the identity of the user."""
    try:
        git = repository(workspace.root)
    except ShelfError:
        return RepositoryState(repository=False)
    branch = git.run("symbolic-ref", "--quiet", "--short", "HEAD").out.strip()
    try:
        return RepositoryState(True, branch, git.identity())
    except ShelfError:
        return RepositoryState(True, branch)


def init_repository(workspace: Workspace) -> None:
    """Make the folder of the workspace a git repository. The state folder `.promptlab` is ignored by git."""
    git = Git(workspace.root)
    git.ask("init", "--quiet")
    exclude = workspace.root / git.ask("rev-parse", "--git-path", "info/exclude")
    rule = f"/{workspace.state.name}/\n"
    rules = exclude.read_text(encoding="utf-8") if exclude.exists() else ""
    if rule not in rules:
        write_atomically(exclude, (rules + rule).encode("utf-8"))


def set_identity(workspace: Workspace, name: str, address: str) -> None:
    """Set the name and mail address of the user in git, for this repository only."""
    git = repository(workspace.root)
    for key, value in (("user.name", name.strip()), ("user.email", address.strip())):
        if not value or any(char in value for char in "<>\n"):
            raise ShelfError(
                f"git does not accept the {key.removeprefix('user.')} `{value}`", hint="give a name and an address"
            )
        git.ask("config", "--local", key, value)


def template_path(workspace: Workspace, word: str) -> str:
    """The path in the workspace for `word`, which is a path, an absolute path, or the name of a template.

    The file need not exist.
    """
    if Path(word).is_absolute():
        return workspace.relative(Path(word))
    bare = "/" not in word and "\\" not in word and not word.endswith(ENDINGS)
    return f"templates/{word}.yaml" if bare else word


def save_template(workspace: Workspace, path: str, text: str, message: str, *, base: str | None) -> SavedVersion:
    """Write `text` to the file and commit only that file, with `message`.

    `base` is the text of the file when it was opened, None for a new file. Raises `NoRepository`, `NoIdentity` or
    `Conflict` before anything is written. Raises `CommitRefused` if a hook or git refuses the commit; then the text is
    in the file, but not committed.
    """
    if not message.strip():
        raise ShelfError("a version needs a message", hint="describe the change in a few words")
    git = repository(workspace.root)
    git.identity()
    with SAVING:
        write_template(workspace, path, text, base=base)
        return _commit(git, workspace, path, message)


def save_template_over(workspace: Workspace, path: str, text: str, message: str, *, theirs: str | None) -> SavedVersion:
    """Save `text` over `theirs`, which another user or program wrote to the file meanwhile.

    If `theirs` is not committed yet, it is committed first, so that it can be restored. Raises the errors of
    `save_template`, and `Conflict` if the file has changed once more.
    """
    with SAVING:
        if theirs is not None:
            save_template(workspace, path, theirs, f"Keep {Path(path).stem} as it was on disk", base=theirs)
        return save_template(workspace, path, text, message, base=theirs)


def write_template(workspace: Workspace, path: str, text: str, *, base: str | None) -> None:
    """Write `text` to the file without a commit, atomically. Raises `Conflict` as `save_template` does."""
    full = _file(workspace, path)
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise ShelfError(f"{path}: the text has a character that cannot be written (a lone surrogate)") from exc
    with SAVING:
        now = text_on_disk(workspace, path)
        if now == text:
            return
        if now != base:
            raise conflict_between(path, base, text, now)
        try:
            write_atomically(full, data)
        except OSError as exc:
            raise ShelfError(f"{path} cannot be written: {exc.strerror}", hint=faults.advice(exc)) from exc


def text_on_disk(workspace: Workspace, path: str) -> str | None:
    """The text of the file now. None if it does not exist."""
    full = _file(workspace, path)
    return read_text(full, shown=path, error=TemplateError) if full.exists() else None


def restore_version(workspace: Workspace, path: str, version: str, *, message: str = "") -> SavedVersion:
    """Restore an earlier version, as a new commit. The history stays as it is.

    `version` is a name for `find_version`. Raises `ShelfError` if the file has uncommitted changes.
    """
    earlier = find_version(workspace, path, version)
    with SAVING:
        now = committed_text(workspace, path)
        old = version_text(workspace, earlier)
        message = message or f"Restore {Path(path).stem} as of {earlier.commit[:8]} ({earlier.when[:10]})"
        return save_template(workspace, path, old, message, base=now)


def committed_text(workspace: Workspace, path: str) -> str | None:
    """The text of the file. Raises `ShelfError` if it has uncommitted changes."""
    git = repository(workspace.root)
    now = text_on_disk(workspace, path)
    if now is not None and not is_committed(git, workspace, path):
        raise ShelfError(
            f"{path} has changes that are in no version", hint="save them first, so that they can be restored"
        )
    return now


def tag_version(workspace: Workspace, path: str, version: str, name: str, *, move: bool = False) -> Version:
    """Give a version of the template a name, such as `production`. It becomes the git tag
    `templates/<template>/<name>`.

    It is an error if another version has the name, unless `move` is True.
    """
    git = repository(workspace.root)
    git.identity()
    named = find_version(workspace, path, version)
    ref = tag_ref(path, name)
    words = ["tag", *(["--force"] if move else []), "--annotate", "--file=-", ref.removeprefix("refs/tags/")]
    done = git.run(*words, named.commit, text=f"{Path(path).stem}: {name}\n")
    if done.code:
        hint = "" if move else "if another version has this name, move it with --move"
        raise ShelfError(f"the version cannot be named `{name}`: {done.said}", hint=hint)
    return find_version(workspace, path, named.commit)


def remove_tag(workspace: Workspace, path: str, name: str) -> None:
    """Remove the name of a version. The version stays."""
    repository(workspace.root).ask("tag", "--delete", tag_ref(path, name).removeprefix("refs/tags/"))


def _file(workspace: Workspace, path: str) -> Path:
    full = workspace.resolve(path)
    if full.suffix not in ENDINGS or ".git" in full.parts:
        raise ShelfError(f"`{path}` is not a template file", hint="templates end in .yaml, as in templates/triage.yaml")
    if full.is_dir():
        raise ShelfError(f"`{path}` is a folder")
    if not full.is_relative_to(workspace.root.resolve() / FOLDER):
        # For example promptlab.yaml or a suite, or a link to one of them.
        hint = f"save it as {FOLDER}/{full.name}"
        raise ShelfError(f"`{path}` is not a template: templates are in {FOLDER}/", hint=hint)
    return full


def conflict_between(path: str, base: str | None, ours: str, theirs: str | None) -> Conflict:
    """The `Conflict` if `ours` was made from `base`, but the file now contains `theirs`."""
    merged = merge.merge_texts(base or "", ours, theirs or "")
    what = "was deleted" if theirs is None else "appeared" if base is None else "was changed by another user"
    return Conflict(
        f"{path} {what} since it was opened, so nothing was written",
        hint="keep yours, keep theirs, or merge the two; then save again",
        base=base,
        ours=ours,
        theirs=theirs,
        merged=merged.text,
        clean=merged.clean and theirs is not None,
    )


def is_committed(git: Git, workspace: Workspace, path: str) -> bool:
    """True if the file is the same as its newest version."""
    inside = git_path(workspace, path)
    return bool(git.blob("HEAD", inside)) and git.run("diff", "--quiet", "HEAD", "--", inside).code == 0


def _commit(git: Git, workspace: Workspace, path: str, message: str) -> SavedVersion:
    inside = git_path(workspace, path)

    def result(committed: bool, said: str) -> SavedVersion:
        text = text_on_disk(workspace, path) or ""
        return SavedVersion(path, text, git.blob("HEAD", inside), git.tip(), committed, said)

    if is_committed(git, workspace, path):
        return result(False, f"{path} has nothing to save: it is the same as its newest version")
    # `commit --only` needs a file that git knows. `--intent-to-add` makes a new file known without staging its text.
    is_new = git.run("ls-files", "--error-unmatch", "--", inside).code != 0
    if is_new:
        added = git.change("add", "--intent-to-add", "--", inside)
        if added.code:
            raise CommitRefused(f"git refuses to add {path}: {added.said}", hint=_KEPT, output=added.said)
    done = git.change("commit", "--only", "--file=-", "--", inside, text=message)
    if done.code:
        if is_new:
            git.change("update-index", "--force-remove", "--", inside)
        raise CommitRefused(f"the commit of {path} was refused:\n{done.said}", hint=_KEPT, output=done.said)
    commit = git.tip()
    return result(True, f"{path} saved as {commit[:8]}: {message.strip().splitlines()[0]}")


_KEPT = "your text is in the file, but not committed; fix the problem above and save again"


__all__ = [
    *("SavedVersion", "RepositoryState", "committed_text", "conflict_between", "init_repository"),
    *("set_identity", "is_committed", "template_path", "text_on_disk", "restore_version"),
    *("save_template", "save_template_over", "repository_state", "tag_version", "remove_tag", "write_template"),
]

"""Templates kept in git: saving a file as a version of its own, bringing an old one back, naming one.

    saved = save(workspace, "templates/cup.yaml", text, "Ask for the name only", base=text_as_opened)
    saved.commit                                      # "3f2a…": this file and nothing else

Git itself does it, as the person who runs promptlab: hooks, signing and identity apply. Only the one file is
committed. What else is changed or staged in the repository stays as it is, and a file that changed on disk since
it was opened is never overwritten: there is a `Conflict`, which holds both texts and the two brought together.
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
_SAVING = threading.RLock()
"""One save at a time in this process: between looking at a file and replacing it nobody else may."""


@dataclass(frozen=True)
class SavedVersion:
    """A version that was saved, or found saved already (`committed` false).

    `text` is the file's text now; a hook may have changed it. `said` is one sentence for people.
    """

    path: str
    text: str
    blob: str
    commit: str
    committed: bool
    said: str


@dataclass(frozen=True)
class RepositoryState:
    """How things stand. `repository` false: nothing else is known. `branch` is "" on a detached head.

    `identity` is "" where git does not know who saves.
    """

    repository: bool
    branch: str = ""
    identity: str = ""


def repository_state(workspace: Workspace) -> RepositoryState:
    """Whether templates can be saved here, and on which branch, and as whom."""
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
    """Make the workspace's folder a git repository. What promptlab keeps for itself there is not part of it."""
    git = Git(workspace.root)
    git.ask("init", "--quiet")
    exclude = workspace.root / git.ask("rev-parse", "--git-path", "info/exclude")
    rule = f"/{workspace.state.name}/\n"
    kept = exclude.read_text(encoding="utf-8") if exclude.exists() else ""
    if rule not in kept:
        write_atomically(exclude, (kept + rule).encode("utf-8"))


def set_identity(workspace: Workspace, name: str, address: str) -> None:
    """Tell git who saves in this repository, and in no other."""
    git = repository(workspace.root)
    for key, value in (("user.name", name.strip()), ("user.email", address.strip())):
        if not value or any(char in value for char in "<>\n"):
            raise ShelfError(
                f"git takes no such {key.removeprefix('user.')}: `{value}`", hint="give a name and an address"
            )
        git.ask("config", "--local", key, value)


def template_path(workspace: Workspace, word: str) -> str:
    """The path in the workspace that a person means by `word`: a path, an absolute one, or a bare name.

    There need not be such a file yet, or any more.
    """
    if Path(word).is_absolute():
        return workspace.relative(Path(word))
    bare = "/" not in word and "\\" not in word and not word.endswith(ENDINGS)
    return f"templates/{word}.yaml" if bare else word


def save_template(workspace: Workspace, path: str, text: str, message: str, *, base: str | None) -> SavedVersion:
    """Write `text` into the file and commit just that file with `message`.

    `base` is the file's text as it was opened, None for a new file. Raises, before anything is written,
    `NoRepository`, `NoIdentity` and `Conflict`; and `CommitRefused` when a hook or git refuses the commit: then
    the text stands in the file, uncommitted.
    """
    if not message.strip():
        raise ShelfError("a version needs a message", hint="say in a few words what changed")
    git = repository(workspace.root)
    git.identity()
    with _SAVING:
        write_template(workspace, path, text, base=base)
        return _commit(git, workspace, path, message)


def save_template_over(workspace: Workspace, path: str, text: str, message: str, *, theirs: str | None) -> SavedVersion:
    """Save `text` in place of `theirs`, which somebody else wrote into the file meanwhile.

    What no version holds of `theirs` becomes a version first, so that it can be brought back. Raises as `save` does;
    a file that says something else than `theirs` again is a `Conflict`.
    """
    with _SAVING:
        if theirs is not None:
            save_template(workspace, path, theirs, f"Keep {Path(path).stem} as it was on disk", base=theirs)
        return save_template(workspace, path, text, message, base=theirs)


def write_template(workspace: Workspace, path: str, text: str, *, base: str | None) -> None:
    """Write `text` into the file without committing it, whole or not at all. Raises `Conflict` as `save` does."""
    full = _file(workspace, path)
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise ShelfError(f"{path}: the text has a character no file can hold (a lone surrogate)") from exc
    with _SAVING:
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
    """The file's text now; None where there is no such file."""
    full = _file(workspace, path)
    return read_text(full, shown=path, error=TemplateError) if full.exists() else None


def restore_version(workspace: Workspace, path: str, version: str, *, message: str = "") -> SavedVersion:
    """Make an earlier version the newest: a new commit with its text; nothing is taken out of the history.

    `version` is what `versions.find` takes. Changes of the file that no version holds are not overwritten.
    """
    found = find_version(workspace, path, version)
    with _SAVING:
        now = committed_text(workspace, path)
        old = version_text(workspace, found)
        said = message or f"Restore {Path(path).stem} as of {found.commit[:8]} ({found.when[:10]})"
        return save_template(workspace, path, old, said, base=now)


def committed_text(workspace: Workspace, path: str) -> str | None:
    """The file's text, which must be that of its newest version. Raises `ShelfError` when it is not saved."""
    git = repository(workspace.root)
    now = text_on_disk(workspace, path)
    if now is not None and not is_committed(git, workspace, path):
        raise ShelfError(
            f"{path} has changes that are in no version", hint="save them first, so that they can be brought back"
        )
    return now


def tag_version(workspace: Workspace, path: str, version: str, name: str, *, move: bool = False) -> Version:
    """Give a version of the template a name, such as `production`: the git tag `templates/<template>/<name>`.

    A name that another version has is an error, unless it may `move`.
    """
    git = repository(workspace.root)
    git.identity()
    found = find_version(workspace, path, version)
    ref = tag_ref(path, name)
    words = ["tag", *(["--force"] if move else []), "--annotate", "--file=-", ref.removeprefix("refs/tags/")]
    done = git.run(*words, found.commit, text=f"{Path(path).stem}: {name}\n")
    if done.code:
        hint = "" if move else "if another version has this name, it can be moved (--move)"
        raise ShelfError(f"the version cannot be named `{name}`: {done.said}", hint=hint)
    return find_version(workspace, path, found.commit)


def remove_tag(workspace: Workspace, path: str, name: str) -> None:
    """Take a name away from its version; the version stays."""
    repository(workspace.root).ask("tag", "--delete", tag_ref(path, name).removeprefix("refs/tags/"))


def _file(workspace: Workspace, path: str) -> Path:
    full = workspace.resolve(path)
    if full.suffix not in ENDINGS or ".git" in full.parts:
        raise ShelfError(f"`{path}` is no template file", hint="templates end in .yaml, as in templates/triage.yaml")
    if full.is_dir():
        raise ShelfError(f"`{path}` is a folder")
    if not full.is_relative_to(workspace.root.resolve() / FOLDER):  # promptlab.yaml, a suite, or a link to such
        raise ShelfError(f"`{path}` is no template: those are in {FOLDER}/", hint=f"save it as {FOLDER}/{full.name}")
    return full


def conflict_between(path: str, base: str | None, ours: str, theirs: str | None) -> Conflict:
    """What is to be settled where `ours` was made from `base` and the file now holds `theirs`."""
    merged = merge.merge_texts(base or "", ours, theirs or "")
    what = "was deleted" if theirs is None else "appeared" if base is None else "was changed by somebody else"
    return Conflict(
        f"{path} {what} since it was opened, so nothing was written",
        hint="keep both (the two can be brought together), theirs, or yours: then save again",
        base=base,
        ours=ours,
        theirs=theirs,
        merged=merged.text,
        clean=merged.clean and theirs is not None,
    )


def is_committed(git: Git, workspace: Workspace, path: str) -> bool:
    """Whether the newest version of the file says what the file says."""
    inside = git_path(workspace, path)
    return bool(git.blob("HEAD", inside)) and git.run("diff", "--quiet", "HEAD", "--", inside).code == 0


def _commit(git: Git, workspace: Workspace, path: str, message: str) -> SavedVersion:
    inside = git_path(workspace, path)

    def result(committed: bool, said: str) -> SavedVersion:
        text = text_on_disk(workspace, path) or ""
        return SavedVersion(path, text, git.blob("HEAD", inside), git.tip(), committed, said)

    if is_committed(git, workspace, path):
        return result(False, f"{path} has nothing to save: its newest version says the same")
    # `commit --only` takes files git knows; this makes a new one known without staging its text.
    is_new = git.run("ls-files", "--error-unmatch", "--", inside).code != 0
    if is_new:
        added = git.change("add", "--intent-to-add", "--", inside)
        if added.code:
            raise CommitRefused(f"git does not take {path}: {added.said}", hint=_KEPT, output=added.said)
    done = git.change("commit", "--only", "--file=-", "--", inside, text=message)
    if done.code:
        if is_new:
            git.change("update-index", "--force-remove", "--", inside)
        raise CommitRefused(f"the commit of {path} was refused:\n{done.said}", hint=_KEPT, output=done.said)
    commit = git.tip()
    return result(True, f"{path} saved as {commit[:8]}: {message.strip().splitlines()[0]}")


_KEPT = "your text is in the file, uncommitted; see to what is said above and save again"


__all__ = [
    *("SavedVersion", "RepositoryState", "committed_text", "conflict_between", "init_repository"),
    *("set_identity", "is_committed", "template_path", "text_on_disk", "restore_version"),
    *("save_template", "save_template_over", "repository_state", "tag_version", "remove_tag", "write_template"),
]

"""The history of a template: its versions in git, newest first, and the text of each.

    for version in template_history(workspace, "templates/cup.yaml"):
        version.when, version.who, version.message, version.tags
    version_text(workspace, find_version(workspace, "templates/cup.yaml", "production"))

A renamed file keeps its history. The history of a copy begins with the copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from promptlab._util.git import Git, repository
from promptlab.errors import ShelfError, nearest
from promptlab.workspace import Workspace

TAGS = "refs/tags/templates/"
_FORMAT = "%x01%H%x00%an%x00%ae%x00%aI%x00%B%x00"


@dataclass(frozen=True)
class Version:
    """One version of a file. `blob` is the git id of its text, the same as `Origin.template_blob` of its results; "" if
    this commit deleted the file. `path` is the name it had then. `when` is ISO 8601 with time zone."""

    commit: str
    blob: str
    path: str
    who: str
    email: str
    when: str
    message: str
    tags: tuple[str, ...] = ()
    renamed_from: str = ""

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]


def template_history(workspace: Workspace, path: str, *, limit: int | None = None) -> list[Version]:
    """The versions of the file, newest first. Empty for a file that is not in git."""
    git = repository(workspace.root)
    return _history(git, workspace, path, git.tip(), limit)


def _history(git: Git, workspace: Workspace, path: str, start: str, limit: int | None) -> list[Version]:
    inside = git_path(workspace, path)
    if not start or not inside:
        return []
    words = ["log", "--follow", "--diff-merges=first-parent", "--raw", "--no-abbrev", "-z", f"--format={_FORMAT}"]
    done = git.run(*words, *([f"--max-count={limit}"] if limit else []), start, "--", inside)
    if done.code:
        raise ShelfError(f"the history of {path} cannot be read: {done.said}")
    versions = list(_parsed(done.out, git.ask("rev-parse", "--show-prefix")))
    tags = _tags(git, {version.path for version in versions} | {inside})
    return [replace(version, tags=tags.get(version.commit, ())) for version in versions]


def _parsed(log: str, prefix: str) -> Iterator[Version]:
    for record in log.split("\x01")[1:]:
        commit, who, email, when, message, *raw = record.split("\x00")
        changes = [part for part in raw if part.strip("\n")]
        if len(changes) < 2:  # a merge that did not change the file
            continue
        facts = changes[0].split()
        blob, status = facts[3], facts[4]
        path = changes[-1].removeprefix(prefix)
        yield Version(
            commit,
            "" if status == "D" else blob,
            path,
            who,
            email,
            when,
            message.rstrip("\n"),
            renamed_from=changes[1].removeprefix(prefix) if status[0] == "R" else "",
        )
        if status[0] == "C":  # from here on git lists the history of the original
            return


def version_text(workspace: Workspace, version: Version) -> str:
    """The text of a version. Raises `ShelfError` if the commit deleted the file."""
    if not version.blob:
        raise ShelfError(f"{version.path} was deleted in {version.commit[:8]}", hint="choose the version before it")
    return repository(workspace.root).text(version.blob)


def find_version(workspace: Workspace, path: str, name: str) -> Version:
    """The version called `name`: a tag of the template (`production`), the beginning of a commit id, or any other name
    that git has for a commit (`HEAD~2`, a branch). Raises `ShelfError` if there is none."""
    versions = template_history(workspace, path)
    for version in versions:
        if name in version.tags:
            return version
    if len(name) >= 4:
        begin = [version for version in versions if version.commit.startswith(name.lower())]
        if len(begin) == 1:
            return begin[0]
    git = repository(workspace.root)
    done = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if done.code == 0 and done.out.strip():
        for known in dict.fromkeys([path, *(version.path for version in versions)]):
            newest = _history(git, workspace, known, done.out.strip(), 1)
            if newest:
                return newest[0]
    names = [tag for version in versions for tag in version.tags] + [v.commit[:8] for v in versions[:5]]
    raise ShelfError(f"{path} has no version `{name}`", hint=nearest(name, names) if names else "it was never saved")


def git_path(workspace: Workspace, path: str) -> str:
    """The path of the file in git, with links resolved."""
    full = workspace.resolve(path)
    return full.relative_to(workspace.root.resolve()).as_posix()


def tag_ref(path: str, name: str) -> str:
    """The full name of the tag `name` of the template at `path`. Raises `ShelfError` if git does not allow it."""
    if not name or ref_part(name) != name or "/" in name:
        raise ShelfError(f"`{name}` cannot be the name of a version", hint="use letters, digits, dots and dashes")
    return f"{TAGS}{template_ref(path)}/{name}"


def template_ref(path: str) -> str:
    """The name of the template at `path` inside git refs: without the folder `templates` and the ending."""
    pure = PurePosixPath(path)
    return ref_part(pure.with_suffix("").as_posix().removeprefix("templates/"))


def ref_part(text: str) -> str:
    """`text` as part of the name of a branch or tag. Characters that git does not allow are written as `%20`."""

    def allowed(at: int) -> bool:
        char = text[at]
        if char == ".":
            around = text[at - 1 : at] + text[at + 1 : at + 2]
            return at > 0 and len(around) == 2 and around.isalnum() and not text.startswith(".lock", at)
        return char.isalnum() or (char == "-" and at > 0) or char in "_/"

    return "".join(
        char if allowed(at) else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        for at, char in enumerate(text)
    )


def _tags(git: Git, paths: set[str]) -> dict[str, tuple[str, ...]]:
    """The tags of a file, by commit. `paths` are all the names that the file has had."""
    words = ("for-each-ref", "--format=%(refname)%00%(objectname)%00%(*objectname)", TAGS)
    owners = {f"{TAGS}{template_ref(path)}" for path in paths}
    tags: dict[str, tuple[str, ...]] = {}
    for line in git.ask(*words).splitlines():
        ref, direct, peeled = line.split("\0")
        owner, _, name = ref.rpartition("/")
        if owner in owners:
            commit = peeled or direct
            tags[commit] = (*tags.get(commit, ()), name)
    return tags


__all__ = ["Version", "find_version", "template_history", "version_text"]

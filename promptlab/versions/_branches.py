"""Variants: trying another version of a template beside the one in use, on a git branch of its own.

    save_variant(workspace, "templates/cup.yaml", "short", text, "Shorter", base=None)
    merge_variant(workspace, "templates/cup.yaml", "short")       # what it changed, into the file, as a commit
    drop_variant(workspace, "templates/cup.yaml", "short")

The branch is called `try/<template>/<variant>`. Its commits are made beside the working tree, which is neither
touched nor looked at, so a repository full of unsaved work is no hindrance. Hooks run when a variant is merged:
merging is saving. Signing applies to the branch's commits too.
"""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path

from promptlab._util.git import Git, repository
from promptlab.errors import Conflict, ShelfError, nearest
from promptlab.versions import _merge as merge
from promptlab.versions._history import git_path, ref_part, template_ref
from promptlab.versions._save import SavedVersion, committed_text, save_template
from promptlab.workspace import Workspace

BRANCHES = "refs/heads/try/"


@dataclass(frozen=True)
class Variant:
    """A variant as it is now. `fork` is the commit it was begun from; `branch` is what git calls it."""

    name: str
    branch: str
    commit: str
    blob: str
    fork: str
    who: str
    when: str
    message: str


def list_variants(workspace: Workspace, path: str) -> list[Variant]:
    """The variants of the template, those changed last first."""
    git = repository(workspace.root)
    start = f"{BRANCHES}{template_ref(path)}/"
    shown = "--format=%(refname)%00%(objectname)%00%(authorname)%00%(authordate:iso-strict)%00%(subject)"
    found = []
    for line in git.ask("for-each-ref", "--sort=-committerdate", shown, start).splitlines():
        ref, commit, who, when, message = line.split("\0")
        name = ref.removeprefix(start)
        if "/" in name:  # of a template in a folder of this name
            continue
        blob = git.blob(commit, git_path(workspace, path))
        fork = git.run("merge-base", "HEAD", commit).out.strip() if git.tip() else ""
        found.append(Variant(name, ref.removeprefix("refs/heads/"), commit, blob, fork, who, when, message))
    return found


def find_variant(workspace: Workspace, path: str, name: str) -> Variant:
    """The variant `name`. Raises `ShelfError` with the nearest name where there is none."""
    known = list_variants(workspace, path)
    for one in known:
        if one.name == name:
            return one
    raise ShelfError(f"{path} has no variant `{name}`", hint=nearest(name, [one.name for one in known]))


def variant_text(workspace: Workspace, path: str, name: str) -> str:
    """The text of the template in the variant."""
    found = find_variant(workspace, path, name)
    if not found.blob:
        raise ShelfError(f"the variant `{name}` has no file {path}")
    return repository(workspace.root).text(found.blob)


def save_variant(
    workspace: Workspace, path: str, name: str, text: str, message: str, *, base: str | None = None
) -> Variant:
    """Commit `text` as the template of the variant; a variant that is not there begins at the commit checked out.

    `base` is the variant's text as it was opened, None for a new one. Raises `Conflict` where the variant has
    changed since, or is there already.
    """
    if not message.strip():
        raise ShelfError("a version needs a message", hint="say in a few words what changed")
    git = repository(workspace.root)
    git.identity()
    ref = _ref(path, name)
    inside = git_path(workspace, path)
    tip = git.run("rev-parse", "--verify", "--quiet", ref).out.strip()
    now = git.text(blob) if tip and (blob := git.blob(tip, inside)) else None
    if now == text and tip:
        return find_variant(workspace, path, name)
    if now != base and tip:
        raise _conflict(path, name, base, text, now)
    if tip and git.run("symbolic-ref", "--quiet", "HEAD").out.strip() == ref:
        raise ShelfError(f"the variant `{name}` is checked out", hint="save the template itself: it is on this branch")
    parent = tip or git.tip()
    commit = _commit_beside(git, parent, inside, text, message)
    # Only if it is still where it was: somebody may have saved meanwhile.
    moved = git.run("update-ref", "-m", f"promptlab: {message.splitlines()[0]}", ref, commit, tip or "0" * len(commit))
    if moved.code:
        latest = git.run("rev-parse", "--verify", "--quiet", ref).out.strip()
        if not latest:
            raise ShelfError(f"the variant `{name}` cannot be kept: {moved.said}")
        raise _conflict(path, name, base, text, git.text(git.blob(latest, inside)))
    return find_variant(workspace, path, name)


def keep_as_variant(workspace: Workspace, path: str, text: str) -> Variant:
    """Keep `text` as a variant `mine`, `mine-2`, …, so that something else may take its place in the file."""
    known = {one.name for one in list_variants(workspace, path)}
    names = itertools.chain(["mine"], (f"mine-{number}" for number in itertools.count(2)))
    name = next(name for name in names if name not in known or variant_text(workspace, path, name) == text)
    return save_variant(workspace, path, name, text, f"Set aside: another text of {Path(path).stem} was taken")


def merge_variant(workspace: Workspace, path: str, name: str, *, message: str = "") -> SavedVersion:
    """Bring what the variant changed into the template, as a commit on the branch that is checked out.

    What changed there meanwhile stays. Raises `Conflict` where both changed one place: `ours` is the variant's
    text, `theirs` the template's, `merged` both with markers.
    """
    git = repository(workspace.root)
    found = find_variant(workspace, path, name)
    ours = variant_text(workspace, path, name)
    theirs = committed_text(workspace, path)
    blob = git.blob(found.fork, git_path(workspace, path)) if found.fork else ""
    base = git.text(blob) if blob else ""
    merged = merge.merge_texts(base, ours, theirs or "", names=(name, "template")) if theirs else merge.Merged(ours, 0)
    if not merged.clean:
        raise Conflict(
            f"the variant `{name}` and {path} both changed the same place",
            hint="put the two together by hand and save that",
            base=base,
            ours=ours,
            theirs=theirs,
            merged=merged.text,
        )
    said = message or f"Merge variant {name} of {Path(path).stem}\n\nVariant: {found.branch} {found.commit}"
    return save_template(workspace, path, merged.text, said, base=theirs)


def drop_variant(workspace: Workspace, path: str, name: str) -> str:
    """Delete the branch of the variant; the commit it was at, with which `git branch` brings it back."""
    git = repository(workspace.root)
    found = find_variant(workspace, path, name)
    if git.run("symbolic-ref", "--quiet", "HEAD").out.strip() == f"refs/heads/{found.branch}":
        raise ShelfError(f"the variant `{name}` is checked out", hint="check another branch out first")
    git.ask("update-ref", "-d", f"refs/heads/{found.branch}", found.commit)
    return found.commit


def restore_variant(workspace: Workspace, path: str, name: str, commit: str) -> Variant:
    """Make the variant `name` again at `commit`, which `drop_variant` gave. One of this name must not be there."""
    git = repository(workspace.root)
    done = git.run("update-ref", _ref(path, name), commit, "0" * len(commit))
    if done.code:
        raise ShelfError(f"the variant `{name}` cannot be brought back: {done.said}")
    return find_variant(workspace, path, name)


def _ref(path: str, name: str) -> str:
    if not name or ref_part(name) != name or "/" in name:
        raise ShelfError(f"`{name}` cannot be the name of a variant", hint="use letters, digits, dots and dashes")
    return f"{BRANCHES}{template_ref(path)}/{name}"


def _conflict(path: str, name: str, base: str | None, ours: str, theirs: str | None) -> Conflict:
    merged = merge.merge_texts(base or "", ours, theirs or "", names=("yours", name))
    return Conflict(
        f"the variant `{name}` of {path} was changed by somebody else since it was opened",
        hint="bring the two together and save again",
        base=base,
        ours=ours,
        theirs=theirs,
        merged=merged.text,
        clean=merged.clean,
    )


def _commit_beside(git: Git, parent: str, inside: str, text: str, message: str) -> str:
    """A commit on top of `parent` with `text` as the file `inside`, made with an index of its own."""
    prefix = git.ask("rev-parse", "--show-prefix")
    try:
        blob = git.ask("hash-object", "-w", "--stdin", f"--path={prefix}{inside}", text=text)
    except UnicodeEncodeError as exc:
        raise ShelfError("the text has a character no file can hold (a lone surrogate)") from exc
    with tempfile.TemporaryDirectory() as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git.ask("read-tree", parent or "--empty", env=env)
        mode = git.ask("ls-tree", parent, f"./{inside}").split(" ")[0] if parent else ""
        git.ask("update-index", "--add", "--cacheinfo", f"{mode or '100644'},{blob},{prefix}{inside}", env=env)
        tree = git.ask("write-tree", env=env)
    sign = ["-S"] if git.run("config", "--type=bool", "commit.gpgSign").out.strip() == "true" else []
    return git.ask("commit-tree", *sign, *(["-p", parent] if parent else []), "-F", "-", tree, text=message)


__all__ = [
    *("Variant", "restore_variant", "drop_variant", "merge_variant", "save_variant", "keep_as_variant"),
    *("find_variant", "variant_text", "list_variants"),
]

"""Variants: other versions of a template to try out, each on a git branch of its own.

    save_variant(workspace, "templates/cup.yaml", "short", text, "Shorter", base=None)
    merge_variant(workspace, "templates/cup.yaml", "short")       # commits its changes to the template
    drop_variant(workspace, "templates/cup.yaml", "short")

The branch is called `try/<template>/<variant>`. Its commits are made without the working tree, so unsaved work in the
repository does not matter and is not touched. Hooks run only when a variant is merged, because merging saves the
template. Commits on the branch are signed if git is set up to sign.
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
RENAMED_FROM = "Renamed-from"
"""The trailer of a commit on a branch that gave the template another name: the name before."""


@dataclass(frozen=True)
class Variant:
    """A variant as it is now. `fork` is the commit where its branch began; `branch` is the name of the branch in
    git."""

    name: str
    branch: str
    commit: str
    blob: str
    fork: str
    who: str
    when: str
    message: str


def list_variants(workspace: Workspace, path: str) -> list[Variant]:
    """The variants of the template, most recently changed first."""
    git = repository(workspace.root)
    start = f"{BRANCHES}{template_ref(path)}/"
    shown = "--format=%(refname)%00%(objectname)%00%(authorname)%00%(authordate:iso-strict)%00%(subject)"
    known = []
    for line in git.ask("for-each-ref", "--sort=-committerdate", shown, start).splitlines():
        ref, commit, who, when, message = line.split("\0")
        name = ref.removeprefix(start)
        if "/" in name:  # a variant of another template, in a folder of this name
            continue
        blob = git.blob(commit, git_path(workspace, path))
        fork = git.run("merge-base", "HEAD", commit).out.strip() if git.tip() else ""
        known.append(Variant(name, ref.removeprefix("refs/heads/"), commit, blob, fork, who, when, message))
    return known


def find_variant(workspace: Workspace, path: str, name: str) -> Variant:
    """The variant `name`. Raises `ShelfError`, with the nearest name, if there is none."""
    known = list_variants(workspace, path)
    for variant in known:
        if variant.name == name:
            return variant
    raise ShelfError(f"{path} has no variant `{name}`", hint=nearest(name, [variant.name for variant in known]))


def variant_text(workspace: Workspace, path: str, name: str) -> str:
    """The text of the template in the variant."""
    variant = find_variant(workspace, path, name)
    if not variant.blob:
        raise ShelfError(f"the variant `{name}` has no file {path}")
    return repository(workspace.root).text(variant.blob)


def save_variant(
    workspace: Workspace, path: str, name: str, text: str, message: str, *, base: str | None = None
) -> Variant:
    """Commit `text` to the variant `name`. A new variant begins at the commit that is checked out.

    `base` is the text of the variant when it was opened, None for a new one. Raises `Conflict` if the variant has
    changed since, or if a new one exists already.
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
    # `update-ref` fails if the branch has moved: another user may have saved meanwhile.
    moved = git.run("update-ref", "-m", f"promptlab: {message.splitlines()[0]}", ref, commit, tip or "0" * len(commit))
    if moved.code:
        latest = git.run("rev-parse", "--verify", "--quiet", ref).out.strip()
        if not latest:
            raise ShelfError(f"the variant `{name}` cannot be saved: {moved.said}")
        raise _conflict(path, name, base, text, git.text(git.blob(latest, inside)))
    return find_variant(workspace, path, name)


def keep_as_variant(workspace: Workspace, path: str, text: str) -> Variant:
    """Save `text` as a variant `mine`, `mine-2`, …, before another text replaces it in the file."""
    known = {variant.name for variant in list_variants(workspace, path)}
    names = itertools.chain(["mine"], (f"mine-{number}" for number in itertools.count(2)))
    name = next(name for name in names if name not in known or variant_text(workspace, path, name) == text)
    return save_variant(workspace, path, name, text, f"Set aside: another text of {Path(path).stem} was taken")


def merge_variant(workspace: Workspace, path: str, name: str, *, message: str = "") -> SavedVersion:
    """Merge the changes of the variant into the template, as a commit on the branch that is checked out.

    Other changes of the template since then stay. Raises `Conflict` if both changed the same place: `ours` is the text
    of the variant, `theirs` that of the template, `merged` both with conflict markers.
    """
    git = repository(workspace.root)
    variant = find_variant(workspace, path, name)
    ours = variant_text(workspace, path, name)
    theirs = committed_text(workspace, path)
    blob = _blob_at_fork(git, variant, git_path(workspace, path))
    base = git.text(blob) if blob else ""
    merged = merge.merge_texts(base, ours, theirs or "", names=(name, "template")) if theirs else merge.Merged(ours, 0)
    if not merged.clean:
        raise Conflict(
            f"the variant `{name}` and {path} both changed the same place",
            hint="merge the two by hand and save the result",
            base=base,
            ours=ours,
            theirs=theirs,
            merged=merged.text,
        )
    message = message or f"Merge variant {name} of {Path(path).stem}\n\nVariant: {variant.branch} {variant.commit}"
    return save_template(workspace, path, merged.text, message, base=theirs)


def _blob_at_fork(git: Git, variant: Variant, inside: str) -> str:
    """The template where the branch began, perhaps under a name that it had before; "" if it was not there."""
    if not variant.fork:
        return ""
    shown = f"--format=%(trailers:key={RENAMED_FROM},valueonly)"
    names = git.ask("log", shown, f"{variant.fork}..{variant.commit}").splitlines()
    return next((blob for name in (inside, *filter(None, names)) if (blob := git.blob(variant.fork, name))), "")


def drop_variant(workspace: Workspace, path: str, name: str) -> str:
    """Delete the branch of the variant. Returns its commit, for `restore_variant`."""
    git = repository(workspace.root)
    variant = find_variant(workspace, path, name)
    if git.run("symbolic-ref", "--quiet", "HEAD").out.strip() == f"refs/heads/{variant.branch}":
        raise ShelfError(f"the variant `{name}` is checked out", hint="check another branch out first")
    git.ask("update-ref", "-d", f"refs/heads/{variant.branch}", variant.commit)
    return variant.commit


def copy_variant(workspace: Workspace, path: str, name: str, new: str) -> Variant:
    """Begin the variant `new` with the text and the history of the variant `name`."""
    git = repository(workspace.root)
    variant = find_variant(workspace, path, name)
    done = git.run("update-ref", _ref(path, new), variant.commit, "0" * len(variant.commit))
    if done.code:
        raise ShelfError(f"the variant `{new}` cannot be made: {done.said}", hint="is there one with this name?")
    return find_variant(workspace, path, new)


def rename_variant(workspace: Workspace, path: str, name: str, new: str) -> Variant:
    """Call the variant `name` `new`. Both names are there for a moment, so that a killed process loses nothing."""
    git = repository(workspace.root)
    branch = f"refs/heads/{find_variant(workspace, path, name).branch}"
    if git.run("symbolic-ref", "--quiet", "HEAD").out.strip() == branch:
        raise ShelfError(f"the variant `{name}` is checked out", hint="check another branch out first")
    renamed = copy_variant(workspace, path, name, new)
    drop_variant(workspace, path, name)
    return renamed


def restore_variant(workspace: Workspace, path: str, name: str, commit: str) -> Variant:
    """Create the variant `name` again at `commit`, which `drop_variant` returned. It must not exist."""
    git = repository(workspace.root)
    done = git.run("update-ref", _ref(path, name), commit, "0" * len(commit))
    if done.code:
        raise ShelfError(f"the variant `{name}` cannot be restored: {done.said}")
    return find_variant(workspace, path, name)


def _ref(path: str, name: str) -> str:
    if not name or ref_part(name) != name or "/" in name:
        raise ShelfError(f"`{name}` cannot be the name of a variant", hint="use letters, digits, dots and dashes")
    return f"{BRANCHES}{template_ref(path)}/{name}"


def _conflict(path: str, name: str, base: str | None, ours: str, theirs: str | None) -> Conflict:
    merged = merge.merge_texts(base or "", ours, theirs or "", names=("yours", name))
    return Conflict(
        f"the variant `{name}` of {path} was changed by another user since it was opened",
        hint="merge the two texts and save again",
        base=base,
        ours=ours,
        theirs=theirs,
        merged=merged.text,
        clean=merged.clean,
    )


def _commit_beside(git: Git, parent: str, inside: str, text: str, message: str) -> str:
    """Make a commit on top of `parent` with `text` as the file `inside`. Uses a temporary index. Returns the commit."""
    prefix = git.ask("rev-parse", "--show-prefix")
    try:
        blob = git.ask("hash-object", "-w", "--stdin", f"--path={prefix}{inside}", text=text)
    except UnicodeEncodeError as exc:
        raise ShelfError("the text has a character that cannot be written (a lone surrogate)") from exc
    with tempfile.TemporaryDirectory() as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git.ask("read-tree", parent or "--empty", env=env)
        mode = git.ask("ls-tree", parent, f"./{inside}").split(" ")[0] if parent else ""
        git.ask("update-index", "--add", "--cacheinfo", f"{mode or '100644'},{blob},{prefix}{inside}", env=env)
        tree = git.ask("write-tree", env=env)
    sign = ["-S"] if git.run("config", "--type=bool", "commit.gpgSign").out.strip() == "true" else []
    return git.ask("commit-tree", *sign, *(["-p", parent] if parent else []), "-F", "-", tree, text=message)


__all__ = [
    *(
        "Variant",
        "copy_variant",
        "rename_variant",
        "restore_variant",
        "drop_variant",
        "merge_variant",
        "save_variant",
        "keep_as_variant",
    ),
    *("find_variant", "variant_text", "list_variants"),
]

"""Running the git program.

What changes the repository runs as the person would, so that their hooks, signing and settings apply. What only reads
runs no program but git: the repository may be a stranger's, and its settings name programs (`core.fsmonitor`, hooks,
filters, drivers of differences, pagers). A folder inside it that is laid out as a repository is none.

Arguments are never put through a shell, and paths are taken literally: a template may be called `a*b [1].yaml`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from promptlab.errors import NoIdentity, NoRepository, ShelfError

READ_SECONDS = 60
COMMIT_SECONDS = 900
"""Hooks may run type checkers and tests."""

# Of a hook or an editor that promptlab was started from; they would lead git to another repository or index.
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
_LOCK_TRIES = 20

CHANGING = frozenset(
    ("add", "commit", "commit-tree", "config", "hash-object", "init", "tag", "update-index", "update-ref")
)
"""Commands that change the repository for the person."""
_ALWAYS = ("safe.bareRepository=explicit", "core.fsmonitor=false", "core.quotePath=false")
_READING = (
    *(f"core.hooksPath={os.devnull}", "core.pager=cat", "core.sshCommand=false", "core.askPass=", "credential.helper="),
    *("diff.external=", "log.showSignature=false", "protocol.allow=never", "gc.auto=0", "maintenance.auto=false"),
    *("diff.ignoreSubmodules=all", "status.submoduleSummary=false", "submodule.recurse=false"),
    *("core.alternateRefsCommand=", "interactive.diffFilter=", "uploadpack.packObjectsHook="),
)
_SHOWS_DIFFERENCES = ("diff", "log", "show")
_READS_FILES = ("diff", "status", "ls-files")
_DRIVER = r"^(filter|diff|merge)\..*\.(clean|smudge|process|textconv|command|driver|required)$"


@dataclass(frozen=True)
class Done:
    """What a git command left: exit status, and both outputs as text (a byte that is no UTF-8 is replaced)."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def said(self) -> str:
        """All it wrote, for people."""
        return "\n".join(part.strip() for part in (self.out, self.err) if part.strip())


@dataclass(frozen=True)
class Git:
    """Git in the folder `root`."""

    root: Path

    def run(
        self,
        *words: str,
        text: str | None = None,
        env: dict[str, str] | None = None,
        seconds: float = READ_SECONDS,
    ) -> Done:
        """Run git with `words`; `text` goes to its standard input. Raises `ShelfError` where git cannot be run."""
        command = ["git", "-C", str(self.root), "--literal-pathspecs", *_safely(words)]
        off = self._without_drivers() if words[0] in _READS_FILES else {}
        kept = {name: value for name, value in os.environ.items() if name not in _INHERITED}
        given = None if text is None else text.encode("utf-8")
        try:
            done = subprocess.run(
                command,
                input=given,
                stdin=subprocess.DEVNULL if given is None else None,
                capture_output=True,
                env={
                    **kept,
                    "GIT_TERMINAL_PROMPT": "0",
                    "GIT_EDITOR": "true",
                    "GIT_PAGER": "cat",
                    **off,
                    **(env or {}),
                },
                timeout=seconds,
                check=False,
            )
        except FileNotFoundError as exc:
            raise ShelfError("there is no git program", hint="install git; promptlab keeps templates with it") from exc
        except subprocess.TimeoutExpired as exc:
            raise ShelfError(f"git {words[0]} took longer than {seconds:g} s and was stopped") from exc
        except (OSError, ValueError) as exc:  # ValueError: a NUL byte in a name
            raise ShelfError(f"git cannot be run: {exc}") from exc
        out, err = (part.decode("utf-8", "replace") for part in (done.stdout, done.stderr))
        return Done(done.returncode, out, err, done.stdout)

    def _without_drivers(self) -> dict[str, str]:
        """Environment that switches off the filters and drivers which this repository itself names. The person's own,
        in their settings for all repositories, stay."""
        done = self.run("config", "--null", "--show-scope", "--get-regexp", _DRIVER)
        parts = done.out.split("\0")
        names = [
            entry.partition("\n")[0]
            for scope, entry in zip(parts[::2], parts[1::2], strict=False)
            if scope in ("local", "worktree")
        ]
        # By number and not with -c: a name may hold `=`.
        before = os.environ.get("GIT_CONFIG_COUNT", "")
        first = int(before) if before.isdigit() else 0
        made = {"GIT_CONFIG_COUNT": str(first + len(names))} if names else {}
        for number, name in enumerate(names, first):
            off = "false" if name.endswith(".required") else ""
            made |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": off}
        return made

    def ask(self, *words: str, text: str | None = None, env: dict[str, str] | None = None) -> str:
        """What git answers, without the last newline. Raises `ShelfError` with what it said when it refuses."""
        done = self.run(*words, text=text, env=env)
        if done.code:
            raise ShelfError(f"git {words[0]} failed: {done.said or done.code}")
        return done.out.removesuffix("\n")

    def change(self, *words: str, text: str | None = None) -> Done:
        """A command that writes the index; it waits a little for another git that holds its lock."""
        for _ in range(_LOCK_TRIES):
            done = self.run(*words, text=text, seconds=COMMIT_SECONDS)
            if not (done.code and "index.lock" in done.err and "exists" in done.err):
                break
            time.sleep(0.1)
        return done

    def tip(self) -> str:
        """The commit that is checked out; "" before the first one."""
        done = self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return done.out.strip() if done.code == 0 else ""

    def blob(self, revision: str, path: str) -> str:
        """The id of the file `path`, from the root, in `revision`; "" where it has none."""
        done = self.run("rev-parse", "--verify", "--quiet", f"{revision}:./{path}")
        return done.out.strip() if done.code == 0 else ""

    def text(self, blob: str) -> str:
        """The text of a blob. Raises `ShelfError` when it is not UTF-8."""
        done = self.run("cat-file", "blob", blob)
        if done.code:
            raise ShelfError(f"git has no text `{blob}`: {done.said}")
        try:
            return done.raw.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise ShelfError(f"the version {blob[:8]} is not UTF-8 text") from exc

    def identity(self) -> str:
        """Who commits, as `Name <address>`. Raises `NoIdentity` where nobody said.

        A name git would guess from the machine is none: it would stand in the history for ever.
        """
        guess = () if os.environ.get("EMAIL") else ("-c", "user.useConfigOnly=true")
        for variable in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
            done = self.run(*guess, "var", variable)
            if done.code:
                raise NoIdentity(
                    "git does not know who you are, so nothing was saved",
                    hint='say it once: git config --global user.name "Your Name" and '
                    "git config --global user.email you@example.org",
                )
        return done.out.rpartition(">")[0] + ">"


def _safely(words: tuple[str, ...]) -> list[str]:
    """`words` with what keeps git from starting other programs where it only reads."""
    settings, rest = list(_ALWAYS), list(words)
    if words[0] not in CHANGING:
        settings += _READING
        if words[0] in _SHOWS_DIFFERENCES:
            rest[1:1] = ["--no-ext-diff", "--no-textconv"]
    return ["--no-pager", *(part for setting in settings for part in ("-c", setting)), *rest]


def repository(root: Path) -> Git:
    """Git in the workspace folder `root`. Raises `NoRepository` where that is in none."""
    git = Git(root)
    done = git.run("rev-parse", "--is-inside-work-tree")
    if done.code or done.out.strip() != "true":
        if "dubious ownership" in done.err:
            raise ShelfError(f"git does not trust {root}: {done.err.strip().splitlines()[0]}", hint=done.err.strip())
        raise NoRepository(
            f"{root} is in no git repository, so there is nowhere to keep versions",
            hint="`promptlab templates init` starts one there (git init)",
        )
    return git


def blob_id(text: str) -> str:
    """The id git gives a file with this text."""
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.sha1(b"blob %d\x00" % len(data) + data, usedforsecurity=False).hexdigest()

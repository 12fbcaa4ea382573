"""Running the git program.

    git = repository(workspace.root)
    git.ask("rev-parse", "HEAD")

A command that changes the repository runs with the user's hooks, signing and settings. A command that only reads runs
no program but git: the repository may come from an untrusted source, and its settings can name programs
(`core.fsmonitor`, hooks, filters, diff drivers, pagers). A folder inside it that looks like a bare repository is not
used as one.

No shell is involved, and paths are literal: a template may be called `a*b [1].yaml`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from cachetools import LRUCache

from promptlab._util.git_stamp import git_stamp
from promptlab.errors import NoIdentity, NoRepository, ShelfError

READ_SECONDS = 60
COMMIT_SECONDS = 900
"""The limit for commands that change the repository: hooks may run type checkers and tests."""

# Git sets these for a hook or an editor. If promptlab is started from one, they would point git at another repository
# or index.
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
_LOCK_TRIES = 20

CHANGING = frozenset(
    ("add", "commit", "commit-tree", "config", "hash-object", "init", "tag", "update-index", "update-ref")
)
"""Commands that change the repository on behalf of the user; all others only read."""
OF_COMMITS = frozenset(("log", "rev-parse", "for-each-ref", "cat-file", "ls-tree", "merge-base"))
"""Commands that read commits and refs, and neither the index nor the working tree."""
REMEMBERED, REMEMBERED_BYTES = 512, 200_000
"""How many of their outputs are remembered, and how long each may be."""
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


_REMEMBERING = threading.Lock()


@dataclass(frozen=True)
class Done:
    """The result of a git command: its exit status and both outputs as text, in which invalid UTF-8 is replaced."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def said(self) -> str:
        """Both outputs, for a message."""
        return "\n".join(part.strip() for part in (self.out, self.err) if part.strip())


_REMEMBERED: LRUCache[tuple[object, ...], Done] = LRUCache(REMEMBERED)


@dataclass(frozen=True)
class Git:
    """The git program, run in the folder `root`."""

    root: Path

    def run(
        self,
        *words: str,
        text: str | None = None,
        env: dict[str, str] | None = None,
        seconds: float = READ_SECONDS,
    ) -> Done:
        """Run git with `words`; `text` goes to its standard input. Raises `ShelfError` if git cannot be run.

        What depends on commits and refs alone is remembered until one of them changes."""
        timeless = words[0] in OF_COMMITS and text is None and env is None and not any("@{" in word for word in words)
        stamp = git_stamp(self.root) if timeless else None
        key = (self.root, words, stamp)
        if stamp is not None:
            with _REMEMBERING:
                if key in _REMEMBERED:
                    return _REMEMBERED[key]
        done = self._run(words, text, env, seconds)
        if stamp is not None and done.code == 0 and len(done.raw) < REMEMBERED_BYTES and git_stamp(self.root) == stamp:
            with _REMEMBERING:
                _REMEMBERED[key] = done
        return done

    def _run(self, words: tuple[str, ...], text: str | None, env: dict[str, str] | None, seconds: float) -> Done:
        command = ["git", "-C", str(self.root), "--literal-pathspecs", *_safe_arguments(words)]
        drivers_off = self._without_drivers() if words[0] in _READS_FILES else {}
        environment = {name: value for name, value in os.environ.items() if name not in _INHERITED}
        stdin = None if text is None else text.encode("utf-8")
        try:
            done = subprocess.run(
                command,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                env={
                    **environment,
                    "GIT_TERMINAL_PROMPT": "0",
                    "GIT_EDITOR": "true",
                    "GIT_PAGER": "cat",
                    **drivers_off,
                    **(env or {}),
                },
                timeout=seconds,
                check=False,
            )
        except FileNotFoundError as exc:
            raise ShelfError("git is not installed", hint="install git; promptlab keeps versions with it") from exc
        except subprocess.TimeoutExpired as exc:
            raise ShelfError(f"git {words[0]} took longer than {seconds:g} s and was stopped") from exc
        except (OSError, ValueError) as exc:  # ValueError: a NUL byte in a name
            raise ShelfError(f"git cannot be run: {exc}") from exc
        out, err = (part.decode("utf-8", "replace") for part in (done.stdout, done.stderr))
        return Done(done.returncode, out, err, done.stdout)

    def _without_drivers(self) -> dict[str, str]:
        """Environment variables that switch off the filters and drivers that this repository's own settings name.
        Those of the user's global settings stay."""
        done = self.run("config", "--null", "--show-scope", "--get-regexp", _DRIVER)
        parts = done.out.split("\0")
        names = [
            entry.partition("\n")[0]
            for scope, entry in zip(parts[::2], parts[1::2], strict=False)
            if scope in ("local", "worktree")
        ]
        # As numbered variables and not with -c: a name may contain `=`.
        before = os.environ.get("GIT_CONFIG_COUNT", "")
        first = int(before) if before.isdigit() else 0
        variables = {"GIT_CONFIG_COUNT": str(first + len(names))} if names else {}
        for number, name in enumerate(names, first):
            off = "false" if name.endswith(".required") else ""
            variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": off}
        return variables

    def ask(self, *words: str, text: str | None = None, env: dict[str, str] | None = None) -> str:
        """The output of git, without its last newline. Raises `ShelfError` with git's own message if it fails."""
        done = self.run(*words, text=text, env=env)
        if done.code:
            raise ShelfError(f"git {words[0]} failed: {done.said or done.code}")
        return done.out.removesuffix("\n")

    def change(self, *words: str, text: str | None = None) -> Done:
        """Run a command that writes the index. If another git holds its lock, wait for it up to two seconds."""
        for _ in range(_LOCK_TRIES):
            done = self.run(*words, text=text, seconds=COMMIT_SECONDS)
            if not (done.code and "index.lock" in done.err and "exists" in done.err):
                break
            time.sleep(0.1)
        return done

    def tip(self) -> str:
        """The id of the commit that is checked out; "" before the first commit."""
        done = self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return done.out.strip() if done.code == 0 else ""

    def blob(self, revision: str, path: str) -> str:
        """The blob id of the file `path`, relative to the root, in `revision`; "" if it is not in it."""
        done = self.run("rev-parse", "--verify", "--quiet", f"{revision}:./{path}")
        return done.out.strip() if done.code == 0 else ""

    def text(self, blob: str) -> str:
        """The text of a blob. Raises `ShelfError` if it is not UTF-8."""
        done = self.run("cat-file", "blob", blob)
        if done.code:
            raise ShelfError(f"git cannot read the blob `{blob}`: {done.said}")
        try:
            return done.raw.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise ShelfError(f"the version {blob[:8]} is not UTF-8 text") from exc

    def identity(self) -> str:
        """The author of new commits, as `Name <address>`. Raises `NoIdentity` if git has no name configured.

        A name that git would guess from the machine is not accepted: it would stay in the history for ever.
        """
        guess = () if os.environ.get("EMAIL") else ("-c", "user.useConfigOnly=true")
        for variable in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
            done = self.run(*guess, "var", variable)
            if done.code:
                raise NoIdentity(
                    "git does not know who you are, so nothing was saved",
                    hint='set it once: git config --global user.name "Your Name" and '
                    "git config --global user.email you@example.org",
                )
        return done.out.rpartition(">")[0] + ">"


def _safe_arguments(words: tuple[str, ...]) -> list[str]:
    """`words` with settings that keep a reading command from starting other programs."""
    settings, rest = list(_ALWAYS), list(words)
    if words[0] not in CHANGING:
        settings += _READING
        if words[0] in _SHOWS_DIFFERENCES:
            rest[1:1] = ["--no-ext-diff", "--no-textconv"]
    return ["--no-pager", *(part for setting in settings for part in ("-c", setting)), *rest]


def repository(root: Path) -> Git:
    """Git in the workspace folder `root`. Raises `NoRepository` if it is not in a git repository."""
    git = Git(root)
    done = git.run("rev-parse", "--is-inside-work-tree")
    if done.code or done.out.strip() != "true":
        if "dubious ownership" in done.err:
            raise ShelfError(f"git does not trust {root}: {done.err.strip().splitlines()[0]}", hint=done.err.strip())
        raise NoRepository(
            f"{root} is not in a git repository, so versions cannot be kept",
            hint="`promptlab templates init` makes one there (git init)",
        )
    return git


def blob_id(text: str) -> str:
    """The blob id that git gives a file with this text."""
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.sha1(b"blob %d\x00" % len(data) + data, usedforsecurity=False).hexdigest()

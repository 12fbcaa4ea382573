"""The list of templates: what each is for, and when it was last changed, quickly however many there are.

    Listing(workspace).entries()

A file is read again only when it changed (by its times and size), and git is asked only for what came since the
commit it was asked at before. Both are remembered in `.promptlab/templates.json` too, for the next process.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from promptlab import examples
from promptlab._util.files import write_atomically
from promptlab._util.git import Git, repository
from promptlab._version import __version__
from promptlab._yaml import read_text
from promptlab.errors import InputError, ShelfError
from promptlab.templates._load import FOLDER, names
from promptlab.templates._parse import parse
from promptlab.types import Label, canonical_json
from promptlab.workspace import Workspace

log = logging.getLogger(__name__)

FACTS = 3
"""Counted up when something else is remembered of a file."""
State = Literal["saved", "changed", "new", "unknown"]


@dataclass(frozen=True)
class LastChange:
    """The newest commit of a file; `when` is ISO 8601 with its zone."""

    commit: str
    who: str
    when: str
    subject: str


@dataclass(frozen=True)
class Entry:
    """A template in the list. `problem` says why it does not parse, "" when it does; `context` has its documents,
    `pool` is that of its examples, "" where it has none.

    `state`: `saved` in git, `changed` since, `new` to git, or `unknown` where there is no repository.
    """

    path: str
    name: str
    description: str
    problem: str
    label: Label
    state: State
    last: LastChange | None
    context: tuple[str, ...] = ()
    pool: str = ""


class Listing:
    """The templates of a workspace, remembered. Safe to use from several threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._file = workspace.state / "templates.json"
        self._lock = threading.Lock()
        self._kept = self._read()

    def entries(self) -> list[Entry]:
        """Every template, by path."""
        with self._lock:
            before = canonical_json(self._kept)
            facts = {path: self._facts(path) for path in names(self._workspace)}
            self._kept["files"] = facts
            states = self._ask_git(list(facts))
            if canonical_json(self._kept) != before:
                self._write()
            last = self._kept["last"]
            return [
                Entry(
                    path=path,
                    name=PurePosixPath(path).stem,
                    description=description,
                    problem=problem,
                    label=label,
                    state=states[path],
                    last=LastChange(*last[path]) if path in last else None,
                    context=tuple(context),
                    pool=pool,
                )
                for path, (_, description, problem, label, context, pool) in facts.items()
            ]

    def _facts(self, path: str) -> list[Any]:
        """What the list shows of a file, behind what tells whether it changed."""
        full = self._workspace.root / path
        try:
            found = full.stat()
            stamp = [found.st_mtime_ns, found.st_ctime_ns, found.st_size]
        except OSError:  # gone since it was listed
            stamp = []
        kept: list[Any] | None = self._kept["files"].get(path)
        if kept and stamp and kept[0] == stamp:
            return kept
        description, problem, context, pool = "", "", list[str](), ""
        try:
            template = parse(read_text(full, shown=path, error=InputError), path=path)
            description, context = template.description, list(template.context)
            pool = template.examples.pool if template.examples else ""
        except InputError as exc:
            problem = str(exc)
        return [stamp, description, problem, self._workspace.label_of(path), context, pool]

    def _ask_git(self, paths: list[str]) -> dict[str, State]:
        """Bring what is known of commits up to date; the state of each path."""
        try:
            git = repository(self._workspace.root)
            head = git.tip()
            if head != self._kept["head"]:
                self._kept["last"] = _last_changes(git, self._kept["head"], self._kept["last"], head)
                self._kept["head"] = head
            changed = _changed(git)
        except ShelfError:
            self._kept["head"], self._kept["last"] = "", {}
            return dict.fromkeys(paths, "unknown")
        known = self._kept["last"]
        return {path: changed.get(path, "saved" if path in known else "new") for path in paths}

    def _nothing(self) -> dict[str, Any]:
        made_by = [__version__, FACTS, dict(self._workspace.labels)]
        return {"made_by": made_by, "files": {}, "head": "", "last": {}}

    def _read(self) -> dict[str, Any]:
        nothing = self._nothing()
        try:
            found = json.loads(self._file.read_bytes())
            if isinstance(found, dict) and found.keys() == nothing.keys() and found["made_by"] == nothing["made_by"]:
                return found
        except (OSError, ValueError, RecursionError):  # a first time, or half a file: it is made anew
            pass
        return nothing

    def _write(self) -> None:
        try:
            write_atomically(self._file, json.dumps(self._kept).encode("ascii"))
        except OSError as exc:
            log.warning("the list of templates is not remembered in %s: %s", self._file, exc)


def _last_changes(git: Git, since: str, known: Mapping[str, Any], head: str) -> dict[str, Any]:
    """The newest commit of each path, in one pass over the history since the commit known before."""
    if not head:
        return {}
    grown = bool(since) and git.run("merge-base", "--is-ancestor", since, head).code == 0
    found: dict[str, Any] = dict(known) if grown else {}
    shown = "--format=%x01%H%x00%an%x00%aI%x00%s%x00"
    words = ["log", shown, "--name-only", "-z", "--relative", "--no-renames", "--diff-merges=first-parent"]
    done = git.run(*words, f"{since}..{head}" if grown else head, "--", FOLDER)
    if done.code:
        raise ShelfError(done.said)
    fresh: dict[str, Any] = {}
    for record in done.out.split("\x01")[1:]:
        commit, who, when, subject, *paths = record.split("\x00")
        for path in paths:
            if path := path.strip("\n"):
                fresh.setdefault(path, [commit, who, when, subject])
    return {**found, **fresh}


def _changed(git: Git) -> dict[str, State]:
    words = ("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", FOLDER)
    done = git.run(*words, env={"GIT_OPTIONAL_LOCKS": "0"})
    prefix = git.ask("rev-parse", "--show-prefix")
    found: dict[str, State] = {}
    for record in done.out.split("\x00"):
        if record:
            found[record[3:].removeprefix(prefix)] = "new" if record[:2] in ("??", "A ", " A", "AM") else "changed"
    return found


def as_json(entry: Entry) -> dict[str, Any]:
    """An entry as the command line prints it."""
    return {**asdict(entry), "last": asdict(entry.last) if entry.last else None}


def documents_and_users(templates: Iterable[Entry]) -> dict[str, list[str]]:
    """Every document that a template takes, with the templates that take it."""
    users: dict[str, list[str]] = {}
    for template in templates:
        for path in dict.fromkeys(template.context):
            users.setdefault(path, []).append(template.path)
    return users


def pools_and_users(workspace: Workspace, templates: Iterable[Entry]) -> dict[str, list[str]]:
    """Every pool of the workspace, also one that only a template names, with the templates that take shots of it."""
    users: dict[str, list[str]] = {path: [] for path in examples.pool_paths(workspace)}
    for template in templates:
        if template.pool:
            users.setdefault(template.pool, []).append(template.path)
    return dict(sorted(users.items()))


__all__ = ["Entry", "LastChange", "Listing", "as_json"]

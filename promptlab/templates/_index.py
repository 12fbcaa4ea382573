"""The list of templates, with the description and the last commit of each. It is cached, so thousands are quick.

    TemplateIndex(workspace).entries()

A file is read again only if its times or size changed, and git is asked only for commits that are new since the last
time. The cache is also kept in `.promptlab/templates.json`, for the next process.
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
from promptlab.templates._load import TEMPLATES_FOLDER, template_paths
from promptlab.templates._parse import parse
from promptlab.types import Label, canonical_json
from promptlab.workspace import Workspace

log = logging.getLogger(__name__)

FACTS_VERSION = 3
"""The version of the cached facts; increase it if other facts of a file are cached."""
State = Literal["saved", "changed", "new", "unknown"]


@dataclass(frozen=True)
class LastChange:
    """The newest commit of a file; `when` is ISO 8601 with a time zone."""

    commit: str
    who: str
    when: str
    subject: str


@dataclass(frozen=True)
class TemplateEntry:
    """A template in the list. `problem` is the reason why it does not parse, "" if it does. `context` has the paths of
    its documents; `pool` is the path of its examples, "" if it has none.

    `state`: `saved` in git, `changed` since, `new` to git, or `unknown` if there is no repository.
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


class TemplateIndex:
    """The templates of a workspace, with a cache. Safe to use from several threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._file = workspace.state / "templates.json"
        self._lock = threading.Lock()
        self._cache = self._read()

    def entries(self) -> list[TemplateEntry]:
        """Every template, sorted by path."""
        with self._lock:
            before = canonical_json(self._cache)
            facts = {path: self._facts(path) for path in template_paths(self._workspace)}
            self._cache["files"] = facts
            states = self._ask_git(list(facts))
            if canonical_json(self._cache) != before:
                self._write()
            last = self._cache["last"]
            return [
                TemplateEntry(
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
        """The facts of a file for the list; the first of them is its stamp, which changes when the file does."""
        full = self._workspace.root / path
        try:
            stat = full.stat()
            stamp = [stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size]
        except OSError:  # deleted since it was listed
            stamp = []
        cached: list[Any] | None = self._cache["files"].get(path)
        if cached and stamp and cached[0] == stamp:
            return cached
        description, problem, context, pool = "", "", list[str](), ""
        try:
            template = parse(read_text(full, shown=path, error=InputError), path=path)
            description, context = template.description, list(template.context)
            pool = template.examples.pool if template.examples else ""
        except InputError as exc:
            problem = str(exc)
        return [stamp, description, problem, self._workspace.label_of(path), context, pool]

    def _ask_git(self, paths: list[str]) -> dict[str, State]:
        """Update the cached commits from git. Returns the state of each path."""
        try:
            git = repository(self._workspace.root)
            head = git.tip()
            if head != self._cache["head"]:
                self._cache["last"] = _last_changes(git, self._cache["head"], self._cache["last"], head)
                self._cache["head"] = head
            changed = _changed(git)
        except ShelfError:
            self._cache["head"], self._cache["last"] = "", {}
            return dict.fromkeys(paths, "unknown")
        known = self._cache["last"]
        return {path: changed.get(path, "saved" if path in known else "new") for path in paths}

    def _empty(self) -> dict[str, Any]:
        made_by = [__version__, FACTS_VERSION, dict(self._workspace.labels)]
        return {"made_by": made_by, "files": {}, "head": "", "last": {}}

    def _read(self) -> dict[str, Any]:
        empty = self._empty()
        try:
            cache = json.loads(self._file.read_bytes())
            if isinstance(cache, dict) and cache.keys() == empty.keys() and cache["made_by"] == empty["made_by"]:
                return cache
        except (OSError, ValueError, RecursionError):  # no cache yet, or a broken one: it is built again
            pass
        return empty

    def _write(self) -> None:
        try:
            write_atomically(self._file, json.dumps(self._cache).encode("ascii"))
        except OSError as exc:
            log.warning("the list of templates could not be cached in %s: %s", self._file, exc)


def _last_changes(git: Git, since: str, known: Mapping[str, Any], head: str) -> dict[str, Any]:
    """The newest commit of each path, from one pass over the commits after `since`."""
    if not head:
        return {}
    is_continued = bool(since) and git.run("merge-base", "--is-ancestor", since, head).code == 0
    before: dict[str, Any] = dict(known) if is_continued else {}
    shown = "--format=%x01%H%x00%an%x00%aI%x00%s%x00"
    words = ["log", shown, "--name-only", "-z", "--relative", "--no-renames", "--diff-merges=first-parent"]
    done = git.run(*words, f"{since}..{head}" if is_continued else head, "--", TEMPLATES_FOLDER)
    if done.code:
        raise ShelfError(done.said)
    fresh: dict[str, Any] = {}
    for record in done.out.split("\x01")[1:]:
        commit, who, when, subject, *paths = record.split("\x00")
        for path in paths:
            if path := path.strip("\n"):
                fresh.setdefault(path, [commit, who, when, subject])
    return {**before, **fresh}


def _changed(git: Git) -> dict[str, State]:
    words = ("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", TEMPLATES_FOLDER)
    done = git.run(*words, env={"GIT_OPTIONAL_LOCKS": "0"})
    prefix = git.ask("rev-parse", "--show-prefix")
    states: dict[str, State] = {}
    for record in done.out.split("\x00"):
        if record:
            states[record[3:].removeprefix(prefix)] = "new" if record[:2] in ("??", "A ", " A", "AM") else "changed"
    return states


def entry_as_json(entry: TemplateEntry) -> dict[str, Any]:
    """An entry as plain data, for `--json`."""
    return {**asdict(entry), "last": asdict(entry.last) if entry.last else None}


def templates_by_document(templates: Iterable[TemplateEntry]) -> dict[str, list[str]]:
    """Each document that a template uses, with the paths of these templates."""
    users: dict[str, list[str]] = {}
    for template in templates:
        for path in dict.fromkeys(template.context):
            users.setdefault(path, []).append(template.path)
    return users


def templates_by_pool(workspace: Workspace, templates: Iterable[TemplateEntry]) -> dict[str, list[str]]:
    """Each pool of the workspace, and each that a template names, with the paths of the templates that use it."""
    users: dict[str, list[str]] = {path: [] for path in examples.pool_paths(workspace)}
    for template in templates:
        if template.pool:
            users.setdefault(template.pool, []).append(template.path)
    return dict(sorted(users.items()))


__all__ = [
    "LastChange",
    "TemplateEntry",
    "TemplateIndex",
    "entry_as_json",
    "templates_by_document",
    "templates_by_pool",
]

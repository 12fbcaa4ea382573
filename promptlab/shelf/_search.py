"""One search over everything in a workspace: templates, documents, pools, suites, models and runs.

    for hit in search_workspace(workspace, "world cup", store=store).hits:
        hit.kind, hit.name, hit.place, hit.excerpt

What has the words in its name comes first, then what has them in its text. It ends after a bounded time; `complete`
says whether everything was looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from promptlab import documents, examples, suites, templates
from promptlab._util.bm25 import normal
from promptlab.errors import PromptlabError
from promptlab.runs import Store
from promptlab.shelf._references import SUITES
from promptlab.workspace import Workspace

SECONDS = 1.5
"""The time after which a search ends with what it has."""
MOST_OF_KIND = 8
READ_BYTES = 200_000
"""The beginning of a file that is searched. A document of many pages is found by its beginning."""
HitKind = Literal["template", "document", "pool", "suite", "run", "model"]
KINDS: tuple[HitKind, ...] = ("template", "document", "pool", "suite", "run", "model")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found. `place` is the path, the id of a run or the name of a model; `excerpt` is the text around the
    first word, if it was found in the text. `rank` 0 is best."""

    kind: HitKind
    name: str
    place: str
    excerpt: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found: the best of each kind, kinds in the order of `KINDS`."""

    hits: tuple[Hit, ...]
    complete: bool


def search_workspace(workspace: Workspace, words: str, *, store: Store | None = None, seconds: float = SECONDS) -> Hits:
    """What has every word of `words` in its name or text, ignoring case. Nothing for no words."""
    wanted = normal(words).split()
    if not wanted:
        return Hits((), True)
    until = time.monotonic() + seconds
    sources: dict[HitKind, Callable[[], Sequence[tuple[str, str]]]] = {
        "template": lambda: [(_short(path, "templates/"), path) for path in templates.template_paths(workspace)],
        "document": lambda: [(PurePosixPath(path).name, path) for path in documents.document_paths(workspace)],
        "pool": lambda: [(PurePosixPath(path).stem, path) for path in examples.pool_paths(workspace)],
        "suite": lambda: [(_short(path, f"{SUITES}/"), path) for path in suites.suite_paths(workspace)],
        "run": lambda: _runs(store),
        "model": lambda: [(name, name) for name in workspace.models],
    }
    named = {kind: sources[kind]() for kind in KINDS}
    hits: dict[HitKind, list[Hit]] = {kind: _by_name(kind, named[kind], wanted) for kind in KINDS}
    complete = True
    for kind in ("template", "suite", "pool", "document"):
        complete &= _add_by_text(workspace, kind, named[kind], wanted, hits[kind], until)
    if store is not None and time.monotonic() < until and len(hits["run"]) < MOST_OF_KIND:
        known = {hit.place for hit in hits["run"]}
        runs = store.runs(text=words.strip(), limit=MOST_OF_KIND)
        hits["run"] += [
            Hit("run", run.title, run.id, "in a question or an answer", 4) for run in runs if run.id not in known
        ]
    return Hits(tuple(hit for kind in KINDS for hit in sorted(hits[kind], key=_order)[:MOST_OF_KIND]), complete)


def _order(hit: Hit) -> tuple[int, int]:
    # Runs keep their order: newest first.
    return hit.rank, 0 if hit.kind == "run" else len(hit.name)


def _short(path: str, folder: str) -> str:
    return path.removeprefix(folder).rsplit(".", 1)[0]


def _runs(store: Store | None) -> list[tuple[str, str]]:
    return [(run.title, run.id) for run in store.runs(limit=300)] if store is not None else []


def _by_name(kind: HitKind, named: Sequence[tuple[str, str]], wanted: Sequence[str]) -> list[Hit]:
    whole, hits = " ".join(wanted), []
    for name, place in named:
        text, path = normal(name), normal(place)
        if text == whole:
            rank = 0
        elif text.startswith(whole):
            rank = 1
        elif all(word in text for word in wanted):
            rank = 2
        elif all(word in path for word in wanted):
            rank = 3
        else:
            continue
        hits.append(Hit(kind, name, place, rank=rank))
    return hits


def _add_by_text(
    workspace: Workspace,
    kind: HitKind,
    named: Sequence[tuple[str, str]],
    wanted: Sequence[str],
    hits: list[Hit],
    until: float,
) -> bool:
    """Add what has the words in its text; False if the time was over before."""
    known = {hit.place for hit in hits}
    for name, place in named:
        if len(hits) >= MOST_OF_KIND:
            return True
        if time.monotonic() > until:
            return False
        if place in known:
            continue
        text = _text(workspace, place)
        folded = normal(text)
        if all(word in folded for word in wanted):
            hits.append(Hit(kind, name, place, _excerpt(text, wanted[0]), 4))
    return True


def _text(workspace: Workspace, path: str) -> str:
    """The beginning of a file as text; "" for one that is no text. What must be converted is found by its name only."""
    try:
        with workspace.resolve(path).open("rb") as file:
            data = file.read(READ_BYTES)
    except (PromptlabError, OSError):
        return ""
    return "" if b"\0" in data[:1000] else data.decode("utf-8", "replace")


def _excerpt(text: str, word: str) -> str:
    """The line with the word, shortened."""
    for line in _lines(text):
        if word in normal(line):
            at = max(0, normal(line).find(word) - 30)
            at = line.rfind(" ", 0, at) + 1  # not in the middle of a word
            return ("…" if at else "") + line[at : at + 110].strip() + ("…" if len(line) > at + 110 else "")
    return ""


def _lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.split("\n") if line.strip())


__all__ = ["KINDS", "Hit", "HitKind", "Hits", "search_workspace"]

"""The labels that texts have now, computed when they are needed.

    labels = Labels(workspace)
    labels.of(Place("documents/plan.md"))       # a file, under every name it has
    labels.of(Place("examples/cup.jsonl", "host"))     # a row: of its file, its own, and of its originals
    labels.today(prompt)                        # a stored prompt with the labels of now

A stored text records its sources. Its label is the highest of the labels that they had when it was stored and the
labels that they have now. So a raised label applies to everything that was ever made from the file. promptlab.yaml is
read again when it has changed, so a raised label applies to a run in progress too. A file that was deleted, or whose
rows cannot be read, is confidential, because its label is unknown.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from promptlab._util.files import file_stamp
from promptlab._yaml import parse_yaml
from promptlab.errors import GateRefused, InputError, PromptlabError
from promptlab.types import LABELS, Label, Place, Prompt, Source, highest
from promptlab.workspace import _row_labels as label_rows
from promptlab.workspace._workspace import FILE, Workspace

HIGHEST_LABEL: Label = LABELS[-1]
PASSAGES_MARK = "#passages="
"""In the path of a selection: it separates the path of the document from the choice of passages."""


POOLS, TEMPLATES = ("examples", "fixtures/examples"), "templates"
ENDINGS = (".jsonl", ".csv", ".tsv", ".yaml", ".yml")
"""Old histories did not store the files of a source. These folders are searched for the pools it may come from."""


@dataclass(frozen=True)
class _State:
    """promptlab.yaml as it was read, and what was computed from it alone."""

    file: object
    now: Workspace
    known: dict[str, Label] = field(default_factory=dict)
    pools: list[tuple[str, ...]] = field(default_factory=list)


class Labels:
    """The labels of a workspace as they are now. Thread-safe."""

    def __init__(self, workspace: Workspace) -> None:
        self._given = workspace
        self._file = workspace.root / FILE
        self._lock = threading.Lock()
        self._state = _State(None, workspace)

    def look(self) -> Look:
        """A snapshot of the labels, for one question. It reads each file at most once, so do not keep it for later.

        Raises `GateRefused` if promptlab.yaml cannot be read, because the labels are unknown then.
        """
        state = file_stamp(self._file)
        with self._lock:
            if state != self._state.file:
                try:
                    now = Workspace.load(self._given.root) if state else self._given
                except PromptlabError as exc:
                    what = f"nothing is sent while the labels in {FILE} cannot be read: {exc.message}"
                    raise GateRefused(what, hint=exc.hint or f"fix {FILE}") from exc
                self._state = _State(state, now)
            return Look(self._given, self._state)

    def workspace(self) -> Workspace:
        """The workspace with promptlab.yaml as it is now, or as it was opened if the file was deleted. Raises the
        errors of `look`, like all methods below."""
        return self.look().now

    def of_path(self, path: str) -> Label:
        """The label of a file: the stricter of that in promptlab.yaml now and that when the workspace was opened."""
        return self.look().of_path(path)

    def of(self, place: Place) -> Label:
        """The label of a place: the highest of its file, its row, and the originals that the row was copied from."""
        return self.look().of(place)

    def of_copy(self, place: Place) -> Label:
        """The label of an original: as `of`, but confidential if the file no longer exists."""
        return self.look().of_copy(place)

    def of_source(self, source: Source) -> Label:
        """The label of a source: the highest of then and now."""
        return self.look().of_source(source)

    def today(self, prompt: Prompt) -> Prompt:
        """`prompt`, with the label of each source raised to what it is now."""
        return self.look().today(prompt)

    def of_prompt(self, prompt: Prompt | None, *more: Label) -> Label:
        """The highest label of anything in a prompt, which is also that of every answer to it. No prompt: public."""
        if prompt is None:
            return highest([*more])
        return self.look().of_prompt(prompt, *more)


class Look:
    """A snapshot of the labels of a workspace: each file is read at most once, so all answers agree."""

    def __init__(self, given: Workspace, state: _State) -> None:
        self._given, self._state, self.now = given, state, state.now
        self._root = str(given.root)
        self._stats: dict[str, os.stat_result | None] = {}
        self._rows: dict[str, label_rows.Rows | None] = {}
        self._of: dict[Place, Label] = {}

    def of_path(self, path: str) -> Label:
        """See `Labels.of_path`."""
        known = self._state.known
        if path not in known:
            known[path] = highest([self._given.label_of(path), self.now.label_of(path)])
        return known[path]

    def clearance(self, model: str, given: Label) -> Label:
        """The clearance of `model`: the lower of `given` and that in promptlab.yaml now."""
        entry = self.now.models.get(model)
        return given if entry is None else min(given, entry.clearance, key=LABELS.index)

    def of(self, place: Place, seen: frozenset[Place] = frozenset()) -> Label:
        """See `Labels.of`."""
        if seen:  # inside a circle of copies the label of a place is incomplete, so it is not cached
            return self._of_place(place, seen)
        if place not in self._of:
            self._of[place] = self._of_place(place, seen)
        return self._of[place]

    def _of_place(self, place: Place, seen: frozenset[Place]) -> Label:
        label = self.of_path(place.path)
        if not place.row or label == HIGHEST_LABEL or place in seen:
            return label
        rows = self._rows_of(place.path)
        if rows is None:
            return HIGHEST_LABEL
        row = rows.labelled.get(place.row)
        if row is None:
            return label
        return highest([label, row.label, *(self.of_copy(original, seen | {place}) for original in row.origins)])

    def of_copy(self, place: Place, seen: frozenset[Place] = frozenset()) -> Label:
        """See `Labels.of_copy`."""
        return self.of(place, seen) if self.is_there(place.path) else HIGHEST_LABEL

    def is_there(self, path: str) -> bool:
        """True if the file exists."""
        return self._stat(path) is not None

    def _stat(self, path: str) -> os.stat_result | None:
        if path not in self._stats:
            try:
                self._stats[path] = os.stat(os.path.join(self._root, path))  # noqa: PTH116,PTH118  # for speed
            except (OSError, ValueError):
                self._stats[path] = None
        return self._stats[path]

    def _rows_of(self, path: str) -> label_rows.Rows | None:
        """The rows of a file. None if they cannot be read."""
        if path not in self._rows:
            stat = self._stat(path)
            try:
                self._rows[path] = stat and label_rows.read_row_labels(self._given.root / path, path, stat)
            except (PromptlabError, OSError, ValueError):
                self._rows[path] = None
        return self._rows[path]

    def of_source(self, source: Source) -> Label:
        """See `Labels.of_source`."""
        if source.label == HIGHEST_LABEL:
            return HIGHEST_LABEL
        if source.places is None:
            return highest([source.label, self._of_unplaced(source)])
        # A template may have no file, such as a draft or the built-in one of a judge. So a missing file is no alarm.
        of = self.of if source.section == "layout" else self.of_copy
        return highest([source.label, *map(of, source.places)])

    def _of_unplaced(self, source: Source) -> Label:
        """The label of a source whose files were not stored: the highest of every file that it may come from."""
        if source.section == "layout":
            return self.of_path(source.name) if source.name else "public"
        if source.section == "context":
            names = [name for name in (source.name, source.name.partition(PASSAGES_MARK)[0]) if name]
            exists = any(self.is_there(name) for name in names)
            return highest([self.of_path(name) for name in names]) if exists or not names else HIGHEST_LABEL
        if source.section == "examples" and source.name:
            rows = [Place(pool, source.name) for pool in self._every_pool() if self._has(pool, source.name)]
            return highest([self.of(row) for row in rows]) if rows else HIGHEST_LABEL
        return "public"

    def _every_pool(self) -> tuple[str, ...]:
        """Every pool that shots may come from: those in the usual folders, and those that templates name."""
        if not self._state.pools:
            root = self._given.root
            files = [file for folder in POOLS for file in (root / folder).rglob("*") if file.suffix.lower() in ENDINGS]
            pools = {file.relative_to(root).as_posix() for file in files}
            for file in (root / TEMPLATES).rglob("*.y*ml"):
                try:
                    data = parse_yaml(file.read_text("utf-8"), shown=file.name, error=InputError).data
                except (PromptlabError, OSError, ValueError):
                    continue
                shots = data.get("examples") if isinstance(data, Mapping) else None
                if isinstance(shots, Mapping) and isinstance(shots.get("pool"), str):
                    pools.add(str(shots["pool"]))
            self._state.pools.append(tuple(sorted(pools)))
        return self._state.pools[0]

    def _has(self, pool: str, row: str) -> bool:
        rows = self._rows_of(pool)
        return rows is not None and row in rows.ids

    def today(self, prompt: Prompt) -> Prompt:
        """See `Labels.today`."""
        sources = tuple(
            source if (label := self.of_source(source)) == source.label else replace(source, label=label)
            for source in prompt.sources
        )
        return prompt if sources == prompt.sources else replace(prompt, sources=sources)

    def of_prompt(self, prompt: Prompt, *more: Label) -> Label:
        """See `Labels.of_prompt`."""
        return highest([*more, *map(self.of_source, prompt.sources), *{span.label for span in prompt.spans}])

    def gone(self, prompt: Prompt) -> list[str]:
        """The files of its sources that no longer exist. Text from them counts as confidential."""
        places = [place for source in prompt.sources if source.section != "layout" for place in source.places or ()]
        return sorted({place.path for place in places if not self.is_there(place.path)})

    def raised_label(self, path: str, known: Label, sha256: str) -> Source | None:
        """A source with the label of the file at `path`, if that is higher than `known`, the label of a draft of it."""
        label = self.of_path(path)
        if highest([known, label]) == known:
            return None
        return Source("layout", path, label, sha256, (Place(path),))


def places_of_prompt(prompt: Prompt | None) -> tuple[Place, ...]:
    """Every file that a text in `prompt` came from, each once. An answer to it is made from these files."""
    if prompt is None:
        return ()
    places: dict[Place, None] = {}  # a dict keeps the order
    for source in prompt.sources:
        if source.places is not None:
            places |= dict.fromkeys(source.places)
        elif source.section in ("context", "layout") and source.name:
            places[Place(source.name.partition(PASSAGES_MARK)[0])] = None
    return tuple(places)


def labelled_as(places: Iterable[Place], labels: Labels) -> Label:
    """The highest label of `places` now."""
    return highest([*map(labels.look().of_copy, places)])


__all__ = ["HIGHEST_LABEL", "Labels", "Look", "labelled_as", "places_of_prompt"]

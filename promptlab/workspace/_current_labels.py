"""What text is labelled now, worked out where it is used.

    labels = Labels(workspace)
    labels.of(Place("documents/plan.md"))       # of a file, by every name it has
    labels.of(Place("examples/cup.jsonl", "host"))     # of a row: the file's, its own, and of what it was copied from
    labels.today(prompt)                        # a stored prompt, each source no lower than what it is labelled now

Stored text knows its sources. Its label is the highest of what they were labelled when it was stored and what they are
labelled now, so raising a label holds for everything that was ever made of a file. promptlab.yaml is read again when it
changed, so it holds for a run under way too. A file that is gone, or cannot be read for its rows, is confidential:
nobody can say what it would be labelled.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from promptlab._util.files import state_of
from promptlab._yaml import parse_yaml
from promptlab.errors import GateRefused, InputError, PromptlabError
from promptlab.types import LABELS, Label, Place, Prompt, Source, Template, highest
from promptlab.workspace import _row_labels as label_rows
from promptlab.workspace._workspace import FILE, Workspace

HIGHEST_LABEL: Label = LABELS[-1]
PASSAGES_MARK = "#passages="
"""Between a document's path and which passages were taken of it, in the path of a selection."""


POOLS, TEMPLATES = ("examples", "fixtures/examples"), "templates"
ENDINGS = (".jsonl", ".csv", ".tsv", ".yaml", ".yml")
"""Where pools and templates are looked for that a history without places may have been asked with."""


@dataclass(frozen=True)
class _State:
    """promptlab.yaml as it was read, and what followed from it alone."""

    file: object
    now: Workspace
    known: dict[str, Label] = field(default_factory=dict)
    pools: list[tuple[str, ...]] = field(default_factory=list)


class Labels:
    """The labels of a workspace as they are now. Safe to use from several threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._given = workspace
        self._file = workspace.root / FILE
        self._lock = threading.Lock()
        self._state = _State(None, workspace)

    def look(self) -> Look:
        """One look at the files, for one question: each file is looked at once. Not to be kept.

        Raises `GateRefused` if promptlab.yaml cannot be read, since nobody knows its labels then.
        """
        state = state_of(self._file)
        with self._lock:
            if state != self._state.file:
                try:
                    now = Workspace.load(self._given.root) if state else self._given
                except PromptlabError as exc:
                    what = f"nothing is sent while the labels in {FILE} cannot be read: {exc.message}"
                    raise GateRefused(what, hint=exc.hint or f"mend {FILE}") from exc
                self._state = _State(state, now)
            return Look(self._given, self._state)

    def workspace(self) -> Workspace:
        """The workspace with promptlab.yaml as it is now; as it was given where there is no such file. Raises as
        `look` does, and so do all that follow."""
        return self.look().now

    def of_path(self, path: str) -> Label:
        """The label of a file: the stricter of what promptlab.yaml says now and what it said when it was read."""
        return self.look().of_path(path)

    def of(self, place: Place) -> Label:
        """The label of a place: of its file, and of its row and what that was copied from."""
        return self.look().of(place)

    def of_copy(self, place: Place) -> Label:
        """The label of an original: as `of`, and confidential where it is not there any more."""
        return self.look().of_copy(place)

    def of_source(self, source: Source) -> Label:
        """The label of a source, now or then."""
        return self.look().of_source(source)

    def today(self, prompt: Prompt) -> Prompt:
        """`prompt` with each of its sources labelled no lower than it is now."""
        return self.look().today(prompt)

    def of_prompt(self, prompt: Prompt | None, *more: Label) -> Label:
        """The highest label of anything in a prompt, and so of any answer to it; nothing is public but no prompt."""
        if prompt is None:
            return highest([*more])
        return self.look().of_prompt(prompt, *more)


class Look:
    """One look at the labels of a workspace, which sees each file once and in one state."""

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
        """What `model` may see: the lower of `given` and what promptlab.yaml says now."""
        entry = self.now.models.get(model)
        return given if entry is None else min(given, entry.clearance, key=LABELS.index)

    def of(self, place: Place, seen: frozenset[Place] = frozenset()) -> Label:
        """See `Labels.of`."""
        if seen:  # on the way through a circle of copies, the label of a place is not whole
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
        return highest([label, row.label, *(self.of_copy(one, seen | {place}) for one in row.origins)])

    def of_copy(self, place: Place, seen: frozenset[Place] = frozenset()) -> Label:
        """See `Labels.of_copy`."""
        return self.of(place, seen) if self.is_there(place.path) else HIGHEST_LABEL

    def is_there(self, path: str) -> bool:
        """True if there is such a file."""
        return self._stat(path) is not None

    def _stat(self, path: str) -> os.stat_result | None:
        if path not in self._stats:
            try:
                self._stats[path] = os.stat(os.path.join(self._root, path))  # noqa: PTH116,PTH118  # for every request
            except (OSError, ValueError):
                self._stats[path] = None
        return self._stats[path]

    def _rows_of(self, path: str) -> label_rows.Rows | None:
        """The rows of a file; None where nobody can say."""
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
        # The text of a template is the prompt's own, and a draft, or a judge's own one, is no file.
        of = self.of if source.section == "layout" else self.of_copy
        return highest([source.label, *map(of, source.places)])

    def _of_unplaced(self, source: Source) -> Label:
        """The label of a source whose history did not keep its files: of every file that it may have come from."""
        if source.section == "layout":
            return self.of_path(source.name) if source.name else "public"
        if source.section == "context":
            names = [name for name in (source.name, source.name.partition(PASSAGES_MARK)[0]) if name]
            there = [name for name in dict.fromkeys(names) if self.is_there(name)]
            return highest([self.of_path(name) for name in names]) if there or not names else HIGHEST_LABEL
        if source.section == "examples" and source.name:
            found = [Place(pool, source.name) for pool in self._every_pool() if self._has(pool, source.name)]
            return highest([self.of(place) for place in found]) if found else HIGHEST_LABEL
        return "public"

    def _every_pool(self) -> tuple[str, ...]:
        """Every pool that shots may have come from: those in the folders of pools, and those that templates name."""
        if not self._state.pools:
            root = self._given.root
            there = [file for folder in POOLS for file in (root / folder).rglob("*") if file.suffix.lower() in ENDINGS]
            found = {file.relative_to(root).as_posix() for file in there}
            for file in (root / TEMPLATES).rglob("*.y*ml"):
                try:
                    data = parse_yaml(file.read_text("utf-8"), shown=file.name, error=InputError).data
                except (PromptlabError, OSError, ValueError):
                    continue
                shots = data.get("examples") if isinstance(data, Mapping) else None
                if isinstance(shots, Mapping) and isinstance(shots.get("pool"), str):
                    found.add(str(shots["pool"]))
            self._state.pools.append(tuple(sorted(found)))
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
        """The files of its sources that are not there any more, which makes them confidential."""
        places = [place for source in prompt.sources if source.section != "layout" for place in source.places or ()]
        return sorted({place.path for place in places if not self.is_there(place.path)})

    def of_template(self, template: Template) -> Source | None:
        """The label that a template's file has now, where the template does not know it (a draft)."""
        label = self.of_path(template.path)
        if highest([template.label, label]) == template.label:
            return None
        return Source("layout", template.path, label, template.sha256, (Place(template.path),))


def places_of_prompt(prompt: Prompt | None) -> tuple[Place, ...]:
    """Every file that anything in `prompt` came from, each once: what an answer to it was made of."""
    if prompt is None:
        return ()
    found: dict[Place, None] = {}
    for source in prompt.sources:
        if source.places is not None:
            found |= dict.fromkeys(source.places)
        elif source.section in ("context", "layout") and source.name:
            found[Place(source.name.partition(PASSAGES_MARK)[0])] = None
    return tuple(found)


def labelled_as(places: Iterable[Place], labels: Labels) -> Label:
    """The highest label of `places` now."""
    return highest([*map(labels.look().of_copy, places)])


__all__ = ["HIGHEST_LABEL", "Labels", "Look", "labelled_as", "places_of_prompt"]

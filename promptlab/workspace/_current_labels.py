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

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace

from promptlab._util.files import state_of
from promptlab._yaml import parse_yaml
from promptlab.errors import GateRefused, InputError, PromptlabError
from promptlab.types import LABELS, Label, Place, Prompt, Source, Template, highest
from promptlab.workspace import _row_labels as label_rows
from promptlab.workspace._workspace import FILE, Workspace

MOST: Label = LABELS[-1]
FRAGMENT = "#passages="
"""Between a document's path and which passages were taken of it, in the path of a selection."""


POOLS, TEMPLATES = ("examples", "fixtures/examples"), "templates"
ENDINGS = (".jsonl", ".csv", ".tsv", ".yaml", ".yml")
"""Where pools and templates are looked for that a history without places may have been asked with."""


class Labels:
    """The labels of a workspace as they are now. Safe to use from several threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._given = workspace
        self._lock = threading.Lock()
        self._state: object = None
        self._now = workspace
        self._known: dict[str, Label] = {}
        self._pools: tuple[str, ...] | None = None

    def workspace(self) -> Workspace:
        """The workspace with promptlab.yaml as it is now; as it was given where there is no such file.

        Raises `GateRefused` where the file cannot be read, since nobody knows its labels then.
        """
        file = self._given.root / FILE
        state = state_of(file)
        with self._lock:
            if state != self._state:
                try:
                    now = Workspace.load(self._given.root) if state else self._given
                except PromptlabError as exc:
                    what = f"nothing is sent while the labels in {FILE} cannot be read: {exc.message}"
                    raise GateRefused(what, hint=exc.hint or f"mend {FILE}") from exc
                self._state, self._now, self._known, self._pools = state, now, {}, None
            return self._now

    def of_path(self, path: str) -> Label:
        """The label of a file: the stricter of what promptlab.yaml says now and what it said when it was read."""
        now = self.workspace()
        if path not in self._known:
            self._known[path] = highest([self._given.label_of(path), now.label_of(path)])
        return self._known[path]

    def clearance(self, model: str, given: Label) -> Label:
        """What `model` may see: the lower of `given` and what promptlab.yaml says now."""
        entry = self.workspace().models.get(model)
        return given if entry is None else min(given, entry.clearance, key=LABELS.index)

    def of(self, place: Place, *, _seen: frozenset[Place] = frozenset()) -> Label:
        """The label of a place: of its file, and of its row and what that was copied from."""
        label = self.of_path(place.path)
        if not place.row or label == MOST or place in _seen:
            return label
        full = self._given.root / place.path
        try:
            row = label_rows.of_file(full, place.path).labelled.get(place.row)
        except (PromptlabError, OSError, ValueError):
            return MOST
        if row is None:
            return label
        return highest([label, row.label, *(self.of_copy(one, _seen | {place}) for one in row.origins)])

    def of_copy(self, place: Place, seen: frozenset[Place] = frozenset()) -> Label:
        """The label of an original: as `of`, and confidential where it is not there any more."""
        return self.of(place, _seen=seen) if (self._given.root / place.path).exists() else MOST

    def of_source(self, source: Source) -> Label:
        """The label of a source, now or then."""
        if source.label == MOST:
            return MOST
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
            names = [name for name in (source.name, source.name.partition(FRAGMENT)[0]) if name]
            there = [name for name in dict.fromkeys(names) if (self._given.root / name).exists()]
            return highest([self.of_path(name) for name in names]) if there or not names else MOST
        if source.section == "examples" and source.name:
            found = [Place(pool, source.name) for pool in self._every_pool() if self._has(pool, source.name)]
            return highest([self.of(place) for place in found]) if found else MOST
        return "public"

    def _every_pool(self) -> tuple[str, ...]:
        """Every pool that shots may have come from: those in the folders of pools, and those that templates name."""
        if self._pools is None:
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
            self._pools = tuple(sorted(found))
        return self._pools

    def _has(self, pool: str, row: str) -> bool:
        try:
            return row in label_rows.of_file(self._given.root / pool, pool).ids
        except (PromptlabError, OSError, ValueError):
            return False

    def today(self, prompt: Prompt) -> Prompt:
        """`prompt` with each of its sources labelled no lower than it is now."""
        sources = tuple(
            source if (label := self.of_source(source)) == source.label else replace(source, label=label)
            for source in prompt.sources
        )
        return prompt if sources == prompt.sources else replace(prompt, sources=sources)

    def of_prompt(self, prompt: Prompt | None, *more: Label) -> Label:
        """The highest label of anything in a prompt, and so of any answer to it; nothing is public but no prompt."""
        if prompt is None:
            return highest([*more])
        return highest([*more, *map(self.of_source, prompt.sources), *(span.label for span in prompt.spans)])

    def gone(self, prompt: Prompt) -> list[str]:
        """The files of its sources that are not there any more, which makes them confidential."""
        places = [place for source in prompt.sources if source.section != "layout" for place in source.places or ()]
        return sorted({place.path for place in places if not (self._given.root / place.path).exists()})

    def of_template(self, template: Template) -> Source | None:
        """The label that a template's file has now, where the template does not know it (a draft)."""
        label = self.of_path(template.path)
        if highest([template.label, label]) == template.label:
            return None
        return Source("layout", template.path, label, template.sha256, (Place(template.path),))


def places_of(prompt: Prompt | None) -> tuple[Place, ...]:
    """Every file that anything in `prompt` came from, each once: what an answer to it was made of."""
    if prompt is None:
        return ()
    found: dict[Place, None] = {}
    for source in prompt.sources:
        if source.places is not None:
            found |= dict.fromkeys(source.places)
        elif source.section in ("context", "layout") and source.name:
            found[Place(source.name.partition(FRAGMENT)[0])] = None
    return tuple(found)


def labelled_as(places: Iterable[Place], labels: Labels) -> Label:
    """The highest label of `places` now."""
    return highest([labels.of_copy(place) for place in places])


__all__ = ["MOST", "Labels", "labelled_as", "places_of"]

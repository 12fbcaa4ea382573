"""Drafts: the changes of a template that were made in the browser and are not saved.

A draft keeps only what differs from the file, under `.promptlab/drafts/`, so that a reload, a second tab or a restart
loses nothing. `base` is the text of the file when the first change was made. The whole text of a template that is not
on disk yet is in `text`. One real draft:

    {"template": "templates/world-cup.yaml", "revision": 4, "base": "description: …",
     "changes": {"instructions": "Answer briefly.", "params.temperature": 0.7}, "without": ["context"], ...}
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from promptlab import runs, templates
from promptlab._util import disk_errors as faults
from promptlab._util.files import write_atomically
from promptlab.errors import StoreError
from promptlab.runs import Given
from promptlab.shelf import draft_file
from promptlab.templates import InputSpec, Template
from promptlab.types import Label, Place, Section, highest

log = logging.getLogger(__name__)


class InputOrigin(BaseModel):
    """Where the text of an input came from: the label it had, and its files."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    label: Label = "public"
    places: tuple[tuple[str, str], ...] = ()


class Draft(BaseModel):
    """The changes to the template file `template`, and the settings of the workbench for it.

    `revision` grows with every change, so that an open tab notices the changes of another one. `changes` are made to
    `text`, or to `base` if that is None: `text` is that of a new template, or of one edited as a whole. If `models` is
    None, all models that are ready are chosen; if `counted_by` is None, the first of them counts the tokens.
    `origins` has the inputs that were copied from a run. An edited copy stays as private, until the field is emptied.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    template: str
    revision: int = 0
    base: str | None = None
    text: str | None = None
    changes: Mapping[str, Any] = {}
    inputs: Mapping[str, Any] = {}
    origins: Mapping[str, InputOrigin] = {}
    without: tuple[Section, ...] = ()
    models: tuple[str, ...] | None = None
    counted_by: str | None = None
    fresh: bool = False

    @model_validator(mode="before")
    @classmethod
    def _migrated(cls, data: Any) -> Any:
        """A draft as the first releases kept it, with a field for each thing that could be changed."""
        if not isinstance(data, dict) or not {"texts", "params", "k"} & data.keys():
            return data
        texts, params, k = data.get("texts"), data.get("params"), data.get("k")
        changes = dict(texts) if isinstance(texts, dict) else {}
        changes |= {f"params.{n}": v for n, v in params.items()} if isinstance(params, dict) else {}
        changes |= {"examples.k": k} if isinstance(k, int) else {}
        return {**data, "changes": changes}

    @property
    def edited(self) -> bool:
        """True if the template itself is changed; switches and inputs do not count."""
        return bool(self.changes) or self.text is not None

    @property
    def origin(self) -> str | None:
        """The text that the changes are made to; None if that is the file as it is now."""
        return self.base if self.text is None else self.text

    def applied_to(self, template: Template) -> Template:
        """`template` with the edits; its `source` is the text that would be saved.

        Raises `TemplateError` if the result is no valid template, for example because of half a Jinja tag.
        """
        return templates.apply_changes(template, self.changes)

    def typed_inputs(self, template: Template) -> dict[str, Any]:
        """The value of every input's field: the draft's, or the sample. Lists and objects are JSON text."""
        sample = templates.sample_inputs(template)
        return {
            name: self.inputs[name] if name in self.inputs else _typed(spec, sample.get(name))
            for name, spec in template.inputs.items()
        }

    def inputs_for(self, template: Template) -> dict[str, Any]:
        """The values to ask with, without empty inputs. Raises `TemplateError` for a text that is not valid JSON."""
        values = {name: value for name, value in self.typed_inputs(template).items() if value is not None}
        as_json = {n: v for n, v in values.items() if template.inputs[n].type in ("list", "object")}
        return {**values, **templates.inputs_from_text(template, as_json)}

    def origins_of(self, template: Template) -> dict[str, InputOrigin]:
        """The origins of those inputs that are not empty."""
        there = {name for name in template.inputs if self.inputs.get(name) not in (None, "")}
        return {name: origin for name, origin in self.origins.items() if name in there}

    def given(self, template: Template) -> Given:
        """The values to ask with, and where they came from."""
        origins = self.origins_of(template)
        places = {name: tuple(Place(*place) for place in origin.places) for name, origin in origins.items()}
        return Given(self.inputs_for(template), highest([origin.label for origin in origins.values()]), places)

    def switched_off(self) -> tuple[Section, ...]:
        return runs.sections_to_leave_out(self.without)


def _typed(spec: InputSpec, value: Any) -> Any:
    if spec.type in ("list", "object"):
        return json.dumps(value, ensure_ascii=False, indent=1) if value is not None else ""
    return "" if value is None and spec.type == "string" else value


class Drafts:
    """The drafts of a workspace, one file each in `folder`. Every change is written at once, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def load(self, template: str) -> Draft:
        """The draft of the template at path `template`; an empty one if there is none, or it cannot be read."""
        draft = self._read(self._path(template))
        return draft if draft and draft.template == template else Draft(template=template)

    def edited(self) -> dict[str, Draft]:
        """The drafts that change their template, by its path."""
        drafts = [draft for path in sorted(self._folder.glob("*.json")) if (draft := self._read(path))]
        return {draft.template: draft for draft in drafts if draft.edited}

    def change(self, template: str, **fields: Any) -> Draft:
        """Set `fields` of the draft. Other fields stay as they are, also if another tab changed them last."""
        with self._lock:
            return self._change(self.load(template), fields)

    def edit(self, template: str, source: str, values: Mapping[str, Any]) -> Draft:
        """Set fields of the template itself. `source` is the text of its file that the page showed.

        A field that is set back to its value in that text is no longer a change.
        """
        with self._lock:
            now = self.load(template)
            base = now.base if now.text is not None or now.base is not None else source
            original = templates.parse(source if now.origin is None else now.origin, path=template)
            changes = now.changes
            for name, value in values.items():
                changes = templates.set_field(original, changes, name, value)
            needed = base if changes or now.text is not None else None
            return self._change(now, {"base": needed, "changes": changes})

    def write(self, template: str, text: str, base: str | None) -> Draft:
        """Make `text` the whole draft. `base` is the text of the file, None if there is no file."""
        same = text == base
        return self.change(template, base=None if same else base, text=None if same else text, changes={})

    def saved(self, template: str, was: Draft, text: str, file: str | None) -> Draft:
        """Drop what was saved: the draft `was` gave `text`, and the file has the text `file` now.

        What `text` does not have stays a draft: a change that gives no valid template, and what another tab typed
        meanwhile. Inputs, switches and models stay, too.
        """
        with self._lock:
            now = self.load(template)
            if now.text is not None and now.text != was.text:
                return self._change(now, {"base": file})
            saved, left = templates.parse(text, path=template), dict[str, Any]()
            for name, value in now.changes.items():
                left = templates.set_field(saved, left, name, value)
            lost = bool(left) and file is None
            return self._change(now, {"base": file if left else None, "text": text if lost else None, "changes": left})

    def reset(self, template: str) -> Draft:
        """Drop all changes. The choice of models stays."""
        with self._lock:
            now = self.load(template)
            draft = Draft(template=template, revision=now.revision + 1, models=now.models, counted_by=now.counted_by)
            self._write(draft)
            return draft

    def _change(self, now: Draft, fields: Mapping[str, Any]) -> Draft:
        draft = Draft.model_validate({**now.model_dump(), **fields, "revision": now.revision + 1})
        self._write(draft)
        return draft

    def _read(self, path: Path) -> Draft | None:
        try:
            return Draft.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as exc:
            log.warning("the draft %s cannot be read and is left out: %s", path, exc)
            return None

    def _path(self, template: str) -> Path:
        return draft_file(self._folder, template)

    def _write(self, draft: Draft) -> None:
        path = self._path(draft.template)
        try:
            write_atomically(path, json.dumps(draft.model_dump(), indent=1).encode("ascii"))
        except OSError as exc:
            raise StoreError(
                f"the draft of {draft.template} cannot be saved in {path}: {exc.strerror}",
                hint=faults.advice(exc),
            ) from exc

"""Drafts: what somebody changed on the workbench and has not saved to the template's file.

A draft keeps only what differs from the file, under `.promptlab/drafts/`, so a reload, a second tab or a
restart loses nothing, and what was not touched follows the file. One real draft:

    {"template": "templates/world-cup.yaml", "revision": 4, "texts": {"instructions": "Answer briefly."},
     "without": ["context"], "params": {"temperature": 0.7}, "k": 0, ...}
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from promptlab import plans, templates
from promptlab.errors import StoreError
from promptlab.types import InputSpec, Params, Section, Template

log = logging.getLogger(__name__)

EditableText = Literal["instructions", "output_format"]
EDITABLE: tuple[EditableText, ...] = ("instructions", "output_format")


class Draft(BaseModel):
    """What differs from the template file `template`, and how the workbench was set for it.

    `revision` grows with every change, so that each open tab notices what another one did. `k` None, `models`
    None and `counted_by` None follow the template, the models that are ready, and the first of those.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    template: str
    revision: int = 0
    texts: Mapping[EditableText, str] = {}
    params: Mapping[str, Any] = {}
    k: int | None = None
    inputs: Mapping[str, Any] = {}
    without: tuple[Section, ...] = ()
    models: tuple[str, ...] | None = None
    counted_by: str | None = None
    fresh: bool = False

    def edits(self, template: Template) -> list[str]:
        """What of the template itself is changed, in words; switches and inputs are not part of a template."""
        edited = self.applied_to(template)
        said = [name.replace("_", " ") for name in EDITABLE if getattr(edited, name) != getattr(template, name)]
        said += ["examples"] if edited.examples != template.examples else []
        return said + (["parameters"] if edited.params != template.params else [])

    def applied_to(self, template: Template) -> Template:
        """`template` with the edits. Its `source`, where anything is edited, is a template file of its own."""
        texts: dict[str, Any] = {str(name): text for name, text in self.texts.items()}
        edited = replace(template, **texts, params=self.params_for(template))
        if template.examples and self.k is not None:
            edited = replace(edited, examples=replace(template.examples, k=self.k))
        return template if edited == template else replace(edited, source=as_file(edited))

    def params_for(self, template: Template) -> Params:
        known = {k: v for k, v in self.params.items() if k in Params.__dataclass_fields__}
        changes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known.items()}
        return replace(template.params, **changes)

    def typed_inputs(self, template: Template) -> dict[str, Any]:
        """What the form shows for every input: the draft's value or the sample; lists and objects as JSON."""
        sample = templates.sample_inputs(template)
        return {
            name: self.inputs[name] if name in self.inputs else _typed(spec, sample.get(name))
            for name, spec in template.inputs.items()
        }

    def inputs_for(self, template: Template) -> dict[str, Any]:
        """The values to ask with; an input left empty is left out. Raises `TemplateError` for JSON that is none."""
        values = {name: value for name, value in self.typed_inputs(template).items() if value is not None}
        as_json = {n: v for n, v in values.items() if template.inputs[n].type in ("list", "object")}
        return {**values, **templates.inputs_from_text(template, as_json)}

    def switched_off(self) -> tuple[Section, ...]:
        return plans.switches(self.without)


def _typed(spec: InputSpec, value: Any) -> Any:
    if spec.type in ("list", "object"):
        return json.dumps(value, ensure_ascii=False, indent=1) if value is not None else ""
    return "" if value is None and spec.type == "string" else value


def as_file(template: Template) -> str:
    """`template` as the text of a template file that parses to the same template.

    It is JSON, which is YAML: an edited draft has no file of its own, yet its runs must name, by blob id,
    exactly the template that was rendered. Saving a draft into its file keeps that file's form and is another matter.
    """
    params = {k: getattr(template.params, k) for k in Params.__dataclass_fields__}
    inputs = {
        name: {"type": s.type, "sample": s.sample, "default": s.default, "description": s.description}
        for name, s in template.inputs.items()
    }
    chosen = template.examples
    fields: dict[str, Any] = {
        "description": template.description,
        "inputs": inputs,
        "instructions": template.instructions,
        "output_format": template.output_format,
        "user": template.user,
        "context": list(template.context),
        "examples": {"pool": chosen.pool, "k": chosen.k, "select": chosen.select, "seed": chosen.seed}
        if chosen
        else None,
        "schema": json.loads(template.schema) if template.schema else None,
        "params": {k: list(v) if isinstance(v, tuple) else v for k, v in params.items() if v not in (None, ())},
        "layout": template.layout,
    }
    return json.dumps({k: v for k, v in fields.items() if v not in (None, "", [], {})}, indent=2) + "\n"


class Drafts:
    """The drafts of a workspace, one file each in `folder`; every change is written at once and whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def load(self, template: str) -> Draft:
        """The draft of the template at path `template`; an empty one when there is none, or none that can be read."""
        path = self._path(template)
        try:
            draft = Draft.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return Draft(template=template)
        except (OSError, ValidationError) as exc:
            log.warning("the draft %s cannot be read and is left out: %s", path, exc)
            return Draft(template=template)
        return draft if draft.template == template else Draft(template=template)

    def change(self, template: str, **fields: Any) -> Draft:
        """Set `fields` of the draft; those not named stay as they are, whichever tab changed them last."""
        with self._lock:
            now = self.load(template)
            draft = Draft.model_validate({**now.model_dump(), **fields, "revision": now.revision + 1})
            self._write(draft)
            return draft

    def reset(self, template: str) -> Draft:
        """Forget what was changed; the choice of models stays."""
        with self._lock:
            now = self.load(template)
            draft = Draft(template=template, revision=now.revision + 1, models=now.models, counted_by=now.counted_by)
            self._write(draft)
            return draft

    def _path(self, template: str) -> Path:
        # Two paths may give the same readable name; the hash tells them apart.
        name = re.sub(r"[^a-zA-Z0-9]+", "-", Path(template).stem)[:40]
        return self._folder / f"{name}-{hashlib.sha256(template.encode()).hexdigest()[:8]}.json"

    def _write(self, draft: Draft) -> None:
        path = self._path(draft.template)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, half = tempfile.mkstemp(dir=self._folder, suffix=".half")
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(json.dumps(draft.model_dump(), indent=1))
            Path(half).replace(path)
        except OSError as exc:
            raise StoreError(
                f"the draft of {draft.template} cannot be kept in {path}: {exc.strerror}",
                hint="is the disk full, or the folder read-only?",
            ) from exc

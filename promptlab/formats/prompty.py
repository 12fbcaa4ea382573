"""Imports `.prompty` files of versions 1 and 2: YAML between two lines of dashes, then turns with role lines.

    ---
    name: triage
    inputs: {ticket: {type: string}}
    sample: {ticket: It burns.}
    ---
    system:
    You sort tickets.

    user:
    {{ ticket }}

`${env:…}` is never resolved.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats import _embedded as kept
from promptlab.formats._prompty_settings import Settings, read_settings
from promptlab.formats._prompty_turns import Turns, read_turns
from promptlab.formats._python_prints import NOTE, python_prints, values_by_foreign_name
from promptlab.formats._report import Imported, Outcome
from promptlab.formats._source import Fields, read_bytes, read_source_text, slug, source_of
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import Draft
from promptlab.formats._workspace_view import ImportFolders

_FRONT = re.compile(
    r"\A\s*(?:---|\+\+\+)[ \t]*\r?\n(?P<front>.*?)^(?:---|\+\+\+)[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE
)
_FENCE = re.compile(r"---|\+\+\+")
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)\n]*\)")
_ROLE_IN_VALUE = re.compile(r"^[ \t]*#?[ \t]*(?:system|user|assistant|developer|function)[ \t]*:[ \t]*$", re.I | re.M)
EMBEDDED = re.compile(r"^# promptlab: (?P<json>\{.*\})[ \t]*\r?$", re.MULTILINE)
"""The comment with the embedded template: prompty 1 allows no keys of others."""


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a `.prompty` file. Raises `FormatError` if it is not one, or if its turns cannot be told."""
    text = read_source_text(path, shown)
    front = _FRONT.match(text)
    if front is None:
        raise FormatError(
            "not a .prompty file: it does not begin with settings between two lines `---`", file=shown, line=1
        )
    opening = text.count("\n", 0, front.start("front"))
    source = source_of("\n" * opening + front["front"], path.with_suffix(".yaml"), shown)
    if source.data is not None and not isinstance(source.data, Mapping):
        raise FormatError("the settings are not a mapping", file=shown, line=1)
    body = text[front.end() :]
    first = text.count("\n", 0, front.end()) + 1
    imported = Imported(slug(path.stem), read_bytes(path, shown))
    settings = read_settings(Fields(source, imported.report, source.data), source)
    if _FENCE.search(front["front"]):
        imported.report.add(
            "settings", "translated", 1, "prompty ends the settings at the first `---` or `+++` in them"
        )
    try:
        turns = read_turns(body, version=settings.version, threads=settings.threads)
    except FormatError as exc:
        raise FormatError(exc.what, file=shown, line=first + (exc.line or 1) - 1, field="body", hint=exc.hint) from exc
    target = f"{places.templates}/{imported.name}.yaml"
    problem = _take_embedded(imported, _embedded(front["front"], source.data), settings, turns, target, places)
    if problem is None:
        imported.report.add("body", "taken", first)
        return imported
    _report_turns(imported, turns, body, first, settings, problem)
    imported.add(target, _template(settings, turns, imported, shown, first, target))
    for line in python_prints(body, values_by_foreign_name(settings.draft)):
        imported.report.add(f"body, line {first + line - 1}", "translated", first + line - 1, NOTE)
    return imported


def _embedded(front: str, data: Any) -> Any:
    """The entry that an export embedded: in a comment, or in files of earlier versions under `metadata.promptlab`."""
    comment = EMBEDDED.search(front)
    if comment:
        try:
            return json.loads(comment["json"])
        except ValueError:
            return None
    metadata = data.get("metadata") if isinstance(data, Mapping) else None
    return metadata.get("promptlab") if isinstance(metadata, Mapping) else None


def _take_embedded(
    imported: Imported, entry: Any, settings: Settings, turns: Turns, target: str, places: ImportFolders
) -> str | None:
    """Add the embedded template. Returns None if it is used, else why not; empty if there is none."""
    draft = settings.draft
    given = {name: spec.get("default", spec.get("sample")) for name, spec in draft.inputs.items()}
    own = kept.embedded_template(entry, kept.ShownPrompt(turns.messages, draft.schema, given), target, places.home)
    if own.text is None:
        return own.problem
    imported.add(target, own.text)
    return None


def _report_turns(imported: Imported, turns: Turns, body: str, first: int, settings: Settings, problem: str) -> None:
    """Report the body as a whole, and each difference with its line."""
    notes = list(dict.fromkeys(turns.notes))
    if settings.version == 1:
        for picture in _PICTURE.finditer(body):
            line = first + body.count("\n", 0, picture.start())
            imported.report.add(
                f"body, line {line}",
                "not understood",
                line,
                f"the picture {picture[0]}: prompty sends it; here it is text",
            )
    if turns.layout is not None:
        note = "role lines in loops or conditions: a layout with message tags"
        imported.report.add("body", "translated", first, join_notes(filter(None, (note, problem))))
    elif notes or problem:
        imported.report.add("body", "translated", first, problem or "each difference is named with its line")
    else:
        imported.report.add("body", "taken", first)
    for line, note in notes:
        place = f"body, line {first + line - 1}"
        what: Outcome = "not understood" if "left out" in note else "translated"
        imported.report.add(place, what, first + line - 1, note)


def _template(settings: Settings, turns: Turns, imported: Imported, shown: str, first: int, target: str) -> str:
    """The text of the template file. Variables without a value are empty at first, as they are in prompty."""
    draft = settings.draft
    known, draft.inputs = draft.inputs, {}
    try:
        if turns.layout is None:
            draft.messages(turns.messages)
            code = "".join(text for _, text in turns.messages)
        else:
            draft.set_layout(turns.layout)
            code = turns.layout
        for name in [*draft.inputs, *(n for n in known if n not in draft.renamed)]:
            foreign = next((old for old, new in draft.renamed.items() if new == name), name)
            draft.inputs[name] = {**draft.inputs.get(name, {}), **known.get(foreign, {})}
        _report_values(draft, imported)
        return _with_empty_values(draft, imported, code, target)
    except FormatError as exc:
        raise FormatError(exc.what, file=shown, line=first, field="body", hint=exc.hint) from exc


def _with_empty_values(draft: Draft, imported: Imported, code: str, target: str) -> str:
    """The text of the template, in which a variable without a value is empty, as in prompty, if it renders so."""
    missing = [
        name for name, spec in draft.inputs.items() if spec.get("sample") is None and spec.get("default") is None
    ]
    for name in missing:
        looped = re.search(rf"\bin\s+{re.escape(name)}\b", code)
        draft.inputs[name]["sample"] = [] if looped or draft.inputs[name].get("type") == "list" else ""
    note = "the file has no value for it; it is empty"
    try:
        text = draft.text(target)
    except FormatError:
        for name in missing:
            del draft.inputs[name]["sample"]
        text = draft.text(target)
        note = "the file has no value for it, and the template does not render without one; the sample is made up"
    for name in missing:
        imported.report.add(f"sample of {name}", "translated", None, note)
    return text


def _report_values(draft: Draft, imported: Imported) -> None:
    for old, new in draft.renamed.items():
        imported.report.add("body", "translated", None, f"`{old}` is the input `{new}` here")
    for name, spec in draft.inputs.items():
        if isinstance(spec.get("sample"), str) and _ROLE_IN_VALUE.search(spec["sample"]):
            note = "a line of its value reads like a role: a turn begins there in prompty, and here it stays a value"
            imported.report.add(f"inputs.{name}", "not understood", None, note)

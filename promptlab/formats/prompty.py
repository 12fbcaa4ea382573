"""Imports and exports `.prompty` files (version 1): YAML between two lines of dashes, then turns with role lines.

    ---
    name: triage
    inputs: {ticket: {type: string}}
    sample: {ticket: It burns.}
    ---
    system:
    You sort tickets.

    user:
    {{ ticket }}

An export embeds the template file under `metadata.promptlab`. `${env:…}` is never resolved.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab._yaml import dump_yaml
from promptlab.errors import FormatError
from promptlab.formats import _embedded as kept
from promptlab.formats._export import PortablePrompt, hash_of_messages
from promptlab.formats._report import Imported
from promptlab.formats._sample_data import input_type_of
from promptlab.formats._source import (
    Fields,
    Source,
    file_beside,
    read_bytes,
    read_source,
    read_source_text,
    slug,
    source_of,
)
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import PARAMS, ROLES, Draft, template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.types import Role

_FRONT = re.compile(r"\A---[ \t]*\r?\n(?P<front>.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_ROLE = re.compile(
    r"^[ \t]*#?[ \t]*(?P<role>system|user|assistant|developer|function|tool)[ \t]*:[ \t]*\r?$\n?", re.M | re.I
)
_TYPES = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "float": "number",
    "boolean": "boolean",
    "array": "list",
    "list": "list",
    "object": "object",
}
_ENV = re.compile(r"\$\{env:[^}]*\}")
SERVICE = "where and with which key to ask; promptlab.yaml says that here"


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a `.prompty` file. Raises `FormatError` if it is not one."""
    text = read_source_text(path, shown)
    front = _FRONT.match(text)
    if front is None:
        raise FormatError(
            "not a .prompty file: it does not begin with settings between two lines `---`", file=shown, line=1
        )
    source = source_of("\n" + front["front"], path.with_suffix(".yaml"), shown)
    body = text[front.end() :]
    first = text.count("\n", 0, front.end()) + 1
    imported = Imported(slug(path.stem), read_bytes(path, shown))
    fields = Fields(source, imported.report, source.data)
    if source.data is not None and not isinstance(source.data, Mapping):
        raise FormatError("the settings are not a mapping", file=shown, line=1)
    target = f"{places.templates}/{imported.name}.yaml"
    messages, notes = _turns(body)
    ours = _inner(fields.data, "metadata").get("promptlab")
    draft = Draft()
    _settings(fields, draft, source)
    given = {name: spec.get("default", spec.get("sample")) for name, spec in draft.inputs.items()}
    own = kept.embedded_template(ours, kept.ShownPrompt(messages, draft.schema, given), target, places.home)
    if own.text is not None:
        imported.report.add("body", "taken", first)
        imported.add(target, own.text)
        return imported
    if own.problem:
        notes.append(own.problem)
    known = draft.inputs
    draft.inputs = {}
    try:
        draft.messages(messages)
        for name in [*draft.inputs, *(n for n in known if n not in draft.renamed)]:
            foreign = next((old for old, new in draft.renamed.items() if new == name), name)
            draft.inputs[name] = {**draft.inputs.get(name, {}), **known.get(foreign, {})}
        text = draft.text(target)
    except FormatError as exc:
        raise FormatError(exc.what, file=shown, line=first, field="body", hint=exc.hint) from exc
    notes += [f"`{old}` is the input `{new}` here" for old, new in draft.renamed.items()]
    imported.report.add("body", "translated" if notes else "taken", first, join_notes(notes))
    imported.add(target, text)
    return imported


def _inner(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def _turns(body: str) -> tuple[list[tuple[Role, str]], list[str]]:
    """The turns of a body, without blank lines around each, as in prompty."""
    marks = list(_ROLE.finditer(body))
    notes: list[str] = []
    turns: list[tuple[Role, str]] = []
    before = body[: marks[0].start()] if marks else body
    if before.strip():
        turns.append(("system" if marks else "user", before.strip()))
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        content = body[mark.end() : following.start() if following else len(body)].strip()
        role = ROLES.get(mark["role"].lower())
        if role is None:
            notes.append(f"a turn of the role `{mark['role']}` is left out")
        elif content:
            turns.append((role, content))
        if role and role != mark["role"].lower():
            notes.append(f"the role `{mark['role']}` is `{role}` here")
    if any(not _compiles(text) for _, text in turns) and _compiles(body):
        note = "a role line stands inside a loop or a condition: the body is one user turn, role lines and all"
        return [("user", body.strip())], [note]
    return turns, notes


def _compiles(text: str) -> bool:
    from promptlab.formats._template_builder import names_in

    try:
        names_in(text, "a turn")
    except FormatError:
        return False
    return True


def _check_language(fields: Fields, source: Source) -> None:
    kind = fields.data.get("template", "jinja2")
    kind = kind.get("format", kind.get("type", "")) if isinstance(kind, Mapping) else kind
    if str(kind) != "jinja2":
        raise FormatError(
            f"the template language `{kind}` is not read; jinja2 is",
            file=source.shown,
            line=source.line(("template",)),
            field="template",
        )
    fields.say("template", "taken", "Jinja, as here")


def _settings(fields: Fields, draft: Draft, source: Source) -> None:
    name, words = fields.take("name"), fields.take("description")
    draft.description = str(words or name or "")
    for key in ("authors", "author", "version", "tags"):
        fields.drop(key, "kept in the original; git knows who and when here")
    _model(fields, draft)
    if isinstance(fields.data.get("inputs"), Mapping):
        inner = fields.inside("inputs")
        for key, spec in inner.data.items():
            draft.inputs[key] = _input(inner, key, spec)
    sample = fields.data.get("sample")
    if isinstance(sample, str):
        full = file_beside(source.path, re.sub(r"^\$\{file:(.*)\}$", r"\1", sample))
        if full is None:
            fields.drop("sample", f"`{sample}` is not inside the folder of the file")
        else:
            fields.translate("sample", f"read from {full.name}")
            sample = read_source(full, full.name).data
    elif isinstance(sample, Mapping):
        fields.take("sample")
    for key, value in (sample if isinstance(sample, Mapping) else {}).items():
        if isinstance(value, str) and _ENV.search(value):
            continue
        draft.inputs.setdefault(str(key), {})["sample"] = value
        if value is not None:
            draft.inputs[str(key)]["type"] = input_type_of(value)
    if isinstance(fields.data.get("outputs"), Mapping):
        outputs = fields.data["outputs"]
        draft.schema = draft.schema or _outputs(outputs)
        fields.translate("outputs", "`schema` of the template") if draft.schema else fields.drop("outputs", "no schema")
    _check_language(fields, source)
    if "metadata" in fields:
        inner = fields.inside("metadata")
        inner.say("promptlab", "taken", "the template file of an export")
        inner.rest()
    fields.rest()


def _input(inner: Fields, key: str, spec: Any) -> dict[str, Any]:
    if not isinstance(spec, Mapping):
        # The old form: the value is the sample.
        inner.translate(key, "its sample")
        return {} if spec is None else {"sample": spec, "type": input_type_of(spec)}
    known: dict[str, Any] = {}
    kind = _TYPES.get(str(spec.get("type", "")))
    if kind:
        known["type"] = kind
    for foreign, own in (("sample", "sample"), ("default", "default"), ("description", "description")):
        value = spec.get(foreign)
        if value is not None and not (isinstance(value, str) and _ENV.search(value)):
            known[own] = value
    left = sorted(set(spec) - {"type", "sample", "default", "description"})
    inner.say(key, "not understood" if left else "taken", f"without {', '.join(left)}" if left else "")
    return known


def _model(fields: Fields, draft: Draft) -> None:
    model = fields.data.get("model")
    if not isinstance(model, Mapping):
        fields.drop("model", SERVICE)
        return
    inner = fields.inside("model")
    inner.say("api", "not understood" if inner.data.get("api") not in (None, "chat") else "taken")
    inner.drop("configuration", SERVICE)
    inner.drop("response", "which part of the reply to keep is not a choice here")
    for key in ("parameters", "options"):
        if not isinstance(inner.data.get(key), Mapping):
            continue
        parameters = inner.inside(key)
        for name, value in parameters.data.items():
            own = template_param(name, value)
            schema = value.get("json_schema") if isinstance(value, Mapping) and name == "response_format" else None
            if own:
                draft.params[own[0]] = own[1]
                parameters.take(name)
            elif isinstance(schema, Mapping) and isinstance(schema.get("schema"), Mapping):
                draft.schema = dict(schema["schema"])
                parameters.translate(name, "`schema` of the template")
        parameters.rest()
    inner.rest(SERVICE)


def _outputs(outputs: Mapping[str, Any]) -> dict[str, Any] | None:
    properties: dict[str, Any] = {}
    for name, spec in outputs.items():
        kind = str(spec.get("type", "string")) if isinstance(spec, Mapping) else "string"
        if kind not in ("string", "number", "integer", "boolean", "array", "object"):
            return None
        properties[name] = {"type": kind}
    return {"type": "object", "properties": properties, "required": list(properties)} if properties else None


def write_prompty(export: PortablePrompt) -> str:
    """The template as a `.prompty` file."""
    template = export.template
    inputs = {}
    for name, spec in template.inputs.items():
        kind = {"list": "array"}.get(spec.type, spec.type)
        rest = {"description": spec.description, "default": spec.default}
        inputs[name] = {"type": kind, **{key: value for key, value in rest.items() if value not in (None, "")}}
    parameters: dict[str, Any] = {}
    for field in dict.fromkeys(PARAMS.values()):
        value = getattr(template.params, field)
        if value not in (None, ()):
            parameters[field] = list(value) if isinstance(value, tuple) else value
    if template.schema:
        schema = {"name": "answer", "schema": json.loads(template.schema)}
        parameters["response_format"] = {"type": "json_schema", "json_schema": schema}
    front: dict[str, Any] = {
        "name": template.name,
        "description": template.description or template.name,
        "model": {"api": "chat", "parameters": parameters},
        **({"inputs": inputs} if inputs else {}),
        **({"sample": dict(export.variables)} if export.variables else {}),
        "template": "jinja2",
    }
    body = "".join(f"{role}:\n{text.strip()}\n\n" for role, text in export.messages)
    turns, _ = _turns(body)
    front["metadata"] = {"promptlab": {**export.embedded, "messages": hash_of_messages(turns)}}
    if hash_of_messages(turns) != hash_of_messages([(role, text.strip()) for role, text in export.messages]):
        export.report.add(
            "messages",
            "not understood",
            None,
            "a line of the text reads like a role (`user:`); other tools begin a turn there",
        )
    elif any(text != text.strip() for _, text in export.messages):
        export.report.add("messages", "translated", None, "blanks around each message are left out, as prompty does")
    return f"---\n{dump_yaml(front)}---\n{body}"

"""The settings of a `.prompty` file, of version 1 or 2, as a draft of a template.

Version 1 has `model.parameters`, `sample` and `inputs` with a `type`; version 2 has `model.options` and `inputs` with a
`kind`, and its `template` is a mapping.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._sample_data import input_type_of
from promptlab.formats._source import Fields, Source, file_beside, read_source
from promptlab.formats._template_builder import Draft, template_param

SERVICE = "which service to ask and with which key is in promptlab.yaml here"
_TYPES = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "float": "number",
    "boolean": "boolean",
    "array": "list",
    "list": "list",
    "object": "object",
    "thread": "list",
}
_ENV = re.compile(r"\$\{env:[^}]*\}")
_FILE = re.compile(r"^\$\{file:(.*)\}$")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass
class Settings:
    """What the settings say. `threads` are the inputs of the kind `thread`, which hold earlier messages."""

    version: int
    draft: Draft = field(default_factory=Draft)
    threads: list[str] = field(default_factory=list)


def read_settings(fields: Fields, source: Source) -> Settings:
    """The settings as a draft; each is reported. Raises `FormatError` for a template language other than Jinja."""
    settings = Settings(_version(fields.data))
    draft = settings.draft
    name, description = fields.take("name"), fields.take("description")
    draft.description = str(description or name or "")
    for key in ("authors", "author", "version", "tags", "displayName"):
        fields.drop(key, "kept in the original; git knows who and when here")
    fields.drop("base", "the settings and text of another .prompty file are not read; import that file, too")
    _model(fields, draft)
    for inner, key, position, spec in _properties(fields, "inputs"):
        _input(settings, inner, key, position, spec)
    _sample(fields, draft, source)
    if fields.data.get("outputs"):
        properties = {key: spec for _, key, _, spec in _properties(fields, "outputs")}
        schema = _outputs(properties)
        draft.schema = draft.schema or schema
        fields.translate("outputs", "`schema` of the template") if schema else fields.drop("outputs", "no schema")
    _language(fields, source)
    if isinstance(fields.data.get("metadata"), Mapping):
        inner = fields.inside("metadata")
        inner.say("promptlab", "taken", "the template file of an export")
        inner.rest("kept in the original")
    fields.rest()
    return settings


def _version(data: Mapping[str, Any]) -> int:
    """2 if the file has a form that only version 2 has, else 1."""
    model, inputs, template = (data.get(key) for key in ("model", "inputs", "template"))
    specs = inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, list) else ()
    second = (
        (isinstance(template, Mapping) and "format" in template)
        or isinstance(model, str)
        or (isinstance(model, Mapping) and bool({"id", "provider", "apiType", "options", "connection"} & set(model)))
        or isinstance(inputs, list)
        or any(isinstance(spec, Mapping) and "kind" in spec for spec in specs)
    )
    return 2 if second else 1


def _properties(fields: Fields, key: str) -> Iterator[tuple[Fields, str, str, Any]]:
    """Each input or output: the fields it stands in, its name, its key there, and its spec."""
    value = fields.data.get(key)
    if isinstance(value, Mapping):
        inner = fields.inside(key)
        yield from ((inner, name, name, spec) for name, spec in inner.data.items())
    elif isinstance(value, list):
        fields.named.add(key)
        named = {str(n): spec for n, spec in enumerate(value)}
        inner = Fields(fields.source, fields.report, named, (*fields.at, key), fields.shift)
        for position, spec in named.items():
            if isinstance(spec, Mapping) and isinstance(spec.get("name"), str):
                yield inner, spec["name"], position, {k: v for k, v in spec.items() if k != "name"}
            else:
                inner.drop(position, "it has no name")


def _input(settings: Settings, inner: Fields, name: str, key: str, spec: Any) -> None:
    if not isinstance(spec, Mapping):
        # The short form: the value is the sample.
        inner.translate(key, "its sample")
        settings.draft.inputs[name] = {} if spec is None else {"sample": _stripped(spec), "type": input_type_of(spec)}
        return
    known: dict[str, Any] = {}
    kind = str(spec.get("kind", spec.get("type", "")))
    if kind in _TYPES:
        known["type"] = _TYPES[kind]
    if kind == "thread":
        settings.threads.append(name)
    for foreign, own in (
        ("sample", "sample"),
        ("example", "sample"),
        ("default", "default"),
        ("description", "description"),
    ):
        value = spec.get(foreign)
        if value is not None and not _refers(value):
            known[own] = _stripped(value)
    settings.draft.inputs[name] = known
    left = sorted(set(spec) - {"type", "kind", "sample", "example", "default", "description"})
    notes = [f"without {', '.join(left)}"] if left else []
    if kind and kind not in _TYPES:
        notes.append(f"`{kind}` is not text, so it cannot be sent")
    if kind == "thread":
        inner.translate(key, "a list of messages, each with `role` and `content`; the layout makes turns of them")
        return
    inner.say(key, "not understood" if notes else "taken", "; ".join(notes))


def _refers(value: Any) -> bool:
    return isinstance(value, str) and bool(_ENV.search(value) or _FILE.match(value.strip()))


def _stripped(value: Any) -> Any:
    """A value as prompty reads it: texts lose the white space at their ends, in lists and objects, too."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _stripped(item) for key, item in value.items()}
    return value


def _sample(fields: Fields, draft: Draft, source: Source) -> None:
    sample = fields.data.get("sample")
    if isinstance(sample, str):
        full = file_beside(source.path, re.sub(_FILE, r"\1", sample.strip()))
        if full is None:
            fields.drop("sample", f"`{sample}` is not inside the folder of the file")
        else:
            fields.translate("sample", f"read from {full.name}")
            sample = read_source(full, full.name).data
    elif isinstance(sample, Mapping):
        fields.take("sample")
    for key, value in (sample if isinstance(sample, Mapping) else {}).items():
        if _refers(value):
            fields.report.add(f"sample.{key}", "not understood", fields.line("sample"), f"`{value}` is not resolved")
            continue
        stripped = _stripped(value)
        if stripped != value:
            note = "without the white space at its ends, as in prompty"
            fields.report.add(f"sample.{key}", "translated", fields.line("sample"), note)
        if value is None:
            note = "prompty prints `None` for null; here the value is empty"
            fields.report.add(f"sample.{key}", "not understood", fields.line("sample"), note)
        draft.inputs.setdefault(str(key), {})["sample"] = stripped
        if stripped is not None:
            draft.inputs[str(key)]["type"] = input_type_of(stripped)


def _language(fields: Fields, source: Source) -> None:
    template = fields.data.get("template", "jinja2")
    kind: Any = template
    if isinstance(template, Mapping):
        kind = template.get("format", template.get("type", "jinja2"))
        kind = kind.get("kind", "jinja2") if isinstance(kind, Mapping) else kind
    if str(kind) != "jinja2":
        raise FormatError(
            f"the template language `{kind}` is not read; jinja2 is",
            file=source.shown,
            line=source.line(("template",)),
            field="template",
        )
    fields.say("template", "taken", "Jinja, as here")


def _model(fields: Fields, draft: Draft) -> None:
    model = fields.data.get("model")
    if not isinstance(model, Mapping):
        fields.drop("model", SERVICE)
        return
    inner = fields.inside("model")
    for key in ("api", "apiType"):
        chat = inner.data.get(key) in (None, "chat")
        inner.say(key, "taken" if chat else "not understood", "" if chat else "only chat models are asked here")
    for key in ("configuration", "connection", "id", "provider"):
        inner.drop(key, SERVICE)
    inner.drop("response", "the first choice is the answer here")
    for key in ("parameters", "options"):
        if isinstance(inner.data.get(key), Mapping):
            _parameters(inner.inside(key), draft)
    inner.rest(SERVICE)


def _parameters(parameters: Fields, draft: Draft) -> None:
    for name, value in parameters.data.items():
        own = template_param(_CAMEL.sub("_", str(name)).lower(), value)
        schema = value.get("json_schema") if isinstance(value, Mapping) and name == "response_format" else None
        if own:
            draft.params[own[0]] = own[1]
            parameters.take(name)
        elif isinstance(schema, Mapping) and isinstance(schema.get("schema"), Mapping):
            draft.schema = dict(schema["schema"])
            parameters.translate(name, "`schema` of the template")
    parameters.rest()


def _outputs(outputs: Mapping[str, Any]) -> dict[str, Any] | None:
    properties: dict[str, Any] = {}
    for name, spec in outputs.items():
        known = spec if isinstance(spec, Mapping) else {}
        kind = {"float": "number"}.get(str(known.get("kind", known.get("type", "string"))))
        kind = kind or str(known.get("kind", known.get("type", "string")))
        if kind not in ("string", "number", "integer", "boolean", "array", "object"):
            return None
        properties[name] = {"type": kind}
    return {"type": "object", "properties": properties, "required": list(properties)} if properties else None

"""Imports `.prompt` files of Google's dotprompt: YAML between two lines of dashes, then Handlebars.

    ---
    model: googleai/gemini-2.5-flash
    input: {schema: {topic: string}, default: {topic: rain}}
    ---
    {{role "system"}}Be kind.{{role "user"}}About {{topic}}.

Pictures, partials, tools and helpers of a program are refused or listed; nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._handlebars_jinja import HISTORY, Message, Writer, as_layout, trimmed
from promptlab.formats._handlebars_parse import parse_handlebars
from promptlab.formats._handlebars_values import Scopes
from promptlab.formats._picoschema import json_schema
from promptlab.formats._report import Imported
from promptlab.formats._sample_data import input_type_of
from promptlab.formats._source import Fields, read_bytes, read_source_text, slug, source_of
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import Draft, template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import is_input_name

_SPACE = "[\\s\ufeff]"
_FRONT = re.compile(
    rf"\A---{_SPACE}*(?:\r\n|\r|\n)(?P<front>.*?)(?:\r\n|\r|\n)---{_SPACE}*(?:\r\n|\r|\n)(?P<body>.*)\Z", re.S
)
_MESSAGE = re.compile(r"\{% (?P<role>system|user|assistant) %\}(?P<text>.*?)\{% end(?P=role) %\}", re.S)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_TYPES = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "array": "list"}
_TYPES["object"] = "object"


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a `.prompt` file. Raises `FormatError` with the line if its text cannot be had here."""
    text = read_source_text(path, shown)
    front = _FRONT.match(text)
    if front is None and re.search(r"(?m)^---\s*$", text):
        raise FormatError("the settings do not begin the file, so dotprompt sends them as text", file=shown, line=1)
    settings = front["front"] if front else ""
    source = source_of("\n" + settings, path.with_suffix(".yaml"), shown)
    if source.data is not None and not isinstance(source.data, Mapping):
        raise FormatError("the settings are not a mapping", file=shown, line=1)
    body, first = text, 1
    if front:
        body = trimmed(front["body"]) if settings.strip() else front["body"]
        first = text.count("\n", 0, text.index(body, front.start("body"))) + 1
    imported = Imported(slug(path.name.removesuffix(".prompt")), read_bytes(path, shown))
    fields = Fields(source, imported.report, source.data)
    draft = Draft(str(fields.take("description") or fields.data.get("name") or ""))
    fields.take("name")
    schema = _input_schema(fields)
    notes: list[str] = []
    try:
        _set_messages(draft, body, first, schema, notes)
    except FormatError as exc:
        raise FormatError(exc.what, file=shown, line=exc.line or first, field="body", hint=exc.hint) from exc
    _settings(fields, draft)
    _inputs(fields, draft, schema)
    notes += [f"`{old}` is the input `{new}` here" for old, new in draft.renamed.items()]
    imported.report.add("body", "translated" if notes else "taken", first, join_notes(notes))
    target = f"{places.templates}/{imported.name}.yaml"
    imported.add(target, draft.text(target))
    return imported


def _set_messages(draft: Draft, body: str, first: int, schema: Mapping[str, Any], notes: list[str]) -> None:
    words = set(re.findall(r"[A-Za-z_]\w*", body))
    scopes = Scopes(draft.own_name, schema)
    writer = Writer(scopes, {*words, "message", "loop"})
    for name in sorted(words):  # names that can stay keep them, whatever others are renamed to
        if is_input_name(name) and name in (schema.get("properties") or {}):
            draft.own_name(name)
    messages = writer.messages(parse_handlebars(body, first))
    if not messages:
        raise FormatError("the prompt has no text")
    if any("{%" in m.text or m.text.count("{{") > m.text.count('{{ "{" }}') for m in messages):
        notes.append("Handlebars is Jinja here")
    if any(HISTORY in draft.inputs and m.raw for m in messages):
        notes.append("`{{history}}` is a list of messages, empty as sample")
        draft.inputs[HISTORY].update(type="list", sample=[])
    if any(m.dynamic or "message.role" in m.text for m in messages):
        notes.append("roles other than system and model become user turns")
    if any(_may_be_blank(match["text"]) for match in _MESSAGE.finditer(as_layout(messages))):
        notes.append("a message that values leave with white space only is sent here, and left out by dotprompt")
    notes += scopes.notes
    _put(draft, messages)


def _may_be_blank(jinja: str) -> bool:
    """True if a message has white space of its own, and no other text outside of blocks and values."""
    fixed = re.sub(r"\{%.*%\}|\{\{(?! \"\{\" ).*?\}\}", "", jinja, flags=re.S)
    return not trimmed(fixed) and bool(re.search(r"\s", re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", jinja, flags=re.S)))


def _put(draft: Draft, messages: list[Message]) -> None:
    if all(m.role is not None and not m.raw for m in messages):
        draft.messages([(m.role, m.text) for m in messages if m.role is not None])
    else:
        draft.set_layout(as_layout(messages))


def _input_schema(fields: Fields) -> dict[str, Any]:
    """The JSON Schema of the inputs; empty if the file has none."""
    given = fields.data.get("input")
    if not isinstance(given, Mapping) or "schema" not in given:
        return {}
    try:
        return json_schema(given["schema"])
    except FormatError as exc:
        fields.inside("input").drop("schema", exc.what)
        return {}


def _inputs(fields: Fields, draft: Draft, schema: Mapping[str, Any]) -> None:
    """Types, descriptions and samples of the inputs."""
    if "input" not in fields:
        if draft.inputs:
            fields.report.add("samples", "translated", None, "the file gives no values; the samples are made up")
        return
    inner = fields.inside("input")
    properties = schema.get("properties")
    own = dict(draft.renamed)
    required = schema.get("required") or []
    for name, spec in (properties or {}).items():
        target = draft.inputs.get(own.get(name, name))
        if target is not None and isinstance(spec, Mapping):
            _describe(target, name, spec, optional=name not in required)
    if properties is not None:
        unused = [n for n in properties if own.get(n, n) not in draft.inputs]
        note = f"`{'`, `'.join(unused)}` is not used in the text" if unused else "types of the inputs"
        inner.say("schema", "translated", note)
    defaults = inner.data.get("default")
    for name, value in defaults.items() if isinstance(defaults, Mapping) else ():
        target = draft.inputs.get(own.get(str(name), str(name)))
        where, line = f"input.default.{name}", inner.line("default")
        if target is not None and value is not None:
            target.update(default=value, sample=value)
            target.setdefault("type", input_type_of(value))
            inner.report.add(where, "translated", line, "default and sample")
        else:
            inner.report.add(where, "not understood", line, "the text does not use it")
    inner.named.add("default")
    inner.rest()


def _describe(target: dict[str, Any], name: str, spec: Mapping[str, Any], *, optional: bool) -> None:
    """Set type, description and a made sample of an input from its schema. What is optional is empty by default."""
    kind = spec.get("type")
    kinds = [k for k in (kind if isinstance(kind, list) else [kind]) if k != "null"]
    if kinds and kinds[0] in _TYPES:
        target["type"] = _TYPES[kinds[0]]
    if isinstance(spec.get("description"), str):
        target["description"] = spec["description"]
    if optional and target.get("type", "string") in ("string", "list"):
        target["default"] = [] if target.get("type") == "list" else ""
    made = _sample(name, spec)
    if made is not None and "default" not in target:
        target["sample"] = made
    choices = [c for c in spec.get("enum", []) if isinstance(c, str)]
    if choices:
        target["sample"] = choices[0]


def _sample(name: str, schema: Mapping[str, Any]) -> Any:
    """A made value for a schema that is no text; None for a text."""
    kind = schema.get("type")
    kinds = [k for k in (kind if isinstance(kind, list) else [kind]) if k != "null"]
    if kinds in (["number"], ["integer"]):
        return 1
    if kinds == ["boolean"]:
        return True
    inner = schema.get("items")
    if kinds == ["array"]:
        item = _sample(name, inner) if isinstance(inner, Mapping) else None
        return [f"made {name}" if item is None else item]
    if kinds == ["object"]:
        properties = schema.get("properties")
        parts = properties.items() if isinstance(properties, Mapping) else ()
        return {key: f"made {key}" if (v := _sample(key, s)) is None else v for key, s in parts}
    return None


def _settings(fields: Fields, draft: Draft) -> None:
    model = fields.data.get("model")
    if isinstance(model, str) and model:
        name = slug(model.rpartition("/")[2])
        fields.drop(
            "model", f"dotprompt's name of a model; name it in promptlab.yaml, such as `{name}`, with who serves it"
        )
    if isinstance(fields.data.get("config"), Mapping):
        inner = fields.inside("config")
        for key, value in inner.data.items():
            own = template_param(_CAMEL.sub("_", str(key)).lower(), value)
            if own and own[0] not in draft.params:
                draft.params[own[0]] = own[1]
                inner.say(key, "taken" if key == own[0] else "translated", "" if key == own[0] else f"`{own[0]}` here")
        inner.rest()
    if isinstance(fields.data.get("output"), Mapping):
        inner = fields.inside("output")
        if "schema" in inner:
            try:
                draft.schema = json_schema(inner.data["schema"])
                inner.translate("schema", "`schema` of the template")
            except FormatError as exc:
                inner.drop("schema", exc.what)
        form = inner.data.get("format")
        if form == "text" or (form == "json" and draft.schema):
            inner.take("format")
        inner.rest()
    for key in ("tools", "toolDefs"):
        fields.drop(key, "promptlab has no tools")
    fields.named.add("input")
    fields.rest()
    fields.named.discard("input")

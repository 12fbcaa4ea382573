"""Imports and exports `.prompt.yml` files of GitHub Models.

    name: Triage
    model: openai/gpt-4o-mini
    modelParameters: {temperature: 0.3}
    messages:
      - {role: system, content: You sort tickets.}
      - {role: user, content: "{{ticket}}"}
    testData:
      - {ticket: It burns., expected: fire}

Its command line tool replaces `{{name}}`, without spaces, for each key of a row of `testData`; all else is text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab._yaml import dump_yaml
from promptlab.errors import FormatError
from promptlab.formats._export import PortablePrompt
from promptlab.formats._plain_text import marked_messages
from promptlab.formats._report import Imported
from promptlab.formats._sample_data import input_type_of
from promptlab.formats._source import Fields, pool_line, read_bytes, read_source, slug
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import PARAMS, ROLES, Draft, template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import escape_jinja, is_input_name
from promptlab.types import Role

_MARK = re.compile(r"\{\{([^{}\s](?:[^{}]*[^{}\s])?)\}\}")
_SPACED = re.compile(r"\{\{\s+[\w.-]+\s*\}\}|\{\{[\w.-]+\s+\}\}")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
EXPECTED = "expected"


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a `.prompt.yml` file. Raises `FormatError` if it has no messages."""
    source = read_source(path, shown)
    data = source.data if isinstance(source.data, Mapping) else {}
    if not isinstance(data.get("messages"), list):
        raise FormatError("not a prompt of GitHub Models: it has no list of `messages`", file=shown, line=1)
    stem = path.name.removesuffix(".yml").removesuffix(".yaml").removesuffix(".prompt")
    imported = Imported(slug(stem), read_bytes(path, shown))
    fields = Fields(source, imported.report, data)
    draft = Draft(str(fields.take("description") or fields.data.get("name") or ""))
    fields.take("name")
    _model(fields, draft, imported)
    rows = [row for row in data.get("testData") or [] if isinstance(row, Mapping)]
    try:
        messages = _messages(fields, draft, rows)
        draft.messages(messages)
    except FormatError as exc:
        line = source.line(("messages",))
        raise FormatError(exc.what, file=shown, line=line, field="messages", hint=exc.hint) from exc
    _samples(fields, draft, rows)
    _examples(fields, draft, imported, places)
    for number, _ in enumerate(data.get("evaluators") or []):
        where = ("evaluators", number)
        note = "no scorer of a template; a suite can have one (`regex`, `contains`, `judge`)"
        imported.report.add(f"evaluators.{number}", "not understood", source.line(where), note)
    fields.named.add("evaluators")
    fields.rest()
    target = f"{places.templates}/{imported.name}.yaml"
    imported.add(target, draft.text(target))
    return imported


def _model(fields: Fields, draft: Draft, imported: Imported) -> None:
    model = fields.data.get("model")
    if isinstance(model, str) and model:
        name = slug(model.rpartition("/")[2])
        imported.models[name] = {"backend": "openai", "model": model, "api_key_env": "OPENAI_API_KEY"}
        fields.translate("model", f"a line for promptlab.yaml: {name}; say there who serves it")
    if isinstance(fields.data.get("modelParameters"), Mapping):
        inner = fields.inside("modelParameters")
        for key, value in inner.data.items():
            own = template_param(_CAMEL.sub("_", str(key)).lower(), value)
            if own:
                draft.params[own[0]] = own[1]
                inner.take(key)
        inner.rest()
    form, schema = fields.data.get("responseFormat"), fields.data.get("jsonSchema")
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except ValueError:
            schema = None
    inner_schema = schema.get("schema") if isinstance(schema, Mapping) else None
    if form == "json_schema" and isinstance(inner_schema, Mapping):
        draft.schema = dict(inner_schema)
        fields.translate("jsonSchema", "`schema` of the template")
        fields.take("responseFormat")
    elif form in (None, "text"):
        fields.take("responseFormat")


def _messages(fields: Fields, draft: Draft, rows: list[Mapping[str, Any]]) -> list[tuple[Role, str]]:
    """The messages in Jinja. Without test data, every `{{name}}` is a variable; with it, each key of a row is one."""
    keys = {str(key) for row in rows for key in row}
    contents = [m.get("content") for m in fields.data["messages"] if isinstance(m, Mapping)]
    names = [name for text in contents if isinstance(text, str) for name in _MARK.findall(text)]
    for name in names:
        if is_input_name(name):  # these keep their names, whatever others are renamed to
            draft.own_name(name)
    messages: list[tuple[Role, str]] = []
    notes: list[str] = []
    lost = False
    for number, item in enumerate(fields.data["messages"], 1):
        message = item if isinstance(item, Mapping) else {}
        role = ROLES.get(str(message.get("role", "")).lower())
        content = message.get("content")
        if role is None or not isinstance(content, str):
            notes.append(f"message {number} is left out: no text of the system, the user or the assistant")
            lost = True
            continue
        if role != message["role"]:
            notes.append(f"the role `{message['role']}` is `{role}` here")
        notes += [f"`{mark[0]}` is text, because of the spaces in the braces" for mark in _SPACED.finditer(content)]
        messages.append((role, _jinja(content, draft, keys if rows else None, notes)))
    notes += [f"`{old}` is the input `{new}` here" for old, new in draft.renamed.items()]
    words = join_notes(notes)
    fields.say("messages", "not understood" if lost else "translated" if notes else "taken", words)
    return messages


def _jinja(text: str, draft: Draft, keys: set[str] | None, notes: list[str]) -> str:
    parts: list[str] = []
    at = 0
    plain = ""
    for match in _MARK.finditer(text):
        plain += text[at : match.start()]
        if keys is None or match[1] in keys:
            parts += [escape_jinja(plain), f"{{{{ {draft.own_name(match[1])} }}}}"]
            plain = ""
        elif re.fullmatch(r"[\w.-]+", match[1]):
            parts += [escape_jinja(plain), f"{{{{ {draft.own_name(match[1])} }}}}"]
            plain = ""
            notes.append(f"`{match[0]}` has no value in the test data, where it stays as it is; here it is an input")
        else:
            plain += match[0]
        at = match.end()
    return "".join([*parts, escape_jinja(plain + text[at:])])


def _samples(fields: Fields, draft: Draft, rows: list[Mapping[str, Any]]) -> None:
    own = dict(draft.renamed)
    for row in rows[:1]:
        for key, value in row.items():
            name = own.get(str(key), str(key))
            if name in draft.inputs and value is not None:
                draft.inputs[name].update(sample=value, type=input_type_of(value))
                if isinstance(value, list | Mapping):
                    note = "a list or object prints as JSON here, and as Go prints it there"
                    fields.report.add(f"testData.0.{key}", "translated", fields.line("testData"), note)
    if draft.inputs and not rows:
        fields.report.add("samples", "translated", None, "the file has no test data; the samples are made up")


def _examples(fields: Fields, draft: Draft, imported: Imported, places: ImportFolders) -> None:
    """The rows with an expected answer as a pool of examples."""
    fields.named.add("testData")
    lines = []
    for number, row in enumerate(fields.data.get("testData") or []):
        where, line = f"testData.{number}", fields.source.line(("testData", number))
        if not isinstance(row, Mapping) or not isinstance(row.get(EXPECTED), str | int | float):
            note = "no example: it has no `expected` text" + (
                " (the first row gives the samples)" if number == 0 else ""
            )
            fields.report.add(where, "translated" if number == 0 else "not understood", line, note)
            continue
        own = dict(draft.renamed)
        inputs = {own.get(str(k), str(k)): v for k, v in row.items() if own.get(str(k), str(k)) in draft.inputs}
        lines.append(pool_line(number + 1, inputs, str(row[EXPECTED])))
        fields.report.add(where, "translated", line, "an example of the pool")
    if lines:
        pool = imported.add(f"{places.pools}/{imported.name}.jsonl", "".join(lines), "pool")
        draft.examples = {"pool": pool, "k": 0}


_PARAMETERS = {"max_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP"}


def write_github_models(export: PortablePrompt, model: str = "") -> str:
    """The template as a `.prompt.yml` file; `model` is the id of the model there, such as `openai/gpt-4o-mini`."""
    template, report = export.template, export.report
    parameters: dict[str, Any] = {}
    for field in dict.fromkeys(PARAMS.values()):
        value = getattr(template.params, field)
        if value in (None, ()):
            continue
        if field in _PARAMETERS:
            parameters[_PARAMETERS[field]] = value
        else:
            report.add(f"params.{field}", "not understood", template.lines.get("params"), "GitHub Models has none")
    messages = [{"role": role, "content": text} for role, text in marked_messages(export, "{{%s}}", find=_MARK.findall)]
    data: dict[str, Any] = {"name": template.name, "description": template.description or template.name}
    data |= {"model": model or "openai/gpt-4o-mini"}
    if not model:
        report.add("model", "translated", None, "openai/gpt-4o-mini; name yours with -m")
    data |= {"modelParameters": parameters} if parameters else {}
    if template.schema:
        data["responseFormat"] = "json_schema"
        data["jsonSchema"] = json.dumps({"name": "answer", "schema": json.loads(template.schema)}, ensure_ascii=False)
    data["messages"] = messages
    if export.variables:
        data["testData"] = [dict(export.variables)]
    return dump_yaml(data)

"""Exports a template as a `.prompt` file of Google's dotprompt, which its npm package loads with the same messages."""

from __future__ import annotations

import json
import re
from typing import Any

from promptlab._yaml import dump_yaml
from promptlab.formats._export import PortablePrompt
from promptlab.formats._handlebars_jinja import trimmed
from promptlab.formats._handlebars_values import is_path
from promptlab.formats._template_builder import PARAMS

_CAMEL = re.compile(r"_([a-z])")
_NAMES = {"max_tokens": "maxOutputTokens", "stop": "stopSequences"}
_TYPES = {"number": "number", "boolean": "boolean", "list": "array", "object": "object"}


def write_dotprompt(export: PortablePrompt, model: str = "") -> str:
    """The template as a `.prompt` file; `model` is the name of the model there, such as `googleai/gemini-2.5-flash`."""
    template, report = export.template, export.report
    front: dict[str, Any] = {"name": template.name}
    if template.description:
        front["description"] = template.description
    if model:
        front["model"] = model
    else:
        report.add("model", "translated", None, "none in the file; name it with -m, or add the line `model:`")
    config: dict[str, Any] = {}
    for field in dict.fromkeys(PARAMS.values()):
        value = getattr(template.params, field)
        if value not in (None, ()):
            name = _NAMES.get(field) or _CAMEL.sub(lambda match: match[1].upper(), field)
            config[name] = list(value) if isinstance(value, tuple) else value
    front |= {"config": config} if config else {}
    if export.variables:
        properties = {
            name: {
                "type": _TYPES.get(template.inputs[name].type, "string"),
                **({"description": spec} if (spec := template.inputs[name].description) else {}),
            }
            for name in export.variables
        }
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        front["input"] = {"schema": schema, "default": dict(export.variables)}
    if template.schema:
        front["output"] = {"format": "json", "schema": json.loads(template.schema)}
    return f"---\n{dump_yaml(front)}---\n{_body(export)}"


def _body(export: PortablePrompt) -> str:
    names = "|".join(map(re.escape, export.variables))
    printed = re.compile(r"\{\{ (?:\"(?P<brace>\{)\"" + (f"|(?P<name>{names})" if names else "") + r") \}\}")
    parts = []
    for number, (role, jinja) in enumerate(export.messages, 1):
        text, plain, at = "", "", 0
        for match in printed.finditer(jinja):
            plain += jinja[at : match.start()]
            at = match.end()
            if match["brace"]:
                plain += "{"
                continue
            name = match["name"] if is_path(match["name"]) else f"this.{match['name']}"
            text += _before_tag(plain, after_tag=bool(text)) + f"{{{{{name}}}}}"
            plain = ""
        text += _before_tag(plain + jinja[at:], after_tag=bool(text))
        if not trimmed(text):
            note = "only white space, which dotprompt leaves out"
            export.report.add(f"message {number}", "not understood", None, note)
        parts.append(f'{{{{role "{"model" if role == "assistant" else role}"}}}}{text}')
    body = "".join(parts)
    # dotprompt trims the text; a role tag without a message keeps the white space before it.
    return body if body == trimmed(body) else body + '{{role "user"}}'


def _before_tag(text: str, *, after_tag: bool) -> str:
    """`text` as Handlebars prints it between tags.

    Braces are written as values where they would open a tag, or be part of the closing braces before.
    """
    written = ""
    for number, part in enumerate(re.split(r"(\{{2,}|\{\Z" + (r"|\A\}" if after_tag else "") + ")", text)):
        if number % 2 == 0:
            written += part
        elif part == "{{" and not written.endswith("\\"):
            written += "\\{{"
        else:
            written += _doubled(written) + f'{{{{#with "{part}"}}}}{{{{this}}}}{{{{/with}}}}'
    return written + _doubled(written)


def _doubled(text: str) -> str:
    """The backslash that Handlebars takes away before a tag."""
    return "\\" if text.endswith("\\") else ""

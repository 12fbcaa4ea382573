"""Exports a template as a `.prompty` file that prompty 0.1 and 2 both load, or as one for version 2 only.

The two versions declare inputs and parameters differently, and version 1 refuses keys that it does not know. A file for
both therefore has `sample` but no `inputs`, and carries promptlab's template in a comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from promptlab._yaml import dump_yaml
from promptlab.errors import FormatError
from promptlab.formats._export import PortablePrompt, hash_of_messages
from promptlab.formats._prompty_turns import read_turns
from promptlab.formats._template_builder import PARAMS

_FENCES = re.compile(r"-{3,}|\+{3,}")
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)\n]*\)")
_ROLE = re.compile(r"^\s*#?\s*(system|user|assistant|function|developer)\s*:\s*$", re.I | re.M)
_KINDS = {"list": "array", "number": "float"}
_OPTIONS = {
    "max_tokens": "maxOutputTokens",
    "top_p": "topP",
    "top_k": "topK",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
    "reasoning_effort": "reasoningEffort",
    "stop": "stopSequences",
    "seed": "seed",
    "temperature": "temperature",
}
"""The parameters of version 2, which has no others."""


def write_prompty(export: PortablePrompt, *, version: int = 1) -> str:
    """The template as a `.prompty` file: with `version` 1 for prompty 0.1 and 2, with 2 for prompty 2 only."""
    body = "".join(f"{role}:\n{text.strip()}\n\n" for role, text in export.messages)
    turns = _turns(body)
    _report_messages(export, turns)
    front = _front_1(export) if version == 1 else _front_2(export)
    embedded = {**export.embedded, "messages": hash_of_messages(turns)}
    if version == 2:
        front["metadata"] = {"promptlab": embedded}
        return f"---\n{_settings(front)}---\n{body}"
    return f"---\n{_settings(front)}# promptlab: {_without_fences(json.dumps(embedded))}\n---\n{body}"


def _turns(body: str) -> list[tuple[str, str]]:
    try:
        return list(read_turns(body, version=1).messages)
    except FormatError:
        return []


def _report_messages(export: PortablePrompt, turns: list[tuple[str, str]]) -> None:
    report = export.report
    if turns != [(role, text.strip()) for role, text in export.messages if text.strip()]:
        note = "a line of the text reads like a role (`user:`); prompty begins a turn there"
        report.add("messages", "not understood", None, note)
    elif any(text != text.strip() for _, text in export.messages):
        report.add("messages", "translated", None, "without the white space around each message, as prompty reads it")
    pictures = sum(len(_PICTURE.findall(text)) for _, text in export.messages)
    if pictures:
        note = f"{pictures} times `![…](…)` in the text: prompty 0.1 sends a picture there"
        report.add("pictures", "not understood", None, note)


def _samples(export: PortablePrompt) -> dict[str, Any]:
    """The values that prompty reads as they are; the others are left out, and the report says so."""
    samples: dict[str, Any] = {}
    for name, value in export.variables.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if "${" in text and re.search(r"(^|\")\s*\$\{", text):
            note = "its sample begins with `${`, which prompty resolves, so it is left out"
            export.report.add(f"sample of {name}", "not understood", None, note)
            continue
        if text != text.strip():
            export.report.add(f"sample of {name}", "translated", None, "prompty strips white space at its ends")
        if _ROLE.search(text) or _PICTURE.search(text):
            note = "its text reads like a role line or a picture, and prompty 0.1 takes it for one"
            export.report.add(f"sample of {name}", "not understood", None, note)
        samples[name] = value
    return samples


def _front_1(export: PortablePrompt) -> dict[str, Any]:
    template = export.template
    parameters = _parameters(export)
    if template.schema:
        schema = {"name": "answer", "schema": json.loads(template.schema)}
        parameters["response_format"] = {"type": "json_schema", "json_schema": schema}
    if parameters:
        note = "prompty 0.1 reads them; version 2 does not (export prompty-2 for it)"
        export.report.add("params", "translated", template.lines.get("params"), note)
    samples = _samples(export)
    return {
        "name": template.name,
        "description": template.description or template.name,
        "model": {"api": "chat", "parameters": parameters},
        **({"sample": samples} if samples else {}),
    }


def _front_2(export: PortablePrompt) -> dict[str, Any]:
    template = export.template
    options = {}
    for name, value in _parameters(export).items():
        if name in _OPTIONS:
            options[_OPTIONS[name]] = value
        else:
            export.report.add(
                f"params.{name}", "not understood", template.lines.get("params"), "prompty has no such option"
            )
    inputs: dict[str, Any] = {}
    samples = _samples(export)
    for name in export.variables:
        spec = template.inputs[name]
        given = {"example": samples.get(name), "default": spec.default, "description": spec.description}
        kept = {key: value for key, value in given.items() if value not in (None, "")}
        inputs[name] = {"kind": _KINDS.get(spec.type, spec.type), **kept}
    outputs = _outputs(json.loads(template.schema)) if template.schema else None
    if template.schema and outputs is None:
        export.report.add("schema", "not understood", template.lines.get("schema"), "prompty has only flat outputs")
    return {
        "name": template.name,
        "description": template.description or template.name,
        "model": {"apiType": "chat", "options": options},
        **({"inputs": inputs} if inputs else {}),
        **({"outputs": outputs} if outputs else {}),
        "template": {"format": {"kind": "jinja2"}, "parser": {"kind": "prompty"}},
    }


def _outputs(schema: Any) -> dict[str, Any] | None:
    """The properties of a flat schema; None if it says more than names and types."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or set(schema) - {"type", "properties", "required", "additionalProperties"}:
        return None
    outputs = {}
    for name, spec in properties.items():
        kind = spec.get("type") if isinstance(spec, Mapping) else None
        if not isinstance(kind, str) or set(spec) - {"type", "description"} or kind in ("array", "object", "null"):
            return None
        outputs[name] = {
            **spec,
            "kind": {"number": "float"}.get(kind, kind),
            "required": name in schema.get("required", ()),
        }
        del outputs[name]["type"]
    return outputs


def _parameters(export: PortablePrompt) -> dict[str, Any]:
    params = export.template.params
    values = {field: getattr(params, field) for field in dict.fromkeys(PARAMS.values())}
    return {
        field: list(value) if isinstance(value, tuple) else value
        for field, value in values.items()
        if value not in (None, ())
    }


def _settings(front: Mapping[str, Any]) -> str:
    """The settings as YAML without a fence in it: prompty ends them at the first `---` or `+++`."""
    text = dump_yaml(front)
    if not _FENCES.search(text):
        return text
    return "".join(f"{key}: {_without_fences(json.dumps(value))}\n" for key, value in front.items())


def _without_fences(text: str) -> str:
    """JSON without three dashes or pluses in a row; in its strings they are escaped."""
    return _FENCES.sub(lambda match: "".join(f"\\u{ord(char):04x}" for char in match[0]), text)

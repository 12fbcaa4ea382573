"""Imports prompt objects of OpenAI, as saved JSON: messages with `{{name}}` for variables.

    {"id": "pmpt_123", "version": "2", "variables": {"city": "Lima"}, "model": "gpt-4o-mini",
     "messages": [{"role": "developer", "content": "You know {{city}}."}]}

A request that only names a prompt (`"prompt": {"id": "pmpt_123"}`) has no text, and nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._openai_messages import messages_of, names_in_text, with_inputs
from promptlab.formats._report import Imported
from promptlab.formats._sample_data import input_type_of
from promptlab.formats._source import Fields, read_bytes, read_source_text, slug, source_of
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import Draft
from promptlab.formats._workspace_view import ImportFolders
from promptlab.formats.openai import set_parameters
from promptlab.templates import is_input_name
from promptlab.types import Role


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a prompt object. Raises `FormatError` if the file has no text of a prompt."""
    source = source_of(read_source_text(path, shown), path.with_suffix(".json"), shown)
    data = source.data if isinstance(source.data, Mapping) else {}
    imported = Imported(slug(path.stem), read_bytes(path, shown))
    fields = Fields(source, imported.report, data)
    outer = data.get("prompt")
    if isinstance(outer, Mapping) and ({"messages", "input", "instructions"} & outer.keys()):
        fields.named.add("prompt")
        fields.rest("about the request, not the prompt")
        fields = fields.inside("prompt")
    key = next((k for k in ("messages", "input", "instructions") if k in fields), None)
    if key is None:
        hint = "nothing is fetched: save the prompt with its messages"
        raise FormatError("no text of a prompt: `messages` are missing", file=shown, line=1, hint=hint)
    name = fields.data.get("name")
    draft = Draft(f"{name or fields.data.get('id') or path.stem}, version {fields.data.get('version', '?')} at OpenAI")
    fields.say("id", "translated", "in the description")
    fields.say("name", "translated", "in the description")
    fields.say("version", "translated", "in the description")
    fields.say("object", "taken")
    _messages(fields, draft)
    _variables(fields, draft)
    set_parameters(fields, draft)
    model = fields.data.get("model")
    if isinstance(model, str) and model:
        imported.models[slug(model)] = {"backend": "openai", "model": model, "api_key_env": "OPENAI_API_KEY"}
        fields.translate("model", f"a line for promptlab.yaml: {slug(model)}")
    fields.rest()
    target = f"{places.templates}/{imported.name}.yaml"
    imported.add(target, draft.text(target))
    return imported


def _messages(fields: Fields, draft: Draft) -> None:
    texts: list[tuple[Role, str]] = []
    notes: list[str] = []
    lost: list[str] = []
    instructions = fields.data.get("instructions")
    if isinstance(instructions, str) and instructions:
        texts.append(("system", instructions))
    key = next((k for k in ("messages", "input") if k in fields), "instructions")
    given = fields.data.get(key)
    if key != "instructions":
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        more, notes, lost = messages_of(items)
        texts += more
        fields.say("instructions", "translated", "the system message")
    for name in (name for _, text in texts for name in names_in_text(text)):
        if is_input_name(name):  # these keep their names, whatever others are renamed to
            draft.own_name(name)
    draft.messages([(role, with_inputs(text, draft.own_name)) for role, text in texts])
    notes += [f"`{old}` is the input `{new}` here" for old, new in draft.renamed.items()]
    if draft.inputs:
        notes.append("`{{name}}` is an input")
    fields.say(key, "not understood" if lost else "translated" if notes else "taken", join_notes([*lost, *notes]))


def _variables(fields: Fields, draft: Draft) -> None:
    given = fields.data.get("variables")
    if not isinstance(given, Mapping):
        fields.say("variables", "translated", "inputs")
        return
    inner = fields.inside("variables")
    for name, spec in given.items():
        own = draft.renamed.get(name, name)
        value: Any = spec.get("default", spec.get("text")) if isinstance(spec, Mapping) else spec
        if own not in draft.inputs:
            inner.drop(name, "the text does not use it")
        elif isinstance(value, str | int | float | bool):
            draft.inputs[own].update(sample=value, type=input_type_of(value))
            inner.translate(name, f"the sample of the input `{own}`")
        else:
            inner.drop(name, "no text; the sample is made up")

"""Templates of the `llm` tool: YAML with `$x` for variables and `$input` for standard input.

system: You translate into $language.
prompt: 'Translate: $input'
defaults: {language: French}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from promptlab.errors import FormatError
from promptlab.formats._report import Imported
from promptlab.formats._source import Fields, read_bytes, read_source, slug
from promptlab.formats._syntax import dollar_names, from_dollars
from promptlab.formats._template_builder import Draft, template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import is_input_name
from promptlab.types import Role

KEYS = ("prompt", "system", "model", "defaults", "options", "schema_object", "fragments")


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a template of `llm`. Raises `FormatError` if it is not one."""
    source = read_source(path, shown)
    data = {"prompt": source.data} if isinstance(source.data, str) else source.data
    if not isinstance(data, Mapping) or not {"prompt", "system"} & data.keys():
        raise FormatError("not a template of llm: neither `prompt` nor `system`", file=shown, line=1)
    imported = Imported(slug(path.stem), read_bytes(path, shown))
    fields = Fields(source, imported.report, data)
    draft = Draft(f"{fields.data.get('name') or path.stem} (a template of llm)")
    fields.say("name", "taken")
    draft.messages(_messages(fields, draft))
    _defaults(fields, draft)
    _options(fields, draft)
    if isinstance(fields.data.get("schema_object"), Mapping):
        draft.schema = dict(fields.data["schema_object"])
        fields.translate("schema_object", "`schema` of the template")
    model = fields.data.get("model")
    if isinstance(model, str):
        fields.drop("model", f"`{model}` is a name of llm; add it to promptlab.yaml if it is wanted")
    _report_the_rest(fields)
    target = f"{places.templates}/{imported.name}.yaml"
    imported.add(target, draft.text(target))
    for old, new in draft.renamed.items():
        imported.report.add(f"${old}", "translated", None, f"the input `{new}` here")
    return imported


def _messages(fields: Fields, draft: Draft) -> list[tuple[Role, str]]:
    messages: list[tuple[Role, str]] = []
    for name in dollar_names(f"{fields.data.get('system') or ''}\n{fields.data.get('prompt') or ''}"):
        if is_input_name(name):  # these keep their names, whatever others are renamed to
            draft.own_name(name)
    for key, role in (("system", "system"), ("prompt", "user")):
        text = fields.data.get(key)
        if isinstance(text, str) and text:
            changed = from_dollars(text, draft.own_name)
            fields.say(key, "translated" if changed.notes or "$$" in text else "taken", "; ".join(changed.notes))
            messages.append(("system" if role == "system" else "user", changed.text))
    if not any(role == "user" for role, _ in messages):
        # Without a prompt llm uses standard input as the prompt.
        messages.append(("user", "{{ input }}"))
    return messages


def _defaults(fields: Fields, draft: Draft) -> None:
    """The default values of variables, which are samples too."""
    defaults = fields.data.get("defaults")
    if isinstance(defaults, Mapping):
        inner = fields.inside("defaults")
        for name, value in defaults.items():
            own = draft.renamed.get(name, name)
            if own in draft.inputs:
                draft.inputs[own]["default"] = draft.inputs[own]["sample"] = value
                inner.take(name)
        inner.rest("the template does not use it")


def _options(fields: Fields, draft: Draft) -> None:
    """The sampling parameters."""
    options = fields.data.get("options")
    if isinstance(options, Mapping):
        inner = fields.inside("options")
        for name, value in options.items():
            known = template_param(name, value)
            if known:
                draft.params[known[0]] = known[1]
                inner.say(name, "taken" if known[0] == name else "translated", "")
        inner.rest()


def _report_the_rest(fields: Fields) -> None:
    """Report the keys that promptlab does not use."""
    for key in ("functions", "tools"):
        fields.drop(key, "code; never run, and promptlab has no tools")
    for key in ("fragments", "system_fragments", "attachments", "attachment_types"):
        fields.drop(key, "nothing is fetched; add the text as a document under `context`")
    for key in ("extract", "extract_last"):
        fields.drop(key, "what to cut out of an answer is not a choice here")
    fields.rest()

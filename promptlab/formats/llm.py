"""Templates of the `llm` tool: YAML with `$x` for variables and `$input` for what is piped in.

system: You translate into $language.
prompt: 'Translate: $input'
defaults: {language: French}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from promptlab.errors import FormatError
from promptlab.formats._source import Fields, Imported, ImportFolders, read_bytes, read_source, slug
from promptlab.formats._syntax import from_dollars
from promptlab.formats._template_builder import Draft, template_param
from promptlab.types import Role

KEYS = ("prompt", "system", "model", "defaults", "options", "schema_object", "fragments")


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """A template of `llm`. Raises `FormatError` when it is none."""
    source = read_source(path, shown)
    data = {"prompt": source.data} if isinstance(source.data, str) else source.data
    if not isinstance(data, Mapping) or not {"prompt", "system"} & data.keys():
        raise FormatError("not a template of llm: neither `prompt` nor `system`", file=shown, line=1)
    made = Imported(slug(path.stem), read_bytes(path, shown))
    fields = Fields(source, made.report, data)
    draft = Draft(f"{fields.data.get('name') or path.stem} (a template of llm)")
    fields.say("name", "taken")
    messages: list[tuple[Role, str]] = []
    for key, role in (("system", "system"), ("prompt", "user")):
        text = fields.data.get(key)
        if isinstance(text, str) and text:
            changed = from_dollars(text)
            fields.say(key, "translated" if changed.notes or "$$" in text else "taken", "; ".join(changed.notes))
            messages.append(("system" if role == "system" else "user", changed.text))
    if not any(role == "user" for role, _ in messages):
        # llm adds what is piped in as the prompt then.
        messages.append(("user", "{{ input }}"))
    draft.messages(messages)
    defaults = fields.data.get("defaults")
    if isinstance(defaults, Mapping):
        inner = fields.inside("defaults")
        for name, value in defaults.items():
            own = draft.renamed.get(name, name)
            if own in draft.inputs:
                draft.inputs[own]["default"] = draft.inputs[own]["sample"] = value
                inner.take(name)
        inner.rest("the template does not use it")
    options = fields.data.get("options")
    if isinstance(options, Mapping):
        inner = fields.inside("options")
        for name, value in options.items():
            known = template_param(name, value)
            if known:
                draft.params[known[0]] = known[1]
                inner.say(name, "taken" if known[0] == name else "translated", "")
        inner.rest()
    if isinstance(fields.data.get("schema_object"), Mapping):
        draft.schema = dict(fields.data["schema_object"])
        fields.translate("schema_object", "`schema` of the template")
    model = fields.data.get("model")
    if isinstance(model, str):
        fields.drop("model", f"`{model}` is a name of llm; add it to promptlab.yaml if it is wanted")
    for key in ("functions", "tools"):
        fields.drop(key, "code; never run, and promptlab has no tools")
    for key in ("fragments", "system_fragments", "attachments", "attachment_types"):
        fields.drop(key, "nothing is fetched; add the text as a document under `context`")
    for key in ("extract", "extract_last"):
        fields.drop(key, "what to cut out of an answer is not a choice here")
    fields.rest()
    target = f"{places.templates}/{made.name}.yaml"
    made.add(target, draft.text(target))
    for old, new in draft.renamed.items():
        made.report.add(f"${old}", "translated", None, f"the input `{new}` here")
    return made

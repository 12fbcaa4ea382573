"""Langfuse prompts as JSON: one prompt, or a list with all versions.

    {"name": "triage", "version": 3, "type": "chat", "labels": ["production"],
     "prompt": [{"role": "system", "content": "You sort {{area}} tickets."},
                {"type": "placeholder", "name": "examples"}, {"role": "user", "content": "{{ticket}}"}]}

The version with the label `production`, else the latest, becomes the template; the other versions become further ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._export import PortablePrompt
from promptlab.formats._langfuse_text import COMPOSED, composed, text_of_langfuse, variables
from promptlab.formats._plain_text import marked_messages
from promptlab.formats._report import Imported, Outcome
from promptlab.formats._source import Fields, Source, read_bytes, read_source, slug
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import PARAMS, ROLES, Draft, template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import is_input_name
from promptlab.types import Role


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import Langfuse prompts. Raises `FormatError` if the file has none."""
    source = read_source(path, shown)
    data = source.data
    at: tuple[str | int, ...] = ()
    if isinstance(data, Mapping) and isinstance(data.get("data"), list):
        data, at = data["data"], ("data",)
    listed = data if isinstance(data, list) else [data]
    places_in = [(*at, number) if isinstance(data, list) else at for number in range(len(listed))]
    prompts = [
        (where, entry)
        for where, entry in zip(places_in, listed, strict=True)
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str) and "prompt" in entry
    ]
    if not prompts:
        raise FormatError("no Langfuse prompt: `name` and `prompt` are missing", file=shown, line=1)
    imported = Imported(slug(path.stem), read_bytes(path, shown))
    if at:
        outer = Fields(source, imported.report, source.data, ())
        outer.named.add("data")
        outer.rest("about the list, not the prompts")
    for number, entry in enumerate(listed):
        if not any(entry is prompt for _, prompt in prompts):
            imported.report.add(f"{number}", "not understood", source.line(places_in[number]), "not a prompt")
    chosen = _chosen([entry for _, entry in prompts])
    texts = {entry["name"]: entry["prompt"] for entry in chosen if isinstance(entry["prompt"], str)}
    for where, entry in prompts:
        main = any(entry is first for first in chosen)
        _prompt(source, imported, places, where, entry, main=main, texts=texts)
    return imported


def _chosen(prompts: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """For each name the version that becomes the main template."""
    best: dict[str, Mapping[str, Any]] = {}

    def rank(one: Mapping[str, Any]) -> tuple[bool, float]:
        version = one.get("version")
        labels = one.get("labels")
        production = isinstance(labels, list) and "production" in labels
        return production, version if isinstance(version, int | float) else 0

    for one in prompts:
        if one["name"] not in best or rank(one) > rank(best[one["name"]]):
            best[one["name"]] = one
    return list(best.values())


def _prompt(
    source: Source,
    imported: Imported,
    places: ImportFolders,
    at: tuple[str | int, ...],
    entry: Mapping[str, Any],
    *,
    main: bool,
    texts: Mapping[str, str],
) -> None:
    fields = Fields(source, imported.report, entry, at)
    name, version = str(fields.translate("name", "the name of the file")), fields.data.get("version")
    fields.say("version", "translated", "in the description" if main else "in the name of the file")
    draft = Draft(f"{name}, version {version} in Langfuse" if version is not None else f"{name} in Langfuse")
    note = "" if main or version is None else f".v{version}"
    target = f"{places.templates}/{slug(name)}{note}.yaml"
    if isinstance(fields.data.get("config"), Mapping):
        _config(fields.inside("config"), draft, imported)
    fields.say("type", "taken")
    for key in ("labels", "tags", "commitMessage"):
        fields.drop(key, "kept in the original; tags and messages are git's here")
    notes: list[tuple[Outcome, str]] = []
    try:
        _set_messages(fields, draft, texts, notes)
        if draft.inputs:
            notes.append(("translated", "Langfuse keeps no values of variables; the samples are made up"))
        imported.add(target, draft.text(target))
        notes += [("translated", f"`{old}` is the input `{new}` here") for old, new in draft.renamed.items()]
        order: tuple[Outcome, ...] = ("taken", "translated", "not understood")
        worst = max((outcome for outcome, _ in notes), key=order.index, default=order[0])
        fields.say("prompt", worst, join_notes(note for _, note in notes))
    except FormatError as exc:
        fields.drop("prompt", exc.what)
    fields.rest("kept in the original")


def _config(config: Fields, draft: Draft, imported: Imported) -> None:
    for key, value in config.data.items():
        own = template_param(key, value)
        form = value if isinstance(value, Mapping) else {}
        inner = form.get("json_schema") if key == "response_format" else None
        schema = inner.get("schema") if isinstance(inner, Mapping) else None
        if own:
            draft.params[own[0]] = own[1]
            config.say(key, "taken" if own[0] == key else "translated", "" if own[0] == key else f"`{own[0]}` here")
        elif isinstance(schema, Mapping):
            draft.schema = dict(schema)
            config.translate(key, "`schema` of the template")
    model = config.data.get("model")
    if isinstance(model, str) and model:
        imported.models[slug(model)] = {"backend": "openai", "model": model, "api_key_env": "OPENAI_API_KEY"}
        config.translate("model", f"a line for promptlab.yaml: {slug(model)}; say there who serves it")
    config.rest()


def _set_messages(fields: Fields, draft: Draft, texts: Mapping[str, str], notes: list[tuple[Outcome, str]]) -> None:
    """Set the messages of the draft. With placeholders they are a layout, with a loop over a list of messages each."""
    prompt = fields.data["prompt"]
    items = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    if not isinstance(items, list):
        raise FormatError("neither a text nor a list of messages")
    contents = [str(item.get("content", "")) for item in items if isinstance(item, Mapping)]
    for name in (name for content in contents for name in variables(composed(content, texts, []))):
        if is_input_name(name):  # these keep their names, whatever others are renamed to
            draft.own_name(name)
    messages: list[tuple[Role | None, str]] = []
    for number, item in enumerate(items):
        where = f"item {number + 1}"
        message = item if isinstance(item, Mapping) else {}
        if message.get("type") == "placeholder" and isinstance(message.get("name"), str):
            own = draft.own_name(message["name"])
            draft.inputs[own]["type"] = "list"
            draft.inputs[own].setdefault("sample", [])
            others = "roles other than system and assistant become user turns; variables in them are not filled in"
            about = f"the placeholder `{message['name']}` is a list of messages, empty as sample; {others}"
            notes.append(("translated", about))
            messages.append((None, own))
            continue
        role = ROLES.get(str(message.get("role")))
        if role is None or not isinstance(message.get("content"), str):
            notes.append(("not understood", f"{where} is left out: no text of the system, the user or the assistant"))
            continue
        if role != message["role"]:
            notes.append(("translated", f"the role `{message['role']}` is `{role}` here"))
        messages.append((role, _text(message["content"], draft, texts, notes)))
    if all(role is not None for role, _ in messages):
        draft.messages([(role, text) for role, text in messages if role is not None])
    else:
        draft.set_layout("".join(_loop(text) if role is None else _message(role, text) for role, text in messages))


def _text(content: str, draft: Draft, texts: Mapping[str, str], notes: list[tuple[Outcome, str]]) -> str:
    about_others: list[str] = []
    whole = composed(content, texts, about_others)
    lost = bool(COMPOSED.search(whole))
    notes += [("not understood" if lost and "is not in" in note else "translated", note) for note in about_others]
    jinja = text_of_langfuse(whole, draft.own_name)
    notes += [("translated", note) for note in jinja.notes]
    return jinja.text


def _message(role: Role, text: str) -> str:
    return f"{{% {role} %}}{text}{{% end{role} %}}\n"


def _loop(name: str) -> str:
    """The messages of the list `name`, each with its role."""
    branches = "".join(
        f'{{% {word} message.role == "{role}" %}}{{% {role} %}}{{{{ message.content }}}}{{% end{role} %}}'
        for word, role in (("if", "system"), ("elif", "assistant"))
    )
    last = "{% else %}{% user %}{{ message.content }}{% enduser %}{% endif %}"
    return f"{{% for message in {name} %}}{branches}{last}{{% endfor %}}\n"


def write_langfuse(export: PortablePrompt, model: str = "") -> str:
    """The template as a prompt for Langfuse's API: JSON with `name`, `type`, `prompt` and `config`."""
    template = export.template
    config: dict[str, Any] = {"model": model} if model else {}
    for field in dict.fromkeys(PARAMS.values()):
        value = getattr(template.params, field)
        if value not in (None, ()):
            config[field] = list(value) if isinstance(value, tuple) else value
    if template.schema:
        schema = {"name": "answer", "schema": json.loads(template.schema)}
        config["response_format"] = {"type": "json_schema", "json_schema": schema}
    messages = marked_messages(export, "{{%s}}", find=variables)
    only_text = [role for role, _ in messages] == ["user"]
    for name in export.variables:
        export.report.add(f"sample of {name}", "not understood", None, "Langfuse keeps no values of variables")
    data = {
        "name": template.name,
        "type": "text" if only_text else "chat",
        "prompt": messages[0][1] if only_text else [{"role": role, "content": text} for role, text in messages],
        "config": config,
        "labels": [],
        "tags": [],
        **({"commitMessage": template.description} if template.description else {}),
    }
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"

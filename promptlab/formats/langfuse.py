"""Langfuse prompts as JSON: one prompt, or a list with all versions.

    {"name": "triage", "version": 3, "type": "chat", "labels": ["production"],
     "prompt": [{"role": "system", "content": "You sort {{area}} tickets."},
                {"type": "placeholder", "name": "examples"}, {"role": "user", "content": "{{ticket}}"}]}

The version with the label `production`, else the latest, becomes the template; the other versions become further ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._report import Imported
from promptlab.formats._source import Fields, Source, read_bytes, read_source, slug
from promptlab.formats._syntax import from_mustache, join_notes
from promptlab.formats._template_builder import ROLES, Draft, template_param
from promptlab.formats._workspace_view import ImportFolders
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
    chosen = _chosen([one for _, one in prompts])
    for where, one in prompts:
        _prompt(source, imported, places, where, one, main=any(one is first for first in chosen))
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
    one: Mapping[str, Any],
    *,
    main: bool,
) -> None:
    fields = Fields(source, imported.report, one, at)
    name, version = str(fields.translate("name", "the name of the file")), fields.data.get("version")
    fields.say("version", "translated", "in the description" if main else "in the name of the file")
    draft = Draft(f"{name}, version {version} in Langfuse" if version is not None else f"{name} in Langfuse")
    note = "" if main or version is None else f".v{version}"
    target = f"{places.templates}/{slug(name)}{note}.yaml"
    config = fields.data.get("config")
    if isinstance(config, Mapping):
        inner = fields.inside("config")
        for key, value in config.items():
            own = template_param(key, value)
            if own:
                draft.params[own[0]] = own[1]
                inner.say(key, "taken" if own[0] == key else "translated", "" if own[0] == key else f"`{own[0]}` here")
        model = inner.data.get("model")
        if isinstance(model, str) and model:
            imported.models[slug(model)] = {"backend": "openai", "model": model, "api_key_env": "OPENAI_API_KEY"}
            inner.translate("model", f"a line for promptlab.yaml: {slug(model)}; say there who serves it")
        inner.rest()
    fields.say("type", "taken")
    for key in ("labels", "tags", "commitMessage"):
        fields.drop(key, "kept in the original; tags and messages are git's here")
    notes: list[str] = []
    try:
        draft.messages(_messages(fields, notes))
        imported.add(target, draft.text(target))
        notes += [f"`{old}` is the input `{new}` here" for old, new in draft.renamed.items()]
        fields.say("prompt", "translated" if notes else "taken", join_notes(notes))
    except FormatError as exc:
        fields.drop("prompt", exc.what)
    fields.rest("kept in the original")


def _messages(fields: Fields, notes: list[str]) -> list[tuple[Role, str]]:
    prompt = fields.data["prompt"]
    if isinstance(prompt, str):
        return [("user", from_mustache(prompt).text)]
    if not isinstance(prompt, list):
        raise FormatError("neither a text nor a list of messages")
    messages: list[tuple[Role, str]] = []
    for number, message in enumerate(prompt):
        where = f"item {number + 1}"
        if isinstance(message, Mapping) and (message.get("type") == "placeholder"):
            notes.append(f"{where}, the placeholder `{message.get('name')}`, is left out: put `examples` in its place")
            continue
        role = ROLES.get(str(message.get("role"))) if isinstance(message, Mapping) else None
        if role is None or not isinstance(message.get("content"), str):
            notes.append(f"{where} is left out: no text of the system, the user or the assistant")
            continue
        if role != message["role"]:
            notes.append(f"the role `{message['role']}` is `{role}` here")
        messages.append((role, from_mustache(message["content"]).text))
    return messages

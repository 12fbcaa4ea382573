"""Writes templates as a promptfoo configuration; each template file is embedded under `metadata.promptlab`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from promptlab._yaml import dump_yaml
from promptlab.formats._export import PortablePrompt
from promptlab.formats._exported_address import exported_address
from promptlab.formats._template_builder import PARAMS
from promptlab.models import api_address
from promptlab.workspace import OpenAIModel


def write_promptfoo(exports: Sequence[PortablePrompt], models: Mapping[str, OpenAIModel]) -> str:
    """A promptfoo configuration with templates and the models to ask, as YAML."""
    prompts: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    ours: dict[str, Any] = {}
    for export in exports:
        template = export.template
        raw = json.dumps(
            [{"role": role, "content": text} for role, text in export.messages], ensure_ascii=False, indent=2
        )
        prompts.append({"id": template.name, "label": template.name, "raw": raw})
        ours[template.name] = export.embedded
        if export.variables and all(export.variables != test["vars"] for test in tests):
            tests.append({"vars": dict(export.variables)})
    data: dict[str, Any] = {
        "description": exports[0].template.description or "exported from promptlab",
        "prompts": prompts,
        "providers": [_provider(name, model, exports) for name, model in models.items()],
        "tests": tests or [{"vars": {}}],
        "metadata": {"promptlab": ours},
    }
    notes = dict.fromkeys(note for name, model in models.items() for note in _notes(name, model))
    return "".join(f"# {note}\n" for note in notes) + dump_yaml(data)


def _provider(name: str, model: OpenAIModel, exports: Sequence[PortablePrompt]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    params = exports[0].template.params
    for field in dict.fromkeys(PARAMS.values()):
        value = getattr(params, field)
        if value not in (None, ()):
            config[field] = list(value) if isinstance(value, tuple) else value
    if exports[0].template.schema:
        schema = {"name": "answer", "schema": json.loads(exports[0].template.schema)}
        config["response_format"] = {"type": "json_schema", "json_schema": schema}
    if model.base_url:
        at = api_address(name, model)
        asked = exported_address(name, at, key_env=model.api_key_env or "")
        query = [at.version] if at.version else []
        query += [f"{{{{env.{asked.query_env}}}}}"] if asked.query_env else []
        config["apiBaseUrl"] = f"{at.base}?{'&'.join(query)}" if query else at.base
        if asked.login_env:
            config["headers"] = {"Authorization": f"Basic {{{{env.{asked.login_env}_BASE64}}}}"}
    if model.api_key_env:
        config["apiKeyEnvar"] = model.api_key_env
    elif model.base_url:  # else promptfoo refuses to ask a server that needs no key
        config["apiKeyRequired"] = False
    return {"id": f"openai:chat:{model.model}", "config": config}


def _notes(name: str, model: OpenAIModel) -> list[str]:
    if not model.base_url:
        return []
    asked = exported_address(name, api_address(name, model), key_env=model.api_key_env or "")
    return [
        note.replace("_LOGIN", "_LOGIN_BASE64").replace("user:password", "base64 of user:password")
        for note in asked.notes
    ]

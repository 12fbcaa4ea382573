"""Writes templates as a promptfoo configuration; each template file is embedded under `metadata.promptlab`.

promptfoo fills in `{{ name }}` in values, reads values that begin with `file://` or `package:`, and takes the last
newline of a value away, but not in lists. So such a value is written as a list of one, which prints the same:

    tests: [{vars: {note: ["see {{ other }}"]}, options: {disableVarExpansion: true}}]
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from promptlab._yaml import dump_yaml
from promptlab.formats._export import PortablePrompt
from promptlab.formats._exported_address import exported_address
from promptlab.formats._promptfoo_schema import CannotPlace, placed
from promptlab.formats._template_builder import PARAMS
from promptlab.models import api_address
from promptlab.templates import escape_jinja
from promptlab.workspace import OpenAIModel

READ_BY_PROMPTFOO = ("file://", "package:")
_ENVIRONMENT = re.compile(r"\{\{(?:[^}]|\}(?!\}))*\}\}")
END_OF_COMMENT = '{{ "#" }}}'
"""`#}` for Nunjucks, which refuses it outside of a comment; Jinja does not."""
MOST_EXACT = 2**53
"""Whole numbers above are rounded in JavaScript."""


def write_promptfoo(exports: Sequence[PortablePrompt], models: Mapping[str, OpenAIModel]) -> str:
    """A promptfoo configuration with templates and the models to ask, as YAML. Each prompt has its own parameters,
    schema and tests."""
    exports = [_without_environment(export) for export in exports]
    labels = _labels(exports)
    prompts: list[dict[str, Any]] = []
    for number, (label, export) in enumerate(zip(labels, exports, strict=True)):
        raw = json.dumps(
            [{"role": role, "content": text.replace("#}", END_OF_COMMENT)} for role, text in export.messages],
            ensure_ascii=False,
            indent=2,
        )
        config = _config(export, number)
        prompts.append({"id": label, "label": label, "raw": raw, **({"config": config} if config else {})})
    data: dict[str, Any] = {
        "description": exports[0].template.description or "exported from promptlab",
        "prompts": prompts,
        "providers": [_provider(name, model) for name, model in models.items()],
        "tests": [
            {**_test(export), **({"prompts": [label]} if len(exports) > 1 else {})}
            for label, export in zip(labels, exports, strict=True)
        ],
        "metadata": {
            "promptlab": {label: export.embedded for label, export in zip(labels, exports, strict=True)},
        },
    }
    notes = dict.fromkeys(note for name, model in models.items() for note in _notes(name, model))
    return "".join(f"# {note}\n" for note in notes) + dump_yaml(data)


def _labels(exports: Sequence[PortablePrompt]) -> list[str]:
    """The name of each template; a number behind it if another has the same."""
    labels: list[str] = []
    for export in exports:
        name, number = export.template.name, 2
        while name in labels:
            name, number = f"{export.template.name}-{number}", number + 1
        labels.append(name)
    return labels


def _without_environment(export: PortablePrompt) -> PortablePrompt:
    """Values with `{{ env.NAME }}` put into the prompt, since promptfoo fills that in wherever it stands in a file."""
    filled = {
        name: value
        for name, value in export.variables.items()
        if isinstance(value, str) and any(re.search(r"\benv\.|env\[", part) for part in _ENVIRONMENT.findall(value))
    }
    if not filled:
        return export
    messages = export.messages
    for name, value in filled.items():
        messages = tuple((role, text.replace(f"{{{{ {name} }}}}", escape_jinja(value))) for role, text in messages)
        note = "promptfoo would fill in the environment variable in its value, so the value stands in the prompt"
        export.report.add(f"inputs.{name}", "translated", export.template.lines.get("inputs"), note)
    return replace(export, messages=messages, variables={k: v for k, v in export.variables.items() if k not in filled})


def _test(export: PortablePrompt) -> dict[str, Any]:
    variables = {name: _value(value) for name, value in export.variables.items()}
    alone = any(isinstance(value, list) for value in variables.values())
    return {"vars": variables, **({"options": {"disableVarExpansion": True}} if alone else {})}


def _value(value: Any) -> Any:
    """A value that promptfoo prints as promptlab does."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MOST_EXACT:
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    special = re.search(r"\{[{%#]", text) or text.startswith(READ_BY_PROMPTFOO) or text.endswith("\n")
    return [text] if special else text


def _config(export: PortablePrompt, number: int) -> dict[str, Any]:
    """The parameters and the schema of a template, as the `config` of its prompt, which has this number."""
    config: dict[str, Any] = {}
    for field in dict.fromkeys(PARAMS.values()):
        value = getattr(export.template.params, field)
        if value not in (None, ()):
            config[field] = list(value) if isinstance(value, tuple) else value
    if export.template.schema:
        try:
            schema = {"name": "answer", "schema": placed(json.loads(export.template.schema), number)}
            config["response_format"] = {"type": "json_schema", "json_schema": schema}
        except CannotPlace as exc:
            note = f"the schema is left out: {exc}"
            export.report.add("schema", "not understood", export.template.lines.get("schema"), note)
    return config


def _provider(name: str, model: OpenAIModel) -> dict[str, Any]:
    config: dict[str, Any] = {}
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
    return {"id": f"openai:chat:{model.model}", **({"config": config} if config else {})}


def _notes(name: str, model: OpenAIModel) -> list[str]:
    if not model.base_url:
        return []
    asked = exported_address(name, api_address(name, model), key_env=model.api_key_env or "")
    return [
        note.replace("_LOGIN", "_LOGIN_BASE64").replace("user:password", "base64 of user:password")
        for note in asked.notes
    ]

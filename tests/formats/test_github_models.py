"""Prompts of GitHub Models: what its command line tool replaces is an input, and everything else is text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from promptlab.formats import github_models, make_portable
from promptlab.formats._import import guess_format
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import _load as templates

FILE = """\
name: Triage
description: Sorts tickets
model: openai/gpt-4o-mini
modelParameters: {temperature: 0.3, maxTokens: 40, other: 1}
responseFormat: json_schema
jsonSchema: '{"name": "a", "schema": {"type": "object", "properties": {"b": {"type": "string"}}}}'
messages:
  - {role: system, content: 'Reply as {"a": {"b": {}}}. Never {% this %} or {{ spaced }}.'}
  - {role: user, content: '{"t": {{ticket}}} of {{user-name}}'}
testData:
  - {ticket: It burns., user-name: Ada, expected: fire}
  - {ticket: Where to, user-name: Bob}
evaluators:
  - {name: short, string: {contains: fire}}
"""


def as_github_replaces(text: str, row: dict[str, Any]) -> str:
    """`TemplateString` of github/gh-models: each key of the row in two braces, without spaces."""
    for key, value in row.items():
        text = text.replace("{{" + key + "}}", str(value))
    return text


def test_a_file_comes_in_as_the_tool_replaces(tmp_path: Path) -> None:
    file = tmp_path / "triage.prompt.yml"
    file.write_text(FILE, encoding="utf-8")
    imported = github_models.read(file, file.name, ImportFolders())
    report = {entry.field: (entry.what, entry.line) for entry in imported.report.entries}
    template = templates.parse(next(f.text for f in imported.files if f.kind == "template"), path="t.yaml")
    raw = yaml.safe_load(FILE)
    for row in raw["testData"]:
        values = {"ticket": row["ticket"], "user_name": row["user-name"]}
        messages = [(m.role, m.content) for m in templates.render(template, values).messages]
        assert messages == [(m["role"], as_github_replaces(m["content"], row)) for m in raw["messages"]]
    assert (template.params.temperature, template.params.max_tokens) == (0.3, 40)
    assert json.loads(template.schema or "")["properties"] == {"b": {"type": "string"}}
    assert report["modelParameters.other"] == ("not understood", 4)
    assert report["evaluators.0"] == ("not understood", 14)
    assert report["messages"][0] == "translated"
    assert report["testData.1"] == ("not understood", 12)
    assert [json.loads(line)["output"] for f in imported.files if f.kind == "pool" for line in f.text.splitlines()] == [
        "fire"
    ]
    assert imported.models == {
        "gpt-4o-mini": {"backend": "openai", "model": "openai/gpt-4o-mini", "api_key_env": "OPENAI_API_KEY"}
    }


@pytest.mark.parametrize(
    ("name", "text"), [("a.prompt.yml", "messages: []"), ("a.yml", "messages:\n- role: user\ntestData: []\n")]
)
def test_it_is_recognised_by_name_and_by_content(name: str, text: str) -> None:
    assert guess_format(name, text.encode()) == "github-models"


TEXTS = {
    "a variable": "inputs: {q: {sample: Why}}\nuser: 'A {{ q }}?'\n",
    "JSON beside it": "inputs: {q: {sample: Why}}\nuser: '{% raw %}{\"a\":{% endraw %}{{ q }}{% raw %}}{% endraw %}'\n",
    "text like a variable": "inputs: {q: {sample: Why}}\nuser: '{% raw %}{{other}}{% endraw %} {{ q }}'\n",
    "turns": "layout: '{% system %}S{% endsystem %}{% user %}A{% enduser %}{% assistant %}B{% endassistant %}'\n",
    "a schema": "user: Hi\nschema: {type: object, properties: {a: {type: string}}}\nparams: {temperature: 1}\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_an_export_comes_back_with_the_same_messages(name: str, tmp_path: Path) -> None:
    template = templates.parse(TEXTS[name], path="templates/t.yaml")
    export = make_portable(template)
    text = github_models.write_github_models(export, "openai/gpt-4o")
    raw = yaml.safe_load(text)
    samples = templates.sample_inputs(template)
    messages = [(m.role, m.content) for m in templates.render(template, samples).messages]
    row = (raw.get("testData") or [{}])[0]
    assert [(m["role"], as_github_replaces(m["content"], row)) for m in raw["messages"]] == messages
    file = tmp_path / "t.prompt.yml"
    file.write_text(text, encoding="utf-8")
    back = templates.parse(github_models.read(file, file.name, ImportFolders()).files[-1].text, path="b.yaml")
    if name != "text like a variable":
        assert [(m.role, m.content) for m in templates.render(back, samples).messages] == messages
    assert back.params == template.params
    assert back.schema == template.schema


def test_text_that_would_be_replaced_is_said() -> None:
    text = "inputs: {q: {sample: Why}}\nuser: '{% raw %}{{q}}{% endraw %} {{ q }}'\n"
    export = make_portable(templates.parse(text, path="templates/t.yaml"))
    github_models.write_github_models(export)
    assert ("message 1", "not understood") in [(entry.field, entry.what) for entry in export.report.entries]

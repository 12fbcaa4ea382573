"""Prompts of Langfuse through promptlab and through Langfuse's Python SDK (tools/oracles.py), compared."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from promptlab.formats import langfuse, make_portable
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import _load as templates
from tools import oracles

PROGRAM = """
import json, sys
from langfuse.api import Prompt_Chat, Prompt_Text
from langfuse.model import ChatPromptClient, TextPromptClient
answers = []
for prompt, values in json.loads(open(sys.argv[1], encoding="utf-8").read()):
    given = dict(name="x", version=1, config={}, labels=[], tags=[], commit_message=None, resolution_graph=None)
    if isinstance(prompt, str):
        client = TextPromptClient(Prompt_Text.construct(prompt=prompt, **given))
        answers.append([["user", client.compile(**values)]])
    else:
        loaded = [type("Item", (), item)() for item in prompt]
        client = ChatPromptClient(Prompt_Chat.construct(prompt=loaded, **given))
        messages = client.compile(**values)
        answers.append([[m["role"], m["content"]] for m in messages if "role" in m])
print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Case:
    """A prompt and values, by the names of Langfuse. `named` are words of the report."""

    prompt: Any
    values: dict[str, Any] = field(default_factory=dict)
    named: str = ""


CASES = {
    "a variable": Case("About {{topic}}.", {"topic": "rain"}),
    "spaces in the braces": Case("About {{  topic  }}.", {"topic": "rain"}),
    "twice": Case("{{a}}{{a}} {{b}}", {"a": "x", "b": "y"}),
    "JSON around a variable": Case('{"name": {{name}}}', {"name": "Ada"}),
    "nested JSON": Case('{"a": {"b": {{b}}}, "c": {}}', {"b": "1"}),
    "JSON without variables": Case('Reply as {"a": {"b": {}}} or {} or { }.', {}),
    "three braces": Case("{{{city}}} or {{ city }}", {"city": "Rome"}, named="is text here"),
    "brackets after a variable": Case("{{a}}} and {{{ b", {"a": "x"}),
    "hyphen": Case("Hi {{ user-name }}!", {"user-name": "Ada"}, named="`user-name` is the input"),
    "hyphen and its like": Case("{{user-name}} {{user_name}}", {"user-name": "A", "user_name": "B"}),
    "digits": Case("{{ 2nd }} {{a1}}", {"2nd": "x", "a1": "y"}),
    "a dot": Case("{{ user.name }}", {"user.name": "Ada"}),
    "letters of other scripts": Case("{{ größe }} {{名前}}", {"größe": "5", "名前": "x"}),
    "a word of Jinja": Case(
        "{{ user }} {{ for }} {{ schema }} {{ none }}", {"user": "a", "for": "b", "schema": "c", "none": "d"}
    ),
    "Jinja in the text": Case("{% if x %} {# no #} {{x}}", {"x": "1"}),
    "a Mustache section": Case("{{#each items}}{{this}}{{/each}}", {"this": "z"}, named="JavaScript SDK"),
    "braces in a value": Case("{{a}}", {"a": "{{b}} {% x %}"}),
    "white space and newlines": Case("\n  {{a}}  \r\n\n", {"a": " x\n"}),
    "no closing braces": Case("{{a}} and {{b", {"a": "x"}),
    "a name over two lines": Case("{{\na\n}}", {"a": "x"}),
    "a chat": Case(
        [{"role": "system", "content": "You sort {{area}}."}, {"role": "user", "content": "{{ticket}}"}],
        {"area": "mail", "ticket": "It burns."},
    ),
    "a chat with a placeholder": Case(
        [
            {"role": "system", "content": "S {{a}}"},
            {"type": "placeholder", "name": "history"},
            {"role": "user", "content": "U"},
        ],
        {"a": "x", "history": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]},
        named="the placeholder `history`",
    ),
    "two placeholders with odd names": Case(
        [
            {"type": "placeholder", "name": "chat-history"},
            {"role": "user", "content": "U"},
            {"type": "placeholder", "name": "b"},
        ],
        {"chat-history": [{"role": "system", "content": "S"}], "b": [{"role": "assistant", "content": "Hello"}]},
    ),
}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str]]]:
    if not oracles.installed("langfuse"):
        pytest.skip("langfuse is not installed: make oracles")
    file = tmp_path_factory.mktemp("langfuse") / "asked.json"
    file.write_text(json.dumps([[case.prompt, case.values] for case in CASES.values()]), encoding="utf-8")
    answers = json.loads(oracles.run("langfuse", PROGRAM, str(file)))
    return {name: [(role, text) for role, text in one] for name, one in zip(CASES, answers, strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_an_import_makes_the_messages_of_langfuse(
    name: str, theirs: dict[str, list[tuple[str, str]]], tmp_path: Path
) -> None:
    case = CASES[name]
    kind = "text" if isinstance(case.prompt, str) else "chat"
    file = tmp_path / "prompts.json"
    file.write_text(json.dumps({"name": "x", "version": 1, "type": kind, "prompt": case.prompt}), encoding="utf-8")
    imported = langfuse.read(file, file.name, ImportFolders())
    entry = next(entry for entry in imported.report.entries if entry.field == "prompt")
    assert imported.files, entry
    template = templates.parse(imported.files[0].text, path="t.yaml")
    renamed = dict(part.split("` is the input `") for part in entry.note.split("; ") if "` is the input `" in part)
    own = {old.strip("`"): new.removesuffix("` here") for old, new in renamed.items()}
    values = {own.get(key, key): value for key, value in case.values.items()}
    prompt = templates.render(template, {**templates.sample_inputs(template), **values})
    assert [(message.role, message.content) for message in prompt.messages] == theirs[name]
    assert case.named in entry.note


def test_a_prompt_that_another_uses_is_put_in_or_named(tmp_path: Path) -> None:
    tag = "@@@langfusePrompt:name={}|label=production@@@"
    prompts = [
        {"name": "tone", "version": 1, "prompt": "Be kind to {{who}}."},
        {"name": "answer", "version": 1, "prompt": f"{tag.format('tone')} Answer {{{{q}}}}."},
        {"name": "lost", "version": 1, "prompt": f"{tag.format('elsewhere')} Answer {{{{q}}}}."},
    ]
    file = tmp_path / "prompts.json"
    file.write_text(json.dumps(prompts), encoding="utf-8")
    imported = langfuse.read(file, file.name, ImportFolders())
    texts = {template.path: template.text for template in imported.files}
    entries = {entry.field: entry for entry in imported.report.entries}
    assert "Be kind to {{ who }}. Answer {{ q }}." in next(text for path, text in texts.items() if "answer" in path)
    assert entries["1.prompt"].what == "translated"
    assert entries["2.prompt"].what == "not understood"
    assert "elsewhere" in entries["2.prompt"].note


def test_a_response_format_becomes_the_schema(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"label": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    file = tmp_path / "prompts.json"
    file.write_text(json.dumps({"name": "x", "prompt": "Hi", "config": {"response_format": form, "tools": []}}))
    imported = langfuse.read(file, file.name, ImportFolders())
    template = templates.parse(imported.files[0].text, path="t.yaml")
    assert json.loads(template.schema or "") == schema
    assert {entry.field: entry.what for entry in imported.report.entries}["config.tools"] == "not understood"


EXPORTED = {
    "text": "inputs: {q: {sample: Why}}\nuser: 'A {{ q }}?'\n",
    "chat": "inputs: {q: {sample: Why}}\ninstructions: 'Be {a: {}} kind.'\nuser: '{{ q }}{{ q }}'\n",
    "braces": (
        "inputs: {q: {sample: '{{x}}'}}\nuser: '{% raw %}{\"a\": {% endraw %}{{ q }}{% raw %}} {{other}}{% endraw %}'\n"
    ),
}


@pytest.mark.parametrize("name", EXPORTED)
def test_an_export_compiles_in_langfuse_to_the_messages_of_promptlab(name: str, tmp_path: Path) -> None:
    if not oracles.installed("langfuse"):
        pytest.skip("langfuse is not installed: make oracles")
    template = templates.parse(EXPORTED[name], path="templates/t.yaml")
    samples = templates.sample_inputs(template)
    data = json.loads(langfuse.write_langfuse(make_portable(template), "gpt-4o"))
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps([[data["prompt"], samples]]), encoding="utf-8")
    answer = [(role, text) for role, text in json.loads(oracles.run("langfuse", PROGRAM, str(asked)))[0]]
    assert answer == [(m.role, m.content) for m in templates.render(template, samples).messages]
    assert data["config"]["model"] == "gpt-4o"

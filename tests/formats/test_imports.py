"""Each foreign format, read from a small file of our own; what cannot be had is named with its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import FormatError
from promptlab.formats._registry import IMPORT_FORMATS, reader_for
from promptlab.formats._report import Imported
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import _load as templates
from promptlab.templates._template import Template

Reads = Callable[..., Imported]


@pytest.fixture
def reads(tmp_path: Path) -> Reads:
    """Writes `text` as a file of a format, with others beside it, and imports it."""

    def read(format_: str, name: str, text: str, **beside: str) -> Imported:
        for other, content in {name: text, **{key.replace("__", "."): value for key, value in beside.items()}}.items():
            (tmp_path / other).write_text(content, encoding="utf-8")
        return reader_for(format_)(tmp_path / name, name, ImportFolders())

    return read


def template_of(imported: Imported, number: int = 0) -> Template:
    files = [file for file in imported.files if file.kind == "template"]
    return templates.parse(files[number].text, path=files[number].path)


def rendered(imported: Imported, number: int = 0, **inputs: Any) -> list[tuple[str, str]]:
    """Role and text of each message; inputs that are not given take their samples."""
    template = template_of(imported, number)
    prompt = templates.render(template, {**templates.sample_inputs(template), **inputs})
    return [(m.role, m.content) for m in prompt.messages]


def said(imported: Imported) -> dict[str, tuple[str, int | None]]:
    entries = imported.report.entries
    assert len({entry.field for entry in entries}) == len(entries), "a field is named twice"
    return {entry.field: (entry.what, entry.line) for entry in entries}


PROMPTFOO = """\
description: Sort tickets
prompts:
  - "Sort: {{ ticket | safe }} {{ more | dump }}"
  - file://chat.json
  - file://../outside.txt
  - file://hook.py
  - https://example.org/prompt.txt
providers:
  - id: openai:chat:gpt-4o-mini
    config: {temperature: 0.5, max_tokens: 9, apiKey: "secret-key", apiBaseUrl: "http://127.0.0.1:1/v1", odd: 2}
  - anthropic:messages:claude
  - file://provider.js
defaultTest:
  assert:
    - {type: javascript, value: "process.exit()"}
tests:
  - vars: {ticket: It burns., more: {a: [1]}}
    assert:
      - {type: equals, value: urgent}
      - {type: llm-rubric, value: is polite}
    threshold: 0.5
  - file://tests.csv
  - file:///etc/passwd
evaluateOptions: {repeat: 3}
nunjucksFilters: {shout: shout.js}
env: {OPENAI_API_KEY: "${SECRET}"}
"""


def test_promptfoo_prompts_providers_and_tests(reads: Reads) -> None:
    chat = [
        {"role": "system", "content": "Sort."},
        {"role": "user", "content": "{{ ticket }}{% if a === 1 %}!{% endif %}"},
    ]
    imported = reads(
        "promptfoo",
        "config.yaml",
        PROMPTFOO,
        chat__json=json.dumps(chat),
        tests__csv="ticket,__expected\nIt rains,calm\n",
    )
    assert rendered(imported) == [("user", 'Sort: It burns. {"a":[1]}')]
    assert rendered(imported, 1, a=2) == [("system", "Sort."), ("user", "It burns.")]
    assert template_of(imported).params.temperature == 0.5
    (model,) = imported.models.values()
    assert model == {"backend": "openai", "model": "gpt-4o-mini", "base_url": "http://127.0.0.1:1/v1"}
    (pool,) = [file for file in imported.files if file.kind == "pool"]
    rows = [json.loads(line) for line in pool.text.splitlines()]
    assert [(row["inputs"]["ticket"], row["output"]) for row in rows] == [("It rains", "calm")]
    report = said(imported)
    expected = {
        "prompts.0": ("translated", 3),
        "prompts.1": ("translated", 4),
        "prompts.2": ("not understood", 5),
        "prompts.3": ("not understood", 6),
        "prompts.4": ("not understood", 7),
        "providers.0.config.apiKey": ("not understood", 10),
        "providers.0.config.odd": ("not understood", 10),
        "providers.1": ("not understood", 11),
        "providers.2": ("not understood", 12),
        "defaultTest.assert.0": ("not understood", 15),
        "tests.0.assert.0": ("not understood", 19),  # counts towards the threshold
        "tests.0.assert.1": ("not understood", 20),
        "tests.0.threshold": ("not understood", 21),
        "tests.1": ("translated", 22),
        "tests.2": ("not understood", 23),
        "evaluateOptions": ("not understood", 24),
        "nunjucksFilters": ("not understood", 25),
        "env": ("not understood", 26),
    }
    assert {field: report[field] for field in expected} == expected
    assert "secret-key" not in str([file.text for file in imported.files]) + str(imported.report.entries)


PROMPTY = """\
---
name: Triage
description: Sorts tickets
authors: [somebody]
model:
  api: chat
  configuration:
    type: azure_openai
    api_key: ${env:SECRET}
  parameters: {max_tokens: 30, temperature: 0.2, tools: []}
inputs:
  ticket: {type: string, description: What was written}
  schema: {type: array}
sample:
  ticket: It burns.
  schema: [a, b]
  key: ${env:SECRET}
template: jinja2
---
system:
You sort tickets.

user:
{{ ticket }} {{ schema | join(", ") }}
"""


def test_prompty_turns_inputs_and_parameters(reads: Reads) -> None:
    imported = reads("prompty", "t.prompty", PROMPTY)
    assert rendered(imported) == [("system", "You sort tickets."), ("user", "It burns. a, b")]
    template = template_of(imported)
    assert (template.params.max_tokens, template.params.temperature) == (30, 0.2)
    assert template.inputs["ticket"].description == "What was written"
    assert template.inputs["schema_value"].type == "list"
    assert "SECRET" not in imported.files[0].text
    report = said(imported)
    assert report["model.configuration"] == ("not understood", 7)
    assert report["model.parameters.tools"] == ("not understood", 10)
    assert report["authors"] == ("not understood", 4)
    assert report["body"] == ("translated", 20)


def test_prompty_role_lines_in_a_loop_become_a_layout(reads: Reads) -> None:
    text = "---\nname: x\n---\n{% for turn in turns %}\nuser:\n{{ turn }}\n{% endfor %}\n"
    imported = reads("prompty", "t.prompty", text)
    assert rendered(imported, turns=["a", "b"]) == [("user", "a"), ("user", "b")]
    assert said(imported)["body"] == ("translated", 4)


PROMPTSOURCE = """\
dataset: movies
subset: small
templates:
  11111111-1111-1111-1111-111111111111: !Template
    answer_choices: "No ||| Yes"
    id: 11111111-1111-1111-1111-111111111111
    jinja: "{{text}}\\nGood? {{ answer_choices | join(' or ') }} ||| {{answer_choices[label]}}"
    metadata: !TemplateMetadata
      choices_in_prompt: true
      languages: [en]
      metrics: [Accuracy]
      original_task: true
    name: is it good
    reference: somebody
  2: !Template
    answer_choices: null
    id: 2
    jinja: "{% if label == 1 %}{{ text }} ||| {{ words | choice }}{% else %}none ||| {{ dict.key }}{% endif %}"
    name: inside
    reference: ''
  3: !Template
    jinja: "{{ x.append(1) }} ||| a"
    name: changes a list
  4: !Template
    jinja: "{% set n = words|most_frequent|first %}{% for a, b in zip(words, c) %}{{ a }}-{{ b }} {% endfor %}|||{{n}}"
    name: zip
  5: !Template
    jinja: "{% if %} ||| a"
    name: broken
"""


def test_promptsource_splits_input_and_target_and_makes_a_row(reads: Reads) -> None:
    imported = reads("promptsource", "templates.yaml", PROMPTSOURCE)
    paths = [file.path.removeprefix("templates/imported/movies-small/") for file in imported.files]
    assert paths == [
        "is-it-good.yaml",
        "is-it-good.target.yaml",
        "inside.yaml",
        "inside.target.yaml",
        "zip.yaml",
        "zip.target.yaml",
    ]
    row = {"text": "Fine.", "label": 1}
    assert rendered(imported, 0, text="Fine.") == [("user", "Fine.\nGood? No or Yes")]
    assert rendered(imported, 1, label=1) == [("user", "Yes")]
    assert rendered(imported, 2, **row) == [("user", "Fine.")]
    assert rendered(imported, 4, words=["a", "b", "b"], c=["c", "d"]) == [("user", "a-c b-d")]
    assert rendered(imported, 5, words=["a", "b", "b"], c=[]) == [("user", "b")]
    report = said(imported)
    assert report["templates.3.jinja"] == ("not understood", 22)
    assert report["templates.5.jinja"] == ("not understood", 28)
    assert report["templates.2.jinja"][0] == "translated"


LANGFUSE = [
    {
        "name": "triage",
        "version": 1,
        "type": "text",
        "prompt": "Sort {{ticket}} {% not a tag %}",
        "labels": ["production"],
        "config": {"temperature": 0.3, "model": "gpt-4o", "other": 1},
    },
    {
        "name": "triage",
        "version": 2,
        "type": "chat",
        "prompt": [
            {"role": "system", "content": "Sort {{area}}."},
            {"type": "placeholder", "name": "history"},
            {"role": "user", "content": "{{ticket}}"},
        ],
        "labels": ["latest"],
    },
    {"no": "prompt"},
]


def test_langfuse_versions_and_placeholders(reads: Reads) -> None:
    imported = reads("langfuse", "prompts.json", json.dumps(LANGFUSE, indent=1))
    assert [file.path for file in imported.files] == [
        "templates/imported/triage.yaml",
        "templates/imported/triage.v2.yaml",
    ]
    assert rendered(imported, 0, ticket="x") == [("user", "Sort x {% not a tag %}")]
    assert rendered(imported, 1, ticket="x", area="y") == [("system", "Sort y."), ("user", "x")]
    report = said(imported)
    assert report["0.config.other"] == ("not understood", 13)
    assert report["1.prompt"][0] == "translated"
    assert report["2"][0] == "not understood"
    assert list(imported.models) == ["gpt-4o"]


LLM = """\
system: Translate into $language for $$5.
prompt: 'This: $input {{ kept }}'
defaults: {language: French, unused: 1}
options: {temperature: 0.7, odd: 1}
model: gpt-4o
functions: |
  import os; os.abort()
fragments: [https://example.org/a.txt]
schema_object: {type: object, properties: {a: {type: string}}}
"""


def test_words_of_jinja_are_inputs_of_llm_templates(reads: Reads) -> None:
    imported = reads("llm", "w.yaml", "prompt: $none ${true} $False $x\n")
    template = templates.parse(imported.files[0].text, path="w.yaml")
    renamed = {e.field[1:]: e.note.split("`")[1] for e in imported.report.entries if e.field.startswith("$")}
    values = {renamed.get(name, name): name for name in ("none", "true", "False", "x")}
    assert [m.content for m in templates.render(template, values).messages] == ["none true False x"]


def test_llm_templates(reads: Reads) -> None:
    imported = reads("llm", "fr.yaml", LLM)
    assert rendered(imported, input="hello") == [
        ("system", "Translate into French for $5."),
        ("user", "This: hello {{ kept }}"),
    ]
    assert template_of(imported).params.temperature == 0.7
    assert template_of(imported).schema is not None
    report = said(imported)
    assert report["functions"] == ("not understood", 6)
    assert report["fragments"] == ("not understood", 8)
    assert report["defaults.unused"] == ("not understood", 3)
    assert report["options.odd"] == ("not understood", 4)


REQUEST = {
    "model": "gpt-4o-mini",
    "messages": [
        {"role": "developer", "content": "Answer {{ briefly }}."},
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": "2"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Who won {%?"}, {"type": "image_url", "image_url": {"url": "x"}}],
        },
        {"role": "tool", "content": "x", "tool_call_id": "1"},
    ],
    "max_completion_tokens": 12,
    "temperature": 0,
    "stop": "\n",
    "stream": True,
    "tools": [],
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
}


def test_an_openai_request_renders_to_its_own_messages(reads: Reads) -> None:
    imported = reads("openai", "request.json", json.dumps(REQUEST, indent=2))
    assert rendered(imported) == [
        ("system", "Answer {{ briefly }}."),
        ("user", "1+1?"),
        ("assistant", "2"),
        ("user", "Who won {%?"),
    ]
    template = template_of(imported)
    assert (template.params.max_tokens, template.params.temperature, template.params.stop) == (12, 0, ("\n",))
    assert template.schema == '{"type":"object"}'
    report = said(imported)
    assert report["messages.4"][0] == "not understood"
    assert report["messages.3"][0] == "translated"
    assert report["tools"][0] == "not understood"
    assert report["max_completion_tokens"][0] == "translated"


def test_a_responses_request(reads: Reads) -> None:
    body = {"model": "m", "instructions": "Be brief.", "input": "Who won?", "max_output_tokens": 5}
    assert rendered(reads("openai", "r.json", json.dumps(body))) == [("system", "Be brief."), ("user", "Who won?")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.csv", 'input,target,choices,id,extra\nWho?,Qatar,"[""Qatar"", ""Peru""]",host,1\n,x,,,\n'),
        (
            "d.jsonl",
            '{"input": "Who?", "target": ["Qatar"], "choices": ["Qatar", "Peru"], "id": "host", "extra": 1}\n'
            '\n{"target": "x"}\n',
        ),
    ],
)
def test_inspect_datasets_become_a_pool_and_a_template(reads: Reads, name: str, text: str) -> None:
    imported = reads("inspect", name, text)
    pool, template = imported.files
    assert json.loads(pool.text) == {
        "id": "host",
        "inputs": {"question": "Who?", "choices": "A) Qatar\nB) Peru"},
        "output": "Qatar",
    }
    assert template.path == "templates/imported/d.yaml"
    assert rendered(imported) == [("user", "Who?\n\nA) Qatar\nB) Peru")]
    report = said(imported)
    assert report["extra"][0] == "not understood"
    assert report["row 2"] == ("not understood", 3)


LM_EVAL = """\
task: capitals
include: base.yaml
dataset_path: somewhere/else
doc_to_text: "Q: {{country}}?\\nA:"
doc_to_target: "{{label}}"
doc_to_choice: ["Paris", "Rome"]
process_docs: !function utils.process
generation_kwargs: {until: ["\\n"], max_gen_toks: 16, do_sample: false}
metric_list: [{metric: acc}]
"""


def test_lm_evaluation_harness_tasks(reads: Reads) -> None:
    imported = reads("lm-eval", "t.yaml", LM_EVAL, base__yaml="description: Name it.\nversion: 1\n")
    assert rendered(imported, country="Italy") == [("system", "Name it."), ("user", "Q: Italy?\nA:")]
    assert rendered(imported, 1, label=1) == [("user", "Rome")]
    assert template_of(imported).params.stop == ("\n",)
    assert template_of(imported).params.max_tokens == 16
    report = said(imported)
    assert report["process_docs"] == ("not understood", 7)
    assert report["dataset_path"] == ("not understood", 3)
    assert report["generation_kwargs.do_sample"] == ("not understood", 8)
    assert report["include"] == ("translated", 2)


def test_a_question_that_is_code_is_refused_with_its_line(reads: Reads) -> None:
    with pytest.raises(FormatError, match=r"t\.yaml:2: .*code"):
        reads("lm-eval", "t.yaml", "task: a\ndoc_to_text: !function utils.text\n")


@dataclass
class Bad:
    format_: str
    name: str
    text: str
    line: int | None


BAD = [
    Bad("promptfoo", "a.yaml", "a: [\n", 2),
    Bad("promptfoo", "a.json", '{"prompts": [,]}', 1),
    Bad("promptfoo", "a.yaml", "- just a list\n", 1),
    Bad("prompty", "a.prompty", "no settings", 1),
    Bad("prompty", "a.prompty", "---\nname: [\n---\nuser:\nx\n", 3),
    Bad("prompty", "a.prompty", "---\ntemplate: mustache\n---\nuser:\nx\n", 2),
    Bad("prompty", "a.prompty", "---\nname: x\n---\nuser:\n{{ x | nope }}\n", 4),
    Bad("promptsource", "templates.yaml", "dataset: x\n", 1),
    Bad("langfuse", "a.json", "{}", 1),
    Bad("llm", "a.yaml", "model: x\n", 1),
    Bad("openai", "a.json", '{"model": "x"}', 1),
    Bad("openai", "a.json", '{"messages"', 1),
    Bad("inspect", "a.csv", "question\nx\n", 1),
    Bad("inspect", "a.jsonl", '{"input": "x"}\n{\n', 2),
    Bad("lm-eval", "a.yaml", "other: x\n", 1),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.format_}-{bad.text[:12]!r}")
def test_a_malformed_file_is_refused_with_its_line(bad: Bad, reads: Reads) -> None:
    with pytest.raises(FormatError) as caught:
        reads(bad.format_, bad.name, bad.text)
    assert (caught.value.file, caught.value.line) == (bad.name, bad.line)


@pytest.mark.parametrize("format_", IMPORT_FORMATS)
def test_bombs_and_deep_nesting_are_refused(format_: str, reads: Reads) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)
    )
    name = {
        "prompty": "x.prompty",
        "dotprompt": "x.prompt",
        "langfuse": "x.json",
        "openai": "x.json",
        "inspect": "x.json",
    }.get(format_, "x.yaml")
    text = (
        f"---\n{bomb}---\nuser:\nx\n"
        if format_ in ("prompty", "dotprompt")
        else "[" * 2000
        if name.endswith("json")
        else bomb
    )
    with pytest.raises(FormatError):
        reads(format_, name, text)


def test_lm_eval_names_what_prints_otherwise(reads: Reads) -> None:
    task = "task: t\ndataset_path: d\ndoc_to_text: 'Is {{ a == 1 }} so, {{ question }}?'\ndoc_to_target: label\n"
    imported = reads("lm-eval", "t.yaml", task)
    assert said(imported)["doc_to_text"][0] == "translated"
    plain = reads("lm-eval", "t.yaml", task.replace("a == 1", "a"))
    assert "prints as JSON" not in str(plain.report.entries)

"""Exports to promptfoo, loaded by promptfoo 0.121: its messages are those that promptlab sends, to the character."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.formats import ask_promptfoo
from promptlab import templates
from promptlab._yaml import dump_yaml
from promptlab.formats import ImportFolders, make_portable, reader_for
from promptlab.formats._export import PortablePrompt
from promptlab.formats.promptfoo_export import write_promptfoo
from promptlab.formats.promptfoo_render import messages_of
from promptlab.templates import Template
from tests.places import SHARED

PROMPTFOO = Path(__file__).parents[2] / ".node" / "node_modules" / ".bin" / "promptfoo"
VALUES: dict[str, Any] = {
    "another variable": "see {{ other }} and {{other}}, {{ other | upper }}",
    "an unknown variable": "{{ nobody }} $& $1",
    "a name of JavaScript": "{{ toString }}{{constructor}}",
    "a tag": "{% if x %}a{% endif %}{% raw %}{% endraw %}",
    "half a tag": "{{ a { {% {#",
    "a comment": "a {# b #} c",
    "a file": "file://notes.txt",
    "a pattern of files": "file://*.txt",
    "a package": "package:some:thing",
    "an address": "https://example.org/a?b=1&c=2",
    "an environment variable": "{{env.HOME}} {{ env['HOME'] }} {{ env.NOBODY_HAS_IT }}",
    "newlines": "one\n\n",
    "a carriage return": "a\r\nb\r\n",
    "spaces": "  two  ",
    "quotes": '"it\'s" \\n \\ \u00e9 \U0001f600 <b>&amp;</b>',
    "a number as text": "1.0",
    "a truth as text": "true",
    "nothing": "null",
    "a date": "2020-01-01",
    "a list as text": "[1, 2]",
    "an object as text": '{"a": {"b": 1}}',
    "a placeholder of a shell": "${HOME} $HOME %PATH%",
    "a picture": "![logo](logo.png) what?",
    "a program": "exec:ls",
    "python": "python:x.py",
    "empty": "",
}
TYPED: dict[str, Any] = {"number": [3, 2.0, 2.5, -0.5, 10**20, 1e-7], "boolean": [True, False]}


def template_of(data: dict[str, Any], name: str) -> Template:
    return templates.parse(dump_yaml(data), path=f"templates/{name}.yaml")


def value_template(name: str, value: Any, type_: str = "string") -> Template:
    inputs = {"value": {"type": type_, "sample": value}, "other": {"sample": "OTHER"}}
    data = {"inputs": inputs, "instructions": "A: {{ value }}|{{ other }}|", "user": "go {{ value }}."}
    return template_of(data, name)


def all_templates() -> list[Template]:
    made = [value_template(f"value-{number}", value) for number, value in enumerate(VALUES.values())]
    made += [
        value_template(f"{type_}-{number}", value, type_)
        for type_, values in TYPED.items()
        for number, value in enumerate(values)
    ]
    text = (
        "Write {% raw %}{{ name }}, {% if x %}, {# c #}, {{env.HOME}} and {{ env['HOME'] }}{% endraw %}: file://a.txt"
    )
    made.append(template_of({"instructions": text, "user": "file://b.txt"}, "tags-in-the-text"))
    made.append(template_of({"inputs": {"q": {"sample": "one"}}, "user": "{{ q }}"}, "same"))
    made.append(templates.parse("inputs: {q: {sample: two}}\nuser: 'other {{ q }}'\n", path="templates/more/same.yaml"))
    return made


def exported(template: Template) -> PortablePrompt:
    return make_portable(template)


def wanted(template: Template) -> list[tuple[str, str]]:
    prompt = templates.render(template, templates.sample_inputs(template))
    return [(message.role, message.content) for message in prompt.messages]


def through_promptfoo(text: str, folder: Path) -> list[list[tuple[str, str]]]:
    config = folder / "promptfooconfig.yaml"
    config.write_bytes(text.encode())
    (folder / "notes.txt").write_text("the file was read")
    rendered = ask_promptfoo(str(PROMPTFOO), config)
    assert rendered is not None, "promptfoo does not load it"
    return [[tuple(message) for message in messages_of(row["prompt"])] for row in rendered]


@pytest.mark.skipif(not PROMPTFOO.exists(), reason="needs `make node`")
def test_promptfoo_makes_the_same_prompt_of_every_value(tmp_path: Path) -> None:
    made = all_templates()
    text = write_promptfoo([exported(template) for template in made], {})
    assert sorted(through_promptfoo(text, tmp_path)) == sorted(wanted(template) for template in made)


@pytest.mark.skipif(not PROMPTFOO.exists(), reason="needs `make node`")
@pytest.mark.skipif(not (SHARED / "cases/formats/export-values").is_dir(), reason="needs the shared cases")
def test_the_shared_cases(tmp_path: Path) -> None:
    files = sorted((SHARED / "cases/formats/export-values").glob("*.yaml"))
    made = [templates.parse(file.read_text(), path=f"templates/{file.name}") for file in files]
    text = write_promptfoo([exported(template) for template in made], {})
    assert sorted(through_promptfoo(text, tmp_path)) == sorted(wanted(template) for template in made)


def test_every_value_comes_back_with_its_prompt(tmp_path: Path) -> None:
    """Also without the template that the file carries."""
    for carried, template in itertools.product((True, False), all_templates()):
        text = write_promptfoo([exported(template)], {})
        config = tmp_path / "config.yaml"
        config.write_bytes((text if carried else text.replace("  promptlab:", "  other:")).encode())
        back = reader_for("promptfoo")(config, config.name, ImportFolders())
        (file,) = [file for file in back.files if file.kind == "template"]
        again = templates.parse(file.text, path=file.path)
        made = templates.render(again, templates.sample_inputs(again)).messages
        assert [(m.role, m.content) for m in made] == wanted(template), template.path


PARAMS = {
    "cold": {"params": {"temperature": 0, "max_tokens": 5}, "user": "a {{ q }}"},
    "warm": {
        "params": {"temperature": 0.9, "max_tokens": 50, "top_p": 0.5, "seed": 3, "stop": ["END"]},
        "schema": {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "number"}}},
        "user": "b {{ q }}",
    },
}


def two_templates() -> list[Template]:
    return [template_of({"inputs": {"q": {"sample": f"of {name}"}}, **data}, name) for name, data in PARAMS.items()]


def test_each_template_keeps_its_parameters_schema_and_tests(tmp_path: Path) -> None:
    made = two_templates()
    text = write_promptfoo([exported(template) for template in made], {})
    data = yaml.safe_load(text)
    assert [test["prompts"] for test in data["tests"]] == [["cold"], ["warm"]]
    config = tmp_path / "config.yaml"
    for carried in (text, text.replace("  promptlab:", "  other:")):
        config.write_text(carried)
        back = reader_for("promptfoo")(config, config.name, ImportFolders())
        again = [templates.parse(f.text, path=f.path) for f in back.files if f.kind == "template"]
        assert [template.params for template in again] == [template.params for template in made]
        assert [template.schema for template in again] == [template.schema for template in made]
        assert [wanted(template) for template in again] == [wanted(template) for template in made]


@pytest.mark.skipif(not PROMPTFOO.exists(), reason="needs `make node`")
def test_promptfoo_asks_each_prompt_with_its_own_test(tmp_path: Path) -> None:
    made = two_templates()
    rendered = through_promptfoo(write_promptfoo([exported(template) for template in made], {}), tmp_path)
    assert sorted(rendered) == sorted(wanted(template) for template in made)


REFERS = {
    "type": "object",
    "$defs": {"p": {"type": "object", "properties": {"n": {"$ref": "#/$defs/a~1b"}}}, "a/b": {"type": "string"}},
    "properties": {"a": {"$ref": "#/$defs/p"}, "b": {"$ref": "#/$defs/p"}},
}
ITSELF = {"type": "object", "properties": {"more": {"$ref": "#"}}}
LEFT_OUT = {
    "itself": ITSELF,
    "in a circle": {"$defs": {"p": {"items": {"$ref": "#/$defs/p"}}}, "type": "object", "not": {"$ref": "#/$defs/p"}},
    "another file": {"type": "object", "description": "file://x.txt"},
    "a variable": {"type": "object", "description": "{{ other }}"},
}


@pytest.mark.skipif(not PROMPTFOO.exists(), reason="needs `make node`")
def test_a_schema_with_references_loads(tmp_path: Path) -> None:
    made = [template_of({"user": f"{name}", "schema": schema}, name.replace(" ", "-")) for name, schema in
            {"refers": REFERS, **LEFT_OUT}.items()]  # fmt: skip
    text = write_promptfoo([exported(template) for template in made], {})
    assert sorted(through_promptfoo(text, tmp_path)) == sorted(wanted(template) for template in made)


def test_a_schema_with_references_comes_back(tmp_path: Path) -> None:
    template = template_of({"user": "go", "schema": REFERS}, "refers")
    config = tmp_path / "config.yaml"
    config.write_text(write_promptfoo([exported(template)], {}).replace("  promptlab:", "  other:"))
    (file,) = reader_for("promptfoo")(config, config.name, ImportFolders()).files
    assert json.loads(templates.parse(file.text, path=file.path).schema or "") == REFERS


@pytest.mark.parametrize("schema", LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_schema_that_promptfoo_would_change_is_left_out_and_named(schema: dict[str, Any]) -> None:
    export = exported(template_of({"user": "go", "schema": schema}, "t"))
    assert "response_format" not in write_promptfoo([export], {})
    assert [entry.field for entry in export.report.of("not understood")] == ["schema"]


@pytest.mark.parametrize("number", [2.0, 10**20, True])
def test_a_value_that_javascript_prints_otherwise_is_text(number: Any) -> None:
    type_ = "boolean" if number is True else "number"
    data = yaml.safe_load(write_promptfoo([exported(value_template("v", number, type_))], {}))
    value = data["tests"][0]["vars"]["value"]
    assert isinstance(value, str)
    assert json.loads(value) == number

"""Files of dotprompt through promptlab and through Google's npm package (`make node`): the messages are compared."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import FormatError
from promptlab.formats import dotprompt, make_portable
from promptlab.formats._picoschema import json_schema
from promptlab.formats._workspace_view import ImportFolders
from promptlab.formats.dotprompt_export import write_dotprompt
from promptlab.templates import _load as templates
from tests.places import ROOT

PACKAGE = ROOT / ".node" / "node_modules" / "dotprompt" / "dist" / "index.mjs"

PROGRAM = """
import fs from "node:fs";
const {Dotprompt} = await import(process.argv[2]);
const answers = [];
for (const [source, input] of JSON.parse(fs.readFileSync(process.argv[3], "utf8"))) {
  try {
    const dotprompt = new Dotprompt();
    const made = await dotprompt.render(source, {input});
    const metadata = await dotprompt.renderMetadata(source);
    const messages = made.messages.map(m => [m.role == "model" ? "assistant" : m.role,
                                             m.content.map(p => p.text).join("")]);
    answers.push({messages, output: metadata.output, input: metadata.input, config: metadata.config});
  } catch (error) { answers.push({error: String(error)}); }
}
console.log(JSON.stringify(answers));
"""


def ask_dotprompt(asked: Sequence[tuple[str, dict[str, Any]]], folder: Path) -> list[dict[str, Any]]:
    """What dotprompt makes of each file with its values."""
    if not PACKAGE.exists() or not shutil.which("node"):
        pytest.skip("dotprompt is not installed: make node")
    (folder / "program.mjs").write_text(PROGRAM, encoding="utf-8")
    (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    command = ["node", str(folder / "program.mjs"), PACKAGE.as_uri(), str(folder / "asked.json")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120)
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


@dataclass(frozen=True)
class Case:
    """A file and values. With `refused` it is not imported, and the words are in the reason."""

    text: str
    values: dict[str, Any] = field(default_factory=dict)
    front: str = "model: m/x"
    refused: str = ""

    @property
    def source(self) -> str:
        return f"---\n{self.front}\n---\n{self.text}"


LIST = "input: {schema: {xs(array): string, name?: string}}"
ITEMS = "input: {schema: {xs(array): {a: string, b?: string, sub?(object): {n: integer}}, q: string, ok: boolean}}"
OBJECT = "input: {schema: {user(object): {name: string, age?: integer}, q: string}}"
TURNS = "input: {schema: {turns(array): {role: string, q: string, a: string}, q: string}}"
ITEM = {"a": "1", "b": "2", "sub": {"n": 3}}
TALK = [{"role": "user", "q": "Hi", "a": "Yo"}, {"role": "model", "q": "Who", "a": "Me"}]

CASES = {
    "a variable": Case("About {{topic}}.", {"topic": "rain"}),
    "no escaping": Case("{{a}} {{{a}}} {{&a}}", {"a": '<b> & "c" \''}),
    "spaces, tildes": Case("a  {{~ x ~}}  b {{x~}}\n c", {"x": "1"}),
    "JSON around a variable": Case('{"name": "{{name}}", "n": {}, "o": {"p": {"q": 1} } }', {"name": "Ada"}),
    "Jinja in the text": Case("{% if x %} {# no #} {{x}} {{ x }} { {", {"x": "1"}),
    "escaped braces": Case("\\{{x}} and \\\\{{x}} and \\{{y}}{{x}}", {"x": "1"}),
    "comments": Case("a\n{{! note }}\nb {{!-- }} --}} c\n  {{!-- x --}}  \nd{{x}}", {"x": "1"}),
    "roles": Case('{{role "system"}}\nBe kind.\n\n{{role "user"}}\nAbout {{q}}\n', {"q": "x"}),
    "text before a role": Case("Hi {{q}}\n{{role \"model\"}}\nYes\n{{role 'user'}} go ", {"q": "x"}),
    "two turns of one role": Case('{{role "user"}}A{{role "user"}}B{{q}}', {"q": "x"}),
    "an empty turn": Case('{{role "system"}}\n  \n{{role "user"}}B{{q}}', {"q": "x"}),
    "CRLF": Case('{{role "system"}}\r\nA\r\n{{#if q}}\r\nB\r\n{{/if}}\r\n{{role "user"}}\r\n{{q}}\r\n', {"q": "x"}),
    "reserved words": Case(
        "{{schema}} {{user}} {{for}} {{class}}", dict.fromkeys(("schema", "user", "for", "class"), "x")
    ),
    "hyphen": Case("{{user-name}} {{[a b]}}", {"user-name": "A", "a b": "B"}),
    "if": Case("{{#if name}}\nHi {{name}}\n{{else}}\nHi\n{{/if}}\nBye", {"xs": [], "name": "Ada"}, LIST),
    "if, empty": Case("{{#if name}}\nHi {{name}}\n{{else}}\nHi\n{{/if}}\nBye", {"xs": [], "name": ""}, LIST),
    "unless": Case("{{#unless name}}A{{/unless}}{{#unless xs}}B{{^}}C{{/unless}}", {"xs": ["a"], "name": ""}, LIST),
    "empty list": Case("{{#if xs}}A{{else}}B{{/if}}{{#each xs}}x{{else}}none{{/each}}", {"xs": []}, LIST),
    "else if": Case(
        "{{#if q}}\n1\n{{else if ok}}\n2\n{{else}}\n3\n{{/if}}\nend", {"q": "", "ok": True, "xs": []}, ITEMS
    ),
    "else if, last": Case(
        "{{#if q}}1{{else if ok}}\n2\n{{else}}\n 3\n {{/if}}\nend", {"q": "", "ok": False, "xs": []}, ITEMS
    ),
    "chains and tildes": Case(
        "a\n{{#if q~}} \n 1 \n{{else if ok~}} \n 2 \n {{~else if xs}}\n 3 \n{{~else~}}\n 4 \n{{~/if~}}\n b",
        {"q": "", "ok": False, "xs": [ITEM]},
        ITEMS,
    ),
    "a chain without else": Case(
        "a\n{{#unless q}} \n 1 \n{{else if ok~}} \n 2 \n {{else if xs~}}\n 3 \n  {{/unless}}\n b",
        {"q": "x", "ok": False, "xs": [ITEM]},
        ITEMS,
    ),
    "each": Case("{{#each xs}}\n- {{this}}\n{{/each}}\nEnd", {"xs": ["a", "b"]}, LIST),
    "each with data": Case(
        "{{#each xs}}{{@index}}{{#if @first}}F{{/if}}{{#unless @last}}, {{/unless}}{{@key}}={{.}}{{/each}}",
        {"xs": ["a", "b"]},
        LIST,
    ),
    "each of objects": Case(
        "{{#each xs}}{{a}}{{this.a}}{{./a}}{{b}}{{sub.n}}{{../q}}{{@root.q}};{{/each}}",
        {"xs": [ITEM, {"a": "4"}], "q": "Q", "ok": True},
        ITEMS,
    ),
    "names of the loop": Case(
        "{{#each xs as |item i|}}{{i}}{{item.a}}{{#each ../xs}}{{item.a}}{{a}}{{/each}}{{/each}}",
        {"xs": [{"a": "1"}, {"a": "2"}], "q": "Q", "ok": True},
        ITEMS,
    ),
    "a loop over inputs called item": Case(
        "{{item}}{{#each xs}}{{this}}{{../item}}{{/each}}",
        {"item": "I", "xs": ["a"]},
        "input: {schema: {item: string, xs(array): string}}",
    ),
    "if in each": Case(
        "{{#each xs}}\n  {{#if b}}\n  {{b}}\n  {{else}}\n  -\n  {{/if}}\n{{/each}}\n",
        {"xs": [ITEM, {"a": "4"}], "q": "", "ok": True},
        ITEMS,
    ),
    "with": Case("{{#with user}}{{name}}{{../q}}{{else}}none{{/with}}", {"user": {"name": "A"}, "q": "Q"}, OBJECT),
    "an empty object is true": Case("{{#if user}}A{{else}}B{{/if}}{{q}}", {"user": {}, "q": "Q"}, OBJECT),
    "paths": Case("{{user.name}} {{user.age}} {{user/name}}", {"user": {"name": "A", "age": 3}, "q": "Q"}, OBJECT),
    "each over an object": Case(
        "{{#each user}}{{@key}}: {{this}}\n{{/each}}",
        {"user": {"name": "A", "x": "B"}},
        "input: {schema: {user(object): {(*): string}}}",
    ),
    "numbers and booleans": Case("{{n}} {{b}}", {"n": 3, "b": False}, "input: {schema: {n: integer, b: boolean}}"),
    "zero is false": Case("{{#if n}}A{{else}}B{{/if}}", {"n": 0}, "input: {schema: {n: integer}}"),
    "a list of texts, printed": Case("{{xs}}", {"xs": ["a", "b"]}, LIST),
    "ifEquals": Case('{{#ifEquals q "a"}}A{{else}}B{{/ifEquals}}{{#unlessEquals q "b"}}C{{/unlessEquals}}', {"q": "a"}),
    "json of a text": Case("{{json q}}", {"q": 'a "b"\n é'}, "input: {schema: {q: string}}"),
    "turns in a loop": Case(
        '{{role "system"}}\nS\n{{#each turns}}\n{{role "user"}}\n{{q}}\n{{role "model"}}\n{{a}}\n{{/each}}\n\n'
        '{{role "user"}}\n{{q}}',
        {"turns": TALK, "q": "Q"},
        TURNS,
    ),
    "no turns in a loop": Case(
        '{{role "system"}}S\n{{#each turns}}\n{{role "user"}}{{q}}\n{{/each}}\n\n{{role "user"}}{{q}}',
        {"turns": [], "q": "Q"},
        TURNS,
    ),
    "roles of values": Case(
        "{{#each turns}}{{role this.role}}{{q}}{{/each}}{{role 'user'}}{{q}}", {"turns": TALK, "q": "Q"}, TURNS
    ),
    "a role in a condition": Case(
        '{{#if name}}\n{{role "system"}}\nFor {{name}}\n{{else}}\n{{role "system"}}\nFor all\n{{/if}}\n \n'
        '{{role "user"}}\n{{#each xs}}{{this}}{{/each}}',
        {"name": "Ada", "xs": ["x"]},
        LIST,
    ),
    "a role in a condition that is not met": Case(
        'A\n{{#if name}}\n{{role "system"}}\nFor {{name}}\n{{/if}}\n\n{{role "user"}}\n{{#each xs}}{{this}}{{/each}}',
        {"name": "", "xs": ["x"]},
        LIST,
    ),
    "history": Case('{{role "system"}}S{{history}}{{role "user"}}{{q}}', {"q": "x"}),
    "media": Case("{{media url=photo}} {{q}}", refused="no place"),
    "a partial": Case("{{> header}}", refused="partial"),
    "a helper": Case("{{upper q}}", refused="helper"),
    "a role of tools": Case('{{role "tool"}}x', refused="tool"),
    "a whole object": Case("{{user}}", front=OBJECT, refused="whole object"),
    "a list of objects": Case("{{xs}}", front=ITEMS, refused="whole list"),
    "a block that is not closed": Case("a\n{{#if x}}", refused="not closed"),
    "an odd end": Case("{{#if x}}{{/each}}", refused="closed by"),
    "a brace too many": Case('{"a": {{q}}}', refused="too many"),
    "a raw block": Case("{{{{raw}}}}{{x}}{{{{/raw}}}}", refused="no tag"),
    "data of the program": Case("{{@state.x}}", refused="data"),
    "an inverse block": Case("{{^x}}a{{/x}}", refused="inverse"),
    "text after turns of a loop": Case("{{#each turns}}{{role 'user'}}a{{/each}}b", front=TURNS, refused="no role"),
}


def read(text: str, tmp_path: Path) -> Any:
    file = tmp_path / "t.prompt"
    file.write_bytes(text.encode())
    return dotprompt.read(file, file.name, ImportFolders())


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    asked = [(case.source, case.values) for case in CASES.values()]
    return dict(zip(CASES, ask_dotprompt(asked, tmp_path_factory.mktemp("dotprompt")), strict=True))


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].refused])
def test_a_file_makes_the_messages_of_dotprompt(name: str, theirs: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    case = CASES[name]
    imported = read(case.source, tmp_path)
    template = templates.parse(imported.files[0].text, path="t.yaml")
    entry = next(entry for entry in imported.report.entries if entry.field == "body")
    renamed = dict(part.split("` is the input `") for part in entry.note.split("; ") if "` is the input `" in part)
    own = {old.strip("`"): new.removesuffix("` here") for old, new in renamed.items()}
    values = {own.get(key, key): value for key, value in case.values.items()}
    given = {key: value for key, value in values.items() if key in template.inputs}
    unset = {key: templates.sample_inputs(template)[key] for key in template.inputs if key == "history"}
    prompt = templates.render(template, {**unset, **given})
    assert [[m.role, m.content] for m in prompt.messages] == theirs[name].get("messages"), template.source
    assert entry.what != "not understood"


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].refused])
def test_what_has_no_place_here_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=CASES[name].refused) as refused:
        read(CASES[name].source, tmp_path)
    assert refused.value.line
    assert refused.value.line >= 4


@pytest.mark.parametrize(("text", "named"), [("\n{{q}}\n", True), ("{{q}}", False), ("\nAbout {{q}}\n", False)])
def test_a_message_that_may_be_only_white_space_is_named(text: str, named: bool, tmp_path: Path) -> None:
    imported = read(
        f'---\nmodel: m/x\n---\n{{{{role "system"}}}}S{{{{role "user"}}}}{text}{{{{role "model"}}}}A', tmp_path
    )
    entry = next(entry for entry in imported.report.entries if entry.field == "body")
    assert ("white space only" in entry.note) == named


SCHEMAS: list[Any] = [
    {"a": "string", "b?": "integer, how many", "c(array, of words)": "string", "d?(array)": {"e": "any"}},
    {"f(enum, kind)": ["x", "y"], "g?(enum)": ["z"], "h?(object, inner)": {"i": "number"}, "(*)": "string"},
    {"type": "object", "properties": {"a": {"type": "string"}}},
    {"properties": {"a": {"type": "string"}}},
    "string, a text",
    {"a?": "null", "b": "boolean,none"},
]


def test_picoschema_is_the_schema_that_dotprompt_makes(tmp_path: Path) -> None:
    asked = [(f"---\noutput: {{schema: {json.dumps(schema)}}}\n---\nHi", {}) for schema in SCHEMAS]
    answers = ask_dotprompt(asked, tmp_path)
    assert [json_schema(schema) for schema in SCHEMAS] == [answer["output"]["schema"] for answer in answers]


def test_settings_go_where_they_mean_the_same(tmp_path: Path) -> None:
    front = (
        "name: n\ndescription: d\nmodel: googleai/gemini\nconfig: {temperature: 0.5, maxOutputTokens: 9, x: 1}\n"
        "input:\n  schema: {q: 'string, the question', other: string}\n  default: {q: Why, gone: 1}\n"
        "output: {format: json, schema: {a: string}}\ntools: [t]"
    )
    imported = read(f"---\n{front}\n---\n{{{{q}}}}", tmp_path)
    template = templates.parse(imported.files[0].text, path="t.yaml")
    report = {entry.field: (entry.what, entry.line) for entry in imported.report.entries}
    assert (template.params.temperature, template.params.max_tokens) == (0.5, 9)
    assert (template.inputs["q"].default, template.inputs["q"].description) == ("Why", "the question")
    assert json.loads(template.schema or "")["required"] == ["a"]
    assert report["config.x"] == ("not understood", 5)
    assert report["tools"] == ("not understood", 10)
    assert report["model"] == ("not understood", 4)
    assert report["input.default.gone"] == ("not understood", 8)


EXPORTED = {
    "text": "inputs: {q: {sample: Why}}\nuser: 'A {{ q }}?'\n",
    "chat": (
        "inputs: {q: {sample: Why}}\ninstructions: 'Be {a: {}} kind. {% raw %}{{x}} \\\\{{y}}{% endraw"
        " %}'\nuser: '{{ q }}'\n"
    ),
    "backslashes and braces": (
        "inputs: {q: {sample: Why}}\nuser: '{% raw %}\\\\{{x}} {{{{ {{{x}}} {% endraw %}{{ q }} \\ '\n"
    ),
    "braces beside": "inputs: {q: {sample: Why}}\nuser: '{% raw %}{\"a\":{% endraw %}{{ q }}{% raw %}}{% endraw %}'\n",
    "a backslash before": "inputs: {q: {sample: Why}}\nuser: 'C:\\\\{{ q }} \\{{ q }}'\n",
    "turns": "layout: '{% system %}S{% endsystem %}{% user %}A{% enduser %}{% assistant %} B {% endassistant %}'\n",
    "a schema": (
        "user: Hi\nschema: {type: object, properties: {a: {type: string}}}\nparams: {temperature: 1, top_p: 0.5}\n"
    ),
    "odd names": "inputs: {json: {sample: Why}, role: {sample: x}}\nuser: '{{ json }}{{ role }}'\n",
}


@pytest.mark.parametrize("name", EXPORTED)
def test_an_export_loads_in_dotprompt_and_comes_back(name: str, tmp_path: Path) -> None:
    template = templates.parse(EXPORTED[name], path="templates/t.yaml")
    samples = templates.sample_inputs(template)
    text = write_dotprompt(make_portable(template), "googleai/gemini")
    messages = [[m.role, m.content] for m in templates.render(template, samples).messages]
    answer = ask_dotprompt([(text, samples)], tmp_path)[0]
    assert answer.get("messages") == messages, text
    assert answer["input"].get("default", {}) == samples if samples else True
    back = templates.parse(read(text, tmp_path).files[0].text, path="b.yaml")
    assert back == template or [[m.role, m.content] for m in templates.render(back, samples).messages] == messages
    assert back.params == template.params
    assert (back.schema or "") == (template.schema or "")

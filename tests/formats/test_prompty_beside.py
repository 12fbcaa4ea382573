"""`.prompty` files through promptlab and through prompty 0.1 and 2 (tools/oracles.py): the messages are compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import FormatError
from promptlab.formats import make_portable, prompty
from promptlab.formats._registry import reader_for
from promptlab.formats._workspace_view import ImportFolders
from promptlab.formats.prompty_export import write_prompty
from promptlab.templates import _load as templates
from promptlab.templates._materials import load_materials
from promptlab.workspace._workspace import Workspace
from tests.places import ROOT
from tools import oracles

Messages = list[tuple[str, str]]

PROGRAMS = {
    "prompty-1": """
import json, sys
import prompty
answers = []
for line in open(sys.argv[1], encoding="utf-8"):
    file, values = json.loads(line)
    try:
        loaded = prompty.load(file)
        messages = prompty.prepare(loaded, {**loaded.sample, **values})
        answers.append([[m["role"], m["content"]] for m in messages])
    except Exception as exc:
        answers.append(f"{type(exc).__name__}: {exc}")
print(json.dumps(answers))
""",
    "prompty-2": """
import json, sys
import prompty
answers = []
for line in open(sys.argv[1], encoding="utf-8"):
    file, values = json.loads(line)
    try:
        loaded = prompty.load(file)
        given = {p.name: p.example for p in loaded.inputs or [] if p.example is not None}
        messages = prompty.prepare(loaded, {**given, **values})
        answers.append([[m.role, "".join(part.value for part in m.parts)] for m in messages])
    except Exception as exc:
        answers.append(f"{type(exc).__name__}: {exc}")
print(json.dumps(answers))
""",
}


def theirs(version: int, asked: Sequence[tuple[Path, dict[str, Any]]], folder: Path) -> list[Messages | str]:
    """The messages of each file as prompty makes them, or its error."""
    name = f"prompty-{version}"
    if not oracles.installed(name):
        pytest.skip(f"{name} is not installed: make oracles")
    lines = folder / "asked.jsonl"
    lines.write_text("".join(json.dumps([str(file), values]) + "\n" for file, values in asked), encoding="utf-8")
    answers = json.loads(oracles.run(name, PROGRAMS[name], str(lines)))
    return [a if isinstance(a, str) else [(role, text) for role, text in a] for a in answers]


@dataclass(frozen=True)
class Case:
    """A file. `named` are words of a line in the report. The messages are equal unless the case `differs`."""

    body: str
    front: str = ""
    values: str = "{}"
    named: str = ""
    version: int = 1
    differs: bool = False


HISTORY = "history: [{role: user, content: Hi}, {role: assistant, content: ' Hello '}, {role: user, content: More}]"
LOOP = "{% for item in history %}\n{{item.role}}:\n{{item.content}}\n{% endfor %}\n"
JSON = "prints as JSON"
SECOND = "template: {format: {kind: jinja2}, parser: {kind: prompty}}"

CASES = {
    "two turns": Case("system:\nBe kind.\n\nuser:\n{{ q }}\n", "sample: {q: Why}"),
    "no system": Case("user:\nAbout {{ q }}.", "sample: {q: rain}"),
    "text before the first role line": Case("Be kind.\n\nuser:\nHi\n"),
    "no role line": Case("Write about {{ q }}.\n", "sample: {q: rain}", named="system message", differs=True),
    "capital letters and a hash": Case("# System:\nBe kind.\nUSER :\nHi\n"),
    "indented role lines": Case("  system:\nBe kind.\n   user:  \nHi\n"),
    "words that look like roles": Case("system:\nWrite as\n  label: one word\n  user: who wrote it\nuser:\nHi there\n"),
    "a role that prompty does not know": Case(
        "system:\nA\ndeveloper:\nB\nuser:\nHi\n", named="as in prompty 1", differs=True
    ),
    "carriage returns": Case("system:\r\nBe kind.\r\nTwo.\r\n\r\nuser:\r\n{{ q }}\r\n", "sample: {q: Why}"),
    "a history": Case(f"system:\nBe kind.\n\n{LOOP}\nuser:\n{{{{ q }}}}\n", f"sample: {{q: Why, {HISTORY}}}"),
    "a history first": Case(f"{LOOP}user:\nlast\n", f"sample: {{{HISTORY}}}"),
    "a history last": Case(f"system:\nA\n{LOOP}", f"sample: {{{HISTORY}}}"),
    "an empty history": Case(f"system:\nA\n{LOOP}user:\nB\n", "sample: {history: []}"),
    "a role by key": Case(
        "{% for m in history %}\n{{ m['role'] }}:\n{{ m['content'] }}\n{% endfor %}\nuser:\nB\n",
        f"sample: {{{HISTORY}}}",
    ),
    "examples in a loop": Case(
        "system:\nA\n{% for e in shots %}\nuser:\n{{ e.q }}\nassistant:\n{{ e.a }}\n{% endfor %}\nuser:\nlast\n",
        "sample: {shots: [{q: 1+1, a: '2'}, {q: 2+2, a: '4'}]}",
    ),
    "a condition with roles": Case(
        "system:\nA\n{% if short %}\nuser:\nShort.\n{% else %}\nuser:\nLong.\n{% endif %}\n", "sample: {short: true}"
    ),
    "a loop inside a turn": Case(
        "system:\nUse these.\n{% for d in docs %}\n{{ d.id }}: {{ d.title }}\n{% endfor %}\n\nuser:\nHi\n",
        "sample: {docs: [{id: 1, title: One}, {id: 2, title: Two}]}",
    ),
    "a loop at both ends of a turn": Case(
        "user:\n{% for d in docs %}\n* {{ d }}\n{% endfor %}\n", "sample: {docs: [one, two]}"
    ),
    "a condition in a turn": Case("system:\n{% if x %}\n  Yes.\n{% endif %}\nuser:\nHi\n", "sample: {x: true}"),
    "white space control": Case("system:\nA\n{%- if x %} C {%- endif %}\n\nuser:\n  {{- x -}}  D\n", "sample: {x: B}"),
    "a comment": Case("system:\nA {# user: #} B\nuser:\n{# nothing #}Hi\n"),
    "raw": Case("system:\n{% raw %}Never {{ this }}{% endraw %}\nuser:\nHi\n"),
    "set in one turn": Case("system:\n{% set a = 'x' %}A {{ a }}\nuser:\nHi\n"),
    "spaces around a value": Case("user:\n{{ q }}\n", "sample: {q: ' Why '}", named="prompty"),
    "a value that ends with a newline": Case("user:\nA\n{{ q }}\n", "sample:\n  q: |\n    Why\n", named="prompty"),
    "blanks in a value given later": Case(
        "user:\n{{ q }}\n", "sample: {q: Why}", '{"q": " x "}', named="stays", differs=True
    ),
    "a picture": Case("user:\n![a](https://h/a.png)\nWhat?\n", named="the picture", differs=True),
    "a flag": Case("user:\nIt is {{ flag }} so.\n", "sample: {flag: true}", named="prints as JSON", differs=True),
    "a list": Case("user:\nIt is {{ items }} so.\n", "sample: {items: [a, b]}", named="prints as JSON", differs=True),
    "a role line in a value": Case(
        "user:\n{{ q }}\nB\n", 'sample: {q: "A\\nsystem:\\nC"}', named="reads like a role", differs=True
    ),
    "numbers": Case("user:\n{{ a }} {{ b }} {{ c }}.\n", "sample: {a: 1.0, b: 0.1, c: 1.0e+20}"),
    "null": Case("user:\nn {{ n }}.\n", "sample: {n: null}", named="`None`", differs=True),
    "a flag in a list": Case(
        "user:\nn {% for i in items %}{{ i.ok }} {% endfor %}.\n",
        "sample: {items: [{ok: true}]}",
        named=JSON,
        differs=True,
    ),
    "a list in an object": Case("user:\nn {{ o.a }}.\n", "sample: {o: {a: [x]}}", named=JSON, differs=True),
    "a list by key": Case("user:\nn {{ o['a'] }}.\n", "sample: {o: {a: [x]}}", named=JSON, differs=True),
    "a list through a filter": Case("user:\nn {{ a | list }}.\n", "sample: {a: [x]}", named=JSON, differs=True),
    "a comparison": Case("user:\nn {{ n == 3 }}.\n", "sample: {n: 3}", named=JSON, differs=True),
    "texts and lengths": Case(
        "user:\n{{ a | join(', ') }} {{ a | length }} {{ o.b }} {{ a[0] | upper }}.\n", "sample: {a: [x, y], o: {b: z}}"
    ),
    "no value": Case("user:\nIt is {{ q }} so.\n", named="has no value"),
    "a role printed otherwise": Case("user:\nA\n{{ who }}:\nB\n", "sample: {who: Bob}", named="begins a turn"),
    "second version": Case(
        "system:\nA\n\nuser:\n{{ q }}\n", f"{SECOND}\ninputs: {{q: {{kind: string, example: Why}}}}", version=2
    ),
    "second version, a list of inputs": Case(
        "user:\n{{ q }}\n", f"{SECOND}\ninputs: [{{name: q, kind: string, example: Why}}]", version=2
    ),
    "second version, spaces": Case("system:\n  A  \n\n\nuser:\nHi  \n", SECOND, version=2),
    "second version, attributes": Case('system[name="x"]:\nA\nuser:\nHi\n', SECOND, version=2, named="attributes"),
    "second version, a developer": Case(
        "developer:\nA\nuser:\nHi\n", SECOND, version=2, named="is `system`", differs=True
    ),
    "second version, a picture is text": Case("user:\n![a](a.png)\nWhat?\n", SECOND, version=2),
    "second version, a thread": Case(
        "system:\nA\n\n{{ history }}\n\nuser:\nB\n",
        f"{SECOND}\ninputs: {{history: {{kind: thread}}}}",
        '{"history": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}',
        version=2,
    ),
    "second version, a loop in a turn": Case(
        "user:\n{% for d in docs %}\n* {{ d }}\n{% endfor %}\n",
        f"{SECOND}\ninputs: {{docs: {{kind: array, items: {{kind: string}}, example: [a, b]}}}}",
        version=2,
    ),
}


def file_of(case: Case, folder: Path, name: str) -> Path:
    file = folder / f"{name.replace(' ', '-').replace(',', '')}.prompty"
    front = f"---\nname: x\nmodel: {{api: chat}}\n{case.front}\n---\n"
    front = front.replace("model: {api: chat}\n", "") if case.version == 2 else front
    file.write_text(front + case.body, encoding="utf-8", newline="")
    return file


def ours(file: Path, values: dict[str, Any]) -> tuple[Messages, list[str]]:
    """The messages of promptlab's import with its samples and `values`, and the notes of the report."""
    imported = prompty.read(file, file.name, ImportFolders())
    template = templates.parse(imported.files[0].text, path="t.yaml")
    prompt = templates.render(template, {**templates.sample_inputs(template), **values})
    notes = [f"{entry.what}: {entry.note}" for entry in imported.report.entries if entry.what != "taken"]
    return [(message.role, message.content) for message in prompt.messages], notes


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Messages | str]]:
    """What prompty makes of every case."""
    folder = tmp_path_factory.mktemp("prompty")
    found: dict[str, tuple[Path, Messages | str]] = {}
    for version in (1, 2):
        files = {name: file_of(case, folder, name) for name, case in CASES.items() if case.version == version}
        asked = [(file, json.loads(CASES[name].values)) for name, file in files.items()]
        for (name, file), answer in zip(files.items(), theirs(version, asked, folder), strict=True):
            found[name] = (file, answer)
    return found


@pytest.mark.parametrize("name", CASES)
def test_an_import_makes_the_messages_of_prompty_or_names_the_difference(
    name: str, answers: dict[str, tuple[Path, Messages | str]]
) -> None:
    file, expected = answers[name]
    assert not isinstance(expected, str), expected
    messages, notes = ours(file, json.loads(CASES[name].values))
    if CASES[name].named:
        assert any(CASES[name].named in note for note in notes), notes
    if not CASES[name].differs:
        assert messages == expected


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("system:\nA\n{% for m in h %}\nuser:\n{{ m }}\n{% endfor %}\nand more\n", 10),
        ("system:\nA\n{% if x %}\nmore\nuser:\nB\n{% endif %}\n", 7),
        ("system:\nA\n{% filter upper %}\nuser:\nB\n{% endfilter %}\n", 6),
        ("user:\n{% for m in h %}\nA\n", 5),
        ("user:\n{% endfor %}\n", 5),
    ],
)
def test_turns_that_a_layout_cannot_say_are_refused_with_their_line(body: str, line: int, tmp_path: Path) -> None:
    file = tmp_path / "x.prompty"
    file.write_text(f"---\nname: x\n---\n{body}", encoding="utf-8")
    with pytest.raises(FormatError) as refused:
        prompty.read(file, file.name, ImportFolders())
    assert (refused.value.file, refused.value.line) == ("x.prompty", line)


def test_a_crash_of_a_reader_is_an_error_of_that_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def crash(*_: Any) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(prompty, "read_settings", crash)
    file = tmp_path / "x.prompty"
    file.write_text("---\nname: x\n---\nuser:\nHi\n", encoding="utf-8")
    with pytest.raises(FormatError, match="ZeroDivisionError") as refused:
        reader_for("prompty")(file, file.name, ImportFolders())
    assert refused.value.file == "x.prompty"


HOUSE = Workspace.load(ROOT)
TEXTS = {
    "braces": (
        "inputs: {q: {sample: 'Why does {{ name }} print \"x\"?'}}\n"
        'instructions: "Answer as {\\"a\\": {}}.\\n{% raw %}Never write {{ secret }}.{% endraw %}\\n"\n'
        'user: "Q: {{ q }}\\nA:"\n'
    ),
    "fences": "description: 'a --- b +++ c'\ninputs: {q: {sample: 'x\\n---\\ny ---- z'}}\nuser: 'A --- B {{ q }} C'\n",
    "YAML words": (
        "inputs: {a: {sample: 'yes'}, b: {sample: '2022-12-18'}, c: {sample: '1e3'}, d: {sample: '0x1F'}}\n"
        "user: '{{ a }} {{ b }} {{ c }} {{ d }} {{ a }}.'\n"
    ),
    "a number": "inputs: {n: {type: number, sample: 3}}\nuser: 'It is {{ n }}.'\nparams: {temperature: 0.5}\n",
    "a schema": (
        "inputs: {q: {sample: a}}\nuser: 'Q {{ q }}?'\nschema: {type: object, properties: {b: {type: string}}}\n"
    ),
    "no inputs": "instructions: Be kind.\nuser: Hello there.\n",
    "turns": "layout: '{% user %}A{% enduser %}{% assistant %}B{% endassistant %}{% user %}C{% enduser %}'\n",
    "umlauts and emoji": "inputs: {q: {sample: 'Zürich 🏆 日本'}}\nuser: 'Größe: {{ q }}!'\n",
}


@pytest.mark.parametrize("version", [1, 2])
def test_exports_load_in_prompty_with_the_messages_of_promptlab(version: int, tmp_path: Path) -> None:
    made: list[tuple[str, Messages, Path, dict[str, Any]]] = []
    parsed = [templates.load(HOUSE, name) for name in templates.template_paths(HOUSE)]
    parsed += [templates.parse(text, path=f"templates/{name.replace(' ', '-')}.yaml") for name, text in TEXTS.items()]
    for number, template in enumerate(parsed):
        filled = load_materials(HOUSE, template, templates.sample_inputs(template))
        prompt = templates.render(
            template, templates.sample_inputs(template), documents=filled.documents, shots=filled.shots
        )
        export = make_portable(template, documents=filled.documents, shots=filled.shots)
        file = tmp_path / f"{number}.prompty"
        file.write_text(write_prompty(export, version=version), encoding="utf-8", newline="")
        made.append(
            (template.path, [(m.role, m.content.strip()) for m in prompt.messages], file, dict(export.variables))
        )
    for reader in (1, 2) if version == 1 else (2,):
        # Version 2 takes no samples from a file for both versions, so they are given.
        asked = [(file, values if reader == 2 else {}) for _, _, file, values in made]
        for (name, messages, _, _), answer in zip(made, theirs(reader, asked, tmp_path), strict=True):
            assert not isinstance(answer, str), (name, reader, answer)
            assert [(role, text.strip()) for role, text in answer] == messages, (name, reader)

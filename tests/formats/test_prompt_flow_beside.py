"""Prompt flows through promptlab and through promptflow-tools (tools/oracles.py): the messages are compared."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import FormatError
from promptlab.formats import prompt_flow
from promptlab.formats._import import guess_format
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import _load as templates
from tools import oracles

# The module with its parser imports the whole of promptflow and of Azure, which the parser does not use.
PROGRAM = """
import importlib.abc, importlib.machinery, importlib.util, json, sys, types
from pathlib import Path

class Nothing(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {})

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("promptflow", "openai", "azure", "requests", "PIL"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec):
        return Nothing(spec.name)
    def exec_module(self, module):
        pass

folder = next(p for p in sys.path if (Path(p) / "promptflow" / "tools" / "common.py").exists())
spec = importlib.util.spec_from_file_location("common", Path(folder) / "promptflow" / "tools" / "common.py")
sys.meta_path.insert(0, Finder())
common = importlib.util.module_from_spec(spec)
spec.loader.exec_module(common)
answers = []
for text, values in json.loads(open(sys.argv[1], encoding="utf-8").read()):
    rendered = common.render_jinja_template(text, **values)
    answers.append([[m["role"], m["content"]] for m in common.parse_chat(rendered)])
print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Case:
    """The text of a node, and the values of its variables."""

    text: str
    values: dict[str, Any] = field(default_factory=dict)


HISTORY = [
    {"inputs": {"question": "Hi"}, "outputs": {"answer": "Hello"}},
    {"inputs": {"question": "x"}, "outputs": {"answer": "y"}},
]

LOOP = "{% for c in contexts %}\n- {{c}}\n{% endfor %}\n"

CASES = {
    "two turns": Case("system:\nBe kind.\n\nuser:\n{{question}}\n", {"question": "Why"}),
    "hashes": Case("# system:\nBe kind.\n# user:\n{{question}}\n", {"question": "Why"}),
    "a chat history": Case(
        "system:\nA\n{% for item in chat_history %}\nuser:\n{{item.inputs.question}}\nassistant:\n"
        "{{item.outputs.answer}}\n{% endfor %}\nuser:\n{{question}}\n",
        {"chat_history": HISTORY, "question": "Why"},
    ),
    "no history": Case(
        "system:\nA\n{% for item in chat_history %}\nuser:\n{{item.inputs.question}}\n{% endfor %}\nuser:\nB\n",
        {"chat_history": []},
    ),
    "newlines after blocks": Case(
        "system:\nA\n{% if x %}\nB\n{% endif %}\nC\n{# a comment #}\nD\nuser:\nE\n", {"x": True}
    ),
    "a loop in a turn": Case(f"user:\nUse:\n{LOOP}Now.\n", {"contexts": ["a", "b"]}),
    "a loop at the end of a turn": Case(f"user:\nUse:\n{LOOP}", {"contexts": ["a", "b"]}),
    "set": Case("{% set a = 'x' %}\nsystem:\n{{a}}\nuser:\nB {{c}}.\n", {"c": "d"}),
    "raw": Case("system:\n{% raw %}{{x}}{% endraw %}\nB\nuser:\nC\n"),
}


def flow(folder: Path, text: str, values: dict[str, Any]) -> Path:
    """A folder with a flow of one node."""
    (folder / "ask.jinja2").write_text(text, encoding="utf-8")
    inputs = "".join(f"    {name}: ${{inputs.{name}}}\n" for name in values)
    given = "".join(f"  {name}: {{default: {json.dumps(value)}}}\n" for name, value in values.items())
    file = folder / "flow.dag.yaml"
    file.write_text(
        f"inputs:\n{given or '  {}'}\noutputs:\n  answer: {{reference: '${{ask.output}}'}}\n"
        "nodes:\n- name: ask\n  type: llm\n"
        "  source: {type: code, path: ask.jinja2}\n  api: chat\n"
        "  inputs:\n    deployment_name: gpt-4o\n    temperature: 0.5\n"
        f"    max_tokens: 30\n{inputs}",
        encoding="utf-8",
    )
    return file


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str]]]:
    if not oracles.installed("prompt-flow"):
        pytest.skip("promptflow-tools is not installed: make oracles")
    file = tmp_path_factory.mktemp("flow") / "asked.json"
    file.write_text(json.dumps([[case.text, case.values] for case in CASES.values()]), encoding="utf-8")
    answers = json.loads(oracles.run("prompt-flow", PROGRAM, str(file)))
    return {name: [(role, text) for role, text in one] for name, one in zip(CASES, answers, strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_a_node_makes_the_messages_of_prompt_flow(
    name: str, theirs: dict[str, list[tuple[str, str]]], tmp_path: Path
) -> None:
    case = CASES[name]
    file = flow(tmp_path, case.text, case.values)
    imported = prompt_flow.read(file, file.name, ImportFolders())
    template = templates.parse(imported.files[0].text, path="t.yaml")
    prompt = templates.render(template, {**templates.sample_inputs(template), **case.values})
    assert [(message.role, message.content) for message in prompt.messages] == theirs[name]
    assert (template.params.temperature, template.params.max_tokens) == (0.5, 30)
    report = {entry.field: entry.what for entry in imported.report.entries}
    assert report["nodes.0.inputs.deployment_name"] == "not understood"
    assert guess_format("flow.dag.yaml", file.read_bytes()) == "prompt-flow"


def test_what_prints_otherwise_is_named_with_its_line(tmp_path: Path) -> None:
    file = flow(tmp_path, "system:\nA\nuser:\nB {{flag}}\n", {"flag": True})
    imported = prompt_flow.read(file, file.name, ImportFolders())
    notes = {entry.field: entry.note for entry in imported.report.entries}
    assert "prints as JSON" in notes["nodes.0: ask.jinja2, line 4"]


def test_variants_become_templates_and_other_nodes_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a.jinja2").write_text("system:\nShort.\nuser:\n{{q}} {{facts}}\n")
    (tmp_path / "b.jinja2").write_text("system:\nLong.\nuser:\n{{q}}\n")
    file = tmp_path / "flow.dag.yaml"
    inputs = "inputs: {q: '${inputs.q}', facts: '${find.output}'}"
    node = f"node: {{type: llm, source: {{type: code, path: %s}}, api: chat, {inputs}}}"
    file.write_text(
        "inputs: {q: {type: string, default: Why}}\noutputs: {}\n"
        "nodes:\n- {name: find, type: python, source: {type: code, path: find.py}}\n- {name: ask, use_variants: true}\n"
        "- {name: lost, type: llm, source: {type: code, path: ../lost.jinja2}}\n"
        f"node_variants:\n  ask:\n    default_variant_id: one\n    variants:\n      one: {{{node % 'a.jinja2'}}}\n"
        f"      two: {{{node % 'b.jinja2'}}}\n"
    )
    imported = prompt_flow.read(file, file.name, ImportFolders())
    names = sorted(Path(file.path).name.removeprefix(f"{imported.name}-") for file in imported.files)
    assert names == ["ask-two.yaml", "ask.yaml"]
    entries = {entry.field: (entry.what, entry.line) for entry in imported.report.entries}
    assert entries["nodes.0"] == ("not understood", 4)
    assert entries["nodes.2"] == ("not understood", 6)
    assert entries["node_variants.ask.variants.one.inputs.facts"][0] == "not understood"
    assert entries["node_variants.ask.variants.two.inputs.facts"][0] == "not understood"


def test_a_flow_without_prompts_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "flow.dag.yaml"
    file.write_text("nodes:\n- {name: find, type: python}\n")
    with pytest.raises(FormatError) as refused:
        prompt_flow.read(file, file.name, ImportFolders())
    assert (refused.value.file, refused.value.line) == ("flow.dag.yaml", 1)

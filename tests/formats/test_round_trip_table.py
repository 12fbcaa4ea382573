"""Each template through each format that promptlab writes, and back.

The same messages, parameters and schema come back, or the loss is named. The template that some files carry is taken
out of them, so that what the tool sees is what comes back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from promptlab import templates
from promptlab._yaml import dump_yaml
from promptlab.errors import PromptlabError
from promptlab.formats import ExportJob, Imported, ImportFolders, reader_for
from promptlab.templates import Template
from promptlab.workspace import Workspace

READERS = {
    "promptfoo": ("promptfoo", "promptfooconfig.yaml"),
    "prompty": ("prompty", "t.prompty"),
    "prompty-2": ("prompty", "t.prompty"),
    "langfuse": ("langfuse", "t.json"),
    "github-models": ("github-models", "t.prompt.yml"),
    "openai": ("openai", "t.json"),
}
"""The reader of each format, and the name of its file."""
SCHEMA = {
    "type": "object",
    "properties": {"b": {"type": "string", "enum": ["x", "y"]}, "a": {"type": "number"}},
    "required": ["b", "a"],
    "additionalProperties": False,
}
TEMPLATES: dict[str, dict[str, Any]] = {
    "one turn": {"inputs": {"q": {"sample": "Who won?"}}, "user": "{{ q }}"},
    "system and user": {"inputs": {"q": {"sample": "Who?"}}, "instructions": "Be brief.", "user": "Q: {{ q }}\nA:"},
    "inputs in both": {
        "inputs": {"who": {"sample": "clerk"}, "q": {"sample": "Fire"}},
        "instructions": "You are a {{ who }}, {{ who }}.",
        "user": "{{ q }}",
    },
    "parameters": {
        "params": {
            "temperature": 0.7,
            "max_tokens": 9,
            "top_p": 0.5,
            "seed": 3,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "stop": ["END", "\n"],
        },
        "user": "go",
    },
    "more parameters": {"params": {"top_k": 5, "min_p": 0.1, "repeat_penalty": 1.1}, "user": "go"},
    "a schema": {"schema": SCHEMA, "inputs": {"q": {"sample": "x"}}, "user": "Sort {{ q }}"},
    "turns": {
        "inputs": {"q": {"sample": "three"}},
        "layout": "{% system %}S{% endsystem %}{% user %}one{% enduser %}{% assistant %}1{% endassistant %}"
        "{% user %}{{ q }}{% enduser %}",
        "user": "{{ q }}",
    },
    "braces in the text": {
        "inputs": {"q": {"sample": "x"}},
        "user": '{% raw %}{"a": {"b": {}}} {{ spaced }} {{tight}} {% if %} {# c #}{% endraw %} {{ q }}',
    },
    "braces beside an input": {"inputs": {"q": {"sample": "x"}}, "user": '{"q": "{{ q }}", "o": { {{- q -}} } }'},
    "a value with tags": {"inputs": {"q": {"sample": "{{ q }} {% if %}"}}, "user": "say {{ q }}!"},
    "a value of several lines": {"inputs": {"q": {"sample": "a\n\nb: c\n- d"}}, "user": "say {{ q }}!"},
    "a file": {"inputs": {"q": {"sample": "file://x.txt"}}, "user": "say {{ q }}!"},
    "a number": {"inputs": {"n": {"type": "number", "sample": 2.5}}, "user": "n={{ n }}"},
    "a condition": {"inputs": {"a": {"sample": "x"}, "b": {"sample": "y"}}, "user": "{% if a %}{{ b }}{% endif %}!"},
    "white space": {"inputs": {"q": {"sample": " x "}}, "instructions": "\n a \n", "user": "  {{ q }}  \n\n"},
    "words of roles": {"user": "first\nuser:\nsecond\n"},
    "unicode": {"inputs": {"q": {"sample": "\u00e9\U0001f600"}}, "user": "\u201c{{ q }}\u201d \u00a0 \\n \"x\" 'y'"},
}
REFUSED = {("openai", "more parameters")}
"""The export says that the model does not know `top_k`."""
WORDS = {
    "messages": re.compile("message|role|white space|braces"),
    "params": re.compile("params"),
    "schema": re.compile("schema"),
}
"""How a report names a loss."""
LOSSES: dict[tuple[str, str], set[str]] = {
    ("prompty", "white space"): {"messages"},
    ("prompty-2", "white space"): {"messages"},
    ("prompty", "words of roles"): {"messages"},
    ("prompty-2", "words of roles"): {"messages"},
    ("prompty-2", "more parameters"): {"params"},
    ("prompty-2", "a schema"): {"schema"},
    ("langfuse", "braces in the text"): {"messages"},
    ("langfuse", "braces beside an input"): {"messages"},
    ("github-models", "braces in the text"): {"messages"},
    ("github-models", "parameters"): {"params"},
    ("github-models", "more parameters"): {"params"},
}
"""What does not come back as it was. Each has a line in the report of the export or of the import."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    text = 'models: {gpt: {backend: openai, model: gpt-4o-mini, base_url: "http://127.0.0.1:1/v1"}}\n'
    (tmp_path / "promptlab.yaml").write_text(text)
    (tmp_path / "templates").mkdir()
    return Workspace.load(tmp_path)


def written(workspace: Workspace, data: dict[str, Any]) -> Template:
    (workspace.root / "templates/t.yaml").write_text(dump_yaml(data), encoding="utf-8", newline="")
    return templates.load(workspace, "t")


def bare(text: str) -> str:
    """The file without the template that it carries."""
    return text.replace("promptlab:", "other:")


def through(workspace: Workspace, format_: str, change: Callable[[str], str]) -> tuple[Imported, list[str]]:
    model = workspace.models["gpt"]
    exported = ExportJob(workspace, ["t"], models={"gpt": model}).export(format_)  # type: ignore[dict-item]
    reader, name = READERS[format_]
    file = workspace.root / name
    file.write_bytes(change(exported.text).encode())
    back = reader_for(reader)(file, name, ImportFolders())
    lost = [note for note in exported.notes if "not understood" in note or "translated" in note]
    return back, lost + [str(entry) for entry in back.report.entries if entry.what != "taken"]


def facts(template: Template, values: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent with the values, which are those of the first template: Langfuse keeps none."""
    own = templates.inputs_from_text(
        template,
        {name: v if isinstance(v, str) else json.dumps(v) for name, v in values.items() if name in template.inputs},
    )
    prompt = templates.render(template, {**templates.sample_inputs(template), **own})
    return {
        "messages": [(message.role, message.content) for message in prompt.messages],
        "params": asdict(template.params),
        "schema": json.loads(template.schema) if template.schema else None,
    }


@pytest.mark.parametrize("change", [str, bare], ids=["whole", "bare"])
@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("format_", READERS)
def test_a_template_comes_back(format_: str, name: str, change: Any, workspace: Workspace) -> None:
    template = written(workspace, TEMPLATES[name])
    values = templates.sample_inputs(template)
    before = facts(template, values)
    if (format_, name) in REFUSED:
        with pytest.raises(PromptlabError):
            through(workspace, format_, change)
        return
    back, notes = through(workspace, format_, change)
    (file,) = [file for file in back.files if file.kind == "template"]
    again = templates.parse(file.text, path=file.path)
    kept = values if format_ == "langfuse" else {}
    after = facts(again, kept)
    differ = {kind for kind in before if before[kind] != after[kind]}
    expected = LOSSES.get((format_, name), set())
    assert differ == expected if change is bare else differ <= expected, (before, after, notes)
    for kind in differ:
        assert any(WORDS[kind].search(note) for note in notes), (kind, notes)

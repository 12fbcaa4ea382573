"""Evals and prompt objects of OpenAI: the messages are those of the file, and graders are scorers or are named.

OpenAI's platform cannot be run here: the expected messages are the templates with the values put in by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from promptlab import templates
from promptlab.errors import FormatError
from promptlab.formats import Imported, ImportFolders, reader_for
from promptlab.suites import load_suite
from promptlab.workspace import Workspace

Pairs = list[tuple[str, str]]


def read(format_: str, name: str, content: Any, folder: Path, **beside: str) -> Imported:
    for other, text in beside.items():
        (folder / other.replace("_jsonl", ".jsonl")).write_text(text, encoding="utf-8")
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
    return reader_for(format_)(file, file.name, ImportFolders())


def rendered(imported: Imported) -> list[Pairs]:
    """The messages of every case of the suite, or of the samples."""
    file = next(f for f in imported.files if f.kind == "template")
    template = templates.parse(file.text, path=file.path)
    suites = [yaml.safe_load(f.text) for f in imported.files if f.kind == "suite"]
    cases = [case["inputs"] for suite in suites for case in suite["cases"]] or [templates.sample_inputs(template)]
    return [[(m.role, m.content) for m in templates.render(template, inputs).messages] for inputs in cases]


def scorers(imported: Imported) -> list[Any]:
    (suite,) = [yaml.safe_load(f.text) for f in imported.files if f.kind == "suite"]
    return [(case.get("expected"), case.get("scorers")) for case in suite["cases"]]


EVAL = {
    "object": "eval",
    "name": "Triage",
    "data_source_config": {"type": "custom", "schema": {"type": "object"}},
    "testing_criteria": [
        {"type": "string_check", "input": "{{sample.output_text}}", "reference": "{{item.label}}", "operation": "eq"},
        {"type": "string_check", "input": "{{ sample.output_text }}", "reference": "fi", "operation": "ilike"},
        {"type": "string_check", "input": "{{item.label}}", "reference": "fire", "operation": "eq"},
        {"type": "text_similarity", "input": "{{sample.output_text}}", "reference": "{{item.label}}"},
        {"type": "score_model", "model": "o3-mini", "input": []},
    ],
    "runs": [
        {
            "data_source": {
                "type": "completions",
                "model": "gpt-4o-mini",
                "sampling_params": {"temperature": 0.5, "max_completions_tokens": 9, "odd": 1},
                "input_messages": {
                    "type": "template",
                    "template": [
                        {"role": "developer", "content": 'Reply as {"a": {{ item.user-name }}}. {% no %} {{other}}'},
                        {"role": "user", "content": {"type": "input_text", "text": "{{item.ticket.text}}"}},
                    ],
                },
                "source": {
                    "type": "file_content",
                    "content": [
                        {"item": {"ticket": {"text": "It burns."}, "label": "{{fire}}", "user-name": "Ada"}},
                        {"item": {"ticket": {"text": "Where?"}, "label": "way", "user-name": "Bo"}, "sample": {}},
                    ],
                },
            }
        }
    ],
}


def test_an_eval_of_the_platform(tmp_path: Path) -> None:
    imported = read("openai-evals", "e.json", EVAL, tmp_path)
    assert rendered(imported) == [
        [("system", 'Reply as {"a": Ada}. {% no %} {{other}}'), ("user", "It burns.")],
        [("system", 'Reply as {"a": Bo}. {% no %} {{other}}'), ("user", "Where?")],
    ]
    exact = {"exact": {"normalised": False}}
    fi = {"regex": {"pattern": "fi", "ignore_case": True}}
    assert scorers(imported) == [("{{fire}}", [exact, fi]), ("way", [exact, fi])]
    report = {entry.field: (entry.what, entry.line) for entry in imported.report.entries}
    kinds = [report[f"testing_criteria.{n}"][0] for n in range(5)]
    assert kinds == ["translated", "translated", "not understood", "not understood", "not understood"]
    assert report["runs.0.data_source.sampling_params.odd"][0] == "not understood"
    assert report["runs.0.data_source.input_messages"][0] == "not understood"
    assert all(line for what, line in report.values() if what == "not understood")
    assert list(imported.models) == ["gpt-4o-mini"]


def test_an_eval_without_a_run_has_no_prompt(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no run"):
        read("openai-evals", "e.json", {**EVAL, "runs": []}, tmp_path)


SAME = [
    {"input": [{"role": "system", "content": "Say {{x}}."}, {"role": "user", "content": "a.b"}], "ideal": "A.B"},
    {"input": [{"role": "system", "content": "Say {{x}}."}, {"role": "user", "content": "{c}"}], "ideal": ["C", "c"]},
]
MIXED = [
    {"input": "Just text {{x}}", "ideal": "A"},
    {"input": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}], "ideal": "B"},
]


def as_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize("rows", [SAME, SAME[:1], MIXED], ids=["same roles", "one sample", "other roles"])
def test_samples_make_their_own_messages(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    imported = read("openai-evals", "s.jsonl", as_lines(rows), tmp_path)
    wanted = [
        [("user", row["input"])] if isinstance(row["input"], str) else [(m["role"], m["content"]) for m in row["input"]]
        for row in rows
    ]
    assert rendered(imported) == wanted
    assert [expected for expected, _ in scorers(imported)] == [None] * len(rows)
    pool = next(f.text for f in imported.files if f.kind == "pool")
    assert len(pool.splitlines()) == len(rows)


REGISTRY = """\
t: {{id: t.v0, metrics: [accuracy]}}
t.v0:
  class: {kind}
  args: {{samples_jsonl: t/s.jsonl{more}}}
"""


@pytest.mark.parametrize(
    ("kind", "more", "wanted"),
    [
        ("evals.elsuite.basic.match:Match", "", [r"\A(?:A\.B)", r"\A(?:C|c)"]),
        ("evals.elsuite.basic.includes:Includes", "", [r"A\.B", "C|c"]),
        ("evals.elsuite.basic.match:Match", ", num_few_shot: 2", [None, None]),
        ("evals.elsuite.basic.fuzzy_match:FuzzyMatch", "", [None, None]),
    ],
)
def test_a_registry_file_names_its_samples_and_class(kind: str, more: str, wanted: list[Any], tmp_path: Path) -> None:
    text = REGISTRY.format(kind=kind, more=more)
    imported = read("openai-evals", "t.yaml", text, tmp_path, s_jsonl=as_lines(SAME))
    patterns = [listed[0]["regex"]["pattern"] if listed else None for _, listed in scorers(imported)]
    assert patterns == wanted
    report = {entry.field: entry.what for entry in imported.report.entries}
    assert report["t.v0.class"] == ("translated" if wanted[0] else "not understood")


@pytest.mark.parametrize("name", ["e.json", "s.jsonl"])
def test_the_suite_loads(name: str, workspace: Workspace, tmp_path: Path) -> None:
    imported = read("openai-evals", name, EVAL if name == "e.json" else as_lines(SAME), tmp_path)
    for file in imported.files:
        full = workspace.root / file.path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(file.text, encoding="utf-8")
    suite = load_suite(workspace, next(f.path for f in imported.files if f.kind == "suite"))
    assert len(suite.entries) == 2


def test_a_prompt_object(tmp_path: Path) -> None:
    data = {
        "id": "pmpt_1",
        "version": "3",
        "model": "gpt-4o",
        "temperature": 0.5,
        "variables": {"city-name": "Lima", "unused": "x", "user": {"type": "string"}},
        "tools": [{"type": "web_search"}],
        "messages": [
            {"role": "developer", "content": "You know {{city-name}}. {% no %} {}"},
            {"role": "user", "content": [{"type": "input_text", "text": "{{ user }} asks: {{q}}"}]},
        ],
    }
    imported = read("openai-prompt", "p.json", data, tmp_path)
    (messages,) = rendered(imported)
    template = templates.parse(imported.files[0].text, path="p.yaml")
    samples = templates.sample_inputs(template)
    assert messages[0] == ("system", "You know Lima. {% no %} {}")
    assert messages[1] == ("user", f"{samples['user_value']} asks: {samples['q']}")
    report = {entry.field: entry.what for entry in imported.report.entries}
    assert (report["variables.unused"], report["tools"]) == ("not understood", "not understood")
    assert template.params.temperature == 0.5


def test_a_prompt_object_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="messages"):
        read("openai-prompt", "p.json", {"prompt": {"id": "pmpt_1", "version": "2"}}, tmp_path)

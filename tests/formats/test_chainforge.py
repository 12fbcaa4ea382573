"""Flows of ChainForge beside ChainForge: `chainforge_table.json` has what its own `template.ts` made of prompts.

It is of ChainForge 0.3.7.7; the values go in as its nodes give them out. The first of each pair is the system message.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from promptlab import templates
from promptlab.formats import Imported, ImportFolders, guess_format, reader_for
from promptlab.suites import load_suite
from promptlab.workspace import Workspace

TABLE = json.loads((Path(__file__).parent / "chainforge_table.json").read_text(encoding="utf-8"))


def node(id_: str, listed: dict[str, Any]) -> dict[str, Any]:
    values = listed["values"]
    if listed["type"] == "textfields":
        return {"id": id_, "type": "textfields", "data": {"fields": {f"f{n}": v for n, v in enumerate(values)}}}
    escaped = [v.replace("{", "\\{").replace("}", "\\}") for v in values]
    return {"id": id_, "type": "csv", "data": {"fields": escaped}}


def flow_of(case: dict[str, Any]) -> dict[str, Any]:
    """The flow of a row of the table: a prompt node, and a node for each variable or for the table."""
    nodes = [{"id": "p", "type": "prompt", "data": {"prompt": case["prompt"], "llms": case.get("llms", [])}}]
    edges = []
    for name, listed in case["fed"].items():
        nodes.append(node(f"n-{name}", listed))
        edges.append({"source": f"n-{name}", "sourceHandle": "output", "target": "p", "targetHandle": name})
        for inner, of_inner in case.get("inner", {}).get(name, {}).items():
            nodes.append(node(f"i-{inner}", of_inner))
            edge = {"source": f"i-{inner}", "sourceHandle": "output", "target": f"n-{name}", "targetHandle": inner}
            edges.append(edge)
    if table := case.get("table"):
        columns = [{"header": header, "key": f"c{n}"} for n, header in enumerate(table["headers"])]
        rows = [
            {"__uid": f"u{n}", **{f"c{k}": cell for k, cell in enumerate(row)}} for n, row in enumerate(table["rows"])
        ]
        nodes.append({"id": "t", "type": "table", "data": {"columns": columns, "rows": rows, "sel_rows": None}})
        edges += [
            {"source": "t", "sourceHandle": header, "target": "p", "targetHandle": name}
            for name, header in case["columns"].items()
        ]
    return {"flow": {"nodes": nodes, "edges": edges, "viewport": {}}, "cache": {}}


def read(data: dict[str, Any], folder: Path) -> Imported:
    file = folder / "f.cforge"
    file.write_text(json.dumps(data, indent=1), encoding="utf-8")
    return reader_for("chainforge")(file, file.name, ImportFolders())


def rendered(imported: Imported) -> list[list[str | None]]:
    """System message and question of every case of every template."""
    suites = [yaml.safe_load(f.text) for f in imported.files if f.kind == "suite"]
    prompts = []
    for file in imported.files:
        if file.kind != "template":
            continue
        template = templates.parse(file.text, path=file.path)
        cases = [case["inputs"] for suite in suites if suite["template"] == file.path for case in suite["cases"]]
        for inputs in cases or [templates.sample_inputs(template)]:
            messages = {m.role: m.content for m in templates.render(template, inputs).messages}
            prompts.append([messages.get("system"), messages.get("user")])
    return prompts


@pytest.mark.parametrize("case", TABLE, ids=[case["name"] for case in TABLE])
def test_a_flow_makes_the_prompts_of_chainforge(case: dict[str, Any], tmp_path: Path) -> None:
    imported = read(flow_of(case), tmp_path)
    assert sorted(map(str, rendered(imported))) == sorted(map(str, case["printed"]))
    entry = next(entry for entry in imported.report.entries if entry.field == "p.prompt")
    assert entry.what != "not understood"


def test_the_system_messages_and_settings_of_models(tmp_path: Path) -> None:
    def llm(name: str, base: str, **settings: Any) -> dict[str, Any]:
        return {"model": name, "base_model": base, "settings": settings}

    case = {"prompt": "Hi", "fed": {}, "llms": []}
    case["llms"] = [
        llm("gpt-4", "gpt-4", system_msg="Be {kind}.", temperature=0.5, top_p=1),
        llm("claude", "claude-v1", system_msg="", temperature=0.5, top_p=0.5),
        llm("gpt-5", "gpt-4", system_msg="Be {kind}.", temperature=0.5, top_p=0.5, tools=[{"a": 1}]),
    ]
    imported = read(flow_of(case), tmp_path)
    assert sorted(map(str, rendered(imported))) == ["['Be {kind}.', 'Hi']", "[None, 'Hi']"]
    assert list(imported.models) == ["gpt-4", "gpt-5"]
    report = {entry.field: entry.what for entry in imported.report.entries}
    assert report["p.llms.temperature"] == "translated"
    assert report["p.llms.top_p"] == "not understood"
    assert report["p.llms.tools"] == "not understood"
    assert report["p.llms.claude"] == "not understood"
    first = templates.parse(imported.files[0].text, path="a.yaml")
    assert (first.params.temperature, first.params.top_p) == (0.5, None)


def test_what_is_no_prompt_is_named_with_its_line(tmp_path: Path) -> None:
    flow = flow_of({"prompt": "About {q} {r}", "fed": {}})
    flow["flow"]["nodes"] += [
        {"id": "first", "type": "prompt", "data": {"prompt": "Who?", "n": "3", "llms": []}},
        {"id": "e", "type": "evaluator", "data": {"code": "import os", "language": "python"}},
        {"id": "c", "type": "chat", "data": {"prompt": "Sure?"}},
    ]
    flow["flow"]["edges"].append({"source": "first", "sourceHandle": "prompt", "target": "p", "targetHandle": "q"})
    imported = read(flow, tmp_path)
    named = {entry.field: entry for entry in imported.report.of("not understood")}
    assert {"p.prompt", "first.n", "e", "c", "cache"} <= named.keys()
    assert all(entry.line for entry in named.values())
    assert "`r`" in named["p.prompt"].note


def test_each_of_several_prompts_of_a_node_is_a_template(tmp_path: Path) -> None:
    imported = read(flow_of({"prompt": ["A {q}", "B {q}"], "fed": {"q": {"type": "csv", "values": ["x"]}}}), tmp_path)
    assert rendered(imported) == [[None, "A x"], [None, "B x"]]


def test_the_suite_of_a_flow_loads(workspace: Workspace, tmp_path: Path) -> None:
    imported = read(flow_of(TABLE[1]), tmp_path)
    for file in imported.files:
        (workspace.root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (workspace.root / file.path).write_text(file.text, encoding="utf-8")
    suite = load_suite(workspace, next(f.path for f in imported.files if f.kind == "suite"))
    assert len(suite.entries) == 4


def test_it_is_recognised_by_content() -> None:
    assert guess_format("flow.json", json.dumps(flow_of(TABLE[0])).encode()) == "chainforge"

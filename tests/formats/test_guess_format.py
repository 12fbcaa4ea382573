"""Every import format is recognised by the content of a file, whatever its name, also beside files that look alike."""

from __future__ import annotations

import pytest

from promptlab.formats import IMPORT_FORMATS, guess_format

FILES: list[tuple[str, str, str]] = [
    ("promptfoo", "a.yaml", "prompts: [Hi]\nproviders: [echo]\n"),
    ("promptfoo", "a.json", '{"prompts": ["Hi {{x}}"], "providers": ["echo"], "tests": []}'),
    ("promptfoo", "b.yaml", "prompts:\n- 'role \"user\"'\ntests: [{vars: {messages: x}}]\n"),
    ("prompty", "a.prompty", "---\nname: x\n---\nsystem:\nHi\n"),
    ("prompty", "a.md", "---\nname: x\n---\nsystem:\nHi\n\nuser:\n{{ x }}\n"),
    ("dotprompt", "a.prompt", "Hi {{x}}"),
    ("dotprompt", "a.txt", '---\nmodel: m/x\ninput: {schema: {x: string}}\n---\n{{role "system"}}Hi {{x}}\n'),
    ("dotprompt", "a.md", "---\r\nmodel: m/x\r\n---\r\n{{#each xs}}{{this}}{{/each}}\r\n"),
    ("promptsource", "a.yaml", "dataset: d\ntemplates:\n  x: !Template\n    jinja: Hi ||| x\n"),
    ("langfuse", "a.json", '{"name": "x", "prompt": "Hi {{y}}", "type": "text", "labels": [], "config": {}}'),
    ("langfuse", "b.json", '[{"name": "x", "version": 1, "prompt": [{"role": "user", "content": "Hi"}]}]'),
    ("prompt-flow", "flow.dag.yaml", "nodes: []"),
    ("prompt-flow", "a.yaml", "inputs: {}\noutputs: {a: {reference: '${x.output}'}}\nnodes: [{name: x}]\n"),
    ("github-models", "a.prompt.yml", "messages: []"),
    ("github-models", "a.yaml", "messages:\n- {role: user, content: Hi}\nmodel: openai/gpt-4o\nevaluators: []\n"),
    ("llm", "a.yaml", "system: Be kind\nprompt: Hi $x\nmodel: gpt-4o\n"),
    ("lm-eval", "a.yaml", "task: x\ndataset_path: y\noutput_type: multiple_choice\n"),
    ("lm-eval", "b.yaml", "task: x\ndoc_to_text: '{{q}}'\n"),
    ("inspect", "a.csv", "input,target\nx,y\n"),
    ("inspect", "a.jsonl", '{"input": "x", "target": "y"}\n'),
    ("openai", "a.json", '{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}'),
    ("openai", "b.json", '{"messages": [{"role": "user", "content": "What is ideal? nodes and edges"}]}'),
    ("openai-prompt", "a.json", '{"id": "pmpt_1", "version": "2", "messages": [{"role": "user", "content": "{{x}}"}]}'),
    ("openai-prompt", "b.json", '{"prompt": {"id": "pmpt_1", "instructions": "Hi {{x}}"}, "model": "gpt-4o"}'),
    (
        "openai-evals",
        "a.json",
        '{"object": "eval", "data_source_config": {}, "testing_criteria": [{"type": "string_check", "input": "x"}]}',
    ),
    (
        "openai-evals",
        "b.json",
        '{"data_source": {"input_messages": {"template": [{"role": "user", "content": "{{item.x}}"}]}, "model": "m"}}',
    ),
    ("openai-evals", "a.jsonl", '{"input": [{"role": "user", "content": "Hi"}], "ideal": "Yo"}\n'),
    ("openai-evals", "a.yaml", "x.v0:\n  class: evals.elsuite.basic.match:Match\n  args: {samples_jsonl: a.jsonl}\n"),
    ("promptfoo-results", "a.json", '{"evalId": "x", "results": {"version": 3, "results": [{"promptIdx": 0}]}}'),
    ("inspect-log", "a.json", '{"version": 2, "eval": {"eval_id": "x", "task": "t", "task_id": "y"}, "samples": []}'),
    ("inspect-log", "a.eval", "PK"),
    ("chainforge", "a.cforge", "{}"),
    (
        "chainforge",
        "a.json",
        '{"flow": {"nodes": [{"id": "p", "type": "prompt", "data": {"prompt": "Hi"}}], "edges": []}, "cache": {}}',
    ),
]
NOTHING = [
    ("a.md", "# Notes\n\nuser stories: none\n"),
    ("a.yaml", "a: 1\n"),
    ("a.png", "messages"),
    ("a.txt", "--- Hi"),
]


@pytest.mark.parametrize(("format_", "name", "text"), FILES, ids=[f"{format_} {name}" for format_, name, _ in FILES])
def test_a_file_is_recognised(format_: str, name: str, text: str) -> None:
    assert guess_format(name, text.encode()) == format_
    if "\r" not in text:
        assert guess_format(name, text.replace("\n", "\r\n").encode()) == format_


@pytest.mark.parametrize(("name", "text"), NOTHING)
def test_other_files_are_none_of_them(name: str, text: str) -> None:
    assert guess_format(name, text.encode()) is None


def test_every_format_is_in_the_table() -> None:
    assert {format_ for format_, _, _ in FILES} == set(IMPORT_FORMATS)

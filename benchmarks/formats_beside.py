"""Files of tools that make one prompt of a file, with the messages that the tool itself makes of them.

The tools are those that the tests compare with (tools/oracles.py, `make node`); a tool that is not installed has no
files. The files are the tables of tests/formats and those in ../shared/cases/formats. The command line tool of GitHub
Models is a Go program and its rule is one line, `as_github_replaces`; llm uses `string.Template`, and lm-eval Jinja.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template as Dollars
from typing import Any

import jinja2
import yaml

from promptlab import templates
from promptlab.formats import Imported
from tools import oracles

SHARED = Path(__file__).resolve().parents[2] / "shared" / "cases" / "formats"

Messages = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Beside:
    """A file, the values of its variables by the tool's names, and the messages that the tool makes.

    `named` are words that the report must have about a difference that is meant.
    """

    name: str
    path: Path
    wanted: frozenset[Messages | None]
    values: Mapping[str, Any] = field(default_factory=dict)
    named: str = ""


def _beside(name: str, path: Path, messages: Any, values: Mapping[str, Any], named: str = "") -> Beside:
    """A file with its messages; None stands for messages that are no text."""
    texts = all(isinstance(text, str) for _, text in messages)
    return Beside(name, path, frozenset([tuple((r, t) for r, t in messages) if texts else None]), values, named)


def ours(imported: Imported, values: Mapping[str, Any]) -> set[Messages]:
    """The messages of the first template with these values; others get their samples."""
    file = next((f for f in imported.files if f.kind == "template"), None)
    if file is None:
        return set()
    template = templates.parse(file.text, path=file.path)
    own = {}
    for entry in imported.report.entries:
        for part in entry.note.split("; "):
            old, is_renamed, new = part.partition("` is the input `")
            own.update({old.strip("`"): new.removesuffix("` here")} if is_renamed else {})
            if entry.field.startswith("$") and part.startswith("the input `"):
                own[entry.field[1:]] = part.split("`")[1]
    given = {own.get(key, key): value for key, value in values.items()}
    used = {key: value for key, value in given.items() if key in template.inputs}
    prompt = templates.render(template, {**templates.sample_inputs(template), **used})
    return {tuple((m.role, m.content) for m in prompt.messages)}


def langfuse() -> Iterator[Beside]:
    """The table of the tests, through Langfuse's Python SDK."""
    from tests.formats.test_langfuse_beside import CASES, PROGRAM

    if not oracles.installed("langfuse"):
        return
    with tempfile.TemporaryDirectory() as outer:
        asked = Path(outer) / "asked.json"
        asked.write_text(json.dumps([[case.prompt, case.values] for case in CASES.values()]), encoding="utf-8")
        answers = json.loads(oracles.run("langfuse", PROGRAM, str(asked)))
        for (name, case), messages in zip(CASES.items(), answers, strict=True):
            kind = "text" if isinstance(case.prompt, str) else "chat"
            path = Path(outer) / "prompts.json"
            path.write_text(json.dumps({"name": "x", "version": 1, "type": kind, "prompt": case.prompt}))
            yield _beside(name, path, messages, case.values)


def prompty() -> Iterator[Beside]:
    """The table of the tests and the shared files, through the prompty of their version."""
    from tests.formats.test_prompty_beside import CASES, file_of, theirs

    for version in (1, 2):
        if not oracles.installed(f"prompty-{version}"):
            continue
        with tempfile.TemporaryDirectory() as outer:
            folder = Path(outer)
            files = [
                (name, file_of(case, folder, f"f{number}"), json.loads(case.values))
                for number, (name, case) in enumerate(CASES.items())
                if case.version == version
            ]
            shared = sorted(SHARED.glob("prompty-*/*.prompty")) if version == 1 else []
            files += [(f"{path.parent.name}/{path.name}", path, {}) for path in shared]
            answers = theirs(version, [(path, values) for _, path, values in files], folder)
            for (name, path, values), messages in zip(files, answers, strict=True):
                if not isinstance(messages, str):  # a text is the error of prompty
                    yield _beside(name, path, messages, values, CASES[name].named if name in CASES else "")


def prompt_flow() -> Iterator[Beside]:
    """The table of the tests, through promptflow-tools."""
    from tests.formats.test_prompt_flow_beside import CASES, PROGRAM, flow

    if not oracles.installed("prompt-flow"):
        return
    with tempfile.TemporaryDirectory() as outer:
        asked = Path(outer) / "asked.json"
        asked.write_text(json.dumps([[case.text, case.values] for case in CASES.values()]), encoding="utf-8")
        answers = json.loads(oracles.run("prompt-flow", PROGRAM, str(asked)))
        for number, ((name, case), messages) in enumerate(zip(CASES.items(), answers, strict=True)):
            folder = Path(outer) / str(number)
            folder.mkdir()
            yield _beside(name, flow(folder, case.text, case.values), messages, case.values)


def github_models() -> Iterator[Beside]:
    """Texts of the tests, with each row of their test data."""
    from tests.formats.test_github_models import FILE, as_github_replaces

    with tempfile.TemporaryDirectory() as outer:
        path = Path(outer) / "triage.prompt.yml"
        path.write_text(FILE, encoding="utf-8")
        raw = yaml.safe_load(FILE)
        for number, row in enumerate(raw["testData"]):
            messages = [(m["role"], as_github_replaces(m["content"], row)) for m in raw["messages"]]
            yield _beside(f"row {number}", path, messages, row)


def dotprompt() -> Iterator[Beside]:
    """The table of the tests, through Google's npm package."""
    from tests.formats.test_dotprompt_beside import CASES, PACKAGE, ask_dotprompt

    if not PACKAGE.exists():
        return
    with tempfile.TemporaryDirectory() as outer:
        answers = ask_dotprompt([(case.source, case.values) for case in CASES.values()], Path(outer))
        for (name, case), answer in zip(CASES.items(), answers, strict=True):
            path = Path(outer) / "t.prompt"
            path.write_bytes(case.source.encode())
            yield _beside(name, path, answer.get("messages", []), case.values)


LLM = {
    "a variable": {"prompt": "About $topic.", "system": "Be ${how}."},
    "dollars": {"prompt": "It costs $$5 and $$x, $input", "defaults": {"how": "kind"}},
    "braces": {"prompt": '{"a": {"b": {}}} {{x}} {% y %} $input'},
    "words of Jinja": {"prompt": "$for $schema $user ${none}"},
    "white space": {"prompt": "\n $input \n\n"},
}


def llm() -> Iterator[Beside]:
    """Templates of llm, through `string.Template`, which llm uses."""
    shared = {f"llm-dollar/{path.name}": path.read_text() for path in sorted(SHARED.glob("llm-dollar/*.yaml"))}
    with tempfile.TemporaryDirectory() as outer:
        for name, text in {**{key: json.dumps(data) for key, data in LLM.items()}, **shared}.items():
            data = yaml.safe_load(text)
            data = {"prompt": data} if isinstance(data, str) else data
            parts = [(role, data[key]) for key, role in (("system", "system"), ("prompt", "user")) if data.get(key)]
            parts += [] if "prompt" in data else [("user", "$input")]
            try:
                names = {name for _, part in parts for name in Dollars(part).get_identifiers()}
                values = {name: f"<{name}>" for name in names} | (data.get("defaults") or {})
                messages = [(role, Dollars(part).substitute(values)) for role, part in parts]
            except ValueError:
                continue  # llm fails, too
            path = Path(outer) / "t.yaml"
            path.write_text(text, encoding="utf-8")
            yield _beside(name, path, messages, values)


LM_EVAL = {
    "a question": ("{{q}}?", {"q": "Why"}),
    "newlines": ("{{q}}\nAnswer:\n", {"q": "Why\n"}),
    "a condition": ("{% if n > 1 %}\nMany\n{% else %}One{% endif %} {{q}}", {"n": 2, "q": "x"}),
    "a loop": ("{% for c in choices %}{{loop.index}}. {{c}}\n{% endfor %}{{q}}", {"choices": ["a", "b"], "q": "x"}),
    "filters": ("{{q|trim|upper}} {{choices|join(', ')}} {{q|replace('x', 'y')}}", {"choices": ["a"], "q": " x "}),
    "a regular expression": ("{{q|regex_replace('[0-9]+', '#')}}", {"q": "a12"}),
}


def lm_eval() -> Iterator[Beside]:
    """Tasks of lm-evaluation-harness, through Jinja with the settings that the harness has."""
    import re

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters["regex_replace"] = lambda text, pattern, by="", count=0: re.sub(pattern, by, text, count=count)
    with tempfile.TemporaryDirectory() as outer:
        for name, (text, values) in LM_EVAL.items():
            path = Path(outer) / "t.yaml"
            data = {"task": "t", "dataset_path": "d", "doc_to_text": text, "doc_to_target": "a"}
            path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
            yield _beside(name, path, [("user", environment.from_string(text).render(values))], values)


def chainforge() -> Iterator[Beside]:
    """The table of the tests: what ChainForge's own `template.ts` made."""
    from tests.formats.test_chainforge import TABLE, flow_of

    with tempfile.TemporaryDirectory() as outer:
        for case in TABLE:
            path = Path(outer) / "f.cforge"
            path.write_text(json.dumps(flow_of(case)), encoding="utf-8")
            prompts = [
                [("system", system)] * (system is not None) + [("user", user)] for system, user in case["printed"]
            ]
            yield Beside(case["name"], path, frozenset(tuple(prompt) for prompt in prompts))


def every_case(imported: Imported) -> set[Messages]:
    """The messages of each template with each of its cases in a suite, or with its samples."""
    suites = [yaml.safe_load(f.text) for f in imported.files if f.kind == "suite"]
    made: set[Messages] = set()
    for file in imported.files:
        if file.kind == "template":
            template = templates.parse(file.text, path=file.path)
            cases = [case["inputs"] for suite in suites if suite["template"] == file.path for case in suite["cases"]]
            for inputs in cases or [templates.sample_inputs(template)]:
                prompt = templates.render(template, inputs)
                made.add(tuple((m.role, m.content) for m in prompt.messages))
    return made

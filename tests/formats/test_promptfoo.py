"""Configurations of promptfoo beside promptfoo: each kind of file, and what promptfoo 0.121.20 made of it.

`promptfoo_kinds.json` has the files of each kind and the prompts that promptfoo rendered (null: it refuses the files).
Every kind renders the same here, or the report says "not understood" about it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.formats import TOOLS, Case, Tally, ask_promptfoo, compare, wanted_of
from promptlab import templates
from promptlab.formats import Imported, ImportFolders, reader_for
from promptlab.formats.promptfoo import config_name
from promptlab.suites import Case as SuiteCase
from promptlab.suites import load_suite
from promptlab.workspace import Workspace
from tests.places import SHARED

KINDS = json.loads((Path(__file__).parent / "promptfoo_kinds.json").read_text(encoding="utf-8"))
PROMPTFOO = Path(__file__).parents[2] / ".node" / "node_modules" / ".bin" / "promptfoo"
ASKED_AGAIN = 4

NAMED = {
    "a bad prompt beside a good one",
    "a date",
    "a filter that is refused",
    "a list that is changed",
    "conversation",
    "include",
    "json chat with an unknown role",
    "json that is no chat",
    "lists of objects, numbers and nothing",
    "messages with parts",
    "values of two kinds",
    "odd: bad json file",
    "odd: braces in values",
    "odd: dollar",
    "odd: emoji",
    "odd: json bare",
    "odd: json number dump",
    "odd: jsonl prompts",
    "odd: loop over number obj",
    "odd: loop var used outside",
    "odd: whole chat in a text var",
    "odd: yaml block",
    "odd: yaml numbers 2",
    "odd: yaml prompt file list",
    "odd: yaml prompt file text",
}
"""The kinds of which a part cannot be had here. The others render equal as a whole."""


def written(kind: dict[str, Any], folder: Path) -> Path:
    """The configuration of a kind, with its files, in `folder`."""
    for name, text in kind["files"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder / "promptfooconfig.yaml"


def imported(config: Path) -> Imported:
    return reader_for("promptfoo")(config, config.name, ImportFolders())


def said(result: Imported, what: str = "not understood") -> dict[str, tuple[int | None, str]]:
    return {entry.field: (entry.line, entry.note) for entry in result.report.entries if entry.what == what}


@pytest.mark.parametrize("kind", KINDS, ids=[kind["name"] for kind in KINDS])
def test_every_kind_renders_as_in_promptfoo_or_is_named(kind: dict[str, Any], tmp_path: Path) -> None:
    config = written(kind, tmp_path)
    if kind["prompts"] is None:
        imported(config)  # promptfoo refuses it; here it is read as far as it goes
        return
    tally = Tally()
    wanted = wanted_of([{"prompt": prompt} for prompt in kind["prompts"]])
    compare(TOOLS["promptfoo"], Case(kind["name"], config, wanted), tally)
    assert tally.silent == []
    assert (tally.equal, len(tally.named)) == ((0, 1) if kind["name"] in NAMED else (1, 0))


@pytest.mark.skipif(not PROMPTFOO.exists(), reason="needs `make node`")
@pytest.mark.parametrize("kind", KINDS[:ASKED_AGAIN], ids=[kind["name"] for kind in KINDS[:ASKED_AGAIN]])
def test_the_table_is_what_promptfoo_makes(kind: dict[str, Any], tmp_path: Path) -> None:
    rendered = ask_promptfoo(str(PROMPTFOO), written(kind, tmp_path))
    assert (None if rendered is None else [row["prompt"] for row in rendered]) == kind["prompts"]


def kind_named(name: str) -> dict[str, Any]:
    return next(kind for kind in KINDS if kind["name"] == name)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_what_cannot_be_had_is_named_with_its_line(name: str, tmp_path: Path) -> None:
    lines = [line for line, _ in said(imported(written(kind_named(name), tmp_path))).values()]
    assert any(lines)


def test_a_bad_prompt_takes_no_good_one_along(tmp_path: Path) -> None:
    result = imported(written(kind_named("a bad prompt beside a good one"), tmp_path))
    texts = [file.text for file in result.files if file.kind == "template"]
    assert len(texts) == 1
    assert "good {{ q }}" in texts[0]


def test_unset_variables_are_named_and_not_made_up(tmp_path: Path) -> None:
    result = imported(written(kind_named("no tests"), tmp_path))
    assert "variable nothing" in said(result, "translated")
    assert "made" not in result.files[0].text


def test_an_expected_column_with_an_assertion_is_no_right_answer(tmp_path: Path) -> None:
    config = tmp_path / "promptfooconfig.yaml"
    config.write_text('prompts: ["Say {{a}}"]\nproviders: [echo]\ntests: t.csv\n', encoding="utf-8")
    rows = 'one,not-contains: sorry\ntwo,is-refusal\nthree,"similar(0.8): hi"\nfour,javascript: 1\nfive,yes\n'
    (tmp_path / "t.csv").write_text(f"a,__expected\n{rows}", encoding="utf-8")
    result = imported(config)
    pool = [json.loads(file.text) for file in result.files if file.kind == "pool"]
    assert [(row["inputs"], row["output"]) for row in pool] == [({"a": "five"}, "yes")]
    named = said(result)
    assert named["t.csv.__expected.is-refusal"][0] == 3
    assert named["t.csv.__expected.javascript"][0] == 5


def test_assertions_of_files_and_of_the_default_test_are_in_the_suite(workspace: Workspace, tmp_path: Path) -> None:
    config = tmp_path / "promptfooconfig.yaml"
    config.write_text(
        'prompts: ["Say {{a}}", "Tell {{a}}"]\nproviders: ["openai:gpt-4o-mini"]\n'
        "defaultTest: {assert: [{type: icontains, value: hey}]}\ntests: [file://t.yaml, {vars: {a: [x, y]}}]\n",
        encoding="utf-8",
    )
    (tmp_path / "t.yaml").write_text(
        "- vars: {a: Bo}\n  assert: [{type: equals, value: 'Hey {{a}}'}]\n", encoding="utf-8"
    )
    result = imported(config)
    for file in result.files:
        full = workspace.root / file.path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(file.text, encoding="utf-8")
    (path,) = [file.path for file in result.files if file.kind == "suite"]
    suite = load_suite(workspace, path)
    assert suite.models == ("gpt-4o-mini",)
    assert [variant.name for variant in suite.variants] == [Path(f.path).stem for f in result.files[:2]]
    cases = [entry for entry in suite.entries if isinstance(entry, SuiteCase)]
    assert [(case.inputs, case.expected) for case in cases] == [
        ({"a": "Bo"}, "Hey Bo"),
        ({"a": "x"}, None),
        ({"a": "y"}, None),
    ]
    assert [[spec.name for spec in case.scorers or ()] for case in cases] == [["regex", "exact"], ["regex"], ["regex"]]


def test_templates_with_different_variables_have_suites_of_their_own(workspace: Workspace, tmp_path: Path) -> None:
    config = tmp_path / "promptfooconfig.yaml"
    config.write_text(
        'prompts: ["Say {{a}}", "Say {{a}} to {{b}}", "Tell {{a}}", "Nothing"]\nproviders: [echo]\n'
        "tests: [{vars: {a: x, b: y}}, {vars: {a: z}}]\n",
        encoding="utf-8",
    )
    result = imported(config)
    for file in result.files:
        full = workspace.root / file.path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(file.text, encoding="utf-8")
    suites = [load_suite(workspace, file.path) for file in result.files if file.kind == "suite"]
    assert [[sorted(entry.inputs) for entry in suite.entries if isinstance(entry, SuiteCase)] for suite in suites] == [
        [["a"], ["a"]],
        [["a", "b"], ["a"]],
        [[], []],
    ]
    assert [len(suite.variants) for suite in suites] == [2, 1, 1]


MODELS = """\
prompts: ["Say {{x}}"]
providers:
  - openai:embedding:text-embedding-3-small
  - openai:image:dall-e-3
  - openai:assistant:asst_1
  - openai:moderation:omni-moderation-latest
  - openai:realtime:gpt-4o-realtime
  - {id: "openai:chat:local", label: one, config: {apiBaseUrl: "http://127.0.0.1:1/v1"}}
  - {id: "openai:chat:local", label: two, config: {apiBaseUrl: "http://127.0.0.1:2/v1"}}
  - {id: "openai:chat:local", config: {apiBaseUrl: "http://127.0.0.1:3/v1"}}
  - openai:gpt-4o
  - openai:responses:gpt-4.1
  - {"openai:chat:o3-mini": {config: {apiKeyEnvar: MY_API_KEY}}}
  - {id: "openai:chat:gpt-4o", config: {apiKeyEnvar: SECRET}}
"""


def test_only_chat_models_come_over_and_two_servers_of_one_name_stay_two(tmp_path: Path) -> None:
    config = tmp_path / "promptfooconfig.yaml"
    config.write_text(MODELS, encoding="utf-8")
    result = imported(config)
    assert {name: (m["model"], m.get("base_url")) for name, m in result.models.items()} == {
        "local": ("local", "http://127.0.0.1:1/v1"),
        "two": ("local", "http://127.0.0.1:2/v1"),
        "local-2": ("local", "http://127.0.0.1:3/v1"),
        "gpt-4o": ("gpt-4o", None),
        "gpt-4.1": ("gpt-4.1", None),
        "o3-mini": ("o3-mini", None),
    }
    assert [line for field, (line, _) in said(result).items() if field.startswith("providers.")] == [3, 4, 5, 6, 7, 14]


def test_providers_in_a_file_are_read(tmp_path: Path) -> None:
    config = tmp_path / "promptfooconfig.yaml"
    config.write_text("prompts: [x]\nproviders: [file://p.yaml, file://q.js, file://none.yaml]\n", encoding="utf-8")
    (tmp_path / "p.yaml").write_text("id: openai:gpt-4o\nconfig: {temperature: 0.5}\n", encoding="utf-8")
    result = imported(config)
    assert list(result.models) == ["gpt-4o"]
    assert {"providers.1", "providers.2"} <= said(result).keys()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["promptfooconfig.yaml"], ["home"]),
        (["promptfooconfig.yaml", "promptfooconfig.b.yaml", "promptfooconfig-b.yaml"], ["home", "home.b", "home-b"]),
        (["promptfooconfig.yaml", "promptfooconfig.json"], ["home", "home.json"]),
        (["other.yaml"], ["other"]),
    ],
)
def test_configurations_of_one_folder_have_names_of_their_own(
    names: list[str], expected: list[str], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in names:
        (home / name).write_text("prompts: [x]\n", encoding="utf-8")
    assert [config_name(home / name) for name in names] == expected


def test_values_with_an_environment_variable_are_named(tmp_path: Path) -> None:
    config = tmp_path / "promptfooconfig.yaml"
    config.write_text('prompts: ["{{a}}"]\ntests: [{vars: {a: "key {{ env.SOME_KEY }}"}}]\n', encoding="utf-8")
    assert "tests.0.vars.a" in said(imported(config))


CORPUS = SHARED / "corpora" / "promptfoo"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs ../shared")
def test_public_configurations_have_no_silent_difference() -> None:
    tally = Tally()
    for stored in sorted(CORPUS.glob("*/rendered.json"))[::4]:
        data = json.loads(stored.read_text(encoding="utf-8"))
        config = stored.parent / "config" / data["config"]
        compare(
            TOOLS["promptfoo"], Case(stored.parent.name, config, wanted_of(data["rendered"]), complete=False), tally
        )
    assert tally.silent == []
    assert tally.equal >= 0.85 * tally.files


def test_a_template_of_an_import_parses(tmp_path: Path) -> None:
    result = imported(written(kind_named("json chat with a loop"), tmp_path))
    template = templates.parse(result.files[0].text, path=result.files[0].path)
    assert template.layout is not None
    assert template.inputs["h"].type == "list"

"""The documents say what the code does: keys, defaults, commands and examples are compared with it."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner
from pydantic import BaseModel
from ruamel.yaml import YAML

from promptlab.cli import suite as cli_suite
from promptlab.cli._main import cli
from promptlab.models._openai._request import CAPABILITIES, api_capabilities
from promptlab.runs import _runner as runner
from promptlab.scorers import _registry as scorers
from promptlab.suites import _file as suite_file
from promptlab.suites import _thresholds as thresholds
from promptlab.suites import _verdict as verdicts
from promptlab.suites._cause import CauseKind
from promptlab.suites._summary import summarise_outcomes
from promptlab.workspace._workspace import LlamaModel, OpenAIModel, Workspace, _File
from tests.places import ROOT

WORKSPACE_DOC = (ROOT / "docs/workspace.md").read_text(encoding="utf-8")
PAGES = sorted(p for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])


def section(heading: str) -> str:
    """The text under `heading` (up to the next one); "" stands for what comes before the first `##`."""
    parts = re.split(r"^## (.+)$", WORKSPACE_DOC, flags=re.MULTILINE)
    return parts[0] if not heading else dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


def table(text: str, *, first: str) -> dict[str, list[str]]:
    """Rows of the table whose first column is called `first`: the word in backticks -> the other cells."""
    rows: dict[str, list[str]] = {}
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[0] == first:
            inside = True
        elif inside and (key := re.fullmatch(r"`(\w+)`", cells[0])):
            assert key[1] not in rows, f"`{key[1]}` is there twice"
            rows[key[1]] = cells[1:]
    return rows


SECTIONS: list[tuple[str, type[BaseModel]]] = [
    ("", _File),
    ("A local model: `backend: llama`", LlamaModel),
    ("An API model: `backend: openai`", OpenAIModel),
]


@pytest.mark.parametrize(("heading", "model"), SECTIONS)
def test_every_key_of_the_workspace_file_is_documented_and_no_other(heading: str, model: type[BaseModel]) -> None:
    assert list(table(section(heading), first="key")) == list(model.model_fields)


@pytest.mark.parametrize(("heading", "model"), SECTIONS[1:])
def test_documented_defaults_are_the_defaults(heading: str, model: type[BaseModel]) -> None:
    for key, (shown, *_) in table(section(heading), first="key").items():
        default: Any = model.model_fields[key].get_default(call_default_factory=True)
        default = list(default) if isinstance(default, tuple) else default
        if shown.startswith("`"):
            assert YAML(typ="safe").load(shown.strip("`")) == default, key
        else:
            assert model.model_fields[key].is_required() or default is None, f"{key} has a default: {default!r}"


def test_every_capability_is_documented_with_what_happens_unless_said_otherwise() -> None:
    rows = table(section(SECTIONS[2][0]), first="capability")
    entry = OpenAIModel(backend="openai", model="m")
    official, other = (api_capabilities("m", entry, official=known) for known in (True, False))
    assert {key: cells[0].startswith("sent") for key, cells in rows.items()} == dict(official)
    assert {key: cells[0] == "sent" for key, cells in rows.items()} == dict(other)


def yaml_blocks(text: str) -> list[str]:
    """Indented blocks of a page."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip("\n") for block in blocks]


def test_every_example_of_a_workspace_file_is_accepted(tmp_path: Path) -> None:
    seen = 0
    for block in yaml_blocks(WORKSPACE_DOC):
        whole = block.startswith(("models:", "labels:"))
        text = block if whole else "models:\n" + re.sub(r"^", "  ", block, flags=re.MULTILINE)
        (tmp_path / "promptlab.yaml").write_text(text, encoding="utf-8")
        loaded = Workspace.load(tmp_path)
        assert loaded.models or loaded.labels, block
        for entry in loaded.models.values():
            assert set(getattr(entry, "capabilities", {})) <= set(CAPABILITIES), block
        seen += 1
    assert seen >= 8


def test_every_dependency_has_its_two_lines_in_decisions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    names = {re.match(r"[\w.-]+", line)[0].lower() for line in wanted}  # type: ignore[index]  # every line has a name
    text = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
    bold = {name.lower() for name in re.findall(r"\*\*([\w.-]+)\*\*", text)}
    # numpy comes with llama-cpp-python and is named there; an extra may be made of others, promptlab[...].
    assert names - bold <= {"numpy", "promptlab"}
    assert all(len(part.strip().splitlines()) == 2 for part in re.findall(r"^\*\*.+?(?:\n\n|\Z)", text, re.S | re.M))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_and_files_named_in_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([\w-]+)`", text)) <= targets
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    named = re.findall(r"`((?:docs|tests|benchmarks|requirements|templates|fixtures)/[\w./-]+\.\w+)`", text)
    missing = [f for f in links if not (page.parent / f).exists()] + [f for f in named if not (ROOT / f).exists()]
    assert not missing


SUITES_DOC, SCORERS_DOC, VERDICTS_DOC, PYTEST_DOC = (
    (ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("suites", "scorers", "verdicts", "pytest")
)
REPOSITORY = Workspace.load(ROOT)


def test_every_key_of_a_suite_file_is_documented_and_no_other() -> None:
    assert list(table(SUITES_DOC, first="key")) == list(suite_file._File.model_fields)


def test_the_suite_that_the_page_shows_is_one() -> None:
    (text,) = [block for block in yaml_blocks(SUITES_DOC) if block.startswith("# fixtures/suites/world-cup.yaml")]
    suite = suite_file.parse_suite(REPOSITORY, text, path="fixtures/suites/shown.yaml")
    assert len(suite.entries) == len(suite.thresholds) == 2


def test_every_verb_of_a_suite_is_documented() -> None:
    named = set(table(SUITES_DOC.replace("import-run", "import_run"), first="verb"))
    assert {name.replace("_", "-") for name in named} == set(cli_suite.suite.commands) - {"list", "runs"}


COMMANDS = re.findall(r"^promptlab suite .*$", SUITES_DOC, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_shown_for_suites_run_and_ask_nobody(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("templates", "fixtures"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "promptlab.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "start_run", lambda *_, **__: pytest.fail("a model was asked"))
    words = shlex.split(command)[1:]
    if "--only-failed" in words:  # which needs an earlier rerun
        words.remove("--only-failed")
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    if "--html" in words:
        assert {path.name for path in (tmp_path / "build").iterdir()} == {"suite.xml", "suite.html"}


def test_every_scorer_is_documented_with_its_options() -> None:
    rows = table(SCORERS_DOC, first="scorer")
    assert list(rows) == [*scorers.FACTORIES, *scorers.MODEL_SCORERS]
    for name, (_, options) in rows.items():
        everywhere = {"at_least"} if name in scorers.MODEL_SCORERS else {"extract", "at_least"}
        assert set(re.findall(r"`(\w+)`", options)) == set(scorers.options_of(name)) - everywhere, name
    passes = {
        name: float(found[1]) for name, (said, _) in rows.items() if (found := re.search(r"from ([\d.]+)$", said))
    }
    assert passes == dict(scorers.PASS_MARKS)


def test_every_example_of_scorers_is_accepted() -> None:
    blocks = [block for block in yaml_blocks(SCORERS_DOC) if block.startswith("scorers:")]
    assert blocks
    for block in blocks:
        for one in YAML(typ="safe").load(block)["scorers"]:
            scorers.build_scorer(scorers.scorer_spec(one), REPOSITORY)


def test_every_verdict_cause_and_threshold_is_documented() -> None:
    kinds = re.findall(r"^\| ([a-z ]+) \| (?!the new answer|difference|holds when)", VERDICTS_DOC, re.MULTILINE)
    assert set(kinds) == {*verdicts.KINDS, *get_args(CauseKind)}
    shown = re.findall(r"^\| `(.+?)` \|", VERDICTS_DOC, re.MULTILINE)
    assert shown == list(thresholds.FORMS)
    for block in yaml_blocks(VERDICTS_DOC):
        if block.startswith("thresholds:"):
            for one in YAML(typ="safe").load(block)["thresholds"]:
                thresholds.parse_threshold(one if isinstance(one, str) else one["require"])


def test_the_sentence_the_page_shows_is_what_is_said_of_such_a_suite() -> None:
    pairs = [(True, True)] * 35 + [(True, False)] * 4 + [(False, True)]
    outcomes = [
        thresholds.Outcome(f"c{n}", "", "m", (), now, float(now), was, float(was)) for n, (was, now) in enumerate(pairs)
    ]
    assert summarise_outcomes(suite_file.load_suite(REPOSITORY, "match-facts"), outcomes).sentence in " ".join(
        VERDICTS_DOC.split()
    )


def test_the_configuration_shown_for_pytest_is_toml_with_the_plugins_option() -> None:
    (block,) = [block for block in yaml_blocks(PYTEST_DOC) if block.startswith("[tool.pytest")]
    assert tomllib.loads(block)["tool"]["pytest"]["ini_options"]["promptlab"] == ["fixtures/suites"]


def test_the_ci_files_shown_are_yaml_whose_commands_exist() -> None:
    blocks = [YAML(typ="safe").load(block) for block in yaml_blocks(PYTEST_DOC) if "jobs:" in block]
    lines = [
        step["run"] for block in blocks for job in block["jobs"].values() for step in job["steps"] if "run" in step
    ]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("promptlab ")]
    assert len(commands) == 2
    for _, verb, *words in commands:
        cli_suite.suite.commands[verb].make_context(verb, words)


def test_commit_hooks_run_from_the_environment_and_clone_nothing() -> None:
    config = YAML(typ="safe").load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    tools = [hook["entry"].split()[0] for hook in hooks]
    assert tools == [".venv/bin/ruff", ".venv/bin/ruff", ".venv/bin/mypy"]

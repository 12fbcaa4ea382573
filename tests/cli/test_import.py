"""`promptlab import` and `promptlab export`, as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from promptlab.cli._main import cli
from promptlab.errors import FormatError, GateRefused
from promptlab.templates import _load as templates
from promptlab.types import Completion, Message, Prompt, Request, Score
from promptlab.types import Result as Answer
from promptlab.workspace._workspace import Workspace

CATALOGUE = """\
models:
  gpt: {backend: openai, model: gpt-4o-mini, api_key_env: SOME_API_KEY}
  here: {backend: openai, model: m, base_url: "http://127.0.0.1:1/v1", clearance: confidential}
labels:
  "fixtures/private/**": confidential
"""
PROMPTFOO = (
    "prompts: ['Sort {{ ticket }}']\ntests: [{vars: {ticket: It burns.}, assert: [{type: equals, value: urgent}]}]\n"
)

Run = Callable[..., Result]


@pytest.fixture
def home(make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    workspace = make_workspace(CATALOGUE, {"incoming/a/promptfooconfig.yaml": PROMPTFOO})
    monkeypatch.chdir(workspace.root)
    monkeypatch.setenv("SOME_API_KEY", "the-key-itself")
    return workspace


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words, catch_exceptions=True)


def test_an_import_writes_template_pool_and_original_and_says_what_became_of_each_field(home: Workspace) -> None:
    done = run("import", "promptfoo", "incoming/a/promptfooconfig.yaml", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    paths = [entry["path"] for entry in report["written"]]
    assert paths == [
        "templates/imported/a.yaml",
        "fixtures/suites/imported/a.yaml",
        "fixtures/imported/a.jsonl",
        "templates/imported/promptfooconfig.yaml.original",
    ]
    assert {entry["label"] for entry in report["written"]} == {"confidential"}
    assert (home.root / paths[3]).read_bytes() == PROMPTFOO.encode()
    fields = {entry["field"] for entry in report["report"]}
    assert fields == {"prompts.0", "tests.0.vars", "tests.0.assert.0", "models of the suite"}
    assert "templates/imported/a.yaml" in templates.template_paths(home)


def test_two_configurations_of_a_folder_are_both_imported_and_neither_overwrites(home: Workspace) -> None:
    for name, text in (("promptfooconfig.yaml", "A {{x}}"), ("promptfooconfig.b.yaml", "B {{x}}")):
        (home.root / "incoming/a" / name).write_text(f"prompts: ['{text}']\ntests: [{{vars: {{x: 1}}}}]\n", "utf-8")
    done = run("import", "promptfoo", "incoming/a", "--json")
    assert done.exit_code == 0, done.output
    paths = [entry["path"] for line in done.output.splitlines() for entry in json.loads(line)["written"]]
    assert len(paths) == len(set(paths)) == 4
    texts = {path: (home.root / path).read_text("utf-8") for path in paths}
    assert "A {{x}}" in texts["templates/imported/a.yaml"]
    assert "B {{x}}" in texts["templates/imported/a.b.yaml"]


def test_a_fault_of_the_reader_is_an_error_of_one_file_of_a_folder(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from promptlab.formats import promptfoo

    whole = promptfoo.read

    def faulty(path: Path, *rest: Any) -> Any:
        if path.name.endswith(".b.yaml"):
            raise ZeroDivisionError("in the middle")
        return whole(path, *rest)

    monkeypatch.setattr(promptfoo, "read", faulty)
    (home.root / "incoming/a/promptfooconfig.b.yaml").write_text(PROMPTFOO, "utf-8")
    done = run("import", "promptfoo", "incoming", "--json")
    assert done.exit_code == 1
    reports = [json.loads(line) for line in done.output.splitlines()]
    assert ["ZeroDivisionError" in report["error"] for report in reports] == [True, False]
    assert (home.root / "templates/imported/a/a.yaml").is_file()


def test_the_page_for_people_of_promptfoo_shows_commands_that_work(home: Workspace) -> None:
    page = (Path(__file__).parents[2] / "docs/coming-from-promptfoo.md").read_text("utf-8")
    shown = page.split("    # tickets/promptfooconfig.yaml\n")[1].split("\nthe commands are:")[0]
    (home.root / "tickets").mkdir()
    text = "".join(f"{line[4:]}\n" for line in shown.splitlines())
    (home.root / "tickets/promptfooconfig.yaml").write_text(text, "utf-8")
    commands = [line for line in page.split("```sh\n")[1].split("```")[0].splitlines() if line]
    for command in commands:
        done = run(*command.split()[1:])
        assert done.exit_code == 0, done.output
    assert "fixtures/suites/imported/tickets.yaml" in done.output or "tickets" in done.output
    template = (home.root / "templates/imported/tickets.yaml").read_text("utf-8")
    assert "{% if hints is iterable %}" in template
    suite = (home.root / "fixtures/suites/imported/tickets.yaml").read_text("utf-8")
    assert suite.count("- id:") == 2
    assert "calm" in (home.root / "fixtures/imported/tickets.jsonl").read_text("utf-8")


@pytest.mark.parametrize(
    ("page", "written"),
    [
        ("coming-from-prompt-flow", {"templates/imported/answers-ask.yaml": "max_tokens: 60"}),
        (
            "coming-from-openai",
            {
                "templates/imported/request.yaml": "{{ question }}",
                "templates/imported/prompt.yaml": "{{ team }}",
                "fixtures/suites/imported/samples.yaml": "template",
            },
        ),
    ],
)
def test_pages_for_people_of_other_tools_show_commands_that_work(
    home: Workspace, page: str, written: dict[str, str]
) -> None:
    text = (Path(__file__).parents[2] / f"docs/{page}.md").read_text("utf-8")
    shown = text.split("\nthe commands are:")[0].split("    # ")[1:]
    for part in shown:
        name, _, body = part.partition("\n")
        file = home.root / name
        file.parent.mkdir(exist_ok=True)
        lines = [line.removeprefix("    ") for line in body.splitlines()]
        file.write_text("\n".join(lines).strip() + "\n", "utf-8")
    for command in text.split("```sh\n")[1].split("```")[0].splitlines():
        done = run(*command.split()[1:])
        assert done.exit_code == 0, done.output
    for path, words in written.items():
        assert words in (home.root / path).read_text("utf-8")


def test_imported_text_is_confidential_until_the_workspace_says_otherwise(home: Workspace) -> None:
    run("import", "promptfoo", "incoming/a/promptfooconfig.yaml")
    refused = run("export", "openai", "templates/imported/a.yaml", "-m", "gpt")
    assert isinstance(refused.exception, GateRefused)
    (home.root / "promptlab.yaml").write_text(CATALOGUE + '  "templates/imported/**": public\n', encoding="utf-8")
    assert run("export", "openai", "templates/imported/a.yaml", "-m", "gpt").exit_code == 0


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("templates/imported/a.yaml", "confidential"),
        ("imported/a/b.txt", "confidential"),
        ("templates/imported", "public"),
        ("templates/reimported/a.yaml", "public"),
    ],
)
def test_what_is_under_a_folder_called_imported_is_confidential(home: Workspace, path: str, label: str) -> None:
    assert home.label_of(path) == label


def test_nothing_is_overwritten_without_force_and_the_same_again_is_fine(home: Workspace) -> None:
    words = ("import", "promptfoo", "incoming/a/promptfooconfig.yaml")
    assert run(*words).exit_code == 0
    assert run(*words).exit_code == 0
    made = home.root / "templates/imported/a.yaml"
    made.write_text("user: mine\n", encoding="utf-8")
    (home.root / "fixtures/imported/a.jsonl").unlink()
    refused = run(*words)
    assert (refused.exit_code, made.read_text(encoding="utf-8")) == (1, "user: mine\n")
    assert not (home.root / "fixtures/imported/a.jsonl").exists(), "all of it or nothing"
    assert run(*words, "--force").exit_code == 0
    assert "Sort" in made.read_text(encoding="utf-8")


def test_a_malformed_file_does_not_stop_the_others_of_a_folder(home: Workspace) -> None:
    for name, text in {"b": "prompts: [", "c": PROMPTFOO}.items():
        (home.root / f"incoming/{name}").mkdir()
        (home.root / f"incoming/{name}/promptfooconfig.yaml").write_text(text, encoding="utf-8")
    done = run("import", "promptfoo", "incoming", "--json")
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert done.exit_code == 1
    assert [bool(row["error"]) for row in rows] == [False, True, False]
    assert "promptfooconfig.yaml:1" in rows[1]["error"] or "promptfooconfig.yaml:2" in rows[1]["error"]
    assert (home.root / "templates/imported/a/a.yaml").exists()
    assert (home.root / "templates/imported/c/c.yaml").exists()


def test_an_import_stays_inside_the_workspace(home: Workspace) -> None:
    refused = run("import", "promptfoo", "incoming/a/promptfooconfig.yaml", "--to", "../outside")
    assert "leads out" in str(refused.exception)
    assert run("import", "promptfoo", "incoming/a/promptfooconfig.yaml", "--to", "mine").exit_code == 0
    assert sorted(p.name for p in (home.root / "mine").iterdir()) == [
        "a.jsonl",
        "a.yaml",
        "promptfooconfig.yaml.original",
    ]


@pytest.mark.parametrize("format_", ["openai", "python", "curl", "openai-batch", "promptfoo"])
@pytest.mark.usefixtures("home")
def test_no_export_holds_a_key(format_: str) -> None:
    done = run("export", format_, "cup", "-m", "gpt")
    assert done.exit_code == 0, done.output
    assert "the-key-itself" not in done.output
    assert ("SOME_API_KEY" in done.output) == (format_ in ("python", "curl", "promptfoo"))


@pytest.mark.usefixtures("home")
def test_the_python_program_sends_what_the_request_says(tmp_path: Path) -> None:
    body = json.loads(run("export", "openai", "cup", "-m", "gpt", "--set", "question=Who 'won'?").stdout)
    program = run("export", "python", "cup", "-m", "gpt", "--set", "question=Who 'won'?").stdout
    (tmp_path / "openai.py").write_text(
        "import json\n"
        "class Chat:\n"
        "    def create(self, **words):\n"
        "        print(json.dumps(words)); raise SystemExit\n"
        "class OpenAI:\n"
        "    def __init__(self, api_key): assert api_key == 'k'\n"
        "    chat = type('C', (), {'completions': Chat()})\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "SOME_API_KEY": "k", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == body
    assert body["messages"][-1]["content"] == "Who 'won'?"


@pytest.mark.usefixtures("home")
def test_the_curl_command_sends_what_the_request_says() -> None:
    words = ("cup", "-m", "gpt", "--set", "question=Who 'won' $HOME `id`?")
    body = json.loads(run("export", "openai", *words).stdout)
    command = run("export", "curl", *words).stdout
    shown = 'curl() { for last; do :; done; printf "%s" "$last"; }\n'
    done = subprocess.run(["sh", "-c", shown + command], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == body


def test_a_batch_has_a_line_for_each_row_and_training_its_answer(home: Workspace) -> None:
    (home.root / "rows.csv").write_text("question,output,other\nWho?,Qatar,x\nWhen?,2022,y\n", encoding="utf-8")
    rows = [
        json.loads(line)
        for line in run("export", "openai-batch", "cup", "-m", "gpt", "--rows", "rows.csv").stdout.splitlines()
    ]
    assert [row["custom_id"] for row in rows] == ["1", "2"]
    assert [row["body"]["messages"][-1]["content"] for row in rows] == ["Who?", "When?"]
    rows = [
        json.loads(line) for line in run("export", "openai-finetune", "cup", "--rows", "rows.csv").stdout.splitlines()
    ]
    assert [row["messages"][-1] for row in rows] == [
        {"role": "assistant", "content": "Qatar"},
        {"role": "assistant", "content": "2022"},
    ]
    assert all([m["role"] for m in row["messages"]] == ["system", "user", "assistant"] for row in rows)


@pytest.mark.parametrize("format_", ["openai-batch", "openai-finetune"])
def test_labelled_rows_pass_the_gate_or_are_refused(home: Workspace, format_: str) -> None:
    (home.root / "fixtures/private").mkdir()
    (home.root / "fixtures/private/rows.csv").write_text("question,output\nWho?,Qatar\n", encoding="utf-8")
    words = ["export", format_, "cup", "--rows", "fixtures/private/rows.csv"]
    model = [] if format_ == "openai-finetune" else ["-m", "gpt"]
    assert isinstance(run(*words, *model).exception, GateRefused)
    allowed = ["--clearance", "confidential"] if format_ == "openai-finetune" else ["-m", "here"]
    assert run(*words, *allowed).exit_code == 0


def answer(text: str, score: float | None, question: str = "Who?") -> Answer:
    request = Request("m", Prompt((Message("user", question),)))
    scores = () if score is None else (Score("exact", score, text, ""),)
    return Answer(text, "r", "m", request, "q", Completion(text), scores=scores)


def test_preferences_pair_the_best_with_the_worst_answer_to_the_same_messages() -> None:
    from promptlab.formats.openai import preference_file

    found = preference_file(
        [answer("no", 0), answer("yes", 1), answer("so", 0.5), answer("x", 1, "Other?"), answer("y", None)]
    )
    (row,) = [json.loads(line) for line in found.splitlines()]
    assert row["input"]["messages"] == [{"role": "user", "content": "Who?"}]
    assert row["preferred_output"] == [{"role": "assistant", "content": "yes"}]
    assert row["non_preferred_output"] == [{"role": "assistant", "content": "no"}]


def test_answers_of_a_run_become_training_files(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from promptlab.scorers._registry import COMPARE_SCORERS

    house.model("good", ["Argentina"])
    house.model("bad", ["Peru"])
    trials = house.trials(expected="Argentina")
    (run_id,) = {result.run_id for result in house.ask(trials, scorers=[COMPARE_SCORERS["exact"]()])}
    monkeypatch.chdir(house.workspace.root)
    (row,) = run("export", "openai-finetune", "--run", run_id).stdout.splitlines()
    assert json.loads(row)["messages"][-1]["content"] == "Argentina"
    (row,) = run("export", "openai-preferences", "--run", run_id).stdout.splitlines()
    assert json.loads(row)["non_preferred_output"][0]["content"] == "Peru"
    nothing = run("export", "openai-finetune", "--run", run_id[:8], "--min-score", "0").stdout.splitlines()
    assert len(nothing) == 2


def test_an_output_file_is_not_overwritten(home: Workspace) -> None:
    assert run("export", "prompty", "cup", "-o", "cup.prompty").exit_code == 0
    assert isinstance(run("export", "prompty", "cup", "-o", "cup.prompty").exception, FormatError)
    assert run("export", "prompty", "cup", "-o", "cup.prompty", "--force").exit_code == 0
    assert run("import", "prompty", "cup.prompty").exit_code == 0
    made = home.root / "templates/imported/cup.yaml"
    assert made.read_bytes() == (home.root / "templates/cup.yaml").read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("export", "prompty"),
        ("export", "prompty", "cup", "cup"),
        ("export", "openai", "cup"),
        ("export", "openai", "cup", "-m", "nope"),
        ("export", "openai-preferences", "cup"),
        ("export", "nope", "cup"),
        ("import", "promptfoo", "not-there.yaml"),
        ("import", "nope", "promptlab.yaml"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("home")
def test_wrong_words_are_a_wrong_command_line(words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_an_answer_that_is_not_judged_is_in_no_export_for_training() -> None:
    from promptlab.formats.openai import preference_file

    def scored(text: str, *values: float | None) -> Answer:
        scores = tuple(Score("contains", value, text, "") for value in values)
        return replace(answer(text, None), scores=scores)

    (row,) = preference_file(
        [scored("good", 1.0), scored("fair", 0.5), scored("filtered", None), scored("half", 0.0, None)]
    ).splitlines()
    assert "fair" in json.loads(row)["non_preferred_output"][0]["content"]
    assert preference_file([scored("good", 1.0), scored("unjudged", None)]) == ""

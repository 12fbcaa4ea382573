"""`promptlab export` of rows to train on: each source in each shape, without test cases, and only what may be seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from promptlab.cli._main import cli
from promptlab.errors import FormatError, GateRefused
from promptlab.finetune import MATRICES
from promptlab.formats import PAIR_FORMATS, ROW_FORMATS
from promptlab.runs import Rating
from promptlab.workspace import Workspace
from tests.conftest import CATALOGUE, House

ROWS = {
    "cup": ("How many goals did Messi score?", "seven"),
    "keeper": ("Which keeper won the golden glove?", "Martínez"),
    "leaked": ("WHO was the coach of Argentina", "Scaloni"),
    "empty stadium": ("Where was the final played?", "Lusail"),
}
SUITE = {
    "template": "templates/cup.yaml",
    "models": ["good"],
    "scorers": ["exact"],
    "cases": [
        {"id": "c1", "inputs": {"question": "Who was the coach of Argentina?"}, "expected": "Scaloni"},
        {"id": "c2", "inputs": {"question": "Which team came third?"}, "expected": "Croatia"},
    ],
}


@pytest.fixture
def home(house: House, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with a pool of which one row is a test case, and that pool in a folder of confidential files."""
    root = house.workspace.root
    monkeypatch.chdir(root)
    pool = [{"id": key, "inputs": {"question": text}, "output": answer} for key, (text, answer) in ROWS.items()]
    csv = "".join(f'"{text}",{answer}\n' for text, answer in ROWS.values())
    files = {
        "promptlab.yaml": CATALOGUE + 'labels: {"fixtures/private/**": confidential}\n',
        "fixtures/rows.csv": f"question,output\n{csv}",
        "fixtures/train.jsonl": "".join(json.dumps(row) + "\n" for row in pool),
        "fixtures/private/train.jsonl": "".join(json.dumps(row) + "\n" for row in pool),
        "fixtures/suites/questions.yaml": json.dumps(SUITE),
        "fixtures/suites/other.yaml": json.dumps({**SUITE, "cases": [SUITE["cases"][1]]}),
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return house.workspace


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["export", *words], catch_exceptions=True)


def lines(*words: str) -> list[Any]:
    done = run(*words)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def messages_of(row: dict[str, Any]) -> list[dict[str, str]]:
    """The messages of a row in any of the shapes, with the answer last."""
    messages = row.get("messages") or row.get("conversations") or [*row["prompt"], *row["completion"]]
    return [{key: message[key] for key in ("role", "content")} for message in messages]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("format_", ROW_FORMATS)
@pytest.mark.parametrize(
    ("source", "answers"),
    [
        (("--data", "fixtures/train.jsonl"), ["seven", "Martínez", "Lusail"]),
        (("--rows", "fixtures/rows.csv"), ["seven", "Martínez", "Lusail"]),
        (("--data", "fixtures/train.jsonl", "--suite", "other"), ["seven", "Martínez", "Scaloni", "Lusail"]),
        (("--data", "fixtures/train.jsonl", "--with-test-cases"), ["seven", "Martínez", "Scaloni", "Lusail"]),
        (("--rows", "fixtures/rows.csv", "--with-test-cases"), ["seven", "Martínez", "Scaloni", "Lusail"]),
        (("--data", "suite:questions", "--suite", "other"), ["Scaloni"]),
        ((), ["Qatar", "France"]),
    ],
)
def test_each_source_is_written_in_each_shape_without_test_cases(
    format_: str, source: tuple[str, ...], answers: list[str]
) -> None:
    rows = [messages_of(row) for row in lines(format_, "cup", *source)]
    assert [row[-1] for row in rows] == [{"role": "assistant", "content": answer} for answer in answers]
    assert all([message["role"] for message in row] == ["system", "user", "assistant"] for row in rows)
    assert all("Who hosted it?" not in row[0]["content"] for row in rows)  # no shots


@pytest.mark.usefixtures("home")
def test_the_shapes_are_those_of_the_trainers() -> None:
    rows = {format_: lines(format_, "cup", "--data", "fixtures/train.jsonl")[0] for format_ in ROW_FORMATS}
    whole = rows["openai-finetune"]["messages"]
    assert rows["trl"] == {"prompt": whole[:-1], "completion": whole[-1:]}
    assert rows["unsloth"] == {"conversations": whole}
    assert rows["axolotl"] == {"messages": [{**m, "train": m["role"] == "assistant"} for m in whole]}


@pytest.mark.usefixtures("home")
def test_what_is_left_out_is_said_with_the_reason() -> None:
    done = run("trl", "cup", "--data", "fixtures/train.jsonl")
    assert "leaked is left out: the same as the test case" in done.stderr
    assert done.stderr.count("left out") == 1
    Path("leaks.csv").write_text("question,output\nWho was the coach of Argentina?,Scaloni\n", encoding="utf-8")
    done = run("unsloth", "cup", "--rows", "leaks.csv")
    assert isinstance(done.exception, FormatError)
    assert "--with-test-cases" in done.exception.hint
    assert isinstance(run("unsloth", "cup", "--data", "suite:other").exception, FormatError)


def test_an_article_that_all_rows_are_about_makes_none_a_test_case(
    make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    article = "The final was played in Lusail. " * 40
    template = "inputs:\n  article: {type: string}\n  question: {type: string}\ninstructions: Answer.\n"
    rows = [{"article": article, "question": text} for text, _ in ROWS.values()]
    pool = [{"id": str(n), "inputs": row, "output": "x"} for n, row in enumerate(rows)]
    cases = [{"id": "c1", "inputs": {"article": article, "question": ROWS["leaked"][0]}, "expected": "x"}]
    suite = {"template": "templates/read.yaml", "models": ["m"], "scorers": ["exact"], "cases": cases}
    files = {
        "templates/read.yaml": template,
        "pool.jsonl": "".join(json.dumps(row) + "\n" for row in pool),
        "fixtures/suites/s.yaml": json.dumps(suite),
    }
    monkeypatch.chdir(make_workspace(files=files).root)
    for source in ("--data", "--rows"):
        done = run("trl", "read", source, "pool.jsonl")
        assert (done.exit_code, len(done.stdout.splitlines())) == (0, 3), done.output
        assert "2 is left out: the same as the test case" in done.stderr


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("format_", ROW_FORMATS)
@pytest.mark.parametrize("source", ["--data", "--rows"])
def test_labelled_rows_need_the_clearance(format_: str, source: str) -> None:
    words = (format_, "cup", source, "fixtures/private/train.jsonl")
    assert isinstance(run(*words).exception, GateRefused)
    assert isinstance(run(*words, "--clearance", "internal").exception, GateRefused)
    assert len(lines(*words, "--clearance", "confidential")) == 3
    assert not Path("out.jsonl").exists()


@pytest.mark.usefixtures("home")
def test_axolotl_gets_its_configuration_beside_the_rows() -> None:
    words = ("axolotl", "cup", "--data", "fixtures/train.jsonl", "-o", "out.jsonl")
    done = run(*words, "--base", "HuggingFaceTB/SmolLM2-135M-Instruct")
    assert done.exit_code == 0, done.output
    config = yaml.safe_load(Path("out.axolotl.yml").read_text(encoding="utf-8"))
    assert config["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    (data,) = config["datasets"]
    assert (data["path"], data["type"], data["message_field_training"]) == ("out.jsonl", "chat_template", "train")
    assert config["lora_target_modules"] == list(MATRICES)
    assert len(Path("out.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    Path("out.jsonl").unlink()
    assert isinstance(run(*words).exception, FormatError)  # the configuration is there already
    assert not Path("out.jsonl").exists()
    assert run(*words, "--force").exit_code == 0
    assert "choose-a-model" in Path("out.axolotl.yml").read_text(encoding="utf-8")


def rated_run(house: House) -> str:
    """A run with a good and a bad answer to a test case, and to another question; the good ones are rated so, too."""
    house.model("good", ["right"])
    house.model("bad", ["wrong"])
    trials = [
        trial
        for question in ("Which team came third?", "How many goals did Mbappé score?")
        for trial in house.trials(question=question, expected="right")
    ]
    from promptlab.scorers._registry import COMPARE_SCORERS

    results = house.ask(trials, scorers=[COMPARE_SCORERS["exact"]()])
    for result in results:
        house.store.ratings.rate(Rating(result.id, "good" if result.text == "right" else "bad"))
    return results[0].run_id


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("format_", PAIR_FORMATS)
@pytest.mark.parametrize("of_run", [True, False])
def test_pairs_are_written_in_each_shape_without_test_cases(house: House, format_: str, of_run: bool) -> None:
    run_id = rated_run(house)
    source = ("--run", run_id) if of_run else ()
    (row,) = lines(format_, *source)
    if format_ == "trl-preferences":
        prompt, chosen, rejected = row["prompt"], row["chosen"], row["rejected"]
    else:
        prompt, chosen, rejected = row["input"]["messages"], row["preferred_output"], row["non_preferred_output"]
    assert prompt[-1]["role"] == "user"
    assert "Mbappé" in prompt[-1]["content"]
    assert (chosen, rejected) == tuple([{"role": "assistant", "content": text}] for text in ("right", "wrong"))
    assert "answers to a question are left out: the same as the test case" in run(format_, *source).stderr
    assert len(lines(format_, *source, "--with-test-cases")) == 2


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("format_", ROW_FORMATS)
def test_answers_of_a_run_and_ratings_are_written_without_test_cases(house: House, format_: str) -> None:
    run_id = rated_run(house)
    for words in (("--run", run_id), ("cup", "--data", "ratings")):
        (row,) = [messages_of(row) for row in lines(format_, *words)]
        assert row[-1]["content"] == "right"
        assert "Mbappé" in row[-2]["content"]
    assert len(lines(format_, "--run", run_id, "--with-test-cases")) == 2


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "words",
    [
        ("trl",),
        ("trl", "cup", "cup"),
        ("trl", "cup", "--data", "fixtures/train.jsonl", "--rows", "fixtures/rows.csv"),
        ("trl", "cup", "--data", "ratings", "--run", "1"),
        ("trl-preferences", "cup"),
        ("prompty", "cup", "--data", "fixtures/train.jsonl"),
        ("openai-batch", "cup", "--data", "fixtures/train.jsonl"),
    ],
    ids=" ".join,
)
def test_wrong_words_are_a_wrong_command_line(words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


@pytest.mark.usefixtures("home")
def test_a_suite_that_cannot_be_read_stops_the_export() -> None:
    """Its cases would be trained on."""
    Path("fixtures/suites/broken.yaml").write_text("template: [\n", encoding="utf-8")
    assert run("trl", "cup", "--data", "fixtures/train.jsonl").exit_code == 1
    assert len(lines("trl", "cup", "--data", "fixtures/train.jsonl", "--with-test-cases")) == 4
    assert len(lines("trl", "cup", "--data", "fixtures/train.jsonl", "--suite", "questions")) == 3

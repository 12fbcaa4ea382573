"""Scorers named after a paper give what the paper's own script gives: on a table, and on random rows where it is.

The table is made by benchmarks/paper_scorers.py. Random rows need PROMPTLAB_ORACLE_PYTHON and PROMPTLAB_ORACLE_SCRIPTS,
a Python and a folder as described there.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import paper_scorers
from promptlab.errors import InputError
from promptlab.scorers import build_scorer, pass_mark, scorer_spec
from promptlab.workspace import Workspace
from tests.places import ROOT

TABLE = [
    json.loads(line) for line in Path(__file__).with_name("paper_scores.jsonl").read_text(encoding="utf-8").splitlines()
]


def value_of(row: dict[str, Any]) -> float:
    spec = scorer_spec({row["scorer"]: row["options"]})
    score = build_scorer(spec, Workspace(Path(), {}, {}))(row["answer"], row["expected"])
    assert score.scorer == row["scorer"]
    assert score.reason
    return score.value


@pytest.mark.parametrize("name", sorted(paper_scorers.REFERENCES))
def test_a_scorer_gives_what_its_reference_gives(name: str) -> None:
    rows = [row for row in TABLE if row["scorer"] == name]
    assert len(rows) >= 60
    assert {row["value"] for row in rows} >= {0.0, 1.0}
    assert [row for row in rows if value_of(row) != pytest.approx(row["value"])] == []


def test_the_table_has_the_rows_of_its_script() -> None:
    kept = [{key: row[key] for key in ("scorer", "options", "answer", "expected")} for row in TABLE]
    assert kept == list(paper_scorers.rows())


def test_the_second_references_differ_only_where_the_document_says_so() -> None:
    differ = [row for row in TABLE if "also" in row and row["also"] != pytest.approx(row["value"], abs=1e-6)]
    assert Counter(row["scorer"] for row in differ) == {"squad_em": 2, "squad_f1": 2, "gsm8k": 3}
    for row in differ:
        if row["scorer"] == "gsm8k":  # a full stop, which the script of the data set keeps
            assert row["answer"].endswith(".")
        else:  # an empty text beside others, which SQuAD 2.0 leaves out
            assert "" in row["expected"]


PIECES = [
    "ANSWER", "Answer", ":", " ", "B", "A", "C", "b", ",", ".", "**", "$", "(", ")", "\n", "and", "AND", "\\boxed{",
    "}",
    "#### ", "72", "-", "1,234", "$", "$1.50", ".", "the", "a", "an", "The", "Denver", "denver", "Broncos", "_", "’",
    "`",
    "´", "é", "ß", "İ", "1", "0.5", "\u00a0", "\t", "x", "E", "D", "²", "٣",
]  # fmt: skip


def random_rows(count: int) -> Iterator[dict[str, Any]]:
    pick = random.Random(16)
    for _ in range(count):
        name = pick.choice(sorted(paper_scorers.REFERENCES))
        answer = "".join(pick.choices(PIECES, k=pick.randint(0, 9)))
        options: dict[str, Any] = {}
        expected: Any = ["".join(pick.choices(PIECES, k=pick.randint(0, 3))) for _ in range(pick.randint(1, 3))]
        if name == "gsm8k":
            options, expected = (
                {"match": pick.choice(["strict", "flexible"])},
                pick.choice(["72", 1234, "1,234", "-72"]),
            )
        if name == "multiple_choice":
            answer = pick.choice(["", "ANSWER: ", "so\nANSWER: B", "answer:"]) + answer
            options, expected = pick.choice([({}, "B"), ({"several": True}, "AC")])
        yield {"scorer": name, "options": options, "answer": answer, "expected": expected}


@pytest.mark.skipif(
    not os.environ.get("PROMPTLAB_ORACLE_PYTHON") or not os.environ.get("PROMPTLAB_ORACLE_SCRIPTS"),
    reason="needs the references: see benchmarks/paper_scorers.py",
)
def test_a_scorer_gives_what_its_reference_gives_on_random_answers(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in random_rows(5_000)), encoding="utf-8")
    program = [os.environ["PROMPTLAB_ORACLE_PYTHON"], str(ROOT / "benchmarks/paper_scorers.py")]
    done = subprocess.run(
        [*program, "--scripts", os.environ["PROMPTLAB_ORACLE_SCRIPTS"], "--rows", str(rows)],
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    judged = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(judged) == 5_000
    assert [row for row in judged if value_of(row) != pytest.approx(row["value"])] == []


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("squad_em", {}, None),
        ("squad_f1", {}, []),
        ("triviaqa_em", {}, {"aliases": ["x"]}),
        ("gsm8k", {}, "seventy-two"),
        ("gsm8k", {}, None),
        ("gsm8k", {}, True),
        ("gsm8k", {}, "72 clips"),
        ("gsm8k", {"match": "last"}, 72),
        ("multiple_choice", {}, "E"),
        ("multiple_choice", {}, "AC"),
        ("multiple_choice", {}, ""),
        ("multiple_choice", {}, []),
        ("multiple_choice", {"choices": 1}, "A"),
        ("multiple_choice", {"choices": "ABCD"}, "A"),
        ("multiple_choice", {"several": True}, ["A", "E"]),
    ],
)
def test_what_cannot_be_compared_with_is_refused_and_never_a_wrong_answer(
    name: str, options: dict[str, Any], expected: Any
) -> None:
    with pytest.raises(InputError):
        value_of({"scorer": name, "options": options, "answer": "ANSWER: A\n#### 72", "expected": expected})


@pytest.mark.parametrize(
    ("name", "options", "answer", "expected", "value"),
    [
        ("squad_em", {}, "Beatles", ["the Beatles", "x"], 1),
        ("gsm8k", {}, "#### 72", 72.0, 1),
        ("gsm8k", {}, "#### 72", [71, 72], 1),
        ("multiple_choice", {"choices": 5}, "ANSWER: E", "e", 1),
        ("multiple_choice", {}, "ANSWER: A", ["B", "A"], 1),
        ("multiple_choice", {"several": True}, "ANSWER: A, C", ["A", "C"], 1),
        ("multiple_choice", {"several": True}, "ANSWER: A", ["A", "C"], 0),
    ],
)
def test_what_is_expected_may_be_a_list(
    name: str, options: dict[str, Any], answer: str, expected: Any, value: int
) -> None:
    assert value_of({"scorer": name, "options": options, "answer": answer, "expected": expected}) == value


def test_half_of_the_words_pass() -> None:
    assert pass_mark(scorer_spec("squad_f1")) == 0.5
    assert pass_mark(scorer_spec({"squad_f1": {"at_least": 0.8}})) == 0.8
    assert pass_mark(scorer_spec("squad_em")) == 1

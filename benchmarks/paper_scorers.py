"""What the papers' own scripts say of a table of answers: squad_em, squad_f1, triviaqa_em, gsm8k, multiple_choice.

    python benchmarks/paper_scorers.py --scripts FOLDER > tests/scorers/paper_scores.jsonl
    python benchmarks/paper_scorers.py --scripts FOLDER --rows MORE.jsonl

Run it with a Python that has `inspect_ai`, `lm_eval`, `torchmetrics` and `torch`, but needs no promptlab. FOLDER holds
three scripts, under these names:

    evaluate_v2_0.py                rajpurkar/SQuAD-explorer: evaluate-v2.0.py
    triviaqa_evaluation.py          mandarjoshi90/triviaqa: evaluation/triviaqa_evaluation.py, and its folder utils/
    grade_school_math_dataset.py    openai/grade-school-math: grade_school_math/dataset.py

tests/scorers/test_paper_scores.py compares promptlab's scorers with the table, and with the scripts where they are.
`also` is what a second reference says; where it differs, docs/scorers.md says which of the two the scorer follows.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Row = dict[str, Any]

QUESTIONS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        "Denver Broncos",
        (
            "Denver Broncos", "denver broncos.", "The Denver Broncos", "the broncos", "Denver", "Denver Broncos won",
            "It was the Denver Broncos", "", "the", ".", "Denver-Broncos", "Denver_Broncos", "Denver\nBroncos",
            "broncos denver", "Denver Denver", "“Denver Broncos”", "**Denver Broncos**", "Denver Broncos\u200b",
        ),
    ),
    (
        ["The Beatles", "Beatles", "the Fab Four"],
        ("Beatles", "a Beatles", "The  Beatles!", "fab four", "Fab-Four", "The Rolling Stones", "four", "beatle",
        "BEATLES"),
    ),
    ("", ("", "the", "...", "unanswerable", "No answer", " ", "a an the")),
    (["", "Paris"], ("", "Paris", "paris, France", "the")),
    ("The", ("", "the", "The Who", "x")),
    ("U.S.A.", ("USA", "U.S.A", "U S A", "usa!", "us a", "United States")),
    ("Luka Modrić", ("Luka Modric", "luka modrić", "Modrić", "LUKA MODRIĆ", "Luka Modric\u0301")),
    (["O’Hare", "O'Hare", "ORD"], ("O'Hare", "O’Hare", "OHare", "O Hare", "ohare airport", "`ORD`", "ord´", "‘ORD’")),
    ("10,000", ("10000", "10,000", "10 000", "10.000", "１０，０００", "10000.0", "ten thousand")),
    ("Straße", ("STRASSE", "straße", "STRAẞE", "Strasse")),
    ("a cat and an owl", ("cat and owl", "A cat, and an owl.", "the cat", "owl and cat", "cat owl", "an a the")),
    ("C++", ("C", "C#", "c++", "C ++")),
    ("x_y", ("x y", "xy", "x_y", "X-Y")),
)  # fmt: skip
"""Expected texts, each with answers, for SQuAD and TriviaQA."""

MATHS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        "72",
        (
            "#### 72", "48/2 = 24\n48+24 = 72\n#### 72", "#### 72.", "#### 72.0", "####72", "####  72", "### 72", "72",
            "The answer is 72.", "#### 72\nQuestion: 5 apples\n#### 5", "#### 5\n#### 72", "#### $72", "$72", "$72.00",
            "72 clips", "#### -72", "It is 72, not 71", "#### 72 clips", "\\boxed{72}", "", "no number", "#### ",
            "#### .",
            "72%", "7 2", "x=72", "-72", "72-", "72...", "#### 72,", "10-3=72", "The total is $72.", "7,2", "2+70=72",
        ),
    ),
    ("She sold 70000/1000 = 70.\n#### 70,000", ("#### 70,000", "#### 70000", "70,000", "$70,000.00", "70.000",
    "#### 70,000.")),
    (1234, ("#### 1,234", "1,234", "1234.", "#### 1,23,4", "$1,234", "1.234", "#### 1234")),
    ("-5", ("#### -5", "-5", "−5", "#### 5", "10-5", "it is -5.")),
    ("3.5", ("#### 3.5", "3.5", "3.50", "#### 3.5.", ".5", "3,5")),
    ("$18", ("#### 18", "$18", "18 dollars", "#### $18", "18$")),
    (5, ("5", "#### 5", "a 5", "#### 05", "5!", "5.")),
)  # fmt: skip
"""Expected numbers, each with answers, for GSM8K."""

LETTERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "B",
        (
            "ANSWER: B", "Answer: B", "answer:b", "ANSWER : B", "ANSWER: B.", "ANSWER: (B)", "ANSWER: **B**",
            "ANSWER: $B$",
            "**ANSWER: B**", "B", "The answer is B.", "ANSWER: A", "ANSWER: E", "ANSWER: B\n", "ANSWER: A\nANSWER: B",
            "ANSWER: B\nANSWER: A", "I think.\nANSWER: B", "I think ANSWER: B", "ANSWER: B because a car moves",
            "ANSWER: B, because", "ANSWER: B,", "ANSWER: A, B", "ANSWER: AB", "ANSWER: B) a dog", "ANSWER:", "",
            "ANSWER: 2",
            "ANSWER: B - a dog", "Final ANSWER: B", "ANSWER: 'B'", "ANSWER: \\boxed{B}", "ANSWER: b", "ANSWER: B A",
            "ANSWER: none", "ANSWER: A and B", "the answer: b.", "Answer: B\nExplanation: A is wrong", "ANSWER:\nB",
            "ANSWER: $\\boxed{B}$",
            "ANSWER: [B]", "ANSWER: В", "ANSWER: Ｂ", "> ANSWER: B", "- ANSWER: B", "ANSWER: B!",
        ),
    ),
    (
        "AC",
        (
            "ANSWER: A, C", "ANSWER: AC", "ANSWER: A and C", "ANSWER: C, A", "ANSWER: A C", "ANSWER: A",
            "ANSWER: A, C,",
            "ANSWER: A, B, C", "ANSWER: (A), (C)", "ANSWER: **A, C**", "ANSWER: a,c", "ANSWER: A, and C",
            "ANSWER: A & C",
            "ANSWER: A, E", "A, C", "ANSWER: A,C.", "ANSWER: $A, C$", "ANSWER: C\nANSWER: A, C", "ANSWER: A; C",
            "ANSWER: ,",
        ),
    ),
)  # fmt: skip
"""Expected letters, each with answers; two letters are for questions with several right choices."""


def rows() -> Iterator[Row]:
    """The table without what the references say."""
    for expected, answers in QUESTIONS:
        for name in ("squad_em", "squad_f1", "triviaqa_em"):
            for answer in answers:
                yield {"scorer": name, "options": {}, "answer": answer, "expected": expected}
    for expected, answers in MATHS:
        for match in ("strict", "flexible"):
            for answer in answers:
                yield {"scorer": "gsm8k", "options": {"match": match}, "answer": answer, "expected": expected}
    for letters, answers in LETTERS:
        for answer in answers:
            several = {"several": True} if len(letters) > 1 else {}
            yield {"scorer": "multiple_choice", "options": several, "answer": answer, "expected": letters}


def golds(expected: Any) -> list[str]:
    return [str(gold) for gold in expected] if isinstance(expected, list) else [str(expected)]


def squad(scripts: Path, name: str) -> Callable[[Row], Row]:
    """SQuAD 2.0's script on a data set of one question; torchmetrics, which follows the script of 1.1, says `also`."""
    script = imported(scripts, "evaluate_v2_0")
    other = importlib.import_module("torchmetrics.functional.text.squad").squad

    def says(row: Row) -> Row:
        texts = golds(row["expected"])
        answers = [{"text": text} for text in texts]
        dataset = [{"paragraphs": [{"qas": [{"id": "1", "answers": answers}]}]}]
        exact, f1 = script.get_raw_scores(dataset, {"1": row["answer"]})
        target = {"id": "1", "answers": {"text": texts, "answer_start": [0] * len(texts)}}
        also = other([{"id": "1", "prediction_text": row["answer"]}], [target])
        key, value = ("exact_match", exact["1"]) if name == "squad_em" else ("f1", f1["1"])
        return {"value": float(value), "also": round(float(also[key]) / 100, 6)}

    return says


def triviaqa(scripts: Path) -> Callable[[Row], Row]:
    script = imported(scripts, "triviaqa_evaluation")

    def says(row: Row) -> Row:
        truths = [script.normalize_answer(gold) for gold in golds(row["expected"])]
        return {
            "value": float(script.metric_max_over_ground_truths(script.exact_match_score, row["answer"], truths)),
        }

    return says


def gsm8k(scripts: Path) -> Callable[[Row], Row]:
    """The filters and the metric of the task in lm-evaluation-harness; the script of the data set says `also`."""
    yaml = importlib.import_module("yaml")
    task = Path(importlib.import_module("lm_eval").__file__ or "").parent / "tasks/gsm8k/gsm8k.yaml"
    config = yaml.safe_load(task.read_text(encoding="utf-8"))
    filters = importlib.import_module("lm_eval.filters.extraction")
    metric = importlib.import_module("lm_eval.api.metrics").exact_match_hf_evaluate
    options = {key: value for key, value in config["metric_list"][0].items() if key.startswith(("ignore", "regexes"))}
    own = imported(scripts, "grade_school_math_dataset")

    def says(row: Row) -> Row:
        kind = "strict-match" if row["options"]["match"] == "strict" else "flexible-extract"
        (steps,) = (each["filter"] for each in config["filter_list"] if each["name"] == kind)
        regex = {key: value for key, value in steps[0].items() if key != "function"}
        ((found,),) = filters.RegexFilter(**regex).apply([[row["answer"]]], [{}])
        value = metric([found], [str(row["expected"])], **options)["exact_match"]
        gold = str(row["expected"])
        full = gold if "####" in gold else f"#### {gold}"
        wanted = own.extract_answer(full)  # the script needs one
        also = {"also": float(own.extract_answer(row["answer"]) == wanted)} if wanted != own.INVALID_ANS else {}
        return {"value": float(value)} | (also if kind == "strict-match" else {})

    return says


def multiple_choice(_scripts: Path) -> Callable[[Row], Row]:
    parse = importlib.import_module("inspect_ai.solver._multiple_choice").parse_answers

    def says(row: Row) -> Row:
        several = bool(row["options"].get("several"))
        state = SimpleNamespace(output=SimpleNamespace(completion=row["answer"]), choices=[None] * 4)
        return {"value": float(parse(state, several) == set(row["expected"]))}

    return says


def imported(scripts: Path, name: str) -> Any:
    sys.path.insert(0, str(scripts))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(scripts))


REFERENCES: Mapping[str, Callable[[Path], Callable[[Row], Row]]] = {
    "squad_em": lambda scripts: squad(scripts, "squad_em"),
    "squad_f1": lambda scripts: squad(scripts, "squad_f1"),
    "triviaqa_em": triviaqa,
    "gsm8k": gsm8k,
    "multiple_choice": multiple_choice,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Print what the papers' own scripts say of a table of answers.")
    parser.add_argument("--scripts", type=Path, required=True, help="the folder with the three scripts")
    parser.add_argument("--rows", type=Path, help="a JSONL file of rows to judge instead of the table")
    options = parser.parse_args()
    lines = options.rows.read_text(encoding="utf-8").splitlines() if options.rows else None
    table = list(rows()) if lines is None else [json.loads(line) for line in lines]
    references = {name: make(options.scripts) for name, make in REFERENCES.items()}
    for row in table:
        print(json.dumps(row | references[row["scorer"]](row), ensure_ascii=False))


if __name__ == "__main__":
    main()

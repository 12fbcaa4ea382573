"""Writes the inputs of the gallery (docs/experiments/README.md) into fixtures/gallery, the same to the byte each time:

    .venv/bin/python tools/gallery_inputs.py

`facts.csv` and `questions.csv` there are written by hand; everything else is made from them, and from seeded draws.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "fixtures/gallery"
LETTERS = "ABCD"
PLACES = ("Carrow", "Ellin", "Marsk", "Tovey", "Brenn", "Aldmoor", "Quill", "Sanda", "Harrick", "Ness", "Ivor", "Lund",
          "Pellen", "Corrie", "Drum", "Eskay", "Fallow", "Garve", "Holm", "Jarrow", "Kelda", "Lorne", "Mull", "Noss",
          "Orrin", "Petty", "Rona", "Scarp", "Torsa", "Unst", "Vaila", "Wick", "Yell", "Zell", "Bressay")  # fmt: skip
FIRST = ("Anna", "Peter", "Ruth", "Simon", "Clara", "Martin", "Ida", "Walter", "Nora", "Felix", "Edith", "Oscar")
LAST = ("Brand", "Keller", "Stone", "Marsh", "Field", "Porter", "Lang", "Webb", "Hale", "Frost", "Young", "Carver")
COLOURS = ("white", "red", "grey", "black", "yellow", "green")
DECOYS = 5
SUMS = ((1, "+", "one digit, addition"), (2, "+", "two digits, addition"), (1, "×", "one digit, multiplication"),
        (2, "×", "two digits, multiplication"))  # fmt: skip


def main() -> None:
    for path, text in files().items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(text, encoding="utf-8")


def files() -> dict[str, str]:
    """The text of every file that is made, by its path in the folder."""
    return {**facts(), **lighthouses(), **multiple_choice(), **arithmetic()}


def table(name: str) -> list[dict[str, str]]:
    """A table written by hand: columns are separated by bars."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="|"))


def jsonl(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def facts() -> dict[str, str]:
    """Common knowledge, with a passage that says it: may a model trust the page or its memory?"""
    texts, cases = {}, []
    for row in table("facts.csv"):
        path = f"documents/facts/{row['id']}.md"
        texts[path] = row["passage"] + "\n"
        documents = [f"fixtures/gallery/{path}"]
        case = {"id": row["id"], "inputs": {"question": row["question"]}, "expected": row["answer"]}
        cases.append({**case, "documents": documents})
    return {**texts, "facts.jsonl": jsonl(cases)}


def lighthouses() -> dict[str, str]:
    """Invented facts, which no model can know: where among other documents does it find the right one?"""
    draw = random.Random(19)
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    draw.shuffle(names)
    texts, cases = {}, []
    for number, (place, keeper) in enumerate(zip(PLACES, names, strict=False)):
        year, steps, colour = draw.randrange(1801, 1900), draw.randrange(60, 250), draw.choice(COLOURS)
        name = f"decoy-{number + 1}" if number < DECOYS else place.lower()
        path = f"documents/lighthouses/{name}.md"
        texts[path] = (
            f"The lighthouse of {place} was built in {year}. Its tower is {colour} and has {steps} steps. "
            f"The last keeper of the lighthouse of {place} was {keeper}.\n"
        )
        if number >= DECOYS:
            question = {"question": f"Who was the last keeper of the lighthouse of {place}?"}
            document = f"fixtures/gallery/{path}"
            cases.append({"id": name, "inputs": question, "expected": keeper, "documents": [document]})
    return {**texts, "lighthouses.jsonl": jsonl(cases)}


def multiple_choice() -> dict[str, str]:
    """Questions with four options; each letter is right equally often, so that always saying A is right in 25 %."""
    rows = [(row["id"], row["question"], row["answer"], row["others"].split(", ")) for row in table("questions.csv")]
    rows += [
        (row["id"], row["question"], row["answer"], [*row["others"].split(", "), row["wrong"]])
        for row in table("facts.csv")
    ]
    draw = random.Random(4)
    letters = [LETTERS[number % 4] for number in range(len(rows))]
    draw.shuffle(letters)
    cases = []
    for (name, question, answer, others), letter in zip(rows, letters, strict=True):
        draw.shuffle(others)
        options = list(others)
        options.insert(LETTERS.index(letter), answer)
        lines = [question, *(f"{mark}. {option}" for mark, option in zip(LETTERS, options, strict=True))]
        cases.append({"id": name, "inputs": {"question": "\n".join(lines)}, "expected": letter})
    return {"multiple-choice.jsonl": jsonl(cases)}


def arithmetic() -> dict[str, str]:
    """Fifteen different sums of each size, drawn by a seed."""
    draw = random.Random(7)
    cases = []
    for digits, sign, tag in SUMS:
        low, high = (2, 9) if digits == 1 else (10, 99)
        pairs = [(a, b) for a in range(low, high + 1) for b in range(low, high + 1)]
        for a, b in sorted(draw.sample(pairs, 15)):
            name = f"{a}-{'plus' if sign == '+' else 'times'}-{b}"
            expected = a + b if sign == "+" else a * b
            cases.append({"id": name, "inputs": {"question": f"{a} {sign} {b} ="}, "expected": expected, "tags": [tag]})
    return {"arithmetic.jsonl": jsonl(cases)}


if __name__ == "__main__":
    main()

"""What models are and take, in the table, the pictures, the report and the JSON of the kind `models`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.experiments import Outcome, html_report, model_table, pictures_of, report_data, report_lines
from promptlab.experiments._model_sizes import frontier_of
from promptlab.models import FileFacts, ModelFacts
from tests.experiments.bench import able, asked, experiment, workspace


def file(size: int, file_type: str, made_from: str = "") -> FileFacts:
    return FileFacts(270_000_000, size, file_type, ((file_type, 1.0),), 8.5, "mit", made_from)


FACTS = {
    "big": ModelFacts(300_000_000, file(300_000_000, "Q8_0"), 400_000_000, 900.0, 60.0),
    "small": ModelFacts(150_000_000, replace(file(150_000_000, "Q2_K", "Q8_0"), parameters=130_000_000)),
}


def outcome_of(folder: Path, *models: str) -> Outcome:
    chances = {"big": 1.0, "small": 0.3, "api": 0.5}
    backends = [able(lambda _, name=name: chances[name], name) for name in models]  # type: ignore[misc]
    return asked(workspace(folder, cases=8), experiment("models", models), *backends)


def test_the_table_has_what_is_known(tmp_path: Path) -> None:
    head, big, small = model_table(outcome_of(tmp_path, "big", "small"), FACTS)
    rows = [dict(zip(head, row, strict=True)) for row in (big, small)]
    assert [row["parameters"] for row in rows] == ["270 million", "130 million"]
    assert [row["size"] for row in rows] == ["300 MB", "150 MB"]
    assert [row["file type"] for row in rows] == ["Q8_0", "Q2_K, requantised from Q8_0"]
    assert [row["memory"] for row in rows] == ["400 MB", "not known"]
    assert [row["writing"] for row in rows] == ["60 tokens/s", "not known"]
    assert all(float(row["seconds an answer"]) > 0 for row in rows), "the experiment's own answers"


def test_the_same_facts_everywhere(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, "big", "small")
    text, page, data = (
        "\n".join(report_lines(outcome, FACTS)),
        html_report(outcome, facts=FACTS),
        report_data(outcome, FACTS),
    )
    for words in ("270 million", "150 MB", "Q2_K, requantised from Q8_0", "small is Q2_K, requantised from Q8_0"):
        assert words in text
        assert words in page
    assert [row["parameters"] for row in data["models"]] == [270_000_000, 130_000_000]
    assert [row["requantised"] for row in data["models"]] == [False, True]
    assert data["models"][0]["score"] == data["arms"][0]["score"]


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        (FACTS, ["frontier", "parameters", "seconds", "effects"]),
        (
            {**FACTS, "small": replace(FACTS["small"], memory=1)},
            ["frontier", "parameters", "seconds", "memory taken", "effects"],
        ),
        ({**FACTS, "small": replace(FACTS["small"], file=FACTS["big"].file)}, ["frontier", "seconds", "effects"]),
        ({}, ["frontier", "seconds", "effects"]),
    ],
)
def test_a_measure_is_drawn_if_it_is_known_of_all_and_differs(
    tmp_path: Path, facts: dict[str, ModelFacts], names: list[str]
) -> None:
    pictures = pictures_of(outcome_of(tmp_path, "big", "small"), facts=facts)
    assert [picture.name for picture in pictures if picture.name != "tags"] == names


def test_other_kinds_have_no_rows_of_models(tmp_path: Path) -> None:
    outcome = asked(workspace(tmp_path, cases=4), experiment("ablate"), able(lambda _: 1.0))
    assert report_data(outcome, FACTS)["models"] == []


def test_the_frontier_has_whoever_no_other_beats() -> None:
    def row(model: str, size: int, score: float) -> dict[str, object]:
        return {"model": model, "bytes": size, "score": score}

    rows = [row("a", 1, 0.2), row("b", 2, 0.5), row("c", 3, 0.4), row("d", 4, 0.9), row("e", 4, 0.9), row("f", 5, 0.9)]
    assert frontier_of(rows, "bytes") == ["a", "b", "d", "e"]
    assert frontier_of(rows[:1], "bytes") == ["a"]

"""Reports: the sentence, the tables, the pictures and the file, all of the same numbers."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from promptlab.experiments import (
    Outcome,
    answers_as_csv,
    as_png,
    as_svg,
    chart_of,
    html_report,
    kind_names,
    report_data,
    report_lines,
    sentence,
)
from promptlab.models import ModelFacts
from tests.experiments.bench import able, asked, experiment, workspace
from tests.experiments.test_kinds import OPTIONS


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    space = workspace(tmp_path_factory.mktemp("w"), cases=20)
    model = able(lambda there: 0.9 if there["context"] else 0.1)
    return asked(space, experiment("ablate", options={"primary": "context"}), model)


def test_every_report_has_the_same_numbers(outcome: Outcome) -> None:
    effect = next(e for e in outcome.effects if e.contrast.name == "context")
    data = report_data(outcome)
    row = next(row for row in data["effects"] if row["what"] == "context")
    assert row["difference"] == effect.difference
    assert data["sentence"] == sentence(outcome.effects)
    page, text = html_report(outcome), "\n".join(report_lines(outcome))
    for report in (page, text):
        assert sentence(outcome.effects) in report
        assert f"{100 * effect.difference:.0f}" in report


def test_every_answer_is_a_row_with_its_factors(outcome: Outcome) -> None:
    rows = list(csv.DictReader(io.StringIO(answers_as_csv(outcome))))
    assert len(rows) == 5 * 20
    assert {(row["arm"], row["context"]) for row in rows} >= {("whole prompt", "on"), ("without context", "off")}
    assert sum(float(row["score"]) for row in rows if row["arm"] == "whole prompt") > 10


def test_a_text_that_is_a_formula_is_made_safe(tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=3)
    backend = able(lambda _: 0.0)
    backend._script = lambda _request: '=HYPERLINK("http://x")'
    rows = answers_as_csv(asked(space, experiment("params", options={"temperature": [0, 1]}), backend))
    assert "'=HYPERLINK" in rows


def test_the_page_loads_and_runs_nothing(tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=4)
    backend = able(lambda _: 0.0)
    backend._script = lambda request: "<script>alert(1)</script>" if len(request.prompt.messages) > 2 else "word-1"
    page = html_report(asked(space, experiment("ablate"), backend))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http-equiv=Content-Security-Policy" in page


@pytest.mark.parametrize("name", kind_names())
def test_every_kind_has_its_picture(tmp_path: Path, name: str) -> None:
    space = workspace(tmp_path, cases=4)
    models = (able(lambda _: 0.7, "m"), able(lambda _: 0.3, "n"))
    result = asked(space, experiment(name, ("m", "n"), options=OPTIONS.get(name, {})), *models)
    chart = chart_of(result, facts={"m": ModelFacts(100), "n": ModelFacts(200)})
    assert chart is not None
    svg = as_svg(chart)
    assert svg.startswith("<svg")
    assert "NaN" not in svg
    assert as_png(chart, scale=1.0).startswith(b"\x89PNG")

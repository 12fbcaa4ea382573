"""Reports: the sentence, the tables, the pictures and the file, all of the same numbers."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.experiments import (
    Outcome,
    answers_as_csv,
    as_png,
    as_svg,
    chart_of,
    headline,
    html_report,
    kind_names,
    report_data,
    report_lines,
    sentence,
)
from promptlab.experiments._plan import asked_hash
from promptlab.models import ModelFacts
from promptlab.types import Message, Params, Prompt, Request
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


NO_DOCUMENTS = "{% system %}{{ instructions }}{% endsystem %}{% user %}{{ user }}{% enduser %}"


def test_what_changes_nothing_in_the_prompt_has_no_effect_in_any_report(tmp_path: Path) -> None:
    """The layout has no place for documents, so that the two arms ask the same. That is not "no difference"."""
    space = workspace(tmp_path, 200)
    file = tmp_path / "templates/t.yaml"
    file.write_text(file.read_text() + f"layout: {json.dumps(NO_DOCUMENTS)}\n")
    wanted = experiment("ablate", options={"sections": ["context", "instructions"], "primary": "context"})
    outcome = asked(space, wanted, able(lambda there: 0.9 if there["instructions"] else 0.1))
    other, nothing = outcome.effects
    assert (nothing.contrast.name, nothing.verdict, nothing.unchanged) == ("context", "changes nothing", True)
    assert (other.verdict, other.unchanged) == ("helps", False)
    row = next(row for row in report_data(outcome)["effects"] if row["what"] == "context")
    assert {row[name] for name in ("difference", "low", "high", "p", "adjusted_p")} == {None}
    assert row["verdict"] == "changes nothing"
    assert "he article changes nothing in the prompt" in headline(outcome)
    (line,) = [line for line in report_lines(outcome) if "context (primary)" in line]
    assert line.split()[-2:] == ["changes", "nothing"]
    page = html_report(outcome)
    assert "changes nothing in the prompt" in page
    assert "equivalent" not in page
    assert "no difference larger" not in page


def test_a_schema_in_another_order_is_another_prompt() -> None:
    """Models answer in the order of the properties."""
    request = Request("m", Prompt((Message("user", "Hi"),)), Params(), schema='{"properties": {"a": {}, "b": {}}}')
    turned = replace(request, schema='{"properties": {"b": {}, "a": {}}}')
    assert request.body() == turned.body()
    assert asked_hash(request) != asked_hash(turned)
    assert asked_hash(request) == asked_hash(replace(request, repeat=3))

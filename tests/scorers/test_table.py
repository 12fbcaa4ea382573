"""The table of answers in ../shared: no scorer passes what a user would not, and what is left is explained."""

from __future__ import annotations

import json

import pytest

from benchmarks.scorers import EXPLAINED, TABLE, Decision, decide, main
from promptlab.workspace import Workspace

SCORERS = (
    "exact",
    "contains",
    "regex",
    "one_of",
    "list_f1",
    "best_subspan_em",
    "numeric",
    "json_fields",
    "json_schema",
)

pytestmark = pytest.mark.skipif(not TABLE.exists(), reason="the table is in ../shared")


@pytest.fixture(scope="module")
def decisions(tmp_path_factory: pytest.TempPathFactory) -> list[Decision]:
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "promptlab.yaml").write_text("models: {}\n")
    return decide(TABLE, Workspace.find(folder))


@pytest.mark.parametrize("scorer", SCORERS)
def test_no_false_pass_and_no_false_fail_without_a_reason(decisions: list[Decision], scorer: str) -> None:
    rows = [decision for decision in decisions if decision.row["scorer"] == scorer]
    assert rows
    assert [(d.kind, d.row["answer"], d.reason) for d in rows if d.kind != "right" and not d.explained] == []


def test_at_most_3_in_100_right_answers_fail(decisions: list[Decision]) -> None:
    rows = [decision for decision in decisions if decision.row["scorer"] in SCORERS]
    assert sum(decision.kind == "false fail" for decision in rows) <= 0.03 * len(rows)


def test_no_reason_outlives_its_row(decisions: list[Decision]) -> None:
    assert set(EXPLAINED) <= {decision.key for decision in decisions if decision.kind != "right"}


def test_the_benchmark_names_every_row_that_is_decided_otherwise(
    decisions: list[Decision], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--json"])
    printed = json.loads(capsys.readouterr().out)
    assert sum(line["rows"] for line in printed["scorers"]) == len(decisions)
    assert [row["key"] for row in printed["rows"]] == [d.key for d in decisions if d.kind != "right"]

"""`promptlab vote` and `promptlab judge`: votes by single keys, results and rows as text and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from promptlab.cli._main import cli
from promptlab.votes import make_ballot
from tests.suites.making import SuiteHouse, suites
from tests.votes import test_correction
from tests.votes.making import QUESTIONS, Votes, booth

__all__ = ["booth", "suites"]
PAIRS = len(QUESTIONS) - 1


@pytest.fixture
def what(booth: Votes, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two runs, and the folder of their workspace as the current one."""
    monkeypatch.chdir(booth.house.workspace.root)
    return [booth.run("ada")[:10], booth.run("bob")[:10]]


def run(*words: str, keys: str = "") -> Result:
    return CliRunner().invoke(cli, ["vote", *words], input=keys)


def test_keys_vote_undo_and_quit_and_the_next_call_goes_on(booth: Votes, what: list[str]) -> None:
    done = run(*what, "--voter", "ann", keys="abuxtq")
    assert done.exit_code == 0, done.output
    assert "1 pairs have the same text" in done.stderr
    assert done.stdout.count("--- A") == 5
    assert "ada and" not in done.stdout
    ballot = make_ballot(booth.sources, what)
    assert [(vote.voter, vote.choice) for vote in booth.votes(ballot)] == [("ann", "left"), ("ann", "tie")]
    rest = run("cast", *what, "--voter", "ann", keys="n" * PAIRS)
    assert "3 of 11" in rest.stdout
    assert len(booth.votes(ballot)) == PAIRS
    assert "promptlab vote results" in rest.stderr


def test_results_are_the_same_as_text_and_as_json(booth: Votes, what: list[str]) -> None:
    ballot = make_ballot(booth.sources, what)
    assert "no votes yet" in run("results", *what).stdout
    booth.vote_all(ballot, "ann", "ada")
    text = run("results", *what).stdout
    assert "ada is preferred to bob" in text
    data = json.loads(run("results", *what, "--json").stdout)
    (row,) = data["win_rates"]
    assert (row["won"], row["lost"], row["same_text"], row["cases"]) == (PAIRS, 0, 1, PAIRS + 1)
    assert row["rate"] == booth.results(ballot).rates[0].rate
    assert data["voters"] == {"ann": PAIRS}
    assert data["strengths"] == []


def test_votes_are_written_as_rows_and_as_preferences(booth: Votes, what: list[str], tmp_path: Path) -> None:
    assert run("export", *what).exit_code != 0
    ballot = make_ballot(booth.sources, what)
    booth.vote_all(ballot, "ann", "bob", most=3)
    done = run("export", *what, "-o", str(tmp_path / "votes.jsonl"))
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in (tmp_path / "votes.jsonl").read_text().splitlines()]
    assert [row["preferred"] for row in rows] == ["bob"] * 3
    for row in rows:
        side = "left" if row["left_name"] == "bob" else "right"
        assert row["vote"] == side
        assert row[side].startswith("bob says")
    found = CliRunner().invoke(cli, ["export", "openai-preferences"])
    assert found.exit_code == 0, found.output
    pairs = [json.loads(line) for line in found.stdout.splitlines()]
    assert len(pairs) == 3
    assert all(pair["preferred_output"][0]["content"].startswith("bob") for pair in pairs)
    booth.vote_all(ballot, "ben", "ada", most=PAIRS)  # now as many people prefer each of those three
    pairs = [json.loads(line) for line in CliRunner().invoke(cli, ["export", "openai-preferences"]).stdout.splitlines()]
    assert len(pairs) == PAIRS - 3
    assert all(pair["preferred_output"][0]["content"].startswith("ada") for pair in pairs)


def test_votes_between_different_prompts_are_no_preference(booth: Votes, what: list[str]) -> None:
    house = booth.house
    template = house.template(instructions="Answer otherwise.")
    trials = [trial for question in QUESTIONS for trial in house.trials("cyd", question=question, template=template)]
    other = house.start(trials)
    other.wait()
    ballot = make_ballot(booth.sources, [what[0], other.id])
    booth.vote_all(ballot, "ann", "ada")
    found = CliRunner().invoke(cli, ["export", "openai-preferences"])
    assert found.exit_code == 1
    booth.vote_all(make_ballot(booth.sources, what), "ann", "ada", most=1)
    found = CliRunner().invoke(cli, ["export", "openai-preferences"])
    assert len(found.stdout.splitlines()) == 1
    assert f"{PAIRS} voted pairs are left out" in found.stderr


@pytest.mark.usefixtures("what")
@pytest.mark.parametrize(
    ("words", "what_is_said"),
    [(["nothing"], "there is no run"), (["results"], "Missing argument"), ([], "Usage")],
)
def test_wrong_words_are_refused(words: list[str], what_is_said: str) -> None:
    done = run(*words)
    assert done.exit_code != 0
    assert what_is_said in f"{done.output}{done.exception}"


def test_a_judge_is_corrected_from_the_command_line(suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    suites.house.model("one", test_correction.says(5))  # type: ignore[arg-type]
    suites.house.model("two", test_correction.says(8))  # type: ignore[arg-type]
    suites.house.model("judge", test_correction.strict)
    suites.write(test_correction.SUITE)
    suites.rerun()
    monkeypatch.chdir(suites.workspace.root)
    none = CliRunner().invoke(cli, ["judge", "correct", "facts"])
    assert none.exit_code == 1
    assert none.stdout.count("not corrected") == 3
    drawn = CliRunner().invoke(cli, ["judge", "sample", "facts", "-n", "6"]).stdout.splitlines()
    assert len(drawn) == 6
    made = Votes(suites.house)
    test_correction.mark(made, range(20))
    made.log.close()
    text = CliRunner().invoke(cli, ["judge", "correct", "facts"])
    assert text.exit_code == 0
    assert text.stdout.count("people would pass") == 2
    data = json.loads(CliRunner().invoke(cli, ["judge", "correct", "facts", "--json"]).stdout)
    assert [column["marked"] for column in data["columns"]] == [20, 20]
    assert data["columns"][0]["low"] <= 0.5 <= data["columns"][0]["high"] < data["columns"][0]["judge"] + 0.2

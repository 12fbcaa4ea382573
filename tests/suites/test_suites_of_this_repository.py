"""This repository's own suites: what their cases say is held to the facts, and their recordings are replayed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from promptlab.examples import _pool as examples
from promptlab.suites import _case_file as case_files
from promptlab.suites import _file as suite_file
from promptlab.suites._items import suite_items
from promptlab.suites._recording import Recording
from promptlab.suites._suite import Case, Suite
from tests.test_fixtures import BODY, FACTS, FACTS_FILE, MATCHES, ROOT, WORKSPACE, flipped, words

SUITES = [suite_file.load_suite(WORKSPACE, path) for path in suite_file.suite_paths(WORKSPACE)]
QUESTIONS = list(case_files.read(WORKSPACE, suite_file.load_suite(WORKSPACE, "world-cup")))
RESULTS = list(case_files.read(WORKSPACE, suite_file.load_suite(WORKSPACE, "match-facts")))
TOURNAMENT, STANDINGS = FACTS["tournament"], FACTS["standings"]
KNOCKOUT = [match for match in MATCHES if not match["stage"].startswith("group")]
NUMBERS = {
    "How many teams took part in {cup}?": "teams",
    "How many matches were played at {cup}?": "matches",
    "How many goals were scored at {cup}?": "goals",
    "How many goals at {cup} were scored from the penalty spot during play?": "penalties",
    "How many own goals were there at {cup}?": "own_goals",
    "How many matches did the group stage of {cup} have?": "group_matches",
    "How many goals did the group stage of {cup} bring?": "group_goals",
}


def won(match: Any) -> bool:
    """Whether the home team went on, or took the match."""
    home, away = map(int, match.get("shoot_out", match["score"]).split("–"))
    return home > away


def winner_of(match: Any) -> str:
    return str(match["home" if won(match) else "away"])


def named(team: str) -> str:
    return f"the {team}" if team in ("Netherlands", "United States") else team


def answers() -> dict[str, Any]:
    """Every question that a suite may ask, with the answer that follows from the facts."""
    cup = "the 2022 World Cup"
    known: dict[str, Any] = {
        f"Who won {cup} in football?": STANDINGS[0],
        f"Where was {cup} held?": TOURNAMENT["host"],
        **{f"Who came {place} at {cup}?": STANDINGS[n] for n, place in enumerate(("second", "third", "fourth"), 1)},
        **{question.format(cup=cup): TOURNAMENT[fact] for question, fact in NUMBERS.items()},
    }
    for award, winner in FACTS["awards"].items():
        verb = "was named" if award == "Best Young Player" else "got the"
        known[f"Which player {verb} {award} at {cup}?"] = winner["player"]
    for letter, table in FACTS["groups"].items():
        (
            known[f"Which team won Group {letter} at {cup}?"],
            known[f"Which team came second in Group {letter} at {cup}?"],
        ) = list(table)[:2]
    for team, coach in FACTS["coaches"].items():
        known[f"Who was the coach of {named(team)} at {cup}?"] = coach["name"]
    for stadium, place in FACTS["stadiums"].items():
        known[f"In which city is {stadium}?"] = place["city"]
    for scorer, record in FACTS["scorers"].items():
        known[f"How many goals did {scorer} score at {cup}?"] = record["goals"]
    for match in KNOCKOUT:
        if match["stage"] not in ("final", "third-place match"):  # nobody is put out by those
            loser = match["away" if won(match) else "home"]
            known[f"Which team put {named(loser)} out of {cup}?"] = winner_of(match)
    return known


def ids(case: Case) -> str:
    return case.id


@pytest.mark.parametrize("case", QUESTIONS, ids=ids)
def test_what_a_case_expects_follows_from_the_facts(case: Case) -> None:
    assert case.expected == answers()[case.inputs["question"]]


@pytest.mark.parametrize("case", QUESTIONS, ids=ids)
def test_what_a_case_expects_can_be_read_in_the_article(case: Case) -> None:
    spelled = {2: "two", 3: "three", 4: "four", 7: "seven", 8: "eight", 32: "Thirty-two"}
    assert str(case.expected) in BODY or spelled[case.expected] in BODY


@pytest.mark.parametrize("case", [*QUESTIONS, *RESULTS], ids=ids)
def test_a_case_names_nobody_but_whom_the_facts_name(case: Case) -> None:
    (text,) = case.inputs.values()
    inside = [word for word in words(text)[1:] if word[0].isupper()]
    assert set(inside) <= {*words(FACTS_FILE.text), "World", "Cup", "Group"}
    assert set(re.findall(r"\d+", text)) <= {"2022", "974"}


@pytest.mark.parametrize("case", RESULTS, ids=ids)
def test_the_facts_that_a_case_of_match_facts_expects_are_those_of_the_match(case: Case) -> None:
    teams = set(case.inputs["match"].replace("the ", "").split(" against "))
    [match] = [match for match in KNOCKOUT if {match["home"], match["away"]} == teams]
    stages = {
        "quarter-finals": "quarter-final",
        "semi-finals": "semi-final",
        "third-place match": "match for third place",
    }
    assert case.expected == {
        "winner": winner_of(match),
        "loser": match["away" if won(match) else "home"],
        "score": match["score"] if won(match) else flipped(match["score"]),
        "stage": stages.get(match["stage"], match["stage"]),
    }


def test_there_are_as_many_questions_as_are_needed_and_none_twice() -> None:
    assert len(QUESTIONS) >= 60
    asked = Counter(tuple(case.inputs.values()) for case in [*QUESTIONS, *RESULTS])
    assert max(asked.values()) == 1


def test_every_question_is_asked_with_the_article_and_without_of_both_embedded_models() -> None:
    suite = suite_file.load_suite(WORKSPACE, "world-cup")
    assert suite.models == ("gemma-3-270m", "smollm2-135m")
    assert {variant.name: variant.without for variant in suite.variants} == {"article": (), "no-article": ("context",)}
    assert suite.template.context == ("fixtures/documents/world-cup-2022.md",)


def test_structured_answers_are_a_suite_of_their_own_for_both_models() -> None:
    suite = suite_file.load_suite(WORKSPACE, "match-facts")
    assert suite.template.schema
    assert suite.models == ("gemma-3-270m", "smollm2-135m")
    assert [spec.name for spec in suite.scorers] == ["json_schema", "json_fields"]


def test_no_worked_example_gives_away_the_answer_to_its_own_question() -> None:
    pools = {shot for suite in SUITES for shot in _shots(suite)}
    assert pools
    assert not pools & {tuple(case.inputs.values()) for case in [*QUESTIONS, *RESULTS]}


def _shots(suite: Suite) -> set[tuple[Any, ...]]:
    choice = suite.template.examples
    assert choice is not None
    pool = examples.load_pool(WORKSPACE, choice.pool)
    chosen = examples.choose_shots(pool, choice, {"question": "another", "match": "another"})
    return {tuple(shot.inputs.values()) for shot in chosen}


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_every_item_is_recorded_in_the_order_of_the_suite_and_nothing_else_is(suite: Suite) -> None:
    with Recording(ROOT / suite.recording, shown=suite.recording) as recording:
        assert [stored.key for stored in recording] == [item.key for item in suite_items(WORKSPACE, suite)]


def test_pytest_replays_both_suites_and_make_test_does_it() -> None:
    """As `make test` does, in a process of its own that may open no connection and load no model."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = re.findall(r"^([\w-]+):.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    replaying = [target for target, recipe in recipes if "-m pytest --promptlab fixtures/suites" in recipe]
    assert replaying == ["test", "coverage", "test-fast"]
    program = (
        "import socket, sys\n"
        "def no(*a, **k): raise AssertionError('a connection')\n"
        "socket.socket.connect = no\n"
        "import pytest\n"
        "plugins = ['-p', 'pytest_timeout', '-p', 'promptlab.pytest_plugin', '-p', 'no:cacheprovider']\n"
        "status = pytest.main(['-q', *plugins, '--promptlab', 'fixtures/suites', 'fixtures/suites'])\n"
        "assert not {'openai', 'llama_cpp', 'httpx2', 'streamlit'} & set(sys.modules)\n"
        "sys.exit(status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        # The plugin by its module, and no other: also where the package was installed before it had one.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    expected = sum(1 for suite in SUITES for _ in suite_items(WORKSPACE, suite))
    found = re.search(r"(\d+) passed", done.stdout)
    assert found is not None
    # A margin compares new answers with the recorded ones, so a replay skips it.
    held = sum(threshold.kind != "margin" for suite in SUITES for threshold in suite.thresholds)
    assert int(found[1]) == expected + held

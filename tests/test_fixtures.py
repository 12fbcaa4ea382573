"""The article, the example pools and the facts file agree with each other, and the facts add up.

The facts file was made from the data it names; that data is not in the repository.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import jsonschema
import pytest

from promptlab._yaml._read import read_yaml
from promptlab.documents import _read as documents
from promptlab.errors import TemplateError
from promptlab.examples import _pool as examples
from promptlab.templates import _load as templates
from promptlab.types import Example
from promptlab.workspace._workspace import Workspace
from tests.places import ROOT

WORKSPACE = Workspace.load(ROOT)
ARTICLE = documents.read_document(WORKSPACE, "fixtures/documents/world-cup-2022.md").text
BODY, SOURCE = ARTICLE.split("\n## Source\n")
FACTS_FILE = read_yaml(
    ROOT / "fixtures/facts/world-cup-2022.yaml", shown="fixtures/facts/world-cup-2022.yaml", error=TemplateError
)
FACTS: Any = FACTS_FILE.data
MATCHES = FACTS["matches"]
TEAMS = [team for group in FACTS["groups"].values() for team in group]
POOLS = ("world-cup", "tournaments", "match-facts")
DEMO = "Who won the 2022 World Cup in football?"


def pool(name: str) -> tuple[Example, ...]:
    return examples.load_pool(WORKSPACE, f"fixtures/examples/{name}.jsonl")


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text)


def flipped(score: str) -> str:
    home, away = score.split("–")
    return f"{away}–{home}"


def scores(match: Any) -> set[str]:
    """The scores a sentence about `match` may give: after play and in the shoot-out, either side first."""
    found = [match["score"], *([match["shoot_out"]] if "shoot_out" in match else [])]
    return {*found, *map(flipped, found)}


def between(one: str, other: str) -> list[Any]:
    return [match for match in MATCHES if {match["home"], match["away"]} == {one, other}]


def test_the_article_has_the_length_it_should() -> None:
    assert 1_500 <= len(ARTICLE.split()) <= 2_500


def test_the_article_opens_with_the_winner() -> None:
    opening = BODY.split("\n\n")[1]
    assert "won by Argentina, who beat France 4–2 on penalties in the final after a 3–3 draw" in opening


def test_the_article_carries_its_attribution() -> None:
    for part in (
        "Fjelstul World Cup Database",
        "© 2023 Joshua C. Fjelstul, Ph.D.",
        "CC BY-SA 4.0",
        "Changed:",
        "https://",
    ):
        assert part in SOURCE


def test_every_score_in_the_article_is_in_the_facts() -> None:
    known = set().union(*map(scores, MATCHES))
    found = re.findall(r"\d+–\d+", BODY)
    assert len(found) > 40
    assert set(found) <= known


def test_every_result_in_the_article_is_in_the_facts() -> None:
    """`beat Y 2–1` and `and Z 2–0`: that team lost so. `lost 1–3 to Y`, `drew 1–1 with Y`: it played so."""
    team = f"({'|'.join(TEAMS)})"
    beaten = re.findall(rf"(?:beat|beating|win over|and) (?:the )?{team} (\d+–\d+)", BODY)
    assert len(beaten) > 20
    for loser, score in beaten:
        assert any(
            (match["home"] == loser and flipped(match["score"]) == score)
            or (match["away"] == loser and match["score"] == score)
            or (loser in (match["home"], match["away"]) and "shoot_out" in match and score in scores(match))
            for match in MATCHES
        ), f"{loser} did not lose {score}"
    played = re.findall(rf"(\d+–\d+) (?:with|to|by|win over) (?:the )?{team}", BODY)
    assert len(played) > 5
    for score, other in played:
        assert any(other in (match["home"], match["away"]) and score in scores(match) for match in MATCHES), other


@pytest.mark.parametrize("match", MATCHES[-16:], ids=lambda m: f"{m['home']}-{m['away']}")
def test_each_knockout_match_is_told_with_its_score(match: Any) -> None:
    final = BODY[BODY.index("## Final") : BODY.index("## Penalty shoot-outs")]
    told = [
        part
        for part in [*re.split(r"\n\n|\n- ", BODY[BODY.index("## Round of 16") :]), final]
        if match["home"] in part and match["away"] in part
    ]
    wanted = [{match["score"], flipped(match["score"])}]
    if "shoot_out" in match:
        wanted.append({match["shoot_out"], flipped(match["shoot_out"])})
    assert any(all(any(score in part for score in pair) for pair in wanted) for part in told)


def test_every_date_in_the_article_is_in_the_facts() -> None:
    days = [date.fromisoformat(match["date"]) for match in MATCHES]
    known = {(day.day, day.strftime("%B")) for day in days}
    found = re.findall(r"(\d+)(?: (?:to|and) (\d+))? (November|December)", BODY)
    assert len(found) > 10
    assert {(int(day), month) for first, last, month in found for day in (first, last) if day} <= known


def test_every_number_in_the_article_is_in_the_facts() -> None:
    """Apart from the days of dates."""
    facts = re.sub(r"\d{4}-\d\d-\d\d", "", FACTS_FILE.text.split("\ntournament:", 1)[1])
    in_al_rayyan = sum(s["matches"] for s in FACTS["stadiums"].values() if s["city"] == "Al Rayyan")
    article = re.sub(r"\d+(?: (?:to|and) \d+)? (?:November|December)", "", BODY)
    assert set(re.findall(r"\d+", article)) <= {*re.findall(r"\d+", facts), str(in_al_rayyan)}


def test_every_name_in_the_article_is_in_the_facts() -> None:
    """A word with a capital inside a sentence is a name."""
    known = set(words(FACTS_FILE.text))
    common = {"World", "Cup", "Group", "Stadium", "Dutch", "Argentine", "November", "December"}
    text = re.sub(r"^#+ .*$", "", BODY, flags=re.MULTILINE)
    inside = {
        word
        for sentence in re.split(r"[.:!?]\s+|\n+(?:- |\d\. )?", text)
        for word in words(sentence.strip())[1:]
        if word[0].isupper()
    }
    assert len(inside) > 100
    assert inside - known - common == set()


def test_the_facts_add_up() -> None:
    tournament = FACTS["tournament"]
    assert len(MATCHES) == tournament["matches"] == sum(s["matches"] for s in FACTS["stadiums"].values())
    assert len(TEAMS) == len(set(TEAMS)) == tournament["teams"]
    goals = [sum(map(int, match["score"].split("–"))) for match in MATCHES]
    assert sum(goals) == tournament["goals"]
    assert sum(goals[: tournament["group_matches"]]) == tournament["group_goals"]
    for match, count in zip(MATCHES, goals, strict=True):
        assert "goals" not in match or len(match["goals"]) == count
    for team, count in FACTS["team_goals"].items():
        assert count == sum(
            int(match["score"].split("–")[match["away"] == team])
            for match in MATCHES
            if team in (match["home"], match["away"])
        )


@pytest.mark.parametrize("letter", FACTS["groups"])
def test_the_points_of_a_group_follow_from_its_matches(letter: str) -> None:
    table = FACTS["groups"][letter]
    points = dict.fromkeys(table, 0)
    for match in MATCHES:
        if match["stage"] == f"group {letter}":
            home, away = map(int, match["score"].split("–"))
            points[match["home"]] += 3 if home > away else int(home == away)
            points[match["away"]] += 3 if away > home else int(home == away)
    assert points == dict(table)
    assert list(points.values()) == sorted(points.values(), reverse=True)


@pytest.mark.parametrize("scorer", FACTS["scorers"])
def test_every_top_scorer_is_in_the_article(scorer: str) -> None:
    assert scorer in BODY


@pytest.mark.parametrize("award", FACTS["awards"])
def test_the_awards_section_gives_each_winner(award: str) -> None:
    section = BODY.split("## Awards")[1]
    winner = FACTS["awards"][award]["player"]
    assert any(award in part and winner in part for part in re.split(r"[.] |, the | and the ", section))


@pytest.mark.parametrize("name", POOLS)
def test_a_pool_has_a_dozen_examples_or_more_with_short_answers(name: str) -> None:
    found = pool(name)
    assert len(found) >= 12
    assert len({example.inputs[key] for example in found for key in example.inputs}) == len(found)
    if name != "match-facts":
        assert all(1 <= len(example.output.split()) <= 4 for example in found)


@pytest.mark.parametrize("example", pool("world-cup"), ids=lambda e: e.id)
def test_answers_about_the_article_are_in_it_and_in_the_facts(example: Example) -> None:
    assert example.output in BODY
    assert set(words(example.output)) <= set(words(FACTS_FILE.text))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        *((f"Who won the {a} at the 2022 World Cup?", w["player"]) for a, w in FACTS["awards"].items()),
        *((f"Who won Group {g} at the 2022 World Cup?", next(iter(t))) for g, t in FACTS["groups"].items()),
        ("Who was the Best Young Player at the 2022 World Cup?", FACTS["awards"]["Best Young Player"]["player"]),
        ("Which country hosted the 2022 World Cup?", FACTS["tournament"]["host"]),
        ("Who was the runner-up in the 2022 World Cup?", FACTS["standings"][1]),
        ("Which team finished third at the 2022 World Cup?", FACTS["standings"][2]),
        ("Which team finished fourth at the 2022 World Cup?", FACTS["standings"][3]),
        ("Which stadium hosted the 2022 World Cup final?", MATCHES[-1]["stadium"]),
        ("Who coached Morocco at the 2022 World Cup?", FACTS["coaches"]["Morocco"]["name"]),
        ("In which city is Al Janoub Stadium?", FACTS["stadiums"]["Al Janoub Stadium"]["city"]),
    ],
)
def test_answers_that_follow_from_the_facts_are_right(question: str, answer: str) -> None:
    given = {example.inputs["question"]: example.output for example in pool("world-cup")}
    assert given.get(question, answer) == answer


def test_no_example_asks_the_demonstrations_question_or_gives_its_answer_away() -> None:
    shots = examples.choose_shots(pool("world-cup"), _choice("world-cup"), {"question": DEMO})
    assert len(shots) == 2
    assert not any("Argentina" in shot.output + shot.inputs["question"] for shot in shots)
    asked = [example.inputs["question"].casefold() for example in pool("world-cup")]
    assert not any("who won the 2022 world cup" in question for question in asked)
    assert not any("Argentina" in example.output for example in pool("world-cup"))


@pytest.mark.parametrize("example", pool("tournaments"), ids=lambda e: e.id)
def test_a_question_about_another_tournament_brings_a_passage_with_its_answer(example: Example) -> None:
    passage, question = example.inputs["question"].split("\n\n")
    assert example.output in passage
    assert question.endswith("?")
    assert "2022" not in passage


@pytest.mark.parametrize("example", pool("match-facts"), ids=lambda e: e.id)
def test_the_facts_of_a_match_fit_the_schema_and_the_facts(example: Example) -> None:
    template = templates.load(WORKSPACE, "match-facts")
    answer = json.loads(example.output)
    jsonschema.validate(answer, json.loads(template.schema or ""))
    [match] = between(answer["winner"], answer["loser"])
    home_won = match["home"] == answer["winner"]
    assert answer["score"] == (match["score"] if home_won else flipped(match["score"]))
    stages = {
        "quarter-final": "quarter-finals",
        "semi-final": "semi-finals",
        "match for third place": "third-place match",
    }
    assert match["stage"].startswith(stages.get(answer["stage"], answer["stage"].removesuffix(" stage")))
    assert set(re.sub(r"\bthe ", "", example.inputs["match"]).split(" against ")) == {answer["winner"], answer["loser"]}


@pytest.mark.parametrize("path", templates.template_paths(WORKSPACE))
def test_every_template_renders_with_its_samples(path: str) -> None:
    template = templates.load(WORKSPACE, path)
    assert template.description
    inputs = templates.sample_inputs(template)
    assert all(value is not None for value in inputs.values())
    texts = [documents.read_document(WORKSPACE, name) for name in template.context]
    shots = ()
    if template.examples:
        shots = examples.choose_shots(examples.load_pool(WORKSPACE, template.examples.pool), template.examples, inputs)
        assert len(shots) == template.examples.k
    prompt = templates.render(template, inputs, documents=texts, shots=shots)
    assert [m.role for m in prompt.messages] == ["system", *["user", "assistant"] * len(shots), "user"]
    assert ARTICLE.strip() in prompt.messages[0].content


def test_the_pool_of_other_tournaments_fits_the_world_cup_template() -> None:
    template = templates.load(WORKSPACE, "world-cup")
    shots = pool("tournaments")[:2]
    prompt = templates.render(template, {"question": DEMO}, shots=shots)
    assert [m.content for m in prompt.messages[1:]] == [
        text for shot in shots for text in (shot.inputs["question"], shot.output)
    ] + [DEMO]


def _choice(name: str) -> Any:
    choice = templates.load(WORKSPACE, name).examples
    assert choice is not None
    return choice

"""Pools are read strictly; choosing shots is pure and never takes the item."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab._util import bm25 as similarity
from promptlab.errors import ExampleError
from promptlab.examples import _pool as examples
from promptlab.examples._choice import ShotChoice
from promptlab.templates._index import TemplateIndex, templates_by_pool
from promptlab.types import Example
from promptlab.workspace._workspace import Workspace

POOL = tuple(Example(f"e{n}", {"question": f"Question {n}?"}, f"Answer {n}") for n in range(8))


WAYS = ("first", "random", "balanced", "similar", "diverse")
ORDERS = ("given", "reversed", "random", "similar_last")


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    (tmp_path / "promptlab.yaml").write_text('models: {}\nlabels: {"private/**": internal}\n')
    (tmp_path / "private").mkdir()
    return Workspace.load(tmp_path)


def row(**changes: Any) -> str:
    return json.dumps({"id": "a", "inputs": {"question": "Q"}, "output": "A", **changes})


def ids(chosen: tuple[Example, ...]) -> list[str]:
    return [example.id for example in chosen]


def test_a_pool_is_read_in_order_and_blank_lines_are_ignored(here: Workspace) -> None:
    lines = ["", row(id="b", tags=["t"]), "  ", row(id="a", output="x\u2028y", label="internal"), ""]
    (here.root / "p.jsonl").write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8", newline="")
    assert examples.load_pool(here, "p.jsonl") == (
        Example("b", {"question": "Q"}, "A", ("t",)),
        Example("a", {"question": "Q"}, "x\u2028y", (), "internal"),
    )


def test_a_line_break_of_unicode_inside_a_string_is_no_new_line(here: Workspace) -> None:
    text = json.dumps({"id": "a", "inputs": {"q": "x\u2028\x85y"}, "output": "A"}, ensure_ascii=False)
    (here.root / "p.jsonl").write_text(text, encoding="utf-8")
    assert examples.load_pool(here, "p.jsonl")[0].inputs == {"q": "x\u2028\x85y"}


@pytest.mark.parametrize(
    ("label", "expected"), [("public", "internal"), ("internal", "internal"), ("confidential", "confidential")]
)
def test_a_line_can_raise_the_label_of_its_file_but_not_lower_it(here: Workspace, label: str, expected: str) -> None:
    (here.root / "private/p.jsonl").write_text(row(label=label))
    assert examples.load_pool(here, "private/p.jsonl")[0].label == expected


@pytest.mark.parametrize(
    ("lines", "line", "field", "words"),
    [
        (["{"], 1, "", "not JSON"),
        ([row(), "", "[1]"], 3, "", "not a JSON object"),
        ([row(), row(id="b", ouput="x")], 2, "ouput", "did you mean `output`?"),
        ([row(), '{"id": "b", "inputs": {"q": "x"}}'], 2, "output", "`output` is missing"),
        (['{"inputs": {"q": "x"}, "output": "y"}'], 1, "id", "`id` is missing"),
        (['{"id": "b", "output": "y"}'], 1, "inputs", "`inputs` is missing"),
        ([row(id="")], 1, "id", "not empty"),
        ([row(id=3)], 1, "id", "should be text"),
        ([row(output="")], 1, "output", "not empty"),
        ([row(output=3)], 1, "output", "should be text"),
        ([row(inputs={})], 1, "inputs", "object of input names"),
        ([row(inputs="x")], 1, "inputs", "object of input names"),
        ([row(inputs={"n": 3})], 1, "inputs.n", "should be text, not int"),
        ([row(tags="x")], 1, "tags", "list of texts"),
        ([row(tags=[1])], 1, "tags", "list of texts"),
        ([row(label="secret")], 1, "label", "public, internal, confidential"),
        ([row(label=[])], 1, "label", "is not a label"),
        ([row(), row(id="b"), row()], 3, "id", "`a` is used in line 1 already"),
        (["[" * 100_000], 1, "", "not JSON"),
        (["", " "], None, "", "the pool is empty"),
    ],
)
def test_a_wrong_pool_is_refused_with_its_line(
    here: Workspace, lines: list[str], line: int | None, field: str, words: str
) -> None:
    (here.root / "p.jsonl").write_text("\n".join(lines))
    with pytest.raises(ExampleError) as caught:
        examples.load_pool(here, "p.jsonl")
    assert (caught.value.file, caught.value.line, caught.value.field) == ("p.jsonl", line, field)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none.jsonl", "no such pool"),
        ("../p.jsonl", "leads out"),
        ("private", "is not a file"),
        ("a\0", "null byte"),
    ],
)
def test_a_pool_that_is_not_there_is_an_error(here: Workspace, path: str, words: str) -> None:
    with pytest.raises(ExampleError, match=words):
        examples.load_pool(here, path)


def test_a_pool_that_is_not_utf8_is_refused_with_its_line(here: Workspace) -> None:
    (here.root / "p.jsonl").write_bytes(row().encode() + b"\n\xff")
    with pytest.raises(ExampleError, match=r"p\.jsonl:2: not UTF-8"):
        examples.load_pool(here, "p.jsonl")


def test_a_changed_pool_is_read_again(here: Workspace) -> None:
    path = here.root / "p.jsonl"
    path.write_text(row(output="old"))
    first = examples.load_pool(here, "p.jsonl")
    assert examples.load_pool(here, "p.jsonl") is first
    path.write_text(row(output="new"))
    os.utime(path, ns=(1, 1))
    assert examples.load_pool(here, "p.jsonl")[0].output == "new"


def test_first_keeps_the_order_of_the_pool() -> None:
    assert ids(examples.choose_shots(POOL, ShotChoice("p", 3))) == ["e0", "e1", "e2"]


def test_no_shots_can_be_asked_for() -> None:
    assert examples.choose_shots((), ShotChoice("p", 0)) == ()


@pytest.mark.parametrize("select", WAYS)
@pytest.mark.parametrize("question", ["Question 1?", "  question\n1? ", "ＱＵＥＳＴＩＯＮ 1?"])
def test_shots_never_include_the_item(select: Any, question: str) -> None:
    chosen = examples.choose_shots(POOL, ShotChoice("p", 7, select), {"question": question})
    assert sorted(ids(chosen)) == ["e0", "e2", "e3", "e4", "e5", "e6", "e7"]


def test_shots_never_include_the_item_by_its_id() -> None:
    assert ids(examples.choose_shots(POOL, ShotChoice("p", 2), {"question": "new"}, item="e0")) == ["e1", "e2"]


def test_inputs_only_one_side_has_do_not_tell_items_apart() -> None:
    pool = [Example("x", {"question": "Q", "passage": "P"}, "A"), Example("y", {"question": "R", "passage": "P"}, "A")]
    assert ids(examples.choose_shots(pool, ShotChoice("p", 1), {"question": "q", "tone": "dry"})) == ["y"]
    assert ids(examples.choose_shots(pool, ShotChoice("p", 1), {"question": "q", "passage": "other"})) == ["x"]
    assert ids(examples.choose_shots(pool, ShotChoice("p", 1), {"tone": "dry"})) == ["x"]


def test_a_random_choice_depends_on_the_seed_alone() -> None:
    choices = {tuple(ids(examples.choose_shots(POOL, ShotChoice("p", 3, "random", seed)))) for seed in range(20)}
    assert len(choices) > 10
    for seed in range(5):
        choice = ShotChoice("p", 3, "random", seed)
        assert examples.choose_shots(POOL, choice) == examples.choose_shots(POOL, choice)
        assert examples.choose_shots(POOL, choice) == examples.choose_shots(POOL[::-1], choice)


def test_a_random_choice_is_the_same_on_every_machine() -> None:
    assert ids(examples.choose_shots(POOL, ShotChoice("p", 4, "random", 1))) == ["e5", "e2", "e3", "e7"]


@given(st.integers(0, 50), st.sampled_from(POOL))
def test_leaving_the_item_out_does_not_reshuffle_the_others(seed: int, item: Example) -> None:
    choice = ShotChoice("p", 7, "random", seed)
    everything = ids(examples.choose_shots(POOL, ShotChoice("p", 8, "random", seed)))
    assert ids(examples.choose_shots(POOL, choice, item.inputs)) == [name for name in everything if name != item.id]


def test_too_few_others_is_an_error_that_says_why() -> None:
    with pytest.raises(ExampleError) as caught:
        examples.choose_shots(POOL[:3], ShotChoice("pool.jsonl", 3), {"question": "Question 1?"})
    assert "3 shots are asked for, and the pool has 2 (1 of 3 left out: the item itself)" in str(caught.value)
    assert caught.value.file == "pool.jsonl"


def test_the_pool_comes_back_as_it_was_lent() -> None:
    pool = list(POOL)
    examples.choose_shots(pool, ShotChoice("p", 3, "random", 5))
    assert pool == list(POOL)


# CSV and YAML


CSV = """\ufeffid,question,passage,output,tags,label
a,"Who, exactly?","Two
lines",Qatar,short; easy,internal

b,Q,,A,,
"""


def test_a_csv_pool_is_read(here: Workspace) -> None:
    (here.root / "p.csv").write_text(CSV, encoding="utf-8")
    assert examples.load_pool(here, "p.csv") == (
        Example("a", {"question": "Who, exactly?", "passage": "Two\nlines"}, "Qatar", ("short", "easy"), "internal"),
        Example("b", {"question": "Q", "passage": ""}, "A"),
    )


def test_a_tsv_pool_is_read(here: Workspace) -> None:
    (here.root / "p.tsv").write_text("id\tq\toutput\na\tx, y\tz\n")
    assert examples.load_pool(here, "p.tsv") == (Example("a", {"q": "x, y"}, "z"),)


def test_a_yaml_pool_is_read(here: Workspace) -> None:
    (here.root / "p.yaml").write_text(
        "# mine\n- {id: a, inputs: {q: x}, output: y, tags: [t]}\n"
        "- id: b\n  inputs: {q: z}\n  output: |\n    two\n    lines\n"
    )
    assert examples.load_pool(here, "p.yaml") == (
        Example("a", {"q": "x"}, "y", ("t",)),
        Example("b", {"q": "z"}, "two\nlines\n"),
    )


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [
        ("p.csv", "question,output\nx,y\n", 1, "there is no column `id`"),
        ("p.csv", "id,output,q,q\n", 1, "the column `q` is there twice"),
        ("p.csv", "id,output,\n", 1, "column 3 has no name"),
        ("p.csv", 'id,q,output\na,"x\ny",z\nb,q\n', 4, "2 cells under 3 columns"),
        ("p.csv", 'id,q,output\na,x,y\nb,"x"y,z\n', 3, "not CSV"),
        ("p.csv", 'id,q,output\na,"x\ny",z\n,q,z\n', 4, "should be text that is not empty"),
        ("p.csv", "id,q,output,label\na,x,y,secret\n", 2, "'secret' is not a label"),
        ("p.csv", "id,output\na,x\n", 2, "object of input names"),
        ("p.csv", "id,q,output\n", None, "the pool is empty"),
        ("p.csv", "", None, "the pool is empty"),
        ("p.yaml", "a: 1\n", 1, "a YAML pool is a list"),
        ("p.yaml", "- {id: a, inputs: {q: x}, output: y}\n- {id: b, inputs: {q: 3}, output: y}\n", 2, "not int"),
        ("p.yaml", "- [", 1, "not valid YAML"),
        ("p.yaml", "", None, "the pool is empty"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(
    here: Workspace, name: str, text: str, line: int | None, words: str
) -> None:
    (here.root / name).write_text(text)
    with pytest.raises(ExampleError, match=re.escape(words)) as caught:
        examples.load_pool(here, name)
    assert (caught.value.file, caught.value.line) == (name, line)


# Ways to choose

CITIES = tuple(
    Example(id, {"question": question}, output, (tag,))
    for id, question, output, tag in [
        ("h1", "Which country was the host of the tournament?", "Qatar", "host"),
        ("h2", "Which country was the host before?", "Russia", "host"),
        ("w1", "Who won the final?", "Argentina", "win"),
        ("w2", "Who won the final on penalties?", "Argentina", "win"),
        ("g1", "How many goals fell?", "172", "goals"),
    ]
)


def test_similar_takes_the_most_similar_first_and_says_how_similar() -> None:
    chosen = examples.select_shots(
        CITIES, ShotChoice("p", 3, "similar"), {"question": "Who won the final before penalties?"}
    )
    assert ids(chosen.examples) == ["w2", "w1", "h2"]
    scores = [shot.score for shot in chosen.shots]
    assert None not in scores
    assert scores == sorted(scores, key=lambda score: -(score or 0))
    assert chosen.considered == 5


def test_similar_keeps_the_order_of_the_pool_where_no_word_is_shared() -> None:
    chosen = examples.select_shots(CITIES, ShotChoice("p", 2, "similar"), {"question": "日本?"})
    assert [(shot.example.id, shot.reason) for shot in chosen.shots] == [
        ("h1", "shares no word with the input"),
        ("h2", "shares no word with the input"),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_balanced_takes_an_example_of_each_class_in_turn(seed: int) -> None:
    by_tag = examples.choose_shots(CITIES, ShotChoice("p", 3, "balanced", seed, balance="tag"))
    assert {example.tags[0] for example in by_tag} == {"host", "win", "goals"}
    by_output = examples.choose_shots(CITIES, ShotChoice("p", 4, "balanced", seed))
    assert {example.output for example in by_output} == {"Qatar", "Russia", "Argentina", "172"}
    assert len(set(ids(examples.choose_shots(CITIES, ShotChoice("p", 5, "balanced", seed))))) == 5


@pytest.mark.parametrize("seed", range(6))
def test_diverse_avoids_what_resembles_the_chosen(seed: int) -> None:
    chosen = examples.choose_shots(CITIES, ShotChoice("p", 3, "diverse", seed))
    assert {example.tags[0] for example in chosen} == {"host", "win", "goals"}


def test_the_orders_are_what_they_say() -> None:
    def order(name: Any) -> list[str]:
        question = {"question": "who won the final?"}
        return ids(examples.choose_shots(CITIES[::-1], ShotChoice("p", 4, order=name, seed=2), question))

    assert order("given") == ["g1", "w2", "h2", "h1"]
    assert order("reversed") == ["h1", "h2", "w2", "g1"]
    assert sorted(order("random")) == ["g1", "h1", "h2", "w2"]
    assert order("similar_last")[-1] == "w2"


def test_the_twin_of_the_item_is_left_out_with_it() -> None:
    pool = (*POOL, Example("copy", {"question": "  question 3?"}, "another"))
    chosen = examples.select_shots(pool, ShotChoice("p", 7), {"question": "new"}, item="e3")
    assert chosen.left_out == ("e3", "copy")
    assert "e3" not in ids(chosen.examples)


WORD = st.sampled_from("who won the final host of cup goals".split())  # noqa: SIM905
QUESTIONS = st.lists(st.lists(WORD, min_size=1, max_size=5).map(" ".join), min_size=1, max_size=12)
CHOICES = st.builds(
    ShotChoice,
    st.just("p"),
    st.integers(0, 4),
    st.sampled_from(WAYS),
    st.integers(0, 20),
    st.sampled_from(ORDERS),
    st.sampled_from(["output", "tag"]),
)


@given(QUESTIONS, CHOICES, st.data())
def test_every_choice_is_pure_and_never_takes_the_item(questions: list[str], choice: ShotChoice, data: Any) -> None:
    pool = tuple(Example(f"e{n}", {"question": q}, f"A{n % 3}", (f"t{n % 2}",)) for n, q in enumerate(questions))
    item = data.draw(st.sampled_from(pool))
    others = [e for e in pool if e.inputs != item.inputs]
    inputs = {"question": item.inputs["question"].upper()}
    if len(others) < choice.k:
        with pytest.raises(ExampleError, match="shots are asked for"):
            examples.choose_shots(pool, choice, inputs)
        return
    chosen = examples.choose_shots(pool, choice, inputs)
    assert len(chosen) == choice.k == len({e.id for e in chosen})
    assert all(e in others for e in chosen)
    assert examples.choose_shots(list(pool), choice, inputs, item=item.id) == chosen
    given_order = examples.choose_shots(pool, replace(choice, order="given"), inputs)
    assert sorted(ids(given_order)) == sorted(ids(chosen))


@given(QUESTIONS, st.lists(WORD).map(" ".join))
def test_scores_are_zero_exactly_where_no_word_is_shared(texts: list[str], question: str) -> None:
    scores = similarity.Index(texts).scores(question)
    shared = [bool(set(similarity.words(text)) & set(similarity.words(question))) for text in texts]
    assert [score > 0 for score in scores] == shared


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    scores = similarity.Index(["the cup", "the cup", "the host", "a cup"]).scores("the host")
    assert similarity.best(scores, 4) == [2, 0, 1, 3]


def test_a_long_question_leaves_out_the_commonest_words(monkeypatch: pytest.MonkeyPatch) -> None:
    index = similarity.Index(["rare common", "common", "common"])
    assert all(index.scores("common rare"))
    monkeypatch.setattr(similarity, "MAX_VISITS", 2)
    assert index.scores("common rare")[1:] == [0, 0]
    assert all(index.scores("common"))


# Searching, and what is there twice


@pytest.mark.parametrize(
    ("text", "found"),
    [("HOST", ["h1", "h2"]), ("argentina", ["w1", "w2"]), ("g1", ["g1"]), ("goals", ["g1"]), ("nothing", [])],
)
def test_a_search_looks_in_every_field(text: str, found: list[str]) -> None:
    assert [example.id for example in examples.search_pool(CITIES, text)] == found
    assert len(examples.search_pool(CITIES, "", limit=2)) == 2


def test_duplicates_have_the_same_inputs_but_for_case_and_spacing() -> None:
    pool = (
        *POOL[:2],
        Example("x", {"question": " QUESTION  1?"}, "answer 1"),
        Example("y", {"question": "Question 0?"}, "B"),
    )
    groups = examples.find_duplicates(pool)
    assert [ids(group) for group in groups] == [["e0", "y"], ["e1", "x"]]
    assert [examples.has_contradiction(group) for group in groups] == [True, False]


def test_a_search_can_be_held_to_a_tag_and_a_label() -> None:
    pool = (
        Example("a", {"q": "one"}, "x", ("hard",)),
        Example("b", {"q": "one"}, "x", ("hard", "new"), "internal"),
        Example("c", {"q": "two"}, "x"),
    )
    assert [e.id for e in examples.search_pool(pool, "", tag="hard")] == ["a", "b"]
    assert [e.id for e in examples.search_pool(pool, "one", tag="hard", label="internal")] == ["b"]
    assert examples.search_pool(pool, "two", tag="hard") == []


def test_repeats_say_what_one_before_them_says() -> None:
    group = (Example("a", {"q": "1"}, "Yes"), Example("b", {"q": "1"}, "no"), Example("c", {"q": "1"}, " yes "))
    assert [e.id for e in examples.repeated_examples(group)] == ["c"]


def test_an_empty_pool_can_be_looked_at_and_gives_no_shots(here: Workspace) -> None:
    (here.root / "p.jsonl").write_text("\n")
    assert examples.read_pool(here, "p.jsonl") == ()
    with pytest.raises(ExampleError, match="the pool is empty"):
        examples.load_pool(here, "p.jsonl")


def test_pools_are_found_in_their_folders_and_by_the_templates_that_use_them(here: Workspace) -> None:
    for path in ("examples/a.jsonl", "fixtures/examples/b.csv", "examples/notes.md", "elsewhere/c.jsonl"):
        (here.root / path).parent.mkdir(parents=True, exist_ok=True)
        (here.root / path).write_text(row())
    (here.root / "templates").mkdir()
    for name, pool in (("one", "elsewhere/c.jsonl"), ("two", "elsewhere/c.jsonl"), ("three", "examples/a.jsonl")):
        text = f"inputs: {{q: {{}}}}\nexamples: {{pool: {pool}, k: 0}}\n"
        (here.root / f"templates/{name}.yaml").write_text(text)
    assert templates_by_pool(here, TemplateIndex(here).entries()) == {
        "elsewhere/c.jsonl": ["templates/one.yaml", "templates/two.yaml"],
        "examples/a.jsonl": ["templates/three.yaml"],
        "fixtures/examples/b.csv": [],
    }

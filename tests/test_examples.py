"""Pools are read strictly; choosing shots is pure and never takes the item."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab import examples
from promptlab.errors import ExampleError
from promptlab.types import Example, ShotChoice
from promptlab.workspace import Workspace

POOL = tuple(Example(f"e{n}", {"question": f"Question {n}?"}, f"Answer {n}") for n in range(8))


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
    assert ids(examples.choose(POOL, ShotChoice("p", 3))) == ["e0", "e1", "e2"]


def test_no_shots_can_be_asked_for() -> None:
    assert examples.choose((), ShotChoice("p", 0)) == ()


@pytest.mark.parametrize("select", ["first", "random"])
@pytest.mark.parametrize("question", ["Question 1?", "  question\n1? ", "ＱＵＥＳＴＩＯＮ 1?"])
def test_shots_never_include_the_item(select: Any, question: str) -> None:
    chosen = examples.choose(POOL, ShotChoice("p", 7, select), {"question": question})
    assert sorted(ids(chosen)) == ["e0", "e2", "e3", "e4", "e5", "e6", "e7"]


def test_shots_never_include_the_item_by_its_id() -> None:
    assert ids(examples.choose(POOL, ShotChoice("p", 2), {"question": "new"}, item="e0")) == ["e1", "e2"]


def test_inputs_only_one_side_has_do_not_tell_items_apart() -> None:
    pool = [Example("x", {"question": "Q", "passage": "P"}, "A"), Example("y", {"question": "R", "passage": "P"}, "A")]
    assert ids(examples.choose(pool, ShotChoice("p", 1), {"question": "q", "tone": "dry"})) == ["y"]
    assert ids(examples.choose(pool, ShotChoice("p", 1), {"question": "q", "passage": "other"})) == ["x"]
    assert ids(examples.choose(pool, ShotChoice("p", 1), {"tone": "dry"})) == ["x"]


def test_a_random_choice_depends_on_the_seed_alone() -> None:
    choices = {tuple(ids(examples.choose(POOL, ShotChoice("p", 3, "random", seed)))) for seed in range(20)}
    assert len(choices) > 10
    for seed in range(5):
        choice = ShotChoice("p", 3, "random", seed)
        assert examples.choose(POOL, choice) == examples.choose(POOL, choice)
        assert examples.choose(POOL, choice) == examples.choose(POOL[::-1], choice)


def test_a_random_choice_is_the_same_on_every_machine() -> None:
    assert ids(examples.choose(POOL, ShotChoice("p", 4, "random", 1))) == ["e5", "e2", "e3", "e7"]


@given(st.integers(0, 50), st.sampled_from(POOL))
def test_leaving_the_item_out_does_not_reshuffle_the_others(seed: int, item: Example) -> None:
    choice = ShotChoice("p", 7, "random", seed)
    everything = ids(examples.choose(POOL, ShotChoice("p", 8, "random", seed)))
    assert ids(examples.choose(POOL, choice, item.inputs)) == [name for name in everything if name != item.id]


def test_too_few_others_is_an_error_that_says_why() -> None:
    with pytest.raises(ExampleError) as caught:
        examples.choose(POOL[:3], ShotChoice("pool.jsonl", 3), {"question": "Question 1?"})
    assert "3 shots are asked for, and the pool has 2 (1 of 3 left out: the item itself)" in str(caught.value)
    assert caught.value.file == "pool.jsonl"


def test_the_pool_comes_back_as_it_was_lent() -> None:
    pool = list(POOL)
    examples.choose(pool, ShotChoice("p", 3, "random", 5))
    assert pool == list(POOL)

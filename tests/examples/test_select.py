"""Choosing shots: each way to select beside a plain one written here, ties, seeds, and what is left out."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import bm25s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab._util.bm25 import K1, B, words
from promptlab.errors import ExampleError
from promptlab.examples import _select as selection
from promptlab.examples._choice import Order, Select, ShotChoice
from promptlab.examples._select import PoolFacts, ShotSelection, facts_of_pool, select_shots
from promptlab.types import Example

WAYS = get_args(Select)
ORDERS = get_args(Order)
TEXTS = {
    "host": "Which country was the host?",
    "host2": "Which country was the host of the cup?",
    "win": "Who won the final?",
    "win2": "Who won the cup?",
    "goals": "How many goals were there in the final?",
    "none": "Name a colour.",
}
POOL = tuple(
    Example(id, {"question": text}, output, tags)
    for (id, text), output, tags in zip(
        TEXTS.items(),
        ("Qatar", "QATAR ", "Argentina", "Argentina", "172", "172"),
        (("host", "x"), ("host",), ("win",), (), ("goals", "win"), ()),
        strict=True,
    )
)


def ids(chosen: ShotSelection) -> list[str]:
    return [shot.example.id for shot in chosen.shots]


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def shuffled(pool: Sequence[Example], seed: int) -> list[str]:
    """The ids in the order that docs/examples.md promises for `random`: by a hash of seed and id."""
    return sorted((example.id for example in pool), key=lambda id: hashed(f"{seed}\0{id}"))


def reference_scores(pool: Sequence[Example], question: str) -> list[float]:
    """BM25 of bm25s, in the form that Lucene has; ours has the factor K1 + 1 of the first papers besides."""
    index = bm25s.BM25(k1=K1, b=B, method="lucene", dtype="float64")
    texts = [words(example.inputs["question"]) for example in pool]
    index.index(texts, show_progress=False)
    known = set(itertools.chain(*texts))
    query = [word for word in dict.fromkeys(words(question)) if word in known]
    if not query:
        return [0.0] * len(pool)
    return [float(score) * (K1 + 1) for score in index.get_scores(query)]


# How many


@pytest.mark.parametrize("select", WAYS)
@pytest.mark.parametrize("k", range(7))
def test_k_different_examples_are_chosen(select: Any, k: int) -> None:
    chosen = select_shots(POOL, ShotChoice("p", k, select), {"question": "Who?"})
    assert len(set(ids(chosen))) == len(chosen.shots) == k
    assert (chosen.considered, chosen.left_out) == (6, ())
    assert chosen.examples == tuple(shot.example for shot in chosen.shots)
    assert set(ids(chosen)) <= set(TEXTS)


@pytest.mark.parametrize("select", WAYS)
@pytest.mark.parametrize(
    ("k", "inputs", "item", "others"),
    [(7, {}, "", 6), (6, {"question": "who won THE cup?"}, "", 5), (6, {}, "win2", 5), (99, {}, "unknown", 6)],
)
def test_more_than_the_pool_has_is_refused(select: Any, k: int, inputs: Any, item: str, others: int) -> None:
    with pytest.raises(ExampleError) as caught:
        select_shots(POOL, ShotChoice("pool.jsonl", k, select), inputs, item=item)
    assert caught.value.file == "pool.jsonl"
    assert [int(word) for word in caught.value.what.replace("(", " ").split() if word.isdigit()][:2] == [k, others]
    assert len(select_shots(POOL, ShotChoice("p", others, select), inputs, item=item).shots) == others


@pytest.mark.parametrize("select", WAYS)
def test_an_empty_pool_gives_no_shots_and_refuses_one(select: Any) -> None:
    assert select_shots((), ShotChoice("p", 0, select), {"question": "x"}).shots == ()
    with pytest.raises(ExampleError):
        select_shots((), ShotChoice("p", 1, select), {"question": "x"})


# The item itself

SAME: list[tuple[dict[str, Any], str, set[str]]] = [
    ({"question": "Who won the final?"}, "", {"win"}),
    ({"question": "  WHO\twon\nthe Final? "}, "", {"win"}),
    ({"question": "Ｗho won the final?"}, "", {"win"}),
    ({"question": "Who won the final"}, "", set()),
    ({"question": "Who won the final?", "tone": "dry"}, "", {"win"}),
    ({"other": "Who won the final?"}, "", set()),
    ({}, "win", {"win"}),
    ({"question": "something else"}, "win", {"win"}),
    ({"question": "Name a colour."}, "win", {"win", "none"}),
    ({}, "Win", set()),
    ({}, "", set()),
]


@pytest.mark.parametrize(("inputs", "item", "left_out"), SAME)
@pytest.mark.parametrize("select", WAYS)
def test_the_item_is_never_a_shot(select: Any, inputs: dict[str, Any], item: str, left_out: set[str]) -> None:
    choice = ShotChoice("p", len(POOL) - len(left_out), select)
    chosen = select_shots(POOL, choice, inputs, item=item)
    assert set(ids(chosen)) == set(TEXTS) - left_out
    assert chosen.left_out == tuple(id for id in TEXTS if id in left_out)
    assert chosen.considered == choice.k


PAIRS = (
    Example("a", {"q": "one", "p": "red"}, "A"),
    Example("twin", {"p": " RED", "q": "One"}, "B"),
    Example("b", {"q": "one", "p": "blue"}, "A"),
    Example("short", {"q": "one"}, "A"),
    Example("bare", {}, "A"),
)


@pytest.mark.parametrize(
    ("inputs", "item", "left_out"),
    [
        ({"q": "one", "p": "red"}, "", ("a", "twin", "short")),
        ({"q": "one"}, "", ("a", "twin", "b", "short")),
        ({"p": "blue"}, "", ("b",)),
        ({"q": "two", "p": "red"}, "", ()),
        ({"q": "two"}, "a", ("a", "twin", "short")),
        ({}, "bare", ("bare",)),
    ],
)
@pytest.mark.parametrize("select", WAYS)
def test_only_inputs_that_both_have_are_compared(
    select: Any, inputs: dict[str, Any], item: str, left_out: tuple[str, ...]
) -> None:
    chosen = select_shots(PAIRS, ShotChoice("p", 5 - len(left_out), select), inputs, item=item)
    assert chosen.left_out == left_out
    assert sorted((*ids(chosen), *left_out)) == sorted(example.id for example in PAIRS)


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), (2.5, "2.5"), (True, "true"), (["a", {"b": None}], '["a",{"b":null}]')]
)
def test_an_item_with_data_is_left_out_like_one_with_text(value: Any, text: str) -> None:
    pool = (Example("same", {"n": text}, "A"), Example("other", {"n": "4"}, "A"))
    assert select_shots(pool, ShotChoice("p", 1), {"n": value}).left_out == ("same",)


# Not diverse: each of its shots depends on those before.
@pytest.mark.parametrize("select", ["first", "random", "balanced", "similar"])
@pytest.mark.parametrize("seed", range(4))
def test_leaving_one_out_leaves_the_order_of_the_others(select: Any, seed: int) -> None:
    choice = ShotChoice("p", 6, select, seed)
    question = {"question": "the final of the cup"}
    if select == "balanced":  # of one class, so that turns stay the same too
        pool: tuple[Example, ...] = tuple(replace(example, output="same") for example in POOL)
    else:
        pool = POOL
    everything = ids(select_shots(pool, choice, question))
    less = ids(select_shots(pool, replace(choice, k=5), question, item="win"))
    assert less == [id for id in everything if id != "win"]


# Each way


@pytest.mark.parametrize("seed", [0, 1, 7, 2**40, -3])
@pytest.mark.parametrize("k", [1, 3, 6])
def test_random_is_the_order_of_the_hashes(seed: int, k: int) -> None:
    for pool in (POOL, POOL[::-1], list(POOL)):
        assert ids(select_shots(pool, ShotChoice("p", k, "random", seed))) == shuffled(POOL, seed)[:k]


def test_every_example_is_drawn_about_as_often() -> None:
    firsts = [ids(select_shots(POOL, ShotChoice("p", 1, "random", seed)))[0] for seed in range(1200)]
    assert all(150 < firsts.count(id) < 250 for id in TEXTS)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("balance", "classes"),
    [
        ("output", {"qatar": {"host", "host2"}, "argentina": {"win", "win2"}, "172": {"goals", "none"}}),
        ("tag", {"host": {"host", "host2"}, "win": {"win"}, "": {"win2", "none"}, "goals": {"goals"}}),
    ],
)
def test_balanced_goes_round_the_classes_by_hash(seed: int, balance: Any, classes: dict[str, set[str]]) -> None:
    names = sorted(classes, key=lambda name: hashed(f"{seed}\0class\0{name}"))
    queues = {name: [id for id in shuffled(POOL, seed) if id in classes[name]] for name in names}
    rounds = itertools.zip_longest(*(queues[name] for name in names))
    expected = [id for turn in rounds for id in turn if id]
    for k in range(7):
        assert ids(select_shots(POOL, ShotChoice("p", k, "balanced", seed, balance=balance))) == expected[:k]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("k", [1, 2, 4, 6])
def test_diverse_takes_the_one_that_shares_least_with_those_before(seed: int, k: int) -> None:
    order = shuffled(POOL, seed)
    bags = {id: set(words(text)) for id, text in TEXTS.items()}
    expected: list[str] = [order[0]]
    scores: list[float | None] = [None]
    while len(expected) < k:
        rest = {
            id: max(len(bags[id] & bags[other]) / len(bags[id] | bags[other]) for other in expected)
            for id in order
            if id not in expected
        }
        farthest = min(rest, key=lambda id: (rest[id], order.index(id)))
        expected.append(farthest)
        scores.append(round(rest[farthest], 6))
    chosen = select_shots(POOL, ShotChoice("p", k, "diverse", seed))
    assert (ids(chosen), [shot.score for shot in chosen.shots]) == (expected, scores)


def test_diverse_compares_those_drawn_by_the_seed_in_a_large_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "DIVERSE_FROM", 3)
    for k in (1, 2, 3, 5):
        chosen = ids(select_shots(POOL, ShotChoice("p", k, "diverse", 4)))
        assert set(chosen) <= set(shuffled(POOL, 4)[: max(3, k)])
        assert len(chosen) == k


# Similarity beside bm25s

QUESTIONS = [
    "Who won the final of the cup?",
    "the the the host",
    "host",
    "goals in the final",
    "Name the host country and a colour of the cup.",
    "nothing shared",
    "",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_similar_is_the_order_and_the_scores_of_bm25s(question: str) -> None:
    scores = reference_scores(POOL, question)
    expected = sorted(range(len(POOL)), key=lambda n: (-round(scores[n], 6), n))
    chosen = select_shots(POOL, ShotChoice("p", 6, "similar"), {"question": question})
    assert ids(chosen) == [POOL[n].id for n in expected]
    assert [shot.score for shot in chosen.shots] == pytest.approx([scores[n] for n in expected], abs=2e-6)


WORD = st.sampled_from(["who", "won", "the", "final", "host", "of", "cup", "goals", "日", "本", "e\u0301"])
SENTENCE = st.lists(WORD, min_size=1, max_size=8).map(" ".join)


@given(st.lists(SENTENCE, min_size=1, max_size=12), SENTENCE)
def test_similar_agrees_with_bm25s_on_any_pool(texts: list[str], question: str) -> None:
    pool = tuple(Example(f"e{n}", {"question": text}, "A") for n, text in enumerate(texts))
    scores = reference_scores(pool, question)
    left_out = facts_of_pool(pool).same_as({"question": question}, "")
    others = [n for n in range(len(pool)) if n not in left_out]
    chosen = select_shots(pool, ShotChoice("p", len(others), "similar"), {"question": question})
    assert sorted(ids(chosen)) == sorted(pool[n].id for n in others)
    numbers = [int(id[1:]) for id in ids(chosen)]
    assert [shot.score for shot in chosen.shots] == pytest.approx([scores[n] for n in numbers], abs=2e-6)
    for before, after in itertools.pairwise(numbers):
        assert scores[before] > scores[after] - 2e-6
        if chosen.shots[numbers.index(before)].score == chosen.shots[numbers.index(after)].score:
            assert before < after, "of equals, the first in the pool comes first"


def test_similar_counts_all_inputs_of_the_item() -> None:
    pool = (Example("a", {"q": "cup", "p": "red"}, "A"), Example("b", {"q": "cup", "p": "blue sky"}, "A"))
    assert ids(select_shots(pool, ShotChoice("p", 2, "similar"), {"q": "cup?", "p": "the sky"})) == ["b", "a"]
    assert ids(select_shots(pool, ShotChoice("p", 2, "similar"), {"q": "cup?", "n": ["sky"]})) == ["b", "a"]


# Ties

TIES = tuple(Example(id, {"question": "the same words " + mark}, "A") for id, mark in zip("dacb", "!?.;", strict=True))


def test_equals_are_taken_in_the_order_of_the_pool_or_of_the_seed() -> None:
    question = {"question": "the same"}
    assert ids(select_shots(TIES, ShotChoice("p", 4, "first"), question)) == list("dacb")
    assert ids(select_shots(TIES, ShotChoice("p", 4, "similar"), question)) == list("dacb")
    assert ids(select_shots(TIES, ShotChoice("p", 4, "similar", order="similar_last"), question)) == list("bcad")
    for seed in range(5):
        expected = shuffled(TIES, seed)
        for select in ("random", "balanced", "diverse"):
            assert ids(select_shots(TIES, ShotChoice("p", 4, select, seed), question)) == expected


# The order in the prompt


@pytest.mark.parametrize("select", WAYS)
@pytest.mark.parametrize("seed", range(3))
def test_an_order_moves_the_shots_and_changes_nothing_else(select: Any, seed: int) -> None:
    question = {"question": "Who won the cup in the final"}
    choice = ShotChoice("p", 4, select, seed)
    as_chosen = select_shots(POOL, choice, question)
    scores = dict(zip(TEXTS, reference_scores(POOL, question["question"]), strict=True))
    position = {id: number for number, id in enumerate(TEXTS)}
    expected = {
        "given": ids(as_chosen),
        "reversed": ids(as_chosen)[::-1],
        "random": sorted(ids(as_chosen), key=lambda id: hashed(f"{seed}\0order\0{id}")),
        "similar_last": sorted(ids(as_chosen), key=lambda id: (round(scores[id], 6), -position[id])),
    }
    for order in ORDERS:
        chosen = select_shots(POOL, replace(choice, order=order), question)
        assert ids(chosen) == expected[order]
        by_id = {shot.example.id: (shot.reason, shot.score) for shot in as_chosen.shots}
        assert {shot.example.id: (shot.reason, shot.score) for shot in chosen.shots} == by_id


# The same again


@pytest.mark.parametrize(("select", "order", "balance"), list(itertools.product(WAYS, ORDERS, ("output", "tag"))))
def test_two_calls_give_the_same_shots_in_the_same_order(select: Any, order: Any, balance: Any) -> None:
    choice = ShotChoice("p", 4, select, 11, order, balance)
    question = {"question": "Who won the host?"}
    first = select_shots(POOL, choice, question, item="none")
    assert select_shots(POOL, choice, question, item="none") == first
    assert select_shots(list(POOL), choice, question, item="none") == first, "cached facts or none"
    assert select_shots(tuple(POOL[:]), choice, dict(question), item="none") == first


@pytest.mark.parametrize("select", ["random", "balanced", "diverse"])
def test_seeds_give_different_shots(select: Any) -> None:
    chosen = [ids(select_shots(POOL, ShotChoice("p", 3, select, seed))) for seed in range(60)]
    assert {shots[0] for shots in chosen} == {id for shots in chosen for id in shots} == set(TEXTS)


@pytest.mark.parametrize("select", ["first", "similar"])
def test_ways_without_chance_take_no_account_of_the_seed(select: Any) -> None:
    question = {"question": "Who won the host?"}
    assert len({tuple(ids(select_shots(POOL, ShotChoice("p", 3, select, seed), question))) for seed in range(30)}) == 1


def test_facts_are_of_their_own_pool() -> None:
    pools = [tuple(replace(example, id=f"{example.id}-{n}") for example in POOL) for n in range(20)]
    for pool in pools * 2:
        assert facts_of_pool(pool).pool is pool
        assert ids(select_shots(pool, ShotChoice("p", 1, "similar"), {"question": "colour"})) == [pool[5].id]
    assert facts_of_pool(pools[0]) is facts_of_pool(pools[0])
    changing = list(POOL)
    for expected in (TEXTS, list(TEXTS)[1:]):
        assert set(ids(select_shots(changing, ShotChoice("p", len(expected), "random"), {}))) == set(expected)
        del changing[0]


def test_facts_about_tags_count_each_example_once() -> None:
    pool = (*POOL, Example("twice", {"question": "x"}, "A", ("win", "win")))
    assert list(PoolFacts(pool).tags.items()) == [("win", 3), ("host", 2), ("x", 1), ("goals", 1)]


def test_each_way_that_a_template_may_name_is_there() -> None:
    assert set(WAYS) == set(selection._WAYS)

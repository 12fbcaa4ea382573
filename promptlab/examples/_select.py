"""The choice of shots from a pool: pure functions of the pool, the choice and the inputs.

The same arguments give the same examples in the same order on every machine, and never the item that is being
asked, nor a duplicate of it. What a pool has to be looked at for more than once (its normalised inputs, the index of
its words) is worked out once and kept with it.
"""

from __future__ import annotations

import heapq
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cachetools import LRUCache

from promptlab._util.bm25 import Index, best, normal, words
from promptlab.errors import ExampleError
from promptlab.types import Example, ShotChoice, canonical_json, sha256

DIVERSE_FROM = 4_000
"""Most examples a diverse choice looks at: of a larger pool, as many as this are drawn by the seed."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A chosen example and why it was. `score` is BM25 for `similar`, the words shared at most for `diverse`."""

    example: Example
    reason: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class ShotSelection:
    """The shots in the order of the prompt, how many examples there were to choose from, and whom it left out."""

    shots: tuple[Shot, ...]
    considered: int
    left_out: tuple[str, ...]

    @property
    def examples(self) -> tuple[Example, ...]:
        return tuple(shot.example for shot in self.shots)


def select_shots(
    pool: Sequence[Example], choice: ShotChoice, inputs: Mapping[str, Any] | None = None, *, item: str = ""
) -> ShotSelection:
    """The `choice.k` shots for an item with these `inputs`, whose id is `item` where it has one.

    The item itself is never among them: an example is the item when it has its id, or the same inputs but for case
    and spacing; nor is an example with the inputs of the one that has its id. Raises `ExampleError` when the pool
    has too few others.

    `first` keeps the pool's order. `random` orders all examples by a hash of seed and id, so the order of the file
    plays no part and leaving one out does not reshuffle the others. `balanced` takes an example of each class in
    turn, classes and examples in random order. `similar` takes those most like the inputs (BM25), the most similar
    first. `diverse` begins with the first of the random order, and goes on with the example that shares least words
    with any chosen before.
    """
    pool_facts = facts_of_pool(pool)
    left_out = pool_facts.same_as(inputs or {}, item)
    others = len(pool) - len(left_out)
    if others < choice.k:
        less = f" ({len(left_out)} of {len(pool)} left out: the item itself)" if left_out else ""
        message = f"{choice.k} shots are asked for, and the pool has {others}{less}"
        raise ExampleError(message, file=choice.pool, hint="lower `k`, or add examples")
    question = _text(inputs or {})
    found = _WAYS[choice.select](pool_facts, choice, question, left_out)
    names = tuple(pool[number].id for number in sorted(left_out))
    return ShotSelection(_ordered(pool_facts, choice, question, found), others, names)


class PoolFacts:
    """What is worth knowing of a pool more than once."""

    def __init__(self, pool: Sequence[Example]) -> None:
        self.pool = pool
        self._orders: LRUCache[int, list[int]] = LRUCache(4)

    @cached_property
    def normals(self) -> list[dict[str, str]]:
        """The inputs of each example, normalised."""
        return [{name: normal(value) for name, value in example.inputs.items()} for example in self.pool]

    @cached_property
    def haystacks(self) -> list[str]:
        """All the text of each example, in lower case, for searching."""
        return ["\n".join((e.id, *e.inputs.values(), e.output, *e.tags, e.label)).casefold() for e in self.pool]

    @cached_property
    def groups(self) -> list[list[int]]:
        """Positions of examples with the same inputs, of those that are not alone with theirs."""
        found: dict[tuple[tuple[str, str], ...], list[int]] = defaultdict(list)
        for number, values in enumerate(self.normals):
            found[tuple(sorted(values.items()))].append(number)
        return [group for group in found.values() if len(group) > 1]

    @cached_property
    def tags(self) -> Mapping[str, int]:
        """How many examples have each tag, the commonest first."""
        return dict(Counter(tag for example in self.pool for tag in dict.fromkeys(example.tags)).most_common())

    @cached_property
    def index(self) -> Index:
        """The words of each example's inputs."""
        return Index([_text(example.inputs) for example in self.pool])

    @cached_property
    def _by_value(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, values in enumerate(self.normals):
            for pair in values.items():
                found[pair].append(number)
        return dict(found)

    @cached_property
    def by_id(self) -> dict[str, int]:
        return {example.id: number for number, example in enumerate(self.pool)}

    def random(self, seed: int) -> list[int]:
        """Positions in the order of a hash of seed and id."""
        order = self._orders.get(seed)
        if order is None:
            order = sorted(range(len(self.pool)), key=lambda n: sha256(f"{seed}\0{self.pool[n].id}"))
            self._orders[seed] = order
        return order

    def same_as(self, inputs: Mapping[str, Any], item: str) -> set[int]:
        """Positions of the item: by its id, by its inputs, and by the inputs of the example with its id."""
        found: set[int] = set()
        wanted = [{name: _normal(value) for name, value in inputs.items()}]
        if item and item in self.by_id:
            found.add(self.by_id[item])
            wanted.append(self.normals[self.by_id[item]])
        for values in wanted:
            for pair in values.items():
                found.update(n for n in self._by_value.get(pair, ()) if self._shares(self.normals[n], values))
        return found

    @staticmethod
    def _shares(mine: dict[str, str], theirs: dict[str, str]) -> bool:
        # Inputs only one side has do not tell two items apart: a template may not use all an example has.
        return all(theirs[name] == value for name, value in mine.items() if name in theirs)


_KEPT: LRUCache[int, PoolFacts] = LRUCache(8)
_LOCK = threading.Lock()


def facts_of_pool(pool: Sequence[Example]) -> PoolFacts:
    """The facts of `pool`; those of a tuple, which cannot change, are kept for the next time."""
    if not isinstance(pool, tuple):
        return PoolFacts(pool)
    with _LOCK:
        known = _KEPT.get(id(pool))
        # The kept facts hold the pool, so its identity cannot become another's.
        if known is None:
            known = _KEPT[id(pool)] = PoolFacts(pool)
        return known


_Found = list[tuple[int, str, float | None]]


def _first(pool: PoolFacts, choice: ShotChoice, _question: str, left_out: set[int]) -> _Found:
    return _take((n for n in range(len(pool.pool)) if n not in left_out), choice.k, "in the pool's order")


def _random(pool: PoolFacts, choice: ShotChoice, _question: str, left_out: set[int]) -> _Found:
    return _take((n for n in pool.random(choice.seed) if n not in left_out), choice.k, f"drawn by seed {choice.seed}")


def _take(numbers: Any, k: int, reason: str) -> _Found:
    return [(number, reason, None) for number, _ in zip(numbers, range(k), strict=False)]


def _balanced(pool: PoolFacts, choice: ShotChoice, _question: str, left_out: set[int]) -> _Found:
    classes: dict[str, list[int]] = defaultdict(list)
    for number in pool.random(choice.seed):
        if number not in left_out:
            example = pool.pool[number]
            name = normal(example.output) if choice.balance == "output" else (example.tags or ("",))[0]
            classes[name].append(number)
    names = heapq.nsmallest(max(choice.k, 1), classes, key=lambda name: sha256(f"{choice.seed}\0class\0{name}"))
    found: _Found = []
    turn = 0
    while len(found) < choice.k:
        for name in names:
            if turn < len(classes[name]) and len(found) < choice.k:
                what = f"{choice.balance} `{name[:40]}`" if name else "without a tag"
                found.append((classes[name][turn], f"{what}, number {turn + 1} of its class", None))
        turn += 1
    return found


def _similar(pool: PoolFacts, choice: ShotChoice, question: str, left_out: set[int]) -> _Found:
    scores = pool.index.scores(question)
    numbers = [n for n in best(scores, choice.k + len(left_out)) if n not in left_out][: choice.k]
    return [(n, "similar to the input" if scores[n] else "shares no word with the input", scores[n]) for n in numbers]


def _diverse(pool: PoolFacts, choice: ShotChoice, _question: str, left_out: set[int]) -> _Found:
    if not choice.k:
        return []
    drawn = (n for n in pool.random(choice.seed) if n not in left_out)
    numbers = [n for n, _ in zip(drawn, range(max(DIVERSE_FROM, choice.k)), strict=False)]
    known = {n: frozenset(words(_text(pool.pool[n].inputs))) for n in numbers}
    nearest = dict.fromkeys(numbers, 0.0)
    found: _Found = []
    while True:
        # The first of equals, in random order.
        chosen = min(nearest, key=lambda n: nearest[n])
        score = round(nearest.pop(chosen), 6)
        reason = f"shares {score:.0%} of its words with those before" if found else f"drawn by seed {choice.seed}"
        found.append((chosen, reason, score if found else None))
        if len(found) == choice.k:
            return found
        mine = known[chosen]
        for number, so_far in nearest.items():
            theirs = known[number]
            both = len(mine & theirs)
            shared = both / (len(mine) + len(theirs) - both) if both else 0.0
            if shared > so_far:
                nearest[number] = shared


_WAYS: Mapping[str, Callable[[PoolFacts, ShotChoice, str, set[int]], _Found]] = {
    "first": _first,
    "random": _random,
    "balanced": _balanced,
    "similar": _similar,
    "diverse": _diverse,
}


def _ordered(pool: PoolFacts, choice: ShotChoice, question: str, found: _Found) -> tuple[Shot, ...]:
    if choice.order == "reversed":
        found = found[::-1]
    elif choice.order == "random":
        found = sorted(found, key=lambda one: sha256(f"{choice.seed}\0order\0{pool.pool[one[0]].id}"))
    elif choice.order == "similar_last" and found:
        scores = pool.index.scores(question)
        found = sorted(found, key=lambda one: (scores[one[0]], -one[0]))
    return tuple(Shot(pool.pool[number], reason, score) for number, reason, score in found)


def _text(inputs: Mapping[str, Any]) -> str:
    return "\n".join(value if isinstance(value, str) else canonical_json(value) for value in inputs.values())


def _normal(value: Any) -> str:
    return normal(value if isinstance(value, str) else canonical_json(value))

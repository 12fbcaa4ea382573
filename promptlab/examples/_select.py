"""The choice of shots from a pool: pure functions of the pool, the choice and the inputs.

The same arguments give the same examples in the same order on every machine. The item that is asked, and duplicates of
it, are never chosen. Normalised inputs and the search index are computed once for each pool and cached.
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
from promptlab.examples._choice import ShotChoice
from promptlab.types import Example, canonical_json, sha256

DIVERSE_FROM = 4_000
"""Most examples that a diverse choice compares. From a larger pool, this many are drawn at random by the seed."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A chosen example and the reason. `score` is BM25 for `similar`; for `diverse` the largest share of common
    words."""

    example: Example
    reason: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class ShotSelection:
    """The shots, in the order of the prompt. `considered` is how many examples there were to choose from; `left_out`
    are the ids of the item itself and its duplicates."""

    shots: tuple[Shot, ...]
    considered: int
    left_out: tuple[str, ...]

    @property
    def examples(self) -> tuple[Example, ...]:
        return tuple(shot.example for shot in self.shots)


def select_shots(
    pool: Sequence[Example], choice: ShotChoice, inputs: Mapping[str, Any] | None = None, *, item: str = ""
) -> ShotSelection:
    """Choose `choice.k` shots for an item with these `inputs`. `item` is its id, if it has one.

    The item itself is never a shot: an example is left out if it has the id of the item, the same inputs (ignoring case
    and spacing), or the inputs of the example with that id. Raises `ExampleError` if too few others remain.

    `first` takes the first in the pool. `random` orders all examples by a hash of seed and id, so the order of the file
    does not matter, and leaving one out does not change the order of the others. `balanced` takes one example of each
    class in turn, in random order. `similar` takes the most similar to the inputs (BM25), the best first. `diverse`
    begins with a random example, then always takes the one that shares the fewest words with those chosen before.
    """
    pool_facts = facts_of_pool(pool)
    left_out = pool_facts.same_as(inputs or {}, item)
    others = len(pool) - len(left_out)
    if others < choice.k:
        less = f" ({len(left_out)} of {len(pool)} left out: the item itself)" if left_out else ""
        message = f"{choice.k} shots are asked for, and the pool has {others}{less}"
        raise ExampleError(message, file=choice.pool, hint="lower `k`, or add examples")
    question = _text(inputs or {})
    chosen = _WAYS[choice.select](pool_facts, choice, question, left_out)
    names = tuple(pool[number].id for number in sorted(left_out))
    return ShotSelection(_ordered(pool_facts, choice, question, chosen), others, names)


class PoolFacts:
    """What is computed about a pool, each once and only when needed."""

    def __init__(self, pool: Sequence[Example]) -> None:
        self.pool = pool
        self._orders: LRUCache[int, list[int]] = LRUCache(4)

    @cached_property
    def normals(self) -> list[dict[str, str]]:
        """The inputs of each example, normalised."""
        return [{name: normal(value) for name, value in example.inputs.items()} for example in self.pool]

    @cached_property
    def haystacks(self) -> list[str]:
        """The whole text of each example, in lower case, for searching."""
        return ["\n".join((e.id, *e.inputs.values(), e.output, *e.tags, e.label)).casefold() for e in self.pool]

    @cached_property
    def groups(self) -> list[list[int]]:
        """Groups of positions of examples with the same inputs. Groups of one are left out."""
        by_inputs: dict[tuple[tuple[str, str], ...], list[int]] = defaultdict(list)
        for number, values in enumerate(self.normals):
            by_inputs[tuple(sorted(values.items()))].append(number)
        return [group for group in by_inputs.values() if len(group) > 1]

    @cached_property
    def tags(self) -> Mapping[str, int]:
        """The number of examples with each tag, most frequent first."""
        return dict(Counter(tag for example in self.pool for tag in dict.fromkeys(example.tags)).most_common())

    @cached_property
    def index(self) -> Index:
        """The search index over the inputs of each example."""
        return Index([_text(example.inputs) for example in self.pool])

    @cached_property
    def _by_value(self) -> dict[tuple[str, str], list[int]]:
        by_value: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, values in enumerate(self.normals):
            for pair in values.items():
                by_value[pair].append(number)
        return dict(by_value)

    @cached_property
    def by_id(self) -> dict[str, int]:
        return {example.id: number for number, example in enumerate(self.pool)}

    def random(self, seed: int) -> list[int]:
        """All positions, in the order of a hash of seed and id."""
        order = self._orders.get(seed)
        if order is None:
            order = sorted(range(len(self.pool)), key=lambda n: sha256(f"{seed}\0{self.pool[n].id}"))
            self._orders[seed] = order
        return order

    def same_as(self, inputs: Mapping[str, Any], item: str) -> set[int]:
        """Positions of examples that are the item: with its id, its inputs, or the inputs of the example with its
        id."""
        positions: set[int] = set()
        wanted = [{name: _normal(value) for name, value in inputs.items()}]
        if item and item in self.by_id:
            positions.add(self.by_id[item])
            wanted.append(self.normals[self.by_id[item]])
        for values in wanted:
            for pair in values.items():
                positions.update(n for n in self._by_value.get(pair, ()) if self._shares(self.normals[n], values))
        return positions

    @staticmethod
    def _shares(mine: dict[str, str], theirs: dict[str, str]) -> bool:
        # Only inputs that both have are compared: a template may not use every input of an example.
        return all(theirs[name] == value for name, value in mine.items() if name in theirs)


_KEPT: LRUCache[int, PoolFacts] = LRUCache(8)
_LOCK = threading.Lock()


def facts_of_pool(pool: Sequence[Example]) -> PoolFacts:
    """The facts about `pool`. They are cached for a tuple, because it cannot change."""
    if not isinstance(pool, tuple):
        return PoolFacts(pool)
    with _LOCK:
        known = _KEPT.get(id(pool))
        # The cached facts refer to the pool, so its id() cannot be reused for another object.
        if known is None:
            known = _KEPT[id(pool)] = PoolFacts(pool)
        return known


_Chosen = list[tuple[int, str, float | None]]
"""Position, reason and score of each chosen example."""


def _first(pool: PoolFacts, choice: ShotChoice, _question: str, left_out: set[int]) -> _Chosen:
    return _take((n for n in range(len(pool.pool)) if n not in left_out), choice.k, "in the pool's order")


def _random(pool: PoolFacts, choice: ShotChoice, _question: str, left_out: set[int]) -> _Chosen:
    return _take((n for n in pool.random(choice.seed) if n not in left_out), choice.k, f"drawn by seed {choice.seed}")


def _take(numbers: Any, k: int, reason: str) -> _Chosen:
    return [(number, reason, None) for number, _ in zip(numbers, range(k), strict=False)]


def _balanced(pool: PoolFacts, choice: ShotChoice, _question: str, left_out: set[int]) -> _Chosen:
    classes: dict[str, list[int]] = defaultdict(list)
    for number in pool.random(choice.seed):
        if number not in left_out:
            example = pool.pool[number]
            name = normal(example.output) if choice.balance == "output" else (example.tags or ("",))[0]
            classes[name].append(number)
    names = heapq.nsmallest(max(choice.k, 1), classes, key=lambda name: sha256(f"{choice.seed}\0class\0{name}"))
    chosen: _Chosen = []
    turn = 0
    while len(chosen) < choice.k:
        for name in names:
            if turn < len(classes[name]) and len(chosen) < choice.k:
                what = f"{choice.balance} `{name[:40]}`" if name else "without a tag"
                chosen.append((classes[name][turn], f"{what}, number {turn + 1} of its class", None))
        turn += 1
    return chosen


def _similar(pool: PoolFacts, choice: ShotChoice, question: str, left_out: set[int]) -> _Chosen:
    scores = pool.index.scores(question)
    numbers = [n for n in best(scores, choice.k + len(left_out)) if n not in left_out][: choice.k]
    return [(n, "similar to the input" if scores[n] else "shares no word with the input", scores[n]) for n in numbers]


def _diverse(pool: PoolFacts, choice: ShotChoice, _question: str, left_out: set[int]) -> _Chosen:
    if not choice.k:
        return []
    drawn = (n for n in pool.random(choice.seed) if n not in left_out)
    numbers = [n for n, _ in zip(drawn, range(max(DIVERSE_FROM, choice.k)), strict=False)]
    known = {n: frozenset(words(_text(pool.pool[n].inputs))) for n in numbers}
    nearest = dict.fromkeys(numbers, 0.0)
    chosen: _Chosen = []
    while True:
        # Of equally distant examples, `min` takes the first in the random order.
        farthest = min(nearest, key=lambda n: nearest[n])
        score = round(nearest.pop(farthest), 6)
        reason = f"shares {score:.0%} of its words with those before" if chosen else f"drawn by seed {choice.seed}"
        chosen.append((farthest, reason, score if chosen else None))
        if len(chosen) == choice.k:
            return chosen
        mine = known[farthest]
        for number, so_far in nearest.items():
            theirs = known[number]
            both = len(mine & theirs)
            shared = both / (len(mine) + len(theirs) - both) if both else 0.0
            if shared > so_far:
                nearest[number] = shared


_WAYS: Mapping[str, Callable[[PoolFacts, ShotChoice, str, set[int]], _Chosen]] = {
    "first": _first,
    "random": _random,
    "balanced": _balanced,
    "similar": _similar,
    "diverse": _diverse,
}


def _ordered(pool: PoolFacts, choice: ShotChoice, question: str, chosen: _Chosen) -> tuple[Shot, ...]:
    if choice.order == "reversed":
        chosen = chosen[::-1]
    elif choice.order == "random":
        chosen = sorted(chosen, key=lambda shot: sha256(f"{choice.seed}\0order\0{pool.pool[shot[0]].id}"))
    elif choice.order == "similar_last" and chosen:
        scores = pool.index.scores(question)
        chosen = sorted(chosen, key=lambda shot: (scores[shot[0]], -shot[0]))
    return tuple(Shot(pool.pool[number], reason, score) for number, reason, score in chosen)


def _text(inputs: Mapping[str, Any]) -> str:
    return "\n".join(value if isinstance(value, str) else canonical_json(value) for value in inputs.values())


def _normal(value: Any) -> str:
    return normal(value if isinstance(value, str) else canonical_json(value))

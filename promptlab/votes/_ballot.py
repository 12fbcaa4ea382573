"""A ballot: pairs of answers to the same question, for people who do not know whose they are.

The order of the pairs and the sides of the answers come from the seed and the name of the voter, so a ballot goes on
where it stopped. For each voter each contender stands on the left as often as on the right, give or take one pair.
"""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from promptlab import versions
from promptlab.errors import InputError, nearest
from promptlab.runs import Vote, pair_id
from promptlab.types import sha256
from promptlab.votes._answers import Answer, Contender, Sources, answers_of
from promptlab.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to the same question; `first` is of the contender that stands first in the ballot."""

    first: Answer
    second: Answer

    @property
    def id(self) -> str:
        return pair_id(self.first.result.id, self.second.result.id)

    @property
    def case(self) -> str:
        return self.first.case

    @property
    def question(self) -> str:
        return self.first.question

    @property
    def same(self) -> bool:
        """True if the texts are equal: nobody needs to be asked which is better."""
        return self.first.text.strip() == self.second.text.strip()


@dataclass(frozen=True, slots=True)
class Turn:
    """A pair as a voter sees it."""

    pair: Pair
    left: Answer
    right: Answer


@dataclass(frozen=True)
class Ballot:
    """What is voted on. `pairs` are those with different texts, `ties` those with equal ones, which nobody is asked.
    `notes` say what was left out."""

    title: str
    names: tuple[str, ...]
    contenders: tuple[Contender, ...]
    pairs: tuple[Pair, ...]
    ties: tuple[Pair, ...] = ()
    seed: int = 0
    notes: tuple[str, ...] = ()

    @property
    def result_ids(self) -> set[str]:
        """The ids of all results in the pairs."""
        return {answer.result.id for pair in self.pairs for answer in (pair.first, pair.second)}

    def turns(self, voter: str) -> tuple[Turn, ...]:
        """All pairs in the order and with the sides that `voter` sees."""
        left_first = self._first_on_the_left(voter)
        ordered = sorted(self.pairs, key=lambda pair: self._draw("order", voter, pair))
        return tuple(
            Turn(pair, pair.first, pair.second) if pair.id in left_first else Turn(pair, pair.second, pair.first)
            for pair in ordered
        )

    def ties_met(self, voter: str, voted: Collection[str]) -> tuple[Pair, ...]:
        """The pairs of equal texts that came up among those that `voter` has voted on, whose ids are `voted`.

        They have their places in the order of the voter, so that a ballot that is voted on in part has no more ties
        than its share.
        """
        asked = [self._draw("order", voter, pair) for pair in self.pairs if pair.id in voted]
        if len(asked) == len(self.pairs) and voted:
            return self.ties
        last = max(asked, default="")
        return tuple(pair for pair in self.ties if self._draw("order", voter, pair) < last)

    def _first_on_the_left(self, voter: str) -> set[str]:
        """The pairs whose first answer stands on the left: half of those of each two contenders."""
        groups: dict[tuple[str, str], list[Pair]] = {}
        for pair in self.pairs:
            groups.setdefault((pair.first.contender.id, pair.second.contender.id), []).append(pair)
        chosen: set[str] = set()
        for group in groups.values():
            drawn = sorted(group, key=lambda pair: self._draw("side", voter, pair))
            odd = int(self._draw("odd", voter, drawn[0]), 16) % 2 if len(drawn) % 2 else 0
            chosen |= {pair.id for pair in drawn[: len(drawn) // 2 + odd]}
        return chosen

    def _draw(self, what: str, voter: str, pair: Pair) -> str:
        return sha256(f"{what}\n{self.seed}\n{voter}\n{pair.id}")


def make_ballot(
    sources: Sources, names: Sequence[str], *, among: Sequence[str] = (), seed: int = 0, limit: int | None = None
) -> Ballot:
    """The ballot of the answers of `names` (see `answers_of`), among all contenders or those that `among` names.
    `limit` is a number of questions, drawn by the seed.

    Raises `InputError` if there are no two answers to the same question.
    """
    answers = answers_of(sources, names)
    contenders = _chosen(answers.contenders, among)
    by_case = _by_case(answer for answer in answers.answers if answer.contender in contenders)
    pairs, notes = _pairs(by_case, contenders)
    if not pairs:
        raise InputError(
            f"no two answers of {answers.title} are to the same question",
            hint="compare runs with the same inputs, the models of one run, or the variants of a suite",
        )
    cases = sorted({pair.case for pair in pairs}, key=lambda case: sha256(f"case\n{seed}\n{case}"))
    wanted = set(cases[:limit])
    kept = [pair for pair in pairs if pair.case in wanted]
    asked = tuple(pair for pair in kept if not pair.same)
    ties = tuple(pair for pair in kept if pair.same)
    return Ballot(answers.title, tuple(names), contenders, asked, ties, seed, (*answers.notes, *notes))


def _chosen(contenders: Sequence[Contender], among: Sequence[str]) -> tuple[Contender, ...]:
    if not among:
        return tuple(contenders)
    names = {contender.name: contender for contender in contenders}
    ids = {contender.id: contender for contender in contenders}
    for name in among:
        if name not in names and name not in ids:
            raise InputError(f"nobody here is called `{name}`", hint=nearest(name, list(names)))
    wanted = {(names.get(name) or ids[name]).id for name in among}
    if len(wanted) < 2:
        raise InputError("a comparison needs two contenders", hint=f"there are {', '.join(names)}")
    return tuple(contender for contender in contenders if contender.id in wanted)


def _by_case(answers: Iterable[Answer]) -> dict[str, dict[str, list[Answer]]]:
    """The answers by case and contender, in their order."""
    by_case: dict[str, dict[str, list[Answer]]] = {}
    for answer in answers:
        by_case.setdefault(answer.case, {}).setdefault(answer.contender.id, []).append(answer)
    return by_case


def _pairs(
    by_case: dict[str, dict[str, list[Answer]]], contenders: Sequence[Contender]
) -> tuple[list[Pair], list[str]]:
    """All pairs: of several answers to one question the first with the first, the second with the second, and so on."""
    pairs: list[Pair] = []
    alone: Counter[str] = Counter()
    for of_contender in by_case.values():
        for first, second in combinations(contenders, 2):
            mine, theirs = of_contender.get(first.id, []), of_contender.get(second.id, [])
            pairs += [Pair(one, other) for one, other in zip(mine, theirs, strict=False)]
            for contender, more in ((first, len(mine) - len(theirs)), (second, len(theirs) - len(mine))):
                alone[contender.name] += max(0, more) if len(contenders) == 2 else 0
    notes = [f"{name}: {count} answers without a counterpart are left out" for name, count in alone.items() if count]
    return pairs, notes


def voter_votes(votes: Iterable[Vote], voter: str) -> dict[str, Vote]:
    """The votes of `voter` by pair, in the order in which they were cast."""
    return {vote.pair: vote for vote in votes if vote.voter == voter}


def next_turn(ballot: Ballot, votes: Iterable[Vote], voter: str) -> Turn | None:
    """The first pair that `voter` has not voted on; None if there is no more."""
    done = voter_votes(votes, voter)
    return next((turn for turn in ballot.turns(voter) if turn.pair.id not in done), None)


def usual_voter(workspace: Workspace) -> str:
    """The name of the person at this machine: that of git, or the login name."""
    identity = versions.repository_state(workspace).identity.partition(" <")[0]
    if identity:
        return identity
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "me"

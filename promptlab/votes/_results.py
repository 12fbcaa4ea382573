"""What votes say: win rates, strengths, whether the side mattered, and how far people and judges agree.

A case is one observation, however many people vote on it. A tie counts half to each side, and so do two bad answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean

from promptlab import stats
from promptlab.runs import Vote
from promptlab.stats import Comparison, Interval, Strength
from promptlab.types import Score
from promptlab.votes._answers import Contender
from promptlab.votes._ballot import Ballot, Pair

JUDGE = "judge"


@dataclass(frozen=True)
class WinRate:
    """How often people prefer `first` to `second`. `won`, `lost`, `ties` and `bad` count votes, `same` pairs of equal
    texts. `rate` and `interval` are the share of the first, a tie counting half.

    `p` is Holm's, `of` the number of comparisons that it is adjusted for; the interval is wider by as much."""

    first: Contender
    second: Contender
    won: int
    lost: int
    ties: int
    bad: int
    same: int
    comparison: Comparison
    p: float = 1.0
    of: int = 1

    @property
    def cases(self) -> int:
        return self.comparison.cases

    @property
    def votes(self) -> int:
        return self.won + self.lost + self.ties + self.bad

    @property
    def rate(self) -> float:
        return (1 + self.comparison.difference) / 2

    @property
    def interval(self) -> Interval:
        return Interval((1 + self.comparison.interval.low) / 2, (1 + self.comparison.interval.high) / 2)


@dataclass(frozen=True)
class LeftShare:
    """How often the left answer was preferred, among the votes that prefer one."""

    left: int
    of: int
    interval: Interval

    @property
    def matters(self) -> bool:
        """True if the side mattered: the interval does not include a half."""
        return bool(self.of) and not self.interval.low <= 0.5 <= self.interval.high


@dataclass(frozen=True)
class VoterAgreement:
    """How far people agree. `equal` of `of` pairs of votes on the same answers are the same; `alpha` is
    Krippendorff's, None if it is undefined."""

    equal: int
    of: int
    interval: Interval
    alpha: float | None


@dataclass(frozen=True)
class ScorerAgreement:
    """How far a scorer or judge prefers the answers that people prefer, where both prefer one. `undecided` votes
    prefer an answer where the scorer gave both the same score."""

    name: str
    is_judge: bool
    agreement: stats.Agreement
    undecided: int


@dataclass(frozen=True)
class VoteResults:
    """All results of a ballot. `voters` have the number of their votes, skipped ones included. `strengths` are by the
    id of the contender; they are empty with two contenders, and if `not_ranked` says why."""

    ballot: Ballot
    voters: Mapping[str, int]
    skipped: int
    rates: tuple[WinRate, ...]
    strengths: Mapping[str, Strength]
    not_ranked: str
    left: LeftShare
    agreement: VoterAgreement
    scorers: tuple[ScorerAgreement, ...]

    @property
    def decided(self) -> int:
        """The number of votes that count: all but the skipped ones."""
        return sum(self.voters.values()) - self.skipped


def results_of(ballot: Ballot, votes: Iterable[Vote]) -> VoteResults:
    """The results of the votes on the pairs of `ballot`; other votes are left out."""
    pairs = {pair.id: pair for pair in ballot.pairs}
    mine = [vote for vote in votes if vote.pair in pairs]
    counted = [vote for vote in mine if vote.choice != "skip"]
    met = _ties_met(ballot, mine)
    shares = _shares(pairs, counted)
    rates = _adjusted(list(_rates(ballot, pairs, counted, shares, met)))
    strengths, not_ranked = _strengths(ballot, pairs, shares, met)
    return VoteResults(
        ballot,
        dict(Counter(vote.voter for vote in mine)),
        len(mine) - len(counted),
        rates,
        strengths,
        not_ranked,
        _left(pairs, counted),
        _agreement(pairs, counted),
        tuple(_scorers(pairs, counted)),
    )


def _ties_met(ballot: Ballot, votes: Sequence[Vote]) -> list[Pair]:
    """The pairs of equal texts that came up for any voter."""
    voted: dict[str, set[str]] = {}
    for vote in votes:
        voted.setdefault(vote.voter, set()).add(vote.pair)
    met = {pair.id for voter, ids in voted.items() for pair in ballot.ties_met(voter, ids)}
    return [pair for pair in ballot.ties if pair.id in met]


def _share(pair: Pair, vote: Vote) -> float:
    """1 if the vote prefers the first answer, 0 if it prefers the second, else a half."""
    return 0.5 if not vote.preferred else float(vote.preferred == pair.first.result.id)


def _shares(pairs: Mapping[str, Pair], votes: Iterable[Vote]) -> dict[str, float]:
    """The mean share of the first answer, by pair."""
    by_pair: dict[str, list[float]] = {}
    for vote in votes:
        by_pair.setdefault(vote.pair, []).append(_share(pairs[vote.pair], vote))
    return {pair: fmean(found) for pair, found in by_pair.items()}


def _rates(
    ballot: Ballot, pairs: Mapping[str, Pair], votes: Sequence[Vote], shares: Mapping[str, float], met: Sequence[Pair]
) -> Iterable[WinRate]:
    for first, second in combinations(ballot.contenders, 2):
        of_two = {id_: pair for id_, pair in pairs.items() if _contenders(pair) == (first.id, second.id)}
        same = [pair for pair in met if _contenders(pair) == (first.id, second.id)]
        cases: dict[str, list[float]] = {}
        for pair_id, pair in of_two.items():
            if pair_id in shares:
                cases.setdefault(pair.case, []).append(shares[pair_id])
        for pair in same:
            cases.setdefault(pair.case, []).append(0.5)
        found = [vote for vote in votes if vote.pair in of_two]
        won = sum(_share(of_two[vote.pair], vote) == 1 for vote in found)
        lost = sum(_share(of_two[vote.pair], vote) == 0 for vote in found)
        bad = sum(vote.choice == "bad" for vote in found)
        ties = len(found) - won - lost - bad
        comparison = stats.compare_graded(
            [[1 - share for share in case] for case in cases.values()], [list(case) for case in cases.values()]
        )
        yield WinRate(first, second, won, lost, ties, bad, len(same), comparison)


def _adjusted(rates: Sequence[WinRate]) -> tuple[WinRate, ...]:
    """The comparisons with p-values and intervals that hold for all of them together."""
    ps = {str(number): rate.comparison.p for number, rate in enumerate(rates) if rate.cases}
    adjusted = stats.holm(ps)
    found = []
    for number, rate in enumerate(rates):
        p = adjusted.get(str(number), 1.0)
        own = rate.comparison
        confidence = stats.adjusted_confidence(own.p, p, confidence=stats.CONFIDENCE)
        comparison = own.at(confidence) if len(ps) > 1 else own
        found.append(replace(rate, comparison=comparison, p=p, of=max(1, len(ps))))
    return tuple(found)


def _contenders(pair: Pair) -> tuple[str, str]:
    return pair.first.contender.id, pair.second.contender.id


def _strengths(
    ballot: Ballot, pairs: Mapping[str, Pair], shares: Mapping[str, float], met: Sequence[Pair]
) -> tuple[Mapping[str, Strength], str]:
    """The strengths of more than two contenders, or why there are none."""
    if len(ballot.contenders) < 3 or not shares:
        return {}, ""
    # Equal texts alone compare nobody: people must have voted.
    voted = [(*_contenders(pairs[pair_id]), share) for pair_id, share in shares.items()]
    compared = {contender for contest in voted for contender in contest[:2]}
    missing = [contender.name for contender in ballot.contenders if contender.id not in compared]
    if missing:
        return {}, f"nobody has voted on {', '.join(missing)} yet"
    names = {contender.id: contender.name for contender in ballot.contenders}
    groups = stats.components(voted)
    if len(groups) > 1:
        shown = " | ".join(", ".join(names[member] for member in group) for group in groups)
        return {}, f"these were never compared with each other: {shown}"
    cases: dict[str, list[tuple[str, str, float]]] = {}
    for pair, share in [*((pairs[id_], share) for id_, share in shares.items()), *((pair, 0.5) for pair in met)]:
        cases.setdefault(pair.case, []).append((*_contenders(pair), share))
    return stats.strengths([tuple(contests) for contests in cases.values()]), ""


def _left(pairs: Mapping[str, Pair], votes: Iterable[Vote]) -> LeftShare:
    cases: dict[str, tuple[int, int]] = {}
    for vote in votes:
        if vote.preferred:
            left, of = cases.get(pairs[vote.pair].case, (0, 0))
            cases[pairs[vote.pair].case] = (left + (vote.choice == "left"), of + 1)
    found = list(cases.values())
    return LeftShare(sum(left for left, _ in found), sum(of for _, of in found), stats.clustered(found))


def _agreement(pairs: Mapping[str, Pair], votes: Iterable[Vote]) -> VoterAgreement:
    labels: dict[str, list[float]] = {}
    for vote in votes:
        labels.setdefault(vote.pair, []).append(_share(pairs[vote.pair], vote))
    cases: dict[str, tuple[int, int]] = {}
    for pair_id, given in labels.items():
        equal, of = stats.equal_pairs(given)
        before = cases.get(pairs[pair_id].case, (0, 0))
        cases[pairs[pair_id].case] = (before[0] + equal, before[1] + of)
    found = [case for case in cases.values() if case[1]]
    equal, of = (sum(case[part] for case in found) for part in (0, 1))
    return VoterAgreement(equal, of, stats.clustered(found), stats.alpha(list(labels.values())))


def _scorers(pairs: Mapping[str, Pair], votes: Sequence[Vote]) -> Iterable[ScorerAgreement]:
    """Each scorer that scored both answers of a pair, judges first."""
    votes = [vote for vote in votes if vote.preferred]
    values = {id_: (_values(pair.first.scores), _values(pair.second.scores)) for id_, pair in pairs.items()}
    keys = dict.fromkeys(key for first, second in values.values() for key in first if key in second)
    shown = Counter(name for name, _ in keys)
    for key in sorted(keys, key=lambda key: key[0] != JUDGE):
        marks: list[tuple[bool, bool]] = []
        cases: list[str] = []
        undecided = 0
        for vote in votes:
            first, second = (side.get(key) for side in values[vote.pair])
            if first is None or second is None:
                continue
            if first == second:
                undecided += 1
                continue
            marks.append((first > second, _share(pairs[vote.pair], vote) == 1))
            cases.append(pairs[vote.pair].case)
        if marks or undecided:
            name = key[0] if shown[key[0]] == 1 else f"{key[0]} {key[1]}".strip()
            yield ScorerAgreement(name, key[0] == JUDGE, stats.agreement(marks, cases=cases), undecided)


def _values(scores: Iterable[Score]) -> dict[tuple[str, str], float]:
    """The values by scorer and its id; two of the same key are one scorer asked twice, and their last value counts."""
    return {(score.scorer, score.spec): score.value for score in scores if score.value is not None}

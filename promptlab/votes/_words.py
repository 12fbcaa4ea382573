"""The results of votes in words, as lines of text and as JSON data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from promptlab import suites
from promptlab.stats import Interval
from promptlab.votes._results import VoteResults, WinRate


def percents(interval: Interval) -> str:
    """The interval as "38 to 71 %"."""
    return f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %"


def rate_sentence(rate: WinRate) -> str:
    """What one comparison says, in a sentence."""
    if not rate.cases:
        return f"{rate.first.name} against {rate.second.name}: no votes yet."
    better, worse, share, interval = rate.first, rate.second, rate.rate, rate.interval
    if share < 0.5:
        better, worse, share = worse, better, 1 - share
        interval = Interval(1 - interval.high, 1 - interval.low)
    together = f", for {rate.of} comparisons together" if rate.of > 1 else ""
    cases = _counted(rate.cases, "case")
    numbers = f"{suites.percent(share)} of {cases} (95 % interval {percents(interval)}{together})"
    if rate.comparison.settled:
        return f"{better.name} is preferred to {worse.name} in {numbers}."
    more = rate.comparison.more
    needed = f"; about {_counted(more, 'more case')} would tell" if more else ""
    if share == 0.5:
        return f"{better.name} and {worse.name} are preferred equally often: {numbers}, so it is not clear yet."
    return f"{better.name} may be better than {worse.name}, but it is not clear yet: {numbers}{needed}."


def result_lines(results: VoteResults) -> Iterator[str]:
    """The results as lines of text."""
    for rate in results.rates:
        yield rate_sentence(rate)
        if rate.votes:
            same = f", and {_counted(rate.same, 'pair')} with the same text (a tie)" if rate.same else ""
            yield (
                f"  {_counted(rate.votes, 'vote')}: {rate.won} for {rate.first.name}, {rate.lost} for "
                f"{rate.second.name}, {_counted(rate.ties, 'tie')}, {rate.bad} both bad{same}"
            )
    if results.strengths:
        yield "Expected win rate against the others (Bradley–Terry):"
        names = {contender.id: contender.name for contender in results.ballot.contenders}
        for key, strength in sorted(results.strengths.items(), key=lambda item: -item[1].rate):
            yield f"  {names[key]}: {suites.percent(strength.rate)} ({percents(strength.interval)})"
    if results.not_ranked:
        yield f"No ranking of all: {results.not_ranked}."
    yield from check_lines(results)


def check_lines(results: VoteResults) -> Iterator[str]:
    """Voters, sides, agreement, and what was left out, as lines of text."""
    people = ", ".join(f"{name} {count}" for name, count in results.voters.items())
    skipped = f"; {results.skipped} skipped" if results.skipped else ""
    yield f"Votes of: {people or 'nobody yet'} (of {_counted(len(results.ballot.pairs), 'pair')}{skipped})"
    left = results.left
    if left.of:
        bias = " The side mattered: judge with care." if left.matters else ""
        yield f"The left answer was preferred in {left.left} of {left.of} ({percents(left.interval)}).{bias}"
    people_agree = results.agreement
    if people_agree.of:
        alpha = "" if people_agree.alpha is None else f"; Krippendorff's alpha {people_agree.alpha:.2f}"
        yield (
            f"People agree in {people_agree.equal} of {_counted(people_agree.of, 'pair')} of votes on the same answers "
            f"({percents(people_agree.interval)}{alpha})."
        )
    for scorer in results.scorers:
        found = scorer.agreement
        kind = "The judge" if scorer.is_judge else "The scorer"
        name = "" if scorer.name == "judge" else f" {scorer.name}"
        undecided = f" In {scorer.undecided} more it scores both the same." if scorer.undecided else ""
        kappa = "" if found.kappa is None else f"; Cohen's kappa {found.kappa:.2f}"
        agrees = f"prefers what people prefer in {round(found.share * found.of)} of {_counted(found.of, 'vote')}"
        numbers = f"({percents(found.interval)}{kappa})" if found.of else "(nothing to compare)"
        yield f"{kind}{name} {agrees} {numbers}.{undecided}"
    yield from (f"Note: {note}" for note in results.ballot.notes)


def results_data(results: VoteResults) -> dict[str, Any]:
    """The results as JSON data."""
    names = {contender.id: contender.name for contender in results.ballot.contenders}
    left, people = results.left, results.agreement
    return {
        "title": results.ballot.title,
        "contenders": list(names.values()),
        "pairs": len(results.ballot.pairs),
        "same_text": len(results.ballot.ties),
        "voters": dict(results.voters),
        "skipped": results.skipped,
        "win_rates": [rate_row(rate) for rate in results.rates],
        "strengths": [
            {"name": names[key], "rate": s.rate, "low": s.interval.low, "high": s.interval.high, "log": s.log}
            for key, s in results.strengths.items()
        ],
        "not_ranked": results.not_ranked,
        "left": {"preferred": left.left, "of": left.of, "low": left.interval.low, "high": left.interval.high},
        "people": {
            "equal": people.equal,
            "of": people.of,
            "low": people.interval.low,
            "high": people.interval.high,
            "alpha": people.alpha,
        },
        "scorers": [
            {
                "name": scorer.name,
                "judge": scorer.is_judge,
                "of": scorer.agreement.of,
                "share": scorer.agreement.share if scorer.agreement.of else None,
                "low": scorer.agreement.interval.low,
                "high": scorer.agreement.interval.high,
                "kappa": scorer.agreement.kappa,
                "undecided": scorer.undecided,
            }
            for scorer in results.scorers
        ],
        "notes": list(results.ballot.notes),
    }


def rate_row(rate: WinRate) -> dict[str, Any]:
    """A comparison as a row; `rate` is None without a vote."""
    return {
        "first": rate.first.name,
        "second": rate.second.name,
        "rate": rate.rate if rate.cases else None,
        "low": rate.interval.low,
        "high": rate.interval.high,
        "p": rate.p,
        "cases": rate.cases,
        "won": rate.won,
        "lost": rate.lost,
        "ties": rate.ties,
        "both_bad": rate.bad,
        "same_text": rate.same,
    }


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

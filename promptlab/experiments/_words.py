"""The effects in words: one sentence for each model."""

from __future__ import annotations

from collections.abc import Sequence

from promptlab.experiments._effects import Effect

MOST = 3
"""So many results of a model are said in full; of more, the sentence says how many there are."""


def sentence(effects: Sequence[Effect]) -> str:
    """The effects of each model in one sentence: what was found first, and then the largest.

    Of many results the largest are said, and the others counted; and so are those comparisons of which nothing can be
    told yet, if there are several. The table of effects has them all.
    """
    parts = []
    for model in dict.fromkeys(effect.model for effect in effects):
        own = [effect for effect in effects if effect.model == model]
        parts.append(_capital("; ".join(_clauses(own)), model) + ".")
    return " ".join(parts)


def _clauses(effects: Sequence[Effect]) -> list[str]:
    """What is said of the effects for one model."""
    ordered = sorted(effects, key=lambda effect: (effect.verdict == "equivalent", -_size(effect)))
    told = [effect for effect in ordered if effect.verdict != "cannot tell yet"]
    rest = [effect for effect in ordered if effect.verdict == "cannot tell yet" and effect.cases]
    empty = [effect for effect in ordered if effect.verdict == "cannot tell yet" and not effect.cases]
    clauses = [_clause(effect, first=number == 0) for number, effect in enumerate(told[:MOST])]
    if (more := len(told) - MOST) > 0:
        clauses.append(f"{more} more {'has a result' if more == 1 else 'have results'} in the table")
    if len(rest) == 1:
        clauses.append(_clause(rest[0], first=not told))
    elif rest and told:
        clauses.append(f"of the other {len(rest)} comparisons nothing can be told yet")
    elif rest:
        largest = f"the largest: {_compared(rest[0])} ({_open(rest[0])})"
        clauses.append(f"nothing can be told yet of the {len(rest)} comparisons for {rest[0].model}; {largest}")
    if 0 < len(empty) <= MOST:
        clauses += [_clause(effect, first=not clauses) for effect in empty]
    elif empty:
        where = "" if clauses else f" for {empty[0].model}"
        clauses.append(f"nothing can be said of {len(empty)} comparisons{where}: no case was judged on both sides")
    return clauses


def _compared(effect: Effect) -> str:
    """What is compared, as a name."""
    contrast = effect.contrast
    if contrast.chance is not None:
        return f"{effect.model} and guessing"
    return contrast.what if contrast.models is None else " and ".join(contrast.models)


def _size(effect: Effect) -> float:
    return abs(effect.difference) if effect.cases else 0.0


def _clause(effect: Effect, *, first: bool) -> str:
    contrast = effect.contrast
    if contrast.chance is not None:
        return _against_chance(effect)
    if contrast.models is not None:
        return _between_models(effect)
    what, s = contrast.what, "" if contrast.plural else "s"
    where = f" for {effect.model}" if first else ""
    if effect.unchanged:
        return f"{what} change{s} nothing in the prompt{where}, so there is no effect to measure"
    if not effect.cases:
        return f"nothing can be said of {what}{where}: no case was judged on both sides"
    if effect.verdict == "helps":
        return f"{what} add{s} {in_points(effect.difference)}{where} ({_span(effect)})"
    if effect.verdict == "hurts":
        return f"{what} cost{s} {in_points(-effect.difference)}{where} ({_span(effect, cost=True)})"
    if effect.verdict == "equivalent":
        return f"{what} make{s} no difference larger than {in_points(effect.margin)}{where} ({_span(effect)})"
    return f"whether {what} help{s} cannot be told yet{where} ({_open(effect)})"


def _between_models(effect: Effect) -> str:
    """Two models on the same cases. The arms are named only if the prompt varies, too."""
    assert effect.contrast.models is not None  # the caller has checked it
    model, other = effect.contrast.models
    if effect.contrast.after != effect.contrast.before or model == other:
        model, other = (
            f"{name} ({', '.join(arms)})"
            for name, arms in ((model, effect.contrast.after), (other, effect.contrast.before))
        )
    if not effect.cases:
        return f"nothing can be said of {model} and {other}: no case was judged for both"
    if effect.verdict == "helps":
        return f"{model} is {in_points(effect.difference)} better than {other} ({_span(effect)})"
    if effect.verdict == "hurts":
        return f"{model} is {in_points(-effect.difference)} worse than {other} ({_span(effect, cost=True)})"
    if effect.verdict == "equivalent":
        return f"{model} and {other} do not differ by more than {in_points(effect.margin)} ({_span(effect)})"
    return f"{model} and {other} cannot be told apart yet ({_open(effect)})"


def _against_chance(effect: Effect) -> str:
    """The score of a model beside the rate of right answers by guessing."""
    chance = effect.contrast.chance or 0.0
    guessing = f"guessing ({points(chance)} %)"
    if not effect.cases:
        return f"nothing can be said of {effect.model} beside {guessing}: no case was judged"
    interval = effect.interval
    low, high = points(chance + interval.low), points(chance + interval.high)
    ends = f"{100 * effect.confidence:.3g} % interval {low} to {high} %"
    score = f"{effect.model} scores {points(effect.comparison.after)} % ({ends}, {_cases(effect.cases)})"
    if effect.verdict == "helps":
        return f"{score}, better than {guessing}"
    if effect.verdict == "hurts":
        return f"{score}, worse than {guessing}"
    if effect.verdict == "equivalent":
        return f"{score}, within {in_points(effect.margin)} of {guessing}"
    return f"{score}, which cannot be told from {guessing} yet{_more(effect)}"


def _span(effect: Effect, *, cost: bool = False) -> str:
    return f"{interval_words(effect, cost=cost)}, {_cases(effect.cases)}"


def _open(effect: Effect) -> str:
    """What is known of an effect that cannot be told yet, and how many cases would tell."""
    many = "" if effect.interval.low <= 0 <= effect.interval.high else ", too little for so many comparisons"
    return f"{signed(effect.difference)}, {_span(effect)}{many}{_more(effect)}"


def _more(effect: Effect) -> str:
    return "" if not effect.more else f"; about {_cases(effect.more, ' more')} would tell"


def _cases(number: int, more: str = "") -> str:
    return f"{number:,} case{'s' * (number != 1)}{more}"


def interval_words(effect: Effect, *, cost: bool = False) -> str:
    """`95 % interval 51 to 72`, in points; with `cost` of what is lost, as in "costs 60 points"."""
    low, high = effect.interval.low, effect.interval.high
    if cost:
        low, high = -high, -low
    return f"{100 * effect.confidence:.3g} % interval {points(low)} to {points(high)}"


def points(share: float) -> str:
    """A share as points, without a fraction from 10 on: `62`, `4.5`, `−5`."""
    value = 100 * share
    text = f"{value:.0f}" if abs(value) >= 9.95 or abs(value - round(value)) < 0.05 else f"{value:.1f}"
    return text.replace("-", "−") if text not in ("-0", "-0.0") else "0"


def in_points(share: float) -> str:
    """A share in points, with the word: `62 points`, `1 point`."""
    text = points(share)
    return f"{text} point" if text in ("1", "−1") else f"{text} points"


def signed(share: float) -> str:
    """A share as points with its sign: `+4.5`, `−5`, `0`."""
    text = points(share)
    return text if text.startswith("−") or text == "0" else f"+{text}"


def _capital(text: str, model: str) -> str:
    """The beginning of a sentence. The name of a model stays as it is."""
    return text if text.startswith(model) else text[:1].upper() + text[1:]

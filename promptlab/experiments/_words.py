"""The effects in words: one sentence for all of a model."""

from __future__ import annotations

from collections.abc import Sequence

from promptlab.experiments._effects import Effect


def sentence(effects: Sequence[Effect]) -> str:
    """The effects of each model in one sentence, the largest first."""
    parts = []
    for model in dict.fromkeys(effect.model for effect in effects):
        own = [effect for effect in effects if effect.model == model]
        ordered = sorted(
            own, key=lambda e: (e.verdict == "cannot tell yet", e.verdict == "equivalent", -abs(e.difference))
        )
        clauses = [_clause(effect, first=number == 0) for number, effect in enumerate(ordered)]
        parts.append(_capital("; ".join(clauses)) + ".")
    return " ".join(parts)


def _clause(effect: Effect, *, first: bool) -> str:
    what, s = effect.contrast.what, "" if effect.contrast.plural else "s"
    where = f" for {effect.model}" if first else ""
    if not effect.cases:
        return f"nothing can be said of {what}{where}: no case was judged on both sides"
    cases = f"{effect.cases} cases" if effect.cases != 1 else "1 case"
    span = f"{interval_words(effect)}, {cases}"
    if effect.verdict == "helps":
        return f"{what} add{s} {points(effect.difference)} points{where} ({span})"
    if effect.verdict == "hurts":
        return f"{what} cost{s} {points(-effect.difference)} points{where} ({span})"
    if effect.verdict == "equivalent":
        return f"{what} make{s} no difference larger than {points(effect.margin)} points{where} ({span})"
    more = "" if effect.more is None else f"; about {effect.more:,} cases more would tell"
    many = "" if effect.interval.low < 0 and effect.interval.high > 0 else ", too little for so many comparisons"
    return f"{what} cannot be told yet{where} ({_signed(effect.difference)}, {span}{many}{more})"


def interval_words(effect: Effect) -> str:
    """`95 % interval 51 to 72`, in points."""
    low, high = effect.interval.low, effect.interval.high
    return f"{100 * effect.confidence:.3g} % interval {points(low)} to {points(high)}"


def points(share: float) -> str:
    """A share as points, without a fraction from 10 on: `62`, `4.5`, `−5`."""
    value = 100 * share
    text = f"{value:.0f}" if abs(value) >= 9.95 or abs(value - round(value)) < 0.05 else f"{value:.1f}"
    return text.replace("-", "−") if text not in ("-0", "-0.0") else "0"


def _signed(share: float) -> str:
    text = points(share)
    return text if text.startswith("−") or text == "0" else f"+{text}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

"""The first line of a report: the effects in words, or, before the end, how far it is and what the numbers are so far.

Still asking: 120 of 300 answers. No verdict before the end; so far: the article +62 (51 to 72, 60 cases) for gemma.
"""

from __future__ import annotations

from collections.abc import Sequence

from promptlab.experiments._effects import Effect
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._structure import structure_sentence
from promptlab.experiments._words import points, sentence, signed


def headline(outcome: Outcome) -> str:
    """What came of an experiment in words. Before its end there is no verdict in it, apart from those that a planned
    look has settled."""
    if outcome.state == "finished":
        return " ".join(part for part in (sentence(outcome.effects), structure_sentence(outcome)) if part)
    begin = "Still asking" if outcome.state == "asking" else "Not finished"
    stage = f" of {outcome.stage}" if outcome.stage not in ("", "asking") else ""
    parts = [f"{begin}: {outcome.done:,} of {outcome.total:,} answers{stage}."]
    settled = [effect for effect in outcome.effects if effect.verdict != "cannot tell yet"]
    rest = [effect for effect in outcome.effects if effect.verdict == "cannot tell yet" and effect.cases]
    rest = [effect for effect in rest if not effect.unchanged]
    if settled:
        parts.append(sentence(settled))
    if rest:
        parts.append(f"No verdict before the end; so far: {_numbers(rest)}.")
    return " ".join(parts)


def _numbers(effects: Sequence[Effect]) -> str:
    return "; ".join(
        f"{effect.contrast.what} {signed(effect.difference)} ({points(effect.interval.low)} to "
        f"{points(effect.interval.high)}, {effect.cases} case{'s' * (effect.cases != 1)}) for {effect.model}"
        for effect in sorted(effects, key=lambda effect: -abs(effect.difference))
    )

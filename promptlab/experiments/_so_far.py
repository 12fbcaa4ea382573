"""An experiment in words while it is being asked: what was seen, without a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from promptlab.experiments._effects import Effect
from promptlab.experiments._words import points

SHOWN = 6
"""At most so many effects are in the sentence; the picture has all."""


def sentence_so_far(effects: Sequence[Effect]) -> str:
    """What was seen so far, for each model; "" if no case has answers on both sides yet.

    No interval and no verdict: who stops at the first nice number finds effects that are not there.
    """
    sentences = []
    for model in dict.fromkeys(effect.model for effect in effects):
        own = [effect for effect in effects if effect.model == model and effect.cases]
        parts = [f"{effect.contrast.what} {_signed(effect.difference)} ({_cases(effect.cases)})" for effect in own]
        if parts:
            more = f"; {len(parts) - SHOWN} more below" if len(parts) > SHOWN else ""
            sentences.append(f"{model}: {'; '.join(parts[:SHOWN])}{more}.")
    return " ".join(sentences)


def _cases(number: int) -> str:
    return f"{number:,} case{'' if number == 1 else 's'}"


def _signed(share: float) -> str:
    text = points(share)
    sign = "" if text.startswith("−") or text == "0" else "+"
    return f"{sign}{text} point{'' if text in ('1', '−1') else 's'}"


__all__ = ["sentence_so_far"]

"""Several tests at once."""

from __future__ import annotations

from collections.abc import Mapping


def holm(ps: Mapping[str, float]) -> dict[str, float]:
    """The Holm-adjusted p-values. Compare each with the usual level, such as 0.05.

    Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    adjusted, highest = {}, 0.0
    for rank, (name, p) in enumerate(sorted(ps.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (len(ps) - rank) * p))
        adjusted[name] = highest
    return {name: adjusted[name] for name in ps}


def adjusted_confidence(p: float, adjusted: float, *, confidence: float) -> float:
    """The confidence of the interval that excludes zero exactly if the adjusted p-value is below 1 - `confidence`.

    Holm's method compares a p-value with a part of the level: it multiplies p by a number, which divides the level.
    """
    return 1 - (1 - confidence) * p / adjusted if adjusted else confidence

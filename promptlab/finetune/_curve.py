"""The curve of the losses as lines of text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

BARS = "▁▂▃▄▅▆▇█"


def curve_lines(losses: Sequence[float], *, width: int = 60) -> list[str]:
    """The losses as one line of bars, the mean of neighbours if there are more than `width`, and a line of numbers."""
    if not losses:
        return []
    count = min(width, len(losses))
    edges = [len(losses) * number // count for number in range(count + 1)]
    means = [sum(losses[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    span = high - low or 1.0
    bars = "".join(BARS[round((value - low) / span * (len(BARS) - 1))] for value in means)
    return [bars, f"loss {losses[0]:.3f} at the first step, {losses[-1]:.3f} at step {len(losses)}"]


__all__ = ["curve_lines"]

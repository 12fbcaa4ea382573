"""Looking at the data more than once, with a stated error rate.

The error is spent over the looks, little at first (O'Brien-Fleming). The spending function is that of Lan & DeMets,
Biometrika 70 (1983). Each look is a test of its own at the error that it adds, so by Bonferroni's inequality the errors
of all looks together are at most the whole; nothing is assumed about how the looks depend on each other.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from promptlab.stats._interval import CONFIDENCE

_NORMAL = NormalDist()


def look_confidences(shares: list[float], *, confidence: float = CONFIDENCE) -> list[float]:
    """The confidence of the intervals at each look; `shares` of all cases are there at each, rising, the last 1.0.

    All intervals together cover the truth with at least `confidence`.
    """
    if not shares or shares != sorted(set(shares)) or not shares[0] > 0 or shares[-1] != 1.0:
        raise ValueError("the looks must be rising shares of the cases, and the last must have all")
    error = 1 - confidence
    deviations = _NORMAL.inv_cdf(1 - error / 2)
    spent = [2 * (1 - _NORMAL.cdf(deviations / math.sqrt(share))) for share in shares]
    return [1 - (now - before) for now, before in zip(spent, [0.0, *spent[:-1]], strict=True)]

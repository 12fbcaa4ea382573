"""The agreement of several raters who give each item one of several labels, or none.

alpha([["A", "A"], ["A", "B", "B"], ["tie"]])     # Krippendorff's alpha for nominal labels
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence


def alpha(items: Sequence[Sequence[Hashable]]) -> float | None:
    """Krippendorff's alpha for nominal labels; `items` are the labels that each item got, from any number of raters.

    1 is perfect agreement, 0 that of chance. None if it is undefined: no item has two labels, or all labels are the
    same. Krippendorff, Content Analysis (2004), chapter 11.
    """
    rated = [labels for labels in items if len(labels) > 1]
    total = sum(map(len, rated))
    counts = Counter(label for labels in rated for label in labels)
    expected = total * total - sum(count * count for count in counts.values())
    if not total or not expected:
        return None
    observed = 0.0
    for labels in rated:
        same = sum(count * count for count in Counter(labels).values())
        observed += (len(labels) ** 2 - same) / (len(labels) - 1)
    return 1 - (total - 1) * observed / expected


def equal_pairs(labels: Sequence[Hashable]) -> tuple[int, int]:
    """How many pairs of raters gave the same label to an item, and how many pairs there are."""
    count = len(labels)
    return sum(same * (same - 1) // 2 for same in Counter(labels).values()), count * (count - 1) // 2

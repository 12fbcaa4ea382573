"""Statistics: confidence intervals, paired tests, and the number of cases that a comparison needs.

Pure functions of counts and scores, without a library. Two versions of a prompt are always compared on the same cases.
Several answers to one case are one cluster, because they carry little more information than one answer.

    clustered([(1, 1)] * 38 + [(0, 1)] * 2)   # the interval of 38 of 40: Interval(low=0.831, high=0.994)
    compare_graded(before, after)             # scores of each case: the difference, its interval, p of the same test
    compare_binary([(True, False), …])        # passes before and after: the same; p is that of McNemar's exact test

`stats/_mean.py` says why this test and no other; docs/verdicts.md says what it means, and benchmarks/statistics.py how
often it is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.stats._agreement import Agreement, agreement
    from promptlab.stats._comparison import Comparison, compare_binary, compare_graded, compare_with_rate, mcnemar
    from promptlab.stats._interval import CONFIDENCE, POWER, Interval, deviations
    from promptlab.stats._power import cases_needed, cases_to_be_within, cases_to_tell, smallest_effect
    from promptlab.stats._rate import clustered, wilson
    from promptlab.stats._sequential import HOPELESS, Look, deviations_of
    from promptlab.stats._several import adjusted_confidence, holm

__all__ = [
    "CONFIDENCE",
    "HOPELESS",
    "POWER",
    "Agreement",
    "Comparison",
    "Interval",
    "Look",
    "adjusted_confidence",
    "agreement",
    "cases_needed",
    "cases_to_be_within",
    "cases_to_tell",
    "clustered",
    "compare_binary",
    "compare_graded",
    "compare_with_rate",
    "deviations",
    "deviations_of",
    "holm",
    "mcnemar",
    "smallest_effect",
    "wilson",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)

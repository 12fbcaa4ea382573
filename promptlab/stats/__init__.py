"""Statistics: confidence intervals, paired tests, and the number of cases that a comparison needs.

Pure functions of counts and scores, without a library. Two versions of a prompt are always compared on the same cases.
Several answers to one case are one cluster, because they carry little more information than one answer.

    clustered([(1, 1)] * 38 + [(0, 1)] * 2)   # the interval of 38 of 40: Interval(low=0.831, high=0.994)
    compare_graded(before, after)             # scores of each case: the difference, its interval, p of the same test
    compare_binary([(True, False), …])        # passes before and after: the same; p is that of McNemar's exact test
    Look((0.5, 1.0), 0).boundary()            # at the first of two looks: 2.96 deviations settle it
    pass_at(5, [(2, 10), (0, 10)])            # pass@5 of two cases with ten answers each, with its interval

`stats/_mean.py` says why this test and no other; docs/verdicts.md says what it means, and benchmarks/statistics.py how
often it is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.stats._agreement import Agreement, agreement
    from promptlab.stats._bradley_terry import Strength, components, strengths
    from promptlab.stats._columns import Columns, columns_of, stretch_of
    from promptlab.stats._comparison import Comparison, compare_binary, compare_graded, compare_with_rate, mcnemar
    from promptlab.stats._interval import CONFIDENCE, POWER, Interval, deviations
    from promptlab.stats._power import cases_needed, cases_to_be_within, cases_to_tell, smallest_effect
    from promptlab.stats._prediction_powered import Corrected, corrected
    from promptlab.stats._rate import clustered, wilson
    from promptlab.stats._raters import alpha, equal_pairs
    from promptlab.stats._repeats import Estimate, fleiss_kappa, pass_at, same_answer
    from promptlab.stats._sequential import HOPELESS, Look, deviations_of
    from promptlab.stats._several import adjusted_confidence, holm

__all__ = [
    "CONFIDENCE",
    "HOPELESS",
    "POWER",
    "Agreement",
    "Columns",
    "Comparison",
    "Corrected",
    "Estimate",
    "Interval",
    "Look",
    "Strength",
    "adjusted_confidence",
    "agreement",
    "alpha",
    "cases_needed",
    "cases_to_be_within",
    "cases_to_tell",
    "clustered",
    "columns_of",
    "compare_binary",
    "compare_graded",
    "compare_with_rate",
    "components",
    "corrected",
    "deviations",
    "deviations_of",
    "equal_pairs",
    "fleiss_kappa",
    "holm",
    "mcnemar",
    "pass_at",
    "same_answer",
    "smallest_effect",
    "strengths",
    "stretch_of",
    "wilson",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)

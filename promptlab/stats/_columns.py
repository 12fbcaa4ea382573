"""How much the columns of a table differ beyond chance: draws of examples, their orders, wordings.

Each row is a case, and each column was asked all cases. What differs between columns is partly chance, because their
answers vary; the analysis of variance of a two-way table tells the two apart (Searle, Casella & McCulloch, Variance
Components (1992), chapter 4). What is picked afterwards as the best column was partly lucky, so its mean is drawn
towards the mean of all (Efron & Morris, JASA 70 (1975)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True, slots=True)
class Columns:
    """The means of the columns; `between` is their standard deviation beyond chance, `noise` that by chance alone."""

    means: tuple[float, ...]
    between: float
    noise: float

    @property
    def mean(self) -> float:
        return fmean(self.means)

    def expected(self, column: int) -> float:
        """The mean that fresh cases are expected to give a column: its own, drawn towards that of all columns."""
        kept = self.between**2 / (self.between**2 + self.noise**2) if self.between else 0.0
        return self.mean + kept * (self.means[column] - self.mean)


def columns_of(rows: Sequence[Sequence[float]]) -> Columns | None:
    """The columns of a table of scores, one row for each case. None with less than two rows or columns."""
    if len(rows) < 2 or len(rows[0]) < 2:
        return None
    count, wide = len(rows), len(rows[0])
    means = tuple(fmean(row[column] for row in rows) for column in range(wide))
    mean = fmean(means)
    spread = math.fsum((found - mean) ** 2 for found in means) / (wide - 1)
    rest = math.fsum(
        (value - fmean(row) - found + mean) ** 2 for row in rows for value, found in zip(row, means, strict=True)
    )
    noise = rest / ((count - 1) * (wide - 1)) / count
    return Columns(means, math.sqrt(max(0.0, spread - noise)), math.sqrt(noise))


def stretch_of(rows: Sequence[Sequence[float]], of: int) -> float:
    """How many times wider an interval over the rows must be if the columns, too, are drawn by chance, of `of` of them.

    The variance of a mean of a two-way table is that of its rows, and that of its columns beyond what their chance
    explains (Owen, Annals of Applied Statistics 1 (2007)); it is 0 if all columns there are were drawn.
    """
    columns = columns_of(rows)
    if columns is None:
        return 1.0
    means, count = [fmean(row) for row in rows], len(rows)
    by_rows = math.fsum((mean - columns.mean) ** 2 for mean in means) / (count - 1) / count
    if not by_rows:
        return 1.0
    wide = len(columns.means)
    return math.sqrt(1 + max(0.0, 1 - wide / of) * columns.between**2 / wide / by_rows)

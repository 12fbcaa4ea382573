"""The runs of a suite with their pass rates, as a list, a pandas table or a table in a notebook.

history = lab.suite("world-cup").history()
history[0].rate, history[0].interval
history.to_pandas().plot(x="created", y="rate")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from promptlab import suites
from promptlab.lab import _tables as tables

if TYPE_CHECKING:
    import pandas

    from promptlab.suites import HistoryPoint


class SuiteHistory(Sequence["HistoryPoint"]):
    """The runs of a suite, newest first."""

    def __init__(self, suite: str, points: Sequence[HistoryPoint]) -> None:
        self.suite, self._points = suite, tuple(points)

    def __len__(self) -> int:
        return len(self._points)

    @overload
    def __getitem__(self, index: int) -> HistoryPoint: ...
    @overload
    def __getitem__(self, index: slice) -> list[HistoryPoint]: ...
    def __getitem__(self, index: int | slice) -> HistoryPoint | list[HistoryPoint]:
        return list(self._points[index]) if isinstance(index, slice) else self._points[index]

    def to_pandas(self) -> pandas.DataFrame:
        """One row for each run, with the interval in the columns `low` and `high`."""
        return tables.frame([_row(point) for point in self])

    def __repr__(self) -> str:
        return f"<SuiteHistory of {self.suite!r}, {len(self)} runs>\n{suites.history_as_text(self)}"

    def _repr_html_(self) -> str:
        rows = [{name: "" if value is None else str(value) for name, value in _row(point).items()} for point in self]
        return tables.html(f"history of {self.suite}", rows)


def _row(point: HistoryPoint) -> dict[str, Any]:
    data = point.as_data()
    interval = data.pop("interval")
    del data["cells"]
    data["passes"] = data.pop("passed")  # `passed` is a column of yes and no in the other tables
    return {**data, "low": interval[0], "high": interval[1], "models": ", ".join(point.models)}

"""Tables of HTML, Word and Excel as Markdown: each row has a cell for each column.

grid, merged = unmerged([[("Ajax", 2, 1), ("1", 1, 1)], [("2", 1, 1)]])     # [["Ajax", "1"], ["Ajax", "2"]], 1
as_table(grid)

A merged cell gives its text to each place that it covers, because a row must be readable alone. Only a cell that is a
whole row, such as a title, is written once.
"""

from __future__ import annotations

MOST_COLUMNS = 1_000
"""The most that a cell may span, as in browsers."""


def unmerged(rows: list[list[tuple[str, int, int]]]) -> tuple[list[list[str]], int]:
    """The rows of a table without merged cells, and how many there were. A cell is its text and how many rows and
    columns it covers; 0 rows are all that follow."""
    grid: list[list[str]] = []
    covered: dict[int, tuple[int, str]] = {}  # for each column: how many more rows the cell above covers, and its text
    merged = 0
    for number, row in enumerate(rows):
        line: list[str] = []

        def take_covered(line: list[str] = line) -> None:
            while covered.get(len(line), (0, ""))[0]:
                rest, text = covered[len(line)]
                covered[len(line)] = (rest - 1, text)
                line.append(text)

        for text, down, across in row:
            take_covered()
            across = max(1, min(across, MOST_COLUMNS))
            down = min(down, len(rows) - number) if down > 0 else len(rows) - number
            title = len(row) == 1 and across > 1 and not line
            merged += (down > 1 or across > 1) and not title
            for place in range(across):
                shown = "" if title and place else text
                covered[len(line)] = (down - 1, shown)
                line.append(shown)
        take_covered()
        grid.append(line)
    return grid, merged


def as_table(rows: list[list[str]]) -> str:
    """A Markdown table, whose first row is the header. Empty if there is no cell."""
    width = max(map(len, rows), default=0)
    if not width:
        return ""
    lines = [f"| {' | '.join([*map(_escaped, row), *[''] * (width - len(row))])} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")

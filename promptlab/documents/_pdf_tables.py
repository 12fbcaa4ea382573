"""Tables of a PDF page: those with ruled lines, and lines of text that stand in columns.

    blocks = page_blocks(chars, page_rules(page))       # text and Markdown tables, in the order of the file

A value stays in its column, also next to an empty cell: what stands where is decided by place, not by order.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from promptlab.documents._pdf_chars import Char
from promptlab.documents._pdf_lines import Line, page_lines
from promptlab.documents._pdf_rules import NEAR, Rule, groups, merged, places, seen

_LONGEST_CELL = 1_500  # characters; a frame around more text is no cell


# Tables with ruled lines


@dataclass(slots=True)
class Grid:
    """A table with ruled lines: the places of its columns and rows, and the text of each cell."""

    columns: list[float]
    rows: list[float]
    level: list[Rule]
    upright: list[Rule]
    chars: dict[tuple[int, int], list[Char | str]] = field(default_factory=dict)
    merged: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """The first of the merged cells that a cell belongs to."""

    def cell(self, u: float, v: float) -> tuple[int, int] | None:
        """The row and column of a place; of merged cells the first."""
        column = bisect_right(self.columns, u) - 1
        row = bisect_right(self.rows, -v, key=lambda edge: -edge) - 1
        if not (0 <= column < len(self.columns) - 1 and 0 <= row < len(self.rows) - 1):
            return None
        if (row, column) not in self.merged:
            self.merged[row, column] = self._first(row, column)
        return self.merged[row, column]

    def _first(self, row: int, column: int) -> tuple[int, int]:
        u = (self.columns[column] + self.columns[column + 1]) / 2
        v = (self.rows[row] + self.rows[row + 1]) / 2
        while column and not _crosses(self.upright, self.columns[column], v):
            column -= 1
        while row and not _crosses(self.level, self.rows[row], u):
            row -= 1
        return row, column

    def table(self) -> list[list[str]]:
        lines = {place: [line.text for line in page_lines(chars)] for place, chars in self.chars.items()}
        rows: list[list[str]] = []
        for row in range(len(self.rows) - 1):
            cells = [lines.get((row, column), []) for column in range(len(self.columns) - 1)]
            rows += [[" ".join(cell) for cell in part] for part in _split(cells)]
        return [row for row in rows if any(row)]

    def is_table(self) -> bool:
        """False for a frame, a box around text, or a form with hardly any text."""
        filled = {place for place, chars in self.chars.items() if any(isinstance(char, Char) for char in chars)}
        return (
            len(filled) > 2
            and len({row for row, _ in filled}) > 1
            and len({column for _, column in filled}) > 1
            and all(len(chars) <= _LONGEST_CELL for chars in self.chars.values())
        )


def _split(cells: list[list[str]]) -> list[list[list[str]]]:
    """A row as several rows, if it is several rows of numbers without a rule between them."""
    counts = Counter(len(cell) for cell in cells if cell)
    count = max(counts, default=0)
    numbers = [cell for cell in cells if cell and all(_NUMBER.fullmatch(line.strip()) for line in cell)]
    if count < 2 or len(counts) > 1 or counts[count] < 3 or len(numbers) * 2 < counts[count]:
        return [cells]
    return [[cell[number : number + 1] for cell in cells] for number in range(count)]


_NUMBER = re.compile(r"[-+−(]?\s?[$€£¥]?\s?[\d.,\s]+%?\)?|[-–—]")


def _crosses(rules: Sequence[Rule], at: float, place: float) -> bool:
    return any(abs(rule.at - at) <= NEAR and rule.start - NEAR <= place <= rule.end + NEAR for rule in rules)


def grids(rules: Sequence[Rule]) -> list[Grid]:
    """The tables that the rules draw: groups of rules that touch each other."""
    found = []
    for group in groups(merged(rules)):
        level = [rule for rule in group if not rule.upright]
        upright = [rule for rule in group if rule.upright]
        rows, columns = places(level)[::-1], places(upright)
        if len(rows) > 2 and len(columns) > 2:
            found.append(Grid(columns, rows, level, upright))
    return found


# The blocks of a page


def usual_turn(chars: Iterable[Char | str]) -> float:
    """The direction in which most of a page is written."""
    turns = Counter(char.turn for char in chars if isinstance(char, Char))
    return turns.most_common(1)[0][0] if turns else 0.0


def page_blocks(chars: Sequence[Char | str], rules: Sequence[Rule], turn: float) -> list[Line | list[list[str]]]:
    """The lines and tables of a page. A table stands where the first of its characters does."""
    tables = grids(rules)
    owner = _assign(chars, tables, turn) if tables else [None] * len(chars)
    real = [grid.is_table() for grid in tables]
    blocks: list[Line | list[list[str]]] = []
    plain: list[Char | str] = []
    done: set[int] = set()
    for char, number in zip(chars, owner, strict=True):
        if number is None or not real[number]:
            plain.append(char)
        elif number not in done:
            blocks += [*_in_columns(page_lines(plain)), tables[number].table()]
            plain = []
            done.add(number)
    return [*blocks, *_in_columns(page_lines(plain))]


def _assign(chars: Sequence[Char | str], tables: Sequence[Grid], turn: float) -> list[int | None]:
    """The number of the table that each character is in."""
    owner: list[int | None] = []
    for word in _words(chars):
        votes = Counter(_place(char, tables, turn) for char in word if isinstance(char, Char))
        place = votes.most_common(1)[0][0] if votes else None
        owner += [place[0] if place else None] * len(word)
        if place:
            tables[place[0]].chars.setdefault(place[1], []).extend(word)
    return owner


def _place(char: Char, tables: Sequence[Grid], turn: float) -> tuple[int, tuple[int, int]] | None:
    """The table and the cell that a character is in."""
    u, v = seen(char.x, char.y, turn)
    cells = ((number, grid.cell(u, v)) for number, grid in enumerate(tables))
    return next(((number, place) for number, place in cells if place is not None), None)


def _words(chars: Sequence[Char | str]) -> list[list[Char | str]]:
    """The characters in groups that stay together, each with the spaces after it. A rule may cut through a word."""
    words: list[list[Char | str]] = []
    for char in chars:
        before = words[-1][-1] if words else " "
        if words and (isinstance(char, str) or (isinstance(before, Char) and _touches(before, char))):
            words[-1].append(char)
        else:
            words.append([char])
    return words


def _touches(before: Char, char: Char) -> bool:
    return abs(char.base - before.base) < 0.3 * char.height and abs(char.left - before.right) < 0.2 * char.height


# Text in columns without ruled lines


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a line between wide gaps."""

    left: float
    right: float
    text: str


def _in_columns(lines: Sequence[Line]) -> list[Line | list[list[str]]]:
    """The lines, with each block of lines that stand in the same columns as a table."""
    result: list[Line | list[list[str]]] = []
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and any(lines[end].cell) and (end == start or _follows(lines[end - 1], lines[end])):
            end += 1
        table = _aligned(lines[start:end]) if end - start > 2 else None
        if table:
            result.append(table)
        else:
            end = max(end, start + 1)
            result += lines[start:end]
        start = end
    return result


def _follows(upper: Line, lower: Line) -> bool:
    a, b = upper.chars[0], lower.chars[0]
    return a.turn == b.turn and 0 < a.base - b.base < 3.5 * max(a.height, b.height)


def _aligned(lines: Sequence[Line]) -> list[list[str]] | None:
    """The cells of lines that stand in columns. None if a part of a line reaches over two columns."""
    pieces = [_pieces(line) for line in lines]
    columns: list[tuple[float, float]] = []
    for piece in sorted((piece for row in pieces for piece in row), key=lambda piece: piece.left):
        if columns and piece.left <= columns[-1][1]:
            columns[-1] = columns[-1][0], max(columns[-1][1], piece.right)
        else:
            columns.append((piece.left, piece.right))
    table = []
    for row in pieces:
        cells = [""] * len(columns)
        for piece in row:
            column = next(number for number, (left, right) in enumerate(columns) if left <= piece.left <= right)
            if cells[column]:
                return None
            cells[column] = piece.text
        table.append(cells)
    return table if len(columns) > 1 else None


def _pieces(line: Line) -> list[_Piece]:
    starts = [0, *(index for index, new in enumerate(line.cell) if new and index), len(line.chars)]
    pieces = []
    for start, end in pairwise(starts):
        part = line.part(start, end)
        pieces.append(_Piece(min(c.left for c in part.chars), max(c.right for c in part.chars), part.text))
    return pieces

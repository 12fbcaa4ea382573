"""Lines of text from the characters of a PDF page.

    page_lines(chars)[0].text        # "about 10^6 people"

A PDF has no words and lines, only characters with places. They stay in the order of the file, which is nearly always
the order of reading: other orders break columns apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from promptlab.documents._pdf_chars import Char

_SAME_LINE = 0.5  # of the height: the most that a raised or lowered character is away from its line
_WORD_GAP = 0.13  # of the height: a wider gap is a space, where PDFium saw the end of a line
_SURE_GAP = 0.5  # of the height: a wider gap is a space, wherever it is
_COLUMN_GAP = 1.6  # of the height: a wider gap separates cells or columns
_SMALL = 0.85
_RAISED = 0.12


@dataclass(slots=True)
class Line:
    """A line: its characters, and the spaces between them as strings."""

    chars: list[Char] = field(default_factory=list)
    spaced: list[bool] = field(default_factory=list)
    """For each character, whether the file has a space before it."""
    cell: list[bool] = field(default_factory=list)
    """For each character, whether the gap before it separates columns."""

    def part(self, start: int, end: int) -> Line:
        """The characters from `start` to before `end`."""
        first = [False] * (end > start)
        return Line(self.chars[start:end], first + self.spaced[start + 1 : end], first + self.cell[start + 1 : end])

    @property
    def text(self) -> str:
        return _written(self)


def page_lines(chars: Iterable[Char | str]) -> list[Line]:
    """The lines of a page, in the order of the file."""
    lines: list[Line] = []
    space = broken = False
    for char in chars:
        if isinstance(char, str):
            space, broken = space or char == " ", broken or char == "\n"
            continue
        if lines and _is_printed_twice(lines[-1], char):
            continue
        if lines and _continues(lines[-1], char):
            line = lines[-1]
        else:
            line, space = Line(), False
            lines.append(line)
        gap = _gap(line.chars[-1], char) / max(line.chars[-1].height, char.height, 0.1) if line.chars else 0.0
        if line.chars and _leftward(line.chars[-1].text) != _leftward(char.text):
            gap = 0.0  # the places of a number or a Latin word among Arabic say nothing about gaps
        wide = gap > (_WORD_GAP if broken else _SURE_GAP)
        line.spaced.append(space or (wide and not (_is_wide(line.chars[-1].text) and _is_wide(char.text))))
        line.cell.append(gap > _COLUMN_GAP)
        line.chars.append(char)
        space = broken = False
    for line in lines:
        _in_order_of_reading(line.chars)
        _space_between_scripts(line)
    return _upright(lines)


def _in_order_of_reading(chars: list[Char]) -> None:
    """Turn the letters of a ligature around where PDFium did so, together with the line of Arabic that it is in."""
    start = 0
    for end in range(1, len(chars) + 1):
        if end < len(chars) and (chars[end].left, chars[end].right) == (chars[start].left, chars[start].right):
            continue
        if end - start > 1 and all(_leftward(char.text) for char in chars[start:end]):
            chars[start:end] = chars[start:end][::-1]
        start = end


def _continues(line: Line, char: Char) -> bool:
    """True if `char` is on the `line`, to the right of its end, or to the left in a script that is written so."""
    last, tallest = line.chars[-1], max(line.chars[-1].height, char.height)
    if (
        last.turn != char.turn
        or min(abs(char.base - last.base), abs(char.base - _baseline(line))) > _SAME_LINE * tallest
    ):
        return False
    if _leftward(char.text) or _leftward(last.text) or last.left == char.left:  # the parts of a ligature
        return True
    mirrored = abs(last.left - char.right) < 0.35 * tallest
    return mirrored or _gap(last, char) > -0.6 * tallest


def _is_printed_twice(line: Line, char: Char) -> bool:
    """True for a letter that is printed again with a slight shift, to look bold."""
    return any(
        char.text == other.text
        and abs(char.left - other.left) + abs(char.base - other.base) < 0.08 * char.height
        and char.height == other.height
        and char.left != other.left
        for other in line.chars[-3:]
    )


def _baseline(line: Line) -> float:
    """The baseline of the tallest of the last characters."""
    return max(line.chars[-12:], key=lambda char: char.height).base


def _gap(before: Char, after: Char) -> float:
    if after.right < before.right and (_leftward(before.text) or after.right < before.left + 0.1 * after.height):
        return before.left - after.right
    return after.left - before.right


def _leftward(text: str) -> bool:
    return unicodedata.bidirectional(text[:1]) in ("R", "AL")


def _is_wide(text: str) -> bool:
    """True for a letter of a script that is written without spaces."""
    return unicodedata.east_asian_width(text[:1]) in ("W", "F")


def _space_between_scripts(line: Line) -> None:
    """Set the spaces around numbers and Latin words among Arabic: runs from left to right between their neighbours."""
    bounds = [
        0,
        *(i for i in range(1, len(line.chars)) if _leftward(line.chars[i - 1].text) != _leftward(line.chars[i].text)),
    ]
    for start, end in pairwise([*bounds, len(line.chars)]):
        run = line.chars[start:end]
        if _leftward(run[0].text):
            continue
        width = _WORD_GAP * max(char.height for char in run)
        if start and line.chars[start - 1].left - max(char.right for char in run) > width:
            line.spaced[start] = True
        if end < len(line.chars) and min(char.left for char in run) - line.chars[end].right > width:
            line.spaced[end] = True


def _upright(lines: Sequence[Line]) -> list[Line]:
    """The lines, with a column of single characters, as Chinese and Japanese are also written, as one line.

    Neighbouring columns are read from right to left.
    """
    result: list[Line] = []
    for line in lines:
        if result and len(line.chars) == 1 and _below(result[-1].chars[-1], line.chars[0]):
            result[-1].chars.append(line.chars[0])
            result[-1].spaced.append(False)
            result[-1].cell.append(False)
        else:
            result.append(line)
    ordered: list[Line] = []
    for is_column, group in groupby(result, key=_is_column):
        columns = list(group)
        ordered += _by_columns(columns) if is_column else columns
    return ordered


def _by_columns(columns: Sequence[Line]) -> list[Line]:
    """Columns from right to left; those of the upper half of a page first."""
    tiers: list[list[Line]] = []
    for column in columns:
        tier = next((tier for tier in tiers if _beside(tier[0], column)), None)
        if tier is None:
            tiers.append([column])
        else:
            tier.append(column)
    tiers.sort(key=lambda tier: -max(column.chars[0].y for column in tier))
    return [column for tier in tiers for column in sorted(tier, key=lambda column: -column.chars[0].x)]


def _is_column(line: Line) -> bool:
    return len(line.chars) > 1 and _below(line.chars[0], line.chars[1])


def _beside(one: Line, other: Line) -> bool:
    return min(one.chars[0].y, other.chars[0].y) > max(one.chars[-1].y, other.chars[-1].y)


def _below(upper: Char, lower: Char) -> bool:
    step = upper.base - lower.base
    size = max(upper.height, lower.height)
    return (
        _is_wide(upper.text)
        and _is_wide(lower.text)
        and abs(upper.x - lower.x) < 0.6 * size
        and 0.4 * size < step < 1.6 * size
    )


# Raised and lowered characters


def _written(line: Line) -> str:
    """The text of a line, with `^` before raised characters: 10^6."""
    size, base = _usual(line)
    parts: list[str] = []
    raised = False
    for index, char in enumerate(line.chars):
        if line.spaced[index] or line.cell[index]:
            parts.append("   " if line.cell[index] else " ")
        up = char.height <= _SMALL * size and char.base - base > _RAISED * size
        if up and not raised and index and not line.spaced[index]:
            run = _raised_run(line, index, size, base)
            parts.append("^" if _matters(run, line.chars[index - 1].text) else "")
        elif raised and not up and not line.spaced[index] and (char.text.isalnum() or char.text == "("):
            parts.append(" ")  # a footnote mark before its text
        parts.append(char.text)
        raised = up
    return "".join(parts)


def _usual(line: Line) -> tuple[float, float]:
    """The height and the baseline of most of the characters on a line; of the higher ones where there are two."""
    heights = Counter(round(char.height, 1) for char in line.chars)
    most = max(heights.values())
    size = max(height for height, count in heights.items() if count * 3 >= most)
    bases = Counter(round(char.base, 1) for char in line.chars if abs(char.height - size) < 0.1 * size + 0.1)
    return size, bases.most_common(1)[0][0]


def _raised_run(line: Line, start: int, size: float, base: float) -> str:
    run = ""
    for index in range(start, len(line.chars)):
        char = line.chars[index]
        if char.height > _SMALL * size or char.base - base <= _RAISED * size or (line.spaced[index] and run):
            break
        run += char.text
    return run


_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|re|e|ère|ème|o|a|TM|SM|℠|™|®|©|[^\w\s]+)", re.IGNORECASE)


def _matters(run: str, before: str) -> bool:
    """False for raised characters that mean the same on the line, as in 1st and Name™."""
    return not _ORDINAL.fullmatch(run) and (before.isalnum() or before in ")]}.,;:!?\"'”’%")

"""The elements of a page as Markdown, where markdownify's own rules lose something.

writer = MarkdownWriter()
writer.convert_soup(soup)
writer.merged                                       # 12: how many table cells covered more than one place

Tables: each row has a cell for each column, also where cells are merged, and `|` and line breaks in a cell do not break
the table. Lists keep their numbers. `_html_parts` has renamed the cells, so that what is in them keeps its lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import Tag
from markdownify import MarkdownConverter

from promptlab.documents._list_numbers import markers
from promptlab.documents._table import as_table, unmerged

CELLS = {"td": "x-cell", "th": "x-head"}
"""The names of td and th during the conversion: markdownify would write their content as one line."""

LABEL_START, LABEL_END = "\ue000", "\ue001"
"""Around the number that a converter has written at the beginning of a list item."""

_LINE_BREAK = "<br>"
_CELL_NAMES = list(CELLS.values())


class MarkdownWriter(MarkdownConverter):
    """Writes a page as Markdown. `merged` counts the cells that cover more than one place of their table."""

    def __init__(self) -> None:
        super().__init__(
            heading_style="ATX",
            bullets="-",
            escape_asterisks=False,
            escape_underscores=False,
            escape_misc=False,
        )
        self.merged = 0
        self._cells: dict[int, str] = {}
        self._markers: dict[int, str] = {}

    # Tables. Cells are converted before their table, which then writes all its rows.

    def convert_x_cell(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        self._cells[id(el)] = text.strip()
        return ""

    convert_x_head = convert_caption = convert_x_cell

    def convert_tr(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        return str(text.strip())

    def convert_table(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        groups = list(_groups(el))
        captions = [self._cells.get(id(child), "") for child in el.find_all("caption", recursive=False)]
        parts = [part for part in (*captions, text.strip()) if part]  # `text` stands in no cell
        around = el.find_parent("table")
        if _is_layout(groups):
            parts += [words for cell in _cells(groups) if (words := self._cells.get(id(cell), ""))]
        elif around is not None and not _is_layout(list(_groups(around))):
            # a table in a cell: a line for each row
            parts += [" / ".join(map(self._in_row, row)) for rows in groups for row in rows]
        elif table := self._table(groups):
            parts.append(table)
        return "\n\n" + "\n\n".join(parts) + "\n\n" if parts else ""

    def _table(self, groups: list[list[list[Tag]]]) -> str:
        grid: list[list[str]] = []
        for rows in groups:  # a cell never reaches into the next group
            cells = [[(self._in_row(cell), _span(cell, "rowspan"), _span(cell, "colspan")) for cell in r] for r in rows]
            lines, merged = unmerged(cells)
            self.merged += merged
            grid += [line for line in lines if any(line)]
        return as_table(grid)

    def _in_row(self, cell: Tag) -> str:
        lines = (line.strip() for line in self._cells.get(id(cell), "").split("\n"))
        return _LINE_BREAK.join(line for line in lines if line)

    # Lists

    def convert_li(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        text = text.strip()
        marker = self._marker(el)
        first = next((child for child in el.children if isinstance(child, Tag) or str(child).strip()), None)
        if isinstance(first, Tag) and first.name in ("ol", "ul"):  # Word begins some lists at their second level
            return "  " + text.replace("\n", "\n  ") + "\n"
        if text.startswith(LABEL_START):
            marker, _, text = text[1:].partition(LABEL_END)
            text = text.strip()
        indent = " " * (len(marker) + 1)
        return f"{marker} {text}".rstrip().replace("\n", "\n" + indent) + "\n"

    def _marker(self, item: Tag) -> str:
        if item.parent is None or item.parent.name not in ("ol", "ul"):
            return "-"
        if id(item) not in self._markers:
            items = item.parent.find_all("li", recursive=False)
            self._markers |= zip(map(id, items), markers(item.parent), strict=True)
        return self._markers[id(item)]

    # Other elements

    def convert_br(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        return " " if any(re.fullmatch(r"h\d", name) for name in parent_tags) else "\n"

    def convert_p(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        # a paragraph that begins with # would become a heading
        text = re.sub(r"\A(#{1,6}\s)", r"\\\1", text.strip(" \t\r\n"))
        if "_inline" in parent_tags:
            return f" {text} "
        return f"\n\n{text}\n\n" if text else ""

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        text = text.strip("\n")
        if parent_tags & set(CELLS.values()) or not text.strip():
            return "\n".join(f"`{line}`" for line in text.split("\n") if line.strip())
        longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
        fence = "`" * (longest + 1)
        return f"\n\n{fence}\n{text}\n{fence}\n\n"


def _groups(table: Tag) -> Iterator[list[list[Tag]]]:
    """The rows of each part of a table, the foot last, as it is shown; each row is its cells."""
    loose: list[list[Tag]] = []
    feet: list[list[list[Tag]]] = []
    for child in table.find_all(["tr", "thead", "tbody", "tfoot"], recursive=False):
        if child.name == "tr":
            loose.append(list(child.find_all(_CELL_NAMES, recursive=False)))
            continue
        if loose:
            yield loose
            loose = []
        rows = [list(row.find_all(_CELL_NAMES, recursive=False)) for row in child.find_all("tr", recursive=False)]
        if child.name == "tfoot":
            feet.append(rows)
        else:
            yield rows
    if loose:
        yield loose
    yield from feet


def _cells(groups: list[list[list[Tag]]]) -> list[Tag]:
    return [cell for rows in groups for row in rows for cell in row]


def _is_layout(groups: list[list[list[Tag]]]) -> bool:
    """True for a table that only arranges a page: one cell, or tables in most cells and no header."""
    cells = _cells(groups)
    inner = sum(cell.find("table") is not None for cell in cells)
    return len(cells) == 1 or (2 * inner >= len(cells) > 0 and not any(cell.name == CELLS["th"] for cell in cells))


def _span(cell: Tag, name: str) -> int:
    text = str(cell.get(name, "1")).strip()
    return int(text) if re.fullmatch(r"\d{1,5}", text) else 1

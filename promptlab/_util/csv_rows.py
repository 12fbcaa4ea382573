r"""CSV and TSV files as rows, with the delimiter and the columns found by rule.

    list(CsvRows(lines_of('sep=;\nID;question\na;Who, then?\n')))
    # [Row(data={'id': 'a', 'question': 'Who, then?'}, line=3, start=20, end=34)]

**Delimiter.** A first line such as `sep=;`, which Excel writes and reads, names it. A .tsv file has tabs. Otherwise it
is the one of `,` `;` and tab with which the header has a column `id`. If two of them give one, nothing is guessed: that
is an error. **Columns.** White space around a name does not count. A column that promptlab knows, such as `id` or
`label`, may have its name in other letters (`ID`), unless a column with exactly that name is there too.

Cases of suites, pools of examples and the labels of their rows are all read here, so that they agree on what a file
says.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from promptlab._util.rows import BadRow, Row

# Files are bounded before they are read, so the limit of the csv module would only refuse a long document in a cell.
csv.field_size_limit(max(csv.field_size_limit(), 2**30))

_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}
_SEP_LINE = re.compile(r'\ufeff?"?sep=(.)"?[,;\t]*[\r\n]*', re.IGNORECASE)
_HEADER_LINES = 1_000
"""The most lines that are read to find the header, with blank lines before it and line breaks in its cells."""


def is_tsv(path: str) -> bool:
    """True if the name of the file says that tabs separate its cells."""
    return path.lower().endswith(".tsv")


class CsvRows:
    """The rows of a CSV file as dicts of cells by column. `header` and `delimiter` are set after the header was read.

    `known` are the names of columns that mean something; they are found in any letter case, and then have the known
    name in `header` and in the rows. `written` has their names in the file where these differ. `inputs` keep
    their name in any case. `check` gets the header and its line and may raise `BadRow`. With `exact` False, rows may
    have fewer or more cells than there are columns, and quotes in odd places.
    """

    def __init__(
        self,
        lines: Iterable[str],
        path: str = "",
        check: Callable[[Sequence[str], int], None] | None = None,
        *,
        known: Collection[str] = ("id",),
        inputs: Collection[str] = (),
        exact: bool = True,
    ) -> None:
        self.header: tuple[str, ...] = ()
        self.written: Mapping[str, str] = {}
        self.delimiter = "\t" if is_tsv(path) else ""
        self._check, self._exact, self._known, self._inputs = check, exact, known, inputs
        self._lines = iter(lines)
        self._read = 0  # characters that were taken so far
        self._before = 0  # lines before those that the csv reader gets

    def _counted(self, lines: Iterable[str]) -> Iterator[str]:
        for number, line in enumerate(lines):
            self._read += len(line)
            yield line if number or self._before else line.removeprefix("\ufeff")

    def __iter__(self) -> Iterator[Row]:
        reader = csv.reader(self._counted(self._opened()), delimiter=self.delimiter, strict=self._exact)
        while True:
            line, start = self._before + reader.line_num + 1, self._read
            try:
                cells = next(reader, None)
            except csv.Error as exc:
                hint = "put a cell with quotes or line breaks in quotes"
                raise BadRow(f"not CSV: {exc}", line, hint=hint) from exc
            if cells is None:
                return
            if not any(cell.strip() for cell in cells):
                continue
            if self.header:
                yield Row(self._named(cells, line), line, start, self._read)
                continue
            self._take_header([cell.strip() for cell in cells], line)

    def _take_header(self, cells: Sequence[str], line: int) -> None:
        names = _known_names(cells, self._known, self._inputs, line)
        header = tuple(names.get(cell, cell) for cell in cells)
        self.written = {name: cell for cell, name in names.items() if name != cell}
        if self._check is not None:
            self._check(header, line)
        self.header = header

    def _named(self, cells: Sequence[str], line: int) -> dict[str, str]:
        if self._exact and len(cells) != len(self.header):
            separator = _NAMES.get(self.delimiter, self.delimiter)
            hint = f"put a cell with a {separator} in quotes; the delimiter of this file is the {separator}"
            raise BadRow(f"{len(cells)} cells under {len(self.header)} columns", line, hint=hint)
        return dict(zip(self.header, cells, strict=False))

    def _opened(self) -> Iterable[str]:
        """The lines from the header on. Sets the delimiter."""
        first = next(self._lines, "")
        named = _SEP_LINE.fullmatch(first)
        if named:
            self.delimiter = named[1]
            if self.delimiter not in _NAMES and self.delimiter != "|":
                raise BadRow(f"`sep={named[1]}` names no delimiter", 1, hint="use one of , ; | or a tab")
            self._read, self._before = len(first), 1
            return self._lines
        if self.delimiter:
            return chain([first], self._lines)
        head = [first]
        while len(head) < _HEADER_LINES and not _is_whole("".join(head)):
            line = next(self._lines, None)
            if line is None:
                break
            head.append(line)
        self.delimiter = _delimiter_of("".join(head), len(head))
        return chain(head, self._lines)


def _is_whole(head: str) -> bool:
    """True if `head`, the first lines of a file, holds a header: some text, and no quote that is still open."""
    return bool(head.strip("\ufeff \t\r\n,;")) and head.count('"') % 2 == 0


def _delimiter_of(head: str, line: int) -> str:
    """The delimiter with which the header has a column `id`; the comma if none has one."""
    columns = {mark: _cells(head, mark) for mark in _NAMES}
    fitting = [mark for mark, cells in columns.items() if "id" in (cell.lower() for cell in cells)]
    if fitting and all(len(columns[mark]) == 1 for mark in fitting):
        return ","  # `id` is the only column
    if len(fitting) > 1:
        marks = " and with the ".join(_NAMES[mark] for mark in fitting)
        hint = f"name it in a first line of its own, such as `sep={fitting[0]}`"
        raise BadRow(f"the header has a column `id` with the {marks} as delimiter", line, hint=hint)
    parting = fitting or [mark for mark, cells in columns.items() if len(cells) > 1]
    return parting[0] if len(parting) == 1 else ","


def _cells(head: str, delimiter: str) -> list[str]:
    rows = csv.reader(io.StringIO(head.removeprefix("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    try:
        stripped = ([cell.strip() for cell in row] for row in rows)
        return next((row for row in stripped if any(row)), [])
    except csv.Error:
        return []


def _known_names(cells: Sequence[str], known: Collection[str], inputs: Collection[str], line: int) -> dict[str, str]:
    """The columns of `cells` that are known: the name in the file, and the known name."""
    names: dict[str, str] = {}
    for name in known:
        alike = [cell for cell in cells if cell.lower() == name and (cell == name or cell not in inputs)]
        if len(alike) > 1 and name not in alike:
            both = " and ".join(f"`{cell}`" for cell in alike)
            raise BadRow(f"{both} are the same column `{name}`", line, field=name, hint="remove one, or rename it")
        names.update({cell: name for cell in alike if cell == name or name not in alike})
    return names

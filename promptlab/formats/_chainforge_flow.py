"""The nodes and edges of a ChainForge flow, and the values that nodes feed into each other."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._chainforge_text import unescaped

MAX_ROWS = 2000
DATA_NODES = ("textfields", "csv", "table")


@dataclass(frozen=True)
class FedValue:
    """A value of a variable. `raw` still has its escaped braces; `row` names the row of a table it is from."""

    raw: str
    row: str = ""
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return unescaped(self.raw)


@dataclass(frozen=True)
class Node:
    """A node: its place in the file, id, type and data."""

    number: int
    id: str
    type: str
    data: Mapping[str, Any]

    @property
    def title(self) -> str:
        title = self.data.get("title")
        return title if isinstance(title, str) and title else self.id


@dataclass
class Flow:
    """The nodes by id, and for each node the sources of its variables."""

    nodes: dict[str, Node]
    feeds: dict[str, dict[str, list[tuple[Node, str]]]]

    def values(self, node: Node, handle: str) -> list[FedValue]:
        """The values that a node gives at one of its outputs."""
        data = node.data
        fields = data.get("fields")
        if node.type == "textfields" and isinstance(fields, Mapping):
            shown = data.get("fields_visibility")
            hidden = [k for k, v in shown.items() if v is False] if isinstance(shown, Mapping) else []
            return [FedValue(str(v)) for k, v in fields.items() if k not in hidden and isinstance(v, str)]
        if node.type == "csv" and isinstance(fields, list):
            return [FedValue(v) for v in fields if isinstance(v, str)]
        if node.type == "table":
            return list(self._column(node, handle))
        return []

    def _column(self, node: Node, handle: str) -> Iterator[FedValue]:
        columns = [c for c in node.data.get("columns") or [] if isinstance(c, Mapping)]
        key = next((c.get("key") for c in columns if c.get("header") == handle), None)
        rows = node.data.get("sel_rows") or node.data.get("rows") or []
        for number, row in enumerate(rows if key is not None else []):
            cells = {k: v for k, v in row.items() if k != "__uid"} if isinstance(row, Mapping) else {}
            if any(not isinstance(cell, str | None) for cell in cells.values()):
                raise FormatError(f"the table `{node.title}` has cells that are no text")
            if not any((cell or "").strip() for cell in cells.values()):
                continue  # ChainForge leaves out empty rows
            others = {str(c.get("header")): cells.get(c.get("key")) or "" for c in columns if c.get("key") != key}
            raw = re.sub(r"[{}]", r"\\\g<0>", cells.get(key) or "")  # the text of a table is never a template
            yield FedValue(raw, f"{node.id} {row.get('__uid', number)}", others)


def flow_of(data: Mapping[str, Any]) -> Flow:
    """The flow in the data of a `.cforge` file."""
    nodes = {
        str(node.get("id")): Node(number, str(node.get("id")), str(node.get("type")), node.get("data") or {})
        for number, node in enumerate(data["nodes"])
        if isinstance(node, Mapping) and isinstance(node.get("data") or {}, Mapping)
    }
    feeds: dict[str, dict[str, list[tuple[Node, str]]]] = {}
    for edge in data.get("edges") or []:
        source = nodes.get(str(edge.get("source"))) if isinstance(edge, Mapping) else None
        if source is not None and isinstance(edge.get("targetHandle"), str):
            target = feeds.setdefault(str(edge.get("target")), {})
            target.setdefault(edge["targetHandle"], []).append((source, str(edge.get("sourceHandle"))))
    return Flow(nodes, feeds)


def rows_of(values: Mapping[str, list[FedValue]]) -> tuple[list[dict[str, FedValue]], bool]:
    """All combinations of the values, where values of one row of a table stay together; and if some are left out."""
    rows: list[dict[str, FedValue]] = [{}]
    for name, listed in values.items():
        grown: list[dict[str, FedValue]] = []
        for row in rows:
            tables = {v.row.partition(" ")[0]: v.row for v in row.values() if v.row}
            fitting = [v for v in listed if tables.get(v.row.partition(" ")[0], v.row) == v.row]
            grown += [{**row, name: value} for value in fitting]
        rows = list(itertools.islice(grown, MAX_ROWS + 1))
    return rows[:MAX_ROWS], len(rows) > MAX_ROWS

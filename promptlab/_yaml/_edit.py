"""Changing what a YAML text says and nothing else of it: comments, order, quotes and blank lines stay.

    change("a: 1  # one\nb: 2\n", {"a": 1, "b": 2}, {"a": 1, "b": 3})     # "a: 1  # one\nb: 3\n"

The text is composed into nodes, which know where they stand; old and new data are walked together, and where
they part, those characters are replaced. The result is read back: what does not say exactly `new` then, as what
cannot be changed in place at all, raises `CannotSplice`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from yaml.nodes import MappingNode

from promptlab._yaml import _bounds as yaml_bounds
from promptlab._yaml import _nodes as yaml_nodes
from promptlab._yaml import _values as yaml_values
from promptlab._yaml import _write as yaml_write
from promptlab._yaml._positions import CannotSplice
from promptlab._yaml._splice import Edit, Splice
from promptlab._yaml._values import written_alike


def edit_yaml(
    text: str, old: Any, new: Any, *, texts: Collection[str] = (), coarse: bool = False, in_place: bool = False
) -> str:
    """`text`, which says the mapping `old`, so that it says `new`.

    New keys go behind the key that comes before them in `new`. `texts` are keys of the outermost mapping whose
    values are written as literal blocks. `coarse` rewrites the whole value of each outermost key that differs;
    `in_place` rewrites none for the sake of a part that cannot be changed alone.
    """
    root = yaml_nodes.compose(text)
    if root is None and not old:
        return _begun(text, new, texts)
    if not isinstance(root, MappingNode):
        raise CannotSplice("not a mapping")
    splice = Splice(text, root, texts, coarse=coarse, in_place=in_place)
    splice.mapping(root, old, new)
    after = _applied(text, _sorted(splice.edits))
    try:
        says = yaml_values.value_of(yaml_nodes.compose(after))
    except (yaml_nodes.NotYaml, yaml_bounds.Excess) as exc:
        raise CannotSplice("the result would be no YAML") from exc
    if not written_alike(says, new):
        raise CannotSplice("the result would say something else")
    return after


def _begun(text: str, new: Mapping[str, Any], texts: Collection[str]) -> str:
    """`text`, which has nothing but comments, with `new` behind them."""
    newline = "\r\n" if "\r\n" in text else "\n"
    rows = [row for key, value in new.items() for row in yaml_write.entry_rows(key, value, 0, text=key in texts)]
    start = text if text.endswith("\n") or not text.strip("\ufeff") else text + newline
    return start + "".join(row + newline for row in rows)


def _applied(text: str, edits: Sequence[Edit]) -> str:
    """`text` with the edits made, which are in the order of their places."""
    parts, at = [], 0
    for number, edit in enumerate(edits):
        written = edit.text
        if edit.end == len(text) and number + 1 < len(edits):  # more lines follow, which begin with a newline
            written = written.removesuffix("\n").removesuffix("\r")
        parts += [text[at : edit.start], written]
        at = edit.end
    return "".join([*parts, text[at:]])


def _sorted(edits: Sequence[Edit]) -> list[Edit]:
    """The edits by place; those that take away one and the same thing become one."""
    found: list[Edit] = []
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if found and edit.start < found[-1].end:
            if edit.text or found[-1].text:
                raise CannotSplice("two changes in one place")
            edit = Edit(found.pop().start, edit.end, "")
        found.append(edit)
    return found

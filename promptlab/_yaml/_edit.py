"""Changes values of a YAML text and nothing else: comments, order, quotes and blank lines stay.

    edit_yaml("a: 1  # one\nb: 2\n", {"a": 1, "b": 2}, {"a": 1, "b": 3})     # "a: 1  # one\nb: 3\n"

The text is composed into nodes, which know their place. Old and new data are compared, and the characters of values
that differ are replaced. The result is parsed again: `CannotSplice` is raised if it does not hold exactly `new`, or if
the text cannot be changed in place.
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
    """`text`, which holds the mapping `old`, changed so that it holds `new`.

    New keys are inserted after the key that is before them in `new`. `texts` are keys of the outermost mapping whose
    values are written as literal blocks. `coarse` rewrites the whole value of each outermost key that differs;
    `in_place` never rewrites a whole value because a part of it cannot be changed.
    """
    root = yaml_nodes.compose(text)
    if root is None and not old:
        return _appended(text, new, texts)
    if not isinstance(root, MappingNode):
        raise CannotSplice("not a mapping")
    splice = Splice(text, root, texts, coarse=coarse, in_place=in_place)
    splice.mapping(root, old, new)
    after = _applied(text, _sorted(splice.edits))
    try:
        value = yaml_values.value_of(yaml_nodes.compose(after))
    except (yaml_nodes.NotYaml, yaml_bounds.Excess) as exc:
        raise CannotSplice("the result would not be valid YAML") from exc
    if not written_alike(value, new):
        raise CannotSplice("the result would have other values")
    return after


def _appended(text: str, new: Mapping[str, Any], texts: Collection[str]) -> str:
    """`text`, which has only comments, followed by `new`."""
    newline = "\r\n" if "\r\n" in text else "\n"
    rows = [row for key, value in new.items() for row in yaml_write.entry_rows(key, value, 0, text=key in texts)]
    start = text if text.endswith("\n") or not text.strip("\ufeff") else text + newline
    return start + "".join(row + newline for row in rows)


def _applied(text: str, edits: Sequence[Edit]) -> str:
    """`text` with `edits` applied; they must be sorted by place."""
    parts, at = [], 0
    for number, edit in enumerate(edits):
        written = edit.text
        if edit.end == len(text) and number + 1 < len(edits):  # the next edit begins with a newline
            written = written.removesuffix("\n").removesuffix("\r")
        parts += [text[at : edit.start], written]
        at = edit.end
    return "".join([*parts, text[at:]])


def _sorted(edits: Sequence[Edit]) -> list[Edit]:
    """The edits sorted by place; overlapping removals are joined."""
    result: list[Edit] = []
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if result and edit.start < result[-1].end:
            if edit.text or result[-1].text:
                raise CannotSplice("two changes in one place")
            edit = Edit(result.pop().start, edit.end, "")
        result.append(edit)
    return result

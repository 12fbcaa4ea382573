"""The JSON Schema of a template inside a promptfoo configuration, and back.

promptfoo puts what a `$ref` names in its place when it loads a file, and looks for it from the top of the whole file.
So references of a schema begin with the place of the schema: `#/prompts/0/config/…/schema/$defs/a`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

PLACE = "#/prompts/{}/config/response_format/json_schema/schema"
_PLACED = re.compile(r"#/prompts/\d+/config/response_format/json_schema/schema(?=/)")
_READ = re.compile(r"\{[{%#]|file://|package:")


class CannotPlace(Exception):
    """The schema cannot stand in a configuration; the text says why."""


def placed(schema: dict[str, Any], number: int) -> dict[str, Any]:
    """`schema` for prompt `number`. Raises `CannotPlace`."""
    if _READ.search(json.dumps(schema, ensure_ascii=False)):
        raise CannotPlace("it has text that promptfoo would fill in or read")
    _check(schema, schema, (), set())
    result: dict[str, Any] = _renamed(schema, lambda ref: PLACE.format(number) + ref.removeprefix("#"))
    return result


def unplaced(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as it was before `placed`."""
    result: dict[str, Any] = _renamed(schema, lambda ref: _PLACED.sub("#", ref))
    return result


def _renamed(node: Any, rename: Any) -> Any:
    if isinstance(node, Mapping):
        return {
            key: rename(value) if key == "$ref" and isinstance(value, str) else _renamed(value, rename)
            for key, value in node.items()
        }
    return [_renamed(value, rename) for value in node] if isinstance(node, list) else node


def _check(node: Any, whole: Any, open_: tuple[str, ...], checked: set[str]) -> None:
    """Raise `CannotPlace` for references that promptfoo cannot put in: of other files, and circles."""
    for value in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
        _check(value, whole, open_, checked)
    ref = node.get("$ref") if isinstance(node, Mapping) else None
    if not isinstance(ref, str) or ref in checked:
        return
    if ref in open_ or ref == "#":
        raise CannotPlace("it refers to itself, and promptfoo puts what is referred to in its place")
    if not ref.startswith("#/"):
        raise CannotPlace(f"promptfoo would look for `{ref}`")
    target = whole
    for part in ref.removeprefix("#/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(target, Mapping) or name not in target:
            raise CannotPlace(f"there is no `{ref}` in it")
        target = target[name]
    _check(target, whole, (*open_, ref), checked)
    checked.add(ref)

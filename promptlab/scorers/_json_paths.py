"""Names of fields in a JSON value.

    paths_of({"a": {"b": 1}, "c.d": 2})                    # [("a", "b"), ("c.d",)]
    path_of("a.b", {"a": {"b": 1}})                        # ("a", "b")
    path_of("/goals/0/minute", {"goals": [{"minute": 23}]})  # ("goals", 0, "minute"): a JSON pointer (RFC 6901)

A name is keys with dots between them, or a JSON pointer, which begins with a slash. `goals.0.minute` and
`goals[0].minute` name a field of a list's first item. A key may have dots itself, if that is clear from the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from promptlab.errors import InputError, nearest

Path = tuple[str | int, ...]

_MISSING = object()


def paths_of(value: Mapping[str, Any], before: Path = ()) -> Iterator[Path]:
    """The paths of all values in an object that are not objects with fields themselves."""
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from paths_of(inner, (*before, name))
        else:
            yield (*before, name)


def path_of(name: str, value: Any) -> Path:
    """The path that `name` means in `value`. Raises `InputError` if no field has this name, or if two have it."""
    if not isinstance(name, str) or not name:
        raise InputError(f"`fields` is a list of names, and {name!r} is none")
    if name.startswith("/") and not (isinstance(value, Mapping) and name in value):
        parts = tuple(part.replace("~1", "/").replace("~0", "~") for part in name[1:].split("/"))
        paths = {_in(value, parts)} - {None}
    else:
        paths = set(_readings(name, value))
    if not paths:
        known = [written(path) for path in paths_of(value)] if isinstance(value, Mapping) else []
        raise InputError(f"nothing is expected for the field `{name}`", hint=nearest(name, known))
    if len(paths) > 1:
        raise InputError(
            f"the field `{name}` can be two: {' and '.join(sorted(map(_pointer, paths)))}",  # type: ignore[arg-type]  # all are paths
            hint="name it as one of these",
        )
    (path,) = paths
    return path  # type: ignore[return-value]  # None was taken out


def _readings(name: str, value: Any) -> Iterator[Path]:
    """The paths in `value` that `name` can mean: each dot may separate two keys or be a part of one."""
    if isinstance(value, Mapping):
        for key in value:
            if name == key:
                yield (key,)
            elif name.startswith((f"{key}.", f"{key}[")):
                for rest in _readings(name[len(key) :].removeprefix("."), value[key]):
                    yield (key, *rest)
    elif isinstance(value, list):
        match = re.match(r"(?:\[(\d+)\]|(\d+))(?:\.|(?=\[)|\Z)", name)
        number = int(match[1] or match[2]) if match else len(value)
        if match and number < len(value):
            rest_name = name[match.end() :]
            if not rest_name:
                yield (number,)
            for rest in _readings(rest_name, value[number]) if rest_name else ():
                yield (number, *rest)


def _in(value: Any, parts: tuple[str, ...]) -> Path | None:
    """The path of a JSON pointer in `value`; None if it has no such place."""
    path: Path = ()
    for part in parts:
        key = int(part) if isinstance(value, list) and part.isdecimal() else part
        value = at(value, (key,))
        if value is _MISSING:
            return None
        path = (*path, key)
    return path


def at(value: Any, path: Path) -> Any:
    """What is at `path` in `value`; `is_missing` says if nothing is there."""
    for key in path:
        if isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
            continue
        if not isinstance(value, Mapping) or key not in value:
            return _MISSING
        value = value[key]
    return value


def is_missing(value: Any) -> bool:
    """True for what `at` gives where nothing is."""
    return value is _MISSING


def written(path: Path) -> str:
    """A path as a name: with dots, or as a JSON pointer if a key has dots itself."""
    if any(isinstance(key, str) and (not key or re.search(r"[.\[\]/]", key)) for key in path) and len(path) > 1:
        return _pointer(path)
    return ".".join(map(str, path))


def _pointer(path: Path) -> str:
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)


__all__ = ["Path", "at", "is_missing", "path_of", "paths_of", "written"]

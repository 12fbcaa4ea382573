"""Reads YAML files; every error names the file, the line and the field.

Used for promptlab.yaml, templates and suites, which pydantic models validate. `validation_problem` turns the first
error of pydantic into one sentence with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, SequenceNode

from promptlab._yaml import _bounds as yaml_bounds
from promptlab._yaml import _nodes as yaml_nodes
from promptlab._yaml import _values as yaml_values
from promptlab._yaml._values import Tagged
from promptlab.errors import InputError, nearest

MAX_BYTES = 4_000_000
MAX_VALUES = yaml_bounds.MAX_VALUES
_LESS = "put many rows into a JSONL file of cases or examples"


@dataclass(frozen=True)
class YamlFile:
    """A parsed file: its text, its nodes, and its plain `data`. `shown` is its name in messages."""

    shown: str
    text: str
    data: Any
    root: Node | None = field(repr=False)
    _pairs: dict[int, dict[Any, tuple[Node, Node]]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def line(self, path: Iterable[Any]) -> int | None:
        """The line (from 1) of the deepest part of `path` that is in the file."""
        node, line = self.root, 1
        for part in path:
            if isinstance(node, MappingNode):
                pair = self._pair(node, part)
                if pair is None:
                    break
                name, node = pair[0], yaml_nodes.target(pair[1])
                line = name.start_mark.line + 1
            elif isinstance(node, SequenceNode) and isinstance(part, int) and 0 <= part < len(node.value):
                node = yaml_nodes.target(node.value[part])
                line = node.start_mark.line + 1
            else:
                break
        return line

    def value_line(self, key: Any) -> int | None:
        """The line (from 1) where the value of the outermost `key` begins."""
        pair = self._pair(self.root, key) if isinstance(self.root, MappingNode) else None
        return self.line((key,)) if pair is None else yaml_nodes.target(pair[1]).start_mark.line + 1

    def _pair(self, node: MappingNode, key: Any) -> tuple[Node, Node] | None:
        """The nodes of `key` and its value; None if `node` has the key from a merge or not at all."""
        if id(node) not in self._pairs:
            pairs = ((yaml_values.key_of(name), (name, value)) for name, value in node.value)
            self._pairs[id(node)] = dict(pairs)
        try:
            return self._pairs[id(node)].get(key)
        except TypeError:  # not hashable, so not a key
            return None


@dataclass(frozen=True)
class Problem:
    """A problem of a file."""

    message: str
    line: int | None
    field: str
    hint: str


def read_text(path: Path, *, shown: str, error: type[InputError]) -> str:
    """The text of the file with its newlines unchanged. Raises `error` if it is missing, too large or not UTF-8."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise error(f"larger than {MAX_BYTES // 1_000_000} MB", file=shown, hint="is this the file you meant?")
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError as exc:
        raise error("there is no such file", file=shown) from exc
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise error("not UTF-8 text", file=shown, line=line, hint="save the file as UTF-8") from exc
    except OSError as exc:
        raise error(f"cannot be read: {exc.strerror}", file=shown) from exc


def read_yaml(path: Path, *, shown: str, error: type[InputError]) -> YamlFile:
    """Read and parse a YAML file; every problem is raised as `error`."""
    return parse_yaml(read_text(path, shown=shown, error=error), shown=shown, error=error)


def parse_yaml(text: str, *, shown: str, error: type[InputError]) -> YamlFile:
    """Parse YAML text; `shown` is its name in messages.

    No tag builds an object, and a text that would take long is refused (`_bounds`).
    """
    try:
        root = yaml_nodes.compose(text)
        return YamlFile(shown, text, yaml_values.value_of(root), root)
    except yaml_bounds.Excess as exc:
        hint = _LESS if "more than" in exc.message else ""
        raise error(exc.message, file=shown, line=exc.line, hint=hint) from exc
    except yaml_nodes.NotYaml as exc:
        raise error(f"not valid YAML: {exc.message}", file=shown, line=exc.line) from exc


def validation_problem(
    exc: ValidationError,
    file: YamlFile,
    known_keys: Callable[[tuple[Any, ...]], Iterable[str]],
    *,
    skip: tuple[str, ...] = (),
) -> Problem:
    """The first error of pydantic as a sentence with its place.

    `known_keys` returns the keys that are allowed next to an unknown one. `skip` are words that pydantic adds to a
    location but that are not in the file (the tags of a union).
    """
    errors = exc.errors(include_url=False)
    first = errors[0]
    if first["type"] == "missing":  # an unknown key next to it may be the missing one, misspelt
        unknown = (e for e in errors if e["type"] == "extra_forbidden" and e["loc"][:-1] == first["loc"][:-1])
        first = next(unknown, first)
    loc = tuple(first["loc"])
    path = _in_file(loc, file.data, skip)
    field = ".".join(str(part) for part in path)
    line = file.line(path)
    kind, context = first["type"], first.get("ctx", {})
    if kind == "extra_forbidden":
        return Problem(f"unknown key `{path[-1]}`", line, field, nearest(str(path[-1]), known_keys(loc)))
    if kind == "missing":
        return Problem(f"`{path[-1]}` is missing", line, field, "")
    if kind == "value_error":
        return Problem(str(context["error"]), line, field, "")
    if kind == "union_tag_not_found":
        return Problem(f"{context['discriminator'].replace(chr(39), '`')} is missing", line, field, _one_of(skip))
    if kind == "union_tag_invalid":
        key = context["discriminator"].strip("'")
        line, field = file.line((*path, key)), f"{field}.{key}"
        return Problem(f"there is no {key} `{context['tag']}`", line, field, nearest(context["tag"], skip))
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return Problem(f"should be a mapping of names to values, not {_shown(first['input'])}", line, field, "")
    message = first["msg"].removeprefix("Input should be ")
    given = first.get("input")
    shown = f", not {given!r}"[:80] if isinstance(given, str | int | float | bool) or given is None else ""
    return Problem(f"should be {message}{shown}", line, field, "")


def _in_file(loc: tuple[Any, ...], data: Any, skip: tuple[str, ...]) -> tuple[Any, ...]:
    """`loc` without the parts that pydantic added: words of `skip` that are not keys there, and `[key]`."""
    node, path = data, []
    for part in loc:
        there = isinstance(node, dict) and part in node
        if part == "[key]" or (part in skip and not there):
            continue
        path.append(part)
        if there or (isinstance(node, list) and isinstance(part, int) and part < len(node)):
            node = node[part]
    return tuple(path)


def _one_of(words: tuple[str, ...]) -> str:
    return f"it is one of {', '.join(f'`{word}`' for word in words)}"


def _shown(value: Any) -> str:
    """The value for a message: in a word, or the value itself if it is a scalar."""
    if value is None:
        return "empty"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    return repr(value)[:80]


class PlainData:
    """Converts the data of a YAML file to plain dicts, lists and scalars, within limits.

    Problems are raised as `error`; `whole` is the kind of file for messages, such as "a template".
    """

    def __init__(self, file: YamlFile, error: type[InputError], whole: str) -> None:
        self.file, self.left, self.error, self.whole = file, MAX_VALUES, error, whole

    def convert(self, value: Any, path: tuple[Any, ...]) -> Any:
        """The plain data of `value`, which is at `path` in the file."""
        self.left -= 1
        if self.left < 0:
            raise self._error(f"more than {MAX_VALUES:,} values: do aliases repeat each other?", path)
        if len(path) > 50:
            raise self._error("nested too deeply", path[:1])
        if isinstance(value, Tagged):
            raise self._error(f"the tag `{value.tag}` is not allowed in {self.whole}", path)
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    raise self._error(f"the key {key!r} should be text; put it in quotes", path)
            return {str(key): self.convert(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.convert(inner, (*path, position)) for position, inner in enumerate(value)]
        return value

    def _error(self, message: str, path: tuple[Any, ...]) -> InputError:
        field = ".".join(str(part) for part in path)
        return self.error(message, file=self.file.shown, line=self.file.line(path), field=field)

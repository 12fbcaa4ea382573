"""What promptfoo 0.121 makes of a prompt and the variables of a test, without promptfoo.

    prompt = PromptText("Dear {{name}}")
    prompt.rendered({"name": "Ada"}, {})      # Rendered(variables={"name": "Ada"}, messages=[("user", "Dear Ada")])

promptfoo takes the last newline of a value away, puts variables into variables, and renders a prompt that is JSON text
by text. Raises `NotModelled` where this is not known exactly. The benchmark compares it with promptfoo itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab._yaml import parse_yaml
from promptlab.errors import FormatError
from promptlab.formats import _js_values as js
from promptlab.formats._js_values import UNDEFINED, NotModelled
from promptlab.formats._nunjucks_expressions import Expr
from promptlab.formats._nunjucks_parse import Node, Text, parse_nunjucks
from promptlab.formats._nunjucks_run import Run
from promptlab.formats._source import plain_data
from promptlab.formats._template_builder import ROLES

Messages = list[tuple[str, str]]
RESOLUTIONS = 5

_PARTIAL = re.compile(r"(\{%[^%]*|\{\{[^}]*|\{#[^#]*)(?=[\n\r\u2028\u2029]|\Z)")
_RAW = (re.compile(r"\{%\s*raw\s*%\}"), re.compile(r"\{%\s*endraw\s*%\}"))
_SIMPLE = re.compile(r"\{\{\s*(\w+)\s*\}\}", re.ASCII)
_USED = re.compile(r"\{\{\s*([^{}\s|]+)\s*(?:\|[^}]+)?\}\}|\{%\s*(?:if|for)\s+([^{}\s]+)\s*.*?%\}", re.ASCII)
_LOOP = re.compile(r"\{%\s*for\s+(\w+)\s+in\s+(\w+)\s*%\}", re.ASCII)


class NoMessages(NotModelled):
    """A message of promptfoo that promptlab cannot hold; the text says which."""


@dataclass(frozen=True)
class Rendered:
    """The variables as promptfoo puts them in, and its messages. `problem` says why there are no messages."""

    variables: dict[str, Any]
    messages: Messages | None
    problem: str = ""


@dataclass
class PromptText:
    """A prompt of promptfoo. `nodes` are those of its text, or of each text in it if it is JSON (`data`)."""

    raw: str
    data: Any = None
    is_json: bool = False
    nodes: list[Node] = field(default_factory=list)
    inner: dict[str, list[Node]] = field(default_factory=dict)
    wrapped: bool = False

    def __post_init__(self) -> None:
        try:
            self.data = json.loads(self.raw)
            self.is_json = True
        except (ValueError, RecursionError):
            self.wrapped = is_partial(self.raw)
            self.nodes = nodes_of(self.raw)
            return
        for text in _texts(self.data):
            self.inner.setdefault(text, parse_nunjucks(text))

    def rendered(
        self, variables: Mapping[str, Any], env: Mapping[str, Any], seen: dict[Expr, list[Any]] | None = None
    ) -> Rendered:
        """What promptfoo makes of it with the variables of a test. `seen` gets the values of each expression."""
        values = resolved(variables)
        context = {"env": dict(env)}
        if self.is_json:
            data = _with_texts(self.data, lambda text: Run(context | values, seen).text(self.inner[text]))
            return _result(values, js.json_text(data, 2))
        final = {name: _in_value(value, context | values) for name, value in values.items()}
        return _result(final, Run(context | final, seen).text(self.nodes))


def _result(values: dict[str, Any], text: Any) -> Rendered:
    try:
        return Rendered(values, messages_of(str(text)))
    except NoMessages as exc:
        return Rendered(values, None, str(exc))


def is_partial(text: str) -> bool:
    """True if promptfoo takes the whole text as raw, because a tag does not end on its line."""
    return bool(_PARTIAL.search(text)) and not all(tag.search(text) for tag in _RAW)


def nodes_of(text: str) -> list[Node]:
    """The nodes of a text as promptfoo renders it."""
    if is_partial(text):
        return [Text(text, text, 1)]
    return parse_nunjucks(text)


def resolved(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables, with `{{name}}` of other variables put in, as promptfoo does before it renders."""
    values = {k: v.removesuffix("\n") if isinstance(v, str) else v for k, v in variables.items()}
    for _ in range(RESOLUTIONS):
        changed = False
        for name, value in values.items():
            match = _SIMPLE.search(value) if isinstance(value, str) else None
            if match is None or values.get(match[1], UNDEFINED) is UNDEFINED:
                continue
            other = values[match[1]]
            if isinstance(other, str) and "$" in other:
                raise NotModelled(f"the variable `{name}` holds another one with a dollar sign")
            values[name] = value.replace(match[0], js.js_text(other), 1)
            changed = True
        if not changed:
            break
    return values


def _in_value(value: Any, context: Mapping[str, Any]) -> Any:
    """A variable after promptfoo rendered it; one that names an unset variable stays as it is."""
    if not isinstance(value, str) or "{" not in value:
        return value
    for name in _variables_in(value):
        root = re.match(r"[A-Za-z_]\w*", name, re.ASCII)
        if root and root[0] != "env" and context.get(root[0], UNDEFINED) is UNDEFINED:
            return value
    return Run(context).text(nodes_of(value))


def _variables_in(text: str) -> set[str]:
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    names = {match[1] or match[2] for match in _USED.finditer(text)}
    for match in _LOOP.finditer(text):
        names.discard(match[1])
        names.add(match[2])
    return names


def _texts(data: Any) -> list[str]:
    if isinstance(data, str):
        return [data]
    inner = data.values() if isinstance(data, Mapping) else data if isinstance(data, list) else ()
    return [text for part in inner for text in _texts(part)]


def _with_texts(data: Any, change: Callable[[str], str]) -> Any:
    if isinstance(data, str):
        return change(data)
    if isinstance(data, Mapping):
        return {key: _with_texts(value, change) for key, value in data.items()}
    return [_with_texts(value, change) for value in data] if isinstance(data, list) else data


def messages_of(text: str) -> Messages:
    """The messages that a chat model of promptfoo gets for a prompt. Raises `NoMessages` if we cannot hold them."""
    stripped = text.strip()
    if stripped.startswith("- role:"):
        try:
            data = plain_data(parse_yaml(text, shown="prompt", error=FormatError).data, "prompt")
        except FormatError as exc:
            raise NoMessages("its YAML is wrong once the values are in it") from exc
    else:
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return [("user", text)]
    if not is_chat(data):
        return [("user", text)]
    return [_message(message) for message in data]


def is_chat(data: Any) -> bool:
    """True for a list of messages with roles."""
    return isinstance(data, list) and bool(data) and all(isinstance(m, Mapping) and "role" in m for m in data)


def _message(message: Mapping[str, Any]) -> tuple[str, str]:
    role = ROLES.get(str(message["role"]))
    if role is None:
        raise NoMessages(f"a message with the role `{message['role']}`")
    extra = sorted(set(message) - {"role", "content", "parts"})
    if extra:
        raise NoMessages(f"a message with `{extra[0]}`")
    return role, content_text(message)


def content_text(message: Mapping[str, Any]) -> str:
    """The text of a message: its content, or its one part that is text."""
    content = message.get("content", message.get("parts"))
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence) and len(content) == 1 and part_text(content[0]) is not None:
        return str(part_text(content[0]))
    if isinstance(content, Sequence) and all(part_text(part) is not None for part in content) and content:
        raise NoMessages("a message of several parts, which models join in different ways")
    raise NoMessages(
        "a message with parts that are no text" if isinstance(content, Sequence) else "a message without text"
    )


def part_text(part: Any) -> str | None:
    """The text of a part of a message; None if it is no text."""
    if not isinstance(part, Mapping):
        return None
    key = "value" if part.get("modality") == "text" else "text"
    known = {"type", "text"} if key == "text" else {"modality", "value"}
    if set(part) - known or part.get("type", "text") not in ("text", "input_text", "output_text"):
        return None
    return part[key] if isinstance(part.get(key), str) else None
